"""The certified front of two criteria: which pairs of values some transmission reaches, and which none does.

The values `(f1(R), f2(R))` of two convex criteria over a convex set of transmissions, with all pairs above them, are a
convex set. A certified design at weight w says two things about it. Its own values are in the set, and so is every
point above a chord between those of two designs, since the mean of two covariances is at least as good as the mean of
their values: an inner approximation. Its proven lower bound `lb` says that `w f1 + (1 - w) f2 >= lb` for every
transmission: all such half-planes together are an outer approximation. A pair between the two is decided by one more
certified design, at the weight whose line is parallel to the chord beneath it, and so on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from crbeam.design import (
    AntennaPower,
    Codebook,
    Design,
    DesignProblem,
    GroupPower,
    PowerBudget,
    TiedBlocks,
    objective_at,
)
from crbeam.design.engine import EngineResult
from crbeam.design.optimum import optima
from crbeam.design.problem import HINGE_ROUNDING
from crbeam.design.proofs import proven_bounds
from crbeam.errors import Unidentifiable
from crbeam.information.transmission import Covariances
from crbeam.linalg import one_blas_thread

#: Rounds of further designs. What they leave open is not called reached.
MOST_ROUNDS = 30
#: Corners that are compared with all supports at once.
CHUNK = 1000
#: Weights closer than this are one.
SAME_WEIGHT = 1e-9


@dataclass(frozen=True)
class Support:
    """What one certified design says about a front.

    Attributes:
        weight: w of the first criterion, 1 - w being that of the second.
        lower_bound: no transmission has a smaller `w f1 + (1 - w) f2`.
        values: f1 and f2 of a transmission; infinite where it leaves one undetermined.
    """

    weight: float
    lower_bound: float
    values: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Front:
    """What is proven about the values of two criteria over all transmissions that some constraints allow."""

    supports: tuple[Support, ...]

    def reaches(self, corners: Float[np.ndarray, "corner 2"]) -> Bool[np.ndarray, " corner"]:
        """Whether some transmission is proven to have neither value larger than a corner's."""
        hull = self._hull()
        if not len(hull):
            return np.zeros(len(corners), dtype=bool)
        lowest = np.interp(corners[:, 0], hull[:, 0], hull[:, 1])
        return (corners[:, 0] >= hull[0, 0]) & (lowest <= corners[:, 1])

    def excludes(self, corners: Float[np.ndarray, "corner 2"]) -> Bool[np.ndarray, " corner"]:
        """Whether no transmission has neither value larger than a corner's, by proof."""
        if not self.supports:
            return np.zeros(len(corners), dtype=bool)
        weights, bounds = np.array([(each.weight, each.lower_bound) for each in self.supports]).T
        found = []
        for first in range(0, len(corners), CHUNK):
            some = corners[first : first + CHUNK]
            lines = np.outer(some[:, 0], weights) + np.outer(some[:, 1], 1.0 - weights)
            found.append(np.any(bounds > lines, axis=1))
        return np.concatenate(found) if found else np.zeros(0, dtype=bool)

    def deciding_weights(self, corners: Float[np.ndarray, "corner 2"]) -> list[float]:
        """Weights of designs that come nearest to deciding on corners; those that were tried before are left out."""
        hull, tried = self._hull(), np.array([each.weight for each in self.supports])
        wanted = {self._deciding_weight(corner, hull, tried) for corner in corners}
        return sorted(weight for weight in wanted if not np.any(np.abs(tried - weight) <= SAME_WEIGHT))

    def _deciding_weight(self, corner: np.ndarray, hull: np.ndarray, tried: np.ndarray) -> float:
        if not len(hull):
            return 0.5
        place = int(np.searchsorted(hull[:, 0], corner[0], side="right"))
        if place == 0:
            return _next(tried[tried < 1.0], 1.0)
        if place == len(hull):
            return _next(tried[tried > 0.0], 0.0)
        (x, high), (far, y) = hull[place - 1], hull[place]
        return float((high - y) / ((high - y) + (far - x)))

    def _hull(self) -> Float[np.ndarray, "vertex 2"]:
        """Lower left boundary of the values that are reached, by the first of them."""
        values = np.array([each.values for each in self.supports]).reshape(-1, 2)
        values = values[np.all(np.isfinite(values), axis=1)]
        hull: list[np.ndarray] = []
        for value in values[np.lexsort((values[:, 1], values[:, 0]))]:
            if hull and value[1] >= hull[-1][1]:
                continue
            while len(hull) > 1 and _turns_right(hull[-2], hull[-1], value):
                hull.pop()
            hull.append(value)
        return np.array(hull).reshape(-1, 2)


def _turns_right(first: np.ndarray, middle: np.ndarray, last: np.ndarray) -> bool:
    """Whether the middle is above the chord between its neighbours."""
    one, other = middle - first, last - first
    return bool(one[0] * other[1] - one[1] * other[0] <= 0.0)


def _next(tried: np.ndarray, end: float) -> float:
    """A weight between the nearest one to an end and that end."""
    nearest = tried[np.argmin(np.abs(tried - end))] if tried.size else 1.0 - end
    return float(0.5 * (nearest + end))


def has_front(problem: DesignProblem) -> bool:
    """Whether the values of a problem's two criteria have a front that can be certified: it is convex."""
    parts = PowerBudget | GroupPower | AntennaPower | Codebook | TiedBlocks
    both_count = len(problem.criteria) == 2 and all(replace(each, weight=1.0).requested for each in problem.criteria)
    return both_count and all(isinstance(part, parts) for part in problem.constraints)


def values_of(problem: DesignProblem, covariances: Covariances) -> tuple[float, float]:
    """Values of both criteria of a problem, each with weight 1; infinite where a parameter is not determined."""
    found = []
    for weights in ((1.0, 0.0), (0.0, 1.0)):
        try:
            found.append(objective_at(problem.with_criterion_weights(*weights), covariances))
        except Unidentifiable:
            found.append(np.inf)
    return found[0], found[1]


def supports_of(problem: DesignProblem, weights: Sequence[float]) -> list[Support]:
    """What certified optimal designs at several weights say; nothing where none determines what is asked for."""
    problems = [problem.with_criterion_weights(weight, 1.0 - weight) for weight in weights]
    if problem.power_limits:
        from crbeam.design.methods import method_named

        designs = zip(weights, method_named("optimum").solve_many(problems), strict=True)
        return [
            Support(weight, design.lower_bound or 0.0, values_of(problem, design.covariances))
            for weight, design in designs
            if isinstance(design, Design)
        ]
    with one_blas_thread():
        able = {index: result for index, result in enumerate(optima(problems)) if isinstance(result, EngineResult)}
        bounds = proven_bounds([problems[index] for index in able], list(able.values()))
        return [
            Support(weights[index], bound, values_of(problem, result.covariances))
            for (index, result), bound in zip(able.items(), bounds, strict=True)
        ]


def decided(problem: DesignProblem, front: Front, corners: Float[np.ndarray, "corner 2"]) -> Front:
    """A front with further designs, until every corner is either reached or excluded by proof.

    Args:
        problem: two criteria under constraints that keep it convex; its weights do not matter.
        front: what is known.
        corners: pairs of values.
    """
    for _ in range(MOST_ROUNDS):
        is_open = ~(front.reaches(corners) | front.excludes(corners))
        weights = front.deciding_weights(corners[is_open])
        if not weights:
            break
        found = supports_of(problem, weights)
        if not found:
            break
        front = Front((*front.supports, *found))
    return front


def corners_below(values: tuple[float, float], *, tolerance: float, slack: float) -> Float[np.ndarray, "corner 2"]:
    """Pairs that are better than given values: by `tolerance` in one of them, by `slack` in the other, both relative.

    A value of zero cannot be improved.
    """
    first, second = values
    if not (np.isfinite(first) and np.isfinite(second)):
        return np.zeros((0, 2))
    corners = [(first * (1.0 - tolerance), second * (1.0 - slack)), (first * (1.0 - slack), second * (1.0 - tolerance))]
    improved = [value > HINGE_ROUNDING for value in values]
    return np.array([corner for corner, is_real in zip(corners, improved, strict=True) if is_real]).reshape(-1, 2)
