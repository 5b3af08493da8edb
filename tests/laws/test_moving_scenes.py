"""What must and must not change the bounds of a moving user."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from tests.laws.moving_channel import symbol_duration_s
from tests.laws.scenes import edited

from crbeam.information.builders import Pilots
from crbeam.propagation import doppler_shifts_hz, trace_paths
from crbeam.systems import link_maps
from crbeam.systems.hamrouni2026 import Hamrouni2026
from crbeam.systems.station_and_user import state_map
from crbeam.testing import (
    assert_bounds_scale,
    assert_invariant,
    link_names,
    random_moving_scenario,
    random_transmission,
    station_name,
)
from crbeam.testing.strategies import generators

STATE = ("user_position", "user_velocity")


def covariance_of(rng, scenario):
    station = station_name(scenario)
    elements = scenario.stations[station].transmit_array.elements
    return random_transmission(rng, {station: elements}, power_w=scenario.power_per_subcarrier_w(station))


def scaled(information):
    scale = information.layout.scales(np.diagonal(information.matrix))
    return information.matrix * np.outer(scale, scale)


MOVING_LINKS = ("to user", "fused", "posterior")


def state_bounds(scenario, covariances):
    """Bounds of position and velocity together, and how much rounding may change them, by kind of link."""
    maps, (to_user, _) = link_maps(scenario), link_names(scenario)
    (sent,) = covariances.values()
    everywhere = {**covariances, **dict.fromkeys(Hamrouni2026(scenario).stage_blocks(), sent)}
    informations = {
        kind: maps[name].at(everywhere)
        for kind, name in zip(MOVING_LINKS, (to_user, "fused", "posterior"), strict=True)
    }
    return {
        kind: (value.bound(STATE), 1e-8 + 1e-13 * np.linalg.cond(scaled(value))) for kind, value in informations.items()
    }


def assert_same_state_bounds(scenario, other, covariances, turned=None):
    """Position and velocity bounds agree, up to a turn (or mirror) of the plane."""
    turn = np.kron(np.eye(2), np.eye(2) if turned is None else turned)
    changed = state_bounds(other, covariances)
    for kind, (bound, tolerance) in state_bounds(scenario, covariances).items():
        assert_invariant(turn @ bound @ turn.T, changed[kind][0], tolerance=tolerance)


def transformed(scenario, matrix, shift_m=(0.0, 0.0), *, turn_rad=0.0, turns_velocity=True):
    """The scene with every point, and the velocity, moved through a matrix, and every frame turned by an angle."""

    def place(point_m):
        return (matrix @ np.array(point_m) + shift_m).tolist()

    def edit(document):
        (station,) = document["stations"].values()
        user, targets = document["user"], document["targets"]
        station.update(position=place(station["position"]), orientation=station["orientation"] + turn_rad)
        user.update(position=place(user["position"]))
        user["orientation"] -= user["orientation_sign"] * turn_rad
        targets["positions"] = [place(point_m) for point_m in targets["positions"]]
        if turns_velocity:
            user["velocity"] = (matrix @ np.array(user["velocity"])).tolist()

    return edited(scenario, edit)


def rotation(angle_rad):
    return np.array([[np.cos(angle_rad), -np.sin(angle_rad)], [np.sin(angle_rad), np.cos(angle_rad)]])


@given(generators())
@settings(max_examples=6)
def test_turning_and_moving_a_moving_scene_turns_its_bounds(rng):
    scenario, angle_rad = random_moving_scenario(rng, n_targets=3), float(rng.uniform(-2.0, 2.0))
    matrix, shift_m = rotation(angle_rad), rng.uniform(-50.0, 50.0, 2)
    covariances = covariance_of(rng, scenario)
    turned = transformed(scenario, matrix, shift_m, turn_rad=angle_rad)
    assert_same_state_bounds(scenario, turned, covariances, matrix)


def test_turning_everything_but_the_velocity_is_noticed(rng):
    scenario, matrix = random_moving_scenario(rng, n_targets=3), rotation(0.7)
    wrong = transformed(scenario, matrix, turn_rad=0.7, turns_velocity=False)
    with pytest.raises(AssertionError, match="information differs"):
        assert_same_state_bounds(scenario, wrong, covariance_of(rng, scenario), matrix)


def mirrored(scenario, *, mirrors_velocity=True):
    """The scene in a mirror along x; with arrays along x, the angles to their axes stay."""
    mirror = np.diag([1.0, -1.0])
    scene = transformed(scenario, mirror, turns_velocity=mirrors_velocity)

    def edit(document):
        document["user"]["orientation"] *= -1.0
        for station in document["stations"].values():
            station["orientation"] *= -1.0

    return edited(scene, edit)


def with_arrays_along_x(document):
    (station,) = document["stations"].values()
    for array in (station["transmit_array"], station["receive_array"], document["user"]["array"]):
        array["axis"] = "x"


@given(generators())
@settings(max_examples=5)
def test_mirroring_a_moving_scene_mirrors_its_bounds(rng):
    # With arrays along x as drawn: two directions may then nearly coincide, but the user's and one target's do not.
    scenario = edited(random_moving_scenario(rng, n_targets=2), with_arrays_along_x)
    covariances, mirror = covariance_of(rng, scenario), np.diag([1.0, -1.0])
    assert_same_state_bounds(scenario, mirrored(scenario), covariances, mirror)
    with pytest.raises(AssertionError, match="information differs"):
        assert_same_state_bounds(scenario, mirrored(scenario, mirrors_velocity=False), covariances, mirror)


@pytest.mark.parametrize("kind", MOVING_LINKS)
def test_bounds_of_a_moving_user_are_inverse_to_power(rng, kind):
    scenario = random_moving_scenario(rng, n_targets=3)
    covariances = covariance_of(rng, scenario)

    def bound_at(factor):
        return state_bounds(scenario, factor * covariances)[kind][0]

    assert_bounds_scale(bound_at)
    with pytest.raises(AssertionError, match="information differs"):
        assert_bounds_scale(bound_at, power=-2.0)


def test_slower_motion_seen_for_longer_is_the_same_scene(rng):
    """Phases depend on velocity times time alone, so the velocity bound shrinks as the interval grows."""
    scenario, factor = random_moving_scenario(rng, n_targets=3), 3.0
    covariances = covariance_of(rng, scenario)

    def slowed(document):
        waveform = document["waveform"]
        symbol_s = waveform["subcarriers"] / waveform["bandwidth"]
        waveform["cyclic_prefix"] = factor * (waveform["cyclic_prefix"] + symbol_s) - symbol_s
        document["user"]["velocity"] = [part / factor for part in document["user"]["velocity"]]

    unit = np.diag([1.0, 1.0, 1.0 / factor, 1.0 / factor])
    slow = state_bounds(edited(scenario, slowed), covariances)
    for kind, (bound, tolerance) in state_bounds(scenario, covariances).items():
        assert_invariant(unit @ bound @ unit, slow[kind][0], tolerance=tolerance)
        with pytest.raises(AssertionError, match="information differs"):
            assert_invariant(bound, slow[kind][0], tolerance=1e-2)


def test_when_the_clock_of_the_symbols_starts_does_not_matter(rng):
    """A later start turns every gain, and gains are unknown."""
    scenario = random_moving_scenario(rng, n_targets=2, subcarriers=16)
    link, _ = link_names(scenario)
    paths, covariances = trace_paths(scenario)[link], covariance_of(rng, scenario)
    time_s = symbol_duration_s(scenario) * np.arange(scenario.waveform.slots * scenario.waveform.symbols_per_slot)
    start_s, shifts_hz = -0.5 * time_s[-1], doppler_shifts_hz(paths)

    def information(gain, time_s):
        pilots = [Pilots(station_name(scenario), float(scenario.waveform.symbols_per_slot), time_s)]
        return state_map(scenario, replace(paths, gain=gain), pilots).at(covariances)

    first = information(paths.gain, time_s)
    turned_back = information(paths.gain * np.exp(-2j * np.pi * shifts_hz * start_s), time_s + start_s)
    tolerance = 1e-8 + 1e-13 * np.linalg.cond(scaled(first))
    assert_invariant(first.bound(STATE), turned_back.bound(STATE), tolerance=tolerance)
    with pytest.raises(AssertionError, match="information differs"):
        assert_invariant(
            first.bound(STATE), information(paths.gain, time_s + start_s).bound(STATE), tolerance=tolerance
        )
