"""How designs compare in random scenes: how often one is better, and by how much they exceed the joint optimum."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.evaluation.error_statistics import CONFIDENCE, Interval, share
from crbeam.papers.claims import NotMeasured
from crbeam.papers.hamrouni2026.draws import (
    COMPARED_SHARES,
    HINGE,
    JOINT,
    LOSSES,
    SEPARATE,
    SHARED,
    TRACE,
    Outcomes,
    outcomes,
)
from crbeam.papers.hamrouni2026.scenes import GAINS, preset_scene
from crbeam.papers.hamrouni2026.tied_stage import undecided
from crbeam.papers.runs import PaperRun

QUANTITIES: tuple[str, ...] = ("loss", "user_position_m", "user_velocity_mps", "target_position_m")
#: The hinge loss with a first stage that takes any transmission that meets its thresholds.
UNDECIDED = "hinge2, tie undecided"
#: Gains and losses under which designs are compared; only in free space can thresholds be met.
CASES = (
    ("free space", TRACE),
    ("free space", HINGE),
    ("free space", UNDECIDED),
    ("Table II", TRACE),
    ("Table II", HINGE),
)
#: Losses up to this count as met thresholds, so that no ratio of them is taken.
_MET = 1e-9


@dataclass(frozen=True, eq=False)
class Comparison:
    """The sequential designs in random scenes at one share of sensing; scenes in which one has no value are left out.

    Attributes:
        better: share of the scenes in which shared beams are better than separate ones, by quantity; of the loss
            without the scenes in which both meet all thresholds.
        excess: loss over that of the joint optimum, by method, scene by scene where the joint loss is not 0.
        scenes: number of scenes behind the losses.
        tied: number of scenes whose first stage can meet all of its thresholds; 0 for the trace loss.
    """

    better: Mapping[str, Interval]
    excess: Mapping[str, Float[np.ndarray, " scene"]]
    scenes: int
    tied: int


def compare(found: Mapping[str, Mapping[str, Float[np.ndarray, " scene"]]], *, tied: int = 0) -> Comparison:
    """The comparison of values by method, then by quantity.

    Raises `NotMeasured` if there is no scene with all designs.
    """
    joint, shared, separate = (found[method] for method in (JOINT, SHARED, SEPARATE))
    better = {}
    for name in QUANTITIES:
        known = np.isfinite(shared[name]) & np.isfinite(separate[name])
        if name == "loss":
            known &= (shared[name] > _MET) | (separate[name] > _MET)
        if not known.any():
            raise NotMeasured(f"There is no scene in which {name} tells the designs apart.")
        better[name] = share(int((shared[name] < separate[name])[known].sum()), int(known.sum()))
    losses = {method: found[method]["loss"] for method in (JOINT, SHARED, SEPARATE)}
    known = np.all([np.isfinite(values) for values in losses.values()], axis=0)
    positive = known & (joint["loss"] > _MET)
    excess = {method: losses[method][positive] / joint["loss"][positive] for method in (SHARED, SEPARATE)}
    return Comparison(better, excess, int(known.sum()), tied)


def comparisons(run: PaperRun) -> dict[tuple[str, str, float], Comparison]:
    """Comparisons by gains, loss and share of sensing."""
    by_case = {(gains, loss): outcomes(run, gains, loss) for gains in GAINS for loss in LOSSES}
    found = {}
    for gains, loss in CASES:
        methods = by_case[gains, HINGE if loss == UNDECIDED else loss]
        for fraction in COMPARED_SHARES:
            values = {name: _values(methods[name], fraction) for name in (JOINT, SHARED, SEPARATE)}
            if loss == UNDECIDED:
                values[SEPARATE] = _undecided(values[SEPARATE], undecided(gains, fraction, full=run.full))
            tied = 0 if loss == TRACE else _tied(methods[SEPARATE], fraction)
            found[gains, loss, fraction] = compare(values, tied=tied)
    return found


def _undecided(
    decided: Mapping[str, Float[np.ndarray, " scene"]], greedy: Mapping[str, Float[np.ndarray, " scene"]]
) -> dict[str, Float[np.ndarray, " scene"]]:
    """The greedy sequence with an undecided first stage where there is a choice, as it is elsewhere."""
    is_tied = np.isfinite(greedy["loss"])
    return {name: np.where(is_tied, greedy[name], decided[name]) for name in QUANTITIES}


def _tied(outcome: Outcomes, fraction: float) -> int:
    """Scenes in which the first stage of the greedy sequence meets its thresholds."""
    wanted = preset_scene("free space").requirements
    assert wanted is not None
    user = outcome.of("sensing_user_position_m", fraction) <= wanted.sensing_user_position_m * (1.0 + 1e-6)
    targets = outcome.of("sensing_target_position_m", fraction) <= wanted.sensing_target_position_m * (1.0 + 1e-6)
    return int(np.sum(user & targets))


def _values(outcome: Outcomes, fraction: float) -> dict[str, Float[np.ndarray, " scene"]]:
    return {name: outcome.of(name, fraction) for name in QUANTITIES}


def median(samples: Float[np.ndarray, " draw"], *, confidence: float = CONFIDENCE) -> Interval:
    """Median of independent draws, with the interval between order statistics that holds that of their distribution.

    Each draw is above the true median with probability 1/2, so the number of those above it is binomial.

    Raises `NotMeasured` with fewer than two draws.
    """
    from scipy.stats import binom

    known = np.sort(samples[np.isfinite(samples)])
    if known.size < 2:
        raise NotMeasured(f"A median needs at least two draws, found {known.size}.")
    place = max(int(binom.ppf(0.5 * (1.0 - confidence), known.size, 0.5)) - 1, 0)
    return Interval(float(np.median(known)), float(known[place]), float(known[known.size - 1 - place]))
