"""Random scenes in which the designs of hamrouni2026 are compared, as studies."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from crbeam.papers.hamrouni2026.scenes import random_study
from crbeam.papers.runs import PaperRun
from crbeam.studies import Study

if TYPE_CHECKING:
    import xarray

JOINT, SHARED, SEPARATE = "joint-sequential", "shared-sequential", "separate-sequential"
SEQUENTIAL = (JOINT, SHARED, SEPARATE)
SENSING, POSITIONING = "full-ms", "full-bp"
#: Baselines with every symbol of the interval.
SENSING_ALL, POSITIONING_ALL = "full-ms:symbols=all", "full-bp:symbols=all"
TRACE, HINGE = "trace", "hinge2"
LOSSES = (TRACE, HINGE)
#: Shares of sensing at which the designs are compared, and those of curves.
COMPARED_SHARES = (0.2, 0.5, 0.8)
SHARES = (0.05, 0.2, 0.5, 0.8, 0.95)
FULL_SHARES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95)
#: Random scenes of a quick run, of a full one.
COUNTS = (20, 200)
_MOST_TARGETS = 4
#: Few enough for all cores to have work to the end of a study.
_BATCH_CASES = 40
_SHARE_AXIS = "share"
#: The observations that each method is judged by.
LINKS: Mapping[str, str] = {
    **dict.fromkeys(SEQUENTIAL, "posterior"),
    SENSING: "monostatic_stage",
    POSITIONING: "bistatic_stage",
    SENSING_ALL: "monostatic",
    POSITIONING_ALL: "bistatic",
}


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Root bounds of one method in random scenes, for several shares of sensing.

    What does not exist is not a number.

    Attributes:
        shares: of the symbols, for sensing.
        loss: the objective, in units of the requirements.
        lower_bound: proven lower bound on it.
        user_position_m: root bound of the user's position.
        user_velocity_mps: of its velocity.
        target_position_m: root mean square over the targets of their root bounds.
        sensing_user_position_m: root bound of the user's position by the sensing stage alone.
        sensing_target_position_m: as `target_position_m`, by the sensing stage alone.
    """

    shares: tuple[float, ...]
    loss: Float[np.ndarray, "scene share"]
    lower_bound: Float[np.ndarray, "scene share"]
    user_position_m: Float[np.ndarray, "scene share"]
    user_velocity_mps: Float[np.ndarray, "scene share"]
    target_position_m: Float[np.ndarray, "scene share"]
    sensing_user_position_m: Float[np.ndarray, "scene share"]
    sensing_target_position_m: Float[np.ndarray, "scene share"]

    def at(self, share: float) -> int:
        """Place of a share."""
        return int(np.argmin(np.abs(np.array(self.shares) - share)))

    def only(self, scenes: Bool[np.ndarray, " scene"]) -> "Outcomes":
        """The same of some scenes."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        chosen = {name: value if name == "shares" else value[scenes] for name, value in values.items()}
        return Outcomes(**chosen)

    def of(self, quantity: str, share: float) -> Float[np.ndarray, " scene"]:
        """Values of one quantity at one share."""
        return getattr(self, quantity)[:, self.at(share)]


def shares_for(loss: str, *, full: bool) -> tuple[float, ...]:
    """Shares of sensing of a study: whole curves are of the trace loss only."""
    if loss != TRACE:
        return COMPARED_SHARES
    return FULL_SHARES if full else SHARES


def sequential_study(gains: str, loss: str, *, full: bool) -> Study:
    """The sequential designs, and with the trace loss the baselines with their own share of the symbols."""
    methods = (*SEQUENTIAL, SENSING, POSITIONING) if loss == TRACE else SEQUENTIAL
    shares = list(shares_for(loss, full=full))
    fields = {_SHARE_AXIS: {"field": "protocol.sensing_share", "values": shares}}
    return _study(gains, loss, methods, fields, full=full)


def baseline_study(gains: str, *, full: bool) -> Study:
    """The baselines with every symbol of the interval."""
    return _study(gains, TRACE, (SENSING_ALL, POSITIONING_ALL), {}, full=full)


def _study(gains: str, loss: str, methods: tuple[str, ...], fields: Mapping[str, Any], *, full: bool) -> Study:
    axes = {"method": list(methods), "weight": [1.0], "realisations": COUNTS[int(full)], "fields": fields}
    links = tuple(dict.fromkeys([*(LINKS[method] for method in methods), "monostatic_stage"]))
    metrics = [name for link in links for name in _link_metrics(link)]
    return random_study(
        gains,
        [f"requirements.loss={loss}"],
        axes=axes,
        metrics=["objective", "lower_bound", *metrics],
        batch_cases=_BATCH_CASES,
    )


def _link_metrics(link: str) -> list[str]:
    """Names of the root bounds by a link; sensing does not determine the velocity."""
    speeds = [] if link.startswith("monostatic") else [f"{link}.user_velocity_mps"]
    targets = [f"{link}.target_positions_m[{index}]" for index in range(_MOST_TARGETS)]
    return [f"{link}.user_position_m", *speeds, *targets]


def outcomes(run: PaperRun, gains: str, loss: str) -> dict[str, Outcomes]:
    """Outcomes by method, those with every symbol of the interval at one share, the whole."""
    words = f"{gains}-{loss}".lower().replace(" ", "-")
    results = {words: run.results(words, sequential_study(gains, loss, full=run.full), is_long=True)}
    if loss == TRACE:
        results["all"] = run.results(f"{words}-all", baseline_study(gains, full=run.full))
    return {
        str(method): _outcomes_of(part.sel(design_method=method), str(method))
        for part in results.values()
        for method in part["design_method"].to_numpy()
    }


def in_common(found: Mapping[str, Outcomes]) -> dict[str, Outcomes]:
    """The outcomes in the scenes for which every sequential method has a design at every share."""
    complete = np.all([np.isfinite(found[method].loss).all(axis=1) for method in SEQUENTIAL], axis=0)
    return {method: outcome.only(complete) for method, outcome in found.items()}


def _outcomes_of(part: "xarray.Dataset", method: str) -> Outcomes:
    one = part.isel(weight=0)
    whole = one if _SHARE_AXIS in one.dims else one.expand_dims({_SHARE_AXIS: [1.0]})

    def values(name: str) -> np.ndarray:
        if name not in whole:
            return np.full((whole.sizes["realisation"], whole.sizes[_SHARE_AXIS]), np.nan)
        return whole[name].transpose("realisation", _SHARE_AXIS, ...).to_numpy()

    link = LINKS[method]
    return Outcomes(
        tuple(whole[_SHARE_AXIS].to_numpy().tolist()),
        values("objective"),
        values("lower_bound"),
        values(f"{link}.user_position_m"),
        values(f"{link}.user_velocity_mps"),
        _root_mean_square(values(f"{link}.target_positions_m")),
        values("monostatic_stage.user_position_m"),
        _root_mean_square(values("monostatic_stage.target_positions_m")),
    )


def _root_mean_square(bounds_m: Float[np.ndarray, "scene share target"]) -> Float[np.ndarray, "scene share"]:
    """Over the targets that a scene has; not a number where it has a design for none."""
    known = np.isfinite(bounds_m)
    squares = np.where(known, bounds_m, 0.0) ** 2
    with np.errstate(invalid="ignore"):
        return np.sqrt(squares.sum(axis=-1) / known.sum(axis=-1))
