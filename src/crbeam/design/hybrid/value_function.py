"""The digital optimum as a smooth function of the phases of a network.

The value is that of the barrier function of the dual on its central path, at a fixed weight of the barrier: within the
wanted accuracy of the optimum, smooth, and with an exact gradient. Requirements are elastic, so that every network has
a value.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from crbeam.design.convex.centre import Centre, centre
from crbeam.design.convex.dual import Dual
from crbeam.design.convex.path import first_point
from crbeam.design.hybrid.views import NetworkView
from crbeam.errors import SolverFailed

#: Squared Newton decrement at the last point, for an exact gradient.
FINE = 1e-9
#: Squared Newton decrement up to which a point of the last network is a start for another.
NEARBY = 10.0


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
    #: Points near the path of the last network, with weights of the barrier: starts for other networks.
    _trail: list[tuple[float, np.ndarray]] = field(default_factory=list, repr=False)

    def __call__(self, phases_rad: Float[np.ndarray, " antenna"]) -> tuple[float, Float[np.ndarray, " antenna"]]:
        """Value and gradient."""
        network = self.view.hybrid.network(phases_rad)
        dual, optimum = self._central(network)
        value = optimum.value(dual)
        slope = self.view.slope(network, optimum)
        gradient = 2.0 * np.sum(np.real(slope.conj() * 1j * network), axis=1)
        return float(np.log(value)), gradient / value

    def missed(self, phases_rad: Float[np.ndarray, " antenna"]) -> float:
        """Largest scaled amount by which a requirement is missed at the optimum."""
        dual, optimum = self._central(self.view.hybrid.network(phases_rad))
        multipliers = optimum.point.levels[: dual.program.n_rows]
        return float(np.max(optimum.tau / (self.price - multipliers), initial=0.0))

    def _central(self, network: np.ndarray) -> tuple[Dual, Centre]:
        """The point of the central path at the weight of the barrier."""
        dual = Dual(replace(self.view.at(network), ceiling=self.price))
        tau = self.accuracy * self.unit / dual.weight
        found = self._from_the_last(dual, tau)
        if found is None:
            afar = max(1.0, self.price * self.unit) / dual.weight
            found = centre(dual, first_point(dual, afar), afar, lambda _: tau, fine=FINE)
            if not found.is_reached:
                raise SolverFailed("The optimum behind a network must converge, but did not.", status="not converged")
            self._trail[:] = [*found.trail, (found.tau, found.point.x)]
        return dual, found

    def _from_the_last(self, dual: Dual, tau: float) -> Centre | None:
        """From the last network's point at the smallest weight, of those not below the wanted, that is near enough."""
        for place, (weight, x) in reversed(list(enumerate(self._trail))):
            start = dual.point(x) if weight >= tau else None
            if start is not None:
                found = centre(dual, start, weight, lambda _: tau, fine=FINE, most=NEARBY)
                if found.is_reached:
                    self._trail[place:] = [*found.trail, (found.tau, found.point.x)]
                    return found
        return None
