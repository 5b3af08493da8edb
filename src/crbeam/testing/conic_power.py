"""The semidefinite program of the best transmission of a network, through CVXPY: for tests and benchmarks."""

import warnings
from typing import Any

import numpy as np

from crbeam.design.network.choices import Role
from crbeam.design.network.program import NetworkProgram, ProgramBlock, network_program
from crbeam.design.problem import DesignProblem
from crbeam.linalg import hermitian_part


def conic_optimum(problem: DesignProblem, role: Role, servers: tuple[tuple[str, ...], ...]) -> float:
    """Least objective of a role and an association, to the accuracy of Clarabel; infinite if it finds none.

    A covariance for each user and each block that may serve it, and one for what serves nobody; the limit on the bound
    is `[[S, E^T], [E, I(X)]] >= 0, tr S <= 1` after whitening; where bounds are minimised, the sum of `tr S` is.

    Reference: xu2023 eq. (9)-(13).
    """
    import cvxpy as cp

    program = network_program(problem, role)
    own = {
        (user, place): cp.Variable((block.basis.shape[1],) * 2, hermitian=True)
        for place, block in enumerate(program.blocks)
        for user, allowed in enumerate(servers)
        if block.name in allowed
    }
    rest = [cp.Variable((block.basis.shape[1],) * 2, hermitian=True) for block in program.blocks]
    totals: list[Any] = [
        sum((each for (_, at), each in own.items() if at == place), rest[place]) for place in range(len(rest))
    ]
    constraints: list[Any] = [each >> 0 for each in (*own.values(), *rest)]
    constraints += _budgets(program, totals) + _ratios(program, own, totals)
    power: Any = sum(cp.real(cp.trace(total)) for total in totals)
    minimised: Any = 0.0
    for number, bound in enumerate(program.bounds):
        value, holds = _bound(program, number, totals)
        constraints += [*holds, value <= 1.0] if bound.is_limited else holds
        minimised = minimised if bound.is_limited else minimised + value
    objective = minimised if role.has_objective else power
    task = cp.Problem(cp.Minimize(objective), constraints)
    with warnings.catch_warnings():  # the accuracy is what the comparison shows
        warnings.filterwarnings("ignore", message="Solution may be inaccurate")
        task.solve(solver=cp.CLARABEL)
    return program.unit * float(objective.value) if str(task.status).startswith("optimal") else np.inf


def _budgets(program: NetworkProgram, totals: list[Any]) -> list[Any]:
    import cvxpy as cp

    found = []
    for number, budget in enumerate(program.budgets):
        members = [cp.real(cp.trace(totals[at])) for at, block in enumerate(program.blocks) if block.budget == number]
        if members:
            found.append(sum(members[1:], members[0]) <= budget)
    return found


def _ratios(program: NetworkProgram, own: dict[tuple[int, int], Any], totals: list[Any]) -> list[Any]:
    found = []
    for user, factor in enumerate(program.factors):
        scale = max(float(np.sum(np.abs(block.channels[:, user]) ** 2)) for block in program.blocks)
        received: Any = 0.0
        for place, block in enumerate(program.blocks):
            received = received - _power(block, user, totals[place]) / scale
            if (user, place) in own:
                received = received + factor * _power(block, user, own[user, place]) / scale
        found.append(received >= 1.0 / scale)
    return found


def _power(block: ProgramBlock, user: int, matrix: Any) -> Any:
    """`h^H X h` as a real expression."""
    import cvxpy as cp

    vector = block.channels[:, user]
    return cp.real(cp.trace(hermitian_part(np.outer(vector, vector.conj())) @ matrix))


def _bound(program: NetworkProgram, number: int, totals: list[Any]) -> tuple[Any, list[Any]]:
    """`tr S` of a bound, and what S must be."""
    import cvxpy as cp

    bound = program.bounds[number]
    information: Any = bound.constant
    for block, total in zip(program.blocks, totals, strict=True):
        for part in block.parts[number]:
            gram = part.transmit.conj().T @ total @ part.transmit
            seen = cp.real(cp.multiply(part.weight, cp.conj(gram)))
            information = information + part.jacobian.T @ seen @ part.jacobian
    slack = cp.Variable((bound.selection.shape[1],) * 2, symmetric=True)
    information = 0.5 * (information + information.T)
    return cp.trace(slack), [cp.bmat([[slack, bound.selection.T], [bound.selection, information]]) >> 0]
