"""Networks behind which uplink users reach their ratios without echo, as starts."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.design.analog.smooth_descent import descend
from crbeam.design.hybrid.echo_limits import echo_limits
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.design.subarrays import SubarrayHybrid

#: Logarithm of the factor by which a start should exceed every ratio: room for the echo.
ROOM = 0.25
#: Steps of the descent.
MAX_ITERATIONS = 300


@dataclass(frozen=True, eq=False)
class MissedRatios:
    """`sum_k max(0, room - log(ratio_k / gamma_k))^2` without echo, with its gradient by the phases.

    Attributes:
        service: the users.
        hybrid: the array.
    """

    service: MinimumUplinkSinr
    hybrid: SubarrayHybrid

    def __call__(self, phases_rad: Float[np.ndarray, " antenna"]) -> tuple[float, Float[np.ndarray, " antenna"]]:
        """Value and gradient."""
        network = self.hybrid.network(phases_rad)
        limits = echo_limits(self.service, network, 1.0)
        missed = np.maximum(0.0, ROOM - np.log(limits.without_echo / self.service.minimum_sinr))
        slope = np.tensordot(-2.0 * missed / limits.without_echo, limits.ratio_slopes(), axes=1)
        return float(np.sum(missed**2)), 2.0 * np.sum(np.real(slope.conj() * 1j * network), axis=1)


def served_start_rad(
    service: MinimumUplinkSinr, hybrid: SubarrayHybrid, phases_rad: Float[np.ndarray, " antenna"]
) -> Float[np.ndarray, " antenna"]:
    """The nearest phases downhill with which all users have their ratios with some room, or as nearly as that leads."""
    missed = MissedRatios(service, hybrid)
    return descend(missed, phases_rad, max_iterations=MAX_ITERATIONS, tolerance=1e-9).point
