"""Beampatterns: power that an isotropic field would need, over angle and plane."""

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from crbeam.errors import InvalidInput
from crbeam.evaluation.beampattern import beampattern_plane_w, beampattern_w
from crbeam.propagation import steering_response

N_TX = 8
POSITIONS = np.stack([0.5 * (np.arange(N_TX) - 3.5), np.zeros(N_TX)], axis=1)
ORIENTATION_RAD = np.deg2rad(25.0)
ANGLES_RAD = np.linspace(-np.pi, np.pi, 721)


def towards(angle_rad: float, power_w: float) -> np.ndarray:
    response, _ = steering_response(POSITIONS, np.array([angle_rad - ORIENTATION_RAD]))
    return power_w * (response @ response.conj().T / N_TX)[None]


def test_a_matched_beam_has_its_power_times_the_number_of_antennas_in_its_direction():
    covariance = towards(np.deg2rad(80.0), 2.0)
    pattern_w = beampattern_w(covariance, POSITIONS, ORIENTATION_RAD, ANGLES_RAD)
    assert pattern_w.shape == (1, len(ANGLES_RAD))
    assert pattern_w.max() == pytest.approx(2.0 * N_TX)
    peaks_deg = np.rad2deg(ANGLES_RAD[pattern_w[0] > 2.0 * N_TX * (1.0 - 1e-9)])
    np.testing.assert_allclose(sorted(peaks_deg), [2 * 25.0 - 80.0, 80.0], atol=1e-9)

    conjugated = beampattern_w(covariance.conj(), POSITIONS, ORIENTATION_RAD, np.array([np.deg2rad(80.0)]))
    assert conjugated[0, 0] < 0.5 * 2.0 * N_TX


def test_isotropic_power_is_the_same_everywhere():
    pattern_w = beampattern_w(0.25 * np.eye(N_TX, dtype=complex)[None], POSITIONS, ORIENTATION_RAD, ANGLES_RAD)
    np.testing.assert_allclose(pattern_w, 0.25 * N_TX, rtol=1e-12)


def test_the_plane_shows_the_pattern_with_free_space_loss():
    covariance, x_m, y_m, wavelength_m = towards(1.0, 1.0), np.linspace(-30, 30, 7), np.linspace(5, 45, 5), 0.01
    place = {"station_m": (1.0, 2.0), "x_m": x_m, "y_m": y_m}
    radiated_w = beampattern_plane_w(covariance, POSITIONS, ORIENTATION_RAD, **place)
    received_w = beampattern_plane_w(covariance, POSITIONS, ORIENTATION_RAD, **place, wavelength_m=wavelength_m)
    row, column = 3, 5
    displacement = np.array([x_m[column] - 1.0, y_m[row] - 2.0])
    azimuth = np.array([np.arctan2(displacement[1], displacement[0])])
    expected_w = beampattern_w(covariance, POSITIONS, ORIENTATION_RAD, azimuth)[0, 0]
    assert radiated_w[0, row, column] == pytest.approx(expected_w)
    friis = (wavelength_m / (4.0 * np.pi * np.hypot(*displacement))) ** 2
    assert received_w[0, row, column] == pytest.approx(expected_w * friis)


def test_the_loss_stays_finite_at_the_station():
    at_station = beampattern_plane_w(
        towards(1.0, 1.0),
        POSITIONS,
        ORIENTATION_RAD,
        station_m=(0.0, 0.0),
        x_m=np.array([0.0]),
        y_m=np.array([0.0]),
        wavelength_m=0.01,
    )
    assert np.isfinite(at_station).all()


def test_a_covariance_of_another_array_is_refused():
    with pytest.raises((InvalidInput, TypeCheckError), match="8"):
        beampattern_w(np.eye(4, dtype=complex)[None], POSITIONS, 0.0, ANGLES_RAD)
