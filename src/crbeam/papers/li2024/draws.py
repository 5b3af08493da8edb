"""Random channels in which digital and hybrid designs of li2024 are compared, as studies.

Reference: li2024 section V-E, section V-F.

Deviation: sensing SNR -10 dB in place of the link budget, at which the target could not be located; weights that make
the objective the squared position error.
"""

import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from crbeam.papers.runs import PaperRun
from crbeam.scenario.reading import scenario_source
from crbeam.studies import Study
from crbeam.studies.observing import duration_words

if TYPE_CHECKING:
    import xarray

SEED = 20241011
#: Channel realisations of a quick run, of a full one.
COUNTS = (8, 100)
#: Antennas of both arrays.
SIZES = ((64, 16), (32, 8))
#: Aperture of the main array, in wavelengths.
APERTURE_WAVELENGTHS = 0.7412535448847822 * 63
DIRECTIONS = ("downlink", "uplink")
DIGITAL = "digital"
#: In the uplink local optima are many, and starts are cheap.
HYBRID = {"downlink": "hybrid:starts=1", "uplink": "hybrid"}
#: Waves that designs take users' channels to be made of.
NEAR, FAR = "true", "far"
SINR_DB = (0.0, 10.0, 15.0, 20.0)
#: The same for hybrid far-field designs; and for digital ones, among which are those for raised ratios.
FAR_DB = (0.0, 10.0, 20.0)
RAISED_DB = (0.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0)
#: Antennas of a chain in the sweep over ratios; and beside it at one ratio, from most chains to fewest.
PER_CHAIN, PER_CHAIN_DB = 4, 10.0
OTHER_PER_CHAIN = (2, 8)
#: Processor seconds of one design on a core of 2024, by method and direction, for the first guess of the time.
TYPICAL_S = {
    (DIGITAL, "downlink"): 0.15,
    (DIGITAL, "uplink"): 0.1,
    ("hybrid", "downlink"): 3.0,
    ("hybrid", "uplink"): 2.0,
}

Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Designs of one kind in random channels; what does not exist is not a number.

    The second axis is that of the varied field: the least SINR or the number of antennas of a chain.

    Attributes:
        values: of the varied field.
        objective: squared position error bound, m^2.
        lower_bound: proven lower bound on it.
        angle_rad: root bound of the angle.
        range_m: root bound of the range.
        worst_sinr_db: least ratio of a user on the true channels.
    """

    values: tuple[float, ...]
    objective: Float[np.ndarray, "draw value"]
    lower_bound: Float[np.ndarray, "draw value"]
    angle_rad: Float[np.ndarray, "draw value"]
    range_m: Float[np.ndarray, "draw value"]
    worst_sinr_db: Float[np.ndarray, "draw value"]

    def at(self, value: float) -> "Outcomes":
        """The part at one value of the varied field."""
        place = self.values.index(value)
        parts = {each.name: getattr(self, each.name)[:, [place]] for each in fields(self) if each.name != "values"}
        return Outcomes((value,), **parts)


@dataclass(frozen=True, eq=False)
class Sweep:
    """All designs of one direction and size, in the same channels.

    Attributes:
        digital: for the true channels, over the least SINR.
        hybrid: the same with sub-arrays of four antennas.
        far_digital: made for plane waves, over a wider range of ratios.
        far_hybrid: the same with sub-arrays, over fewer ratios.
        by_chain: hybrid designs at 10 dB over the number of antennas of a chain.
    """

    digital: Outcomes
    hybrid: Outcomes
    far_digital: Outcomes
    far_hybrid: Outcomes
    by_chain: Outcomes

    @property
    def draws(self) -> int:
        """Number of channel realisations."""
        return len(self.digital.objective)


def size_study(direction: str, size: Size, *, full: bool, methods: list[str], axes: dict[str, Any]) -> Study:
    """Designs by some methods over some fields in random channels, all else as in section V."""
    n_main, n_assisting = size
    overrides = [
        f"stations.main.transmit_array.elements={n_main}",
        f"stations.main.transmit_array.spacing={APERTURE_WAVELENGTHS / (n_main - 1)}",
        f"stations.assisting.transmit_array.elements={n_assisting}",
        f"served_users.antennas_per_chain={PER_CHAIN}",
    ]
    quantities = [f"{direction}.target_angle_rad", f"{direction}.target_range_m"]
    return Study.model_validate(
        {
            "scenario": scenario_source(f"li2024-{direction}", overrides=overrides).value,
            "axes": {"method": methods, "realisations": COUNTS[int(full)], "fields": axes},
            "random": {"seed": SEED, "phases": True},
            "metrics": ["objective", "lower_bound", "worst_sinr_db", *quantities],
            "batch_cases": 2,
        }
    )


def studies(direction: str, size: Size, *, full: bool) -> dict[str, Study]:
    """The studies behind a sweep, by what varies."""
    near, far = ({"field": "served_users.assumed_waves", "values": [waves]} for waves in (NEAR, FAR))
    hybrid = HYBRID[direction]

    def made(methods: list[str], waves: dict[str, Any], **axes: Any) -> Study:
        return size_study(direction, size, full=full, methods=methods, axes={"waves": waves, **axes})

    ratios = _ratio_axis(SINR_DB)
    chains = {"field": "served_users.antennas_per_chain", "values": list(OTHER_PER_CHAIN)}
    return {
        "near": made([DIGITAL, hybrid], near, varied=ratios),
        "far": made([hybrid], far, varied=_ratio_axis(FAR_DB)),
        "raised": made([DIGITAL], far, varied=_ratio_axis(RAISED_DB)),
        "chains": made([hybrid], near, varied=chains),
    }


def _ratio_axis(levels_db: tuple[float, ...]) -> dict[str, Any]:
    return {"field": "served_users.minimum_sinr", "values": [f"{level:g} dB" for level in levels_db]}


def sweep(run: PaperRun, direction: str, size: Size) -> Sweep:
    """All designs of one direction and size."""
    name = f"{direction}-{size[0]}x{size[1]}"
    found = {
        kind: run.results(f"{name}-{kind}", study, is_long=True)
        for kind, study in studies(direction, size, full=run.full).items()
    }
    near = {str(method): _outcomes(part, direction, SINR_DB) for method, part in _by_method(found["near"])}
    ((_, far),), ((_, raised),), ((_, chains),) = (_by_method(found[kind]) for kind in ("far", "raised", "chains"))
    hybrid = near[HYBRID[direction]]
    others = _outcomes(chains, direction, tuple(float(value) for value in OTHER_PER_CHAIN))
    return Sweep(
        near[DIGITAL],
        hybrid,
        _outcomes(raised, direction, RAISED_DB),
        _outcomes(far, direction, FAR_DB),
        _with_value(others, hybrid.at(PER_CHAIN_DB), float(PER_CHAIN)),
    )


def sweeps(run: PaperRun, direction: str) -> dict[Size, Sweep]:
    """All designs of one direction, by size."""
    return {size: sweep(run, direction, size) for size in SIZES}


def expected_words(*, full: bool) -> str:
    """How long all studies of both directions take on this machine, in words."""
    total_s, cases = 0.0, 0
    for direction in DIRECTIONS:
        for study in (each for size in SIZES for each in studies(direction, size, full=full).values()):
            points = int(np.prod([len(axis.values) for axis in study.axes.fields.values()])) * study.axes.realisations
            cases += points * len(study.axes.method)
            total_s += points * sum(TYPICAL_S[method.partition(":")[0], direction] for method in study.axes.method)
    cores = os.cpu_count() or 1
    return f"{cases} designs, {duration_words(total_s / cores)} on {cores} cores"


def _by_method(results: "xarray.Dataset") -> "list[tuple[Any, xarray.Dataset]]":
    return [(method, results.sel(design_method=method)) for method in results["design_method"].to_numpy()]


def _outcomes(part: "xarray.Dataset", direction: str, values: tuple[float, ...]) -> Outcomes:
    one = part.isel(weight=0, waves=0)

    def column(name: str) -> np.ndarray:
        return one[name].transpose("realisation", "varied", ...).to_numpy().reshape(one.sizes["realisation"], -1)

    return Outcomes(
        values,
        column("objective"),
        column("lower_bound"),
        column(f"{direction}.target_angle_rad"),
        column(f"{direction}.target_range_m"),
        column("worst_sinr_db"),
    )


def _with_value(outcomes: Outcomes, other: Outcomes, value: float) -> Outcomes:
    """Outcomes with one more value of the varied field, in order."""
    order = np.argsort([*outcomes.values, value])
    parts = {
        each.name: np.concatenate([getattr(outcomes, each.name), getattr(other, each.name)], axis=1)[:, order]
        for each in fields(Outcomes)
        if each.name != "values"
    }
    return Outcomes(tuple(np.array([*outcomes.values, value])[order].tolist()), **parts)
