"""One receiver alone: position from delay and direction of arrival, against brute-force information."""

import numpy as np
import pytest
from tests.estimation.pulse_scenes import MONOSTATIC, lit, scene, spread

from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.evaluation import evaluate
from crbeam.evaluation.one_receiver import one_receiver_bounds
from crbeam.propagation.responses import steering_response
from crbeam.scenario import SPEED_OF_LIGHT_MPS
from crbeam.systems.arrival import arrival_information
from crbeam.systems.receivers import listeners, pulse_train
from crbeam.systems.wang2024 import Wang2024


def observed(place_m, receiver_m):
    """Delay and direction of arrival."""
    back_m = place_m - receiver_m
    return np.array([(np.hypot(*place_m) + np.hypot(*back_m)) / SPEED_OF_LIGHT_MPS, np.arctan2(back_m[1], back_m[0])])


@pytest.mark.parametrize("link", ["receiver0", "receiver2", "monostatic"])
def test_delay_and_angle_give_the_position(rng, link):
    scenario = scene(MONOSTATIC)
    covariance = spread(scenario, rng)
    listener = next(each for each in listeners(scenario) if each.link == link)
    delay_s = evaluate(scenario, {"transmitter": covariance}).links[link].quantities["delay_s"]
    target, place = np.array([20.0, 40.0]), np.array(listener.position_m)
    step = 1e-5
    slopes = np.stack(
        [(observed(target + d, place) - observed(target - d, place)) / (2 * step) for d in step * np.eye(2)]
    ).T
    angle = arrival_information(Wang2024(scenario), covariance, listener.link)
    matrix = slopes.T @ np.diag([delay_s**-2, angle]) @ slopes
    found = one_receiver_bounds(scenario, covariance, link, arrival="estimated")
    assert found["target_position_m"] == pytest.approx(np.sqrt(np.trace(np.linalg.inv(matrix))), rel=1e-5)
    known = one_receiver_bounds(scenario, covariance, link)["target_position_m"]
    sharp = slopes.T @ np.diag([delay_s**-2, 1e12 * angle]) @ slopes
    assert known == pytest.approx(np.sqrt(np.trace(np.linalg.inv(sharp))), rel=1e-4)
    assert known < 0.5 * found["target_position_m"]


def test_information_about_the_angle_is_that_of_the_samples(rng):
    """With an unknown gain, all symbols of one echo are so many looks at one response."""
    scenario = scene()
    covariance = lit(scenario)
    listener = listeners(scenario)[1]
    echo, symbols = Wang2024(scenario).moving_echo(listener.link), pulse_train(scenario).symbols
    angle = Wang2024(scenario).paths()[listener.link].arrival_rad

    def signal(turn, gain):
        response = steering_response(listener.array.positions_wavelengths, angle + turn)[0][:, 0]
        return gain * response * np.sqrt(symbols * np.real(echo.transmit.conj() @ covariance @ echo.transmit))

    step, gain = 1e-6, echo.gain
    slopes = [
        (signal(step, gain) - signal(-step, gain)) / (2 * step),
        signal(0.0, 1.0),
        signal(0.0, 1j),
    ]
    matrix = 2.0 / echo.noise_power_w * np.real(np.conj(slopes) @ np.transpose(slopes))
    expected = 1.0 / np.linalg.inv(matrix)[0, 0]
    assert arrival_information(Wang2024(scenario), covariance, listener.link) == pytest.approx(expected, rel=1e-6)
    assert matrix[0, 0] > 1.5 * expected, "a known gain would tell more"


def test_what_one_receiver_does_not_tell():
    with pytest.raises(Unidentifiable):
        one_receiver_bounds(scene("receivers.array.elements=1"), lit(scene()), "receiver0", arrival="estimated")
    with pytest.raises(InvalidInput, match="receiver0, receiver1, receiver2"):
        one_receiver_bounds(scene(), lit(scene()), "monostatic")
    moving = scene("multistatic.heading=known")
    assert "target_velocity_mps" in one_receiver_bounds(moving, lit(moving), "receiver0", arrival="estimated")
