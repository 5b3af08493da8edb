"""One monostatic near-field target: a map built by hand, against a public code; see README.md."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.information import Contribution, InformationMap, ParameterLayout

N_ELEMENTS, APERTURE_M = 65, 0.5
WAVELENGTH_M = 3e8 / 28e9
RANGE_M, ANGLE_RAD = 20.0, np.pi / 4
GAIN = (0.6 - 0.8j) * 1e-3
N_SNAPSHOTS, NOISE_POWER_W, POWER_W = 128, 1e-6, 100.0
ROOT_RANGE_M, ROOT_ANGLE_RAD = 7.785015705e-2, 9.021343783e-6


def spherical_response(range_m, angle_rad):
    """`exp(-2j pi (r_n - r) / wavelength)` and its derivatives with respect to range and angle."""
    position_m = (np.arange(N_ELEMENTS) - (N_ELEMENTS - 1) / 2) * APERTURE_M / (N_ELEMENTS - 1)
    distance_m = np.sqrt(range_m**2 + position_m**2 - 2 * range_m * position_m * np.cos(angle_rad))
    by_range = (range_m - position_m * np.cos(angle_rad)) / distance_m - 1.0
    by_angle = range_m * position_m * np.sin(angle_rad) / distance_m
    wavenumber = 2 * np.pi / WAVELENGTH_M
    response = np.exp(-1j * wavenumber * (distance_m - range_m))
    return response, -1j * wavenumber * by_range * response, -1j * wavenumber * by_angle * response


def echo_map():
    """Information of range, angle and complex gain in `gain a a^T`, whose transmit vectors are `conj(a)`."""
    response, by_range, by_angle = spherical_response(RANGE_M, ANGLE_RAD)
    terms = [
        (by_range, response, GAIN, 0),
        (response, by_range, GAIN, 0),
        (by_angle, response, GAIN, 1),
        (response, by_angle, GAIN, 1),
        (response, response, 1.0, 2),
        (response, response, 1j, 3),
    ]
    factor = np.array([term[2] for term in terms], dtype=complex)
    jacobian = np.zeros((len(terms), 4))
    jacobian[np.arange(len(terms)), [term[3] for term in terms]] = 1.0
    contribution = Contribution(
        block="array",
        receive=np.stack([term[0] for term in terms], axis=1),
        transmit=np.stack([term[1] for term in terms], axis=1).conj(),
        gram=(2 * N_SNAPSHOTS / NOISE_POWER_W) * np.outer(factor.conj(), factor),
        jacobian=jacobian,
    )
    return InformationMap(ParameterLayout.of({"range": 1, "angle": 1, "gain": 2}), (contribution,))


def root_bounds(information_map):
    isotropic = (POWER_W / N_ELEMENTS) * np.eye(N_ELEMENTS, dtype=complex)[None]
    information = information_map.at(isotropic)
    return information.root_bound(["range"]), information.root_bound(["angle"])


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
