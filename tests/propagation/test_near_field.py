"""Responses to spherical waves: derivatives, limits, reference points, aliases."""

import numpy as np
import pytest

from crbeam.errors import InvalidInput
from crbeam.propagation import steering_response
from crbeam.propagation.near_field import (
    WAVE_MODELS,
    distance_differences,
    grating_aliases,
    near_field_response,
    polar_jacobian,
    rayleigh_distance_m,
)

WAVELENGTH_M = 299792458.0 / 28e9
#: The main array of li2024: 64 elements over 0.5 m along y, counted from its end.
LINE_M = np.stack([np.zeros(64), np.linspace(0.0, 0.5, 64)], axis=1)


def response(positions_m, angle_rad, range_m, **options):
    place = np.atleast_1d(np.asarray(angle_rad, dtype=float)), np.atleast_1d(np.asarray(range_m, dtype=float))
    return near_field_response(positions_m, *place, wavelength_m=WAVELENGTH_M, **options)


def distance_by_definition(position_m, angle, range_m):
    """`|r u - p|` of complex arguments, for complex steps."""
    return np.sqrt((range_m * np.cos(angle) - position_m[0]) ** 2 + (range_m * np.sin(angle) - position_m[1]) ** 2)


def printed_fresnel(n, spacing_m, angle, range_m):
    """`-n d sin(angle) + (n d cos(angle))^2 / (2 r)` of the line array along y."""
    return -n * spacing_m * np.sin(angle) + (n * spacing_m * np.cos(angle)) ** 2 / (2 * range_m)


def test_spherical_distances_and_their_derivatives(rng):
    step = 1e-30
    for _ in range(20):
        positions_m = rng.uniform(-0.5, 0.5, (5, 2))
        angle, range_m = rng.uniform(-np.pi, np.pi), rng.uniform(0.8, 30.0)
        found = distance_differences(positions_m, np.array([angle]), np.array([range_m]))
        for n, position_m in enumerate(positions_m):
            exact = distance_by_definition(position_m, angle, range_m) - range_m
            angle_slope = np.imag(distance_by_definition(position_m, angle + 1j * step, range_m)) / step
            range_slope = np.imag(distance_by_definition(position_m, angle, range_m + 1j * step)) / step - 1.0
            assert found.difference_m[n, 0] == pytest.approx(exact, abs=1e-13)
            assert found.angle_slope[n, 0] == pytest.approx(angle_slope, abs=1e-13)
            assert found.range_slope[n, 0] == pytest.approx(range_slope, abs=1e-13)


def test_points_between_the_antennas():
    """Where the sum of the stable form cancels, the plain one is right."""
    positions_m = np.array([[0.0, 0.0], [3.0, 0.1]])
    found = distance_differences(positions_m, np.array([0.0]), np.array([1.0]))
    assert found.difference_m[1, 0] == pytest.approx(np.hypot(2.0, 0.1) - 1.0, rel=1e-14)
    assert found.range_slope[1, 0] == pytest.approx(-2.0 / np.hypot(2.0, 0.1) - 1.0, rel=1e-14)


def test_fresnel_and_far_responses_as_printed(rng):
    angle, range_m = 0.7, 6.0
    n, spacing_m, step = np.arange(64), 0.5 / 63, 1e-30
    wavenumber = 2 * np.pi / WAVELENGTH_M
    fresnel, far = (response(LINE_M, angle, range_m, model=model) for model in ("fresnel", "far"))
    expected = np.exp(-1j * wavenumber * printed_fresnel(n, spacing_m, angle, range_m))
    assert fresnel.value[:, 0] == pytest.approx(expected, abs=1e-11)
    assert far.value[:, 0] == pytest.approx(np.exp(1j * wavenumber * n * spacing_m * np.sin(angle)), abs=1e-11)
    angle_slope = np.imag(printed_fresnel(n, spacing_m, angle + 1j * step, range_m)) / step
    range_slope = np.imag(printed_fresnel(n, spacing_m, angle, range_m + 1j * step)) / step
    assert fresnel.angle_slope[:, 0] == pytest.approx(-1j * wavenumber * angle_slope * expected, abs=1e-9)
    assert fresnel.range_slope[:, 0] == pytest.approx(-1j * wavenumber * range_slope * expected, abs=1e-11)
    assert not far.range_slope.any()


def test_far_response_is_the_plane_wave_response(rng):
    positions_m, angles_rad = rng.uniform(-0.1, 0.1, (7, 2)), rng.uniform(-3.0, 3.0, 4)
    found = response(positions_m, angles_rad, np.full(4, 5.0), model="far")
    value, slope = steering_response(positions_m / WAVELENGTH_M, angles_rad)
    assert found.value == pytest.approx(value, abs=1e-12)
    assert found.angle_slope == pytest.approx(slope, abs=1e-9)


@pytest.mark.parametrize("model", ["spherical", "fresnel"])
def test_near_tends_to_far(model):
    """The phase error falls as 1/range, without loss of digits even at a million kilometres."""
    far = response(LINE_M, 0.7, 1.0, model="far")
    errors = [
        np.abs(response(LINE_M, 0.7, range_m, model=model).value - far.value).max() for range_m in (1e4, 1e6, 1e9)
    ]
    assert errors[1] == pytest.approx(errors[0] / 100, rel=1e-2)
    assert errors[2] < 2e-7
    slope = response(LINE_M, 0.7, 1e9, model=model).range_slope
    assert np.abs(slope).max() == pytest.approx(np.pi / WAVELENGTH_M * (0.5 * np.cos(0.7)) ** 2 / 1e18, rel=1e-6)


def test_fresnel_phase_errors_of_the_paper_scene():
    """0.033 rad at 20 m, 0.13 rad at 10 m, 0.55 rad at 5 m."""
    for range_m, error_rad in ((20.0, 0.033), (10.0, 0.13), (5.0, 0.55)):
        exact, fresnel = (response(LINE_M, np.pi / 4, range_m, model=model).value for model in WAVE_MODELS[:2])
        assert np.abs(np.angle(exact * fresnel.conj())).max() == pytest.approx(error_rad, rel=0.05)


def test_polar_jacobian_chains_to_positions(rng):
    place, step = np.array([3.0, -2.0]), 1e-6

    def at(point):
        return response(LINE_M, np.arctan2(point[1], point[0]), np.hypot(*point)).value[:, 0] * np.exp(
            -2j * np.pi * np.hypot(*point) / WAVELENGTH_M
        )

    angle, range_m = np.arctan2(place[1], place[0]), np.hypot(*place)
    found = response(LINE_M, angle, range_m)
    wave = np.exp(-2j * np.pi * range_m / WAVELENGTH_M)
    range_slope = found.range_slope - 2j * np.pi / WAVELENGTH_M * found.value
    slopes = wave * np.stack([found.angle_slope[:, 0], range_slope[:, 0]], axis=1) @ polar_jacobian(angle, range_m)
    for axis in (0, 1):
        shift = step * np.eye(2)[axis]
        assert slopes[:, axis] == pytest.approx((at(place + shift) - at(place - shift)) / (2 * step), abs=1e-3)


def test_amplitudes_count_as_constant(rng):
    amplitudes = rng.uniform(0.5, 2.0, (64, 1))
    plain, weighted = response(LINE_M, 0.3, 4.0), response(LINE_M, 0.3, 4.0, amplitudes=amplitudes)
    assert weighted.value == pytest.approx(amplitudes * plain.value)
    assert weighted.range_slope == pytest.approx(amplitudes * plain.range_slope)


def test_rayleigh_distance():
    assert rayleigh_distance_m(LINE_M, WAVELENGTH_M) == pytest.approx(46.70, abs=0.01)


def test_grating_alias_of_the_paper_target():
    (alias,) = grating_aliases(LINE_M, np.pi / 4, 20.0, wavelength_m=WAVELENGTH_M)
    assert np.degrees(alias.angle_rad) == pytest.approx(-39.94, abs=0.005)
    assert alias.range_m == pytest.approx(23.52, abs=0.005)
    assert alias.correlation == pytest.approx(0.99986, abs=5e-6)
    here, there = (
        response(LINE_M, *place, model="fresnel").value[:, 0]
        for place in ((np.pi / 4, 20.0), (alias.angle_rad, alias.range_m))
    )
    assert here == pytest.approx(there, abs=1e-9)
    nearby = response(LINE_M, alias.angle_rad, 20.0, model="fresnel").value[:, 0]
    assert nearby != pytest.approx(here, abs=0.1)


def test_aliases_follow_the_frame_of_the_array():
    turn = np.array([[np.cos(1.0), -np.sin(1.0)], [np.sin(1.0), np.cos(1.0)]])
    (alias,) = grating_aliases(LINE_M, np.pi / 4, 20.0, wavelength_m=WAVELENGTH_M)
    (turned,) = grating_aliases(LINE_M @ turn.T, np.pi / 4 + 1.0, 20.0, wavelength_m=WAVELENGTH_M)
    assert (turned.angle_rad - 1.0, turned.range_m) == pytest.approx((alias.angle_rad, alias.range_m))


def test_half_a_wavelength_has_no_alias():
    positions_m = LINE_M * (WAVELENGTH_M / 2) / (0.5 / 63)
    assert grating_aliases(positions_m, np.pi / 4, 20.0, wavelength_m=WAVELENGTH_M) == ()


def test_what_is_refused():
    with pytest.raises(Exception, match="model"):
        response(LINE_M, 0.1, 3.0, model="plane")
    with pytest.raises(InvalidInput, match="must be positive"):
        response(LINE_M, 0.1, 0.0)
    with pytest.raises(InvalidInput, match="lie on an antenna"):
        response(LINE_M, np.pi / 2, 0.5)
    with pytest.raises(InvalidInput, match="one line"):
        grating_aliases(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), 0.1, 3.0, wavelength_m=WAVELENGTH_M)
    with pytest.raises(InvalidInput, match="one line"):
        grating_aliases(LINE_M + np.array([0.1, 0.0]), 0.1, 3.0, wavelength_m=WAVELENGTH_M)
