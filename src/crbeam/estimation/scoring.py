"""Damped Fisher scoring: the Levenberg-Marquardt method on a log-likelihood."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float


@runtime_checkable
class _HasScore(Protocol):
    @property
    def energy(self) -> float: ...
    @property
    def gradient(self) -> Float[np.ndarray, " parameter"]: ...
    @property
    def information(self) -> Float[np.ndarray, "parameter parameter"]: ...


S = TypeVar("S", bound=_HasScore)

#: A step that is shorter than this, in standard deviations of the estimate, ends the search.
STEP_TOLERANCE = 1e-3
MOST_ITERATIONS = 60
#: Relative gain of likelihood that is rounding.
ROUNDING = 1e-14
_FIRST_DAMPING = 1e-3
#: Damping up to which a step is short because the maximum is near, and not because it is damped.
_LIGHT_DAMPING = 1.0
_MOST_DAMPING = 1e8


@dataclass(frozen=True, eq=False)
class Maximum(Generic[S]):
    """Where a search ended.

    Attributes:
        point: the parameters.
        score: likelihood, slope and curvature there.
        has_converged: whether the last step was short beside the accuracy of the estimate, without being damped much.
        iterations: number of scores computed.
    """

    point: Float[np.ndarray, " parameter"]
    score: S
    has_converged: bool
    iterations: int


def maximise(
    score_at: Callable[[Float[np.ndarray, " parameter"]], S | None],
    start: Float[np.ndarray, " parameter"],
    *,
    most_iterations: int = MOST_ITERATIONS,
    step_tolerance: float = STEP_TOLERANCE,
) -> Maximum[S] | None:
    """Local maximum of a likelihood near a start; None if it does not exist at the start.

    Each step solves `(A + damping diag(A)) step = gradient` with the information A; a step that lowers the likelihood
    is taken back and damped more. `2 step^T A step` is the squared length of a step in standard deviations.

    Args:
        score_at: score of parameters, or None where the likelihood does not exist.
        start: where to begin.
        most_iterations: most scores computed.
        step_tolerance: length of a step that ends the search, in standard deviations.
    """
    point, score = start, score_at(start)
    if score is None:
        return None
    damping = _FIRST_DAMPING
    for iteration in range(1, most_iterations):
        step = _step(score, damping)
        length = 2.0 * float(step @ score.information @ step)
        is_short = length <= step_tolerance**2 and damping <= _LIGHT_DAMPING
        is_last = is_short or float(score.gradient @ step) <= ROUNDING * abs(score.energy)
        trial = score_at(point + step)
        if trial is not None and trial.energy >= score.energy:
            point, score, damping = point + step, trial, max(damping / 10.0, 1e-9)
        if is_last:
            return Maximum(point, score, True, iteration + 1)
        if score is not trial:
            damping *= 8.0
            if damping > _MOST_DAMPING:
                break
    return Maximum(point, score, False, most_iterations)


def _step(score: _HasScore, damping: float) -> Float[np.ndarray, " parameter"]:
    """Damped step, in parameters scaled by their own accuracy."""
    diagonal = np.diagonal(score.information)
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    scaled = score.information * np.outer(scale, scale) + damping * np.eye(len(scale))
    return scale * np.linalg.solve(scaled, scale * score.gradient)
