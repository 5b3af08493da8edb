"""What the claims of hamrouni2026 are judged on, as plain numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.papers.claims import NotMeasured
from crbeam.papers.hamrouni2026.comparisons import Comparison
from crbeam.papers.hamrouni2026.draws import Outcomes
from crbeam.papers.hamrouni2026.mobility import MotionBounds


@dataclass(frozen=True)
class Ranks:
    """How many random scenes leave something undetermined under isotropic beams.

    Attributes:
        scenes: number of scenes.
        undetermined: those in which what is asked for is not determined.
        unknowns: largest number of unknowns.
        missing: by how much the rank of their information falls short of that, each number once.
    """

    scenes: int
    undetermined: int
    unknowns: int
    missing: tuple[int, ...]


@dataclass(frozen=True)
class Accuracy:
    """Root bounds of user and targets by both stages with the best share, in the preset.

    Attributes:
        share: of sensing.
        user_position_m: of the user.
        target_position_m: root mean square over the targets.
    """

    share: float
    user_position_m: float
    target_position_m: float


@dataclass(frozen=True, eq=False)
class Measurements:
    """All numbers that the claims are judged on.

    Attributes:
        sensing: what sensing alone leaves undetermined, by the user's heading.
        positioning: what positioning alone leaves undetermined, by number of targets.
        by_targets: bounds of moving users by gains and number of targets.
        moving: bounds by gains, rule of the symbols that count, speed.
        outcomes: of random scenes by gains, loss, then method.
        comparisons: of the sequential designs by gains, loss, share.
        preset: best accuracy in the preset by gains, then method.
        beams: power towards each object over isotropic by gains, task, reading.
        runtimes_s: of one design by gains, then method, scene by scene and share by share.
        seed: of the random scenes.
    """

    sensing: Mapping[str, Ranks]
    positioning: Mapping[int, Ranks]
    by_targets: Mapping[tuple[str, int], MotionBounds]
    moving: Mapping[tuple[str, str, float], MotionBounds]
    outcomes: Mapping[tuple[str, str], Mapping[str, Outcomes]]
    comparisons: Mapping[tuple[str, str, float], Comparison]
    preset: Mapping[str, Mapping[str, Accuracy]]
    beams: Mapping[tuple[str, str, str], Mapping[str, float]]
    runtimes_s: Mapping[str, Mapping[str, Float[np.ndarray, "scene share"]]]
    seed: int

    def outcome(self, gains: str, loss: str, method: str) -> Outcomes:
        """Outcomes of one method; raises `NotMeasured`."""
        methods = self.outcomes.get((gains, loss), {})
        if method not in methods:
            raise NotMeasured(f"There are no designs of {method} ({gains}, {loss}).")
        return methods[method]


def known_median(values: Float[np.ndarray, " scene"]) -> float:
    """Median over the scenes that have a value; raises `NotMeasured` if none has."""
    known = values[np.isfinite(values)]
    if not known.size:
        raise NotMeasured("There is no scene with this bound.")
    return float(np.median(known))


def known_mean(values: Float[np.ndarray, " scene"]) -> float:
    """Mean over the scenes that have a value; raises `NotMeasured` if none has."""
    known = values[np.isfinite(values)]
    if not known.size:
        raise NotMeasured("There is no scene with this bound.")
    return float(np.mean(known))


def ratios(
    numerator: Float[np.ndarray, " scene"], denominator: Float[np.ndarray, " scene"]
) -> Float[np.ndarray, " known"]:
    """Ratios in the scenes that have both values."""
    known = np.isfinite(numerator) & np.isfinite(denominator)
    return numerator[known] / denominator[known]
