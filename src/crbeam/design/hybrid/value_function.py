"""The digital optimum as a smooth function of the phases of a network.

The value is that of the barrier function of the dual on its central path, at a fixed weight of the barrier: within the
wanted accuracy of the optimum, smooth, and with an exact gradient. Requirements are elastic, so that every network has
a value.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from crbeam.design.hybrid.views import NetworkView
from crbeam.design.served.barrier import (
    CENTRED,
    MAX_STEPS,
    CentralPoint,
    DualPoint,
    advanced,
    barrier_value,
    newton_step,
    starting_point,
)
from crbeam.design.served.reduction import ServedProblem
from crbeam.errors import SolverFailed

#: Squared Newton decrement at the last point, for an exact gradient, and steps that may take.
FINE, POLISH_STEPS = 1e-9, 6
#: Weights of the barrier, in decades above the last, at which points are kept as starts for other networks.
WARM_DECADES = (2, 4)
#: Newton steps from such a start, after which the path is followed from afar.
MAX_WARM_STEPS = 40
#: Squared Newton decrement above which a search that cannot go on has lost the path.
LOST = 1.0


class _Memory:
    """The last dual points at larger weights of the barrier, by decades above the last."""

    def __init__(self) -> None:
        self.points: dict[int, DualPoint] = {}


@dataclass(frozen=True, eq=False)
class ValueFunction:
    """Logarithm of the optimum behind a network, with its gradient by the phases.

    Attributes:
        view: the problem as a function of the network.
        accuracy: of the value, relative to the optimum without a network.
        price: of missing a scaled requirement by one, relative to the objective at the isotropic covariance.
        unit: optimum without a network, in units of the objective at the isotropic covariance.
    """

    view: NetworkView
    accuracy: float
    price: float
    unit: float
    _memory: _Memory = field(default_factory=_Memory, repr=False)

    def __call__(self, phases_rad: Float[np.ndarray, " antenna"]) -> tuple[float, Float[np.ndarray, " antenna"]]:
        """Value and gradient."""
        hybrid = self.view.hybrid
        network = hybrid.network(phases_rad)
        problem = replace(self.view.at(network), ceiling=self.price)
        weight = _weight(problem)
        barrier = self.accuracy * self.unit / weight
        optimum = self._central(problem, barrier)
        value = barrier_value(problem, optimum.dual, barrier) - barrier * weight * np.log(barrier)
        slope = self.view.slope(network, optimum)
        gradient = 2.0 * np.sum(np.real(slope.conj() * 1j * network), axis=1)
        return float(np.log(value)), gradient / value

    def missed(self, phases_rad: Float[np.ndarray, " antenna"]) -> float:
        """Largest scaled amount by which a requirement is missed at the optimum."""
        problem = replace(self.view.at(self.view.hybrid.network(phases_rad)), ceiling=self.price)
        barrier = self.accuracy * self.unit / _weight(problem)
        optimum = self._central(problem, barrier)
        return float(np.max(barrier / (self.price - optimum.dual.multipliers), initial=0.0))

    def _central(self, problem: ServedProblem, barrier: float) -> CentralPoint:
        """The point of the central path at a weight of the barrier."""
        for decades in WARM_DECADES:
            point = self._memory.points.get(decades)
            if point is not None and np.isfinite(barrier_value(problem, point, barrier)):
                found = self._followed(problem, point, decades, barrier, MAX_WARM_STEPS)
                if found is not None:
                    return found
        decades = max(*WARM_DECADES, int(np.ceil(np.log10(self.price / _weight(problem) / barrier))))
        found = self._followed(problem, starting_point(problem), decades, barrier, MAX_STEPS)
        if found is None:
            raise SolverFailed("The optimum behind a network must converge, but did not.", status="not converged")
        return found

    def _followed(
        self, problem: ServedProblem, point: DualPoint, decades: int, barrier: float, max_steps: int
    ) -> CentralPoint | None:
        """The central path from decades above a weight of the barrier down to it; None if that takes too many steps."""
        for _ in range(max_steps):
            level = barrier * 10.0**decades
            try:
                newton = newton_step(problem, point, level)
            except np.linalg.LinAlgError:
                return None
            if not newton.decrement >= 0.0:
                return None
            moved = advanced(problem, point, newton, level)
            if newton.decrement < CENTRED or moved is None:
                if newton.decrement >= LOST:
                    return None
                if decades == 0:
                    return self._polished(problem, point, barrier)
                if decades in WARM_DECADES:
                    self._memory.points[decades] = point
                decades -= 1
            point = moved or point
        return None

    def _polished(self, problem: ServedProblem, point: DualPoint, barrier: float) -> CentralPoint:
        """The point with covariances `W = barrier S^-1` after full Newton steps, as long as they help."""
        newton = newton_step(problem, point, barrier)
        for _ in range(POLISH_STEPS):
            moved = point.moved(newton.step)
            if newton.decrement < FINE or not np.isfinite(barrier_value(problem, moved, barrier)):
                break
            following = newton_step(problem, moved, barrier)
            if following.decrement > 0.5 * newton.decrement:
                break
            point, newton = moved, following
        covariances = tuple(barrier * inverse for inverse in newton.inverses)
        return CentralPoint(point, covariances, barrier, newton.decrement)


def _weight(problem: ServedProblem) -> int:
    """Number of logarithms in the barrier."""
    blocks = sum(block.rows.shape[0] * block.basis.shape[1] for block in problem.blocks)
    return blocks + problem.n_budgets + 2 * len(problem.requirements)
