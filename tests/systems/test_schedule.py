"""When symbols are sent, which of them count, and what each stage gets."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from crbeam.errors import InvalidInput, InvalidScenario, Unidentifiable
from crbeam.information import Transmission
from crbeam.scenario import read_scenario
from crbeam.systems import isotropic_transmission, link_map, link_maps
from crbeam.systems.hamrouni2026 import Hamrouni2026
from crbeam.systems.symbol_schedule import coherence_time_s, effective_slots, schedule
from crbeam.testing import (
    assert_same_information,
    link_names,
    random_covariance,
    random_moving_scenario,
    station_name,
)
from crbeam.testing.strategies import generators

LIGHT_MPS = 299792458.0
STATE = ("user_position", "user_velocity")
STAGES = ("monostatic_stage", "bistatic_stage")


def preset(*overrides):
    return read_scenario("hamrouni2026", overrides=overrides)


def covariance_of(rng, scenario):
    station = station_name(scenario)
    elements = scenario.stations[station].transmit_array.elements
    return random_covariance(rng, elements, power_w=scenario.power_per_subcarrier_w(station))


def everywhere(scenario, covariance):
    """The same covariance for all symbols and for those of each stage."""
    return Transmission(dict.fromkeys((*scenario.stations, *Hamrouni2026(scenario).stage_blocks()), covariance))


@pytest.mark.parametrize(
    ("carrier_hz", "speed_mps", "expected_s", "printed_s"),
    [
        (28e9, 5.0, 1.07e-3, 1.0e-3),
        (28e9, 30.0, 178e-6, 180e-6),
        (28e9, 50.0, 107e-6, 100e-6),
        (60e9, 50.0, 50e-6, 50e-6),
    ],
)
def test_coherence_times_of_table_1(carrier_hz, speed_mps, expected_s, printed_s):
    found_s = coherence_time_s(LIGHT_MPS / carrier_hz, speed_mps)
    assert found_s == pytest.approx(expected_s, rel=3e-3)
    assert found_s == pytest.approx(printed_s, rel=0.08)


def test_a_user_at_rest_has_all_the_time():
    assert coherence_time_s(0.01, 0.0) == np.inf
    assert effective_slots(16, 0.0, 5.0) == 16
    scenario = preset("user.velocity=[0, 0]", "protocol.coherence=coherence_time")
    assert schedule(scenario).every.time_s.size == 1600


def test_effective_slots():
    speeds_mps = [1.0, 5.0, 5.1, 10.0, 16.0, 30.0, 79.9, 80.1, 1000.0]
    assert [effective_slots(16, speed_mps, 5.0) for speed_mps in speeds_mps] == [16, 16, 15, 8, 5, 2, 1, 1, 1]
    assert effective_slots(10, 20.0, 10.0) == 5


def test_times_of_symbols():
    """Symbol p of slot l at `((l - 1) P + (p - 1)) T`; useful part and prefix make T."""
    times = schedule(preset("waveform.cyclic_prefix=0.6 us")).every
    duration_s = 1024 / 120e6 + 0.6e-6
    assert times.weight == times.time_s.size == 1600
    assert times.time_s[0] == 0.0
    assert times.time_s[100] == pytest.approx(100 * duration_s, rel=1e-13)
    np.testing.assert_allclose(np.diff(times.time_s), duration_s, rtol=1e-9)


def test_the_interval_of_table_2_is_longer_than_the_coherence_time():
    speed = "user.velocity=[0, 5]"
    assert schedule(preset(speed)).every.time_s[-1] == pytest.approx(13.6e-3, rel=5e-3)
    counted = schedule(preset(speed, "protocol.coherence=coherence_time")).every
    limit_s = LIGHT_MPS / 28e9 / 2 / 5.0
    assert counted.time_s[-1] <= limit_s < counted.time_s[-1] + 1024 / 120e6
    assert counted.weight == counted.time_s.size == 126


def test_slots_that_count_by_the_inverse_of_the_speed():
    rule = ("protocol.coherence=inverse_speed", "user.velocity=[0, 20]")
    scenario = preset(*rule)
    assert schedule(scenario).every.time_s.size == 400
    assert len(Hamrouni2026(scenario).slot_map("bistatic").blocks) == 4
    covariances = isotropic_transmission(scenario)
    # A quarter of the symbols, with the power that each of them always has.
    fewer = link_map(scenario, "monostatic").at(covariances).root_bound(["user_position"])
    every = link_map(preset(rule[1]), "monostatic").at(covariances).root_bound(["user_position"])
    assert fewer == pytest.approx(2.0 * every, rel=1e-6)


@pytest.mark.parametrize(
    ("share", "message", "first", "last"),
    [
        (0.5, 0, 800, 800),
        (0.3, 1, 480, 1119),
        (1.0, 0, 1600, 0),
        (0.0, 0, 0, 1600),
        (1.0, 5, 1595, 0),
        (0.5, 1598, 1, 1),
    ],
)
def test_contiguous_stages(share, message, first, last):
    """Sensing, message, positioning: nothing overlaps, nothing is lost."""
    times = schedule(preset(f"protocol.sensing_share={share}", f"protocol.message_symbols={message}"))
    every = times.every.time_s
    np.testing.assert_array_equal(times.monostatic.time_s, every[:first])
    np.testing.assert_array_equal(times.bistatic.time_s, every[1600 - last :])
    assert (times.monostatic.weight, times.bistatic.weight) == (first, last)
    assert first + last + message == 1600


@pytest.mark.parametrize("message", [1600, 5000])
def test_a_message_that_leaves_no_pilots_is_refused(message):
    with pytest.raises(InvalidScenario, match=rf"must leave symbols for pilots: less than 1600, .* found {message}"):
        preset(f"protocol.message_symbols={message}")


def test_a_message_longer_than_what_counts_leaves_no_pilots():
    times = schedule(preset("protocol.message_symbols=500", "protocol.coherence=coherence_time"))
    assert times.every.time_s.size < 500
    assert (times.monostatic.weight, times.bistatic.weight) == (0.0, 0.0)


def test_interleaved_stages_reach_over_the_whole_interval():
    times = schedule(
        preset("protocol.order=interleaved", "protocol.sensing_share=0.25", "protocol.message_symbols=100")
    )
    assert (times.monostatic.weight, times.bistatic.weight) == (375.0, 1125.0)
    for stage in (times.monostatic, times.bistatic):
        np.testing.assert_array_equal(stage.time_s, times.every.time_s)
    free = schedule(preset("protocol.order=interleaved", "protocol.sensing_share=null", "protocol.message_symbols=0"))
    assert free.monostatic.weight == free.bistatic.weight == 1600.0


@given(generators())
@settings(max_examples=5)
def test_interleaved_information_is_the_share_of_the_full_one(rng):
    share = float(rng.uniform(0.0, 1.0))
    scenario = random_moving_scenario(rng, subcarriers=16, protocol={"order": "interleaved", "sensing_share": share})
    covariances, maps = everywhere(scenario, covariance_of(rng, scenario)), link_maps(scenario)
    to_user, back = link_names(scenario)
    for stage, link, part in (("monostatic_stage", back, share), ("bistatic_stage", to_user, 1.0 - share)):
        full = maps[link].at(covariances).matrix
        assert_same_information(maps[stage].at(covariances).matrix, part * full)


def test_contiguous_information_is_not_proportional_to_the_share(rng):
    """The Doppler aperture shrinks with the window: a velocity bound grows as share to the power -3/2."""
    contiguous = random_moving_scenario(rng, n_targets=2, protocol={"order": "contiguous", "sensing_share": 0.25})
    covariances = everywhere(contiguous, covariance_of(rng, contiguous))
    to_user, back = link_names(contiguous)
    maps = link_maps(contiguous)
    names = ("monostatic_stage", back)
    part, full = (maps[name].at(covariances) for name in names)
    with pytest.raises(AssertionError, match="information differs"):
        assert_same_information(part.matrix, 0.25 * full.matrix, tolerance=1e-2)
    # Without what an unknown direction to the user takes from the radial speed.
    known = ["user_position"]
    speed = [maps[name].known(known).at(covariances).equivalent(["user_velocity"]).matrix for name in names]
    assert np.trace(speed[0]) == pytest.approx(0.25**3 * np.trace(speed[1]), rel=0.02)
    position = [each.root_bound(["user_position"]) for each in (part, full)]
    assert position[0] == pytest.approx(0.25**-0.5 * position[1], rel=0.02)
    assert maps["bistatic_stage"].at(covariances).root_bound(STATE) > maps[to_user].at(covariances).root_bound(STATE)


@pytest.mark.parametrize("order", ["contiguous", "interleaved"])
def test_all_symbols_for_one_stage(rng, order):
    """Share 1: sensing alone, which misses the tangential velocity. Share 0: positioning alone."""
    scenes = [
        random_moving_scenario(
            np.random.default_rng(4), n_targets=2, subcarriers=16, protocol={"order": order, "sensing_share": share}
        )
        for share in (1.0, 0.0)
    ]
    covariances, (to_user, back) = everywhere(scenes[0], covariance_of(rng, scenes[0])), link_names(scenes[0])
    sensing, positioning = (link_maps(scene) for scene in scenes)
    posterior = sensing["posterior"].at(covariances)
    names = [name for name in posterior.layout if "position" in name]
    expected = sensing[back].at(covariances).bound(names)
    assert_same_information(posterior.bound(names), expected, tolerance=1e-9)
    with pytest.raises(Unidentifiable, match="user_velocity"):
        posterior.bound(["user_velocity"])
    posterior = positioning["posterior"].at(covariances)
    expected = positioning[to_user].at(covariances).bound(STATE)
    assert_same_information(posterior.bound(STATE), expected, tolerance=1e-7)


def test_links_that_do_not_exist():
    with pytest.raises(InvalidInput, match=r"must be one of bistatic, monostatic, fused, .*posterior, found `echo`"):
        link_map(preset(), "echo")
    with pytest.raises(InvalidInput, match="must be one of bistatic, monostatic, found `fused`"):
        Hamrouni2026(preset()).slot_map("fused")


def test_slots_are_numbered_from_zero_and_have_the_power_of_their_symbols():
    scenario = preset("waveform.slots=3")
    information_map = Hamrouni2026(scenario).slot_map("bistatic")
    assert information_map.blocks == ("bs/slot[0]", "bs/slot[1]", "bs/slot[2]")
    assert all(replace(part, block="").transmit.shape[0] == 64 for part in information_map.contributions)
