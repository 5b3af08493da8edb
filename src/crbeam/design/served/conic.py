"""Weighted bounds as conic expressions, for published algorithms that solve semidefinite programs."""

import warnings
from collections.abc import Sequence
from typing import Any

from crbeam.design.convex.program import Program

#: Shares of the way to the boundary of the cone that the solver goes in a step: its default, and careful ones.
STEP_FRACTIONS = (0.99, 0.9, 0.7, 0.5)


def conic_bound(program: Program, sent: Any) -> tuple[Any, list[Any]]:
    """`sum_t tr(E_t^T I_t^-1 E_t)` of a program of one cone as a conic expression, given its covariance."""
    import cvxpy as cp

    views = [view for _, view in program.cones[0].seen]
    grams = [cp.conj(view.transmit.conj().T @ sent @ view.transmit) for view in views]
    return conic_objective(program, [view.weight for view in views], grams)


def conic_objective(program: Program, first: Sequence[Any], second: Sequence[Any]) -> tuple[Any, list[Any]]:
    """The same from both factors of the Hadamard product in the information of each term, one of them an expression."""
    import cvxpy as cp

    total: Any = 0.0
    constraints: list[Any] = []
    views = [view for _, view in program.cones[0].seen]
    for term, view, constant, expression in zip(program.terms, views, first, second, strict=True):
        information = term.constant + view.jacobian.T @ cp.real(cp.multiply(constant, expression)) @ view.jacobian
        information = 0.5 * (information + information.T)
        slack = cp.Variable((term.selection.shape[1],) * 2, symmetric=True)
        constraints.append(cp.bmat([[slack, term.selection.T], [term.selection, information]]) >> 0)
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
