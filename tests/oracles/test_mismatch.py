"""Mismatch schemes: closed forms against the conic programs of the paper, and reference values."""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracles.mismatch_problems import (
    KEYS,
    TOLERANCE,
    basis_of,
    blend_of,
    block_diagonal,
    covariance,
    covariance_in,
    distance,
    given_guides,
    guides_in,
    power_of,
    problem_of,
    two_blocks,
    whole,
    words_of,
)

from crbeam.design import Design, PowerBudget
from crbeam.design.methods import method_named
from crbeam.design.mismatch import (
    hermitian_root,
    mismatch,
    nearest_covariance_factors,
    nearest_factors,
    transmit_basis,
    word_factors,
)
from crbeam.errors import InvalidInput, SolverFailed
from crbeam.evaluation import evaluate
from crbeam.information import Transmission
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem
from crbeam.testing import assert_method_conforms
from crbeam.testing.conic_mismatch import (
    conic_amplitude_mismatch,
    conic_beamformer_mismatch,
    conic_covariance_mismatch,
    conic_power_mismatch,
)

CASES = [(1, 1), (2, 2), *(pytest.param(k, seed, marks=pytest.mark.slow) for k in (1, 2, 3) for seed in (3, 4, 5))]


# --- conic references -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_targets", "seed"), CASES)
def test_beamformers_equal_the_lifted_program(n_targets, seed):
    problem = problem_of("fdb-wbf", n_targets, seed)
    design = method_named("fdb-wbf").solve(problem)
    (shares, guides), power_w, basis = guides_in(problem), power_of(problem), basis_of(problem)
    roots = [hermitian_root(guide) for guide in guides]
    expected = conic_beamformer_mismatch(basis, roots, shares, power_w)
    (found,) = nearest_factors(shares, [[root] for root in roots], power_w)
    assert distance(found, expected) < TOLERANCE
    assert distance(covariance_in(design), covariance(expected)) < TOLERANCE
    assert design.trace[0] == pytest.approx(
        mismatch(shares, [expected], [[root] for root in roots]) / power_w, rel=1e-6
    )
    other = method_named("fdb-wbf:root=cholesky").solve(problem)
    assert distance(covariance_in(other), covariance(expected)) > 1e-3, "the root of the guides must matter"


def test_the_lifted_program_in_the_paper_s_variables_has_the_same_optimum():
    """With the transmit vectors themselves, which are far from orthonormal, instead of a basis of their span."""
    problem = problem_of("fdb-wbf", 2, 6)
    (shares, guides), power_w = guides_in(problem), power_of(problem)
    parts = [part for criterion in problem.criteria for part in criterion.map.contributions]
    vectors = np.unique(np.concatenate([part.transmit for part in parts], axis=1), axis=1)
    assert vectors.shape[1] == 6
    roots = [[hermitian_root(guide)] for guide in guides]
    expected = conic_beamformer_mismatch(vectors, [root for (root,) in roots], shares, power_w)
    found = nearest_factors(shares, roots, power_w)
    assert mismatch(shares, found, roots) == pytest.approx(mismatch(shares, [expected], roots), rel=1e-6)
    assert distance(found[0], expected) < 1e-5
    relaxed = conic_covariance_mismatch(vectors, guides, shares, power_w)
    assert distance(covariance_in(method_named("fdb-wcm").solve(problem)), relaxed) < 1e-5


@pytest.mark.parametrize("n_slots", [16.0, 5.0])
@pytest.mark.parametrize("program", [conic_amplitude_mismatch, conic_beamformer_mismatch])
def test_the_printed_constant_spends_another_power(program, n_slots):
    """(19b) and (21b) as printed add the number of slots instead of that of beams, here 4."""
    problem = problem_of("cpa-wbf", 1, 7)
    (shares, guides), power_w, words = guides_in(problem), 2.5, words_of(problem)
    factors = [word_factors(words, guide) * np.sqrt(power_w / power_of(problem)) for guide in guides]
    right = program(words, factors, shares, power_w)
    printed = program(words, factors, shares, power_w, constant=n_slots)
    assert np.sum(np.abs(right) ** 2) == pytest.approx(power_w, rel=1e-6)
    assert np.sum(np.abs(printed) ** 2) == pytest.approx(power_w * (1.0 + n_slots - 4.0), rel=1e-5)


@pytest.mark.parametrize(("n_targets", "seed"), CASES)
def test_amplitudes_equal_the_lifted_program(n_targets, seed):
    problem = problem_of("cpa-wbf", n_targets, seed)
    design = method_named("cpa-wbf").solve(problem)
    (shares, guides), power_w, words = guides_in(problem), power_of(problem), words_of(problem)
    factors = [word_factors(words, guide) for guide in guides]
    expected = conic_amplitude_mismatch(words * np.arange(1, 1 + words.shape[1]), factors, shares, power_w)
    assert distance(covariance_in(design), covariance(expected)) < TOLERANCE
    assert design.trace[0] * power_w == pytest.approx(
        mismatch(shares, [expected], [[factor] for factor in factors]), rel=1e-6
    )
    powers_instead = blend_of(shares, guides)
    assert distance(powers_instead, covariance(expected)) > 1e-3, "amplitudes must be blended, not powers"


@pytest.mark.parametrize(("n_targets", "seed"), CASES)
def test_covariances_equal_the_semidefinite_program(n_targets, seed):
    problem = problem_of("fdb-wcm", n_targets, seed)
    design = method_named("fdb-wcm").solve(problem)
    shares, guides = guides_in(problem)
    expected = conic_covariance_mismatch(basis_of(problem), guides, shares, power_of(problem))
    assert distance(covariance_in(design), expected) < TOLERANCE
    blend = blend_of(shares, guides)
    assert distance(covariance_in(design), blend) < 1e-12
    swapped = blend_of(shares[::-1], guides)
    assert distance(swapped, expected) > 1e-3
    value = mismatch(shares, [expected], [[guide] for guide in guides])
    assert design.trace[0] == pytest.approx(value / power_of(problem) ** 2, rel=1e-6)


@pytest.mark.parametrize(("n_targets", "seed"), CASES)
def test_powers_equal_the_quadratic_program(n_targets, seed):
    problem = problem_of("cpa-wcm", n_targets, seed)
    design = method_named("cpa-wcm").solve(problem)
    (shares, guides), words = guides_in(problem), words_of(problem)
    powers_w = conic_power_mismatch(words * np.arange(1, 1 + words.shape[1]), guides, shares, power_of(problem))
    expected = (words * powers_w) @ words.conj().T
    assert distance(covariance_in(design), expected) < TOLERANCE
    blend = blend_of(shares, guides)
    assert distance(covariance_in(design), blend) < 1e-10
    amplitudes = method_named("cpa-wbf").solve(problem)
    assert distance(covariance_in(amplitudes), expected) > 1e-3


# --- guides of the user -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("powers", [(0.2, 0.5), (3.0, 0.1), (1.0, 1.0)])
def test_given_guides_of_any_power_are_projected(powers):
    problem = given_guides(problem_of("fdb-wcm", 1, 8), 9, powers)
    found = covariance_in(method_named("fdb-wcm").solve(problem))
    shares, guides = guides_in(problem)
    expected = conic_covariance_mismatch(basis_of(problem), guides, shares, power_of(problem))
    assert distance(found, expected) < TOLERANCE
    blend = blend_of(shares, guides)
    assert distance(blend * power_of(problem) / np.trace(blend).real, expected) > 1e-2, "scaling is no projection"


@pytest.mark.parametrize("powers", [(0.2, 0.5), (3.0, 0.1), (1.0, 1.0)])
def test_given_guides_outside_a_codebook_are_projected(powers):
    problem = given_guides(problem_of("cpa-wcm", 2, 8), 9, powers)
    found = covariance_in(method_named("cpa-wcm").solve(problem))
    (shares, guides), words = guides_in(problem), words_of(problem)
    powers_w = conic_power_mismatch(words, guides, shares, power_of(problem))
    expected = (words * powers_w) @ words.conj().T
    assert distance(found, expected) < TOLERANCE
    nearest = [covariance(word_factors(words, guide)) for guide in guides]
    blend = blend_of(shares, nearest)
    assert distance(blend * power_of(problem) / np.trace(blend).real, expected) > 1e-2


@pytest.mark.parametrize("key", ["fdb-wbf", "fdb-wbf:root=procrustes", "cpa-wbf"])
def test_given_guides_count_in_proportion_to_their_amplitudes(key):
    method = method_named(key)
    problem = given_guides(problem_of(method.key, 1, 8), 9, (4.0, 1.0))
    weights = [criterion.weight for criterion in problem.criteria]
    balanced = problem.with_criterion_weights(2.0 * weights[0], weights[1])
    at_power = replace(balanced, guides=(0.25 * problem.guides[0], problem.guides[1]))
    unbalanced = replace(problem, guides=at_power.guides)
    first, second, third = (covariance_in(method.solve(each)) for each in (problem, at_power, unbalanced))
    assert distance(first, second) < 1e-9
    assert distance(third, first) > 1e-3


@pytest.mark.parametrize("key", KEYS)
def test_guides_must_be_covariances(key):
    problem = given_guides(problem_of(key, 1, 8), 9, (1.0, 1.0))
    ((block, guide),) = problem.guides[0].items()
    for matrix in (-guide, 1j * guide, np.full_like(guide, np.nan)):
        wrong = Transmission({block: matrix})
        with pytest.raises(InvalidInput, match="positive semidefinite"):
            method_named(key).solve(replace(problem, guides=(wrong, problem.guides[1])))


@pytest.mark.parametrize("key", KEYS)
def test_guides_must_not_all_send_nothing(key):
    problem = given_guides(problem_of(key, 1, 8), 9, (1.0, 1.0))
    silent = replace(problem, guides=tuple(0.0 * guide for guide in problem.guides))
    designs = method_named(key).solve_many([problem, silent])
    assert isinstance(designs[0], Design)
    assert isinstance(designs[1], InvalidInput)
    assert "are zero" in str(designs[1])


def test_beamformers_that_cancel_have_no_unique_compromise(rng):
    factor = rng.standard_normal((5, 3)) + 1j * rng.standard_normal((5, 3))
    with pytest.raises(SolverFailed, match="must not be zero"):
        nearest_factors([0.5, 0.5], [[factor], [-factor]], 1.0)
    assert nearest_factors([0.6, 0.4], [[factor], [-factor]], 1.0)[0] == pytest.approx(factor / np.linalg.norm(factor))


# --- reference values -------------------------------------------------------------------------------------------------

#: Root bounds in metres with three targets and equal weights: user by the bistatic link, all by the monostatic link.
REFERENCE_M = {
    "fdb-wcm": (0.0783944, 0.1418442),
    "cpa-wcm": (0.08688274, 0.1531557),
    "fdb-wbf": (0.07883864, 0.1393693),
    "fdb-wbf:root=procrustes": (0.07828182, 0.1390538),
    "cpa-wbf": (0.09657249, 0.1532943),
}


def root_bounds_m(name: str) -> tuple[float, float]:
    scenario, method = read_scenario("zhang2025"), method_named(name)
    links = evaluate(scenario, method.solve(design_problem(scenario, weight=0.5, method=method)).covariances).links
    user_m, all_m = links["bistatic"].quantities["user_position_m"], links["monostatic"].quantities["all_positions_m"]
    assert isinstance(user_m, float)
    assert isinstance(all_m, float)
    return user_m, all_m


@pytest.mark.parametrize("name", REFERENCE_M)
def test_reference_values(name):
    assert root_bounds_m(name) == pytest.approx(REFERENCE_M[name], rel=1e-6)


@pytest.mark.parametrize("name", ["fdb-wbf:root=cholesky", "fdb-wbf:root=random", "cpa-wbf"])
def test_reference_values_reject_other_roots_and_codewords(name):
    assert root_bounds_m(name) != pytest.approx(REFERENCE_M["fdb-wbf"], rel=1e-3)


# --- several blocks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("key", KEYS)
def test_every_budget_of_two_blocks_is_used_fully(key, separate):
    problem = given_guides(two_blocks(separate=separate, codebooks=key.startswith("cpa")), 11, (0.3, 2.0))
    design = method_named(key).solve(problem)
    for budget in problem.budgets:
        used_w = design.covariances.only(budget.blocks).power_w
        assert used_w == pytest.approx(budget.power_per_subcarrier_w, rel=1e-9)
    assert min(design.covariances.powers_w.values()) > 0.0


@pytest.mark.parametrize("codebooks", [False, True])
def test_covariances_of_blocks_that_share_a_budget_equal_one_conic_program(codebooks):
    problem = given_guides(two_blocks(separate=False, codebooks=codebooks), 11, (0.3, 2.0))
    shares = [criterion.weight for criterion in problem.criteria]
    guides = [whole(guide) for guide in problem.guides]
    design = method_named("cpa-wcm" if codebooks else "fdb-wcm").solve(problem)
    if codebooks:
        words = block_diagonal([problem.codebooks[block].unit_codewords for block in problem.blocks])
        expected = (words * conic_power_mismatch(words, guides, shares, power_of(problem))) @ words.conj().T
    else:
        bases = block_diagonal([transmit_basis(problem, block) for block in problem.blocks])
        expected = conic_covariance_mismatch(bases, guides, shares, power_of(problem))
    assert distance(whole(design.covariances), expected) < TOLERANCE
    halves = replace(
        problem,
        constraints=tuple(part for part in problem.constraints if not isinstance(part, PowerBudget))
        + tuple(PowerBudget((block,), 0.5 * power_of(problem)) for block in problem.blocks),
    )
    apart = method_named(design.method).solve(halves)
    assert distance(whole(apart.covariances), expected) > 1e-2, "the blocks must share the power freely"


def test_blocks_that_share_a_budget_share_one_shift():
    factors = nearest_covariance_factors([np.diag([2.0, 0.1]).astype(complex), np.diag([0.5]).astype(complex)], 1.0)
    np.testing.assert_allclose(covariance(factors[0]), np.diag([1.0, 0.0]), atol=1e-12)
    np.testing.assert_allclose(covariance(factors[1]), np.zeros((1, 1)), atol=1e-12)


@pytest.mark.parametrize("key", ["cpa-wbf", "cpa-wcm"])
def test_codebook_schemes_need_a_codebook_in_every_block(key):
    problem = two_blocks(separate=False, codebooks=True)
    one_left = replace(problem, constraints=problem.constraints[:2])
    reason = method_named(key).why_not(one_left)
    assert reason == f"{key} needs a codebook in every block, but there is none in second."
    assert method_named(key).why_not(problem) is None
    assert_method_conforms(
        method_named(key), [problem, replace(problem, guides=given_guides(problem, 3, (1, 1)).guides)]
    )
