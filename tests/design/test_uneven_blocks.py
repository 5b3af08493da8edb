"""Designs over blocks with different numbers of antennas: what is refused, certificates, methods."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from tests.design.uneven_problems import (
    POWERS_W,
    SIZES,
    random_uneven,
    random_words,
    restricted,
    with_phases,
    with_words,
)

from crbeam.design import (
    Certificate,
    Codebook,
    ConstantModulus,
    Design,
    Hinge,
    Proposal,
    Stream,
    TiedBlocks,
    certify,
)
from crbeam.design.analog.bound import AnalogBound
from crbeam.design.analog.mismatch import AnalogBeams
from crbeam.design.engine.reduction import reduce_problem
from crbeam.design.grading import grade
from crbeam.design.methods import METHODS, method_named
from crbeam.errors import InvalidInput
from crbeam.information import Transmission
from crbeam.testing import (
    assert_certificate,
    assert_method_conforms,
    assert_sound,
    objective_of,
    optimal_transmissions,
    random_feasible,
    random_transmission,
)
from crbeam.testing.strategies import generators


def test_problems_refuse_what_does_not_fit_the_arrays_of_their_blocks(rng):
    problem = random_uneven(rng)
    assert problem.antennas == SIZES
    assert problem.isotropic().antennas == problem.even().antennas == SIZES
    small, large = np.ones((3, 2), dtype=complex), np.ones((6, 2), dtype=complex)
    assert replace(problem, directions={"a": large, "b": small}).directions["b"] is small
    for constraint in (Codebook("b", large), ConstantModulus("b", large)):
        with pytest.raises(
            InvalidInput, match=r"Codewords of block `b` must have an entry for each .* the block has 3"
        ):
            problem.with_constraints(constraint)
    with pytest.raises(InvalidInput, match=r"Directions of block `a` must have an entry for each .* the block has 6"):
        replace(problem, directions={"a": small})
    with pytest.raises(InvalidInput, match=r"Directions of block `c` .* there is no such block"):
        replace(problem, directions={"c": small})
    with pytest.raises(InvalidInput, match=r"Tied blocks must have the same antennas, but .* have \[3, 6\]"):
        problem.with_constraints(TiedBlocks(("a", "b")))
    turned = random_transmission(rng, {"a": 3, "b": 6})
    with pytest.raises(InvalidInput, match="a guide for each of the 2 criteria, with the antennas of its blocks"):
        replace(problem, guides=(turned, turned))


@pytest.mark.parametrize("prior", [0.0, 0.3])
@pytest.mark.parametrize("is_shared", [True, False])
def test_certificates_hold_over_blocks_of_different_sizes(prior, is_shared, rng):
    problem = random_uneven(rng, is_shared=is_shared, prior=prior)
    tried = [problem.isotropic(), *(random_feasible(problem, rng) for _ in range(4)), *optimal_transmissions([problem])]
    assert_certificate(problem, tried)
    over_words = with_words(problem, random_words(rng, problem, 2))
    tried = [over_words.even(), *(random_feasible(over_words, rng) for _ in range(4))]
    assert_certificate(over_words, [*tried, *optimal_transmissions([over_words])])


def certificate_by_formula(problem, sent, blocks=tuple(SIZES)):
    """`f^2 / (g0 + sum_b P_b lambda_max(G_b))` over blocks with a budget of their own; wrong if one is left out."""
    objective, constant, slopes = 0.0, 0.0, dict(Transmission.silent(problem.antennas))
    for criterion in problem.active_criteria:
        response = criterion.map.at(sent).inverse_response(criterion.selection)
        objective += float(np.sum(criterion.selection * response))
        constant += float(np.sum(response * (criterion.map.constant @ response)))
        for block, slope in criterion.map.adjoint(response @ response.T).items():
            slopes[block] = slopes[block] + slope
    worth = sum(POWERS_W[block] * np.linalg.eigvalsh(slopes[block])[-1] for block in blocks)
    return Certificate(objective, objective**2 / (constant + worth))


@pytest.mark.parametrize("prior", [0.0, 0.3])
def test_a_certificate_is_the_formula_over_every_block(prior, rng):
    problem = random_uneven(rng, is_shared=False, prior=prior)
    tried = [random_feasible(problem, rng), *optimal_transmissions([problem])]
    for sent in tried:
        proof, formula = certify(problem, sent), certificate_by_formula(problem, sent)
        assert (proof.objective, proof.lower_bound) == pytest.approx((formula.objective, formula.lower_bound), rel=1e-8)
    assert_certificate(problem, tried, certificate_by_formula)
    for left in SIZES:
        with pytest.raises(AssertionError, match="claimed lower bound"):
            assert_certificate(problem, tried, partial(certificate_by_formula, blocks=(left,)))


@given(generators())
@settings(max_examples=5)
def test_bounds_prove_the_same_whatever_the_order_of_blocks(rng):
    """Of what is transmitted and of what a problem is made of."""
    problem = random_uneven(rng, prior=0.1)
    sent = random_feasible(problem, rng)
    proof, again = certify(problem, sent), certify(problem, sent.only(["b", "a"]))
    assert again.objective == pytest.approx(proof.objective, rel=1e-12)
    assert again.lower_bound == pytest.approx(proof.lower_bound, rel=1e-12)
    turned = replace(problem, criteria=problem.criteria[::-1])
    assert list(turned.antennas) == ["b", "a"]
    assert certify(turned, sent).lower_bound == pytest.approx(proof.lower_bound, rel=1e-9)
    first, second = (method_named("fdb-wcrb").solve(each) for each in (problem, turned))
    assert abs(first.objective - second.objective) <= (first.gap + second.gap + 1e-9) * first.objective


# --- designs ----------------------------------------------------------------------------------------------------------

#: Methods for two blocks of any kind, with little effort.
KEYS = ("fdb-wcrb", "cpa-wcrb", "conic-wcrb", "fdb-wcm", "fdb-wbf", "cpa-wcm", "cpa-wbf", "uniform", "analog-cpa")
NAMES = (*KEYS, "analog-fdb:starts=2,max_iterations=2", "analog-wcrb:starts=1,max_iterations=15")
FAST = ("fdb-wcrb", "cpa-wcrb", "uniform")
#: Methods of our own engine are judged by the conic solver, all others by the engine.
JUDGED = ("fdb-wcrb", "cpa-wcrb")


@pytest.mark.parametrize("name", [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in NAMES])
def test_methods_conform_over_blocks_of_different_sizes(name, rng):
    """Two problems of one shape, one with the sizes exchanged, one with budgets of their own: also in one batch."""
    method = method_named(name)
    shapes = [
        random_uneven(rng),
        random_uneven(rng),
        random_uneven(rng, sizes={"a": 3, "b": 6}),
        random_uneven(rng, is_shared=False, prior=0.2),
    ]
    problems = [restricted(rng, method, problem) for problem in shapes]
    assert all(method.why_not(problem) is None for problem in problems)
    reference = METHODS["conic-wcrb"]() if method.key in JUDGED else None
    assert_method_conforms(method, problems, reference=reference)


@pytest.mark.parametrize("is_shared", [True, False])
@pytest.mark.parametrize("key", ["fdb-wcrb", "cpa-wcrb"])
def test_the_conic_program_finds_the_same(key, is_shared, rng):
    for prior in (0.0, 0.3):
        problem = restricted(rng, method_named(key), random_uneven(rng, is_shared=is_shared, prior=prior))
        own, conic = (method_named(each).solve(problem) for each in (key, "conic-wcrb"))
        assert own.status.key == "optimal"
        assert own.gap <= 1e-6
        assert abs(own.objective - conic.objective) <= (own.gap + conic.gap + 1e-9) * own.objective
        assert_sound(problem, own, witnesses=[conic.covariances, random_feasible(problem, rng)])
        assert_sound(problem, conic, witnesses=[own.covariances])
        for block, beams in own.beamformers.items():
            assert beams.matrix.shape[0] == SIZES[block]
            np.testing.assert_allclose(beams.covariance, own.covariances[block], atol=1e-8)


def test_the_conic_program_finds_the_same_loss(rng):
    problem = random_uneven(rng)
    reached = objective_of(problem, problem.isotropic())
    weights = {"position": 4.0 / reached, "clock": 1.0 / reached}
    criteria = (replace(problem.criteria[0], weights=weights), replace(problem.criteria[1], weight=0.0))
    strict = replace(problem, criteria=criteria, objective=Hinge())
    own, conic = (method_named(key).solve(strict) for key in ("fdb-wcrb", "conic-wcrb"))
    assert own.gap <= 1e-6
    assert abs(own.objective - conic.objective) <= (own.gap + conic.gap + 1e-9) * conic.objective
    assert_sound(strict, own, witnesses=[conic.covariances, random_feasible(strict, rng)])


def test_analog_beams_fill_their_own_array(rng):
    """Constant modulus over the antennas of each block; the digital optimum stays below."""
    problem = with_phases(rng, random_uneven(rng), slots=3)
    bound = method_named("fdb-wcrb").solve(replace(problem, constraints=problem.budgets)).lower_bound
    for name in NAMES[-3:]:
        design = method_named(name).solve(problem)
        assert isinstance(design, Design)
        assert design.objective >= bound
        assert_sound(problem, design)
        for block, beams in design.beamformers.items():
            assert beams.matrix.shape[0] == SIZES[block]
            assert beams.matrix.shape[1] <= 3
            moduli = np.abs(beams.matrix)
            np.testing.assert_allclose(moduli, np.broadcast_to(moduli[:1], moduli.shape), rtol=1e-9)


def test_slopes_of_the_bound_are_its_derivative_in_phases_and_powers(rng):
    """Against plain inversion at the beams written out; entries beyond the antennas of a block count for nothing."""
    problem = with_phases(rng, random_uneven(rng, prior=0.1))
    bound = AnalogBound(reduce_problem(problem))
    point = bound.point(AnalogBeams(rng.uniform(-3.0, 3.0, (2, 6, 5)), rng.uniform(0.1, 1.0, (2, 5)), (6, 3)))
    evaluation = bound.evaluate(point)

    def log_bound(phases_rad, roots):
        units = [
            np.exp(1j * each[:size]) / np.sqrt(size) for each, size in zip(phases_rad, SIZES.values(), strict=True)
        ]
        beams = [unit * root for unit, root in zip(units, roots, strict=True)]
        sent = sum(POWERS_W.values()) / np.sum(roots**2) * Transmission.of_factors(list(SIZES), beams)
        return np.log(objective_of(problem, sent))

    assert evaluation.log_value + np.log(bound.reduced.scale) == pytest.approx(
        log_bound(point.phases_rad, point.roots), abs=1e-9
    )
    move, shift, step = rng.standard_normal((2, 6, 5)), rng.standard_normal((2, 5)), 1e-5
    around = [log_bound(point.phases_rad + sign * step * move, point.roots) for sign in (1.0, -1.0)]
    assert np.sum(evaluation.phase_slopes * move) == pytest.approx((around[0] - around[1]) / (2.0 * step), rel=1e-5)
    around = [log_bound(point.phases_rad, point.roots + sign * step * shift) for sign in (1.0, -1.0)]
    assert np.sum(evaluation.root_slopes * shift) == pytest.approx((around[0] - around[1]) / (2.0 * step), rel=1e-5)
    assert not np.any(evaluation.phase_slopes[1, 3:])
    assert np.all(evaluation.phase_slopes[1, :3] != 0.0)


@pytest.mark.slow
def test_analog_beams_of_the_bound_are_the_best_of_the_three_and_stationary(rng):
    problem = with_phases(rng, random_uneven(rng))
    seed = np.random.SeedSequence(8)
    best, *others = (
        method_named(name).solve(problem, seed=seed) for name in ("analog-wcrb:starts=2", "analog-fdb", "analog-cpa")
    )
    assert best.objective <= min(other.objective for other in others) * (1.0 + 1e-9)
    assert best.details["phase_gradient"] <= 1e-5


def test_streams_of_a_design_have_the_order_of_its_problem(rng):
    """A method may list its blocks in any order; files label streams by the blocks of the design."""
    streams = (Stream("first", ("a", "b")), Stream("second", ("a", "b")))
    problem = replace(random_uneven(rng), streams=streams)
    sent = problem.isotropic()
    turned = {
        stream.name: Transmission({block: 0.5 * sent[block] for block in reversed(problem.blocks)})
        for stream in streams
    }
    proposal = Proposal(Transmission.sum_of(turned.values()), stream_covariances=turned)
    design = grade(method_named("uniform"), problem, proposal, seconds=0.0)
    assert [tuple(each) for each in design.stream_covariances.values()] == [problem.blocks] * 2
    assert tuple(design.covariances) == problem.blocks
