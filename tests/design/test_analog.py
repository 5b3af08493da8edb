"""Beams of constant modulus: codewords, covariance mismatch and the weighted bound itself."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.design import ConstantModulus, PowerBudget, weighted_bound
from crbeam.design.analog.bound import AnalogBound
from crbeam.design.analog.mismatch import (
    AnalogBeams,
    MismatchSettings,
    analog_codewords,
    analog_mismatch,
    covariance_mismatch,
    mismatch_starts,
    pattern_errors,
    phase_slopes,
    phase_step,
    power_step,
    relative_mismatch,
    target_of,
)
from crbeam.design.analog.smooth_descent import descend, polish
from crbeam.design.constraints import has_constant_modulus
from crbeam.design.engine.reduction import reduce_problem
from crbeam.design.guides import guides_of
from crbeam.design.methods import AnalogCodebookMismatch, AnalogMismatch, AnalogWeightedBound
from crbeam.errors import InvalidInput
from crbeam.evaluation.improvement import improvement
from crbeam.information import Transmission
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem
from crbeam.systems.zhang2025 import Zhang2025
from crbeam.testing import assert_decreasing, random_scenario, two_stage_problem

STATIONARY = 1e-5


def small_problem(rng, *, weight=0.4, n_targets=1, n_antennas=6, slots=4):
    scenario = random_scenario(rng, n_targets=n_targets, n_antennas=n_antennas, subcarriers=16)
    return replace(design_problem(scenario, weight=weight, method=AnalogMismatch()), n_slots=slots)


def mismatch_case(rng, **kwargs):
    problem = small_problem(rng, **kwargs)
    (guides,) = guides_of([problem])
    target = target_of(problem, guides)
    starts = mismatch_starts(target, problem.n_slots, 4, rng)
    return problem, guides, target, starts


def random_powers(beams, rng):
    shares = rng.dirichlet(np.ones(beams.shares.shape[1]), len(beams.shares))
    return replace(beams, shares=shares * beams.shares.sum(axis=1, keepdims=True))


def difference(function, step=1e-6):
    return (function(step) - function(-step)) / (2.0 * step)


# ---- codewords --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def words_and_sweep():
    scenario = read_scenario("zhang2025")
    system = Zhang2025(scenario)
    return system.codebook().codewords, system.pattern_sweep(), system.analog_codebook().codewords


def test_codewords_imitate_derivatives_better_than_their_phases_alone(words_and_sweep):
    words, sweep, beams = words_and_sweep
    naive = np.exp(1j * np.angle(words))
    errors, naive_errors = pattern_errors(beams, words, sweep), pattern_errors(naive, words, sweep)
    assert has_constant_modulus(beams)
    assert np.all(errors <= naive_errors + 1e-12)
    assert errors[4:] == pytest.approx(0.5, abs=0.03)  # what constant modulus can do for 16 antennas
    assert np.all(naive_errors[4:] > errors[4:] + 0.01)


def test_codewords_of_constant_modulus_are_only_scaled(words_and_sweep):
    words, sweep, beams = words_and_sweep
    assert np.linalg.norm(beams, axis=0) == pytest.approx(1.0)
    np.testing.assert_allclose(beams[:, :4], words[:, :4] / 4.0, rtol=0.0, atol=1e-15)
    assert pattern_errors(beams, words, sweep)[:4] == pytest.approx(0.0, abs=1e-7)


def test_the_pattern_error_is_that_of_the_best_amplitude(words_and_sweep):
    words, sweep, beams = words_and_sweep
    pattern = sweep.conj().T @ words[:, 5]
    tried = [np.linalg.norm(a * (sweep.conj().T @ beams[:, 5]) - pattern) for a in np.linspace(0.0, 60.0, 1201)]
    error = pattern_errors(beams, words, sweep)[5]
    assert error == pytest.approx(min(tried) / np.linalg.norm(pattern), rel=1e-3)
    assert pattern_errors(-beams, words, sweep)[5] == pytest.approx(1.0)  # the amplitude is not negative


def test_more_starts_are_never_worse_and_no_random_phases_are_better(words_and_sweep, rng):
    words, sweep, beams = words_and_sweep
    one = analog_codewords(words[:, 4:], sweep, starts=1)
    few = pattern_errors(beams[:, 4:], words[:, 4:], sweep)
    assert np.all(few <= pattern_errors(one, words[:, 4:], sweep) + 1e-9)
    for _ in range(200):
        shaken = beams[:, 4:] * np.exp(1j * rng.normal(scale=0.05, size=(16, 1)))
        assert np.all(pattern_errors(shaken, words[:, 4:], sweep) >= few - 1e-9)


def test_a_beam_of_no_power_has_no_imitation(words_and_sweep):
    with pytest.raises(InvalidInput, match="not zero"):
        analog_codewords(np.zeros((16, 1), dtype=complex), words_and_sweep[1])


# ---- covariance mismatch ----------------------------------------------------------------------------------------


def printed_objective(powers, phases, blend, *, sign=-1.0):
    """f(rho, Phi) of zhang2025, written out; the right sign of its last term is -1."""
    n_tx, n_beams = phases.shape
    total = 0.0
    for i in range(n_beams):
        for k in range(n_beams):
            for n in range(n_tx):
                for q in range(n_tx):
                    angle = phases[n, k] - phases[n, i] + phases[q, i] - phases[q, k]
                    total += powers[i] * powers[k] * np.cos(angle)
        for n in range(n_tx):
            for q in range(n_tx):
                turn = phases[q, i] - phases[n, i]
                part = blend[n, q].real * np.cos(turn) + sign * blend[n, q].imag * np.sin(turn)
                total -= 2.0 * n_tx * powers[i] * part
    return total


def test_the_mismatch_is_the_printed_objective_up_to_scale_and_constant(rng):
    problem, guides, target, starts = mismatch_case(rng)
    beams = random_powers(starts[1], rng)
    value = relative_mismatch(target, beams)
    args = beams.shares[0], beams.phases_rad[0], target.blend[0]
    n_tx = len(args[1])
    assert printed_objective(*args) / n_tx**2 / target.size + 1.0 == pytest.approx(value, rel=1e-10)
    assert printed_objective(*args, sign=1.0) / n_tx**2 / target.size + 1.0 != pytest.approx(value, rel=1e-3)
    (block,) = problem.blocks
    (factor,) = beams.factors * np.sqrt(target.power_w)
    covariance = factor @ factor.conj().T
    distances = [guide.share * np.linalg.norm(covariance - guide.covariances[block]) ** 2 for guide in guides]
    silence = [guide.share * np.linalg.norm(guide.covariances[block]) ** 2 for guide in guides]
    assert sum(distances) / sum(silence) == pytest.approx(value, rel=1e-9)
    assert covariance_mismatch(target, {block: covariance}) == pytest.approx(value, rel=1e-9)


def test_phase_slopes_of_the_mismatch_are_its_derivative(rng):
    _, _, target, starts = mismatch_case(rng)
    beams = random_powers(starts[2], rng)
    slopes, move = phase_slopes(target, beams), rng.standard_normal(beams.phases_rad.shape)
    expected = difference(
        lambda step: relative_mismatch(target, replace(beams, phases_rad=beams.phases_rad + step * move))
    )
    assert np.sum(slopes * move) == pytest.approx(expected, rel=1e-6)
    assert np.sum(-slopes * move) != pytest.approx(expected, rel=1e-2)


def test_neither_step_raises_the_mismatch_and_powers_use_the_budget(rng):
    _, _, target, starts = mismatch_case(rng)
    for start in starts:
        beams = random_powers(start, rng)
        for _ in range(3):
            before = relative_mismatch(target, beams)
            powered = power_step(target, beams)
            between = relative_mismatch(target, powered)
            beams = phase_step(target, powered, 30)
            assert between <= before
            assert relative_mismatch(target, beams) <= between
            assert beams.shares.sum() == pytest.approx(target.levels[0])
        assert np.all(beams.shares >= 0.0)


def test_no_powers_are_better_than_those_of_the_power_step(rng):
    _, _, target, starts = mismatch_case(rng)
    best = power_step(target, starts[0])
    value = relative_mismatch(target, best)
    others = [relative_mismatch(target, random_powers(starts[0], rng)) for _ in range(50)]
    shaken = [replace(best, shares=0.9 * best.shares + 0.1 * random_powers(best, rng).shares) for _ in range(50)]
    assert min(others + [relative_mismatch(target, beams) for beams in shaken]) >= value - 1e-12


def test_traces_start_at_the_start_and_never_rise(rng):
    problem, guides, target, _ = mismatch_case(rng)
    seed = np.random.SeedSequence(4)
    result = analog_mismatch(problem, guides, seed=seed, settings=MismatchSettings(starts=3))
    starts = mismatch_starts(target, problem.n_slots, 3, np.random.default_rng(seed))
    assert [trace[0] for trace in result.traces] == pytest.approx([relative_mismatch(target, s) for s in starts])
    for trace, beams in zip(result.traces, result.candidates, strict=True):
        assert_decreasing(trace)
        assert trace[-1] == pytest.approx(relative_mismatch(target, beams))
    assert result.trace[-1] == min(trace[-1] for trace in result.traces)
    assert result.trace[-1] >= target.spread / target.size
    idle = analog_mismatch(problem, guides, seed=seed, settings=MismatchSettings(starts=3, max_iterations=0))
    assert len(idle.trace) == 1
    assert idle.trace[0] > 1.1 * result.trace[-1]


def test_powers_of_codewords_are_the_best_ones(rng):
    problem = replace(small_problem(rng, n_targets=2, n_antennas=8), n_slots=None)
    design = AnalogCodebookMismatch().solve(problem)
    (guides,) = guides_of([problem])
    target = target_of(problem, guides)
    value = covariance_mismatch(target, design.covariances)
    assert design.trace == pytest.approx((value,))
    (block,) = problem.blocks
    words = problem.analog_blocks[block].codewords
    for _ in range(100):
        powers = rng.dirichlet(np.full(words.shape[1], 0.3)) * target.power_w
        other = Transmission({block: (words * powers) @ words.conj().T})
        assert covariance_mismatch(target, other) >= value
        mixed = 0.95 * design.covariances + 0.05 * other
        assert covariance_mismatch(target, mixed) >= value * (1.0 - 1e-9)


def test_codewords_fit_into_the_slots(rng):
    problem = small_problem(rng, n_targets=2, n_antennas=8, slots=5)
    design = AnalogCodebookMismatch().solve(problem)
    (sent,) = design.beamformers.values()
    assert sent.matrix.shape[1] <= 5
    assert design.power_w == pytest.approx(problem.budgets[0].power_per_subcarrier_w)


# ---- the weighted bound itself ----------------------------------------------------------------------------------


def relative_phase_gradient(problem, design):
    """Norm of the derivative of the weighted bound with respect to all phases, over the bound, without the engine."""
    slopes = dict(Transmission.silent(problem.antennas))
    for criterion in problem.active_criteria:
        information = criterion.map.at(design.covariances)
        response = information.inverse_response(criterion.selection)
        for block, slope in criterion.map.adjoint(response @ response.T).items():
            slopes[block] = slopes[block] + slope
    parts = [
        -2.0 * np.imag((slopes[block] @ beams.matrix) * beams.matrix.conj())
        for block, beams in design.beamformers.items()
    ]
    return np.concatenate([part.ravel() for part in parts]) / design.objective


def assert_stationary(problem, design):
    size = float(np.linalg.norm(relative_phase_gradient(problem, design)))
    assert size <= STATIONARY, f"the phase gradient is {size:.3g} of the objective"


def test_the_checked_phase_gradient_is_the_derivative_of_the_weighted_bound(rng):
    problem = small_problem(rng)
    design = AnalogMismatch(starts=2, max_iterations=1).solve(problem)
    (block,) = problem.blocks
    beams = design.beamformers[block].matrix
    move = rng.standard_normal(beams.shape)

    def value(step):
        moved = beams * np.exp(1j * step * move)
        return weighted_bound(problem, {block: moved @ moved.conj().T}) / design.objective

    slope = float(relative_phase_gradient(problem, design) @ move.ravel())
    assert slope == pytest.approx(difference(value), rel=1e-5)
    with pytest.raises(AssertionError, match="phase gradient"):
        assert_stationary(problem, design)


def problem_with_two_blocks(rng, *, shared):
    scenario = random_scenario(rng, n_targets=1, n_antennas=6, subcarriers=16)
    problem = two_stage_problem(scenario)
    power_w = sum(budget.power_per_subcarrier_w for budget in problem.budgets)
    budgets = (
        (PowerBudget(problem.blocks, power_w),)
        if shared
        else tuple(PowerBudget((b,), power_w * (1 + k)) for k, b in enumerate(problem.blocks))
    )
    words = Zhang2025(scenario).analog_codebook().codewords
    limits = (ConstantModulus(problem.blocks[0], words), ConstantModulus(problem.blocks[1], words[:, :3]))
    return replace(problem, constraints=(*budgets, *limits), n_slots=5)


@pytest.mark.parametrize("shared", [True, False])
def test_slopes_of_the_bound_are_its_derivative_in_phases_and_powers(rng, shared):
    problem = problem_with_two_blocks(rng, shared=shared)
    bound = AnalogBound(reduce_problem(problem))
    beams = AnalogBeams(rng.uniform(-3.0, 3.0, (2, 6, 5)), rng.uniform(0.1, 1.0, (2, 5)), (6, 6))
    point = bound.point(beams)
    evaluation = bound.evaluate(point)
    budget_w = {name: budget.power_per_subcarrier_w for budget in problem.budgets for name in budget.blocks}

    def log_bound(phases_rad, roots):
        """The log of the problem's own objective, independent of the reduction."""
        squares = roots**2
        totals = squares.sum() if shared else squares.sum(axis=1, keepdims=True)
        powers_w = squares / totals * np.array([budget_w[name] for name in problem.blocks])[:, None]
        factors = AnalogBeams(phases_rad, powers_w, (6, 6)).factors
        return np.log(weighted_bound(problem, Transmission.of_factors(problem.blocks, list(factors))))

    assert evaluation.log_value + np.log(bound.reduced.scale) == pytest.approx(
        log_bound(point.phases_rad, point.roots), abs=1e-7
    )
    move, shift = rng.standard_normal(point.phases_rad.shape), rng.standard_normal(point.roots.shape)
    in_phase = difference(lambda step: log_bound(point.phases_rad + step * move, point.roots), 1e-5)
    in_root = difference(lambda step: log_bound(point.phases_rad, point.roots + step * shift), 1e-5)
    assert np.sum(evaluation.phase_slopes * move) == pytest.approx(in_phase, rel=1e-4, abs=1e-6)
    assert np.sum(evaluation.root_slopes * shift) == pytest.approx(in_root, rel=1e-4, abs=1e-6)
    assert evaluation.phase_gradient == pytest.approx(np.linalg.norm(evaluation.phase_slopes))


def test_the_descent_finds_the_minimum_of_a_valley_and_newton_its_last_digits():
    def valley(x):
        value = (1.0 - x[0]) ** 2 + 100.0 * (x[1] - x[0] ** 2) ** 2
        slope = [-2.0 * (1.0 - x[0]) - 400.0 * x[0] * (x[1] - x[0] ** 2), 200.0 * (x[1] - x[0] ** 2)]
        return value, np.array(slope)

    rough = descend(valley, np.array([-1.2, 1.0]), max_iterations=25, tolerance=1e-9)
    fine = polish(valley, rough.point, max_iterations=20, tolerance=1e-9)
    assert_decreasing(rough.trace + fine.trace)
    assert fine.point == pytest.approx([1.0, 1.0], abs=1e-9)
    assert descend(valley, np.array([-1.2, 1.0]), max_iterations=0, tolerance=1e-9).trace == (valley([-1.2, 1.0])[0],)


def test_the_weighted_bound_is_stationary_and_never_worse(rng):
    problem = small_problem(rng, slots=5)
    seed = np.random.SeedSequence(8)
    design = AnalogWeightedBound(starts=2).solve(problem, seed=seed)
    others = [method.solve(problem, seed=seed) for method in (AnalogMismatch(), AnalogCodebookMismatch())]
    assert design.objective <= min(other.objective for other in others) * (1.0 + 1e-9)
    assert_stationary(problem, design)
    assert_decreasing(design.trace)
    assert design.trace[-1] == pytest.approx(design.objective, rel=1e-7)
    assert design.details["phase_gradient"] <= STATIONARY
    for each in (design, *others):
        (sent,) = each.beamformers.values()
        assert has_constant_modulus(sent.matrix)
        assert sent.matrix.shape[1] <= 5
        assert each.lower_bound <= design.objective
        assert each.power_w == pytest.approx(problem.budgets[0].power_per_subcarrier_w)


@pytest.mark.parametrize("shared", [True, False])
def test_two_blocks_keep_their_budgets(rng, shared):
    problem = problem_with_two_blocks(rng, shared=shared)
    fast = AnalogWeightedBound(starts=1, max_iterations=100)
    for method in (AnalogMismatch(starts=2), AnalogCodebookMismatch(), fast):
        design = method.solve(problem)
        for budget in problem.budgets:
            used_w = design.covariances.only(budget.blocks).power_w
            assert used_w == pytest.approx(budget.power_per_subcarrier_w)
        assert_decreasing(design.trace)


def test_analog_methods_say_what_they_need(rng):
    problem = problem_with_two_blocks(rng, shared=True)
    bare = replace(problem, constraints=(*problem.budgets, *(ConstantModulus(name) for name in problem.blocks)))
    assert "codewords" in AnalogCodebookMismatch().why_not(bare)
    assert AnalogMismatch().why_not(bare) is None
    half = replace(problem, constraints=problem.constraints[:2])
    for method in (AnalogMismatch(), AnalogCodebookMismatch(), AnalogWeightedBound()):
        assert problem.blocks[1] in method.why_not(half)


@pytest.mark.slow
def test_on_twenty_random_scenes_the_weighted_bound_is_stationary_and_never_worse():
    rng = np.random.default_rng(20)
    scenarios = [random_scenario(rng) for _ in range(20)]
    problems = [
        design_problem(scenario, weight=float(rng.uniform()), method=AnalogWeightedBound()) for scenario in scenarios
    ]
    seeds = [np.random.SeedSequence([20, index]) for index in range(20)]
    others = AnalogMismatch(), AnalogCodebookMismatch()
    result = improvement(problems, AnalogWeightedBound(), others, seeds=seeds)
    assert result.decreases.min() >= -1e-9
    assert result.interval[0] > 0.05, str(result)
    idle = AnalogWeightedBound(max_iterations=0).solve_many(problems, seeds=seeds)
    for problem, design, still in zip(problems, result.designs, idle, strict=True):
        assert_stationary(problem, design)
        with pytest.raises(AssertionError, match="phase gradient"):
            assert_stationary(problem, still)
