"""Laws of mismatch schemes: ends, square roots, alignment, projections, bases."""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracles.mismatch_problems import KEYS, basis_of, covariance, covariance_in, distance, guides_in, problem_of

from crbeam.design import Design
from crbeam.design.methods import BeamformerMismatch, method_named
from crbeam.design.mismatch import (
    aligned,
    hermitian_root,
    nearest_factors,
    nearest_on_simplex,
    random_unitary,
    triangular_root,
)
from crbeam.errors import InvalidInput
from crbeam.systems import design_problems
from crbeam.testing import assert_method_conforms, random_covariance, random_scenario


@pytest.mark.parametrize("name", [*KEYS, *(f"fdb-wbf:root={root}" for root in BeamformerMismatch.ROOTS[1:])])
def test_at_the_ends_the_guides_are_the_designs(name, rng):
    method = method_named(name)
    scenario = random_scenario(rng, n_targets=2, n_antennas=10, subcarriers=32)
    ends = design_problems(scenario, [0.0, 1.0], method=method)
    for problem, design in zip(ends, method.solve_many(ends), strict=True):
        assert isinstance(design, Design)
        ((share,), (guide,)) = guides_in(problem)
        assert share == 1.0
        assert distance(covariance_in(design), guide) < 1e-8
        assert design.trace[0] < 1e-12
        assert design.status.key == "optimal"
    (between,) = design_problems(scenario, [0.5], method=method)
    assert method.solve(between).trace[0] > 1e-3


@pytest.mark.parametrize("root", BeamformerMismatch.ROOTS)
def test_only_the_random_root_depends_on_the_seed(root):
    problem, method = problem_of("fdb-wbf", 2, 3), BeamformerMismatch(root=root)
    first, second, again = (
        covariance_in(method.solve(problem, seed=np.random.SeedSequence(seed))) for seed in (1, 2, 1)
    )
    assert (distance(first, second) > 1e-3) == (root == "random")
    assert np.array_equal(first, again)


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
        matrix = random_covariance(rng, 5, rank=rank, power_w=1e-8)
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
    inner = random_covariance(rng, vectors.shape[1])
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
