"""Blocks that no criterion with a positive weight sees: every method has a design, or says why not."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.design import Codebook, ConstantModulus, Criterion, Design, DesignProblem, PowerBudget
from crbeam.design.beamformers import powers_of_beams_w
from crbeam.design.methods import METHODS, method_named
from crbeam.errors import InvalidInput
from crbeam.information import Transmission
from crbeam.systems.zhang2025 import Zhang2025
from crbeam.testing import random_scenario

QUICK = {
    "analog-wcrb": "analog-wcrb:starts=1,max_iterations=20",
    "analog-fdb": "analog-fdb:starts=2,max_iterations=2",
}
#: Methods whose criteria must see the same observations, or one block, or a sequence of two.
NETWORK = {"exact", "ao-big-m", "relax-and-round", "nearest-receiver", "random-choice", "one-transmitter"}
REFUSING = {
    "fusion",
    "p1-weighted",
    "full-ms",
    "full-bp",
    "shared-sequential",
    "separate-sequential",
    "hybrid",
    "pdd-downlink",
    "pdd-uplink",
    "ao-uplink",
    "sca-uplink",
} | NETWORK
REFUSING |= {"lifted-sdp", "lifted-sca", "linkage", "k-means", "nearest-set", "many-receivers"}
POWERS_W = {True: (3e-8,), False: (1e-8, 2e-8)}


def one_block_each(rng, *, is_shared, weights):
    """Two criteria, the first of which sees the block `first` only and the second the block `second` only."""
    scenario = random_scenario(rng, n_targets=1, n_antennas=6, subcarriers=16)
    (station,) = scenario.stations
    system = Zhang2025(scenario)
    maps = system.link_maps()
    links = [name for name in maps if name in scenario.links]
    criteria = tuple(
        Criterion(maps[link].renamed_blocks({station: block}), {"user_position": 1.0}, block, weight)
        for link, block, weight in zip(links, ("first", "second"), weights, strict=True)
    )
    members = [("first", "second")] if is_shared else [("first",), ("second",)]
    budgets = tuple(PowerBudget(blocks, power) for blocks, power in zip(members, POWERS_W[is_shared], strict=True))
    directions = dict.fromkeys(("first", "second"), system.transmit_directions())
    problem = DesignProblem(criteria, budgets, directions=directions, n_slots=4)
    return problem, system.codebook().codewords, system.analog_codebook().codewords


def problem_for(method, problem, words, analog_words):
    if Codebook in method.uses:
        return problem.with_constraints(*(Codebook(block, words) for block in problem.blocks))
    if ConstantModulus in method.uses:
        return problem.with_constraints(*(ConstantModulus(block, analog_words) for block in problem.blocks))
    return problem


@pytest.mark.parametrize("is_shared", [True, False])
@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.0, 1.0)])
@pytest.mark.parametrize("key", METHODS)
def test_every_method_designs_beside_a_silent_block_or_says_why_not(key, weights, is_shared, rng):
    method = method_named(QUICK.get(key, key))
    problem = problem_for(method, *one_block_each(rng, is_shared=is_shared, weights=weights))
    if method.why_not(problem) is not None:
        assert key in REFUSING
        with pytest.raises(InvalidInput, match=key):
            method.solve(problem)
        return
    alone, first, second = method.solve(problem), *method.solve_many([problem, problem])
    for design in (alone, first, second):
        assert isinstance(design, Design), design
        assert all(np.all(np.isfinite(covariance)) for covariance in design.covariances.values())
        for budget in problem.budgets:
            used_w = design.covariances.only(budget.blocks).power_w
            assert used_w == pytest.approx(budget.power_per_subcarrier_w)
    assert alone.objective == pytest.approx(first.objective, rel=1e-9)


@pytest.mark.parametrize("is_shared", [True, False])
def test_the_conic_reference_stays_within_a_codebook_beside_a_silent_block(is_shared, rng):
    problem, words, _ = one_block_each(rng, is_shared=is_shared, weights=(1.0, 0.0))
    problem = problem_for(METHODS["cpa-wcrb"](), problem, words, None)
    conic, own = METHODS["conic-wcrb"]().solve(problem), METHODS["cpa-wcrb"]().solve(problem)
    assert conic.objective == pytest.approx(own.objective, rel=1e-4)
    assert own.gap <= 1e-6


def test_an_unseen_codebook_with_a_budget_of_its_own_gets_equal_powers(rng):
    problem, words, _ = one_block_each(rng, is_shared=False, weights=(1.0, 0.0))
    problem = problem_for(METHODS["cpa-wcrb"](), problem, words, None)
    design = METHODS["cpa-wcrb"]().solve(problem)
    powers_w, distance = powers_of_beams_w(words, design.covariances["second"])
    assert distance <= 1e-9
    expected = (words / np.linalg.norm(words, axis=0)) @ (words / np.linalg.norm(words, axis=0)).conj().T
    np.testing.assert_allclose(design.covariances["second"], 2e-8 / words.shape[1] * expected, rtol=1e-12, atol=1e-20)
    assert powers_w.sum() == pytest.approx(2e-8)
    assert powers_of_beams_w(words, problem.isotropic()["second"])[1] > 1e-3  # what is no transmission of the codebook


def test_no_covariance_has_no_powers(rng):
    beams = rng.standard_normal((4, 3)) + 1j * rng.standard_normal((4, 3))
    powers_w, distance = powers_of_beams_w(beams, np.zeros((4, 4), dtype=complex))
    assert np.array_equal(powers_w, np.zeros(3))
    assert distance == 0.0


def test_a_failing_item_leaves_the_others_of_its_batch(rng):
    method = method_named(QUICK["analog-fdb"])
    silent = problem_for(method, *one_block_each(rng, is_shared=False, weights=(1.0, 0.0)))
    whole = problem_for(method, *one_block_each(rng, is_shared=False, weights=(1.0, 1.0)))
    nothing = Transmission(dict.fromkeys(whole.blocks, np.full((6, 6), np.nan, dtype=complex)))
    bad = replace(whole, guides=(nothing,) * 2)
    results = method.solve_many([silent, bad, whole])
    assert isinstance(results[1], InvalidInput)
    assert isinstance(results[0], Design)
    assert results[2].objective == pytest.approx(method.solve(whole).objective, rel=1e-9)
