"""What one receiver alone tells of a target, by the delay and by the direction from which the echo comes."""

from typing import Literal

import numpy as np
from jaxtyping import Complex

from crbeam.errors import InvalidInput
from crbeam.information import Information
from crbeam.information.parameters import ParameterLayout
from crbeam.systems import World
from crbeam.systems.arrival import ACROSS, RANGE, arrival_information, arrival_map
from crbeam.systems.receivers import multistatic_of
from crbeam.systems.wang2024 import SPEED, Wang2024


def one_receiver_bounds(
    scenario: World,
    covariance: Complex[np.ndarray, "tx tx"],
    link: str,
    *,
    arrival: Literal["known", "estimated"] = "known",
) -> dict[str, float]:
    """Root bounds of a target's position by one receiver alone.

    With the direction of arrival known, only the distance along it is unknown, and the delay tells it: with the unit
    vectors u, w from transmitter and receiver, its root bound is `c / (1 + u . w)` times that of the delay. If the
    receiver's own antennas tell the direction, then with the delay's information I_tau, the angle's I_phi, the distance
    d and the unit vector n across, the information about the position is

    `I_tau (u + w) (u + w)^T / c^2 + I_phi n n^T / d^2`.

    The Doppler shift tells the speed if the heading is known too (`target_velocity_mps`), and nothing else.

    Args:
        scenario: of the system wang2024.
        covariance: what is sent.
        link: a receiver, or the link of monostatic sensing.
        arrival: whether its direction is known, or is what the antennas tell.

    Raises:
        InvalidInput: there is no such link.
        Unidentifiable: the receiver does not tell it, as between transmitter and target on their line, or for an
            estimated arrival with one antenna.

    Reference: wang2024 eq. (51), eq. (54).

    Deviation: Remark 3.1 says that a receiver alone cannot locate without the direction of departure.
    """
    system = Wang2024.of(scenario)
    if link not in system.listeners():
        raise InvalidInput(f"The link must be one of {', '.join(system.listeners())}, found `{link}`.")
    seen = arrival_map(system, link)
    sent = dict.fromkeys(seen.blocks, covariance)
    if arrival == "known":
        names, information = (RANGE,), seen.known([ACROSS]).at(sent)
    else:
        distance_m = np.hypot(*np.subtract(system.scenario.targets.positions_m[0], system.listeners()[link].position_m))
        across = arrival_information(system, covariance, link) / float(distance_m) ** 2
        names = (RANGE, ACROSS)
        information = seen.at(sent) + Information(np.array([[across]]), ParameterLayout.of({ACROSS: 1}))
    bounds = {"target_position_m": information.root_bound(names)}
    if multistatic_of(system.scenario).heading == "known":
        bounds["target_velocity_mps"] = information.root_bound([SPEED])
    return bounds
