"""Quasi-Newton descent in the factors of the covariances.

Minimises log f over square factors (see `reduced_bound`) by L-BFGS with an Armijo line search from unit steps, until
the squared residual is below a target. Square factors have no spurious local minimum: a stationary B that is singular
and second-order stationary satisfies the optimality condition, and so does every nonsingular one. Deciding whether a
point is good enough is not done here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crbeam.design.engine.curvature import CurvatureMemory
from crbeam.design.engine.lean_evaluation import evaluator
from crbeam.design.engine.reduced_bound import Evaluation, evaluate
from crbeam.design.engine.reduced_information import ReducedArrays, ReducedShape

#: Curvature pairs kept.
MEMORY = 30
#: Initial inverse curvature of log f.
FIRST_SCALE = 0.25
#: Fraction of the predicted decrease that a step must reach.
SUFFICIENT_DECREASE = 1e-4
#: Step below which a line search gives up.
SMALLEST_STEP = 1e-9
#: Fraction of unfinished items of a batch below which the finished ones are removed from the arrays.
CROWDED = 0.8
#: Evaluations of a batch between two reviews.
REVIEW_INTERVAL = 4


@dataclass(frozen=True, eq=False)
class Descent:
    """Where a descent ended.

    Attributes:
        point: last accepted point.
        residual: squared residual there.
        n_evaluations: evaluations of value and gradient.
        trace: value of the start and of each accepted point.
        memory: curvature pairs, with which the descent can go on; None for an item of a batch.
    """

    point: np.ndarray
    residual: float
    n_evaluations: int
    trace: tuple[float, ...]
    memory: CurvatureMemory | None = None


def descend(
    shape: ReducedShape,
    arrays: ReducedArrays,
    start: np.ndarray,
    *,
    target: float,
    max_evaluations: int,
    memory: CurvatureMemory | None = None,
) -> Descent:
    """Descent of one problem until the squared residual is at most `target`."""
    evaluate_at = evaluator(shape, arrays)
    point, current = start, evaluate_at(start)
    memory = memory or CurvatureMemory((), point.size, MEMORY, FIRST_SCALE)
    trace, used = [float(current.value)], 1
    direction = memory.direction(current.slope)
    while used < max_evaluations and current.residual > target:
        if not direction @ current.slope < 0.0:
            memory.forget(True, FIRST_SCALE)
            direction = memory.direction(current.slope)
        step, trial = 1.0, None
        while trial is None and used < max_evaluations and step > SMALLEST_STEP:
            used += 1
            trial = _accepted(evaluate_at, point, current, step * direction)
            step *= 0.5
        if trial is None:
            break
        moved = 2.0 * step * direction
        direction = memory.turn(moved, trial.slope - current.slope, trial.slope, True)
        point, current = point + moved, trial
        trace.append(float(current.value))
    return Descent(point, float(current.residual), used, tuple(trace), memory)


def _accepted(
    evaluate_at: Callable[[np.ndarray], Evaluation], point: np.ndarray, current: Evaluation, move: np.ndarray
) -> Evaluation | None:
    """The evaluation at `point + move` if it decreases the value enough."""
    trial = evaluate_at(point + move)
    wanted = current.value * (1.0 + SUFFICIENT_DECREASE * (move @ current.slope))
    return trial if 0.0 < trial.value <= wanted else None


#: Called with items, their points and their numbers of steps; returns the targets with which they go on.
Review = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def descend_many(
    shape: ReducedShape,
    arrays: ReducedArrays,
    starts: np.ndarray,
    *,
    target: float,
    max_evaluations: int,
    review: Review | None = None,
) -> list[Descent]:
    """Descents of independent problems of one shape; the result of an item does not depend on its companions.

    Items whose residual has reached their target are shown to `review`, and go on if they get a lower one.
    """
    batch = _Batch(shape, arrays, starts, min(MEMORY, max_evaluations))
    targets = np.full(len(starts), target)
    while True:
        waiting = batch.is_open[batch.items]
        is_last = batch.used >= max_evaluations
        if review is None or is_last or batch.used % REVIEW_INTERVAL == 0:
            places = np.flatnonzero(waiting & (batch.residual <= targets[batch.items]))
            if review is not None and places.size:
                chosen = batch.items[places]
                targets[chosen] = review(chosen, batch.point[places], batch.steps[places])
            waiting &= batch.residual > targets[batch.items]
        waiting &= (batch.step >= SMALLEST_STEP) & (not is_last)
        batch.close(np.flatnonzero(~waiting))
        if not waiting.any():
            return batch.descents()
        if waiting.mean() < CROWDED:
            batch.keep(np.flatnonzero(waiting))
        batch.advance()


class _Batch:
    """Work space of a batch of descents; `close`, `keep` and `advance` change it in place."""

    def __init__(self, shape: ReducedShape, arrays: ReducedArrays, starts: np.ndarray, capacity: int):
        self.shape, self.arrays = shape, arrays
        self.items = np.arange(starts.shape[0])
        self.point = starts
        current = evaluate(shape, arrays, starts)
        self.value, self.slope, self.residual = current.value, current.slope, current.residual
        self.direction = -FIRST_SCALE * self.slope
        self.step = np.ones(len(starts))
        self.steps = np.zeros(len(starts), dtype=int)
        self.used = 1
        self.memory = CurvatureMemory(starts.shape[:1], starts.shape[1], capacity, FIRST_SCALE)
        self.history = [(self.items, self.value)]
        self.is_open = np.ones(len(starts), dtype=bool)
        self.ends: dict[int, tuple[np.ndarray, float, int]] = {}

    def close(self, places: np.ndarray) -> None:
        """Note where the items at `places` have ended, unless that has been noted before."""
        for place in places[self.is_open[self.items[places]]].tolist():
            item = int(self.items[place])
            self.ends[item] = self.point[place].copy(), float(self.residual[place]), self.used
            self.is_open[item] = False

    def descents(self) -> list[Descent]:
        """The descents of all items, in order."""
        values = np.full((len(self.history), len(self.is_open)), np.nan)
        for number, (items, value) in enumerate(self.history):
            values[number, items] = value
        result = []
        for item, trace in enumerate(np.ascontiguousarray(values.T)):
            point, residual, used = self.ends[item]
            is_step = ~np.isnan(trace)
            is_step[0] = True
            result.append(Descent(point, residual, used, tuple(trace[is_step].tolist())))
        return result

    def keep(self, places: np.ndarray) -> None:
        """Remove all other items."""
        self.arrays, self.memory = self.arrays.take(places), self.memory.take(places)
        for name in ("items", "point", "value", "slope", "residual", "direction", "step", "steps"):
            setattr(self, name, getattr(self, name)[places])

    def advance(self) -> None:
        """One evaluation of every item: accept its step and turn, or shorten the step."""
        move = self.step[:, None] * self.direction
        trial = evaluate(self.shape, self.arrays, self.point + move)
        wanted = self.value * (1.0 + SUFFICIENT_DECREASE * np.vecdot(move, self.slope))
        accepted = (trial.value > 0.0) & (trial.value <= wanted)
        mask, change = accepted[:, None], trial.slope - self.slope
        self.point = np.where(mask, self.point + move, self.point)
        self.slope = np.where(mask, trial.slope, self.slope)
        self.value = np.where(accepted, trial.value, self.value)
        self.residual = np.where(accepted, trial.residual, self.residual)
        turned = self.memory.turn(move, change, self.slope, accepted)
        uphill = accepted & ~(np.vecdot(turned, self.slope) < 0.0)
        if uphill.any():
            self.memory.forget(uphill, FIRST_SCALE)
            turned = np.where(uphill[:, None], -FIRST_SCALE * self.slope, turned)
        self.direction = np.where(mask, turned, self.direction)
        self.step = np.where(accepted, 1.0, 0.5 * self.step)
        self.steps = self.steps + accepted
        self.history.append((self.items[accepted], self.value[accepted]))
        self.used += 1
