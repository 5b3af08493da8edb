"""The semidefinite program of the best transmission of a network, through CVXPY: for tests and benchmarks."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from crbeam.design.choices import Chosen
from crbeam.design.problem import Criterion, DesignProblem
from crbeam.design.search.boxes import served_users
from crbeam.design.search.grading import bound_of
from crbeam.design.service_constraints import MinimumSinr
from crbeam.information import Transmission
from crbeam.linalg import hermitian_part


@dataclass(frozen=True, eq=False)
class _Network:
    """What counts with some choices: blocks that send, users, criteria, and the power that counts as 1."""

    problem: DesignProblem
    chosen: Chosen
    blocks: tuple[str, ...]
    users: tuple[MinimumSinr, ...]
    criteria: tuple[Criterion, ...]
    unit_w: float

    def even(self, power_w: float) -> Transmission:
        """All blocks send a power evenly."""
        sizes = {block: self.problem.antennas[block] for block in self.blocks}
        return Transmission({block: power_w / size * np.eye(size, dtype=complex) for block, size in sizes.items()})


def conic_optimum(problem: DesignProblem, chosen: Chosen) -> float:
    """Least objective with some choices, to the accuracy of Clarabel; infinite if it finds none.

    A covariance for each user and each block that may serve it, and one for what serves nobody, in the space of all
    antennas; the limit on the bound is `[[S, E^T], [E, I(X)]] >= 0, tr S <= 1` after whitening; where bounds are
    minimised, the sum of `tr S` is.

    Reference: xu2023 eq. (9)-(13).
    """
    import cvxpy as cp

    network = _network(problem, chosen)
    sizes = {block: (problem.antennas[block],) * 2 for block in network.blocks}
    own = {
        (user, block): cp.Variable(sizes[block], hermitian=True)
        for user, allowed in chosen.servers.items()
        for block in allowed
    }
    totals: dict[str, Any] = {block: cp.Variable(size, hermitian=True) for block, size in sizes.items()}
    constraints: list[Any] = [each >> 0 for each in (*own.values(), *totals.values())]
    for (_, block), each in own.items():
        totals[block] = totals[block] + each
    powers: dict[str, Any] = {block: cp.real(cp.trace(total)) for block, total in totals.items()}
    for budget in problem.budgets:
        members = [powers[block] for block in budget.blocks if block in powers]
        constraints += [sum(members) <= budget.power_per_subcarrier_w / network.unit_w] if members else []
    constraints += [_ratio(network, user, own, totals) for user in network.users]
    objective: Any = sum(powers.values())
    unit, minimised = network.unit_w, []
    limits = problem.bound_limits
    scale = sum(bound_of(each, network.even(network.unit_w)) for each in network.criteria if each.name not in limits)
    for criterion in network.criteria:
        value, holds = _bound(network, criterion, totals, limits.get(criterion.name, scale))
        constraints += [holds, value <= 1.0] if criterion.name in limits else [holds]
        minimised += [] if criterion.name in limits else [value]
    if minimised:
        objective, unit = sum(minimised), scale
    task = cp.Problem(cp.Minimize(objective), constraints)
    with warnings.catch_warnings():  # the accuracy is what the comparison shows
        warnings.filterwarnings("ignore", message="Solution may be inaccurate")
        task.solve(solver=cp.CLARABEL)
    return unit * float(objective.value) if str(task.status).startswith("optimal") else np.inf


def _network(problem: DesignProblem, chosen: Chosen) -> _Network:
    """What counts; power is in units of what each user takes alone, or each limited bound, or of the largest budget."""
    blocks = tuple(block for block in problem.blocks if block not in chosen.silent)
    users = tuple(user for user in served_users(problem) if user.user in chosen.servers)
    criteria = tuple(_heard(each, blocks) for each in problem.criteria if each.name in chosen.criteria)
    network = _Network(problem, chosen, blocks, users, criteria, 1.0)
    gains = [max(float(np.linalg.norm(h)) ** 2 for b, h in user.channels.items() if b in blocks) for user in users]
    needs_w = sum(user.minimum_sinr * user.noise_power_w / gain for user, gain in zip(users, gains, strict=True))
    for criterion in criteria:
        if criterion.name in problem.bound_limits:
            alone = bound_of(criterion, network.even(1.0))
            needs_w = max(needs_w, alone / problem.bound_limits[criterion.name])
        else:
            needs_w = max(budget.power_per_subcarrier_w for budget in problem.budgets)
    return replace(network, unit_w=needs_w)


def _heard(criterion: Criterion, blocks: tuple[str, ...]) -> Criterion:
    heard = criterion.map.select_blocks([block for block in criterion.map.blocks if block in blocks])
    return replace(criterion, map=heard)


def _ratio(network: _Network, user: MinimumSinr, own: dict[tuple[str, str], Any], totals: dict[str, Any]) -> Any:
    """`(1 + 1/gamma) sum h^H W h - sum h^H R h >= noise`, in units of the strongest channel."""
    heard = {block: vector for block, vector in user.channels.items() if block in network.blocks}
    strongest = max(float(np.linalg.norm(vector)) for vector in heard.values())
    received: Any = 0.0
    for block, vector in heard.items():
        received = received - _power(vector / strongest, totals[block])
        if (user.user, block) in own:
            wanted = _power(vector / strongest, own[user.user, block])
            received = received + (1.0 + 1.0 / user.minimum_sinr) * wanted
    return received >= user.noise_power_w / (network.unit_w * strongest**2)


def _power(vector: np.ndarray, matrix: Any) -> Any:
    """`h^H X h` as a real expression."""
    import cvxpy as cp

    return cp.real(cp.trace(hermitian_part(np.outer(vector, vector.conj())) @ matrix))


def _bound(network: _Network, criterion: Criterion, totals: dict[str, Any], scale: float) -> tuple[Any, Any]:
    """`tr S` of a bound in units of a scale, and what S must be."""
    import cvxpy as cp

    transform = criterion.map.at(network.even(network.unit_w)).whitening(criterion.requested)
    information: Any = transform.T @ criterion.map.constant @ transform
    for part in criterion.map.contributions:
        seen = np.sqrt(network.unit_w) * part.transmit
        gram = seen.conj().T @ totals[part.block] @ seen
        jacobian = part.jacobian @ transform
        information = information + jacobian.T @ cp.real(cp.multiply(part.weight, cp.conj(gram))) @ jacobian
    selection = transform.T @ criterion.selection / np.sqrt(scale)
    slack = cp.Variable((selection.shape[1],) * 2, symmetric=True)
    return cp.trace(slack), cp.bmat([[slack, selection.T], [selection, 0.5 * (information + information.T)]]) >> 0
