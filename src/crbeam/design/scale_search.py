"""The least value of an objective of bounds under budgets, codebooks and ties: Newton steps between weighted bounds.

A convex Phi of the bounds u_t is `max_v v . u - Phi*(v)` over *scales* v: shares of a tail, slopes of a loss beyond
thresholds, multipliers of thresholds as limits (see `convex.statement`). All numbers are those of a reduced problem,
relative to its isotropic X.

The least `Phi(u(R))` over transmissions R is the greatest `q(v) - Phi*(v)` over scales v, with the concave
`q(v) = min_R v . u(R)`, which the engine solves as a weighted bound. Whatever v is, a lower bound of q less
`Phi*(v)` is one of the objective, and whatever R is, `q(v) <= v . u(R)` is a cut. Steps go to the v that maximises the
least of all cuts plus the curvature of q at the last transmission less `Phi*`, and to the transmission expected there
(see `engine.thin_factors`): once the bounds that count are found, the gap is about squared by each. The engine is only
called at the start and where a step has not brought the gap down.

Near a scale of 0 its bound may be anything, and steps from there are short. So a step keeps a share of every scale
while nothing is proven, and where it would fail otherwise.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from crbeam.design.certificate import families_of, hinge_terms, tail_of
from crbeam.design.convex.certificate import priced
from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.statement import Statement
from crbeam.design.engine import ReducedProblem
from crbeam.design.engine.progress import Progress
from crbeam.design.engine.reduced_bound import variables
from crbeam.design.engine.solver import solve_from
from crbeam.design.engine.thin_factors import Expansion, expansion_at, judged, moved, weighted
from crbeam.information import Transmission

#: Numbers of bounds or scales.
Numbers = Float[np.ndarray, " bound"]
#: Least scale, so that a certificate can divide by it.
LEAST_SCALE = 1e-14
#: Least slope that a search for the least loss begins with: no threshold is left out.
FIRST_SLOPE = 0.02
#: Share of the wanted gap by which steps stay below thresholds that are limits.
STRICTNESS = 0.1
#: Steps after which a search gives up.
STEPS = 30
#: A step that leaves more than this share of the gap is followed by the engine.
KEPT_SHARE = 0.5
#: Largest certified gap of a weighted bound, and that relative to the gap of the objective.
ROUGH, FINER = 1e-3, 0.03
#: Scales beyond this are those of limits that cannot be kept.
LARGEST_SCALE = 1e3
#: Steps after which a small program stops wherever it is.
PROGRAM_STEPS = 60
#: Mean product of rooms and prices at which a small program stops, once the slope that is left shrinks no more.
ACCURACY = 1e-12
#: A step goes less far while it leaves a larger slope than this, and than this many times the present one.
STEEPEST, GROWTH = 2.0, 2.0
#: Halvings of a step.
HALVINGS = 20
#: Eigenvalues of the scaled system, relative to the largest, that count as 0.
SINGULAR = 1e-15
#: Share of the way to the boundary that a step goes.
REACH = 0.995


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
    """Slopes of the loss beyond thresholds, `sum_g W_g max(0, sqrt(u_g / W_g) - 1)^2`: `0 <= v < 1` (`certificate`)."""

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


@dataclass(frozen=True)
class Goal:
    """When a search ends.

    Attributes:
        gap: relative distance of value and lower bound at which it has succeeded.
        rounding: the same, absolute.
        max_evaluations: evaluations of states and of the engine after which it stops.
    """

    gap: float
    rounding: float
    max_evaluations: int


@dataclass(frozen=True, eq=False)
class State:
    """A transmission with scales, and what both prove.

    Attributes:
        point: the transmission.
        scales: v of each bound.
        bounds: u.
        value: the objective.
        merit: the same, but finite wherever the bounds are.
        lower_bound: no transmission has a smaller objective.
    """

    point: np.ndarray
    scales: Numbers
    bounds: Numbers
    value: float
    merit: float
    lower_bound: float

    @property
    def gap(self) -> float:
        """Relative distance of the merit from the lower bound; 0 when both are 0."""
        return 1.0 - self.lower_bound / self.merit if self.merit else 0.0


class ScaleSearch:
    """All states that a search has seen; it can be continued from any.

    Attributes:
        states: at least one, after `see` or `solve`.
        last: where it stands.
        evaluations: of states and of the engine.
    """

    def __init__(self, item: ReducedProblem, scales: Scales, goal: Goal) -> None:
        self.item, self.scales, self.goal = item, scales, goal
        self.states: list[State] = []
        self.evaluations = 0

    @property
    def best(self) -> State:
        """The state of least value."""
        return min(self.states, key=lambda state: state.value)

    @property
    def proof(self) -> State:
        """The state that proves most."""
        return max(self.states, key=lambda state: state.lower_bound)

    @property
    def is_done(self) -> bool:
        """Whether the value is close enough to the lower bound, or to 0, below which no objective is."""
        value, bound = self.best.value, max(self.proof.lower_bound, 0.0)
        return bool(np.isfinite(value) and value - bound <= max(self.goal.gap * value, self.goal.rounding))

    @property
    def progress(self) -> Progress:
        """The best state as what an engine has found."""
        best = self.best
        return Progress(
            point=best.point,
            resume=best.point,
            value=best.value,
            bound=max(self.proof.lower_bound, 0.0),
            iterations=len(self.states) - 1,
            evaluations=self.evaluations,
            engine="factor Newton",
            found=tuple((0, state.value, max(state.lower_bound, 0.0)) for state in self.states),
        )

    def see(self, point: np.ndarray, scales: Numbers) -> State:
        """The state of a transmission with scales."""
        item, of = self.item, self.scales
        bounds, bound = judged(item.shape, item.arrays, of.groups, of.base + scales, point)
        is_known = bool(np.all(bounds > 0.0))
        value, merit = (of.value(bounds), of.merit(bounds, scales)) if is_known else (np.inf, np.inf)
        self.last = State(point, scales, bounds, value, merit, bound - of.cost(scales))
        self.states.append(self.last)
        self.evaluations += 1
        return self.last

    def solve(self, near: list[np.ndarray] | None, scales: Numbers, *, accuracy: float = ROUGH) -> State:
        """The state of scales with the transmission that is best for them."""
        item, left = self.item, max(self.goal.max_evaluations - self.evaluations, 1)
        numbers = weighted(item.arrays, self.scales.groups, self.scales.base + scales)
        found = solve_from(item.shape, numbers, near, tolerance=accuracy, max_evaluations=left)
        self.evaluations += found.evaluations
        return self.see(found.point, scales)

    def run(self, *, patience: int = STEPS) -> bool:
        """Go on until the goal is reached; whether it is.

        Args:
            patience: steps after which a lower bound above 0 must be known.
        """
        for number in range(STEPS):
            state, of = self.last, self.scales
            is_lost = not np.isfinite(state.merit) or state.scales.max() > LARGEST_SCALE
            is_lost |= number >= patience and self.proof.lower_bound <= 0.0
            if self.is_done or is_lost or self.evaluations >= self.goal.max_evaluations:
                break
            try:
                arrays, weights = self.item.arrays, of.base + state.scales
                self._step(state, expansion_at(self.item.shape, arrays, of.groups, weights, state.point))
            except np.linalg.LinAlgError:
                break
        return self.is_done

    def _step(self, state: State, expansion: Expansion) -> None:
        """A Newton step, with a share of all scales kept if it does not do without, and the engine if that fails."""
        shape, share, wanted = self.item.shape, self.scales.least_share, max(KEPT_SHARE * state.gap, self.goal.gap)
        tried: list[State] = []
        for kept in (0.0, share) if share and state.lower_bound > 0.0 else (share,):
            if not tried or np.any(tried[0].scales < kept * state.scales):
                scales = self._next(state, expansion.curvature, kept)
                tried.append(self.see(moved(shape, expansion, self.scales.base + scales), scales))
            if tried[-1].gap <= wanted:
                return
        trial = tried[-1]
        accuracy = max(float(np.fmin(FINER * trial.gap, ROUGH)), self.goal.gap)
        solved = self.solve(variables(shape, trial.point), trial.scales, accuracy=accuracy)
        self.last = min(trial, solved, key=lambda each: each.gap)

    def _next(self, state: State, curvature: np.ndarray, kept: float) -> Numbers:
        """v of greatest `min_i u_i . v - v . M v / 2 - Phi*(v)` that keeps a share of each, with the least cut."""
        of, size, unit = self.scales, self.scales.size, float(state.bounds.max())
        cuts = np.array([each.bounds for each in self.states if np.isfinite(each.merit)]) / unit
        rows, limits = of.domain()
        rows = np.vstack([-cuts, -np.eye(size), rows])
        rows = np.hstack([rows, np.zeros((len(rows), 1))])
        rows[: len(cuts), size] = 1.0
        limits = np.concatenate([of.base * cuts.sum(axis=1), -kept * state.scales, limits])

        def derivatives(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            slope, bend = of.derivatives(x[:size])
            second = np.zeros((size + 1, size + 1))
            second[:size, :size] = (curvature + np.diag(bend)) / unit
            return np.append((curvature @ (of.base + x[:size]) + slope) / unit, -1.0), second

        inside = of.inside(state.scales)
        start = np.append(inside, (cuts @ (of.base + inside)).min() - 0.1)
        return of.within(convex_minimum(derivatives, rows, limits, start)[:size])


def convex_minimum(
    derivatives: Callable[[Float[np.ndarray, " n"]], tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n n"]]],
    rows: Float[np.ndarray, "row n"],
    limits: Float[np.ndarray, " row"],
    inside: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """x with `A x <= b` of least f, from a point strictly inside and the first two derivatives of f.

    Interior-point steps with the predictor and corrector of Mehrotra (1992), in numbers of about 1.
    """
    x, room = inside, limits - rows @ inside
    price, last = 0.1 / room, np.inf
    slope, curvature = derivatives(x)
    for _ in range(PROGRAM_STEPS):
        dual, primal = slope + rows.T @ price, rows @ x + room - limits
        mean, left = float(room @ price) / room.size, float(np.abs(dual).max())
        if mean <= ACCURACY and left > 0.5 * last:
            break
        last = left
        matrix = curvature + rows.T @ ((price / room)[:, None] * rows)
        inverse, target = _inverse(matrix), -room * price
        for is_last in (False, True):
            step = inverse @ (-dual - rows.T @ ((target + price * primal) / room))
            change = -primal - rows @ step
            rise = (target - price * change) / room
            lengths = np.concatenate([-change / room, -rise / price])
            length = min(1.0, (REACH if is_last else 1.0) / max(float(lengths.max()), 1e-300))
            if not is_last:
                centring = (float((room + length * change) @ (price + length * rise)) / room.size / mean) ** 3
                target = centring * mean - room * price - change * rise
        for _ in range(HALVINGS):
            slope, curvature = derivatives(x + length * step)
            if np.abs(slope + rows.T @ (price + length * rise)).max() <= max(STEEPEST, GROWTH * left):
                break
            length *= 0.5
        x, room, price = x + length * step, room + length * change, price + length * rise
    return x


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Inverse with what rounding cannot tell from 0 left out: the least x may be one of many."""
    scale = 1.0 / np.sqrt(np.maximum(np.diagonal(matrix), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(matrix * np.outer(scale, scale))
    inverse = np.where(values > SINGULAR * values[-1], 1.0 / np.where(values > 0.0, values, 1.0), 0.0)
    vectors = scale[:, None] * vectors
    return (vectors * inverse) @ vectors.T
