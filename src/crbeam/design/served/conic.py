"""Weighted bounds as conic expressions, for published algorithms that solve semidefinite programs."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.convex.program import Program

#: Shares of the way to the boundary of the cone that the solver goes in a step: its default, and careful ones.
STEP_FRACTIONS = (0.99, 0.9, 0.7, 0.5)


def conic_bound(program: Program, sent: Any) -> tuple[Any, list[Any]]:
    """`sum_t tr(E_t^T I_t^-1 E_t)` of a program of one cone as a conic expression, given its covariance."""
    views = [view for _, view in program.cones[0].seen]
    return conic_objective(program, [view.weight.conj() for view in views], [view.transmit for view in views], sent)


def conic_objective(
    program: Program, weights: Sequence[np.ndarray], columns: Sequence[np.ndarray], inner: Any
) -> tuple[Any, list[Any]]:
    """The same from `W o (C^H X C)` in the information of each term, X being a Hermitian expression.

    Information is one real linear map of X: products of complex expressions would be multiplied out again and again.
    """
    import cvxpy as cp

    total: Any = 0.0
    constraints: list[Any] = []
    entries = cp.hstack([cp.vec(cp.real(inner), order="C"), cp.vec(cp.imag(inner), order="C")])
    views = [view for _, view in program.cones[0].seen]
    for term, view, weight, column in zip(program.terms, views, weights, columns, strict=True):
        size = len(term.constant)
        information = term.constant + cp.reshape(
            _information_map(view.jacobian, weight, column) @ entries, (size, size), order="C"
        )
        slack = cp.Variable((term.selection.shape[1],) * 2, symmetric=True)
        constraints.append(cp.bmat([[slack, term.selection.T], [term.selection, information]]) >> 0)
        total = total + cp.trace(slack)
    return total, constraints


def _information_map(
    jacobian: Float[np.ndarray, "part parameter"],
    weight: Complex[np.ndarray, "part part"],
    column: Complex[np.ndarray, "direction part"],
) -> Float[np.ndarray, "entry real_and_imaginary"]:
    """Matrix from real and imaginary parts of X to `J^T Re(W o (C^H X C)) J`, symmetric."""
    left = np.einsum("ap,ia->pai", jacobian, column.conj())
    products = np.einsum("pai,ab,qbj->pqij", left, weight, left.conj(), optimize=True)
    real, imaginary = (0.5 * (part + part.swapaxes(0, 1)) for part in (products.real, -products.imag))
    count = jacobian.shape[1] ** 2
    return np.concatenate([real.reshape(count, -1), imaginary.reshape(count, -1)], axis=1)


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
