"""How far simpler models of a moving user are from the full one, in numbers."""

from dataclasses import replace

import numpy as np
import pytest
from tests.laws.scenes import edited

from crbeam.information import Transmission
from crbeam.information.builders import Pilots
from crbeam.information.state import state_jacobian
from crbeam.propagation import trace_paths
from crbeam.scenario import read_scenario
from crbeam.systems import link_map, system_of
from crbeam.systems.hamrouni2026 import Hamrouni2026, radial_speed_map
from crbeam.systems.station_and_user import path_map, state_names
from crbeam.systems.symbol_schedule import schedule

SLOTS = 16


def codebook_covariance(scenario):
    """Every beam of the codebook at equal power: rank 2K + 2, and not isotropic."""
    words = system_of(scenario).codebook().codewords
    beams = words / np.linalg.norm(words, axis=0)
    covariance = beams @ beams.conj().T
    return scenario.power_per_subcarrier_w("bs") * covariance / np.trace(covariance).real


def eigenbeams(covariance):
    """`[tx, beam]` with the covariance as the sum of their outer products, strongest first."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > 1e-9 * values[-1]
    return (vectors[:, kept] * np.sqrt(values[kept]))[:, ::-1]


def once_each(n_beams):
    """Beam l in slot l, and silence after the last one."""
    return np.eye(n_beams, SLOTS)


def in_turn(n_beams):
    """Beams 1..r again and again."""
    turns = np.arange(n_beams)[:, None] == np.arange(SLOTS) % n_beams
    return turns / np.sqrt(turns.sum(axis=1, keepdims=True))


def one_after_the_other(n_beams):
    """Each beam for a part of the interval."""
    turns = np.arange(n_beams)[:, None] == np.arange(SLOTS) * n_beams // SLOTS
    return turns / np.sqrt(turns.sum(axis=1, keepdims=True))


def mixed(rng, n_beams):
    """Every slot a random mixture of all beams."""
    square = rng.standard_normal((SLOTS, SLOTS)) + 1j * rng.standard_normal((SLOTS, SLOTS))
    return np.linalg.qr(square)[0][:n_beams]


def by_slot(sent):
    """Transmission of one beam `[tx, slot]` in each slot."""
    return Transmission({f"bs/slot[{slot}]": np.outer(beam, beam.conj()) for slot, beam in enumerate(sent.T)})


class Comparison:
    """Root bounds with beams of each slot over those of the lifted model, with the same total covariance."""

    def __init__(self, link):
        self.scenario = read_scenario("hamrouni2026")
        self.link, self.covariance = link, codebook_covariance(self.scenario)
        self.beams, self.map = eigenbeams(self.covariance), Hamrouni2026(self.scenario).slot_map(link)
        self.lifted = self.bounds(link_map(self.scenario, link).at({"bs": self.covariance}))

    def bounds(self, information):
        """Of position and velocity, or of position and the radial speed that echoes tell."""
        if self.link == "bistatic":
            return np.array([information.root_bound([name]) for name in ("user_position", "user_velocity")])
        speed = np.linalg.eigvalsh(information.equivalent(["user_velocity"]).matrix)[-1] ** -0.5
        return np.array([information.root_bound(["user_position"]), speed])

    def change(self, turns):
        """Relative change of both bounds."""
        sent = self.beams @ turns
        np.testing.assert_allclose(sent @ sent.conj().T, self.covariance, atol=1e-12 * np.abs(self.covariance).max())
        return self.bounds(self.map.at(by_slot(sent))) / self.lifted - 1.0


@pytest.fixture(scope="module", params=["bistatic", "monostatic"])
def comparison(request):
    return Comparison(request.param)


def test_beams_in_turn_are_the_lifted_model_within_some_percent(comparison):
    position, velocity = comparison.change(in_turn(8))
    assert 0.0 <= position < 0.01
    assert 1e-4 < velocity < 0.04


def test_random_mixtures_change_velocities_more_than_positions(comparison):
    rng = np.random.default_rng(1)
    changes = np.array([comparison.change(mixed(rng, 8)) for _ in range(12)])
    assert np.max(np.abs(changes[:, 0])) < 0.06
    assert 0.03 < np.max(np.abs(changes[:, 1])) < 0.5
    # In either direction: the lifted model is neither an upper nor a lower bound.
    assert np.min(changes[:, 1]) < 0.0 < np.max(changes[:, 1])


def test_beams_for_a_part_of_the_interval_each(comparison):
    position, velocity = comparison.change(one_after_the_other(8))
    assert abs(position) < 0.06
    assert 0.005 < velocity < 0.3


def test_beams_once_each_and_then_silence_lose_the_doppler_aperture(comparison):
    """A static scene would not notice; here half of the interval, and with it of the velocity, is given away."""
    position, velocity = comparison.change(once_each(8))
    assert abs(position) < 0.1
    assert 0.5 < velocity < 2.0


def test_without_motion_the_order_of_beams_would_not_matter():
    still = Comparison("bistatic")
    scenario = edited(still.scenario, lambda document: document["user"].update(velocity=[0.0, 0.0]))
    known = Hamrouni2026(scenario).slot_map("bistatic").known(["user_velocity"])
    roots = []
    for turns in (once_each(8), in_turn(8), mixed(np.random.default_rng(2), 8)):
        roots.append(known.at(by_slot(still.beams @ turns)).root_bound(["user_position"]))
    np.testing.assert_allclose(roots, roots[0], rtol=1e-9)


def close_targets(range_m):
    """Two targets 1.5 degrees apart as seen from the station, which nothing but this range tells apart further."""
    first = np.array([3.0, 30.0])
    azimuth_rad = np.arctan2(30.0, 3.0) - np.radians(1.5)
    second = (np.hypot(*first) + range_m) * np.array([np.cos(azimuth_rad), np.sin(azimuth_rad)])
    return ("targets.count=2", f"targets.positions=[[3, 30], [{second[0]}, {second[1]}]]")


def coupled_bounds(coupling, *overrides):
    """Root bounds of the user's position and velocity, and of two targets, by both links."""
    scenario = read_scenario("hamrouni2026", overrides=[f"propagation.path_coupling={coupling}", *overrides])
    covariances = {"bs": codebook_covariance(scenario)}
    bistatic, monostatic = (link_map(scenario, link).at(covariances) for link in ("bistatic", "monostatic"))
    names = ("user_position", "target_position[0]", "target_position[1]")
    positions = [information.root_bound([name]) for information in (bistatic, monostatic) for name in names]
    return np.array([*positions, bistatic.root_bound(["user_velocity"])])


@pytest.mark.parametrize("overrides", [(), close_targets(3.0)], ids=["preset", "targets 1.5 degrees apart"])
def test_coupling_between_paths_changes_bounds_by_less_than_half_a_percent(overrides):
    full, within = (coupled_bounds(kind, *overrides) for kind in ("full", "within_paths"))
    change = np.abs(within / full - 1.0)
    assert 1e-9 < change.max() < 5e-3


def test_coupling_between_paths_matters_where_they_overlap():
    """At one range, 1.5 degrees apart, neither bandwidth nor antennas resolve the echoes."""
    full, within = (coupled_bounds(kind, *close_targets(0.0)) for kind in ("full", "within_paths"))
    assert 0.05 < np.max(1.0 - within / full) < 0.2


def diagonal(scenario):
    """Monostatic map that neglects the coupling between the parameters of a path as well."""
    paths, times = trace_paths(scenario)["monostatic"], schedule(scenario).every
    information_map = path_map(scenario, paths, [Pilots("bs", times.weight / SLOTS, times.time_s)])
    parts = tuple(replace(part, gram=np.diag(np.diag(part.gram))) for part in information_map.contributions)
    jacobian, layout = state_jacobian(paths, state_names(scenario, paths))
    return replace(information_map, contributions=parts).change_parameters(jacobian, layout)


def test_neglecting_coupling_within_paths_too_would_be_optimistic():
    """Delay and Doppler shift then seem to be known as if the phase of the path were: that depends on where counting
    of subcarriers and time starts, while the bounds do not.
    """
    scenario = read_scenario("hamrouni2026")
    covariances = {"bs": codebook_covariance(scenario)}
    right, wrong = (
        radial_speed_map(scenario, each).at(covariances)
        for each in (link_map(scenario, "monostatic"), diagonal(scenario))
    )
    for name in ("user_position", "user_radial_speed"):
        assert 1.2 < right.root_bound([name]) / wrong.root_bound([name]) < 2.5


def test_radial_speed_is_that_along_the_true_direction_and_the_doppler_shift_tells_more():
    """`v . u` with u towards where the user really is: if that direction is not known, tangential speed leaks in.

    The rate at which the distance grows, `v . u(p)`, is what the Doppler shift tells by itself.
    """
    scenario = read_scenario("hamrouni2026", overrides=["propagation.path_loss_exponent=2"])
    covariances = {"bs": codebook_covariance(scenario)}
    paths, times = trace_paths(scenario)["monostatic"], schedule(scenario).every
    pilots = [Pilots("bs", times.weight / SLOTS, times.time_s)]
    doppler_hz = path_map(scenario, paths, pilots).at(covariances).root_bound(["monostatic/doppler[0]"])
    state = radial_speed_map(scenario, link_map(scenario, "monostatic")).at(covariances)
    place_m, velocity_mps = np.array(scenario.user.position_m), np.array(scenario.user.velocity_mps)
    distance_m = np.hypot(*place_m)
    tangent = np.array([-place_m[1], place_m[0]]) / distance_m
    slope = np.array([*(velocity_mps @ tangent / distance_m * tangent), 1.0])
    bound = state.bound(["user_position", "user_radial_speed"])
    assert np.sqrt(slope @ bound @ slope) == pytest.approx(0.5 * scenario.waveform.wavelength_m * doppler_hz, rel=0.01)
    assert state.root_bound(["user_radial_speed"]) > 1.05 * np.sqrt(slope @ bound @ slope)
