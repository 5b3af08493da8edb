"""Interior-point method for the Lagrangian dual of the least power under requirements.

Over multipliers `mu >= 0` of the users, prices `lam >= 0` of the budgets P, a scale `nu > 0` and any matrix Z,

    D = sum_k mu_k + 2 tr(E^T Z) - tr(Z^T I0 Z) / nu - nu - sum_g P_g lam_g
    with  M_b = (1 + lam_g(b)) 1 - G_b(Z) / nu + sum_j mu_j h_jb h_jb^H >= 0
    and   (1 + 1/gamma_k) mu_k <= 1 / (h_kb^H M_b^-1 h_kb)   for every block b that may serve user k

is below the power of every feasible transmission, and its maximum is the least power. D is concave, and the second line
of constraints says that `M_b` less the rank-one price of the user's own signal is positive semidefinite. The
covariances of the central path are `barrier M_b^-1` for what serves nobody, and of rank one for what serves a user.

Where only feasibility is asked for, the 1 in M is left out and the price of the budgets is `(P . lam)^2 / 2`: the
maximum is then `t^2 / 2`, t being the least factor on all budgets that suffices.
"""

from dataclasses import dataclass

import numpy as np

from crbeam.design.network.fixed_point import virtual_powers
from crbeam.design.network.program import SPARE_POWER, PowerProgram, ProgramBlock, adjoint, information_at

#: Newton decrement, squared, below which a point counts as on the central path, and at its end.
CENTRED, CENTRED_AT_END = 1e-2, 1e-5
#: Factor on the barrier from one point of the central path to the next.
REDUCTION = 0.01
#: Newton steps after which the method stops, and between checks of the lower bound.
MAX_STEPS, STEPS_PER_CHECK = 75, 4
#: Trial steps of one line search, and the share of the predicted increase that a step must bring.
MAX_HALVINGS, ARMIJO = 40, 1e-3
#: Share of the virtual powers and of the largest response with which the method starts.
START_SHARE, START_RESPONSE = 0.3, 0.25

Servers = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class DualPoint:
    """A point of the dual: mu of each user, prices, Z, and nu (1 without a limited bound)."""

    multipliers: np.ndarray
    prices: np.ndarray
    response: np.ndarray
    scale: float

    def moved(self, step: np.ndarray) -> "DualPoint":
        """The point after a step in all unknowns: users, budgets, entries of Z, scale."""
        users, budgets = self.multipliers.size, self.multipliers.size + self.prices.size
        entries = budgets + self.response.size
        return DualPoint(
            self.multipliers + step[:users],
            self.prices + step[users:budgets],
            self.response + step[budgets:entries].reshape(self.response.shape),
            self.scale + (float(step[entries]) if self.response.size else 0.0),
        )

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return self.multipliers.size + self.prices.size + self.response.size + (1 if self.response.size else 0)

    @property
    def direction(self) -> np.ndarray:
        """`Z / sqrt(nu)`."""
        return self.response / np.sqrt(self.scale)


@dataclass(frozen=True, eq=False)
class CentralPath:
    """Where the method ended.

    Attributes:
        point: of the dual.
        unserved: covariance of what serves nobody, of each block.
        beams: beam of each user in each block that may serve it, by (user, place of the block).
        lower_bound_w: proven by the point.
        steps: number of Newton steps.
    """

    point: DualPoint
    unserved: list[np.ndarray]
    beams: dict[tuple[int, int], np.ndarray]
    lower_bound_w: float
    steps: int


@dataclass(frozen=True, eq=False)
class _Local:
    """A block at a point: inverse Cholesky factor of M, `w_k = K h_k`, `g_k = 1 / |w_k|^2`, slack of each server."""

    root: np.ndarray
    whitened: np.ndarray
    gains: np.ndarray
    slacks: np.ndarray
    serves: np.ndarray


def _local(program: PowerProgram, servers: Servers, block: ProgramBlock, point: DualPoint) -> _Local | None:
    """The block at a point, or None outside the domain."""
    matrix = (program.price + point.prices[block.budget]) * np.eye(block.basis.shape[1])
    matrix = matrix - adjoint(block, point.direction) + (block.channels * point.multipliers) @ block.channels.conj().T
    try:
        root = np.linalg.inv(np.linalg.cholesky(matrix))
    except np.linalg.LinAlgError:
        return None
    whitened = root @ block.channels
    gains = 1.0 / np.maximum(np.sum(np.abs(whitened) ** 2, axis=0), 1e-300)
    slacks = gains - program.factors * point.multipliers
    serves = np.array([user for user, allowed in enumerate(servers) if block.name in allowed], dtype=int)
    return None if np.any(slacks[serves] <= 0.0) else _Local(root, whitened, gains, slacks, serves)


def dual_value(program: PowerProgram, point: DualPoint) -> float:
    """D in units of power."""
    value = float(point.multipliers.sum()) - _price_of_budgets(program, point)
    if not point.response.size:
        return value
    curved = float(np.sum(point.response * (program.constant @ point.response))) / point.scale
    return value + 2.0 * float(np.sum(program.selection * point.response)) - curved - point.scale


def _price_of_budgets(program: PowerProgram, point: DualPoint) -> float:
    """`P . lam`, or half its square where only the budgets count: then the maximum is `t^2 / 2`."""
    price = float(_budgets(program) @ point.prices)
    return price if program.price else 0.5 * price**2


def _budgets(program: PowerProgram) -> np.ndarray:
    return program.budgets * (1.0 - SPARE_POWER)


def _barrier_value(program: PowerProgram, servers: Servers, point: DualPoint, barrier: float) -> float:
    """D with logarithmic barriers; minus infinity outside its domain."""
    positive = np.concatenate([point.multipliers, point.prices, [point.scale]])
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


def _slopes(block: ProgramBlock, point: DualPoint) -> np.ndarray:
    """Derivative of M_b by every unknown, `[unknown, size, size]`."""
    size, users = block.basis.shape[1], point.multipliers.size
    found = np.zeros((point.size, size, size), dtype=complex)
    found[:users] = np.einsum("ak,bk->kab", block.channels, block.channels.conj())
    found[users + block.budget] = np.eye(size)
    if not point.response.size:
        return found
    start = users + point.prices.size
    for part in block.parts:
        scaled = part.transmit * part.jacobian.T[:, None, :]
        inner = part.weight @ (part.transmit * (part.jacobian @ point.response).T[:, None, :]).conj().swapaxes(1, 2)
        products = scaled[:, None] @ inner[None]
        products = products + products.conj().swapaxes(-1, -2)
        found[start:-1] -= products.reshape(point.response.size, size, size) / point.scale
    found[-1] = adjoint(block, point.direction) / point.scale
    return found


@dataclass(frozen=True, eq=False)
class _Newton:
    step: np.ndarray
    decrement: float
    locals: list[_Local]


def _newton(program: PowerProgram, servers: Servers, point: DualPoint, barrier: float) -> _Newton:
    """Step to the maximum of the second-order model of the barrier function."""
    gradient, hessian = np.zeros(point.size), np.zeros((point.size, point.size))
    found, totals = [], []
    for block in program.blocks:
        local = _local(program, servers, block, point)
        if local is None:
            raise np.linalg.LinAlgError
        _add_block(program, block, point, local, gradient, hessian)
        found.append(local)
        totals.append(barrier * _total(local))
    gradient *= barrier
    hessian *= barrier
    users, budgets = point.multipliers.size, point.multipliers.size + point.prices.size
    positive = np.concatenate([point.multipliers, point.prices])
    gradient[:budgets] += barrier / positive
    gradient[:users] += 1.0
    gradient[users:budgets] -= _budgets(program) * (1.0 if program.price else _budgets(program) @ point.prices)
    if not program.price:
        hessian[users:budgets, users:budgets] += np.outer(_budgets(program), _budgets(program))
    hessian[np.arange(budgets), np.arange(budgets)] += barrier / positive**2
    if point.response.size:
        _add_response(program, point, information_at(program, totals), gradient, hessian)
        gradient[-1] += barrier / point.scale
        hessian[-1, -1] += barrier / point.scale**2
    scale = 1.0 / np.sqrt(np.diagonal(hessian))
    step = scale * np.linalg.solve(hessian * np.outer(scale, scale), scale * gradient)
    return _Newton(step, float(gradient @ step) / barrier, found)


def _total(local: _Local) -> np.ndarray:
    """Covariance of all streams of a block, for a barrier of 1: `M^-1 + sum_k g_k^2 / s_k v_k v_k^H`."""
    beams = local.root.conj().T @ local.whitened[:, local.serves]
    weights = local.gains[local.serves] ** 2 / local.slacks[local.serves]
    return local.root.conj().T @ local.root + (beams * weights) @ beams.conj().T


def _add_block(
    program: PowerProgram,
    block: ProgramBlock,
    point: DualPoint,
    local: _Local,
    gradient: np.ndarray,
    hessian: np.ndarray,
) -> None:
    """Add gradient and negative Hessian of the logarithms of a block, but for the curvature of M."""
    scaled = local.root @ _slopes(block, point) @ local.root.conj().T
    gradient += np.real(np.trace(scaled, axis1=1, axis2=2))
    flat = scaled.reshape(point.size, -1)
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
    program: PowerProgram, point: DualPoint, information: np.ndarray, gradient: np.ndarray, hessian: np.ndarray
) -> None:
    """Add what the limited bound brings: its part of D, and the curvature of M in Z and nu."""
    entries = slice(point.size - 1 - point.response.size, point.size - 1)
    known = program.constant @ point.response
    gradient[entries] += 2.0 * (program.selection - known / point.scale).ravel()
    gradient[-1] += float(np.sum(point.response * known)) / point.scale**2 - 1.0
    seen = information @ point.response
    every = np.kron(information, np.eye(point.response.shape[1]))
    hessian[entries, entries] += 2.0 * every / point.scale
    hessian[entries, -1] -= 2.0 * seen.ravel() / point.scale**2
    hessian[-1, entries] -= 2.0 * seen.ravel() / point.scale**2
    hessian[-1, -1] += 2.0 * float(np.sum(point.response * seen)) / point.scale**3


def starting_point(program: PowerProgram, servers: Servers) -> DualPoint:
    """A strictly feasible point: a share of the powers of the virtual uplink, and a small multiple of E."""
    multipliers = START_SHARE * virtual_powers(program, servers)
    prices = np.full(len(program.budgets), 0.1 / max(1.0, float(program.budgets.sum())) + 1.0 - program.price)
    if not program.selection.size:
        return DualPoint(multipliers, prices, program.selection, 1.0)
    shape = program.selection / float(np.sum(program.selection**2))
    largest = max(float(np.linalg.eigvalsh(adjoint(block, shape)).max(initial=0.0)) for block in program.blocks)
    scale = START_RESPONSE / largest
    return DualPoint(multipliers, prices, scale * shape, scale)


def follow_path(program: PowerProgram, servers: Servers, *, gap: float, cutoff_w: float = np.inf) -> CentralPath:
    """The central path until the duality gap is below a share `gap`, or the lower bound reaches a cutoff.

    An infinite lower bound says that nothing is feasible.
    """
    weight = sum(block.basis.shape[1] for block in program.blocks) + sum(len(allowed) for allowed in servers)
    weight += len(servers) + len(program.budgets) + 1
    point, barrier = starting_point(program, servers), 1.0 / weight
    bound_w, is_last = 0.0, False
    step = 0
    for step in range(1, MAX_STEPS + 1):
        if step % STEPS_PER_CHECK == 0:
            bound_w = program.lower_bound_w(servers, point.multipliers, point.direction)
            if bound_w >= cutoff_w:
                break
        try:
            newton = _newton(program, servers, point, barrier)
        except np.linalg.LinAlgError:
            break
        moved = _advanced(program, servers, point, newton, barrier)
        if is_last and (newton.decrement < CENTRED_AT_END or moved is None):
            full = point.moved(newton.step)
            point = full if np.isfinite(_barrier_value(program, servers, full, barrier)) else point
            break
        if not is_last and (newton.decrement < CENTRED or moved is None):
            wanted = gap * dual_value(program, point) / weight
            is_last = barrier * REDUCTION < wanted
            barrier = max(barrier * REDUCTION, wanted)
        point = moved or point
    bound_w = max(bound_w, program.lower_bound_w(servers, point.multipliers, point.direction))
    return CentralPath(point, *_covariances(program, servers, point, barrier), bound_w, step)


def _advanced(
    program: PowerProgram, servers: Servers, point: DualPoint, newton: _Newton, barrier: float
) -> DualPoint | None:
    """The point after a damped Newton step; None if no step increases the barrier function."""
    value = _barrier_value(program, servers, point, barrier)
    trial = 1.0
    for _ in range(MAX_HALVINGS):
        moved = point.moved(trial * newton.step)
        if _barrier_value(program, servers, moved, barrier) >= value + ARMIJO * trial * barrier * newton.decrement:
            return moved
        trial *= 0.5
    return None


def _covariances(
    program: PowerProgram, servers: Servers, point: DualPoint, barrier: float
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
