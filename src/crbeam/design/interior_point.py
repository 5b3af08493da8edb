"""Primal-dual interior point for one reduced problem.

Minimises f over X_b >= 0 with fixed power of each budget, with multipliers lambda_g and slacks S_b whose target is
`lambda_g 1 - G_b`. Nesterov-Todd scaling, Mehrotra's predictor and corrector, an Armijo search on the barrier
function, and two safeguards: the barrier parameter is *held* while the certificate says that the point is off the path,
and after a short step the slacks are *restarted* from the primal point, which gives a plain barrier Newton step.

f is compatible with -log det X (`|D3f[h,h,h]| <= 3 D2f[h,h] |X^-1/2 h X^-1/2|`), so damped Newton steps converge from
anywhere; the number of iterations hardly depends on the dimension.
"""

from dataclasses import dataclass, field

import numpy as np

from crbeam.design.explicit_bound import (
    ExplicitBound,
    SecondOrder,
    explicit_bound,
    to_coordinates,
    to_matrix,
)
from crbeam.design.hermitian import hermitian_basis
from crbeam.design.reduced_bound import joined
from crbeam.design.reduced_information import BlockShape, ReducedArrays, ReducedShape
from crbeam.linalg import hermitian_part

#: Most iterations.
ITERATION_LIMIT = 60
#: The barrier parameter is held when the gap exceeds this many times its value on the path.
OFF_PATH = 10.0
#: A primal step shorter than this restarts the slacks.
SHORT_STEP = 0.2
#: After this many iterations without progress, below `STALL_GAP`, the search ends.
STALL_PATIENCE = 4
STALL_GAP = 1e-6


@dataclass(frozen=True, eq=False)
class Path:
    """Best point of an interior-point run, with its certificate; values relative to the isotropic X."""

    point: np.ndarray
    value: float
    bound: float
    n_evaluations: int
    trace: tuple[float, ...]
    bounds: tuple[float, ...]

    @property
    def gap(self) -> float:
        """Certified relative distance from the optimum."""
        return 1.0 - self.bound / self.value


@dataclass(frozen=True, eq=False)
class _Scaling:
    """Nesterov-Todd scaling of one block: `R^-1 X R^-H = R^H S R = diag(spectrum)`."""

    root: np.ndarray
    inverse: np.ndarray
    spectrum: np.ndarray

    def pull(self, matrix: np.ndarray) -> np.ndarray:
        """`R^-H M R^-1`."""
        return self.inverse.conj().T @ matrix @ self.inverse

    def scaled_primal(self, change: np.ndarray) -> np.ndarray:
        """`R^-1 dX R^-H`."""
        return self.inverse @ change @ self.inverse.conj().T

    def scaled_dual(self, change: np.ndarray) -> np.ndarray:
        """`R^H dS R`."""
        return self.root.conj().T @ change @ self.root

    def longest(self, scaled_change: np.ndarray) -> float:
        """Largest step along a scaled change that keeps the matrix positive semidefinite."""
        half = 1.0 / np.sqrt(self.spectrum)
        lowest = np.linalg.eigvalsh(hermitian_part(half[:, None] * scaled_change * half))[0]
        return float(-1.0 / lowest) if lowest < 0.0 else np.inf


@dataclass
class _State:
    """Iterate and memory of the run."""

    primal: list[np.ndarray]
    slack: list[np.ndarray]
    multipliers: np.ndarray
    must_centre: bool = False
    evaluations: int = 0
    trace: list[float] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)
    best: tuple[float, float, list[np.ndarray]] | None = None
    since_progress: int = 0


@dataclass(frozen=True, eq=False)
class _Step:
    """Changes of X and S, and the new multipliers."""

    primal: list[np.ndarray]
    dual: list[np.ndarray]
    multipliers: np.ndarray


def follow_path(shape: ReducedShape, arrays: ReducedArrays, *, gap: float, max_iterations: int) -> Path:
    """Follow the central path until the certified gap is at most `gap`."""
    bound = explicit_bound(shape, arrays)
    state = _warm_start(bound)
    for _ in range(min(max_iterations, ITERATION_LIMIT)):
        local = bound.second_order(_coordinates(shape, state.primal))
        state.evaluations += 1
        power = _certify(bound, state, local)
        assert state.best is not None
        if 1.0 - state.best[1] / state.best[0] <= gap or _has_stalled(state):
            break
        try:
            _advance(bound, state, local, power)
        except np.linalg.LinAlgError:
            break
    assert state.best is not None
    value, lower, primal = state.best
    return Path(_point(shape, primal), value, lower, state.evaluations, tuple(state.trace), tuple(state.bounds))


def _coordinates(shape: ReducedShape, primal: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([to_coordinates(block, part) for block, part in zip(shape.blocks, primal, strict=True)])


def _point(shape: ReducedShape, primal: list[np.ndarray]) -> np.ndarray:
    parts = []
    for block, part in zip(shape.blocks, primal, strict=True):
        if block.is_diagonal:
            parts.append(np.sqrt(np.real(np.diagonal(part))))
        else:
            values, vectors = np.linalg.eigh(part)
            parts.append(vectors * np.sqrt(np.maximum(values, 0.0)))
    return joined(parts, shape)


def _normalised(shape: ReducedShape, primal: list[np.ndarray]) -> list[np.ndarray]:
    totals = np.zeros(shape.n_budgets)
    for block, part in zip(shape.blocks, primal, strict=True):
        totals[block.budget] += np.trace(part).real
    return [hermitian_part(part) / totals[block.budget] for block, part in zip(shape.blocks, primal, strict=True)]


def _matrices(bound: ExplicitBound, coordinates: np.ndarray) -> list[np.ndarray]:
    return [to_matrix(block, coordinates[part]) for block, part in zip(bound.shape.blocks, bound.slices, strict=True)]


def _worst(shape: ReducedShape, gradients: list[np.ndarray]) -> np.ndarray:
    """Largest eigenvalue of G over the blocks of each budget."""
    worst = np.zeros(shape.n_budgets)
    for block, gradient in zip(shape.blocks, gradients, strict=True):
        worst[block.budget] = max(worst[block.budget], np.linalg.eigvalsh(gradient)[-1])
    return worst


def _warm_start(bound: ExplicitBound) -> _State:
    """Two majorisation steps `X <- (X G X)^(1/2)`, mixed with the isotropic X."""
    shape = bound.shape
    sharing = [sum(other.budget == block.budget for other in shape.blocks) for block in shape.blocks]
    isotropic = [
        np.eye(block.size, dtype=complex) / (block.size * share)
        for block, share in zip(shape.blocks, sharing, strict=True)
    ]
    primal = isotropic
    for _ in range(2):
        local = bound.second_order(_coordinates(shape, primal))
        gradients = _matrices(bound, local.steepest)
        roots = [_square_root(part @ g @ part) for part, g in zip(primal, gradients, strict=True)]
        mixed = _normalised(shape, roots)
        primal = [0.9 * part + 0.1 * even for part, even in zip(mixed, isotropic, strict=True)]
    gradients = _matrices(bound, bound.second_order(_coordinates(shape, primal)).steepest)
    multipliers = 1.3 * np.maximum(_worst(shape, gradients), 1e-12)
    slack = [
        multipliers[block.budget] * np.eye(block.size) - gradient
        for block, gradient in zip(shape.blocks, gradients, strict=True)
    ]
    return _State(primal, slack, multipliers, evaluations=3)


def _square_root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(hermitian_part(matrix))
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.conj().T


def _certify(bound: ExplicitBound, state: _State, local: SecondOrder) -> float:
    """Record value and bound of the iterate; returns the sum of the largest eigenvalues of G over the budgets."""
    power = float(_worst(bound.shape, _matrices(bound, local.steepest)).sum())
    lower = local.value**2 / (local.constant + power)
    gap = 1.0 - lower / local.value
    state.since_progress += 1
    best_gap = np.inf if state.best is None else 1.0 - state.best[1] / state.best[0]
    if gap < 0.9 * best_gap:
        state.since_progress = 0
    if gap < best_gap:
        state.best = (local.value, lower, state.primal)
    state.trace.append(local.value)
    state.bounds.append(lower)
    return power


def _has_stalled(state: _State) -> bool:
    assert state.best is not None
    return 1.0 - state.best[1] / state.best[0] < STALL_GAP and state.since_progress >= STALL_PATIENCE


def _scaling(primal: np.ndarray, slack: np.ndarray) -> _Scaling:
    lower_primal, lower_slack = np.linalg.cholesky(primal), np.linalg.cholesky(slack)
    left, spectrum, right = np.linalg.svd(lower_slack.conj().T @ lower_primal)
    half = np.sqrt(spectrum)
    root = lower_primal @ (right.conj().T / half)
    return _Scaling(root, (left.conj().T / half[:, None]) @ lower_slack.conj().T, spectrum)


def _kernel(block: BlockShape, weight: np.ndarray) -> np.ndarray:
    """`Delta -> P Delta P` in coordinates."""
    if block.is_diagonal:
        return np.diag(np.real(np.diagonal(weight)) ** 2)
    basis = hermitian_basis(block.size)
    images = (weight @ basis @ weight).reshape(len(basis), -1)
    return (images.view(float) @ basis.reshape(len(basis), -1).view(float).T).T


class _Newton:
    """The factorised Newton system of one iterate, solved for several targets."""

    def __init__(self, bound: ExplicitBound, state: _State, local: SecondOrder, scalings: list[_Scaling]):
        self.bound, self.state, self.local, self.scalings = bound, state, local, scalings
        system = local.hessian.copy()
        blocks = bound.shape.blocks
        self.rows = np.zeros((bound.shape.n_budgets, system.shape[0]))
        for block, part, scaling in zip(blocks, bound.slices, scalings, strict=True):
            system[part, part] += _kernel(block, scaling.pull(np.eye(block.size)))
            self.rows[block.budget, part.start : part.start + block.size] = 1.0
        self.scale = 1.0 / np.sqrt(np.diagonal(system))
        factor = np.linalg.cholesky(system * np.outer(self.scale, self.scale))
        self.half = np.linalg.inv(factor) * self.scale
        self.missing = 1.0 - self.rows @ _coordinates(bound.shape, state.primal)
        self.schur = (self.half @ self.rows.T).T @ (self.half @ self.rows.T)

    def step(self, targets: list[np.ndarray]) -> _Step:
        """Changes for which the scaled complementarity is `targets`."""
        blocks = self.bound.shape.blocks
        right = self.local.steepest + np.concatenate(
            [to_coordinates(b, s.pull(e)) for b, s, e in zip(blocks, self.scalings, targets, strict=True)]
        )
        free = self.half.T @ (self.half @ right)
        multipliers = np.linalg.solve(self.schur, self.rows @ free - self.missing)
        free -= self.half.T @ (self.half @ (self.rows.T @ multipliers))
        primal = _matrices(self.bound, free)
        dual = [
            s.pull(e - np.diag(s.spectrum) - s.scaled_primal(x))
            for s, e, x in zip(self.scalings, targets, primal, strict=True)
        ]
        return _Step(primal, dual, multipliers)

    def longest(self, step: _Step) -> tuple[float, float]:
        """Largest primal and dual steps to the boundary."""
        primal = min(s.longest(s.scaled_primal(x)) for s, x in zip(self.scalings, step.primal, strict=True))
        dual = min(s.longest(s.scaled_dual(x)) for s, x in zip(self.scalings, step.dual, strict=True))
        return primal, dual


def _advance(bound: ExplicitBound, state: _State, local: SecondOrder, power: float) -> None:
    """One predictor-corrector iteration; replaces the iterate in `state`."""
    shape = bound.shape
    rank = sum(block.size for block in shape.blocks)
    gap = 1.0 - local.value / (local.constant + power)
    if state.must_centre:
        level = 0.3 * gap * power / rank
        state.slack = [hermitian_part(level * np.linalg.inv(part)) for part in state.primal]
    scalings = [_scaling(x, s) for x, s in zip(state.primal, state.slack, strict=True)]
    mu = sum(float(np.sum(s.spectrum**2)) for s in scalings) / rank
    newton = _Newton(bound, state, local, scalings)
    if state.must_centre or gap * power > OFF_PATH * rank * mu:
        sigma, targets = 1.0, [np.diag(mu / s.spectrum) for s in scalings]
    else:
        sigma, targets = _corrected(newton, scalings, mu, rank)
    step = newton.step(targets)
    fraction = float(np.clip(1.0 - sigma, 0.9, 0.995))
    longest_primal, longest_dual = newton.longest(step)
    length = _line_search(bound, state, local, step, (min(1.0, fraction * longest_primal), sigma * mu))
    dual_length = min(1.0, fraction * longest_dual)
    state.must_centre = length < SHORT_STEP
    moved = [x + length * d for x, d in zip(state.primal, step.primal, strict=True)]
    state.primal = _normalised(shape, moved)
    state.slack = [hermitian_part(s + dual_length * d) for s, d in zip(state.slack, step.dual, strict=True)]
    state.multipliers = state.multipliers + dual_length * (step.multipliers - state.multipliers)


def _corrected(newton: _Newton, scalings: list[_Scaling], mu: float, rank: int) -> tuple[float, list[np.ndarray]]:
    """Mehrotra's centring parameter and second-order targets."""
    predictor = newton.step([np.zeros_like(s.root) for s in scalings])
    primal_length, dual_length = (min(1.0, length) for length in newton.longest(predictor))
    reached, products = 0.0, []
    for s, x, z in zip(scalings, predictor.primal, predictor.dual, strict=True):
        scaled_x, scaled_z = s.scaled_primal(x), s.scaled_dual(z)
        centre = np.diag(s.spectrum)
        reached += float(np.sum((centre + primal_length * scaled_x) * (centre + dual_length * scaled_z).conj()).real)
        products.append(scaled_x @ scaled_z)
    sigma = float(np.clip((reached / rank / mu) ** 2, 1e-6, 1.0))
    targets = [
        np.diag(sigma * mu / s.spectrum) - (p + p.conj().T) / (s.spectrum[:, None] + s.spectrum)
        for s, p in zip(scalings, products, strict=True)
    ]
    return sigma, targets


def _line_search(
    bound: ExplicitBound, state: _State, local: SecondOrder, step: _Step, settings: tuple[float, float]
) -> float:
    """Armijo on `f - sigma mu log det X`, halving from the longest step."""
    length, weight = settings
    shape = bound.shape
    here = _coordinates(shape, state.primal)
    direction = _coordinates(shape, step.primal)
    start = local.value - weight * _log_determinant(state.primal)
    slope = -float(local.steepest @ direction) - weight * sum(
        float(np.trace(np.linalg.solve(x, d)).real) for x, d in zip(state.primal, step.primal, strict=True)
    )
    for _ in range(8):
        moved = [x + length * d for x, d in zip(state.primal, step.primal, strict=True)]
        value = bound.value(here + length * direction)
        state.evaluations += 1
        if value - weight * _log_determinant(moved) <= start + 1e-4 * length * min(slope, 0.0) + 1e-13 * abs(start):
            break
        length *= 0.5
    return length


def _log_determinant(primal: list[np.ndarray]) -> float:
    """Sum of log det X; minus infinity outside the cone."""
    total = 0.0
    for part in primal:
        lowest = np.linalg.eigvalsh(part)
        total += float(np.sum(np.log(lowest))) if lowest[0] > 0.0 else -np.inf
    return total
