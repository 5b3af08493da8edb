"""Quasi-Newton descent in the factors of the covariances.

Minimises log f over square factors (see `reduced_bound`) by L-BFGS with an Armijo line search from unit steps, until
the squared residual is below a target. Square factors have no spurious local minimum: a stationary B that is singular
and second-order stationary satisfies the optimality condition, and so does every nonsingular one. Deciding whether a
point is good enough is not done here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crbeam.design.engine.reduced_bound import Evaluation, evaluate, evaluator
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
#: A pair is rejected when `s^T y` is at most this fraction of `|s| |y|`.
CURVATURE_TOLERANCE = 1e-12


class CurvatureMemory:
    """Curvature pairs of a minimisation, or of a batch of independent ones, for the quasi-Newton direction.

    For pairs s, y (columns of S, Y), `R = triu(S^T Y)`, `D = diag(R)` and the initial inverse `gamma`,
    `H g = gamma g + S R^-T ((D + gamma Y^T Y) R^-1 S^T g - gamma Y^T g) - gamma Y R^-1 S^T g`
    (Byrd, Nocedal and Schnabel 1994). A few matrix-vector products replace the two loops over pairs, and `R^-1` grows
    by one column for each pair; products with the newest y are differences of those with g. All arrays may carry a
    leading batch axis; a pair that an item rejects is stored as zero. A work space, changed in place.
    """

    def __init__(self, batch: tuple[int, ...], size: int, capacity: int, scale: float):
        self._steps = np.zeros((*batch, capacity, size))
        self._changes = np.zeros((*batch, capacity, size))
        self._inverse = np.zeros((*batch, capacity, capacity))
        self._changes_gram = np.zeros((*batch, capacity, capacity))
        self._products = np.zeros((*batch, capacity))
        self._along_steps = self._along_changes = np.zeros((*batch, 0, 1))
        self._gamma = np.full(batch, scale)
        self._capacity, self._count = capacity, 0

    def take(self, index: np.ndarray) -> "CurvatureMemory":
        """The memories of some items of a batch."""
        taken = object.__new__(CurvatureMemory)
        k = self._count
        for name, value in vars(self).items():
            setattr(taken, name, value[index] if name in ("_along_steps", "_along_changes", "_gamma") else value)
        for name in ("_steps", "_changes", "_inverse", "_changes_gram", "_products"):
            old = getattr(self, name)
            new = np.zeros((len(index), *old.shape[1:]))
            new[:, :k] = old[index, :k]
            setattr(taken, name, new)
        return taken

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Descent direction `-H gradient`."""
        self._look_along(gradient)
        return self._turned(gradient)

    def turn(
        self, step: np.ndarray, change: np.ndarray, gradient: np.ndarray, accepted: np.ndarray | bool
    ) -> np.ndarray:
        """Store a pair for each item where `accepted`; the descent direction at the gradient that it led to.

        The gradient before, `gradient - change`, must be that of the last `direction` or `turn`, where the memory was
        not empty; items without `accepted` have kept theirs.
        """
        product, change_norm = np.vecdot(step, change), np.vecdot(change, change)
        kept = accepted & (product > CURVATURE_TOLERANCE * np.sqrt(np.vecdot(step, step) * change_norm))
        is_batch = step.ndim > 1
        if not (is_batch or kept):
            return self.direction(gradient)
        if self._count == self._capacity:
            self._forget_oldest()
        if is_batch:
            step, change = np.where(kept[:, None], step, 0.0), np.where(kept[:, None], change, 0.0)
        k = self._count
        self._steps[..., k, :], self._changes[..., k, :] = step, change
        self._count = k + 1
        before = self._along_steps, self._along_changes
        self._look_along(gradient)
        column, cross = self._along_steps[..., :k, :] - before[0], self._along_changes[..., :k, :] - before[1]
        pivot = product
        if is_batch:
            column, cross = np.where(kept[:, None, None], column, 0.0), np.where(kept[:, None, None], cross, 0.0)
            pivot = np.where(kept, product, 1.0)
            product, change_norm = np.where(kept, product, 0.0), np.where(kept, change_norm, 0.0)
            self._gamma = np.where(kept, product / np.where(kept, change_norm, 1.0), self._gamma)
        else:
            self._gamma = product / change_norm
        self._changes_gram[..., k, :k] = self._changes_gram[..., :k, k] = cross[..., 0]
        self._changes_gram[..., k, k], self._products[..., k] = change_norm, product
        self._inverse[..., :k, k] = (self._inverse[..., :k, :k] @ column)[..., 0] / -pivot[..., None]
        self._inverse[..., k, k] = 1.0 / pivot
        return self._turned(gradient)

    def _look_along(self, gradient: np.ndarray) -> None:
        """`S^T g` and `Y^T g`: their differences are the products with a change of the gradient."""
        k, column = self._count, gradient[..., None]
        self._along_steps = self._steps[..., :k, :] @ column
        self._along_changes = self._changes[..., :k, :] @ column

    def _turned(self, gradient: np.ndarray) -> np.ndarray:
        """`-H gradient` for the gradient that was looked along."""
        k = self._count
        gamma = self._gamma[..., None]
        if k == 0:
            return -gamma * gradient
        inverse = self._inverse[..., :k, :k]
        along = inverse @ self._along_steps
        bent = self._along_changes - self._changes_gram[..., :k, :k] @ along
        weights = self._products[..., :k, None] * along - gamma[..., None] * bent
        rows = (weights.swapaxes(-1, -2) @ inverse) @ self._steps[..., :k, :]
        rows -= (gamma * along[..., 0])[..., None, :] @ self._changes[..., :k, :]
        return -gamma * gradient - rows[..., 0, :]

    def forget(self, chosen: np.ndarray | bool, scale: float) -> None:
        """Drop all pairs of the chosen items and start again from `scale`."""
        keep = ~np.asarray(chosen)
        for array in (self._steps, self._changes):
            array *= keep[..., None, None]
        self._products *= keep[..., None]
        self._along_steps = self._along_steps * keep[..., None, None]
        self._along_changes = self._along_changes * keep[..., None, None]
        self._changes_gram *= keep[..., None, None]
        identity = np.eye(self._capacity)
        self._inverse[...] = np.where(keep[..., None, None], self._inverse, identity)
        self._gamma = np.where(keep, self._gamma, scale)

    def _forget_oldest(self) -> None:
        for array in (self._steps, self._changes):
            array[..., :-1, :] = array[..., 1:, :].copy()
        for array in (self._inverse, self._changes_gram):
            array[..., :-1, :-1] = array[..., 1:, 1:].copy()
            array[..., -1, :] = 0.0
        self._products[..., :-1] = self._products[..., 1:].copy()
        self._along_steps, self._along_changes = self._along_steps[..., 1:, :], self._along_changes[..., 1:, :]
        self._count -= 1


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
