"""Weighted bounds as conic expressions, for published algorithms that solve semidefinite programs."""

import warnings
from collections.abc import Sequence
from typing import Any

from crbeam.design.served.reduction import ServedProblem

#: Shares of the way to the boundary of the cone that the solver goes in a step: its default, and careful ones.
STEP_FRACTIONS = (0.99, 0.9, 0.7, 0.5)


def conic_bound(reduced: ServedProblem, sent: Any) -> tuple[Any, list[Any]]:
    """`sum_t tr(E_t^T I_t^-1 E_t)` in whitened parameters as a conic expression, given a reduced covariance."""
    import cvxpy as cp

    grams = [[part.transmit.conj().T @ sent @ part.transmit for part in each.parts] for each in reduced.criteria]
    weights = [[part.weight for part in each.parts] for each in reduced.criteria]
    return conic_objective(reduced, weights, [[cp.conj(gram) for gram in row] for row in grams])


def conic_objective(
    reduced: ServedProblem, first: Sequence[Sequence[Any]], second: Sequence[Sequence[Any]]
) -> tuple[Any, list[Any]]:
    """The same from both factors of the Hadamard products in the information, one of them an expression."""
    import cvxpy as cp

    total: Any = 0.0
    constraints: list[Any] = []
    for each, constants, expressions in zip(reduced.criteria, first, second, strict=True):
        information: Any = each.constant
        for part, constant, expression in zip(each.parts, constants, expressions, strict=True):
            information = information + part.jacobian.T @ cp.real(cp.multiply(constant, expression)) @ part.jacobian
        information = 0.5 * (information + information.T)
        slack = cp.Variable((each.selection.shape[1],) * 2, symmetric=True)
        constraints.append(cp.bmat([[slack, each.selection.T], [each.selection, information]]) >> 0)
        total = total + cp.trace(slack)
    return total, constraints


def solved(problem: Any) -> bool:
    """Whether a conic solver finds a solution, in its usual steps or, where it breaks down, in shorter ones."""
    import cvxpy as cp
    from cvxpy.error import SolverError

    for fraction in STEP_FRACTIONS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                problem.solve(solver=cp.CLARABEL, max_step_fraction=fraction)
            except SolverError:
                continue
        return problem.status in ("optimal", "optimal_inaccurate")
    return False
