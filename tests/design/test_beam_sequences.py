"""Beams in the order in which they are sent to a moving user, against every pilot written out."""

from dataclasses import replace

import numpy as np
import pytest
from tests.laws.moving_channel import moving_information

from crbeam.design.certificate import objective_from
from crbeam.design.methods import method_named
from crbeam.design.sequences import IN_TURN, MIXED, in_turn, mixed, objective_in_slots, slots_of
from crbeam.errors import InvalidInput
from crbeam.information import Transmission
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem
from crbeam.systems.hamrouni2026 import Hamrouni2026
from crbeam.testing import assert_same_information

#: A scene whose every pilot can be written out.
SMALL = (
    *("waveform.slots=5", "waveform.symbols_per_slot=4", "waveform.subcarriers=6", "targets.count=2"),
    *("waveform.bandwidth=300 kHz", "propagation.path_loss_exponent=2", "propagation.shadowing_deviation=0 dB"),
    *("stations.bs.transmit_array.elements=8", "user.array.elements=6"),
)
STAGES = {"monostatic_stage": "monostatic", "bistatic_stage": "bistatic"}


def solved(key, *overrides, seed=0):
    scenario, method = read_scenario("hamrouni2026", overrides=overrides, seed=seed), method_named(key)
    problem = design_problem(scenario, method=method)
    return scenario, problem, method.solve(problem)


def from_pilots(scenario, problem, name, beams_of):
    """Information of a criterion from every pilot; `beams_of(block, slot)` is what each symbol of a slot sends."""
    n_symbols, per_slot = (
        scenario.waveform.slots * scenario.waveform.symbols_per_slot,
        scenario.waveform.symbols_per_slot,
    )
    free = n_symbols - scenario.protocol.message_symbols
    first = round((scenario.protocol.sensing_share or 0.0) * free)
    limits = {"monostatic_stage": (0, first), "bistatic_stage": (n_symbols - free + first, n_symbols)}

    def of(stage):
        low, high = limits.get(stage, (0, n_symbols))
        block = {"monostatic_stage": "bs/monostatic", "bistatic_stage": "bs/bistatic"}.get(stage, "bs")

        def sent(slot, symbol):
            return beams_of(block, slot)[:, None] if low <= slot * per_slot + symbol < high else None

        return moving_information(scenario, STAGES.get(stage, stage), sent)

    if name == "posterior":
        both = [of(stage) for stage in STAGES]
        return both[0] + both[1]
    return of(name)


def objective_of_pilots(scenario, problem, beams_of):
    return objective_from(
        problem, [from_pilots(scenario, problem, each.name, beams_of) for each in problem.active_criteria]
    )


@pytest.mark.parametrize("key", ["fdb-wcrb", "cpa-wcrb", "shared-sequential", "joint-sequential", "full-bp"])
def test_the_loss_is_that_of_the_pilots_as_they_are_sent(key):
    scenario, problem, design = solved(key, *SMALL)
    value = objective_of_pilots(scenario, problem, lambda block, slot: design.slot_beams[block][:, slot])
    assert design.objective * (1.0 + design.beamforming_loss) == pytest.approx(value, rel=1e-7)
    if len(problem.blocks) == 1:
        # Beams one after the other have the same covariance, and would pass if order did not count.
        (only,) = design.beamformers.values()
        beams, n_slots = only.matrix, scenario.waveform.slots
        runs = np.sort(np.arange(n_slots) % beams.shape[1])
        sent = (beams / np.sqrt(np.bincount(runs)))[:, runs]
        np.testing.assert_allclose(sent @ sent.conj().T, only.covariance, atol=1e-9 * design.power_w)
        other = objective_of_pilots(scenario, problem, lambda _, slot: sent[:, slot])
        assert abs(other / value - 1.0) > 1e-4


@pytest.mark.parametrize("key", ["fdb-wcrb", "cpa-wcrb"])
def test_beams_sent_once_each_would_be_far_worse_than_the_sequence(key):
    """Velocity suffers when a path is seen during the first slots only."""
    _, problem, design = solved(key)
    (beams,) = (part.matrix for part in design.beamformers.values())
    (slots,) = slots_of(problem).values()
    assert beams.shape[1] < len(slots.numbers)
    once = np.zeros((beams.shape[0], len(slots.numbers)), dtype=complex)
    once[:, : beams.shape[1]] = beams * np.sqrt(len(slots.numbers))
    (covariance,) = design.covariances.values()
    np.testing.assert_allclose((once * slots.shares) @ once.conj().T, covariance, atol=1e-7 * design.power_w)
    silent_later = objective_in_slots(problem, {}, {"bs": once}) / design.objective - 1.0
    assert silent_later > 3.0
    assert design.beamforming_loss < 0.05
    assert design.beamforming_loss != 0.0


@pytest.mark.parametrize("make", [in_turn, mixed])
@pytest.mark.parametrize(("n_beams", "shares"), [(1, [0.25] * 4), (3, [0.2] * 5), (4, [0.05, 0.3, 0.3, 0.3, 0.05])])
def test_sequences_have_the_covariance_of_their_beams(make, n_beams, shares):
    rng = np.random.default_rng(n_beams)
    beams = np.linalg.qr(rng.normal(size=(6, n_beams)) + 1j * rng.normal(size=(6, n_beams)))[0] * np.arange(
        1, n_beams + 1
    )
    sent = make(beams, np.array(shares))
    np.testing.assert_allclose((sent * shares) @ sent.conj().T, beams @ beams.conj().T, atol=1e-12)
    assert sent.shape == (6, len(shares))
    if make is mixed and len(set(shares)) == 1:
        np.testing.assert_allclose(np.linalg.norm(sent, axis=0), np.linalg.norm(beams), rtol=1e-12)


def test_beams_that_cannot_be_mixed_keep_to_their_turns():
    _, problem, design = solved("cpa-wcrb")
    assert design.details["sequence"] == IN_TURN
    words = problem.codebooks["bs"].unit_codewords
    sent = design.slot_beams["bs"]
    alignment = np.max(np.abs(words.conj().T @ (sent / np.linalg.norm(sent, axis=0))), axis=0)
    np.testing.assert_allclose(alignment, 1.0, rtol=1e-12)
    _, _, many = solved("uniform")
    assert many.details["sequence"] == MIXED
    (slots,) = slots_of(problem).values()
    (beams,) = (part.matrix for part in many.beamformers.values())
    turns = in_turn(beams, slots.shares)
    assert objective_in_slots(problem, {}, {"bs": turns}) > 2.0 * many.objective * (1.0 + many.beamforming_loss)


def test_slots_of_a_stage_are_those_of_its_symbols():
    scenario, problem, design = solved("joint-sequential", "protocol.sensing_share=0.53")
    slots = slots_of(problem)
    assert slots["bs/monostatic"].numbers == tuple(range(9))
    assert slots["bs/bistatic"].numbers == tuple(range(8, 16))
    assert slots["bs/monostatic"].shares[-1] == pytest.approx(47 / 847)
    for block, silent in (("bs/monostatic", slice(9, 16)), ("bs/bistatic", slice(0, 8))):
        assert not np.any(design.slot_beams[block][:, silent])
        assert design.slot_beams[block].shape == (64, scenario.waveform.slots)
    # A slot with less than half of its pilots is no place for a beam of its own.
    assert [each.most_beams for each in slots.values()] == [8, 8]


def test_a_stage_with_few_slots_sends_the_beams_that_find_room():
    _, _, design = solved("uniform", "waveform.slots=4")
    (part,) = design.beamformers.values()
    assert part.matrix.shape[1] == 4
    _, _, short = solved("joint-sequential", "protocol.sensing_share=0.9", "waveform.slots=5")
    (bistatic,) = (part for block, part in short.beamformers.items() if "bistatic" in block)
    assert bistatic.matrix.shape[1] == 1
    assert not bistatic.is_exact
    assert short.beamforming_loss is None or short.beamforming_loss > 0.0


def test_one_beam_in_every_slot_is_the_covariance():
    _, _, design = solved("full-ms", seed=None)
    assert [part.matrix.shape[1] for part in design.beamformers.values()] == [1]
    assert design.beamforming_loss == 0.0
    first, *others = design.slot_beams["bs/monostatic"][:, :8].T
    assert all(np.array_equal(first, other) for other in others)


def even_in(antennas):
    """The same power on every antenna of every block."""
    return Transmission({block: 1e-9 * np.eye(size, dtype=complex) for block, size in antennas.items()})


def test_a_prior_is_not_lost_in_slots():
    scenario = read_scenario("hamrouni2026")
    known = Hamrouni2026(scenario).link_map("bistatic")
    whole = even_in({"bs": 64})
    prior = known.at(whole).as_prior()
    both = (known + prior).by_slot()
    sent = even_in(both.antennas)
    assert len(sent) == 16
    assert_same_information(both.at(sent).matrix, (known + prior).at(whole).matrix, tolerance=1e-10)
    with pytest.raises(AssertionError):
        assert_same_information(both.at(sent).matrix, known.at(whole).matrix, tolerance=1e-2)


def test_slots_neglect_what_the_whole_neglects():
    """Couplings between paths that are left out of a map are left out of its slots."""
    scenario = read_scenario("hamrouni2026", overrides=["propagation.path_coupling=within_paths"])
    whole = Hamrouni2026(scenario).link_map("bistatic")
    by_slot = whole.by_slot()
    sent, slots = even_in({"bs": 64}), even_in(by_slot.antennas)
    assert len(slots) == 16
    assert_same_information(by_slot.at(slots).matrix, whole.at(sent).matrix, tolerance=1e-10)
    full = Hamrouni2026(read_scenario("hamrouni2026")).link_map("bistatic")
    with pytest.raises(AssertionError):
        assert_same_information(full.by_slot().at(slots).matrix, whole.at(sent).matrix, tolerance=1e-6)


def test_slots_of_a_map_and_the_map_of_slots_agree():
    scenario = read_scenario("hamrouni2026")
    rng = np.random.default_rng(5)
    beams = rng.normal(size=(64, 16)) + 1j * rng.normal(size=(64, 16))
    system = Hamrouni2026(scenario)
    one, other = system.link_map("monostatic").by_slot(), system.slot_map("monostatic")
    assert one.blocks == other.blocks
    sent = Transmission.of_factors(one.blocks, [beam[:, None] for beam in beams.T])
    assert_same_information(one.at(16.0 * sent).matrix, other.at(sent).matrix, tolerance=1e-10)


def test_observations_of_one_block_share_their_slots():
    _, problem, _ = solved("fdb-wcrb", *SMALL)
    first, second = problem.criteria
    (part,) = second.map.contributions
    shifted = replace(part, slots=replace(part.slots, numbers=tuple(number + 1 for number in part.slots.numbers)))
    wrong = replace(problem, criteria=(first, replace(second, map=replace(second.map, contributions=(shifted,)))))
    with pytest.raises(InvalidInput, match="`bs` must have its pilots in the same slots"):
        slots_of(wrong)


def test_a_static_scene_has_no_order():
    method = method_named("fdb-wcrb")
    problem = design_problem(read_scenario("zhang2025"), method=method)
    design = method.solve(problem)
    assert slots_of(problem) == {}
    assert design.slot_beams == {}
    assert design.beamforming_loss == 0.0


@pytest.mark.parametrize("key", ["fdb-wcrb", "joint-sequential"])
def test_blocks_without_beams_send_their_covariance_in_every_slot(key):
    """All of them, or the one beside a block whose beams are given."""
    _, problem, design = solved(key, *SMALL)
    assert objective_in_slots(problem, design.covariances, {}) == pytest.approx(design.objective, rel=1e-9)
    slots = slots_of(problem)
    for block in problem.blocks:
        others = {name: each for name, each in design.beamformers.items() if name != block}
        beams = {name: in_turn(each.matrix, slots[name].shares) for name, each in others.items()}
        assert np.isfinite(objective_in_slots(problem, design.covariances, beams))
