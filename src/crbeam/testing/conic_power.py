"""The semidefinite program of the least power of a network, through CVXPY: a reference for tests and benchmarks."""

import warnings
from typing import Any

import numpy as np

from crbeam.design.network.choices import Role
from crbeam.design.network.program import PowerProgram, ProgramBlock, power_program
from crbeam.design.problem import DesignProblem
from crbeam.linalg import hermitian_part


def conic_least_power_w(problem: DesignProblem, role: Role, servers: tuple[tuple[str, ...], ...]) -> float:
    """Least power of a role and an association, to the accuracy of Clarabel; infinite if it says that none suffices.

    A covariance for each user and each block that may serve it, and one for what serves nobody; the limit on the bound
    is `[[S, E^T], [E, I(X)]] >= 0, tr S <= 1` after whitening.

    Reference: xu2023 eq. (9)-(13).
    """
    import cvxpy as cp

    program = power_program(problem, role)
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
    constraints += _budgets(program, totals) + _ratios(program, own, totals) + _limit(program, totals)
    power: Any = sum(cp.real(cp.trace(total)) for total in totals)
    task = cp.Problem(cp.Minimize(power), constraints)
    with warnings.catch_warnings():  # the accuracy is what the comparison shows
        warnings.filterwarnings("ignore", message="Solution may be inaccurate")
        task.solve(solver=cp.CLARABEL)
    return program.unit_w * float(power.value) if str(task.status).startswith("optimal") else np.inf


def _budgets(program: PowerProgram, totals: list[Any]) -> list[Any]:
    import cvxpy as cp

    found = []
    for number, budget in enumerate(program.budgets):
        members = [cp.real(cp.trace(totals[at])) for at, block in enumerate(program.blocks) if block.budget == number]
        if members:
            found.append(sum(members[1:], members[0]) <= budget)
    return found


def _ratios(program: PowerProgram, own: dict[tuple[int, int], Any], totals: list[Any]) -> list[Any]:
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


def _limit(program: PowerProgram, totals: list[Any]) -> list[Any]:
    import cvxpy as cp

    if not program.selection.size:
        return []
    information: Any = program.constant
    for block, total in zip(program.blocks, totals, strict=True):
        for part in block.parts:
            gram = part.transmit.conj().T @ total @ part.transmit
            seen = cp.real(cp.multiply(part.weight, cp.conj(gram)))
            information = information + part.jacobian.T @ seen @ part.jacobian
    slack = cp.Variable((program.selection.shape[1],) * 2, symmetric=True)
    information = 0.5 * (information + information.T)
    whole = cp.bmat([[slack, program.selection.T], [program.selection, information]])
    return [whole >> 0, cp.trace(slack) <= 1.0]
