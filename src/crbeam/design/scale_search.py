"""The least value of an objective of bounds under budgets, codebooks and ties: Newton steps between weighted bounds.

The least `Phi(u(R))` over transmissions R is the greatest `q(v) - Phi*(v)` over scales v (see `scales`), with the
concave `q(v) = min_R v . u(R)`, which the engine solves as a weighted bound. Whatever v is, a lower bound of q less
`Phi*(v)` is one of the objective, and whatever R is, `q(v) <= v . u(R)` is a cut. Steps go to the v that maximises the
least of all cuts plus the curvature of q at the last transmission less `Phi*`, and to the transmission expected there
(see `engine.thin_factors`): once the bounds that count are found, the gap is about squared by each. The engine is only
called at the start and where a step has not brought the gap down.

Near a scale of 0 its bound may be anything, and steps from there are short. So a step keeps a share of every scale
while nothing is proven, and where it would fail otherwise.
"""

from dataclasses import dataclass

import numpy as np

from crbeam.design.engine import ReducedProblem
from crbeam.design.engine.progress import Progress
from crbeam.design.engine.reduced_bound import variables
from crbeam.design.engine.solver import solve_from
from crbeam.design.engine.thin_factors import Expansion, expansion_at, judged, moved, weighted
from crbeam.design.scales import Numbers, Scales
from crbeam.design.small_programs import convex_minimum

#: Steps after which a search gives up.
STEPS = 30
#: A step that leaves more than this share of the gap is followed by the engine.
KEPT_SHARE = 0.5
#: Largest certified gap of a weighted bound, and that relative to the gap of the objective.
ROUGH, FINER = 1e-3, 0.03
#: Scales beyond this are those of limits that cannot be kept.
LARGEST_SCALE = 1e3


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
