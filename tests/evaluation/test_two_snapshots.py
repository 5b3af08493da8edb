"""The user's velocity from two observations by the station alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from tests.laws.scenes import edited

from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.evaluation.two_snapshots import extended_velocity_bound_mps, snapshot_velocity_bound_mps
from crbeam.scenario import read_scenario
from crbeam.systems import isotropic_transmission, link_map
from crbeam.systems.hamrouni2026 import radial_speed_map
from crbeam.testing import link_names, random_moving_scenario, random_transmission, station_name
from crbeam.testing.strategies import generators

#: A target 60 cm from the user, few antennas and symbols: paths that are hard to tell apart.
CROWDED = (
    "targets.count=1",
    "targets.positions=[[9.8, 25.6]]",
    "user.velocity=[-1.1, 1.7]",
    "stations.bs.transmit_array.elements=16",
    "waveform.subcarriers=64",
    "waveform.slots=4",
    "waveform.symbols_per_slot=50",
)


def random_sent(rng, scenario):
    station = station_name(scenario)
    elements = scenario.stations[station].transmit_array.elements
    return random_transmission(rng, {station: elements}, power_w=scenario.power_per_subcarrier_w(station))


def later(scenario, interval_s):
    def edit(document):
        user = document["user"]
        user["position"] = (np.array(user["position"]) + interval_s * np.array(user["velocity"])).tolist()

    return edited(scenario, edit)


def at_rest(document):
    document.update(system="zhang2025", protocol=None, requirements=None)
    document["user"]["velocity"] = None


@given(generators())
@settings(max_examples=8)
def test_doppler_shifts_help(rng):
    """Extended is never worse than snapshot, where paths can be told apart."""
    scenario = random_moving_scenario(rng, subcarriers=16)
    covariances = random_sent(rng, scenario)
    snapshot = snapshot_velocity_bound_mps(scenario, covariances)
    assert extended_velocity_bound_mps(scenario, covariances) <= snapshot
    assert snapshot_velocity_bound_mps(scenario, 100.0 * covariances) == pytest.approx(0.1 * snapshot)


def test_an_unknown_doppler_shift_can_cost_more_than_it_brings():
    """Snapshot assumes that there is no Doppler shift; in a crowd, the one that has to estimate it may know less."""
    scenario = read_scenario("hamrouni2026", overrides=CROWDED)
    snapshot = snapshot_velocity_bound_mps(scenario, isotropic_transmission(scenario), 1.0)
    ratio = extended_velocity_bound_mps(scenario, isotropic_transmission(scenario), 1.0) / snapshot
    assert 1.0 < ratio < 1.05


@given(generators())
@settings(max_examples=6)
def test_snapshot_is_two_position_bounds_over_the_time_between(rng):
    """The positions are those of a static scene, of the system zhang2025, here and where the user is later."""
    scenario, interval_s = random_moving_scenario(rng, n_targets=2, subcarriers=16), 0.2
    first, second = random_sent(rng, scenario), random_sent(rng, scenario)
    link = link_names(scenario)[1]
    traces_m2 = [
        np.trace(link_map(edited(scene, at_rest), link).at(sent).bound(["user_position"]))
        for scene, sent in ((scenario, first), (later(scenario, interval_s), second))
    ]
    expected = np.sqrt(sum(traces_m2)) / interval_s
    found = snapshot_velocity_bound_mps(scenario, first, interval_s, later=second)
    exchanged = snapshot_velocity_bound_mps(scenario, second, interval_s, later=first)
    assert found == pytest.approx(expected, rel=1e-8)
    assert exchanged != pytest.approx(expected, rel=1e-4)


def test_extended_is_the_sum_over_both_states_written_out(rng):
    scenario, interval_s = random_moving_scenario(rng, n_targets=2, subcarriers=16), 0.3
    sent, names = random_sent(rng, scenario), ("user_position", "user_velocity")
    link, total = link_names(scenario)[1], np.zeros((4, 4))
    for scene, passed_s in ((scenario, 0.0), (later(scenario, interval_s), interval_s)):
        to_then = np.block([[np.eye(2), passed_s * np.eye(2)], [np.zeros((2, 2)), np.eye(2)]])
        matrix = link_map(scene, link).at(sent).equivalent(names).matrix
        total += to_then.T @ matrix @ to_then
    expected = np.sqrt(np.trace(np.linalg.inv(total)[2:, 2:]))
    assert extended_velocity_bound_mps(scenario, sent, interval_s, later=sent) == pytest.approx(expected, rel=1e-6)
    assert extended_velocity_bound_mps(scenario, sent, interval_s) == pytest.approx(expected, rel=1e-6)


def test_snapshot_is_inverse_to_the_time_between_as_long_as_the_user_hardly_moves():
    scenario = read_scenario("hamrouni2026", overrides=["user.velocity=[0.01, -0.02]"])
    short, long = (
        snapshot_velocity_bound_mps(scenario, isotropic_transmission(scenario), time_s) for time_s in (0.1, 1.0)
    )
    assert short == pytest.approx(10.0 * long, rel=1e-2)
    assert short != pytest.approx(10.0 * long, rel=1e-6)


def test_extended_needs_less_than_the_tangential_part_from_positions():
    """The radial part comes from Doppler shifts: the bound lies between the tangential one and that of snapshot."""
    scenario = read_scenario("hamrouni2026", overrides=["user.velocity=[0.01, -0.02]"])
    snapshot, extended = (
        bound(scenario, isotropic_transmission(scenario))
        for bound in (snapshot_velocity_bound_mps, extended_velocity_bound_mps)
    )
    monostatic = link_map(scenario, "monostatic").at(isotropic_transmission(scenario))
    position_m2 = monostatic.bound(["user_position"])
    away = np.array(scenario.user.position_m) / np.hypot(*scenario.user.position_m)
    tangent = np.array([-away[1], away[0]])
    tangential_mps = np.sqrt(2.0 * tangent @ position_m2 @ tangent) / 0.1
    radial = radial_speed_map(scenario, link_map(scenario, "monostatic")).at(isotropic_transmission(scenario))
    doppler_mps = radial.root_bound(["user_radial_speed"]) / np.sqrt(2.0)
    # The radial part by Doppler shifts and by positions together is at most that by Doppler shifts.
    assert tangential_mps < extended < np.hypot(tangential_mps, doppler_mps) * 1.001
    assert extended < snapshot


def test_extended_improves_with_speed_and_snapshot_does_not():
    """With a fixed number of slots: the line of sight turns more between the observations."""

    def bounds(speed_mps):
        scenario = read_scenario("hamrouni2026", overrides=[f"user.velocity=[{speed_mps}, 0]"])
        return [
            bound(scenario, isotropic_transmission(scenario))
            for bound in (snapshot_velocity_bound_mps, extended_velocity_bound_mps)
        ]

    slow, fast = bounds(5.0), bounds(30.0)
    assert fast[0] == pytest.approx(slow[0], rel=0.2)
    assert fast[1] < 0.9 * slow[1]


def test_fewer_slots_count_for_a_fast_user():
    fixed, fewer = (
        snapshot_velocity_bound_mps(scenario, isotropic_transmission(scenario))
        for scenario in (
            read_scenario("hamrouni2026", overrides=["user.velocity=[0, 20]", f"protocol.coherence={rule}"])
            for rule in ("ignored", "inverse_speed")
        )
    )
    assert fewer == pytest.approx(2.0 * fixed, rel=1e-9)


def at(place, velocity):
    return read_scenario("hamrouni2026", overrides=[f"user.position={place}", f"user.velocity={velocity}"])


@pytest.mark.parametrize("bound", [snapshot_velocity_bound_mps, extended_velocity_bound_mps])
def test_mistakes(bound):
    scenario, still = read_scenario("hamrouni2026"), read_scenario("zhang2025")
    for interval_s in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(InvalidInput, match="must be positive and finite"):
            bound(scenario, isotropic_transmission(scenario), interval_s)
    sent, smaller = isotropic_transmission(scenario), {"bs": np.eye(63, dtype=complex)}
    for wrong, found in (({}, "found none"), (smaller, r"found one of shape \(63, 63\)")):
        with pytest.raises(InvalidInput, match=rf"shape \(64, 64\) for block `bs`, {found}"):
            bound(scenario, wrong)
        with pytest.raises(InvalidInput, match=rf"shape \(64, 64\) for block `bs`, {found}"):
            bound(scenario, sent, later=wrong)
    with pytest.raises(InvalidInput, match="hamrouni2026"):
        bound(still, isotropic_transmission(still))
    with pytest.raises(InvalidInput, match=r"at the second observation \(after 0\.5 s\) .*away from station `bs`"):
        bound(at("[0 m, 5 m]", "[0, -10 m/s]"), isotropic_transmission(scenario), 0.5)
    with pytest.raises(InvalidInput, match=r"`targets\.positions\.1` must be at least 1 mm away from the user"):
        bound(at("[3 m, 25 m]", "[0, 10 m/s]"), isotropic_transmission(scenario), 0.5)
    end_fire = read_scenario("hamrouni2026", overrides=["user.position=[25, 0]", "user.velocity=[5, 0]"])
    with pytest.raises(Unidentifiable):
        bound(end_fire, isotropic_transmission(end_fire))
