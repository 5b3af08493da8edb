"""Quasi-Newton descent of any smooth function, without constraints."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crbeam.design.curvature import CurvatureMemory

#: Curvature pairs kept.
MEMORY = 20
#: Root mean square of the first move.
FIRST_MOVE = 0.1
#: Fraction of the predicted decrease that a step must reach.
SUFFICIENT_DECREASE = 1e-4
#: Step below which a line search gives up.
SMALLEST_STEP = 1e-10
#: Step of the differences of gradients that make up a Hessian.
DIFFERENCE = 1e-6
#: Curvature below which a direction is taken as flat, relative to the largest.
LEAST_CURVATURE = 1e-9
#: Largest change of a component by a step of Newton's method.
LARGEST_MOVE = 0.3

#: Value and gradient at a point.
Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Descent:
    """Where a descent ended.

    Attributes:
        point: the last point.
        gradient: there.
        trace: value at the start and at each point after it; it never rises.
    """

    point: np.ndarray
    gradient: np.ndarray
    trace: tuple[float, ...]


def descend(
    function: Function, start: np.ndarray, *, max_iterations: int, tolerance: float, least_decrease: float = 0.0
) -> Descent:
    """Descent by L-BFGS with an Armijo line search from unit steps.

    Args:
        function: value and gradient.
        start: where to begin.
        max_iterations: accepted steps after which to stop.
        tolerance: largest component of the gradient at which to stop.
        least_decrease: relative decrease by a step below which to stop.
    """
    point, (value, gradient) = start, function(start)
    trace = [value]
    memory, is_fresh = _fresh(gradient), True
    direction = memory.direction(gradient)
    while len(trace) <= max_iterations and np.abs(gradient).max() > tolerance:
        accepted = _line_search(function, point, trace[-1], gradient, direction)
        if accepted is None:
            if is_fresh:
                break
            memory, is_fresh = _fresh(gradient), True
            direction = memory.direction(gradient)
            continue
        (moved, value, new_gradient), is_fresh = accepted, False
        direction = memory.turn(moved, new_gradient - gradient, new_gradient, True)
        point, gradient = point + moved, new_gradient
        trace.append(value)
        if trace[-2] - trace[-1] < least_decrease * abs(trace[-2]):
            break
    return Descent(point, gradient, tuple(trace))


def _fresh(gradient: np.ndarray) -> CurvatureMemory:
    size = float(np.linalg.norm(gradient)) or 1.0
    return CurvatureMemory((), gradient.size, MEMORY, FIRST_MOVE * np.sqrt(gradient.size) / size)


def _line_search(
    function: Function, point: np.ndarray, value: float, gradient: np.ndarray, direction: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """Move, value and gradient of the first halved step that decreases the value enough; None if there is none."""
    slope = float(direction @ gradient)
    step = 1.0
    while slope < 0.0 and step > SMALLEST_STEP:
        trial, trial_gradient = function(point + step * direction)
        if trial <= value + SUFFICIENT_DECREASE * step * slope:
            return step * direction, trial, trial_gradient
        step *= 0.5
    return None


def polish(function: Function, start: np.ndarray, *, max_iterations: int, tolerance: float) -> Descent:
    """Newton's method with a damped Hessian, for the last digits where a function is badly conditioned.

    The Hessian is that of differences of gradients; its eigenvalues are taken by their moduli, so that the direction
    leads downhill, and no component moves by more than `LARGEST_MOVE`. Costs as many gradients as there are components
    in each iteration. Arguments are those of `descend`.
    """
    point, (value, gradient) = start, function(start)
    trace = [value]
    while len(trace) <= max_iterations and np.abs(gradient).max() > tolerance:
        direction = _newton_direction(function, point, gradient)
        accepted = _line_search(function, point, trace[-1], gradient, direction)
        if accepted is None:
            break
        moved, value, gradient = accepted
        point = point + moved
        trace.append(value)
    return Descent(point, gradient, tuple(trace))


def _newton_direction(function: Function, point: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    hessian = np.empty((point.size, point.size))
    for index in range(point.size):
        shifted = point.copy()
        shifted[index] += DIFFERENCE
        hessian[index] = (function(shifted)[1] - gradient) / DIFFERENCE
    eigenvalues, vectors = np.linalg.eigh(0.5 * (hessian + hessian.T))
    moduli = np.abs(eigenvalues)
    direction = -vectors @ ((vectors.T @ gradient) / np.maximum(moduli, LEAST_CURVATURE * moduli.max()))
    return direction * min(1.0, LARGEST_MOVE / float(np.abs(direction).max()))
