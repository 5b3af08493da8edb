"""The convex program of one role in a few dimensions, scaled."""

from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.network.certificate import MinimisedBounds, proven_objective
from crbeam.design.network.choices import Role, RoleBound
from crbeam.design.network.leaf import Evidence
from crbeam.design.problem import DesignProblem
from crbeam.information import Transmission

#: Singular value, relative to the largest, below which a direction is none.
RANK_TOLERANCE = 1e-12
#: Share of every power budget that the solver leaves for rounding.
SPARE_POWER = 5e-6


@dataclass(frozen=True, eq=False)
class ProgramPart:
    """A contribution of a map: `sqrt(p) Q^H T`, `O o (Z^H Q Z)`, `J V`."""

    transmit: np.ndarray
    weight: np.ndarray
    jacobian: np.ndarray


@dataclass(frozen=True, eq=False)
class ProgramBound:
    """A bound of a program, whitened.

    Attributes:
        transform: V, from whitened to the original parameters.
        constant: `V^T I0 V`.
        selection: `V^T E`, over the root of the limit, or of the unit of the objective.
        is_limited: whether it is limited (by 1), not minimised.
    """

    transform: np.ndarray
    constant: np.ndarray
    selection: np.ndarray
    is_limited: bool


@dataclass(frozen=True, eq=False)
class ProgramBlock:
    """A transmit covariance `R = p Q X Q^H`.

    Attributes:
        name: of the block.
        basis: Q, orthonormal, `[tx, size]`.
        channels: `sqrt(p / noise) Q^H t` of each user, `[size, user]`; zero for one that does not hear the block.
        budget: number of its power budget.
        parts: contributions that see it, of the map of each bound.
    """

    name: str
    basis: np.ndarray
    channels: np.ndarray
    budget: int
    parts: tuple[tuple[ProgramPart, ...], ...]


@dataclass(frozen=True, eq=False)
class NetworkProgram:
    """Minimise `sum_b tr X_b`, or a sum of bounds, where users have their SINR and limited bounds are at most 1.

    Attributes:
        role: which program this is.
        unit_w: p, the power that counts as 1.
        unit: value of the objective that counts as 1.
        blocks: in the order of the role.
        factors: `1 + 1 / gamma` of each user.
        noise_w: noise power of each user.
        budgets: power budgets in units of p.
        bounds: in the order of the role.
        decides: whether only the least factor on all budgets counts, with which everything asked for is possible.
    """

    role: Role
    unit_w: float
    unit: float
    blocks: tuple[ProgramBlock, ...]
    factors: np.ndarray
    noise_w: np.ndarray
    budgets: np.ndarray
    bounds: tuple[ProgramBound, ...]
    decides: bool = False

    @property
    def price(self) -> float:
        """Price of power beside those of the budgets."""
        return 0.0 if self.decides or self.role.has_objective else 1.0

    @property
    def spared_budgets(self) -> np.ndarray:
        """Budgets, less what is left for rounding where transmissions are scaled up to what is required."""
        return self.budgets * (1.0 - (0.0 if self.role.has_objective and not self.decides else SPARE_POWER))

    @property
    def counted(self) -> tuple[bool, ...]:
        """For each bound, whether it takes part: minimised ones do not where only feasibility counts."""
        return tuple(bound.is_limited or not self.decides for bound in self.bounds)

    def deciding(self) -> "NetworkProgram":
        """The program that tells whether anything is feasible."""
        return replace(self, decides=True)

    def evidence(self, multipliers: np.ndarray, directions: tuple[np.ndarray, ...]) -> Evidence:
        """Evidence in the units of the problem from multipliers and `Z / sqrt(nu)`."""
        if self.role.has_objective:  # in units of the objective, which only scale the proof
            scale_w, root = self.unit, np.sqrt(self.unit)
        else:
            scale_w, root = self.unit_w, np.sqrt(self.unit_w)
        found = tuple(root * bound.transform @ each for bound, each in zip(self.bounds, directions, strict=True))
        return Evidence(scale_w * multipliers / self.noise_w, found)

    def lower_bound(
        self, servers: tuple[tuple[str, ...], ...], multipliers: np.ndarray, directions: tuple[np.ndarray, ...]
    ) -> float:
        """The bound of `certificate`, in the reduced space."""
        demand, linear, constant = float(multipliers.sum()), 0.0, 0.0
        for bound, response in zip(self.bounds, directions, strict=True):
            known = float(np.sum(response * (bound.constant @ response)))
            reach = float(np.sum(bound.selection * response))
            if bound.is_limited:
                demand += reach**2 - known
            else:
                linear, constant = linear + reach, constant + known
        levels = np.zeros(len(self.budgets))
        for block in self.blocks:
            shared = adjoint(block, directions) - (block.channels * multipliers) @ block.channels.conj().T
            streams = [shared]
            for user, allowed in enumerate(servers):
                if block.name in allowed:
                    vector = block.channels[:, user]
                    streams.append(shared + self.factors[user] * multipliers[user] * np.outer(vector, vector.conj()))
            steepest = float(np.linalg.eigvalsh(np.stack(streams)).max(initial=0.0))
            levels[block.budget] = max(levels[block.budget], steepest)
        minimised = MinimisedBounds(linear, constant) if self.role.has_objective else None
        return self.unit * proven_objective(demand, levels, self.budgets, minimised)


def adjoint_of(block: ProgramBlock, number: int, response: np.ndarray) -> np.ndarray:
    """`G_b(Z)` of one bound in the basis of a block."""
    found = np.zeros((block.basis.shape[1],) * 2, dtype=complex)
    for part in block.parts[number]:
        slopes = part.jacobian @ response
        found += part.transmit @ ((slopes @ slopes.T) * part.weight) @ part.transmit.conj().T
    return found


def adjoint(block: ProgramBlock, responses: tuple[np.ndarray, ...]) -> np.ndarray:
    """`G_b(Z)` of all bounds together."""
    found = np.zeros((block.basis.shape[1],) * 2, dtype=complex)
    for number, response in enumerate(responses):
        found += adjoint_of(block, number, response)
    return found


def informations_at(program: NetworkProgram, totals: list[np.ndarray]) -> list[np.ndarray]:
    """`V^T (I0 + I(X)) V` of each bound at covariances of all blocks."""
    found = []
    for number, bound in enumerate(program.bounds):
        matrix = bound.constant
        for block, total in zip(program.blocks, totals, strict=True):
            for part in block.parts[number]:
                gram = part.transmit.conj().T @ total @ part.transmit
                matrix = matrix + part.jacobian.T @ np.real(part.weight * gram.conj()) @ part.jacobian
        found.append(0.5 * (matrix + matrix.T))
    return found


def network_program(problem: DesignProblem, role: Role) -> NetworkProgram:
    """Reduced and scaled program of a role.

    Restricting every covariance to the span of what sees it loses nothing: the rest costs power only.

    Raises:
        Unidentifiable: no transmission of the role determines what a bound is of.
    """
    bases = {block: _basis(problem, role, block) for block in role.blocks}
    budgets_w = np.array([budget.power_per_subcarrier_w for budget in problem.budgets])
    if role.has_objective:
        unit_w = float(budgets_w.max())
        unit = sum(_bound_at(bound, bases, unit_w) for bound in role.bounds if bound.limit is None)
    else:
        unit = unit_w = _power_unit_w(role, bases)
    bounds = tuple(_whitened(bound, bases, unit_w, unit) for bound in role.bounds)
    numbers = {block: place for place, budget in enumerate(problem.budgets) for block in budget.blocks}
    blocks = tuple(_block(role, block, bases[block], numbers[block], unit_w, bounds) for block in role.blocks)
    factors = np.array([1.0 + 1.0 / user.minimum_sinr for user in role.users])
    noise_w = np.array([user.noise_power_w for user in role.users])
    return NetworkProgram(role, unit_w, unit, blocks, factors, noise_w, budgets_w / unit_w, bounds)


def _basis(problem: DesignProblem, role: Role, block: str) -> np.ndarray:
    columns = [user.channels[block][:, None] for user in role.users if block in user.channels]
    for bound in role.bounds:
        columns += [part.transmit for part in bound.criterion.map.contributions if part.block == block]
    if not columns:
        return np.zeros((problem.antennas[block], 0), dtype=complex)
    return span(np.concatenate(columns, axis=1))


def span(columns: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the span of columns, whatever their sizes; without columns if all are zero."""
    norms = np.linalg.norm(columns, axis=0)
    if not np.any(norms > 0.0):
        return np.zeros((len(columns), 0), dtype=complex)
    left, values, _ = np.linalg.svd(columns[:, norms > 0.0] / norms[norms > 0.0], full_matrices=False)
    return left[:, values > RANK_TOLERANCE * values[0]]


def _isotropic(bound: RoleBound, bases: dict[str, np.ndarray], power_w: float) -> Transmission:
    blocks = bound.criterion.map.blocks
    scaled = [bases[block] * np.sqrt(power_w / max(bases[block].shape[1], 1)) for block in blocks]
    return Transmission.of_factors(blocks, scaled)


def _bound_at(bound: RoleBound, bases: dict[str, np.ndarray], power_w: float) -> float:
    """The bound if all blocks send a power evenly."""
    information = bound.criterion.map.at(_isotropic(bound, bases, power_w))
    information.bound(bound.criterion.requested)
    response = information.inverse_response(bound.criterion.selection)
    return float(np.sum(bound.criterion.selection * response))


def _power_unit_w(role: Role, bases: dict[str, np.ndarray]) -> float:
    """Power of the size of the optimum: what each user takes alone, and the target if all blocks light it evenly."""
    needs_w = 0.0
    for user in role.users:
        gain = max(float(np.sum(np.abs(vector) ** 2)) for block, vector in user.channels.items() if block in bases)
        needs_w += user.minimum_sinr * user.noise_power_w / max(gain, 1e-300)
    for bound in role.bounds:
        assert bound.limit is not None
        needs_w = max(needs_w, _bound_at(bound, bases, 1.0) / bound.limit)
    return needs_w


def _whitened(bound: RoleBound, bases: dict[str, np.ndarray], unit_w: float, unit: float) -> ProgramBound:
    """V with `V^T I V = 1` where all blocks send the unit of power evenly, and what it makes of I0 and E."""
    transform = bound.criterion.map.at(_isotropic(bound, bases, unit_w)).whitening(bound.criterion.requested)
    constant = transform.T @ bound.criterion.map.constant @ transform
    size = unit if bound.limit is None else bound.limit
    selection = transform.T @ bound.criterion.selection / np.sqrt(size)
    return ProgramBound(transform, constant, selection, bound.limit is not None)


def _block(
    role: Role, name: str, basis: np.ndarray, budget: int, unit_w: float, bounds: tuple[ProgramBound, ...]
) -> ProgramBlock:
    silent = np.zeros(basis.shape[0])
    vectors = [user.channels.get(name, silent) * np.sqrt(unit_w / user.noise_power_w) for user in role.users]
    channels = basis.conj().T @ np.stack(vectors, axis=1) if vectors else np.zeros((basis.shape[1], 0), dtype=complex)
    parts = tuple(
        tuple(
            ProgramPart(np.sqrt(unit_w) * basis.conj().T @ part.transmit, part.weight, part.jacobian @ bound.transform)
            for part in asked.criterion.map.contributions
            if part.block == name
        )
        for asked, bound in zip(role.bounds, bounds, strict=True)
    )
    return ProgramBlock(name, basis, channels, budget, parts)
