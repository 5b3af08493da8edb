"""Analytic information and Jacobians against complex-step derivatives of the whole channel."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from crbeam.propagation import trace_paths
from crbeam.scenario import Scenario, read_scenario, scenario_document
from crbeam.systems import link_maps
from crbeam.systems.zhang2025 import FUSED, path_maps
from crbeam.testing import (
    assert_same_as_derivative,
    information_by_complex_step,
    jacobian_by_complex_step,
    link_state,
    random_covariance,
    random_scenario,
)
from crbeam.testing.strategies import generators

LINKS = ("bistatic", "monostatic")


def changed(scenario, **sections):
    """The scenario with entries of its document replaced, one dictionary by section."""
    document = scenario_document(scenario)
    for name, entries in sections.items():
        document[name] = {**document[name], **entries}
    return Scenario.model_validate(document)


def covariance_of(rng, scenario):
    station = scenario.stations["bs"]
    return random_covariance(rng, station.transmit_array.elements, power_w=scenario.power_per_subcarrier_w("bs"))


def assert_map_is_derivative(scenario, link, covariances, information_map=None):
    information_map = link_maps(scenario)[link] if information_map is None else information_map
    assert_same_as_derivative(information_map, covariances, information_by_complex_step(scenario, link, covariances[0]))


@pytest.mark.parametrize("link", LINKS)
def test_information_of_the_preset_over_every_subcarrier(rng, link):
    scenario = read_scenario("zhang2025", overrides=["waveform.subcarriers=200"])
    assert_map_is_derivative(scenario, link, covariance_of(rng, scenario))


@given(generators())
@settings(max_examples=5)
def test_information_of_random_scenes(rng):
    scenario = random_scenario(rng, n_antennas=int(rng.integers(12, 17)), subcarriers=16)
    covariances = covariance_of(rng, scenario)
    for link in LINKS:
        assert_map_is_derivative(scenario, link, covariances)


@pytest.mark.parametrize(
    "sections",
    [
        {"user": {"combiner": {"dft_beams": [0, 1, 2, 5]}, "array": {"elements": 6}}},
        {"user": {"orientation_sign": -1, "array": {"elements": 5, "reference": "first", "axis": "y"}}},
        {"user": {"array": {"elements": 4, "spacing": 0.7}, "combiner": {"phases": [[0, 1, 2, 4], [2, 0, 0.3, 1]]}}},
        {"waveform": {"first_subcarrier": -7}, "propagation": {"rcs_amplitude": "as_printed"}},
    ],
    ids=["dft combiner", "other frame", "phase shifters", "other waveform"],
)
def test_information_under_other_conventions(rng, sections):
    scenario = changed(random_scenario(rng, n_targets=2, n_antennas=8, subcarriers=16), **sections)
    for link in LINKS:
        assert_map_is_derivative(scenario, link, covariance_of(rng, scenario))


def test_information_with_another_station_frame(rng):
    scenario = random_scenario(rng, n_targets=2, n_antennas=8, subcarriers=16)
    document = scenario_document(scenario)
    document["stations"]["bs"].update(orientation=0.4, position=[1.0, -2.0])
    document["stations"]["bs"]["receive_array"].update(axis="y", reference="first")
    moved = Scenario.model_validate(document)
    paths = trace_paths(moved)
    slopes = information_by_complex_step(moved, "bistatic", covariance_of(rng, moved)[0])
    assert slopes.shape == (14, 14)
    assert paths["bistatic"].n_paths == 3
    for link in LINKS:
        assert_map_is_derivative(moved, link, covariance_of(np.random.default_rng(1), moved))


def conjugated_gram(part):
    return replace(part, gram=part.gram.conj())


def conjugated_transmit(part):
    return replace(part, transmit=part.transmit.conj())


def conjugated_receive(part):
    return replace(part, receive=part.receive.conj())


def without_cross_terms(part):
    n_paths = part.gram.shape[0] // 5
    path = np.concatenate([np.tile(np.arange(n_paths), 3), np.repeat(np.arange(n_paths), 2)])
    return replace(part, gram=part.gram * (path[:, None] == path[None, :]))


def half_noise(part):
    return replace(part, gram=0.5 * part.gram)


@pytest.mark.parametrize(
    "wrong", [conjugated_gram, conjugated_transmit, conjugated_receive, without_cross_terms, half_noise]
)
@pytest.mark.parametrize("link", LINKS)
def test_the_derivative_rejects(rng, wrong, link):
    # Receive arrays refer to their first element: about the centre, Z^H Z is real and a conjugate would not show.
    document = scenario_document(random_scenario(rng, n_targets=2, n_antennas=8, subcarriers=16))
    document["user"]["array"]["reference"] = "first"
    document["stations"]["bs"]["receive_array"]["reference"] = "first"
    scenario = Scenario.model_validate(document)
    right = link_maps(scenario)[link]
    information_map = replace(right, contributions=tuple(wrong(part) for part in right.contributions))
    with pytest.raises(AssertionError, match="information differs"):
        assert_map_is_derivative(scenario, link, covariance_of(rng, scenario), information_map)


def test_an_isotropic_covariance_would_not_notice_a_conjugated_gram_of_one_path(rng):
    """Why the tests above use a complex covariance: conjugating everything is a symmetry of real ones."""
    scenario = random_scenario(rng, n_targets=1, n_antennas=8, subcarriers=16)
    right = link_maps(scenario)["bistatic"]
    everything = tuple(conjugated_gram(conjugated_receive(conjugated_transmit(p))) for p in right.contributions)
    flat = np.eye(8)[None].astype(complex)
    assert_map_is_derivative(scenario, "bistatic", flat, replace(right, contributions=everything))
    with pytest.raises(AssertionError, match="information differs"):
        assert_map_is_derivative(
            scenario, "bistatic", covariance_of(rng, scenario), replace(right, contributions=everything)
        )


def analytic_jacobian(scenario, link):
    """Rows: departure, arrival, delay by path, then gains by path; columns in the order of the reference state."""
    (path_part,) = path_maps(scenario)[link].contributions
    (state_part,) = link_maps(scenario)[link].contributions
    assert np.array_equal(path_part.jacobian, np.eye(len(path_part.jacobian)))
    return state_part.jacobian


def assert_same_jacobian(actual, expected):
    size = np.abs(expected).max(axis=1, keepdims=True)
    assert np.abs((actual - expected) / size).max() < 1e-11


@given(generators())
@settings(max_examples=15)
def test_jacobian_is_the_complex_step_derivative(rng):
    scenario = random_scenario(rng)
    for link in LINKS:
        assert_same_jacobian(analytic_jacobian(scenario, link), jacobian_by_complex_step(scenario, link))


def test_jacobian_rejects_swapped_objects_and_a_forgotten_arrival(rng):
    scenario = random_scenario(rng, n_targets=2)
    jacobian = analytic_jacobian(scenario, "bistatic")
    expected = jacobian_by_complex_step(scenario, "bistatic")
    swapped = jacobian[:, [0, 1, 2, 5, 6, 3, 4, *range(7, jacobian.shape[1])]]
    with pytest.raises(AssertionError):
        assert_same_jacobian(swapped, expected)
    forgotten = jacobian.copy()
    forgotten[3:6, 2] = 0.0
    with pytest.raises(AssertionError):
        assert_same_jacobian(forgotten, expected)


def test_state_information_is_the_path_information_through_the_jacobian(rng):
    scenario = random_scenario(rng, n_targets=3, n_antennas=10)
    covariances = covariance_of(rng, scenario)
    for link in LINKS:
        path_matrix = path_maps(scenario)[link].at(covariances).matrix
        jacobian = jacobian_by_complex_step(scenario, link)
        assert_same_as_derivative(link_maps(scenario)[link], covariances, jacobian.T @ path_matrix @ jacobian)


def test_gains_of_the_tracer_are_those_of_the_reference_channel(rng):
    scenario = random_scenario(rng, n_targets=3)
    for link in LINKS:
        values = link_state(scenario, link).values[-8:]
        gain = trace_paths(scenario)[link].gain
        np.testing.assert_allclose(values[::2] + 1j * values[1::2], gain, rtol=1e-12)


@pytest.mark.parametrize(("n_targets", "bistatic", "monostatic"), [(0, 6, 4), (1, 10, 8), (3, 18, 16), (5, 26, 24)])
def test_sizes_of_the_states(rng, n_targets, bistatic, monostatic):
    scenario = random_scenario(rng, n_targets=n_targets, n_antennas=16)
    maps = link_maps(scenario)
    assert maps["bistatic"].layout.size == bistatic == 4 * n_targets + 6
    assert maps["monostatic"].layout.size == monostatic == 4 * n_targets + 4
    assert maps[FUSED].layout.size == 6 * n_targets + 8
