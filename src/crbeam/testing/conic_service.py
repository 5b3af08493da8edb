"""The semidefinite program of a design that serves users, through CVXPY: a reference for tests and benchmarks."""

from typing import Any

import numpy as np

from crbeam.design import DesignProblem
from crbeam.design.service_constraints import Illumination, MinimumSinr
from crbeam.linalg import hermitian_part


def conic_service_bound(problem: DesignProblem, *, reduced: bool = False) -> float:
    """Least weighted bound under SINR requirements and an illumination floor, to the accuracy of Clarabel.

    The covariances of all streams as variables, `min tr Z` with `[[Z, E^T], [E, I(R)]] >= 0` after whitening the
    information at the isotropic covariance, power in units of the budget and requirements of unit norm. For one
    criterion, one block and no network.

    Args:
        problem: what is to be solved.
        reduced: in the span of what sees the covariance, in place of all antennas.

    Reference: li2024 eq. (28), eq. (38).
    """
    import cvxpy as cp

    (criterion,), (budget,) = problem.active_criteria, problem.budgets
    frame = _seen(problem) if reduced else np.eye(*problem.antennas.values(), dtype=complex)
    size, power_w = frame.shape[1], budget.power_per_subcarrier_w
    served = [part for part in problem.constraints if isinstance(part, MinimumSinr)]
    users = [cp.Variable((size, size), hermitian=True) for _ in served]
    total = cp.Variable((size, size), hermitian=True)
    constraints: list[Any] = [user >> 0 for user in users] + [cp.real(cp.trace(total)) <= 1.0]
    constraints.append(total - sum(users[1:], users[0]) >> 0 if users else total >> 0)

    root = np.linalg.inv(np.linalg.cholesky(criterion.map.at(problem.isotropic()).matrix))
    selection = root @ criterion.selection
    unit = float(np.linalg.norm(selection))
    information: Any = root @ criterion.map.constant @ root.T
    for part in criterion.map.contributions:
        transmit = np.sqrt(power_w) * frame.conj().T @ part.transmit
        gram = transmit.conj().T @ total @ transmit
        jacobian = part.jacobian @ root.T
        information = information + jacobian.T @ cp.real(cp.multiply(part.weight, cp.conj(gram))) @ jacobian
    slack = cp.Variable((selection.shape[1],) * 2, symmetric=True)
    information = 0.5 * (information + information.T)
    constraints.append(cp.bmat([[slack, selection.T / unit], [selection / unit, information]]) >> 0)

    for user, part in zip(users, served, strict=True):
        vector = frame.conj().T @ next(iter(part.channels.values()))
        norm = np.linalg.norm(vector)
        own, received = (_power(vector / norm, matrix) for matrix in (user, total))
        floor = part.noise_power_w / (power_w * norm**2)
        constraints.append((1.0 + 1.0 / part.minimum_sinr) * own - received >= floor)
    for part in problem.constraints:
        if isinstance(part, Illumination):
            vector = frame.conj().T @ part.response
            norm = np.linalg.norm(vector)
            constraints.append(_power(vector / norm, total) >= part.least_power_w / (power_w * norm**2))
    objective: Any = cp.trace(slack)
    cp.Problem(cp.Minimize(objective), constraints).solve(solver=cp.CLARABEL)
    return unit**2 * float(objective.value)


def _seen(problem: DesignProblem) -> np.ndarray:
    """Orthonormal basis of what sees the covariance, `[tx, dimension]`."""
    parts = [part.transmit for criterion in problem.active_criteria for part in criterion.map.contributions]
    for part in problem.constraints:
        if isinstance(part, MinimumSinr):
            parts += [channel[:, None] for channel in part.channels.values()]
        elif isinstance(part, Illumination):
            parts.append(part.response[:, None])
    columns = np.concatenate(parts, axis=1)
    left, values, _ = np.linalg.svd(columns / np.linalg.norm(columns, axis=0), full_matrices=False)
    return left[:, values > 1e-12 * values[0]]


def _power(vector: np.ndarray, matrix: Any) -> Any:
    """`t^H X t` as a real expression."""
    import cvxpy as cp

    return cp.real(cp.trace(hermitian_part(np.outer(vector, vector.conj())) @ matrix))
