"""Analytic information and Jacobians against complex-step derivatives of the whole channel."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from crbeam.information import Transmission
from crbeam.propagation import trace_paths
from crbeam.scenario import Scenario, read_scenario, scenario_document
from crbeam.systems import link_maps
from crbeam.systems.zhang2025 import FUSED, Zhang2025
from crbeam.testing import (
    assert_same_as_derivative,
    information_by_complex_step,
    jacobian_by_complex_step,
    link_names,
    link_state,
    random_scenario,
    random_transmission,
    station_name,
)
from crbeam.testing.strategies import generators

PRESET_LINKS = ("bistatic", "monostatic")
#: Position in `link_names`.
KINDS = pytest.mark.parametrize("kind", [0, 1], ids=["to user", "back"])


def changed(scenario, **sections):
    """The scenario with entries of its document replaced, one dictionary by section."""
    document = scenario_document(scenario)
    for name, entries in sections.items():
        document[name] = {**document[name], **entries}
    return Scenario.model_validate(document)


def covariance_of(rng, scenario):
    name = station_name(scenario)
    elements = scenario.stations[name].transmit_array.elements
    return random_transmission(rng, {name: elements}, power_w=scenario.power_per_subcarrier_w(name))


def assert_map_is_derivative(scenario, link, covariances, information_map=None, *, tolerance=1e-10):
    information_map = link_maps(scenario)[link] if information_map is None else information_map
    expected = information_by_complex_step(scenario, link, covariances[station_name(scenario)])
    assert_same_as_derivative(information_map, covariances, expected, tolerance=tolerance)


@pytest.mark.parametrize("link", PRESET_LINKS)
def test_information_of_the_preset_over_every_subcarrier(rng, link):
    scenario = read_scenario("zhang2025", overrides=["waveform.subcarriers=100"])
    assert_map_is_derivative(scenario, link, covariance_of(rng, scenario))


@given(generators())
@settings(max_examples=15)
def test_information_of_random_scenes(rng):
    """Any frame, array, reference, combiner, orientation sign, amplitude, link name: see `random_scenario`."""
    scenario = random_scenario(rng, n_targets=int(rng.integers(0, 4)), n_antennas=9, subcarriers=8)
    covariances = covariance_of(rng, scenario)
    for link in link_names(scenario):
        assert_map_is_derivative(scenario, link, covariances)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100))
def test_information_of_large_random_scenes(seed):
    rng = np.random.default_rng([7, seed])
    scenario = random_scenario(rng, subcarriers=16)
    covariances = covariance_of(rng, scenario)
    for link in link_names(scenario):
        # A combiner that hardly passes a path leaves rounding of its gain, which scaling by the diagonal brings up.
        assert_map_is_derivative(scenario, link, covariances, tolerance=1e-8)
        assert_same_jacobian(analytic_jacobian(scenario, link), jacobian_by_complex_step(scenario, link))


def scene_with(rng, is_wanted):
    """First of random scenes that has a property which the next test is about."""
    for _ in range(200):
        scenario = random_scenario(rng, n_targets=2, n_antennas=8, subcarriers=8)
        if is_wanted(scenario):
            return scenario
    raise AssertionError("no such scene is ever drawn")


def rotated_station(scenario):
    station = scenario.stations[station_name(scenario)]
    return abs(station.orientation_rad) > 0.3 and np.linalg.norm(station.position_m) > 1.0


def behind(scenario):
    """Objects on both sides of the line of the transmit array."""
    station = scenario.stations[station_name(scenario)]
    axis_rad = station.orientation_rad + (np.pi / 2 if station.transmit_array.axis == "y" else 0.0)
    offset = np.array([scenario.user.position_m, *scenario.targets.positions_m]) - station.position_m
    side = offset @ [-np.sin(axis_rad), np.cos(axis_rad)]
    return side.min() < 0.0 < side.max()


WORLDS = {
    "dft combiner": lambda s: s.user.combiner is not None and s.user.combiner.dft_beams is not None,
    "phase shifters": lambda s: s.user.combiner is not None and s.user.combiner.phases_rad is not None,
    "user refers to first element": lambda s: s.user.array.reference == "first",
    "station refers to first element": lambda s: s.stations[station_name(s)].receive_array.reference == "first",
    "transmit array refers to first element": lambda s: s.stations[station_name(s)].transmit_array.reference == "first",
    "arrays on different axes": lambda s: (
        s.stations[station_name(s)].transmit_array.axis != s.stations[station_name(s)].receive_array.axis
    ),
    "rotated station": rotated_station,
    "other orientation sign": lambda s: s.user.orientation_sign == -1,
    "amplitude as printed": lambda s: s.propagation.rcs_amplitude == "as_printed",
    "bistatic cross sections": lambda s: s.targets.bistatic_rcs_m2 != s.targets.rcs_m2,
    "negative subcarriers": lambda s: s.waveform.first_subcarrier < 0,
    "on both sides": behind,
    "links in other order": lambda s: next(iter(s.links)) == link_names(s)[1],
    "other link names": lambda s: "bistatic" not in s.links,
}


@pytest.mark.parametrize("world", WORLDS)
def test_information_of_every_kind_of_world(rng, world):
    """Each generalisation really is drawn, and the channel's derivative confirms the map there."""
    scenario = scene_with(rng, WORLDS[world])
    for link in link_names(scenario):
        assert_map_is_derivative(scenario, link, covariance_of(rng, scenario))


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
    scenario = changed(random_scenario(rng, n_targets=2, n_antennas=8, subcarriers=16, plain=True), **sections)
    for link in link_names(scenario):
        assert_map_is_derivative(scenario, link, covariance_of(rng, scenario))


def conjugated_gram(part):
    return replace(part, gram=part.gram.conj())


def conjugated_transmit(part):
    return replace(part, transmit=part.transmit.conj())


def conjugated_receive(part):
    return replace(part, receive=part.receive.conj())


def conjugated_projector(part):
    return replace(part, projector=None if part.projector is None else part.projector.conj())


def without_cross_terms(part):
    n_paths = part.gram.shape[0] // 5
    path = np.concatenate([np.tile(np.arange(n_paths), 3), np.repeat(np.arange(n_paths), 2)])
    return replace(part, gram=part.gram * (path[:, None] == path[None, :]))


def half_noise(part):
    return replace(part, gram=0.5 * part.gram)


@pytest.mark.parametrize(
    "wrong", [conjugated_gram, conjugated_transmit, conjugated_receive, without_cross_terms, half_noise]
)
@KINDS
def test_the_derivative_rejects(rng, wrong, kind):
    # Receive arrays refer to their first element: about the centre, Z^H Z is real and a conjugate would not show.
    document = scenario_document(random_scenario(rng, n_targets=2, n_antennas=8, subcarriers=16))
    document["user"]["array"]["reference"] = "first"
    document["stations"][next(iter(document["stations"]))]["receive_array"]["reference"] = "first"
    scenario = Scenario.model_validate(document)
    link = link_names(scenario)[kind]
    right = link_maps(scenario)[link]
    information_map = replace(right, contributions=tuple(wrong(part) for part in right.contributions))
    with pytest.raises(AssertionError, match="information differs"):
        assert_map_is_derivative(scenario, link, covariance_of(rng, scenario), information_map)


def without_combiner(scenario):
    return changed(scenario, user={"combiner": None})


def other_sign(scenario):
    return changed(scenario, user={"orientation_sign": -scenario.user.orientation_sign})


def other_reference(scenario):
    array = scenario_document(scenario)["user"]["array"]
    other = "first" if array["reference"] == "centre" else "centre"
    return changed(scenario, user={"array": {**array, "reference": other}})


def other_amplitude(scenario):
    other = "sqrt" if scenario.propagation.rcs_amplitude == "as_printed" else "as_printed"
    return changed(scenario, propagation={"rcs_amplitude": other})


def unrotated(scenario):
    document = scenario_document(scenario)
    document["stations"][station_name(scenario)]["orientation"] = 0.0
    return Scenario.model_validate(document)


@pytest.mark.parametrize(
    "misread", [without_combiner, other_sign, other_reference, other_amplitude, unrotated], ids=lambda f: f.__name__
)
def test_the_derivative_rejects_the_map_of_a_misread_scenario(rng, misread):
    scenario = scene_with(rng, lambda s: rotated_station(s) and s.user.combiner is not None)
    link, covariances = link_names(scenario)[0], covariance_of(rng, scenario)
    assert_map_is_derivative(scenario, link, covariances)
    with pytest.raises(AssertionError, match="information differs"):
        assert_map_is_derivative(scenario, link, covariances, link_maps(misread(scenario))[link])


def test_an_isotropic_covariance_would_not_notice_a_conjugated_gram_of_one_path(rng):
    """Why the tests above use a complex covariance: conjugating everything is a symmetry of real ones."""
    scenario = random_scenario(rng, n_targets=1, n_antennas=8, subcarriers=16)
    link, _ = link_names(scenario)
    right = link_maps(scenario)[link]
    everything = tuple(
        conjugated_projector(conjugated_gram(conjugated_receive(conjugated_transmit(p)))) for p in right.contributions
    )
    wrong = replace(right, contributions=everything)
    flat = Transmission({station_name(scenario): np.eye(8, dtype=complex)})
    assert_map_is_derivative(scenario, link, flat, wrong)
    with pytest.raises(AssertionError, match="information differs"):
        assert_map_is_derivative(scenario, link, covariance_of(rng, scenario), wrong)


def analytic_jacobian(scenario, link):
    """Rows: departure, arrival, delay by path, then gains by path; columns in the order of the reference state."""
    (path_part,) = Zhang2025(scenario).path_maps()[link].contributions
    (state_part,) = link_maps(scenario)[link].contributions
    assert np.array_equal(path_part.jacobian, np.eye(len(path_part.jacobian)))
    return state_part.jacobian


def assert_same_jacobian(actual, expected):
    size = np.abs(expected).max(axis=1, keepdims=True)
    assert np.abs((actual - expected) / size).max() < 1e-11


@given(generators())
@settings(max_examples=10)
def test_jacobian_is_the_complex_step_derivative(rng):
    scenario = random_scenario(rng)
    for link in link_names(scenario):
        assert_same_jacobian(analytic_jacobian(scenario, link), jacobian_by_complex_step(scenario, link))


def test_jacobian_rejects_swapped_objects_and_a_forgotten_arrival(rng):
    scenario = random_scenario(rng, n_targets=2)
    link, _ = link_names(scenario)
    jacobian, expected = analytic_jacobian(scenario, link), jacobian_by_complex_step(scenario, link)
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
    for link in link_names(scenario):
        path_matrix = Zhang2025(scenario).path_maps()[link].at(covariances).matrix
        jacobian = jacobian_by_complex_step(scenario, link)
        assert_same_as_derivative(link_maps(scenario)[link], covariances, jacobian.T @ path_matrix @ jacobian)


def test_gains_of_the_tracer_are_those_of_the_reference_channel(rng):
    scenario = random_scenario(rng, n_targets=3)
    for link in link_names(scenario):
        values = link_state(scenario, link).values[-8:]
        gain = trace_paths(scenario)[link].gain
        np.testing.assert_allclose(values[::2] + 1j * values[1::2], gain, rtol=1e-12)


@pytest.mark.parametrize(("n_targets", "bistatic", "monostatic"), [(0, 6, 4), (1, 10, 8), (3, 18, 16), (5, 26, 24)])
def test_sizes_of_the_states(rng, n_targets, bistatic, monostatic):
    scenario = random_scenario(rng, n_targets=n_targets, n_antennas=16)
    maps, (to_user, back) = link_maps(scenario), link_names(scenario)
    assert maps[to_user].layout.size == bistatic == 4 * n_targets + 6
    assert maps[back].layout.size == monostatic == 4 * n_targets + 4
    assert maps[FUSED].layout.size == 6 * n_targets + 8
