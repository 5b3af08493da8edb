"""Information of a moving user against brute force, its limits, and what it can never tell."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from tests.laws.moving_channel import moving_information, symbol_duration_s
from tests.laws.scenes import edited

from crbeam import Unidentifiable
from crbeam.information import Transmission
from crbeam.information.builders import Pilots
from crbeam.information.state import path_layout
from crbeam.propagation import trace_paths
from crbeam.scenario import Scenario, scenario_document
from crbeam.systems import link_maps
from crbeam.systems.hamrouni2026 import Hamrouni2026
from crbeam.systems.station_and_user import state_map
from crbeam.systems.zhang2025 import Zhang2025
from crbeam.testing import (
    assert_additive,
    assert_adjoint,
    assert_bilinear,
    assert_invariant,
    assert_knowledge_helps,
    assert_linear,
    assert_monotone,
    assert_same_information,
    assert_schur_complement,
    link_names,
    random_covariance,
    random_moving_scenario,
    random_slot_covariances,
    station_name,
)
from crbeam.testing.strategies import generators

#: Position in `link_names`.
KINDS = pytest.mark.parametrize("kind", [0, 1], ids=["to user", "back"])
STATE = ("user_position", "user_velocity")


def small_scene(rng, n_targets=None, **protocol):
    """A scene whose every pilot can be written out."""
    n_targets = int(rng.integers(0, 4)) if n_targets is None else n_targets
    return random_moving_scenario(
        rng, n_targets=n_targets, n_antennas=8, subcarriers=6, slots=3, symbols_per_slot=4, protocol=protocol
    )


def covariance_of(rng, scenario):
    station = station_name(scenario)
    elements = scenario.stations[station].transmit_array.elements
    return random_covariance(rng, elements, power_w=scenario.power_per_subcarrier_w(station))


def random_sent(rng, scenario, blocks):
    """A transmission in which each block has a random covariance of the station's power."""
    return Transmission({block: covariance_of(rng, scenario) for block in blocks})


def root(covariance):
    """Beams `[tx, beam]` of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def assert_same(actual, expected, *, tolerance=1e-10):
    """Two informations about the same parameters agree, in whatever order they have them."""
    assert set(actual.layout) == set(expected.layout)
    index = actual.layout.indices(expected.layout)
    assert_same_information(actual.matrix[np.ix_(index, index)], expected.matrix, tolerance=tolerance)


def assert_is_slot_by_slot(scenario, link, slots, information, *, tolerance=1e-10):
    station = station_name(scenario)
    beams = [root(slots[f"{station}/slot[{slot}]"]) for slot in range(scenario.waveform.slots)]
    assert_same(information, moving_information(scenario, link, lambda slot, _: beams[slot]), tolerance=tolerance)


@given(generators())
@settings(max_examples=8)
def test_beams_that_change_from_slot_to_slot_against_every_pilot(rng):
    """One random beam in each slot, as (2) of the paper, over antennas, subcarriers and symbols."""
    scenario = small_scene(rng)
    slots = random_slot_covariances(rng, scenario, rank=int(rng.integers(1, 3)))
    for link in link_names(scenario):
        assert_is_slot_by_slot(scenario, link, slots, Hamrouni2026(scenario).slot_map(link).at(slots))


@given(generators())
@settings(max_examples=4)
def test_lifted_covariance_against_every_pilot(rng):
    """Every symbol of every slot has the L-th part of the covariance."""
    scenario = small_scene(rng)
    covariance = covariance_of(rng, scenario)
    beams = root(covariance) / np.sqrt(scenario.waveform.slots)
    for link in link_names(scenario):
        information = link_maps(scenario)[link].at({station_name(scenario): covariance})
        assert_same(information, moving_information(scenario, link, lambda *_, sent=beams: sent))


@given(generators())
@settings(max_examples=4)
def test_equal_slots_are_the_lifted_covariance(rng):
    scenario = random_moving_scenario(rng, subcarriers=16)
    covariance, n_slots = covariance_of(rng, scenario), scenario.waveform.slots
    for link in link_names(scenario):
        by_slot = Hamrouni2026(scenario).slot_map(link)
        slots = dict.fromkeys(by_slot.blocks, covariance / n_slots)
        assert_same(by_slot.at(slots), link_maps(scenario)[link].at({station_name(scenario): covariance}))


@given(generators())
@settings(max_examples=6)
def test_stages_against_the_pilots_that_they_observe(rng):
    """Contiguous: sensing has the first symbols, then comes the message, positioning has the last."""
    share, message = float(rng.uniform(0.1, 0.9)), int(rng.integers(0, 4))
    scenario = small_scene(rng, order="contiguous", sensing_share=share, message_symbols=message)
    first = round(share * (12 - message))
    covariance = covariance_of(rng, scenario)
    beams = root(covariance) / np.sqrt(scenario.waveform.slots)
    to_user, back = link_names(scenario)
    observed = {
        "monostatic_stage": (back, lambda slot, symbol: beams if 4 * slot + symbol < first else None),
        "bistatic_stage": (to_user, lambda slot, symbol: beams if 4 * slot + symbol >= first + message else None),
    }
    for stage, (link, sent) in observed.items():
        information_map = Hamrouni2026(scenario).link_map(stage)
        information = information_map.at(dict.fromkeys(information_map.blocks, covariance))
        assert_same(information, moving_information(scenario, link, sent))


def edited_jacobian(information_map, edit):
    parts = tuple(replace(part, jacobian=edit(part.jacobian.copy())) for part in information_map.contributions)
    return replace(information_map, contributions=parts)


def without_position_in_doppler(scenario, link):
    """Doppler shifts that depend on the velocity alone."""
    paths, right = trace_paths(scenario)[link], Hamrouni2026(scenario).slot_map(link)
    layout = path_layout(link, paths.n_paths, paths.moving)
    rows = layout.indices(f"{link}/doppler[{path}]" for path in paths.moving)
    columns = right.layout.indices(name for name in right.layout if "position" in name)

    def edit(jacobian):
        jacobian[np.ix_(rows, columns)] = 0.0
        return jacobian

    return edited_jacobian(right, edit)


def with_velocity_reversed(scenario, link):
    return Hamrouni2026(edited(scenario, moving_at(-np.array(scenario.user.velocity_mps)))).slot_map(link)


def without_cyclic_prefix(scenario, link):
    def edit(document):
        document["waveform"]["cyclic_prefix"] = 0.0

    return Hamrouni2026(edited(scenario, edit)).slot_map(link)


def with_slots_in_reverse(scenario, link):
    right = Hamrouni2026(scenario).slot_map(link)
    return right.renamed_blocks(dict(zip(right.blocks, right.blocks[::-1], strict=True)))


def with_symbols_of_a_slot_at_once(scenario, link):
    """All symbols of a slot sent when the slot begins."""
    station, waveform = station_name(scenario), scenario.waveform
    count = waveform.symbols_per_slot
    slot_s = count * symbol_duration_s(scenario)
    pilots = [
        Pilots(f"{station}/slot[{slot}]", float(count), np.full(count, slot * slot_s)) for slot in range(waveform.slots)
    ]
    return state_map(scenario, trace_paths(scenario)[link], pilots)


def conjugated_gram(scenario, link):
    right = Hamrouni2026(scenario).slot_map(link)
    return replace(right, contributions=tuple(replace(part, gram=part.gram.conj()) for part in right.contributions))


@pytest.mark.parametrize(
    "wrong",
    [
        without_position_in_doppler,
        with_velocity_reversed,
        without_cyclic_prefix,
        with_slots_in_reverse,
        with_symbols_of_a_slot_at_once,
        conjugated_gram,
    ],
)
@KINDS
def test_brute_force_rejects(rng, wrong, kind):
    scenario = small_scene(rng, n_targets=2)
    link, slots = link_names(scenario)[kind], random_slot_covariances(rng, scenario, rank=1)
    information = wrong(scenario, link).at(slots)
    with pytest.raises(AssertionError, match="information differs"):
        assert_is_slot_by_slot(scenario, link, slots, information, tolerance=1e-6)


def test_the_sum_over_slots_is_not_all_that_matters(rng):
    """Two sequences of beams with the same sum tell different things of a moving user, the same of one at rest."""
    moving = small_scene(rng, n_targets=2)
    link, _ = link_names(moving)
    slots = random_slot_covariances(rng, moving, rank=1)
    first, second, third = slots
    shuffled = {first: slots[third], second: slots[first], third: slots[second]}
    by_slot = Hamrouni2026(moving).slot_map(link)
    with pytest.raises(AssertionError, match="information differs"):
        assert_same(by_slot.at(shuffled), by_slot.at(slots), tolerance=1e-3)
    still = Hamrouni2026(edited(moving, moving_at([0.0, 0.0]))).slot_map(link).known(["user_velocity"])
    assert_same(still.at(shuffled), still.at(slots))


def moving_at(velocity_mps):
    def edit(document):
        document["user"]["velocity"] = [float(part) for part in velocity_mps]

    return edit


def at_rest(scenario):
    """The same scene of the system zhang2025."""
    document = scenario_document(scenario)
    for key in ("protocol", "requirements"):
        document[key] = None
    document["user"]["velocity"] = None
    return Scenario.model_validate({**document, "system": "zhang2025"})


@given(generators())
@settings(max_examples=6)
def test_a_known_velocity_of_zero_is_the_static_scene(rng):
    scenario = random_moving_scenario(rng)
    sent, static = random_sent(rng, scenario, scenario.stations), Zhang2025(at_rest(scenario)).link_maps()
    stopped = link_maps(edited(scenario, moving_at([0.0, 0.0])))
    for link, expected in static.items():
        assert_same(stopped[link].known(["user_velocity"]).at(sent), expected.at(sent))
    link, _ = link_names(scenario)
    with pytest.raises(AssertionError, match="information differs"):
        assert_same(
            link_maps(scenario)[link].known(["user_velocity"]).at(sent),
            static[link].at(sent),
            tolerance=1e-6,
        )


@given(generators())
@settings(max_examples=4)
def test_paths_without_doppler_shift_are_the_static_scene(rng):
    scenario = random_moving_scenario(rng)
    pilots = [Pilots(station_name(scenario), float(scenario.waveform.symbols_per_slot))]
    sent, static = random_sent(rng, scenario, scenario.stations), Zhang2025(at_rest(scenario)).link_maps()
    for link, paths in trace_paths(scenario).items():
        still = state_map(scenario, replace(paths, motion=None), pilots)
        assert_same(still.at(sent), static[link].at(sent))


def scaled(information):
    scale = information.layout.scales(np.diagonal(information.matrix))
    return information.matrix * np.outer(scale, scale)


def tangential_mps(scenario, layout):
    """Direction of the state in which only the tangential velocity changes."""
    station_m = np.array(scenario.stations[station_name(scenario)].position_m)
    away_m = scenario.user.position_m - station_m
    direction = np.zeros(layout.size)
    direction[layout["user_velocity"]] = np.array([-away_m[1], away_m[0]]) / np.hypot(*away_m)
    return direction


def random_velocity(rng, scenario):
    """At rest, radial, tangential, along an axis, or any."""
    away_m = np.subtract(scenario.user.position_m, scenario.stations[station_name(scenario)].position_m)
    away = away_m / np.hypot(*away_m)
    choices = [np.zeros(2), 20.0 * away, 20.0 * np.array([-away[1], away[0]]), np.array([20.0, 0.0])]
    return [*choices, np.array(scenario.user.velocity_mps)][rng.integers(5)]


@given(generators())
@settings(max_examples=15)
def test_sensing_misses_exactly_one_direction_in_every_scene(rng):
    scenario = random_moving_scenario(rng, subcarriers=32)
    scenario = edited(scenario, moving_at(random_velocity(rng, scenario)))
    information = link_maps(scenario)[link_names(scenario)[1]].at(random_sent(rng, scenario, scenario.stations))
    assert information.layout.size == 6 + 4 * scenario.targets.count
    eigenvalues = np.linalg.eigvalsh(scaled(information))
    assert abs(eigenvalues[0]) < 1e-13 * eigenvalues[-1]
    assert eigenvalues[1] > 1e-10 * eigenvalues[-1]
    lost = information.matrix @ tangential_mps(scenario, information.layout)
    own = np.sqrt(np.diagonal(information.matrix)) * np.sqrt(information.equivalent(["user_velocity"]).matrix.trace())
    assert np.all(np.abs(lost) <= 1e-13 * np.maximum(own, np.max(own) * 1e-9))
    with pytest.raises(Unidentifiable) as caught:
        information.bound(["user_velocity"])
    assert caught.value.names == ("user_velocity",)
    assert information.is_identifiable([name for name in information.layout if name != "user_velocity"])


def test_a_pseudo_inverse_would_call_the_unknown_direction_certain(rng):
    """Why the bound is refused: the pseudo-inverse gives it no error at all."""
    scenario = random_moving_scenario(rng, n_targets=2)
    information = link_maps(scenario)[link_names(scenario)[1]].at(random_sent(rng, scenario, scenario.stations))
    direction = tangential_mps(scenario, information.layout)[information.layout["user_velocity"]]
    equivalent = information.equivalent(["user_velocity"]).matrix
    claimed = np.linalg.pinv(equivalent, rcond=1e-9)
    assert direction @ claimed @ direction < 1e-9 * np.trace(claimed)


@given(generators())
@settings(max_examples=10)
def test_positioning_needs_one_target(rng):
    """With one target 12 unknowns and 12 path parameters; without any, nothing of the user is determined."""
    one = random_moving_scenario(rng, n_targets=1, subcarriers=32)
    information = link_maps(one)[link_names(one)[0]].at(random_sent(rng, one, one.stations))
    assert information.layout.size == 12
    assert np.linalg.matrix_rank(scaled(information), tol=1e-13, hermitian=True) == 12
    none = random_moving_scenario(rng, n_targets=0, subcarriers=32)
    information = link_maps(none)[link_names(none)[0]].at(random_sent(rng, none, none.stations))
    for name in STATE:
        assert not information.is_identifiable([name])


@given(generators())
@settings(max_examples=6)
def test_posterior_is_the_schur_complement_of_the_padded_sum(rng):
    """Positions and velocity are common; orientation, clock and the gains of each stage are not."""
    scenario = random_moving_scenario(rng, n_targets=int(rng.integers(1, 4)))
    maps = link_maps(scenario)
    sent = random_sent(rng, scenario, Hamrouni2026(scenario).stage_blocks())
    names = [*STATE, *maps["posterior"].layout.family("target_position")]
    stages = [maps["monostatic_stage"].at(sent), maps["bistatic_stage"].at(sent)]
    posterior = maps["posterior"].at(sent)
    assert_same(posterior.equivalent(names), stages[0].equivalent(names) + stages[1].equivalent(names), tolerance=1e-7)
    padded, n_common = padded_sum(stages, names)
    inner = np.linalg.solve(padded[n_common:, n_common:], padded[n_common:, :n_common])
    schur = padded[:n_common, :n_common] - padded[:n_common, n_common:] @ inner
    assert_same_information(posterior.equivalent(names).matrix, schur, tolerance=1e-7)
    assert_schur_complement(posterior, names)


def padded_sum(stages, names):
    """Information of both stages over their common parameters, then the nuisances of each."""
    nuisances = [[name for name in stage.layout if name not in names] for stage in stages]
    n_common = 2 * len(names)
    sizes = [len(stage.layout.indices(own)) for stage, own in zip(stages, nuisances, strict=True)]
    total, start = np.zeros((n_common + sum(sizes),) * 2), n_common
    for stage, own, size in zip(stages, nuisances, sizes, strict=True):
        place = [*range(n_common), *range(start, start + size)]
        index = stage.layout.indices([*names, *own])
        total[np.ix_(place, place)] += stage.matrix[np.ix_(index, index)]
        start += size
    return total, n_common


def test_stages_that_shared_their_gains_would_know_too_much(rng):
    scenario = random_moving_scenario(rng, n_targets=2)
    sent = random_sent(rng, scenario, Hamrouni2026(scenario).stage_blocks())
    maps, (to_user, back) = link_maps(scenario), link_names(scenario)
    shared = {f"{back}/gain[{path}]": f"{to_user}/gain[{path}]" for path in range(3)}
    wrong = maps["monostatic_stage"].renamed(shared) + maps["bistatic_stage"]
    right = maps["posterior"].at(sent).bound(STATE)
    with pytest.raises(AssertionError, match="information differs"):
        assert_invariant(right, wrong.at(sent).bound(STATE), tolerance=1e-3)


@given(generators())
@settings(max_examples=5)
def test_maps_of_moving_scenes_keep_the_laws_of_maps(rng):
    scenario = random_moving_scenario(rng, n_targets=2, subcarriers=32)
    maps, (to_user, back) = link_maps(scenario), link_names(scenario)
    for link, information_map in maps.items():
        sent, more = (random_sent(rng, scenario, information_map.blocks) for _ in range(2))
        symmetric = rng.standard_normal((information_map.layout.size,) * 2)
        assert_linear(information_map, sent, more)
        assert_monotone(information_map, sent, more)
        assert_adjoint(information_map, sent, symmetric + symmetric.T)
        if link in (to_user, back):
            n_rx = information_map.contributions[0].receive.shape[0]
            assert_bilinear(information_map, sent, [random_covariance(rng, n_rx)])
    assert_additive(maps[to_user], maps[back], random_sent(rng, scenario, scenario.stations))


@given(generators())
@settings(max_examples=5)
def test_knowing_more_never_hurts_a_moving_user(rng):
    scenario = random_moving_scenario(rng, n_targets=3)
    maps, (to_user, _) = link_maps(scenario), link_names(scenario)
    covariance = covariance_of(rng, scenario)
    sent = dict.fromkeys([*scenario.stations, *Hamrouni2026(scenario).stage_blocks()], covariance)
    alone, fused = (maps[name].at(sent) for name in (to_user, "fused"))
    assert_knowledge_helps(alone, fused, STATE)
    assert_knowledge_helps(maps["bistatic_stage"].at(sent), maps["posterior"].at(sent), STATE)
    assert_knowledge_helps(alone, maps[to_user].known(["clock_bias"]).at(sent), STATE)
    assert_knowledge_helps(alone, maps[to_user].known(["user_velocity"]).at(sent), ["user_position"])
    with pytest.raises(AssertionError, match="eigenvalue"):
        assert_knowledge_helps(fused, alone, STATE)
