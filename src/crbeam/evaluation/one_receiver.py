"""What one receiver alone tells of a target, by the delay and by the direction from which the echo comes."""

from typing import Literal

import numpy as np
from jaxtyping import Complex

from crbeam.errors import InvalidInput
from crbeam.information import Information
from crbeam.information.parameters import ParameterLayout
from crbeam.propagation.responses import steering_response
from crbeam.scenario import Scenario
from crbeam.systems.receivers import Listener, echo_paths, listeners, moving_echo, multistatic_of, pulse_train
from crbeam.systems.wang2024 import POSITION, SPEED, receiver_map, target_jacobian

_RANGE, _ACROSS = "target_range[0]", "target_cross_range[0]"


def one_receiver_bounds(
    scenario: Scenario,
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
    heard = {each.link: each for each in listeners(scenario)}
    if link not in heard:
        raise InvalidInput(f"The link must be one of {', '.join(heard)}, found `{link}`.")
    listener = heard[link]
    arrival_rad = float(echo_paths(scenario, listener).arrival_rad[0])
    jacobian, layout = target_jacobian(scenario, listener)
    sizes = {key: layout[key].stop - layout[key].start for key in layout.names if key != POSITION}
    polar = ParameterLayout.of({_RANGE: 1, _ACROSS: 1, **sizes})
    turn = np.array([[np.cos(arrival_rad), -np.sin(arrival_rad)], [np.sin(arrival_rad), np.cos(arrival_rad)]])
    motion = np.zeros((layout.size, polar.size))
    motion[layout[POSITION], :2] = turn
    for key in sizes:
        motion[layout[key], polar[key]] = np.eye(sizes[key])
    seen = receiver_map(scenario, listener).change_parameters(jacobian @ motion, polar)
    sent = dict.fromkeys(seen.blocks, covariance)
    if arrival == "known":
        names, information = (_RANGE,), seen.known([_ACROSS]).at(sent)
    else:
        across = arrival_information(scenario, covariance, listener) / _distance_m(scenario, listener) ** 2
        names = (_RANGE, _ACROSS)
        information = seen.at(sent) + Information(np.array([[across]]), ParameterLayout.of({_ACROSS: 1}))
    bounds = {"target_position_m": information.root_bound(names)}
    if multistatic_of(scenario).heading == "known":
        bounds["target_velocity_mps"] = information.root_bound([SPEED])
    return bounds


def arrival_information(scenario: Scenario, covariance: Complex[np.ndarray, "tx tx"], listener: Listener) -> float:
    """Information of a receiver's antennas about the direction of arrival, in 1/rad^2, the gain being unknown.

    `2 M |b|^2 t^H R t (|z'|^2 - |z^H z'|^2 / |z|^2) / noise` for the response z and its derivative z' by the angle, M
    symbols, and the gain b. It is coupled to neither delay nor Doppler shift.
    """
    echo, paths = moving_echo(scenario, listener), echo_paths(scenario, listener)
    angle_rad = paths.arrival_rad - listener.orientation_rad
    response, slope = (each[:, 0] for each in steering_response(listener.array.positions_wavelengths, angle_rad))
    turning = np.linalg.norm(slope) ** 2 - abs(np.vdot(response, slope)) ** 2 / np.linalg.norm(response) ** 2
    lit = float(np.real(echo.transmit.conj() @ covariance @ echo.transmit))
    return float(2.0 * pulse_train(scenario).symbols * abs(echo.gain) ** 2 * lit * turning / echo.noise_power_w)


def _distance_m(scenario: Scenario, listener: Listener) -> float:
    return float(np.hypot(*np.subtract(scenario.targets.positions_m[0], listener.position_m)))
