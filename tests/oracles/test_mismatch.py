"""Mismatch schemes: closed forms against the conic programs of the paper, reference values, and their laws."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.design import Codebook, Design, DesignProblem, PowerBudget
from crbeam.design.guides import guides_of
from crbeam.design.methods import BeamformerMismatch, method_named
from crbeam.design.mismatch import (
    mismatch,
    nearest_covariance_factors,
    nearest_factors,
    nearest_on_simplex,
    transmit_basis,
    word_factors,
)
from crbeam.design.square_roots import aligned, hermitian_root, random_unitary, triangular_root
from crbeam.errors import InvalidInput, SolverFailed
from crbeam.evaluation import evaluate
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem, design_problems
from crbeam.testing import assert_method_conforms, random_covariance, random_scenario, two_stage_problem
from crbeam.testing.conic_mismatch import (
    conic_amplitude_mismatch,
    conic_beamformer_mismatch,
    conic_covariance_mismatch,
    conic_power_mismatch,
)

KEYS = ("fdb-wbf", "cpa-wbf", "fdb-wcm", "cpa-wcm")
CASES = [(1, 1), (2, 2), (3, 3), *(pytest.param(k, seed, marks=pytest.mark.slow) for k in (1, 2, 3) for seed in (4, 5))]
#: Relative distance to a conic solution, which is known to about 1e-7 of the power.
TOLERANCE = 1e-6


def problem_of(key: str, n_targets: int, seed: int) -> DesignProblem:
    rng = np.random.default_rng(seed)
    scenario = random_scenario(rng, n_targets=n_targets, n_antennas=8 + 2 * n_targets, subcarriers=32)
    return design_problem(scenario, weight=float(rng.uniform(0.1, 0.9)), method=method_named(key))


def guides_in(problem: DesignProblem) -> tuple[list[float], list[np.ndarray]]:
    """Shares and covariances of the guides of a problem with one block."""
    (guides,) = guides_of([problem])
    assert isinstance(guides, tuple)
    return [guide.share for guide in guides], [guide.covariances[0] for guide in guides]


def words_of(problem: DesignProblem) -> np.ndarray:
    return problem.codebooks[problem.blocks[0]].unit_codewords


def power_of(problem: DesignProblem) -> float:
    return problem.budgets[0].power_per_subcarrier_w


def basis_of(problem: DesignProblem) -> np.ndarray:
    return transmit_basis(problem, problem.blocks[0])


def given_guides(problem: DesignProblem, seed: int, powers: tuple[float, ...]) -> DesignProblem:
    """Same problem with random guides whose powers are given relative to those of the first budget."""
    rng, n_blocks = np.random.default_rng(seed), len(problem.blocks)
    guides = [
        random_covariance(rng, problem.n_tx, n_blocks=n_blocks, power_w=power * power_of(problem) / n_blocks)
        for power in powers
    ]
    return replace(problem, guides=tuple(guides))


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def blend_of(shares: list[float], parts: list[np.ndarray]) -> np.ndarray:
    return sum((share * part for share, part in zip(shares, parts, strict=True)), np.zeros_like(parts[0]))


def covariance(factor: np.ndarray) -> np.ndarray:
    return factor @ factor.conj().T


def block_diagonal(blocks: list[np.ndarray]) -> np.ndarray:
    from scipy.linalg import block_diag

    return np.asarray(block_diag(*blocks))


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
    assert distance(design.covariances[0], covariance(expected)) < TOLERANCE
    assert design.trace[0] == pytest.approx(
        mismatch(shares, [expected], [[root] for root in roots]) / power_w, rel=1e-6
    )
    other = method_named("fdb-wbf:root=cholesky").solve(problem)
    assert distance(other.covariances[0], covariance(expected)) > 1e-3, "the root of the guides must matter"


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
    assert distance(method_named("fdb-wcm").solve(problem).covariances[0], relaxed) < 1e-5


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
    assert distance(design.covariances[0], covariance(expected)) < TOLERANCE
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
    assert distance(design.covariances[0], expected) < TOLERANCE
    blend = blend_of(shares, guides)
    assert distance(design.covariances[0], blend) < 1e-12
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
    assert distance(design.covariances[0], expected) < TOLERANCE
    blend = blend_of(shares, guides)
    assert distance(design.covariances[0], blend) < 1e-10
    amplitudes = method_named("cpa-wbf").solve(problem)
    assert distance(amplitudes.covariances[0], expected) > 1e-3


# --- guides of the user -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("powers", [(0.2, 0.5), (3.0, 0.1), (1.0, 1.0)])
def test_given_guides_of_any_power_are_projected(powers):
    problem = given_guides(problem_of("fdb-wcm", 1, 8), 9, powers)
    (found,) = method_named("fdb-wcm").solve(problem).covariances
    shares, guides = guides_in(problem)
    expected = conic_covariance_mismatch(basis_of(problem), guides, shares, power_of(problem))
    assert distance(found, expected) < TOLERANCE
    blend = blend_of(shares, guides)
    assert distance(blend * power_of(problem) / np.trace(blend).real, expected) > 1e-2, "scaling is no projection"


@pytest.mark.parametrize("powers", [(0.2, 0.5), (3.0, 0.1), (1.0, 1.0)])
def test_given_guides_outside_a_codebook_are_projected(powers):
    problem = given_guides(problem_of("cpa-wcm", 2, 8), 9, powers)
    (found,) = method_named("cpa-wcm").solve(problem).covariances
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
    at_power = replace(balanced, guides=(problem.guides[0] / 4.0, problem.guides[1]))
    first, second = method.solve(problem), method.solve(at_power)
    assert distance(first.covariances, second.covariances) < 1e-9
    assert distance(method.solve(replace(problem, guides=at_power.guides)).covariances, first.covariances) > 1e-3


@pytest.mark.parametrize("key", KEYS)
def test_guides_must_be_covariances(key):
    problem = given_guides(problem_of(key, 1, 8), 9, (1.0, 1.0))
    for wrong in (-problem.guides[0], 1j * problem.guides[0], np.full_like(problem.guides[0], np.nan)):
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


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*KEYS, *(f"fdb-wbf:root={root}" for root in BeamformerMismatch.ROOTS[1:])])
def test_at_the_ends_the_guides_are_the_designs(name, rng):
    method = method_named(name)
    scenario = random_scenario(rng, n_targets=2, n_antennas=10, subcarriers=32)
    ends = design_problems(scenario, [0.0, 1.0], method=method)
    for problem, design in zip(ends, method.solve_many(ends), strict=True):
        assert isinstance(design, Design)
        ((share,), (guide,)) = guides_in(problem)
        assert share == 1.0
        assert distance(design.covariances[0], guide) < 1e-8
        assert design.trace[0] < 1e-12
        assert design.status.key == "optimal"
    (between,) = design_problems(scenario, [0.5], method=method)
    assert method.solve(between).trace[0] > 1e-3


@pytest.mark.parametrize("root", BeamformerMismatch.ROOTS)
def test_only_the_random_root_depends_on_the_seed(root):
    problem, method = problem_of("fdb-wbf", 2, 3), BeamformerMismatch(root=root)
    first, second = (method.solve(problem, seed=np.random.SeedSequence(seed)).covariances for seed in (1, 2))
    assert (distance(first, second) > 1e-3) == (root == "random")
    assert np.array_equal(first, method.solve(problem, seed=np.random.SeedSequence(1)).covariances)


@pytest.mark.parametrize("root", BeamformerMismatch.ROOTS[1:])
@pytest.mark.slow
def test_every_root_conforms(root):
    assert_method_conforms(BeamformerMismatch(root=root))


def test_the_default_is_the_hermitian_root():
    assert BeamformerMismatch() == BeamformerMismatch(root="hermitian")
    assert BeamformerMismatch().name == "fdb-wbf"
    assert BeamformerMismatch(root="procrustes").name == "fdb-wbf:root=procrustes"


def test_an_unknown_root_is_refused():
    with pytest.raises(InvalidInput, match=r"must be one of hermitian, cholesky, procrustes, random, found `eigen`"):
        method_named("fdb-wbf:root=eigen")


def test_a_common_unitary_from_the_right_changes_nothing(rng):
    factors = [rng.standard_normal((6, 4)) + 1j * rng.standard_normal((6, 4)) for _ in range(2)]
    common, other = random_unitary(rng, 4), random_unitary(rng, 4)

    def compromise(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return covariance(nearest_factors([0.3, 0.7], [[first], [second]], 2.0)[0])

    plain = compromise(*factors)
    assert distance(compromise(factors[0] @ common, factors[1] @ common), plain) < 1e-12
    assert distance(compromise(factors[0] @ common, factors[1] @ other), plain) > 1e-2
    turned = compromise(factors[0], aligned(factors[1], factors[0]))
    assert distance(compromise(factors[0], aligned(factors[1] @ other, factors[0])), turned) < 1e-12
    assert distance(compromise(factors[0] @ common, aligned(factors[1], factors[0] @ common)), turned) < 1e-12


def test_alignment_brings_factors_nearest(rng):
    first, second = (rng.standard_normal((6, 4)) + 1j * rng.standard_normal((6, 4)) for _ in range(2))
    turned = aligned(second, first)
    assert distance(covariance(turned), covariance(second)) < 1e-12
    nearest = np.linalg.norm(turned - first)
    assert all(np.linalg.norm(second @ random_unitary(rng, 4) - first) > nearest for _ in range(200))
    overlap = first.conj().T @ turned
    assert distance(overlap, overlap.conj().T) < 1e-12
    assert np.linalg.eigvalsh(overlap)[0] > 0.0


def test_roots_are_roots(rng):
    for rank in (1, 3, 5):
        (matrix,) = random_covariance(rng, 5, rank=rank, power_w=1e-8)
        for root in (hermitian_root(matrix), triangular_root(matrix)):
            assert distance(covariance(root), matrix) < 1e-12
        assert distance(hermitian_root(matrix).conj().T, hermitian_root(matrix)) < 1e-12
        assert np.abs(np.triu(triangular_root(matrix), 1)).max() == 0.0
    assert distance(triangular_root(matrix), np.linalg.cholesky(matrix)) < 1e-10


def test_the_triangular_root_is_that_of_the_paper_s_variables():
    """`Q chol(Q^H V Q) = U chol(Lambda)` for `V = U Lambda U^H`, without computing Lambda."""
    problem = problem_of("fdb-wbf", 1, 3)
    rng = np.random.default_rng(0)
    parts = [part for criterion in problem.criteria for part in criterion.map.contributions]
    columns = np.concatenate([part.transmit for part in parts], axis=1).T
    vectors = np.stack(list({column.tobytes(): column for column in np.ascontiguousarray(columns)}.values()), axis=1)
    (inner,) = random_covariance(rng, vectors.shape[1])
    basis = basis_of(problem)
    expected = vectors @ np.linalg.cholesky(inner)
    matrix = basis.conj().T @ covariance(expected) @ basis
    assert distance(basis @ triangular_root(matrix), expected) < 1e-9
    reverse = basis[:, ::-1]
    matrix = reverse.conj().T @ covariance(expected) @ reverse
    assert distance(reverse @ triangular_root(matrix), expected) > 1e-2, "the order of the basis must matter"


def test_random_unitaries_are_unitary_and_uniform():
    rng = np.random.default_rng(1)
    draws = np.stack([random_unitary(rng, 3) for _ in range(4000)])
    assert np.abs(draws @ draws.conj().swapaxes(1, 2) - np.eye(3)).max() < 1e-12
    assert np.abs(draws.mean(axis=0)).max() < 0.05
    np.testing.assert_allclose((np.abs(draws) ** 2).mean(axis=0), np.full((3, 3), 1.0 / 3.0), atol=0.03)
    traces = np.abs(np.trace(draws, axis1=1, axis2=2)) ** 2
    assert traces.mean() == pytest.approx(1.0, abs=0.1)
    biased = np.stack([np.linalg.qr(matrix)[0] for matrix in rng.standard_normal((4000, 3, 3))])
    assert np.abs(biased.mean(axis=0)).max() > 0.05, "plain QR factors are not uniform"


def test_the_nearest_point_of_a_simplex_is_nearest(rng):
    for _ in range(20):
        values = rng.standard_normal(6)
        nearest = nearest_on_simplex(values, 1.5)
        assert nearest.min() >= 0.0
        assert nearest.sum() == pytest.approx(1.5)
        others = 1.5 * rng.dirichlet(np.full(6, 0.5), size=50)
        slopes = (nearest - values) @ (others - nearest).T
        assert slopes.min() >= -1e-12, "a move towards another point must not come nearer"
    clipped_and_scaled = np.array([2.0, 0.6, 0.1]) * 1.5 / 2.7
    np.testing.assert_allclose(nearest_on_simplex(np.array([2.0, 0.6, 0.1]), 1.5), [1.45, 0.05, 0.0], atol=1e-12)
    assert clipped_and_scaled[2] > 0.05


def test_the_basis_is_orthonormal_and_spans_the_transmit_vectors():
    problem = problem_of("fdb-wbf", 2, 3)
    basis = basis_of(problem)
    assert basis.shape == (12, 6)
    assert np.abs(basis.conj().T @ basis - np.eye(6)).max() < 1e-12
    for criterion in problem.criteria:
        for part in criterion.map.contributions:
            assert distance(basis @ (basis.conj().T @ part.transmit), part.transmit) < 1e-10


def test_dependent_transmit_vectors_span_less():
    """The same map twice, the second time with vectors that are multiples and sums of those of the first."""
    problem = problem_of("fdb-wbf", 1, 3)
    first, second = problem.criteria
    (part,) = first.map.contributions
    mixed = replace(part, transmit=part.transmit + np.roll(part.transmit, 1, axis=1))
    twice = replace(second, map=replace(first.map, contributions=(mixed,)), weights={"user_position": 1.0})
    basis = basis_of(replace(problem, criteria=(first, twice)))
    assert basis.shape == basis_of(problem).shape == (10, 4)
    assert distance(basis @ basis.conj().T, covariance(basis_of(problem))) < 1e-9


# --- several blocks ---------------------------------------------------------------------------------------------------


def two_blocks(*, separate: bool, codebooks: bool) -> DesignProblem:
    rng = np.random.default_rng(10)
    problem = two_stage_problem(random_scenario(rng, n_targets=1, n_antennas=8, subcarriers=16), weight=0.4)
    power_w = power_of(problem)
    if separate:
        budgets = (PowerBudget(("first",), power_w), PowerBudget(("second",), 0.5 * power_w))
        problem = replace(problem, constraints=budgets)
    if not codebooks:
        return problem
    words = rng.standard_normal((2, 8, 5)) + 1j * rng.standard_normal((2, 8, 5))
    return problem.with_constraints(Codebook("first", words[0]), Codebook("second", words[1]))


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("key", KEYS)
def test_every_budget_of_two_blocks_is_used_fully(key, separate):
    problem = given_guides(two_blocks(separate=separate, codebooks=key.startswith("cpa")), 11, (0.3, 2.0))
    design = method_named(key).solve(problem)
    powers_w = dict(zip(problem.blocks, np.trace(design.covariances, axis1=1, axis2=2).real, strict=True))
    for budget in problem.budgets:
        used_w = sum(powers_w[block] for block in budget.blocks)
        assert used_w == pytest.approx(budget.power_per_subcarrier_w, rel=1e-9)
    assert min(powers_w.values()) > 0.0


@pytest.mark.parametrize("codebooks", [False, True])
def test_covariances_of_blocks_that_share_a_budget_equal_one_conic_program(codebooks):
    problem = given_guides(two_blocks(separate=False, codebooks=codebooks), 11, (0.3, 2.0))
    shares = [criterion.weight for criterion in problem.criteria]
    guides = [block_diagonal(list(guide)) for guide in problem.guides]
    design = method_named("cpa-wcm" if codebooks else "fdb-wcm").solve(problem)
    if codebooks:
        words = block_diagonal([problem.codebooks[block].unit_codewords for block in problem.blocks])
        expected = (words * conic_power_mismatch(words, guides, shares, power_of(problem))) @ words.conj().T
    else:
        bases = block_diagonal([transmit_basis(problem, block) for block in problem.blocks])
        expected = conic_covariance_mismatch(bases, guides, shares, power_of(problem))
    assert distance(block_diagonal(list(design.covariances)), expected) < TOLERANCE
    halves = replace(
        problem,
        constraints=tuple(part for part in problem.constraints if not isinstance(part, PowerBudget))
        + tuple(PowerBudget((block,), 0.5 * power_of(problem)) for block in problem.blocks),
    )
    apart = method_named(design.method).solve(halves)
    assert distance(block_diagonal(list(apart.covariances)), expected) > 1e-2, "the blocks must share the power freely"


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
