"""Lower bounds on designs, the reduction to the span of the transmit vectors, baselines."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from crbeam.design import Certificate, Codebook, PowerBudget, certify, weighted_bound
from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.information import Transmission
from crbeam.systems import design_problem
from crbeam.systems.zhang2025 import Zhang2025
from crbeam.testing import (
    assert_certificate,
    assert_decreasing,
    assert_feasible,
    assert_invariant,
    assert_lower_bound,
    link_names,
    objective_of,
    optimal_transmissions,
    random_feasible,
    random_problem,
    random_scenario,
    random_transmission,
    station_name,
    two_stage_problem,
    with_position_prior,
)
from crbeam.testing.strategies import generators


def small_scene(rng, n_targets=2, n_antennas=8):
    return random_scenario(rng, n_targets=n_targets, n_antennas=n_antennas, subcarriers=32)


def steered(problem):
    """Equal power towards each object, a good transmission that any lower bound must stay below."""
    (block,) = problem.blocks
    beams = problem.directions[block] / np.linalg.norm(problem.directions[block], axis=0)
    share = problem.budgets[0].power_per_subcarrier_w / beams.shape[1]
    return 0.9 * share * Transmission.of_factors([block], [beams]) + 0.1 * problem.isotropic()


def transmissions(problem, rng, count=3):
    """Isotropic, random, and nearly optimal ones: only the last expose a bound that is a little too high."""
    isotropic = [] if problem.codebooks else [problem.isotropic()]
    return [*isotropic, *(random_feasible(problem, rng) for _ in range(count)), *optimal_transmissions([problem])]


@given(generators())
@settings(max_examples=6)
def test_certificates_hold_without_a_prior(rng):
    problem = random_problem(rng, scenario=small_scene(rng))
    assert_certificate(problem, [*transmissions(problem, rng), steered(problem)])


@given(generators())
@settings(max_examples=6)
def test_certificates_hold_with_a_prior(rng):
    problem = random_problem(rng, scenario=small_scene(rng))
    with_prior = with_position_prior(problem, strength=float(rng.uniform(0.1, 10.0)))
    assert_certificate(with_prior, [*transmissions(with_prior, rng), steered(problem)])


@pytest.mark.slow
@given(generators())
@settings(max_examples=3)
def test_certificates_hold_with_two_blocks_under_shared_and_separate_budgets(rng):
    shared = two_stage_problem(small_scene(rng))
    assert_certificate(shared, transmissions(shared, rng))
    power_w = shared.budgets[0].power_per_subcarrier_w
    separate = replace(shared, constraints=(PowerBudget(("first",), power_w), PowerBudget(("second",), 0.3 * power_w)))
    assert_certificate(separate, transmissions(separate, rng))
    with_prior = with_position_prior(shared)
    assert_certificate(with_prior, transmissions(with_prior, rng))


@given(generators())
@settings(max_examples=5)
def test_certificates_hold_over_a_codebook(rng):
    scenario = small_scene(rng)
    problem = random_problem(rng, scenario=scenario).with_constraints(Zhang2025(scenario).codebook())
    witnesses = transmissions(problem, rng)
    assert_certificate(problem, witnesses)
    free = replace(problem, constraints=problem.budgets)
    with pytest.raises(AssertionError, match="lower bound"):  # the codebook's bound is no bound for all covariances
        assert_lower_bound(free, certify(problem, witnesses[-1]).lower_bound, optimal_transmissions([free]))


def gradient_of(problem, covariances):
    """Objective, gradient `G = -df/dR` and `g0`, of a problem with one block, by the formulas."""
    objective, constant, gradient = 0.0, 0.0, 0.0
    for criterion in problem.active_criteria:
        information = criterion.map.at(covariances)
        response = information.inverse_response(criterion.selection)
        objective += float(np.sum(criterion.selection * response))
        constant += float(np.sum(response * (criterion.map.constant @ response)))
        (adjoint,) = criterion.map.adjoint(response @ response.T).values()
        gradient = gradient + adjoint
    return objective, gradient, constant


def certificate_without_constant(problem, covariances):
    """Wrong: the bound of a homogeneous objective, `f^2 / (P lambda_max)`, although there is a prior."""
    objective, gradient, _ = gradient_of(problem, covariances)
    power = problem.budgets[0].power_per_subcarrier_w * np.linalg.eigvalsh(gradient)[-1]
    return Certificate(objective, min(objective**2 / power, objective))


def certificate_by_formula(problem, covariances):
    objective, gradient, constant = gradient_of(problem, covariances)
    power = problem.budgets[0].power_per_subcarrier_w * np.linalg.eigvalsh(gradient)[-1]
    return Certificate(objective, objective**2 / (constant + power))


def certificate_by_mean_eigenvalue(problem, covariances):
    """Wrong: the mean eigenvalue of the gradient in place of the largest."""
    objective, gradient, constant = gradient_of(problem, covariances)
    power = problem.budgets[0].power_per_subcarrier_w * np.mean(np.linalg.eigvalsh(gradient))
    return Certificate(objective, objective**2 / (constant + power))


def certificate_of_unconjugated_gradient(problem, covariances):
    """Wrong: the gradient in the span of conj(T)."""
    parts = [
        replace(
            criterion,
            map=replace(
                criterion.map,
                contributions=tuple(replace(p, transmit=p.transmit.conj()) for p in criterion.map.contributions),
            ),
        )
        for criterion in problem.criteria
    ]
    return certify(replace(problem, criteria=tuple(parts)), covariances)


def test_the_form_without_the_constant_is_false_with_a_prior(rng):
    problem = with_position_prior(random_problem(rng, scenario=small_scene(rng)), strength=5.0)
    candidates = [*transmissions(problem, rng), steered(problem)]
    assert_certificate(problem, candidates)
    assert_certificate(problem, candidates, certificate_by_formula)
    with pytest.raises(AssertionError, match="lower bound"):
        assert_certificate(problem, candidates, certificate_without_constant)


def certificate_a_little_too_high(problem, covariances):
    """Wrong: a third of the proven gap is taken for granted."""
    proof = certify(problem, covariances)
    return Certificate(proof.objective, proof.lower_bound + 0.33 * (proof.objective - proof.lower_bound))


def certificate_just_below_the_objective(problem, covariances):
    """Wrong: whatever is transmitted is said to be nearly optimal."""
    proof = certify(problem, covariances)
    return Certificate(proof.objective, 0.999 * proof.objective)


@pytest.mark.parametrize(
    "wrong",
    [
        certificate_by_mean_eigenvalue,
        certificate_of_unconjugated_gradient,
        certificate_a_little_too_high,
        certificate_just_below_the_objective,
    ],
)
def test_wrong_certificates_are_rejected(rng, wrong):
    problem = random_problem(rng, scenario=small_scene(rng))
    with pytest.raises(AssertionError, match=r"lower bound|objective"):
        assert_certificate(problem, [*transmissions(problem, rng), steered(problem)], wrong)


def test_the_certificate_is_the_formula_in_the_full_antenna_space(rng):
    problem = with_position_prior(random_problem(rng, scenario=small_scene(rng, n_antennas=16)))
    covariances = random_feasible(problem, rng)
    proof, formula = certify(problem, covariances), certificate_by_formula(problem, covariances)
    assert proof.objective == pytest.approx(formula.objective, rel=1e-8)
    assert proof.lower_bound == pytest.approx(formula.lower_bound, rel=1e-8)
    assert proof.gap == pytest.approx(1.0 - proof.lower_bound / proof.objective)


def test_euler_the_gradient_times_the_covariance_is_the_objective(rng):
    problem = with_position_prior(random_problem(rng, scenario=small_scene(rng)))
    covariances = random_feasible(problem, rng)
    objective, gradient, constant = gradient_of(problem, covariances)
    (covariance,) = covariances.values()
    inner = float(np.sum(gradient.conj() * covariance).real)
    assert inner + constant == pytest.approx(objective, rel=1e-8)
    assert inner != pytest.approx(objective, rel=1e-3)


def test_the_gradient_is_the_finite_difference_of_the_objective(rng):
    problem = random_problem(rng, scenario=small_scene(rng))
    covariances = random_feasible(problem, rng)
    direction = random_feasible(problem, rng)
    (upwards,) = direction.values()
    _, gradient, _ = gradient_of(problem, covariances)
    step = 1e-4
    rise = weighted_bound(problem, covariances + step * direction)
    fall = weighted_bound(problem, covariances - step * direction)
    slope = (rise - fall) / (2 * step)
    assert slope == pytest.approx(-float(np.sum(gradient.conj() * upwards).real), rel=1e-5)
    assert slope != pytest.approx(-float(np.sum(gradient * upwards).real), rel=1e-2)


def span_projector(columns):
    basis, _ = np.linalg.qr(columns)
    return basis @ basis.conj().T


@given(generators())
@settings(max_examples=8)
def test_only_the_span_of_steering_vectors_and_slopes_matters(rng):
    scenario = small_scene(rng, n_targets=2, n_antennas=16)
    inside = span_projector(Zhang2025(scenario).codebook().codewords)
    station = station_name(scenario)
    sent = random_transmission(rng, {station: 16}, power_w=1e-8)
    projected = Transmission({station: inside @ sent[station] @ inside})
    for information_map in Zhang2025(scenario).link_maps().values():
        assert_invariant(information_map.at(sent).matrix, information_map.at(projected).matrix)
    assert projected.power_w < sent.power_w


def test_the_span_of_the_conjugates_is_rejected(rng):
    scenario = small_scene(rng, n_targets=2, n_antennas=16)
    wrong = span_projector(Zhang2025(scenario).codebook().codewords.conj())
    station = station_name(scenario)
    sent = random_transmission(rng, {station: 16}, power_w=1e-8)
    projected = {station: wrong @ sent[station] @ wrong}
    information_map = Zhang2025(scenario).link_maps()[link_names(scenario)[1]]
    with pytest.raises(AssertionError, match="information differs"):
        assert_invariant(information_map.at(sent).matrix, information_map.at(projected).matrix)


def test_the_objective_is_inverse_to_the_power(rng):
    problem = random_problem(rng, scenario=small_scene(rng))
    isotropic = problem.isotropic()
    assert weighted_bound(problem, 3.0 * isotropic) == pytest.approx(weighted_bound(problem, isotropic) / 3.0)
    prior = with_position_prior(problem)
    assert weighted_bound(prior, 3.0 * isotropic) > 1.01 * weighted_bound(prior, isotropic) / 3.0


def test_a_weight_of_zero_leaves_its_criterion_out(rng):
    scenario = small_scene(rng)
    problem = design_problem(scenario, weight=0.0)
    assert [criterion.name for criterion in problem.active_criteria] == [link_names(scenario)[1]]
    names = ("user_position", "target_position[0]", "target_position[1]")
    alone = Zhang2025(scenario).link_maps()[link_names(scenario)[1]].at(problem.isotropic()).bound(names)
    assert objective_of(problem, problem.isotropic()) == pytest.approx(np.trace(alone))


def test_an_unidentifiable_objective_raises(rng):
    problem = random_problem(rng, scenario=small_scene(rng))
    (block,) = problem.blocks
    beam = problem.directions[block][:, :1]
    share = problem.budgets[0].power_per_subcarrier_w / np.vdot(beam, beam).real
    one_beam = share * Transmission.of_factors([block], [beam])
    with pytest.raises(Unidentifiable):
        weighted_bound(problem, one_beam)
    with pytest.raises(Unidentifiable):
        certify(problem, one_beam)


def test_problems_refuse_contradictions(rng):
    scenario = small_scene(rng)
    problem = design_problem(scenario)
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        design_problem(scenario, weight=1.5)
    with pytest.raises(InvalidInput, match="exactly one power budget"):
        replace(problem, constraints=())
    with pytest.raises(InvalidInput, match="positive power"):
        PowerBudget(problem.blocks, 0.0)
    with pytest.raises(InvalidInput, match="no zero beam"):
        Codebook(problem.blocks[0], np.zeros((8, 2), dtype=complex))


def test_feasibility_rejects(rng):
    problem = random_problem(rng, scenario=small_scene(rng))
    good = random_feasible(problem, rng)
    assert_feasible(problem, good)
    wrong = {
        "Hermitian": Transmission({block: (1.0 + 0.1j) * matrix for block, matrix in good.items()}),
        "eigenvalue": good - 4.0 * problem.isotropic(),
        "budget": 1.001 * good,
    }
    for word, covariances in wrong.items():
        with pytest.raises(AssertionError, match=word):
            assert_feasible(problem, covariances)


def test_descent_rejects_a_rising_trace():
    assert_decreasing([3.0, 2.0, 2.0, 1.0])
    with pytest.raises(AssertionError, match="step 2 raises"):
        assert_decreasing([3.0, 2.0, 2.1])
