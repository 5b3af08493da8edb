"""What one receiver alone tells of a target where the direction counts from which the echo comes."""

import numpy as np
from jaxtyping import Complex

from crbeam.information import InformationMap
from crbeam.information.parameters import ParameterLayout
from crbeam.propagation.responses import steering_response
from crbeam.systems.receivers import pulse_train
from crbeam.systems.wang2024 import POSITION, Wang2024

RANGE, ACROSS = "target_range[0]", "target_cross_range[0]"


def arrival_map(system: Wang2024, link: str) -> InformationMap:
    """Information of one receiver with the target's position along the direction of arrival, and across it.

    `target_range[0]` is the distance in m from the receiver, `target_cross_range[0]` the distance in m across; motion
    and gain are those of `Wang2024.target_jacobian`.

    Reference: wang2024 eq. (51), eq. (54).
    """
    arrival_rad = float(system.paths()[link].arrival_rad[0])
    jacobian, layout = system.target_jacobian(link)
    sizes = {key: layout[key].stop - layout[key].start for key in layout.names if key != POSITION}
    polar = ParameterLayout.of({RANGE: 1, ACROSS: 1, **sizes})
    turn = np.array([[np.cos(arrival_rad), -np.sin(arrival_rad)], [np.sin(arrival_rad), np.cos(arrival_rad)]])
    motion = np.zeros((layout.size, polar.size))
    motion[layout[POSITION], :2] = turn
    for key in sizes:
        motion[layout[key], polar[key]] = np.eye(sizes[key])
    return system.receiver_map(link).change_parameters(jacobian @ motion, polar)


def arrival_information(system: Wang2024, covariance: Complex[np.ndarray, "tx tx"], link: str) -> float:
    """Information of a receiver's antennas about the direction of arrival, in 1/rad^2, the gain being unknown.

    `2 M |b|^2 t^H R t (|z'|^2 - |z^H z'|^2 / |z|^2) / noise` for the response z and its derivative z' by the angle, M
    symbols, and the gain b. It is coupled to neither delay nor Doppler shift.
    """
    echo, paths, listener = system.moving_echo(link), system.paths()[link], system.listeners()[link]
    angle_rad = paths.arrival_rad - listener.orientation_rad
    response, slope = (each[:, 0] for each in steering_response(listener.array.positions_wavelengths, angle_rad))
    turning = np.linalg.norm(slope) ** 2 - abs(np.vdot(response, slope)) ** 2 / np.linalg.norm(response) ** 2
    at_target_w = float(np.real(echo.transmit.conj() @ covariance @ echo.transmit))
    symbols = pulse_train(system.scenario).symbols
    return float(2.0 * symbols * abs(echo.gain) ** 2 * at_target_w * turning / echo.noise_power_w)
