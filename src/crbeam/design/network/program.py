"""The convex program of one role in a few dimensions, scaled."""

from dataclasses import dataclass

import numpy as np

from crbeam.design.network.certificate import best_scale
from crbeam.design.network.choices import Role
from crbeam.design.network.leaf import Evidence
from crbeam.design.problem import DesignProblem
from crbeam.linalg import NULL_TOLERANCE

#: Singular value, relative to the largest, below which a direction is none.
RANK_TOLERANCE = 1e-12
#: Share of every power budget that the solver leaves for rounding.
SPARE_POWER = 5e-6


@dataclass(frozen=True, eq=False)
class ProgramPart:
    """A contribution of the map: `sqrt(p) Q^H T`, `O o (Z^H Q Z)`, `J V`."""

    transmit: np.ndarray
    weight: np.ndarray
    jacobian: np.ndarray


@dataclass(frozen=True, eq=False)
class ProgramBlock:
    """A transmit covariance `R = p Q X Q^H`.

    Attributes:
        name: of the block.
        basis: Q, orthonormal, `[tx, size]`.
        channels: `sqrt(p / noise) Q^H t` of each user, `[size, user]`; zero for one that does not hear the block.
        budget: number of its power budget.
        parts: contributions of the map that see it.
    """

    name: str
    basis: np.ndarray
    channels: np.ndarray
    budget: int
    parts: tuple[ProgramPart, ...]


@dataclass(frozen=True, eq=False)
class PowerProgram:
    """Minimise `sum_b tr X_b` where every user has its SINR and `tr(E^T I(X)^-1 E) <= 1`.

    Attributes:
        role: which program this is.
        unit_w: p, the power that counts as 1.
        blocks: in the order of the role.
        factors: `1 + 1 / gamma` of each user.
        noise_w: noise power of each user.
        budgets: power budgets in units of p.
        transform: V, from whitened to the original parameters; None without a limited bound.
        constant: `V^T I0 V`.
        selection: `V^T E / sqrt(eps)`.
        price: of power; 0 where only the least factor on all budgets counts.
    """

    role: Role
    unit_w: float
    blocks: tuple[ProgramBlock, ...]
    factors: np.ndarray
    noise_w: np.ndarray
    budgets: np.ndarray
    transform: np.ndarray | None
    constant: np.ndarray
    selection: np.ndarray
    price: float = 1.0

    def evidence(self, multipliers: np.ndarray, response: np.ndarray) -> Evidence:
        """Evidence in the units of the problem from multipliers and `Z / sqrt(nu)`."""
        found = None if self.transform is None else np.sqrt(self.unit_w) * self.transform @ response
        return Evidence(self.unit_w * multipliers / self.noise_w, found)

    def lower_bound_w(
        self, servers: tuple[tuple[str, ...], ...], multipliers: np.ndarray, response: np.ndarray
    ) -> float:
        """The bound of `certificate`, in the reduced space."""
        demand = float(multipliers.sum()) + float(np.sum(self.selection * response)) ** 2
        demand -= float(np.sum(response * (self.constant @ response)))
        levels = np.zeros(len(self.budgets))
        for block in self.blocks:
            shared = adjoint(block, response) - (block.channels * multipliers) @ block.channels.conj().T
            streams = [shared]
            for user, allowed in enumerate(servers):
                if block.name in allowed:
                    vector = block.channels[:, user]
                    streams.append(shared + self.factors[user] * multipliers[user] * np.outer(vector, vector.conj()))
            steepest = float(np.linalg.eigvalsh(np.stack(streams)).max(initial=0.0))
            levels[block.budget] = max(levels[block.budget], steepest)
        return self.unit_w * best_scale(demand, levels, self.budgets)


def adjoint(block: ProgramBlock, response: np.ndarray) -> np.ndarray:
    """`G_b(Z)` in the basis of a block."""
    found = np.zeros((block.basis.shape[1],) * 2, dtype=complex)
    for part in block.parts:
        slopes = part.jacobian @ response
        found += part.transmit @ ((slopes @ slopes.T) * part.weight) @ part.transmit.conj().T
    return found


def information_at(program: PowerProgram, totals: list[np.ndarray]) -> np.ndarray:
    """`V^T (I0 + I(X)) V` at covariances of all blocks."""
    matrix = program.constant
    for block, total in zip(program.blocks, totals, strict=True):
        for part in block.parts:
            gram = part.transmit.conj().T @ total @ part.transmit
            matrix = matrix + part.jacobian.T @ np.real(part.weight * gram.conj()) @ part.jacobian
    return 0.5 * (matrix + matrix.T)


def power_program(problem: DesignProblem, role: Role) -> PowerProgram:
    """Reduced and scaled program of a role.

    Restricting every covariance to the span of what sees it loses nothing: the rest costs power only.

    Raises:
        Unidentifiable: no transmission of the role determines what the limited bound is of.
    """
    bases = {block: _basis(problem, role, block) for block in role.blocks}
    unit_w = _power_unit_w(role, bases)
    transform, constant, selection = _whitened(role, bases, unit_w)
    numbers = {block: place for place, budget in enumerate(problem.budgets) for block in budget.blocks}
    blocks = tuple(_block(role, block, bases[block], numbers[block], unit_w, transform) for block in role.blocks)
    budgets_w = np.array([budget.power_per_subcarrier_w for budget in problem.budgets])
    factors = np.array([1.0 + 1.0 / user.minimum_sinr for user in role.users])
    noise_w = np.array([user.noise_power_w for user in role.users])
    return PowerProgram(role, unit_w, blocks, factors, noise_w, budgets_w / unit_w, transform, constant, selection)


def _basis(problem: DesignProblem, role: Role, block: str) -> np.ndarray:
    columns = [user.channels[block][:, None] for user in role.users if block in user.channels]
    if role.criterion is not None:
        columns += [part.transmit for part in role.criterion.map.contributions if part.block == block]
    if not columns:
        return np.zeros((problem.n_tx, 0), dtype=complex)
    stacked = np.concatenate(columns, axis=1)
    norms = np.linalg.norm(stacked, axis=0)
    left, values, _ = np.linalg.svd(stacked[:, norms > 0.0] / norms[norms > 0.0], full_matrices=False)
    return left[:, values > RANK_TOLERANCE * values[0]]


def _isotropic(role: Role, bases: dict[str, np.ndarray], power_w: float) -> np.ndarray:
    assert role.criterion is not None
    scaled = [bases[block] * np.sqrt(power_w / max(bases[block].shape[1], 1)) for block in role.criterion.map.blocks]
    return np.stack([each @ each.conj().T for each in scaled])


def _power_unit_w(role: Role, bases: dict[str, np.ndarray]) -> float:
    """Power of the size of the optimum: what each user takes alone, and the target if all blocks light it evenly."""
    needs_w = 0.0
    for user in role.users:
        gain = max(float(np.sum(np.abs(vector) ** 2)) for block, vector in user.channels.items() if block in bases)
        needs_w += user.minimum_sinr * user.noise_power_w / max(gain, 1e-300)
    if role.criterion is not None:
        information = role.criterion.map.at(_isotropic(role, bases, 1.0))
        information.bound(role.criterion.requested)
        response = information.inverse_response(role.criterion.selection)
        bound = float(np.sum(role.criterion.selection * response))
        needs_w = max(needs_w, bound / role.limit)
    return needs_w


def _whitened(
    role: Role, bases: dict[str, np.ndarray], unit_w: float
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """V with `V^T I V = 1` where all blocks send the unit of power evenly, and what it makes of I0 and E."""
    if role.criterion is None:
        return None, np.zeros((0, 0)), np.zeros((0, 0))
    information = role.criterion.map.at(_isotropic(role, bases, unit_w))
    scale = information.layout.scales(np.diagonal(information.matrix))
    eigenvalues, vectors = np.linalg.eigh(information.matrix * np.outer(scale, scale))
    seen = eigenvalues > NULL_TOLERANCE * eigenvalues[-1]
    transform = scale[:, None] * vectors[:, seen] / np.sqrt(eigenvalues[seen])
    constant = transform.T @ role.criterion.map.constant @ transform
    return transform, constant, transform.T @ role.criterion.selection / np.sqrt(role.limit)


def _block(
    role: Role, name: str, basis: np.ndarray, budget: int, unit_w: float, transform: np.ndarray | None
) -> ProgramBlock:
    silent = np.zeros(basis.shape[0])
    vectors = [user.channels.get(name, silent) * np.sqrt(unit_w / user.noise_power_w) for user in role.users]
    channels = basis.conj().T @ np.stack(vectors, axis=1) if vectors else np.zeros((basis.shape[1], 0), dtype=complex)
    parts = (
        ()
        if role.criterion is None or transform is None
        else tuple(
            ProgramPart(np.sqrt(unit_w) * basis.conj().T @ part.transmit, part.weight, part.jacobian @ transform)
            for part in role.criterion.map.contributions
            if part.block == name
        )
    )
    return ProgramBlock(name, basis, channels, budget, parts)
