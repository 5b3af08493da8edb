"""Interior point for one reduced problem.

Minimises `f - mu sum_b log det X_b` with the power of each budget fixed, by damped Newton steps, and lowers mu
whenever the Newton decrement says that the point is close to the path. f is compatible with the barrier,
`|D3f[h,h,h]| <= 3 D2f[h,h] |X^-1/2 h X^-1/2|` (since `-X <= h <= X` implies `-I(X) <= I(h) <= I(X)`), so the steps
converge from anywhere for every mu, and their number, about twenty, hardly depends on the dimension or on how hard the
problem is. (A primal-dual method with Nesterov-Todd scaling and Mehrotra's corrector needs six to ten steps on easy
problems, but loses its way where the optimum gives some nuisance almost no information; easy problems never get here.)

The same steps minimise other losses of the bounds (see `losses`), certified by the weighted bound with the slopes of
the loss.
"""

from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.engine.explicit_bound import (
    WEIGHTED_BOUND,
    ExplicitBound,
    SecondOrder,
    explicit_bound,
    to_coordinates,
    to_matrix,
)
from crbeam.design.engine.hermitian import hermitian_basis
from crbeam.design.engine.losses import Loss
from crbeam.design.engine.reduced_bound import joined
from crbeam.design.engine.reduced_information import BlockShape, ReducedArrays, ReducedShape
from crbeam.errors import SolverFailed
from crbeam.linalg import hermitian_part

#: Most Newton steps.
ITERATION_LIMIT = 100
#: Factor by which mu is lowered, and the squared Newton decrement below which it is.
SHRINK = 0.03
CENTRED = 1.0
#: Largest fraction of the way to the boundary of the cone.
BOUNDARY_FRACTION = 0.95
#: Least mu. Where the loss has constraints of its own, mu stays at this share of what the gap allows until the point is
#: central: their multipliers are mu over what is left to the limit, which is true on the central path only.
LEAST_WEIGHT = 1e-14
MULTIPLIER_SHARE = 0.3
#: Halvings of a step.
HALVINGS = 20


@dataclass(frozen=True, eq=False)
class Path:
    """Best point of an interior-point run, with its certificate; values relative to the isotropic X.

    Attributes:
        point: it.
        value: loss there.
        bound: proven lower bound on the loss.
        n_evaluations: evaluations of the loss.
        trace: loss of all iterates.
        bounds: lower bound of each of them.
        inside: X of each block at the best point, positive definite.
    """

    point: np.ndarray
    value: float
    bound: float
    n_evaluations: int
    trace: tuple[float, ...]
    bounds: tuple[float, ...]
    inside: tuple[np.ndarray, ...]

    @property
    def gap(self) -> float:
        """Certified relative distance from the optimum; 0 when value and bound are both 0."""
        return 1.0 - self.bound / self.value if self.value else 0.0


@dataclass(frozen=True, eq=False)
class _Newton:
    """Newton step on the barrier function, its squared decrement in units of mu, mu, and the merit of the loss."""

    change: np.ndarray
    decrement: float
    weight: float
    merit: float


def follow_path(
    shape: ReducedShape,
    arrays: ReducedArrays,
    *,
    gap: float,
    max_evaluations: int,
    loss: Loss = WEIGHTED_BOUND,
    start: tuple[np.ndarray, ...] = (),
    rounding: float = 0.0,
) -> Path:
    """Follow the central path until the certified gap is at most `gap`, or the value within `rounding` of its bound.

    Args:
        shape: sizes and structure.
        arrays: whitened numbers.
        gap: relative.
        max_evaluations: after which the best point is returned with the gap that it has.
        loss: what is minimised.
        start: X of each block, positive definite; by default isotropic.
        rounding: absolute.
    """
    bound = explicit_bound(shape, arrays)
    rank = sum(block.size for block in shape.blocks)
    primal, weight = list(start) or isotropic_parts(shape), 0.0
    best: Path | None = None
    used, trace, bounds = 0, [], []
    while used < max_evaluations and len(trace) < ITERATION_LIMIT:
        try:
            local = bound.second_order(_coordinates(shape, primal), loss, weight)
            power = float(_worst(shape, _matrices(bound, local.steepest)).sum())
            value, lower = local.loss.value, _lower_bound(local, power)
            used += 1
            trace.append(value)
            bounds.append(lower)
            path = Path(_point(shape, primal), value, lower, used, (), (), tuple(primal))
            if best is None or (path.gap, value) < (best.gap, best.value):
                best = path
            if best.gap <= gap or best.value - best.bound <= rounding:
                break
            weight = weight or 0.3 * best.gap * power / rank
            least = MULTIPLIER_SHARE * gap * value / rank if loss.has_barrier else LEAST_WEIGHT
            newton = _newton(bound, local, primal, (weight, least), loss)
        except np.linalg.LinAlgError:
            break
        primal, tried = _moved(bound, primal, newton, loss)
        weight = newton.weight
        used += tried
    if best is None:
        raise SolverFailed(
            "The information at the first transmission must be regular, but its factorisation failed.",
            status="interior point",
        )
    return replace(best, n_evaluations=used, trace=tuple(trace), bounds=tuple(bounds))


def _lower_bound(local: SecondOrder, power: float) -> float:
    """What a point proves: the certificate of the weighted bound with the slopes of the loss, less the offset."""
    if not local.gain:
        return 0.0
    return float(np.clip(local.gain**2 / (local.constant + power) - local.loss.offset, 0.0, local.loss.value))


def isotropic_parts(shape: ReducedShape) -> list[np.ndarray]:
    """The same power in every direction of every block; budgets are spent."""
    sharing = [sum(other.budget == block.budget for other in shape.blocks) for block in shape.blocks]
    return [
        np.eye(block.size, dtype=complex) / (block.size * share)
        for block, share in zip(shape.blocks, sharing, strict=True)
    ]


def _coordinates(shape: ReducedShape, primal: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([to_coordinates(block, part) for block, part in zip(shape.blocks, primal, strict=True)])


def _matrices(bound: ExplicitBound, coordinates: np.ndarray) -> list[np.ndarray]:
    return [to_matrix(block, coordinates[part]) for block, part in zip(bound.shape.blocks, bound.slices, strict=True)]


def _point(shape: ReducedShape, primal: list[np.ndarray]) -> np.ndarray:
    parts = []
    for block, part in zip(shape.blocks, primal, strict=True):
        if block.is_diagonal:
            parts.append(np.sqrt(np.real(np.diagonal(part))))
        else:
            values, vectors = np.linalg.eigh(part)
            parts.append(vectors * np.sqrt(np.maximum(values, 0.0)))
    return joined(parts, shape)


def _worst(shape: ReducedShape, gradients: list[np.ndarray]) -> np.ndarray:
    """Largest eigenvalue of G over the blocks of each budget."""
    worst = np.zeros(shape.n_budgets)
    for block, gradient in zip(shape.blocks, gradients, strict=True):
        worst[block.budget] = max(worst[block.budget], np.linalg.eigvalsh(gradient)[-1])
    return worst


def _barrier_hessian(block: BlockShape, inverse: np.ndarray) -> np.ndarray:
    """`Delta -> X^-1 Delta X^-1` in coordinates."""
    if block.is_diagonal:
        return np.diag(np.real(np.diagonal(inverse)) ** 2)
    basis = hermitian_basis(block.size)
    images = (inverse @ basis @ inverse).reshape(len(basis), -1)
    return images.view(float) @ basis.reshape(len(basis), -1).view(float).T


def _power_rows(bound: ExplicitBound) -> np.ndarray:
    """Power of each coordinate in each budget."""
    rows = np.zeros((bound.shape.n_budgets, bound.slices[-1].stop))
    for block, part in zip(bound.shape.blocks, bound.slices, strict=True):
        rows[block.budget, part.start : part.start + block.size] = 1.0
    return rows


def _newton(
    bound: ExplicitBound, local: SecondOrder, primal: list[np.ndarray], weights: tuple[float, float], loss: Loss
) -> _Newton:
    """Newton step for the largest barrier weight, from the first given, for which the point is not yet central.

    It is not lowered below the second.
    """
    weight, least = weights
    inverses = [hermitian_part(np.linalg.inv(part)) for part in primal]
    barrier = np.zeros_like(local.hessian)
    for block, part, inverse in zip(bound.shape.blocks, bound.slices, inverses, strict=True):
        barrier[part, part] = _barrier_hessian(block, inverse)
    pull = _coordinates(bound.shape, inverses)
    rows = _power_rows(bound)
    while True:
        if loss.has_barrier:
            local = bound.second_order(_coordinates(bound.shape, primal), loss, weight)
        system = local.hessian + weight * barrier
        scale = 1.0 / np.sqrt(np.diagonal(system))
        half = np.linalg.inv(np.linalg.cholesky(system * np.outer(scale, scale))) * scale
        free, fixed = half @ (local.steepest + weight * pull), half @ rows.T
        free -= fixed @ np.linalg.solve(fixed.T @ fixed, fixed.T @ free)
        decrement = float(free @ free) / weight
        if decrement > CENTRED or weight < least:
            return _Newton(half.T @ free, decrement, weight, local.loss.merit)
        weight *= SHRINK


def _moved(bound: ExplicitBound, primal: list[np.ndarray], newton: _Newton, loss: Loss) -> tuple[list[np.ndarray], int]:
    """The iterate after an Armijo search on the barrier function, and the number of values tried."""
    shape, weight = bound.shape, newton.weight
    changes = _matrices(bound, newton.change)
    length = min(1.0, BOUNDARY_FRACTION * min(map(_longest, primal, changes)))
    here = _coordinates(shape, primal)
    start = newton.merit - weight * _log_determinant(primal)
    tried, moved = 0, primal
    while tried < HALVINGS:
        tried += 1
        moved = [part + length * change for part, change in zip(primal, changes, strict=True)]
        value = bound.merit(here + length * newton.change, loss, weight) - weight * _log_determinant(moved)
        if value <= start - 0.1 * length * newton.decrement * weight + 1e-13 * abs(start):
            break
        length *= 0.5
    totals = np.zeros(shape.n_budgets)
    for block, part in zip(shape.blocks, moved, strict=True):
        totals[block.budget] += np.trace(part).real
    return [hermitian_part(x) / totals[block.budget] for block, x in zip(shape.blocks, moved, strict=True)], tried


def _longest(primal: np.ndarray, change: np.ndarray) -> float:
    """Largest step along `change` that keeps X positive semidefinite."""
    inverse = np.linalg.inv(np.linalg.cholesky(primal))
    lowest = np.linalg.eigvalsh(inverse @ change @ inverse.conj().T)[0]
    return float(-1.0 / lowest) if lowest < 0.0 else np.inf


def _log_determinant(primal: list[np.ndarray]) -> float:
    """Sum of log det X; minus infinity outside the cone."""
    eigenvalues = np.concatenate([np.linalg.eigvalsh(part) for part in primal])
    return float(np.sum(np.log(eigenvalues))) if eigenvalues.min() > 0.0 else -np.inf
