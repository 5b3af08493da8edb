"""Interior-point method for the Lagrangian dual of a network's program.

Over multipliers `mu >= 0` of the users, prices `lam >= 0` of the budgets P, and for each bound any matrix Z and a scale
`nu > 0` (1 where the bound is minimised),

    D = sum_k mu_k + sum (2 tr(E^T Z) - tr(Z^T I0 Z) / nu - nu [if limited]) - sum_g P_g lam_g
    with  M_b = (c + lam_g(b)) 1 - sum G_b(Z) / nu + sum_j mu_j h_jb h_jb^H >= 0
    and   (1 + 1/gamma_k) mu_k <= 1 / (h_kb^H M_b^-1 h_kb)   for every block b that may serve user k

is below the objective of every feasible transmission, and its maximum is the least objective: power with `c = 1`, or
the sum of the minimised bounds with `c = 0`. D is concave, and the second line of constraints says that `M_b` less the
rank-one price of the user's own signal is positive semidefinite. The covariances of the central path are
`barrier M_b^-1` for what serves nobody, and of rank one for what serves a user.

Where only feasibility is asked for, c is 0, minimised bounds are left out, and the price of the budgets is
`(P . lam)^2 / 2`: the maximum is then `t^2 / 2`, t being the least factor on all budgets that suffices.
"""

from dataclasses import dataclass

import numpy as np

from crbeam.design.network.dual_point import DualPoint, Unknowns, dual_value, unknowns_of
from crbeam.design.network.fixed_point import virtual_powers
from crbeam.design.network.program import NetworkProgram, ProgramBlock, adjoint, adjoint_of, informations_at

#: Newton decrement, squared, below which a point counts as on the central path, and at its end.
CENTRED, CENTRED_AT_END = 1e-2, 1e-5
#: Factor on the barrier from one point of the central path to the next: where power is minimised, and where bounds
#: are, whose path is more curved.
REDUCTION, CAREFUL_REDUCTION = 0.01, 0.1
#: Newton steps after which the method stops, and between checks of the lower bound.
MAX_STEPS, STEPS_PER_CHECK = 200, 4
#: Trial steps of one line search, and the share of the predicted increase that a step must bring.
MAX_HALVINGS, ARMIJO = 40, 1e-3
#: Share of the virtual powers and of the largest response with which the method starts.
START_SHARE, START_RESPONSE = 0.3, 0.25

Servers = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class CentralPath:
    """Where the method ended.

    Attributes:
        point: of the dual.
        unserved: covariance of what serves nobody, of each block.
        beams: beam of each user in each block that may serve it, by (user, place of the block).
        lower_bound: proven by the point, in the unit of the problem.
        steps: number of Newton steps.
    """

    point: DualPoint
    unserved: list[np.ndarray]
    beams: dict[tuple[int, int], np.ndarray]
    lower_bound: float
    steps: int


@dataclass(frozen=True, eq=False)
class _Local:
    """A block at a point: inverse Cholesky factor of M, `w_k = K h_k`, `g_k = 1 / |w_k|^2`, slack of each server."""

    root: np.ndarray
    whitened: np.ndarray
    gains: np.ndarray
    slacks: np.ndarray
    serves: np.ndarray


def _local(program: NetworkProgram, servers: Servers, block: ProgramBlock, point: DualPoint) -> _Local | None:
    """The block at a point, or None outside the domain."""
    matrix = (program.price + point.prices[block.budget]) * np.eye(block.basis.shape[1])
    matrix = matrix - adjoint(block, point.directions) + (block.channels * point.multipliers) @ block.channels.conj().T
    try:
        root = np.linalg.inv(np.linalg.cholesky(matrix))
    except np.linalg.LinAlgError:
        return None
    whitened = root @ block.channels
    gains = 1.0 / np.maximum(np.sum(np.abs(whitened) ** 2, axis=0), 1e-300)
    slacks = gains - program.factors * point.multipliers
    serves = np.array([user for user, allowed in enumerate(servers) if block.name in allowed], dtype=int)
    return None if np.any(slacks[serves] <= 0.0) else _Local(root, whitened, gains, slacks, serves)


def _barrier_value(program: NetworkProgram, servers: Servers, point: DualPoint, barrier: float) -> float:
    """D with logarithmic barriers; minus infinity outside its domain."""
    positive = np.concatenate([point.multipliers, point.prices, point.scales])
    if np.any(positive <= 0.0):
        return -np.inf
    logarithms = float(np.sum(np.log(positive)))
    for block in program.blocks:
        local = _local(program, servers, block, point)
        if local is None:
            return -np.inf
        logarithms -= 2.0 * float(np.sum(np.log(np.real(np.diagonal(local.root)))))
        logarithms += float(np.sum(np.log(local.slacks[local.serves])))
    return dual_value(program, point) + barrier * logarithms


def _slopes(block: ProgramBlock, point: DualPoint, unknowns: Unknowns) -> np.ndarray:
    """Derivative of M_b by every unknown, `[unknown, size, size]`."""
    size = block.basis.shape[1]
    found = np.zeros((unknowns.size, size, size), dtype=complex)
    found[unknowns.users] = np.einsum("ak,bk->kab", block.channels, block.channels.conj())
    found[unknowns.budgets.start + block.budget] = np.eye(size)
    for number, (response, scale) in enumerate(zip(point.responses, point.scales, strict=True)):
        entries, place = unknowns.entries[number], unknowns.scales[number]
        if entries.start == entries.stop:
            continue
        for part in block.parts[number]:
            scaled = part.transmit * part.jacobian.T[:, None, :]
            inner = part.weight @ (part.transmit * (part.jacobian @ response).T[:, None, :]).conj().swapaxes(1, 2)
            products = scaled[:, None] @ inner[None]
            products = products + products.conj().swapaxes(-1, -2)
            found[entries] -= products.reshape(response.size, size, size) / scale
        if place is not None:
            found[place] = adjoint_of(block, number, response) / scale**2
    return found


@dataclass(frozen=True, eq=False)
class _Newton:
    step: np.ndarray
    decrement: float


def _newton(program: NetworkProgram, servers: Servers, point: DualPoint, unknowns: Unknowns, barrier: float) -> _Newton:
    """Step to the maximum of the second-order model of the barrier function."""
    gradient, hessian = np.zeros(unknowns.size), np.zeros((unknowns.size, unknowns.size))
    totals = []
    for block in program.blocks:
        local = _local(program, servers, block, point)
        if local is None:
            raise np.linalg.LinAlgError
        _add_block(program, local, _slopes(block, point, unknowns), gradient, hessian)
        totals.append(barrier * _total(local))
    gradient *= barrier
    hessian *= barrier
    budgets = program.spared_budgets
    gradient[unknowns.users] += 1.0 + barrier / point.multipliers
    gradient[unknowns.budgets] += barrier / point.prices
    gradient[unknowns.budgets] -= budgets * (budgets @ point.prices if program.decides else 1.0)
    if program.decides:
        hessian[unknowns.budgets, unknowns.budgets] += np.outer(budgets, budgets)
    diagonal = np.arange(unknowns.budgets.stop)
    hessian[diagonal, diagonal] += barrier / np.concatenate([point.multipliers, point.prices]) ** 2
    for number, information in enumerate(informations_at(program, totals)):
        _add_response(program, point, unknowns, number, information, gradient, hessian)
    for place, value in zip(unknowns.scales, point.scales, strict=True):
        if place is not None:
            gradient[place] += barrier / value
            hessian[place, place] += barrier / value**2
    scale = 1.0 / np.sqrt(np.diagonal(hessian))
    step = scale * np.linalg.solve(hessian * np.outer(scale, scale), scale * gradient)
    return _Newton(step, float(gradient @ step) / barrier)


def _total(local: _Local) -> np.ndarray:
    """Covariance of all streams of a block, for a barrier of 1: `M^-1 + sum_k g_k^2 / s_k v_k v_k^H`."""
    beams = local.root.conj().T @ local.whitened[:, local.serves]
    weights = local.gains[local.serves] ** 2 / local.slacks[local.serves]
    return local.root.conj().T @ local.root + (beams * weights) @ beams.conj().T


def _add_block(
    program: NetworkProgram, local: _Local, slopes: np.ndarray, gradient: np.ndarray, hessian: np.ndarray
) -> None:
    """Add gradient and negative Hessian of the logarithms of a block, but for the curvature of M."""
    scaled = local.root @ slopes @ local.root.conj().T
    gradient += np.real(np.trace(scaled, axis1=1, axis2=2))
    flat = scaled.reshape(len(gradient), -1)
    hessian += np.real(flat @ flat.conj().T)
    for user in local.serves:
        vector, gain, slack = local.whitened[:, user], local.gains[user], local.slacks[user]
        turned = scaled @ vector
        falls = gain**2 * np.real(turned @ vector.conj())
        rises = falls.copy()
        rises[user] -= program.factors[user]
        gradient += rises / slack
        hessian += np.outer(rises, rises) / slack**2 - 2.0 / (gain * slack) * np.outer(falls, falls)
        hessian += 2.0 * gain**2 / slack * np.real(turned @ turned.conj().T)


def _add_response(
    program: NetworkProgram,
    point: DualPoint,
    unknowns: Unknowns,
    number: int,
    information: np.ndarray,
    gradient: np.ndarray,
    hessian: np.ndarray,
) -> None:
    """Add what a bound brings: its part of D, and the curvature of M in Z and nu."""
    bound, response, scale = program.bounds[number], point.responses[number], point.scales[number]
    entries, place = unknowns.entries[number], unknowns.scales[number]
    if entries.start == entries.stop:
        return
    known = bound.constant @ response
    gradient[entries] += 2.0 * (bound.selection - known / scale).ravel()
    every = np.kron(information, np.eye(response.shape[1]))
    hessian[entries, entries] += 2.0 * every / scale
    if place is None:
        return
    seen = information @ response
    gradient[place] += float(np.sum(response * known)) / scale**2 - 1.0
    hessian[entries, place] -= 2.0 * seen.ravel() / scale**2
    hessian[place, entries] -= 2.0 * seen.ravel() / scale**2
    hessian[place, place] += 2.0 * float(np.sum(response * seen)) / scale**3


def starting_point(program: NetworkProgram, servers: Servers) -> DualPoint:
    """A strictly feasible point: a share of the powers of the virtual uplink, and a small multiple of E."""
    total = max(float(program.budgets.sum()), 1e-300)
    prices = np.full(len(program.budgets), 0.1 / max(1.0, total) + 1.0 - program.price)
    if program.role.has_objective and not program.decides:
        prices = np.full(len(program.budgets), 1.0 / total)
    level = program.price + float(prices.min(initial=np.inf))
    multipliers = START_SHARE * level * virtual_powers(program, servers)
    responses, scales = [], np.ones(len(program.bounds))
    for number, (bound, counts) in enumerate(zip(program.bounds, program.counted, strict=True)):
        if not counts:
            responses.append(np.zeros_like(bound.selection))
            continue
        shape = bound.selection / float(np.sum(bound.selection**2))
        gathered = [np.linalg.eigvalsh(adjoint_of(block, number, shape)) for block in program.blocks]
        largest = max(float(values.max(initial=0.0)) for values in gathered)
        scale = START_RESPONSE * level / (largest * len(program.bounds))
        responses.append((scale if bound.is_limited else np.sqrt(scale)) * shape)
        scales[number] = scale if bound.is_limited else 1.0
    return DualPoint(multipliers, prices, tuple(responses), scales)


def follow_path(
    program: NetworkProgram, servers: Servers, *, gap: float, cutoff: float = np.inf, to_its_end: bool = False
) -> CentralPath:
    """The central path until the duality gap is below a share `gap`, or the lower bound reaches a cutoff.

    An infinite lower bound says that nothing is feasible, and ends the path unless it is to be followed to its end, as
    for the least factor on the budgets that would do.
    """
    weight = sum(block.basis.shape[1] for block in program.blocks) + sum(len(allowed) for allowed in servers)
    weight += len(servers) + len(program.budgets) + 1
    unknowns = unknowns_of(program)
    point, barrier = starting_point(program, servers), 1.0 / weight
    bound, is_last, factor = 0.0, False, CAREFUL_REDUCTION if program.role.has_objective else REDUCTION
    step = 0
    for step in range(1, MAX_STEPS + 1):
        if step % STEPS_PER_CHECK == 0 and not to_its_end:
            bound = program.lower_bound(servers, point.multipliers, point.directions)
            if bound >= cutoff:
                break
        try:
            newton = _newton(program, servers, point, unknowns, barrier)
        except np.linalg.LinAlgError:
            break
        moved = _advanced(program, servers, point, newton.step, newton.decrement, barrier)
        if is_last and (newton.decrement < CENTRED_AT_END or moved is None):
            full = point.moved(newton.step, unknowns)
            point = full if np.isfinite(_barrier_value(program, servers, full, barrier)) else point
            break
        if not is_last and (newton.decrement < CENTRED or moved is None):
            wanted = gap * dual_value(program, point) / weight
            is_last = barrier * factor < wanted
            barrier = max(barrier * factor, wanted)
        point = moved or point
    bound = max(bound, program.lower_bound(servers, point.multipliers, point.directions))
    return CentralPath(point, *_covariances(program, servers, point, barrier), bound, step)


def _advanced(
    program: NetworkProgram, servers: Servers, point: DualPoint, step: np.ndarray, decrement: float, barrier: float
) -> DualPoint | None:
    """The point after a damped Newton step; None if no step increases the barrier function."""
    value = _barrier_value(program, servers, point, barrier)
    trial, unknowns = 1.0, unknowns_of(program)
    for _ in range(MAX_HALVINGS):
        moved = point.moved(trial * step, unknowns)
        if _barrier_value(program, servers, moved, barrier) >= value + ARMIJO * trial * barrier * decrement:
            return moved
        trial *= 0.5
    return None


def _covariances(
    program: NetworkProgram, servers: Servers, point: DualPoint, barrier: float
) -> tuple[list[np.ndarray], dict[tuple[int, int], np.ndarray]]:
    """Covariances that belong to a point of the central path."""
    unserved, beams = [], {}
    for place, block in enumerate(program.blocks):
        local = _local(program, servers, block, point)
        assert local is not None
        unserved.append(barrier * local.root.conj().T @ local.root)
        for user in local.serves:
            amplitude = local.gains[user] * np.sqrt(barrier / local.slacks[user])
            beams[int(user), place] = amplitude * local.root.conj().T @ local.whitened[:, user]
    return unserved, beams
