"""What objectives make of bounds, as the cost of how often each of them counts.

A convex Phi of the bounds u_t is `max_v v . u - Phi*(v)` over *scales* v: shares of a tail, slopes of a loss beyond
thresholds, multipliers of thresholds as limits (see `convex.statement`). All numbers are those of a reduced problem,
relative to its isotropic X.
"""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from crbeam.design.certificate import tail_of
from crbeam.design.convex.certificate import priced
from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.statement import Statement
from crbeam.design.engine import ReducedProblem
from crbeam.design.hinge import families_of, hinge_terms
from crbeam.information import Transmission

#: Numbers of bounds or scales.
Numbers = Float[np.ndarray, " bound"]
#: Least scale, so that a certificate can divide by it.
LEAST_SCALE = 1e-14
#: Least slope that a search for the least loss begins with: no threshold is left out.
FIRST_SLOPE = 0.02
#: Share of the wanted gap by which steps stay below thresholds that are limits.
STRICTNESS = 0.1


class Scales(ABC):
    """Objective of the bounds of a reduced problem.

    Attributes:
        groups: for each active criterion the number of the bound that each column of its selection belongs to.
        size: number of bounds.
        base: how often every bound counts beside its scale.
        least_share: share of a scale that a step keeps where the scales before it prove nothing yet.
    """

    groups: list[np.ndarray]
    size: int
    base: ClassVar[float] = 0.0
    least_share: ClassVar[float] = 0.0

    @abstractmethod
    def value(self, bounds: Numbers) -> float:
        """Phi."""

    def merit(self, bounds: Numbers, scales: Numbers) -> float:  # noqa: ARG002
        """Phi; where that is infinite, a number above what the scales can prove that falls on the way back."""
        return self.value(bounds)

    def cost(self, scales: Numbers) -> float:  # noqa: ARG002
        """`Phi*`."""
        return 0.0

    def derivatives(self, scales: Numbers) -> tuple[Numbers, Numbers]:
        """First and second derivative of `Phi*` by each scale."""
        return np.zeros_like(scales), np.zeros_like(scales)

    @abstractmethod
    def domain(self) -> tuple[Float[np.ndarray, "row bound"], Float[np.ndarray, " row"]]:
        """Rows and limits that scales keep beside being at least 0."""

    @abstractmethod
    def inside(self, scales: Numbers) -> Numbers:
        """Scales strictly within their domain, near the given ones if that is a good start."""

    def within(self, scales: Numbers) -> Numbers:
        """The scales without what rounding has left outside of their domain."""
        return np.maximum(scales, LEAST_SCALE)


class Shares(Scales):
    """Shares of the samples of a tail: `0 <= v_t <= cap_t`, together at most 1, for nothing."""

    def __init__(self, item: ReducedProblem) -> None:
        names = item.problem.samples
        self.problem, self.caps, self.size = item.problem, np.array(item.problem.largest_shares), len(names)
        self.groups = [
            np.full(selection.shape[1], names.index(criterion.sample))
            for criterion, selection in zip(item.problem.active_criteria, item.arrays.selections, strict=True)
        ]

    def value(self, bounds: Numbers) -> float:
        """The mean over the worst samples."""
        return tail_of(self.problem, bounds.tolist())

    def domain(self) -> tuple[Float[np.ndarray, "row bound"], Float[np.ndarray, " row"]]:
        """The sum of all shares, and the caps."""
        is_capped = np.isfinite(self.caps)
        rows = np.vstack([np.ones((1, self.size)), np.eye(self.size)[is_capped]])
        return rows, np.concatenate([[1.0], self.caps[is_capped]])

    def inside(self, scales: Numbers) -> Numbers:  # noqa: ARG002
        """Shares of half of the samples' weight."""
        return 0.5 * np.minimum(1.0 / self.size, self.caps)

    def within(self, scales: Numbers) -> Numbers:
        """The shares without what rounding has left outside of their domain."""
        shares = np.clip(scales, LEAST_SCALE, self.caps)
        return shares / max(shares.sum(), 1.0)


class Slopes(Scales):
    """Slopes of the loss beyond thresholds, `sum_g W_g max(0, sqrt(u_g / W_g) - 1)^2`: `0 <= v < 1` (see `hinge`)."""

    least_share = 0.3

    def __init__(self, item: ReducedProblem) -> None:
        families = families_of(item.problem)
        assert families is not None
        self.groups, self.levels = list(families.of_direction), families.levels / item.scale
        self.size = self.levels.size

    def value(self, bounds: Numbers) -> float:
        """The loss."""
        return float(hinge_terms(bounds, self.levels).values.sum())

    def first(self, bounds: Numbers) -> Numbers:
        """The slopes at some bounds, but at least `FIRST_SLOPE`."""
        return np.maximum(hinge_terms(bounds, self.levels).slopes, FIRST_SLOPE)

    def cost(self, scales: Numbers) -> float:
        """`sum W v / (1 - v)`."""
        return float(self.levels @ (scales / (1.0 - scales)))

    def derivatives(self, scales: Numbers) -> tuple[Numbers, Numbers]:
        """First and second derivative of that."""
        return self.levels / (1.0 - scales) ** 2, 2.0 * self.levels / (1.0 - scales) ** 3

    def domain(self) -> tuple[Float[np.ndarray, "row bound"], Float[np.ndarray, " row"]]:
        """At most 1."""
        return np.eye(self.size), np.ones(self.size)

    def inside(self, scales: Numbers) -> Numbers:
        """The slopes, a little away from 0 and 1."""
        return np.clip(scales, FIRST_SLOPE, 1.0 - FIRST_SLOPE)


class Multipliers(Scales):
    """Multipliers of thresholds as limits, `v >= 0` at `W . v`, where the sum of all bounds is minimised.

    Steps aim below the thresholds by as much as costs `STRICTNESS` of the wanted gap of a sum of at least `least`.
    """

    base = 1.0

    def __init__(self, slopes: Slopes, *, least: float, gap: float) -> None:
        self.groups, self.levels, self.size = slopes.groups, slopes.levels, slopes.size
        self.least, self.gap = least, gap

    def value(self, bounds: Numbers) -> float:
        """The sum where no bound exceeds its threshold."""
        return float(bounds.sum()) if np.all(bounds <= self.levels) else np.inf

    def merit(self, bounds: Numbers, scales: Numbers) -> float:
        """The sum, and what exceeds the thresholds at twice the multiplier or more."""
        return float(bounds.sum() + (1.0 + 2.0 * scales) @ np.maximum(bounds - self.levels, 0.0))

    def cost(self, scales: Numbers) -> float:
        """`W . v`."""
        return float(self.levels @ scales)

    def derivatives(self, scales: Numbers) -> tuple[Numbers, Numbers]:
        """The levels that steps aim at, and 0."""
        strictness = STRICTNESS * self.gap * self.least / (self.least + self.cost(scales))
        return (1.0 - strictness) * self.levels, np.zeros_like(scales)

    def domain(self) -> tuple[Float[np.ndarray, "row bound"], Float[np.ndarray, " row"]]:
        """Nothing."""
        return np.zeros((0, self.size)), np.zeros(0)

    def inside(self, scales: Numbers) -> Numbers:
        """The multipliers, a little away from 0."""
        return np.maximum(scales, FIRST_SLOPE)


def evidence_of(statement: Statement, sent: Transmission, scales: Numbers) -> Evidence:
    """`Z_t = s v_t I_t^-1 E_t` of a transmission and scales, with the s and the prices that prove most."""
    responses, gain, known = [], 0.0, 0.0
    for term in statement.terms:
        scale = 1.0 if term.scale is None else float(scales[term.scale])
        response = scale * term.criterion.map.at(sent.only(term.criterion.map.blocks)).inverse_response(term.selection)
        gain += float(np.sum(term.selection * response))
        known += float(np.sum(response * (term.criterion.map.constant @ response))) / scale
        responses.append(response)
    found = priced(statement, Evidence(tuple(responses), scales, np.zeros(0), np.zeros(len(statement.limits))))
    factor = gain / (known + float(found.prices @ np.array([limit.power_w for limit in statement.limits])))
    responses = tuple(factor * response for response in responses)
    return replace(found, responses=responses, prices=factor**2 * found.prices)
