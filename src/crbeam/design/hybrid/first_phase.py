"""Networks behind which uplink users reach their ratios without echo, as starts."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from crbeam.design.analog.smooth_descent import descend
from crbeam.design.hybrid.echo_limits import ratios_beside_echo
from crbeam.design.power_need import level_above_db
from crbeam.design.served.uplink_need import user_power_words
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.design.subarrays import SubarrayHybrid
from crbeam.errors import Infeasible

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
        found = ratios_beside_echo(self.service, network, 0.0)
        missed = np.maximum(0.0, ROOM - np.log(found.ratios / self.service.minimum_sinr))
        slope = np.tensordot(-2.0 * missed / found.ratios, found.slopes, axes=1)
        return float(np.sum(missed**2)), 2.0 * np.sum(np.real(slope.conj() * 1j * network), axis=1)


def served_start_rad(
    service: MinimumUplinkSinr, hybrid: SubarrayHybrid, phases_rad: Float[np.ndarray, " antenna"]
) -> Float[np.ndarray, " antenna"]:
    """The nearest phases downhill with which all users have their ratios with some room, or as nearly as that leads."""
    missed = MissedRatios(service, hybrid)
    return descend(missed, phases_rad, max_iterations=MAX_ITERATIONS, tolerance=1e-9).point


def served_starts_rad(
    service: MinimumUplinkSinr, hybrid: SubarrayHybrid, starts_rad: Float[np.ndarray, "start antenna"]
) -> Float[np.ndarray, "served antenna"]:
    """Those starts from which the descent leads to networks that serve all users, moved there.

    Raises:
        Infeasible: there is none; this is no proof that no network does.
    """
    moved = np.array([served_start_rad(service, hybrid, phases_rad) for phases_rad in starts_rad])
    reached = [ratios_beside_echo(service, hybrid.network(phases_rad), 0.0).ratios for phases_rad in moved]
    shares = np.array([np.min(ratios / service.minimum_sinr) for ratios in reached])
    if np.any(shares > 1.0):
        return moved[shares > 1.0]
    nearest = int(np.argmax(shares))
    ratios = reached[nearest] / service.minimum_sinr
    heard = replace(service.uplink, network=hybrid.network(moved[nearest]))
    user = service.users[int(np.argmin(ratios))]
    raise Infeasible(
        f"All users must reach their SINR behind sub-arrays of {hybrid.antennas_per_chain} antennas, but no network "
        f"that was found serves them all: {user} misses its own by {level_above_db(1.0 / ratios.min())} dB even "
        f"without probing. Lower the requirement, take smaller sub-arrays or more starts, or raise the power of the "
        f"users; behind that network {user_power_words(service, heard)}.",
        requirement=f"uplink SINR of {user}",
    )
