"""Lower bounds on transmit power, or on weighted bounds, under requirements, from eigenvalues alone.

For any matrix Z, `tr(E^T I^-1 E) >= 2 tr(E^T Z) - tr(Z^T I Z)`, and `tr(Z^T I(R) Z) = tr(Z^T I0 Z) + <G(Z), R>`, G
being the adjoint of the map at `Z Z^T`. So a bound that is at most eps asks for
`<G(Z), R> >= (tr E^T Z)^2 / eps - tr(Z^T I0 Z)`, and a user, with multiplier `mu >= 0`, for `<mu A, R> >= mu c`. With

    v = mu . c + sum over limited bounds of (tr E^T Z)^2 / eps - tr(Z^T I0 Z),
    l_g = max over blocks b of budget g and streams s of lambda_max(sum of all G_b(Z) + sum_j mu_j A_jsb),

every transmission within budgets P has, for every scale t >= 0,

    sum_b tr R_b >= t v - sum_g P_g max(0, t l_g - 1),

and where bounds are minimised, with e and k the sums of `tr E^T Z` and `tr(Z^T I0 Z)` over these, for every s

    sum of bounds >= 2 s e - s^2 (k + sum_g P_g l_g - v).

If the right-hand side grows without end no transmission is feasible.
"""

from dataclasses import dataclass

import numpy as np

from crbeam.design.network.choices import Role
from crbeam.design.network.leaf import Evidence
from crbeam.design.problem import DesignProblem
from crbeam.errors import InvalidInput

#: Excess of what is asked for over what there is, relative, below which nothing is proven infeasible.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class ProvenBound:
    """Lower bound on the objective, and what it is made of.

    Attributes:
        objective: no transmission has a smaller one; infinite if none is feasible.
        demands: what each user adds to v, then what each limited bound adds.
        supplies_w: `P_g l_g` of each budget: the most that the budget can contribute to v.
    """

    objective: float
    demands: np.ndarray
    supplies_w: np.ndarray

    @property
    def shortage(self) -> float:
        """What the requirements ask for over the most that the budgets give; above 1 nothing is feasible."""
        supply = float(self.supplies_w.sum())
        return float(self.demands.sum()) / supply if supply > 0.0 else np.inf


@dataclass(frozen=True)
class MinimisedBounds:
    """What minimised bounds add to a proof: e and k of the module's formula."""

    linear: float
    constant: float


def least_power(demand: float, levels: np.ndarray, budgets_w: np.ndarray) -> float:
    """Maximum over t >= 0 of `t demand - sum_g P_g max(0, t l_g - 1)`; infinite if it grows without end."""
    if demand <= 0.0:
        return 0.0
    if demand > float(budgets_w @ levels) * (1.0 + ROUNDING):
        return np.inf
    corners = 1.0 / levels[levels > 0.0]
    values = [t * demand - float(budgets_w @ np.maximum(t * levels - 1.0, 0.0)) for t in corners]
    return float(max(values, default=0.0))


def least_bound(demand: float, levels: np.ndarray, budgets_w: np.ndarray, minimised: MinimisedBounds) -> float:
    """Maximum over s of `2 s e - s^2 (k + P . l - demand)`; infinite if it grows without end."""
    supply = minimised.constant + float(budgets_w @ levels)
    if demand > supply * (1.0 + ROUNDING):
        return np.inf
    if minimised.linear <= 0.0:
        return 0.0
    return minimised.linear**2 / max(supply - demand, ROUNDING * supply)


def proven_objective(
    demand: float, levels: np.ndarray, budgets_w: np.ndarray, minimised: MinimisedBounds | None
) -> float:
    """Lower bound on power, or on minimised bounds if there are any."""
    if minimised is None:
        return least_power(demand, levels, budgets_w)
    return least_bound(demand, levels, budgets_w, minimised)


def proven_bound(
    problem: DesignProblem, role: Role, servers: tuple[tuple[str, ...], ...], evidence: Evidence
) -> ProvenBound:
    """No transmission in a role, with each user served by some of the given blocks, has a smaller objective.

    Checked in the space of all antennas; nothing about the solver that found the evidence enters.

    Raises:
        InvalidInput: the evidence has other sizes than the problem, or a negative multiplier.
    """
    multipliers = evidence.multipliers
    if multipliers.shape != (len(role.users),) or np.any(multipliers < 0.0) or not np.all(np.isfinite(multipliers)):
        raise InvalidInput(f"There must be {len(role.users)} multipliers of at least 0, found {multipliers}.")
    shapes = [bound.criterion.selection.shape for bound in role.bounds]
    if [response.shape for response in evidence.responses] != shapes:
        raise InvalidInput(f"Responses must have shapes {shapes}, found {[z.shape for z in evidence.responses]}.")
    slopes = {block: np.zeros((problem.antennas[block],) * 2, dtype=complex) for block in role.blocks}
    limited, linear, constant = [], 0.0, 0.0
    for bound, response in zip(role.bounds, evidence.responses, strict=True):
        information = bound.criterion.map
        for block, slope in information.adjoint(response @ response.T).items():
            slopes[block] = slopes[block] + slope
        known = float(np.sum(response * (information.constant @ response)))
        reach = float(np.sum(bound.criterion.selection * response))
        if bound.limit is None:
            linear, constant = linear + reach, constant + known
        else:
            limited.append(reach**2 / bound.limit - known)
    noise_w = np.array([user.noise_power_w for user in role.users])
    demands = np.append(multipliers * noise_w, limited)
    steepest = {block: _steepest(role, servers, block, slopes[block], multipliers) for block in role.blocks}
    active = [[block for block in budget.blocks if block in steepest] for budget in problem.budgets]
    levels = np.array([max((steepest[block] for block in blocks), default=0.0) for blocks in active])
    budgets_w = np.array([budget.power_per_subcarrier_w for budget in problem.budgets])
    minimised = MinimisedBounds(linear, constant) if role.has_objective else None
    objective = proven_objective(float(demands.sum()), levels, budgets_w, minimised)
    return ProvenBound(objective, demands, budgets_w * levels)


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
