"""One point of the central path, at a given weight of the barrier: smooth in all data of a program.

There `W_bs = tau S_bs^-1`, and the value of `D + tau B` changes with the data as it does with all unknowns fixed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crbeam.design.convex.dual import Dual, Model, Point
from crbeam.design.convex.path import MAX_STEPS, NEAR, along, uphill

#: Squared Newton decrement above which a search that cannot go on has lost the path.
LOST = 1.0


@dataclass(frozen=True, eq=False)
class Centre:
    """A point of the path.

    Attributes:
        point: the point.
        tau: weight of the barrier.
        trail: points near the path on the way there, with their weights.
        steps: Newton steps.
    """

    point: Point
    tau: float
    trail: tuple[tuple[float, np.ndarray], ...]
    steps: int

    @property
    def covariances(self) -> list[np.ndarray]:
        """`tau S^-1` of each cone, `[stream, size, size]`."""
        return [self.tau * root.conj().swapaxes(1, 2) @ root for root in self.point.roots]

    def value(self, dual: Dual) -> float:
        """`D + tau (B - m log tau)`, m the number of logarithms: less than `m tau` from the optimum."""
        return dual.value(self.point.x) + self.tau * (dual.barrier(self.point) - dual.weight * np.log(self.tau))


def centre(
    dual: Dual, start: Point, tau: float, goal: Callable[[Point], float], *, fine: float, most: float = np.inf
) -> Centre | None:
    """The point of the path at a weight of the barrier; None if it is too far, or rounding hides it.

    Args:
        dual: the dual.
        start: inside the domain.
        tau: weight of the barrier for which it is not far from the path.
        goal: weight to reach, given a point near the path.
        fine: squared Newton decrement at the end.
        most: squared Newton decrement of a start from which on it is too far.
    """
    point, left, last = start, 0.5, np.inf
    trail: list[tuple[float, np.ndarray]] = []
    for step in range(1, MAX_STEPS + 1):
        try:
            model = dual.model(point, tau)
            slope = model.value_slope + tau * model.barrier_slope
            newton, tangent = model.solved(slope, model.barrier_slope).T
        except np.linalg.LinAlgError:
            return None
        rise = float(slope @ newton) / tau
        if not rise >= 0.0 or (step == 1 and rise > most):
            return None
        wanted = goal(point)
        if tau <= wanted and (rise < fine or (rise < LOST and rise > 0.5 * last)):
            return Centre(point, tau, tuple(trail), step)
        if rise >= NEAR**2:
            moved = uphill(dual, point, newton, rise, tau)
        elif tau <= wanted:
            moved, last = dual.point(point.x + newton), rise
        else:
            trail.append((tau, point.x))
            moved, left = along(dual, model, newton, tau * tangent, max(wanted / tau, min(left, 0.5) ** 2))
            tau, last = tau * left, np.inf
        if moved is None:
            return None
        point = moved
    return None
