"""One point of the central path, at a given weight of the barrier: smooth in all data of a program.

There `W_bs = tau S_bs^-1`, and the value of `D + tau B` changes with the data as it does with all unknowns fixed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crbeam.design.convex.dual import Dual, Point
from crbeam.design.convex.path import MAX_STEPS, NEAR, along, uphill

#: Squared Newton decrement above which a search that no longer comes closer has lost the path.
LOST = 1.0
#: Share of the last squared decrement above which a step has come no closer.
STALLED = 0.9


@dataclass(frozen=True, eq=False)
class Centre:
    """A point of the path, or where the search for it ended.

    Attributes:
        point: the point.
        tau: weight of the barrier.
        trail: points near the path on the way there, with their weights.
        steps: Newton steps.
        is_reached: whether the point is that of the weight that was asked for.
    """

    point: Point
    tau: float
    trail: tuple[tuple[float, np.ndarray], ...]
    steps: int
    is_reached: bool

    @property
    def covariances(self) -> list[np.ndarray]:
        """`tau S^-1` of each cone, `[stream, size, size]`; over a codebook its powers."""
        return [slack.covariances(self.tau) for slack in self.point.slacks]

    def value(self, dual: Dual) -> float:
        """`D + tau (B - m log tau)`, m the number of logarithms: less than `m tau` from the optimum."""
        return self.point.value + self.tau * (self.point.barrier - dual.weight * np.log(self.tau))


def centre(
    dual: Dual, start: Point, tau: float, goal: Callable[[Point], float], *, fine: float, most: float = np.inf
) -> Centre:
    """The point of the path at a weight of the barrier.

    Args:
        dual: the dual.
        start: inside the domain.
        tau: weight of the barrier for which it is not far from the path.
        goal: weight to reach, given a point near the path.
        fine: squared Newton decrement of the last step, after which it is about the square of that.
        most: squared Newton decrement of the start beyond which it is too far.
    """
    point, left, last = start, 0.5, np.inf
    trail: list[tuple[float, np.ndarray]] = []
    step = 0
    for step in range(1, MAX_STEPS + 1):
        try:
            model = dual.model(point, tau)
            slope = model.value_slope + tau * model.barrier_slope
            newton, tangent = model.solved(slope, model.barrier_slope).T
        except np.linalg.LinAlgError:
            break
        rise, wanted = float(slope @ newton) / tau, goal(point)
        if not 0.0 <= rise <= (most if step == 1 else np.inf):
            break
        if tau <= wanted and (rise < fine or (rise < LOST and rise > STALLED * last)):
            last_point = dual.point(point.x + newton) or point
            return Centre(last_point, tau, tuple(trail), step, is_reached=True)
        if rise >= NEAR**2:
            moved = uphill(dual, point, newton, rise, tau)
        elif tau <= wanted:
            moved, last = dual.point(point.x + newton), rise
        else:
            trail.append((tau, point.x))
            moved, left = along(dual, model, newton, tau * tangent, left, wanted / tau)
            tau, last = tau * left, np.inf
        if moved is None:
            break
        point = moved
    return Centre(point, tau, tuple(trail), step, is_reached=False)
