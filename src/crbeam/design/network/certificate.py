"""Lower bounds on transmit power under requirements, from eigenvalues alone.

With prices 1 on power, multipliers `mu >= 0` of the users and any matrix Z, every transmission whose bound
`tr(E^T I(R)^-1 E)` is at most eps satisfies `<G(Z), R> >= (tr E^T Z)^2 / eps - tr(Z^T I0 Z)`, G being the adjoint of
the map at `Z Z^T`, since `tr(E^T I^-1 E) >= 2 s tr(E^T Z) - s^2 tr(Z^T I Z)` for every s. So for every scale t >= 0

    sum_b tr R_b >= t v - sum_g P_g max(0, t l_g - 1),
    v = mu . c + (tr E^T Z)^2 / eps - tr(Z^T I0 Z),
    l_g = max over blocks b of budget g and streams s of lambda_max(G_b(Z) + sum_j mu_j A_jsb).

The right-hand side is concave and piecewise linear in t. If it grows without end no transmission is feasible.
"""

from dataclasses import dataclass

import numpy as np

from crbeam.design.network.choices import Role
from crbeam.design.network.leaf import Evidence
from crbeam.design.problem import DesignProblem
from crbeam.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class PowerBound:
    """Lower bound on the power, and what it is made of.

    Attributes:
        power_w: no transmission takes less; infinite if none is feasible.
        demands: what each user adds to v, then what the limit on the bound adds.
        supplies_w: `P_g l_g` of each budget: the most that the budget can contribute to v.
    """

    power_w: float
    demands: np.ndarray
    supplies_w: np.ndarray

    @property
    def shortage(self) -> float:
        """What the requirements ask for over the most that the budgets give; above 1 nothing is feasible."""
        supply = float(self.supplies_w.sum())
        return float(self.demands.sum()) / supply if supply > 0.0 else np.inf


def best_scale(demand: float, levels: np.ndarray, budgets_w: np.ndarray) -> float:
    """Maximum over t >= 0 of `t demand - sum_g P_g max(0, t l_g - 1)`; infinite if it grows without end."""
    if demand <= 0.0:
        return 0.0
    if demand > float(budgets_w @ levels) * (1.0 + 1e-9):
        return np.inf
    corners = 1.0 / levels[levels > 0.0]
    values = [t * demand - float(budgets_w @ np.maximum(t * levels - 1.0, 0.0)) for t in corners]
    return float(max(values, default=0.0))


def power_lower_bound(
    problem: DesignProblem, role: Role, servers: tuple[tuple[str, ...], ...], evidence: Evidence
) -> PowerBound:
    """No transmission in a role, with each user served by some of the given blocks, takes less power.

    Checked in the space of all antennas; nothing about the solver that found the evidence enters.

    Raises:
        InvalidInput: the evidence has other sizes than the problem, or a negative multiplier.
    """
    multipliers, response = evidence.multipliers, evidence.response
    if multipliers.shape != (len(role.users),) or np.any(multipliers < 0.0) or not np.all(np.isfinite(multipliers)):
        raise InvalidInput(f"There must be {len(role.users)} multipliers of at least 0, found {multipliers}.")
    slopes = dict.fromkeys(role.blocks, np.zeros((problem.n_tx, problem.n_tx), dtype=complex))
    accuracy = 0.0
    if role.criterion is not None and response is not None:
        gathered = role.criterion.map.adjoint(response @ response.T)
        slopes |= dict(zip(role.criterion.map.blocks, gathered, strict=True))
        accuracy = float(np.sum(role.criterion.selection * response)) ** 2 / role.limit
        accuracy -= float(np.sum(response * (role.criterion.map.constant @ response)))
    noise_w = np.array([user.noise_power_w for user in role.users])
    demands = np.append(multipliers * noise_w, accuracy)
    steepest = {block: _steepest(role, servers, block, slopes[block], multipliers) for block in role.blocks}
    active = [[block for block in budget.blocks if block in steepest] for budget in problem.budgets]
    levels = np.array([max((steepest[block] for block in blocks), default=0.0) for blocks in active])
    budgets_w = np.array([budget.power_per_subcarrier_w for budget in problem.budgets])
    power_w = best_scale(float(demands.sum()), levels, budgets_w)
    return PowerBound(power_w, demands, budgets_w * levels)


def _steepest(
    role: Role, servers: tuple[tuple[str, ...], ...], block: str, slope: np.ndarray, multipliers: np.ndarray
) -> float:
    """Largest eigenvalue of `G_b + sum_j mu_j A_jsb` over the streams of a block; at least 0."""
    shared, own = slope.astype(complex), []
    for user, allowed, multiplier in zip(role.users, servers, multipliers, strict=True):
        if block not in user.channels:
            continue
        vector = user.channels[block]
        beam = multiplier * np.outer(vector, vector.conj())
        shared = shared - beam
        if block in allowed:
            own.append((1.0 + 1.0 / user.minimum_sinr) * beam)
    streams = shared + np.stack([np.zeros_like(shared), *own])
    return float(np.linalg.eigvalsh(streams).max(initial=0.0))
