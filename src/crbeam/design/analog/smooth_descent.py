"""Descent of smooth functions without constraints, by SciPy's optimisers with exact gradients."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: Curvature pairs that L-BFGS keeps.
MEMORY = 20
#: Step of the differences of gradients that make up a Hessian.
DIFFERENCE = 1e-6
#: First radius of the trust region.
FIRST_RADIUS = 0.1

#: Value and gradient at a point.
Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Descent:
    """Where a descent ended.

    Attributes:
        point: the last point.
        gradient: there.
        trace: value at the start and at each point after it; it never rises.
        evaluations: of value and gradient.
    """

    point: np.ndarray
    gradient: np.ndarray
    trace: tuple[float, ...]
    evaluations: int


def descend(
    function: Function, start: np.ndarray, *, max_iterations: int, tolerance: float, least_decrease: float = 0.0
) -> Descent:
    """Descent by L-BFGS.

    Args:
        function: value and gradient.
        start: where to begin.
        max_iterations: steps after which to stop; with 0 the start is returned.
        tolerance: largest component of the gradient at which to stop.
        least_decrease: decrease by a step, relative to the value or to 1, below which to stop.
    """
    options = {
        "maxcor": MEMORY,
        "maxiter": max_iterations,
        "maxfun": 10 * max_iterations,
        "gtol": tolerance,
        "ftol": least_decrease,
    }
    return _minimised(function, start, {"method": "L-BFGS-B", "options": options}, max_iterations)


def polish(function: Function, start: np.ndarray, *, max_iterations: int, tolerance: float) -> Descent:
    """Newton's method in a trust region, for the last digits where a function is badly conditioned.

    The Hessian is that of differences of gradients, which costs as many gradients as there are components in each
    iteration. Arguments are those of `descend`.
    """

    def hessian(point: np.ndarray) -> np.ndarray:
        moves = DIFFERENCE * np.eye(point.size)
        rows = [(function(point + move)[1] - function(point - move)[1]) / (2.0 * DIFFERENCE) for move in moves]
        return 0.5 * (np.array(rows) + np.array(rows).T)

    options = {"gtol": tolerance, "maxiter": max_iterations, "initial_trust_radius": FIRST_RADIUS}
    settings = {"method": "trust-exact", "hess": hessian, "options": options}
    return _minimised(function, start, settings, max_iterations)


def _minimised(function: Function, start: np.ndarray, settings: dict, max_iterations: int) -> Descent:
    from scipy.optimize import OptimizeResult, minimize

    value, gradient = function(start)
    trace = [float(value)]

    def record(intermediate_result: OptimizeResult) -> None:
        if intermediate_result.fun < trace[-1]:
            trace.append(float(intermediate_result.fun))

    if max_iterations == 0:
        return Descent(start, gradient, tuple(trace), 1)
    result = minimize(function, start, jac=True, callback=record, **settings)
    end = (result.x, result.jac) if result.fun <= value else (start, gradient)
    return Descent(*end, tuple(trace), 1 + int(result.nfev))
