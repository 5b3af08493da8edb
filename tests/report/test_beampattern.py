"""Beampatterns: power that an isotropic field would need, over angle and plane, as the information maps have it."""

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from crbeam.errors import InvalidInput
from crbeam.evaluation.beampattern import beampattern_plane_w, beampattern_w, pattern_distance_m
from crbeam.propagation import steering_response
from crbeam.propagation.near_field import WAVE_MODELS, near_field_phases, near_field_response
from crbeam.scenario import list_presets, read_scenario
from crbeam.systems import design_problem, link_maps, paths_of, station_of_block, system_of
from crbeam.systems.receivers import receiver_positions_m
from crbeam.testing import random_covariance

N_TX, ORIENTATION_DEG, STATION_M = 8, 25.0, (1.0, 2.0)
ANGLES_RAD = np.linspace(-np.pi, np.pi, 721)
#: Of the power of a random covariance; and how far a mirrored pattern must be off for one object, relatively.
EQUAL, APART = 1e-9, 0.2


@pytest.fixture(scope="module")
def plane():
    """A scene with waves `a^H` and 8 antennas along a line that is turned."""
    station = [f"orientation={ORIENTATION_DEG} deg", "position=[1 m, 2 m]", f"transmit_array.elements={N_TX}"]
    return read_scenario("zhang2025", overrides=[f"stations.bs.{each}" for each in station])


def towards(scenario, angle_rad: float, power_w: float) -> np.ndarray:
    positions = scenario.stations["bs"].transmit_array.positions_wavelengths
    response, _ = steering_response(positions, np.array([angle_rad - np.deg2rad(ORIENTATION_DEG)]))
    return power_w * (response @ response.conj().T / N_TX)


def test_a_matched_beam_has_its_power_times_the_number_of_antennas_in_its_direction(plane):
    covariance = towards(plane, np.deg2rad(80.0), 2.0)
    pattern_w = beampattern_w(plane, "bs", covariance, ANGLES_RAD)
    assert pattern_w.shape == (len(ANGLES_RAD),)
    assert pattern_w.max() == pytest.approx(2.0 * N_TX)
    peaks_deg = np.rad2deg(ANGLES_RAD[pattern_w > 2.0 * N_TX * (1.0 - 1e-9)])
    np.testing.assert_allclose(sorted(peaks_deg), [2 * ORIENTATION_DEG - 80.0, 80.0], atol=1e-9)

    conjugated = beampattern_w(plane, "bs", covariance.conj(), np.array([np.deg2rad(80.0)]))
    assert conjugated[0] < 0.5 * 2.0 * N_TX


def test_isotropic_power_is_the_same_everywhere(plane):
    pattern_w = beampattern_w(plane, "bs", 0.25 * np.eye(N_TX, dtype=complex), ANGLES_RAD)
    np.testing.assert_allclose(pattern_w, 0.25 * N_TX, rtol=1e-12)


def test_the_plane_shows_the_pattern_with_free_space_loss(plane):
    covariance, x_m, y_m = towards(plane, 1.0, 1.0), np.linspace(-30, 30, 7), np.linspace(5, 45, 5)
    radiated_w = beampattern_plane_w(plane, "bs", covariance, x_m=x_m, y_m=y_m)
    received_w = beampattern_plane_w(plane, "bs", covariance, x_m=x_m, y_m=y_m, is_received=True)
    row, column = 3, 5
    displacement = np.array([x_m[column], y_m[row]]) - STATION_M
    azimuth = np.array([np.arctan2(displacement[1], displacement[0])])
    expected_w = beampattern_w(plane, "bs", covariance, azimuth)[0]
    assert radiated_w[row, column] == pytest.approx(expected_w)
    friis = (plane.waveform.wavelength_m / (4.0 * np.pi * np.hypot(*displacement))) ** 2
    assert received_w[row, column] == pytest.approx(expected_w * friis)


@pytest.mark.parametrize("preset", ["zhang2025", "li2024-downlink", "li2024-uplink"])
def test_power_stays_finite_at_the_station_and_on_its_antennas(preset):
    scenario = read_scenario(preset)
    problem = design_problem(scenario)
    name = station_of_block(problem.blocks[0])
    station = scenario.stations[name]
    antenna_m = station.transmit_array.positions_wavelengths[-1] * scenario.waveform.wavelength_m
    turn = np.exp(1j * station.orientation_rad) * complex(*antenna_m)
    x_m, y_m = (
        np.array([centre, centre + part])
        for centre, part in zip(station.position_m, (turn.real, turn.imag), strict=True)
    )
    for is_received in (False, True):
        power_w = beampattern_plane_w(
            scenario, name, problem.isotropic()[name], x_m=x_m, y_m=y_m, is_received=is_received
        )
        assert np.isfinite(power_w).all()


@pytest.mark.parametrize("model", WAVE_MODELS)
def test_phases_without_derivatives_are_those_of_the_response(model, rng):
    positions_m = rng.normal(size=(6, 2))
    angles_rad, ranges_m = rng.uniform(-np.pi, np.pi, 9), rng.uniform(3.0, 50.0, 9)
    response = near_field_response(positions_m, angles_rad, ranges_m, wavelength_m=0.1, model=model)
    phases = near_field_phases(positions_m, angles_rad, ranges_m, wavelength_m=0.1, model=model)
    np.testing.assert_allclose(phases, response.value, rtol=0, atol=1e-14)


def test_a_covariance_of_another_array_is_refused(plane):
    with pytest.raises((InvalidInput, TypeCheckError), match="8"):
        beampattern_w(plane, "bs", np.eye(4, dtype=complex), ANGLES_RAD)


def places_m(scenario, link_map, link):
    """Place of the object over which the path of each gain goes: the user's, or a target's."""
    gains = [name for name in link_map.layout if "gain" in name]
    found = {}
    for name in gains:
        link, _, index = name.partition("/gain")
        if scenario.user is None:
            found[name] = scenario.targets.positions_m[0]
        else:
            vertex = int(index.strip("[]"))
            paths = paths_of(scenario)[link]
            is_direct = paths.vertex_names[vertex] is None
            found[name] = scenario.user.position_m if is_direct else tuple(paths.vertex_m[vertex])
    return found


def transmit_vectors_of_the_maps(scenario):
    """Transmit vector, station and object's place of every term that a gain multiplies: it is the response itself."""
    for link, link_map in link_maps(scenario).items():
        places = places_m(scenario, link_map, link)
        for part in link_map.contributions:
            for name, place_m in places.items():
                for term in np.flatnonzero(np.any(part.jacobian[:, link_map.layout[name]] != 0.0, axis=1)):
                    yield part.transmit[:, term], station_of_block(part.block), place_m


def shown_w(scenario, station, covariance, place_m):
    """Power that patterns show of a place: over azimuth, and over the plane."""
    offset_m = np.subtract(place_m, scenario.stations[station].position_m)
    azimuth_rad = np.array([np.arctan2(offset_m[1], offset_m[0])])
    over_azimuth_w = beampattern_w(scenario, station, covariance, azimuth_rad)[0]
    x_m, y_m = (np.array([each]) for each in place_m)
    return over_azimuth_w, beampattern_plane_w(scenario, station, covariance, x_m=x_m, y_m=y_m)[0, 0]


@pytest.mark.parametrize("preset", list_presets())
@pytest.mark.parametrize("turn_deg", [None, 20.0])
def test_the_power_towards_each_object_is_that_of_the_maps(preset, turn_deg, rng):
    names = read_scenario(preset).stations
    turns = [] if turn_deg is None else [f"stations.{name}.orientation={turn_deg} deg" for name in names]
    scenario = read_scenario(preset, overrides=turns, seed=3)
    mirrored = []
    for vector, station, place_m in transmit_vectors_of_the_maps(scenario):
        covariance = random_covariance(rng, len(vector))
        expected_w = float(np.real(vector.conj() @ covariance @ vector))
        whole_w = len(vector) * np.trace(covariance).real
        for found_w in shown_w(scenario, station, covariance, place_m):
            assert abs(found_w - expected_w) <= EQUAL * whole_w
        for found_w in shown_w(scenario, station, covariance.conj(), place_m):
            mirrored.append(abs(found_w / expected_w - 1.0))
    assert len(mirrored) >= 4
    assert max(mirrored) > APART


def test_a_beam_on_the_target_is_strongest_there_where_channels_are_written_with_the_transpose():
    """What one beam at full power brings the target, and what the mirrored pattern would show of it."""
    scenario = read_scenario("wang2024")
    (vector, station, place_m), *_ = transmit_vectors_of_the_maps(scenario)
    beam = np.outer(vector, vector.conj()) / len(vector)
    for found_w in shown_w(scenario, station, beam, place_m):
        assert found_w == pytest.approx(10.0)
    assert max(shown_w(scenario, station, beam.conj(), place_m)) < 0.03


@pytest.mark.parametrize("preset", ["li2024-downlink", "wang2024"])
def test_the_power_towards_served_users_is_that_of_their_channels(preset, rng):
    """In lines of sight the requirements of users have transmit vectors of their own."""
    overrides = ["served_users.scatterers=0"] if preset.startswith("li2024") else []
    scenario = read_scenario(preset, overrides=overrides, seed=3)
    requirements = [part for part in design_problem(scenario).constraints if hasattr(part, "channels")]
    places = (
        receiver_positions_m(scenario)
        if preset == "wang2024"
        else list(system_of(scenario).service().places_m.values())
    )
    assert len(requirements) == len(places) >= 2
    mirrored = []
    for requirement, place_m in zip(requirements, places, strict=True):
        ((block, channel),) = requirement.channels.items()
        station = station_of_block(block)
        covariance = random_covariance(rng, len(channel))
        expected_w = float(np.real(channel.conj() @ covariance @ channel)) / np.mean(np.abs(channel) ** 2)
        whole_w = len(channel) * np.trace(covariance).real
        assert abs(shown_w(scenario, station, covariance, place_m)[1] - expected_w) <= EQUAL * whole_w
        mirrored.append(abs(shown_w(scenario, station, covariance.conj(), place_m)[1] / expected_w - 1.0))
    assert max(mirrored) > APART


def test_where_waves_are_curved_the_pattern_is_at_the_distance_of_the_target():
    scenario = read_scenario("li2024-downlink")
    offset_m = np.subtract(scenario.targets.positions_m[0], scenario.stations["main"].position_m)
    assert pattern_distance_m(scenario) == pytest.approx(np.hypot(*offset_m))
    assert pattern_distance_m(read_scenario("wang2024")) is None


@pytest.mark.parametrize("preset", list_presets())
def test_files_say_which_convention_is_that_of_the_maps(preset):
    """From the words alone: plane waves with phase +k p.u, conjugated or not."""
    scenario = read_scenario(preset)
    vector = {"t = a": lambda a: a, "t = conj(a)": np.conj}[
        system_of(scenario).transmit_convention().rpartition("with ")[2]
    ]
    azimuth_rad = 0.7
    for name, station in scenario.stations.items():
        local_rad = np.array([azimuth_rad - station.orientation_rad])
        response, _ = steering_response(station.transmit_array.positions_wavelengths, local_rad)
        far_m = 1e7 * np.array([[np.cos(azimuth_rad), np.sin(azimuth_rad)]])
        np.testing.assert_allclose(
            system_of(scenario).transmit_vectors(name, far_m), vector(response), rtol=0, atol=1e-5
        )
