"""Log-barrier ascent of a concave function under linear matrix inequalities, for the duals of relaxations."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

#: Newton decrement, squared, below which a point counts as on the central path.
CENTRED = 1e-2
#: Factor on the barrier from one point of the central path to the next.
REDUCTION = 0.3
#: Newton steps after which the ascent ends; trial steps of one line search; share of the predicted increase wanted.
MAX_STEPS, MAX_HALVINGS, ARMIJO = 400, 40, 1e-3


@dataclass(frozen=True, eq=False)
class LocalModel:
    """Gradient and negative Hessian of the barrier function at a point."""

    gradient: np.ndarray
    curvature: np.ndarray


class Relaxation(ABC):
    """The dual of a relaxation: a concave function of a vector, and what must stay positive (semi)definite.

    Every vector in the domain proves a lower bound.
    """

    @property
    @abstractmethod
    def weight(self) -> int:
        """Number of logarithms in the barrier."""

    @abstractmethod
    def start(self) -> tuple[np.ndarray, float]:
        """A vector strictly inside the domain, and the weight of the barrier at which it is not far from the path."""

    @abstractmethod
    def value(self, point: np.ndarray) -> float:
        """The bound, in units of the objective at the isotropic covariance."""

    @abstractmethod
    def logarithms(self, point: np.ndarray) -> float:
        """Sum of the logarithms of the barrier; minus infinity outside the domain."""

    @abstractmethod
    def model(self, point: np.ndarray, barrier: float) -> LocalModel:
        """Second-order model of `value + barrier logarithms`."""


def ascend(relaxation: Relaxation, *, gap: float) -> np.ndarray:
    """The best vector found: on the central path, up to a relative gap if rounding permits."""
    point, barrier = relaxation.start()
    for _ in range(MAX_STEPS):
        local = relaxation.model(point, barrier)
        step = _newton(local)
        if step is None:
            return point
        decrement = float(local.gradient @ step) / barrier
        moved = _advanced(relaxation, point, step, barrier, decrement)
        if decrement < CENTRED or moved is None:
            is_stuck = moved is None and decrement >= CENTRED
            if is_stuck or relaxation.weight * barrier < gap * abs(relaxation.value(point)):
                return point
            barrier *= REDUCTION
        point = point if moved is None else moved
    return point


def _newton(local: LocalModel) -> np.ndarray | None:
    """Newton step; None if rounding has made the curvature indefinite."""
    diagonal = np.diagonal(local.curvature)
    if not np.all(diagonal > 0.0):
        return None
    scale = 1.0 / np.sqrt(diagonal)
    try:
        step = scale * np.linalg.solve(local.curvature * np.outer(scale, scale), scale * local.gradient)
    except np.linalg.LinAlgError:
        return None
    return step if local.gradient @ step >= 0.0 else None


def _advanced(
    relaxation: Relaxation, point: np.ndarray, step: np.ndarray, barrier: float, decrement: float
) -> np.ndarray | None:
    """The point after a damped Newton step; None if no step increases the barrier function."""
    value = relaxation.value(point) + barrier * relaxation.logarithms(point)
    trial = 1.0
    for _ in range(MAX_HALVINGS):
        moved = point + trial * step
        reached = relaxation.value(moved) + barrier * relaxation.logarithms(moved)
        if reached >= value + ARMIJO * trial * barrier * decrement:
            return moved
        trial *= 0.5
    return None
