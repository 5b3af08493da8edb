"""Information of near-field echoes and pilots: independent derivatives, invariances, identifiability."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.errors import Unidentifiable
from crbeam.information.near_field import Echo, UserPilots, echo_information, pilot_information, position_information
from crbeam.propagation.near_field import distance_differences, near_field_response
from crbeam.testing import random_transmission

WAVELENGTH_M = 0.0107
PLACES = ((0.7, 6.0), (-0.2, 4.5))
GAINS = (0.3 - 0.7j, -0.5 + 0.1j)
SNAPSHOTS, NOISE_W = 40, 0.3
MAIN_M = np.stack([np.zeros(9), 0.05 * np.arange(9)], axis=1)
ASSISTING_M = np.stack([0.004 * np.arange(3.0), 0.005 * np.arange(3)], axis=1)
STEP = 1e-30


def response(positions_m, model, places=PLACES, **options):
    angles, ranges = np.array(places).T
    return near_field_response(positions_m, angles, ranges, wavelength_m=WAVELENGTH_M, model=model, **options)


def echo_map(models=("spherical", "far"), n_targets=2, projector=None, nuisance="complex", **options):
    echo = Echo("echo", "main", GAINS[:n_targets], SNAPSHOTS, NOISE_W, nuisance)
    responses = [
        response(positions_m, model, PLACES[:n_targets], **options if positions_m is MAIN_M else {})
        for positions_m, model in zip((MAIN_M, ASSISTING_M), models, strict=True)
    ]
    return echo_information(echo, transmit=responses[0], receive=responses[1], projector=projector)


def phase_by_definition(positions_m, angle, range_m, model):
    """`-k (r_n - r)` from the definitions of the models, for complex arguments."""
    u = np.array([np.cos(angle), np.sin(angle)])
    along = positions_m @ u
    if model == "far":
        difference = -along
    elif model == "fresnel":
        difference = -along + (np.sum(positions_m**2, axis=1) - along**2) / (2 * range_m)
    else:
        difference = np.sqrt(np.sum(positions_m**2, axis=1) - 2 * range_m * along + range_m**2) - range_m
    return -2 * np.pi / WAVELENGTH_M * difference


def observation(state, models, sent, n_targets, chains):
    """`sum_k gain_k F^H z_k a_k^T X` as real and imaginary parts, analytic functions of the state.

    The state is angles, ranges, then real and imaginary part of each gain.
    """
    parts = 0.0
    for target in range(n_targets):
        angle, range_m = state[target], state[n_targets + target]
        real, imaginary = state[2 * n_targets + 2 * target : 2 * n_targets + 2 * target + 2]
        sides = (phase_by_definition(p, angle, range_m, m) for p, m in zip((MAIN_M, ASSISTING_M), models, strict=True))
        transmit, receive = sides
        phase = receive[:, None] + transmit[None, :]
        cosine, sine = np.cos(phase), np.sin(phase)
        parts = parts + np.stack([real * cosine - imaginary * sine, real * sine + imaginary * cosine])
    matrices = [(np.eye(3) if chains is None else chains).conj().T, sent]
    left, right = matrices
    real, imaginary = parts
    real, imaginary = left.real @ real - left.imag @ imaginary, left.real @ imaginary + left.imag @ real
    return np.stack([real @ right.real - imaginary @ right.imag, real @ right.imag + imaginary @ right.real])


def information_by_complex_step(models, covariance, n_targets, chains=None):
    places = np.array(PLACES[:n_targets])
    gains = np.array([[gain.real, gain.imag] for gain in GAINS[:n_targets]])
    state = np.concatenate([places[:, 0], places[:, 1], gains.ravel()]).astype(complex)
    values, vectors = np.linalg.eigh(covariance)
    sent = np.sqrt(SNAPSHOTS) * vectors * np.sqrt(np.maximum(values, 0.0))
    slopes = []
    for index in range(state.size):
        shifted = state.copy()
        shifted[index] += 1j * STEP
        slopes.append(np.imag(observation(shifted, models, sent, n_targets, chains)).ravel() / STEP)
    return 2.0 / NOISE_W * np.array(slopes) @ np.array(slopes).T


@pytest.mark.parametrize("models", [("spherical", "far"), ("fresnel", "far"), ("spherical", "spherical")])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_echo_information_is_that_of_the_observation(rng, models, n_targets):
    """Appendix A of li2024 in both arrangements of wave models, and several targets at once."""
    sent = random_transmission(rng, {"main": 9}, power_w=2.0)
    expected = information_by_complex_step(models, sent["main"], n_targets)
    found = echo_map(models, n_targets).at(sent).matrix
    scale = np.sqrt(np.diagonal(expected))
    assert found / np.outer(scale, scale) == pytest.approx(expected / np.outer(scale, scale), abs=1e-11)


def test_echo_information_behind_an_analog_combiner(rng):
    """Appendix B: the receiver observes `F^H y`, with orthonormal columns of F."""
    chains, _ = np.linalg.qr(rng.standard_normal((3, 2)) + 1j * rng.standard_normal((3, 2)))
    sent = random_transmission(rng, {"main": 9})
    expected = information_by_complex_step(("spherical", "far"), sent["main"], 1, chains)
    found = echo_map(n_targets=1, projector=chains @ chains.conj().T).at(sent).matrix
    assert found == pytest.approx(expected, rel=1e-9)
    assert echo_map(n_targets=1).at(sent).matrix != pytest.approx(expected, rel=1e-2)


def test_the_derivative_rejects_the_printed_second_row(rng):
    """With the slope over the angle in place of that over the range, as (77) is printed."""
    sent = random_transmission(rng, {"main": 9})
    expected = information_by_complex_step(("spherical", "far"), sent["main"], 1)
    found = echo_map(n_targets=1).at(sent).matrix
    printed = found.copy()
    printed[1, 2:] = printed[2:, 1] = found[0, 2:]
    assert found == pytest.approx(expected, rel=1e-9)
    assert printed != pytest.approx(expected, rel=1e-2)


def polar_bound(information_map, sent):
    return information_map.at(sent).bound(["target_angle[0]", "target_range[0]"])


def test_common_phase_and_amplitude_law_do_not_matter_but_to_the_information(rng):
    """A real law `c(range)` inside the response changes the information of the range, not its bound.

    Its derivative is proportional to that with respect to the gain, so the gain absorbs it.
    """
    sent = random_transmission(rng, {"main": 9})
    plain = response(MAIN_M, "spherical", PLACES[:1])
    slope = 0.9 - 2.3j  # of log c(range) and of a phase that all antennas share
    bent = replace(plain, range_slope=plain.range_slope + slope * plain.value)
    receive = response(ASSISTING_M, "far", PLACES[:1])
    echo = Echo("echo", "main", GAINS[:1], SNAPSHOTS, NOISE_W)
    maps = [echo_information(echo, transmit=each, receive=receive) for each in (plain, bent)]
    assert polar_bound(maps[1], sent) == pytest.approx(polar_bound(maps[0], sent), rel=1e-7)
    informations = [information_map.at(sent).matrix[1, 1] for information_map in maps]
    assert informations[1] > 1.5 * informations[0]
    one_sided = replace(plain, range_slope=plain.range_slope + slope * plain.value * np.arange(1, 10)[:, None])
    changed = echo_information(echo, transmit=one_sided, receive=receive)
    assert polar_bound(changed, sent) != pytest.approx(polar_bound(maps[0], sent), rel=1e-2)


def test_the_reference_point_changes_angles_but_no_position(rng):
    """About the centre or the end of the array: other coordinates, one position error."""
    sent = random_transmission(rng, {"main": 9})
    point_m = PLACES[0][1] * np.array([np.cos(PLACES[0][0]), np.sin(PLACES[0][0])])
    bounds, angles = [], []
    for reference_m in (np.zeros(2), MAIN_M.mean(axis=0)):
        offset_m = point_m - reference_m
        place = (float(np.arctan2(offset_m[1], offset_m[0])), float(np.hypot(*offset_m)))
        transmit, receive = (
            response(positions_m - reference_m, "spherical", [place]) for positions_m in (MAIN_M, ASSISTING_M)
        )
        echo = Echo("echo", "main", GAINS[:1], SNAPSHOTS, NOISE_W)
        polar = echo_information(echo, transmit=transmit, receive=receive)
        angles.append(polar.at(sent).bound(["target_angle[0]"])[0, 0])
        located = position_information(polar, {"target[0]": place})
        bounds.append(located.at(sent).bound(["target_position[0]"]))
    assert bounds[1] == pytest.approx(bounds[0], rel=1e-7)
    assert angles[1] != pytest.approx(angles[0], rel=1e-2)


def test_polar_gains_give_the_same_bound(rng):
    """With the modulus and phase of the gain unknown in place of its parts."""
    sent = random_transmission(rng, {"main": 9})
    parts = echo_map(n_targets=1)
    gain, turn = GAINS[0], np.zeros((4, 4))
    turn[:2, :2] = np.eye(2)
    turn[2:, 2] = (gain / abs(gain)).real, (gain / abs(gain)).imag
    turn[2:, 3] = (1j * gain).real, (1j * gain).imag
    polar = parts.change_parameters(turn, parts.layout)
    assert polar_bound(polar, sent) == pytest.approx(polar_bound(parts, sent), rel=1e-8)
    phase_only = echo_map(n_targets=1, nuisance="phase")
    modulus_known = turn[:, [0, 1, 3]]
    expected = parts.change_parameters(modulus_known, phase_only.layout)
    assert phase_only.at(sent).matrix == pytest.approx(expected.at(sent).matrix, rel=1e-10)


def test_range_needs_curvature(rng):
    """Plane waves at both arrays leave the range unidentifiable, and nothing else."""
    information = echo_map(("far", "far"), n_targets=1).at(random_transmission(rng, {"main": 9}))
    assert information.bound(["target_angle[0]"]) > 0.0
    with pytest.raises(Unidentifiable, match=r"target_range\[0\]"):
        information.bound(["target_range[0]"])


def test_near_field_bounds_of_the_angle_tend_to_those_of_plane_waves(rng):
    sent = random_transmission(rng, {"main": 9})
    far_away = [(0.7, 1e6)]
    maps = []
    for model in ("spherical", "far"):
        echo = Echo("echo", "main", GAINS[:1], SNAPSHOTS, NOISE_W)
        sides = [response(positions_m, model, far_away) for positions_m in (MAIN_M, ASSISTING_M)]
        maps.append(echo_information(echo, transmit=sides[0], receive=sides[1]).known(["target_range[0]"]))
    near, far = (information_map.at(sent).bound(["target_angle[0]"]) for information_map in maps)
    assert near == pytest.approx(far, rel=1e-5)


@pytest.mark.parametrize("nuisance", ["phase", "complex"])
def test_pilot_information_is_that_of_every_subcarrier(nuisance):
    carrier_hz, spacing_hz, noise_w = 28e9, 2e6, 0.2
    frequency_hz = spacing_hz * np.arange(-3, 5)
    light_mps = WAVELENGTH_M * carrier_hz
    amplitudes = 1.0 + 0.1 * np.arange(9)
    angle, range_m = PLACES[0]

    def phases(state):
        distance = range_by_definition(state[0], state[1])
        seconds = distance / light_mps + state[2]
        return -2 * np.pi * (carrier_hz * distance[:, None] / light_mps + frequency_hz * seconds[:, None]) + state[3]

    def range_by_definition(angle, range_m):
        return np.sqrt(np.sum((range_m * np.array([np.cos(angle), np.sin(angle)]) - MAIN_M) ** 2, axis=1))

    slopes = []
    for index in range(4):
        state = np.array([angle, range_m, 1e-9, 0.4], dtype=complex)
        state[index] += 1j * STEP
        phase = phases(state)
        slopes.append((amplitudes[:, None] * np.imag(phase) / STEP).ravel())
    expected = 2 / noise_w * 0.7 * np.array(slopes) @ np.array(slopes).T
    distances = distance_differences(MAIN_M, np.array([angle]), np.array([range_m]))
    pilots = UserPilots("uplink", carrier_hz, WAVELENGTH_M, frequency_hz, noise_w, nuisance)
    information_map = pilot_information(pilots, carrier=distances, delay=distances, amplitudes=amplitudes)
    found = information_map.at({"user": np.array([[0.7 + 0j]])})
    names = ["user_angle", "user_range", "clock_bias"]
    scale = np.sqrt(np.diag(np.linalg.inv(expected)))[:3]
    bounds = found.bound(names) / np.outer(scale, scale)
    assert bounds == pytest.approx(np.linalg.inv(expected)[:3, :3] / np.outer(scale, scale), abs=1e-6)
