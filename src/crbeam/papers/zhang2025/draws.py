"""Random draws behind claims and figures of zhang2025, as studies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crbeam.papers.claims import NotMeasured
from crbeam.papers.runs import PaperRun
from crbeam.papers.zhang2025.curves import FULL_WEIGHTS, N_TARGETS, WEIGHTS
from crbeam.papers.zhang2025.measurements import ANALOG, PHASES, RANDOM_ROOT, ROOT_DRAWS, STARTS, Curve
from crbeam.studies import Study

if TYPE_CHECKING:
    import xarray

SEED = 20250101
PHASE_WEIGHTS = (0.0, 0.5, 1.0)
START_WEIGHTS = (0.1, 0.5, 0.9)
SCENE_WEIGHT = 0.5
#: Scenes on which analog schemes are compared: three targets anywhere in front of the station, random path phases.
SCENES = "random scenes"
RANDOM_SCENES = {
    "phases": True,
    "fields": {"targets.positions": {"uniform": [["-15 m", "8 m"], ["15 m", "25 m"]], "apart": "2 m"}},
}
_TARGETS_AXIS = "n_targets"
_POSITIONING, _SENSING = "bistatic.user_position_m", "monostatic.all_positions_m"
_METRICS = ("objective", "lower_bound", _POSITIONING, _SENSING)


@dataclass(frozen=True)
class Draws:
    """A kind of random draw, as a study of the preset.

    Attributes:
        methods: that are compared on the same draws.
        weights: of a quick run, of a full one.
        counts: draws of a quick run, of a full one.
        n_targets: numbers of targets, each a value of an axis.
        random: what is drawn besides what methods draw.
        batch_cases: cases that are computed and stored together.
    """

    methods: tuple[str, ...]
    weights: tuple[tuple[float, ...], tuple[float, ...]]
    counts: tuple[int, int]
    n_targets: tuple[int, ...] = (3,)
    random: Mapping[str, Any] | None = None
    batch_cases: int = 200

    def study(self, *, full: bool) -> Study:
        """The study, with the sizes of a full run or of a quick one."""
        axes = {
            "method": list(self.methods),
            "weight": list(self.weights[int(full)]),
            "realisations": self.counts[int(full)],
            "fields": {_TARGETS_AXIS: {"field": "targets.count", "values": list(self.n_targets)}},
        }
        description = {
            "scenario": "zhang2025",
            "axes": axes,
            "random": {"seed": SEED, **(self.random or {})},
            "metrics": list(_METRICS),
            "batch_cases": self.batch_cases,
        }
        return Study.model_validate(description)


#: By kind. A draw has the same phases for the same path and the same unitary matrix, whatever the number of targets.
DRAWS: Mapping[str, Draws] = {
    PHASES: Draws(
        ("fdb-wcrb", "cpa-wcrb"), (PHASE_WEIGHTS, PHASE_WEIGHTS), (40, 100), N_TARGETS, random={"phases": True}
    ),
    ROOT_DRAWS: Draws((RANDOM_ROOT,), (WEIGHTS, FULL_WEIGHTS), (16, 50), N_TARGETS),
    STARTS: Draws(("analog-fdb",), (START_WEIGHTS, START_WEIGHTS), (4, 10), batch_cases=3),
    SCENES: Draws(
        ("analog-wcrb", *ANALOG), ((SCENE_WEIGHT,), (SCENE_WEIGHT,)), (10, 20), random=RANDOM_SCENES, batch_cases=2
    ),
}


def drawn(run: PaperRun, kind: str) -> "xarray.Dataset":
    """Results of a kind of draws."""
    return run.results(kind.replace(" ", "-"), DRAWS[kind].study(full=run.full))


def drawn_curves(results: "xarray.Dataset", n_targets: int, method: str) -> tuple[Curve, ...]:
    """The curve of each draw; raises `NotMeasured` if a design or its lower bound is missing."""
    part = results.sel({"design_method": method, _TARGETS_AXIS: n_targets})
    values = {name: part[name].transpose("realisation", "weight").to_numpy() for name in _METRICS}
    _require_designs(part, "objective", "lower_bound")
    weights = tuple(part["weight"].to_numpy().tolist())
    return tuple(
        Curve(
            weights,
            tuple(values["objective"][draw].tolist()),
            tuple(values["lower_bound"][draw].tolist()),
            tuple(map(_known, values[_POSITIONING][draw].tolist())),
            tuple(map(_known, values[_SENSING][draw].tolist())),
        )
        for draw in range(part.sizes["realisation"])
    )


def analog_decreases(results: "xarray.Dataset") -> tuple[float, ...]:
    """Relative decrease of the objective by `analog-wcrb` against the better of the paper's schemes, for each scene.

    Raises `NotMeasured` if a design is missing.
    """
    part = results.sel({_TARGETS_AXIS: 3, "weight": SCENE_WEIGHT})
    _require_designs(part, "objective")
    found, *others = (part["objective"].sel(design_method=name).to_numpy() for name in DRAWS[SCENES].methods)
    return tuple((1.0 - found / np.min(others, axis=0)).tolist())


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _require_designs(part: "xarray.Dataset", *names: str) -> None:
    for name in names:
        missing = int(part[name].isnull().sum())
        if missing:
            meanings = part["error"].attrs["flag_meanings"].split()
            errors = ", ".join(meanings[code] for code in np.unique(part["error"].to_numpy()))
            raise NotMeasured(f"{missing} of {part[name].size} values of {name} are missing (errors: {errors}).")
