"""Interior-point method for the dual of the most power in one direction under ratios of served users.

In units of the power budget and of each user's noise, with the unit vector t, `A = t t^H`, channels h_k, required
ratios gamma_k, and N the users that hear the sensing stream, the most power is the minimum of `l - sum_k v_k` over
`v >= 0` with

    S = l 1 - A + sum_{k in N} v_k h_k h_k^H >= 0,            B = l 1 - A + sum_k v_k h_k h_k^H,
    (1 + 1 / gamma_k) v_k <= 1 / (h_k^H B^-1 h_k)             for every user k,

which are K + 1 numbers in place of K + 1 matrices. Any such numbers prove an upper limit.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float

#: Newton decrement, squared, below which a point counts as on the central path; share of the barrier kept at a step.
CENTRED, REDUCTION = 0.1, 0.1
#: Share of the wanted gap that the barrier may leave.
BARRIER_SHARE = 0.1
#: Newton steps after which the method stops, trial steps of a line search, and the share of the predicted descent.
MAX_STEPS, MAX_HALVINGS, ARMIJO = 400, 40, 1e-2


@dataclass(frozen=True, eq=False)
class LitProgram:
    """Most power in one direction, in units of the budget and of each user's noise, within what sees the transmission.

    Attributes:
        direction: t, of unit length.
        channels: h_k as columns.
        ratios: gamma_k, positive.
        hears: whether each user hears the sensing stream, because it does not know it.
    """

    direction: Complex[np.ndarray, " tx"]
    channels: Complex[np.ndarray, "tx user"]
    ratios: Float[np.ndarray, " user"]
    hears: Bool[np.ndarray, " user"]


@dataclass(frozen=True, eq=False)
class LitDual:
    """A point of the dual with what belongs to it.

    Attributes:
        price: l.
        shares: v.
        beams: directions `B^-1 h_k` of the users' beams as columns, the last one of the sensing beam, `S^-1 t`.
        steps: number of Newton steps.
    """

    price: float
    shares: Float[np.ndarray, " user"]
    beams: Complex[np.ndarray, "tx beam"]
    steps: int

    @property
    def most(self) -> float:
        """Upper limit on the power, as far as rounding lets the point be in the dual's domain."""
        return self.price - float(self.shares.sum())


@dataclass(frozen=True, eq=False)
class _Local:
    """Everything at a point: inverse Cholesky factors of B and S, `K_B H`, `h^H B^-1 h` and the slack of each user."""

    root: np.ndarray
    sensing_root: np.ndarray
    whitened: np.ndarray
    seen: np.ndarray
    slacks: np.ndarray


def follow_dual(program: LitProgram, *, gap: float) -> LitDual:
    """The end of the central path, where the duality gap is below a share `gap` of the power."""
    weight = len(program.direction) + 2 * len(program.ratios)
    point, barrier, steps = _start(program), 1.0 / weight, 0
    while steps < MAX_STEPS:
        steps += 1
        local = _local(program, point)
        if local is None:
            break
        step, decrement = _newton(program, point, local, barrier)
        moved = None if decrement < CENTRED**2 else _moved(program, point, step, decrement, barrier)
        if moved is None:
            most = point[0] - point[1:].sum()
            last = BARRIER_SHARE * gap * max(most, 1e-6) / weight
            if barrier <= last:
                break
            barrier = max(barrier * REDUCTION, last)
        else:
            point = moved
    local = _local(program, point)
    assert local is not None, "every point that was accepted is inside"
    beams = local.root.conj().T @ local.whitened
    sensing = local.sensing_root.conj().T @ (local.sensing_root @ program.direction)
    stacked = np.concatenate([beams, sensing[:, None]], axis=1)
    return LitDual(float(point[0]), point[1:], stacked / np.linalg.norm(stacked, axis=0), steps)


def _start(program: LitProgram) -> Float[np.ndarray, " unknown"]:
    """A strictly feasible point: `l = 2`, where `h^H B^-1 h <= |h|^2` without the user's own part."""
    lengths = np.sum(np.abs(program.channels) ** 2, axis=0)
    return np.concatenate([[2.0], 0.3 * program.ratios / lengths])


def _local(program: LitProgram, point: np.ndarray) -> _Local | None:
    """What is needed at a point, or None outside the domain."""
    if np.any(point <= 0.0):
        return None
    base = point[0] * np.eye(len(program.direction)) - np.outer(program.direction, program.direction.conj())
    scaled = program.channels * np.sqrt(point[1:])
    heard = scaled[:, program.hears]
    try:
        sensing_root = np.linalg.inv(np.linalg.cholesky(base + heard @ heard.conj().T))
        root = np.linalg.inv(np.linalg.cholesky(base + scaled @ scaled.conj().T))
    except np.linalg.LinAlgError:
        return None
    whitened = root @ program.channels
    seen = np.sum(np.abs(whitened) ** 2, axis=0)
    slacks = 1.0 / seen - (1.0 + 1.0 / program.ratios) * point[1:]
    return None if np.any(slacks <= 0.0) else _Local(root, sensing_root, whitened, seen, slacks)


def _value(program: LitProgram, point: np.ndarray, barrier: float) -> float:
    local = _local(program, point)
    if local is None:
        return np.inf
    logarithms = np.sum(np.log(local.slacks)) + np.sum(np.log(point[1:]))
    logarithms -= 2.0 * np.sum(np.log(np.real(np.diagonal(local.sensing_root))))
    return float((point[0] - point[1:].sum()) / barrier - logarithms)


def _newton(
    program: LitProgram, point: np.ndarray, local: _Local, barrier: float
) -> tuple[Float[np.ndarray, " unknown"], float]:
    """Newton step of `(l - sum v) / barrier - sum of logarithms`, and the squared decrement."""
    shares = point[1:]
    beams = local.root.conj().T @ local.whitened
    coupling = local.whitened.conj().T @ local.whitened
    lengths = beams.conj().T @ beams
    # derivatives of 1 / (h^H B^-1 h) by the price and by every share, [user, unknown]
    slopes = np.concatenate([np.real(np.diagonal(lengths))[:, None], np.abs(coupling) ** 2], axis=1)
    slopes = slopes / local.seen[:, None] ** 2
    rises = slopes.copy()
    rises[:, 1:] -= np.diag(1.0 + 1.0 / program.ratios)
    weights = 1.0 / local.slacks
    gradient = np.concatenate([[1.0], -np.ones(len(shares))]) / barrier - weights @ rises
    hessian = (rises * weights[:, None] ** 2).T @ rises
    hessian -= 2.0 * (slopes * (weights * local.seen)[:, None]).T @ slopes
    _add_curvature(hessian, local, beams, coupling, lengths, weights / local.seen**2)
    _add_sensing(program, local, gradient, hessian)
    gradient[1:] -= 1.0 / shares
    hessian[np.arange(1, len(point)), np.arange(1, len(point))] += 1.0 / shares**2
    scale = 1.0 / np.sqrt(np.diagonal(hessian))
    scaled = hessian * np.outer(scale, scale) + 1e-14 * np.eye(len(point))
    step = -scale * np.linalg.solve(scaled, scale * gradient)
    return step, float(-gradient @ step)


def _add_curvature(
    hessian: np.ndarray,
    local: _Local,
    beams: np.ndarray,
    coupling: np.ndarray,
    lengths: np.ndarray,
    weights: np.ndarray,
) -> None:
    """Add `2 sum_j w_j Re(x_j^H B'_a B^-1 B'_b x_j)` with `x_j = B^-1 h_j`."""
    pairs = (coupling * weights) @ coupling
    hessian[1:, 1:] += 2.0 * np.real(coupling * pairs.T)
    mixed = 2.0 * np.real(np.sum(weights[:, None] * coupling * lengths.T, axis=0))
    hessian[0, 1:] += mixed
    hessian[1:, 0] += mixed
    hessian[0, 0] += 2.0 * float(weights @ np.sum(np.abs(local.root @ beams) ** 2, axis=0))


def _add_sensing(program: LitProgram, local: _Local, gradient: np.ndarray, hessian: np.ndarray) -> None:
    """Add gradient and Hessian of `-ln det S`."""
    inverse = local.sensing_root.conj().T @ local.sensing_root
    places = 1 + np.flatnonzero(program.hears)
    channels = program.channels[:, program.hears]
    turned = inverse @ channels
    coupling = channels.conj().T @ turned
    gradient[0] -= float(np.trace(inverse).real)
    gradient[places] -= np.real(np.diagonal(coupling))
    hessian[0, 0] += float(np.sum(np.abs(inverse) ** 2))
    mixed = np.sum(np.abs(turned) ** 2, axis=0)
    hessian[0, places] += mixed
    hessian[places, 0] += mixed
    hessian[np.ix_(places, places)] += np.abs(coupling) ** 2


def _moved(
    program: LitProgram, point: np.ndarray, step: np.ndarray, decrement: float, barrier: float
) -> Float[np.ndarray, " unknown"] | None:
    """The point after a damped Newton step; None if no step descends."""
    value, trial = _value(program, point, barrier), 1.0
    for _ in range(MAX_HALVINGS):
        moved = point + trial * step
        if _value(program, moved, barrier) <= value - ARMIJO * trial * decrement:
            return moved
        trial *= 0.5
    return None
