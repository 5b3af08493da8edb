"""Places told by the curvature of waves, against two public codes; see README.md."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.information import InformationMap
from crbeam.information.near_field import Echo, UserPilots, echo_information, pilot_information, position_information
from crbeam.propagation.near_field import DistanceDifferences, distance_differences, near_field_response

CARRIER_HZ = 28e9


def line_m(elements, spacing_m):
    """Positions of a line array along x, counted from its centre."""
    return np.stack([spacing_m * (np.arange(elements) - (elements - 1) / 2), np.zeros(elements)], axis=1)


# One monostatic target, isotropic transmission: roots of the bounds of range and angle.
N_ELEMENTS, APERTURE_M = 65, 0.5
RANGE_M, ANGLE_RAD = 20.0, np.pi / 4
N_SNAPSHOTS, NOISE_POWER_W, POWER_W = 128, 1e-6, 100.0
ROOT_RANGE_M, ROOT_ANGLE_RAD = 7.785015705e-2, 9.021343783e-6


def echo_map(model="spherical"):
    response = near_field_response(
        line_m(N_ELEMENTS, APERTURE_M / (N_ELEMENTS - 1)),
        np.array([ANGLE_RAD]),
        np.array([RANGE_M]),
        wavelength_m=3e8 / CARRIER_HZ,
        model=model,
    )
    echo = Echo("monostatic", "array", ((0.6 - 0.8j) * 1e-3,), N_SNAPSHOTS, NOISE_POWER_W)
    return echo_information(echo, transmit=response, receive=response)


def root_bounds(information_map):
    isotropic = (POWER_W / N_ELEMENTS) * np.eye(N_ELEMENTS, dtype=complex)
    information = information_map.at({"array": isotropic})
    return information.root_bound(["target_range[0]"]), information.root_bound(["target_angle[0]"])


def test_range_and_angle_bounds():
    assert root_bounds(echo_map()) == pytest.approx((ROOT_RANGE_M, ROOT_ANGLE_RAD), rel=1e-9)


def one_way(part):
    """Wrong: the product rule forgotten, so that only the receive response varies."""
    return replace(part, jacobian=part.jacobian * np.array([1, 0, 1, 0, 1, 1])[:, None])


def known_gain(part):
    """Wrong: the gain assumed known."""
    return replace(part, jacobian=part.jacobian * np.array([1, 1, 0, 0]))


def single_noise(part):
    """Wrong: a factor 1 in place of 2 over the noise power."""
    return replace(part, gram=0.5 * part.gram)


@pytest.mark.parametrize("wrong", [one_way, known_gain, single_noise])
def test_the_oracle_rejects(wrong):
    information_map = echo_map()
    (part,) = information_map.contributions
    changed = replace(information_map, contributions=(wrong(part),))
    assert root_bounds(changed) != pytest.approx((ROOT_RANGE_M, ROOT_ANGLE_RAD), rel=1e-3)


def test_the_oracle_rejects_the_fresnel_approximation():
    assert root_bounds(echo_map("fresnel")) != pytest.approx((ROOT_RANGE_M, ROOT_ANGLE_RAD), rel=1e-5)


# Wideband pilots of a user: root bounds of its position with the clock known and unknown.
SPEED_MPS, N_SUBCARRIERS, BANDWIDTH_HZ = 0.3e9, 257, 0.1e9
USER_M = (1.0, 8.0)
ENERGY_WS = 1e-3 / BANDWIDTH_HZ
NOISE_WS = 290 * 1.381e-23
EXACT = (1.665729786e-3, 6.585043780e-3)
NARROWBAND_ARRAY = (1.665259798e-3, 6.585045571e-3)
FLAT_WAVE = (1.721515642e-3, 6.385469592)


def user_models():
    """Distances to the user by model, in the frame of 129 elements at half a wavelength, and amplitudes."""
    wavelength_m = SPEED_MPS / CARRIER_HZ
    positions_m = line_m(129, wavelength_m / 2)
    place = np.array([np.arctan2(USER_M[1], USER_M[0])]), np.array([np.hypot(*USER_M)])
    exact = distance_differences(positions_m, *place)
    flat = distance_differences(positions_m, *place, model="far")
    zero = np.zeros_like(exact.angle_slope)
    amplitudes = wavelength_m / (4 * np.pi * np.hypot(positions_m[:, 0] - USER_M[0], USER_M[1]))
    return exact, flat, zero, amplitudes


def pilot_bounds(carrier, delay, nuisance="phase", factor=2.0) -> tuple[float, float]:
    """The code that is compared with has 1 over the noise power where 2 is right; `factor` makes up for it."""
    wavelength_m = SPEED_MPS / CARRIER_HZ
    frequency_hz = BANDWIDTH_HZ / N_SUBCARRIERS * (np.arange(N_SUBCARRIERS) - (N_SUBCARRIERS - 1) / 2)
    pilots = UserPilots("uplink", CARRIER_HZ, wavelength_m, frequency_hz, factor * NOISE_WS, nuisance)
    polar = pilot_information(pilots, carrier=carrier, delay=delay, amplitudes=user_models()[3])
    place = (float(np.arctan2(USER_M[1], USER_M[0])), float(np.hypot(*USER_M)))
    information_map: InformationMap = position_information(polar, {"user": place})
    power = {"user": np.array([[ENERGY_WS]], dtype=complex)}
    known = information_map.known(["clock_bias"]).at(power)
    return known.root_bound(["user_position"]), information_map.at(power).root_bound(["user_position"])


@pytest.mark.parametrize("nuisance", ["phase", "complex"])
def test_wideband_position_bound(nuisance):
    exact = user_models()[0]
    assert pilot_bounds(exact, exact, nuisance) == pytest.approx(EXACT, rel=2e-9)


def test_one_delay_for_all_antennas():
    """The code takes the flat wave in the information of the angle with itself alone: a difference of 1e-6."""
    exact, _, zero, _ = user_models()
    assert pilot_bounds(exact, DistanceDifferences(zero, zero, zero)) == pytest.approx(NARROWBAND_ARRAY, rel=1e-6)


def test_flat_wave_with_exact_range_of_the_delays():
    exact, flat, zero, _ = user_models()
    assert pilot_bounds(flat, replace(exact, angle_slope=zero)) == pytest.approx(FLAT_WAVE, rel=5e-7)


@pytest.mark.parametrize("wrong", ["factor", "carrier", "delay"])
def test_the_wideband_oracle_rejects(wrong):
    exact, flat, zero, _ = user_models()
    carrier = flat if wrong == "carrier" else exact
    delay = DistanceDifferences(zero, zero, zero) if wrong == "delay" else exact
    found = pilot_bounds(carrier, delay, factor=1.0 if wrong == "factor" else 2.0)
    assert found[0] != pytest.approx(EXACT[0], rel=1e-5)
