"""The numbers inside the engine: values, derivatives, representations, lower bounds and second-order steps."""

from dataclasses import replace

import numpy as np
import pytest
from tests.design.engine_points import isotropic_point

from crbeam.design import Codebook, Criterion, DesignProblem, PowerBudget
from crbeam.design.certificate import certify, weighted_bound
from crbeam.design.engine.face import face_of, newton_on_face, ranks, spectra
from crbeam.design.engine.factor_descent import CurvatureMemory, descend
from crbeam.design.engine.reduced_bound import evaluate, evaluator, joined, lower_bound, variables
from crbeam.design.engine.reduced_information import from_real_image, real_image, symmetric
from crbeam.design.engine.reduction import reduce_problem, reduce_problems
from crbeam.testing import random_map, random_problem, random_scenario, two_stage_problem, with_position_prior

KINDS = ("one block", "prior", "two blocks", "two budgets", "codebook", "mixed")


def problem_of(kind, rng):
    """Small problems that cover every structure the engine knows."""
    if kind in ("one block", "prior"):
        problem = random_problem(rng, scenario=random_scenario(rng, n_targets=2, n_antennas=9))
        return with_position_prior(problem) if kind == "prior" else problem
    if kind == "two blocks":
        return two_stage_problem(random_scenario(rng, n_targets=1, n_antennas=6))
    words = rng.standard_normal((6, 7)) + 1j * rng.standard_normal((6, 7))
    criteria = (
        Criterion(random_map(rng, antennas={"a": 6, "b": 6}, prior=0.1), {"position": 0.7, "clock": 0.2}, "first"),
        Criterion(random_map(rng, antennas={"b": 6}), {"position": 0.3}, "second"),
    )
    budgets = (PowerBudget(("a",), 2.0), PowerBudget(("b",), 0.5))
    codebooks = {"codebook": ("a", "b"), "mixed": ("b",)}.get(kind, ())
    return DesignProblem(criteria, (*budgets, *(Codebook(block, words) for block in codebooks)))


def random_point(shape, rng):
    start = isotropic_point(shape)
    return start + 0.3 * np.linalg.norm(start) / np.sqrt(start.size) * rng.standard_normal(start.size)


def numerical_slope(function, point, direction, step=1e-5):
    return (function(point + step * direction) - function(point - step * direction)) / (2.0 * step)


@pytest.mark.parametrize("kind", KINDS)
def test_reduced_value_and_bound_are_those_of_the_antenna_space(kind, rng):
    problem = problem_of(kind, rng)
    reduced = reduce_problem(problem)
    start = evaluate(reduced.shape, reduced.arrays, isotropic_point(reduced.shape))
    assert start.value == pytest.approx(1.0, rel=1e-9)
    for _ in range(3):
        point = random_point(reduced.shape, rng)
        evaluation = evaluate(reduced.shape, reduced.arrays, point)
        covariances = reduced.expand(point)
        assert evaluation.value * reduced.scale == pytest.approx(weighted_bound(problem, covariances), rel=1e-8)
        bound = lower_bound(reduced.shape, reduced.arrays, evaluation) * reduced.scale
        assert bound == pytest.approx(certify(problem, covariances).lower_bound, rel=1e-7)
        for budget in problem.budgets:
            used = covariances.only(budget.blocks).power_w
            assert used == pytest.approx(budget.power_per_subcarrier_w, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_slope_is_the_derivative_of_log_f(kind, rng):
    reduced = reduce_problem(problem_of(kind, rng))
    point, direction = random_point(reduced.shape, rng), rng.standard_normal(isotropic_point(reduced.shape).size)

    def log_value(place):
        return float(np.log(evaluate(reduced.shape, reduced.arrays, place).value))

    evaluation = evaluate(reduced.shape, reduced.arrays, point)
    expected = numerical_slope(log_value, point, direction)
    assert evaluation.slope @ direction == pytest.approx(expected, rel=1e-5)
    assert evaluation.slope @ point == pytest.approx(0.0, abs=1e-9 * np.linalg.norm(evaluation.slope))
    doubled = evaluate(reduced.shape, reduced.arrays, 2.0 * point)
    assert doubled.value == pytest.approx(evaluation.value, rel=1e-12)
    if kind != "codebook":
        mirrored = point.copy()
        mirrored[1 : 2 * reduced.shape.blocks[0].size ** 2 : 2] *= -1.0
        wrong = evaluate(reduced.shape, reduced.arrays, mirrored).slope @ direction
        assert wrong != pytest.approx(expected, rel=1e-3)


def test_real_images_replace_hermitian_matrices(rng):
    """They hold the whole matrix, and their Hadamard product the real part of `W o conj(A)`."""
    pair = rng.standard_normal((2, 3, 5, 5)) + 1j * rng.standard_normal((2, 3, 5, 5))
    first, second = pair + pair.conj().swapaxes(-1, -2)
    np.testing.assert_allclose(from_real_image(real_image(first)), first, atol=1e-14)
    product = symmetric(real_image(first) * real_image(second))
    np.testing.assert_allclose(product, np.real(first * second.conj()), atol=1e-13)
    assert not np.allclose(product, np.real(first * second), atol=1e-3)


@pytest.mark.parametrize("kind", ["one block", "prior", "one codebook"])
def test_lean_evaluation_agrees(kind, rng):
    problem = problem_of("one block" if kind == "one codebook" else kind, rng)
    if kind == "one codebook":
        (block,) = problem.blocks
        words = rng.standard_normal((9, 12)) + 1j * rng.standard_normal((9, 12))
        problem = problem.with_constraints(Codebook(block, words))
    reduced = reduce_problem(problem)
    point = random_point(reduced.shape, rng)
    expected = evaluate(reduced.shape, reduced.arrays, point)
    other = evaluator(reduced.shape, reduced.arrays)(point)
    assert other.value == pytest.approx(expected.value, rel=1e-9)
    np.testing.assert_allclose(other.slope, expected.slope, atol=1e-8 * np.linalg.norm(expected.slope))
    assert other.residual == pytest.approx(expected.residual, rel=1e-7)
    assert other.constant == pytest.approx(expected.constant, rel=1e-8)
    bound = lower_bound(reduced.shape, reduced.arrays, other)
    assert bound == pytest.approx(lower_bound(reduced.shape, reduced.arrays, expected), rel=1e-8)


def gradients_at(reduced, sent):
    """G of each block at X of each block, with the value."""
    shape, arrays = reduced.shape, reduced.arrays
    evaluation = evaluate(shape, arrays, exact_point(shape, sent))
    whole = [
        frame @ inner @ frame.conj().T for frame, inner in zip(arrays.frames, evaluation.column_gradients, strict=True)
    ]
    return whole, evaluation


def exact_point(shape, sent):
    """The point of X of each block."""
    parts = []
    for block, part in zip(shape.blocks, sent, strict=True):
        values, vectors = np.linalg.eigh(part)
        roots = np.sqrt(np.maximum(values, 0.0))
        parts.append(np.sqrt(np.diagonal(part).real) if block.is_diagonal else vectors * roots)
    return joined(parts, shape)


@pytest.mark.parametrize("kind", KINDS)
def test_euler_identity_holds_only_with_the_constant(kind, rng):
    """`sum <G, X> + g0 = f`; without g0 it fails exactly when there is a prior."""
    reduced = reduce_problem(problem_of(kind, rng))
    sent = variables(reduced.shape, random_point(reduced.shape, rng))
    gradients, evaluation = gradients_at(reduced, sent)
    spent = sum(np.sum(gradient * part.conj()).real for gradient, part in zip(gradients, sent, strict=True))
    assert spent + evaluation.constant == pytest.approx(evaluation.value, rel=1e-9)
    has_prior = any(criterion.map.constant.any() for criterion in reduced.problem.criteria)
    assert (evaluation.constant > 1e-6 * evaluation.value) == has_prior


def test_the_bound_without_the_constant_is_false_with_a_prior(rng):
    """A strong prior: leaving out g0 claims more than the optimum, the true bound does not."""
    problem = with_position_prior(
        random_problem(rng, scenario=random_scenario(rng, n_targets=1, n_antennas=6)), strength=10.0
    )
    reduced = reduce_problem(problem)
    shape, arrays = reduced.shape, reduced.arrays
    best = descend(shape, arrays, isotropic_point(shape), target=1e-12, max_evaluations=200).trace[-1]
    evaluation = evaluate(shape, arrays, isotropic_point(shape))
    assert lower_bound(shape, arrays, evaluation) <= best
    wrong = replace(evaluation, constant=np.zeros_like(evaluation.constant))
    assert lower_bound(shape, arrays, wrong) > best * 1.01


def test_curvature_memory_is_the_inverse_update_of_bfgs(rng):
    """The compact form equals the product form `H <- (1 - r s y^T) H (1 - r y s^T) + r s s^T` applied to gamma 1."""
    size, batch = 12, 3
    root = rng.standard_normal((batch, size, size))
    curvature = root @ root.swapaxes(-1, -2) + np.eye(size)
    memory = CurvatureMemory((batch,), size, 5, 0.25)
    single = CurvatureMemory((), size, 5, 0.25)
    pairs = []
    gradient = rng.standard_normal((batch, size))
    alone, found, found_alone = gradient[0], memory.direction(gradient), single.direction(gradient[0])
    np.testing.assert_allclose(found, -0.25 * gradient)
    for number in range(8):
        steps = rng.standard_normal((batch, size))
        changes = (curvature @ steps[..., None])[..., 0]
        accepted = np.array([True, number % 3 != 1, number > 1])
        gradient, alone = gradient + accepted[:, None] * changes, alone + changes[0]
        found = memory.turn(steps, changes, gradient, accepted)
        found_alone = single.turn(steps[0], changes[0], alone, True)
        pairs.append((steps, changes, accepted))
    for item in range(batch):
        kept = [(s[item], y[item]) for s, y, accepted in pairs[-5:] if accepted[item]]
        step, change = kept[-1]
        inverse = (step @ change) / (change @ change) * np.eye(size)
        for s, y in kept:
            left = np.eye(size) - np.outer(s, y) / (s @ y)
            inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)
        np.testing.assert_allclose(found[item], -inverse @ gradient[item], rtol=1e-9)
    np.testing.assert_allclose(found_alone, found[0], rtol=1e-9)
    np.testing.assert_allclose(single.direction(alone), found_alone, rtol=1e-9)
    memory.forget(np.array([False, True, False]), 0.25)
    again = memory.direction(gradient)
    np.testing.assert_allclose(again[1], -0.25 * gradient[1])
    np.testing.assert_allclose(again[[0, 2]], found[[0, 2]])


@pytest.mark.parametrize("kind", ["one block", "prior", "two blocks", "codebook", "mixed"])
def test_newton_on_the_face_reaches_the_optimum_of_the_face(kind, rng):
    """From uneven weights on the optimal face a few steps make G a multiple of the identity for each budget."""
    reduced = reduce_problem(problem_of(kind, rng))
    shape, arrays = reduced.shape, reduced.arrays
    point = descend(shape, arrays, isotropic_point(shape), target=1e-10, max_evaluations=300).point
    kept = tuple(ranks(spectra(shape, point), 1e-7 if kind == "two blocks" else 1e-3).tolist())
    optimal = face_of(shape, spectra(shape, point), kept)
    shaken = [w * rng.uniform(0.9, 1.1, w.size) for w in optimal.weights]
    face = face_of(shape, list(zip(shaken, optimal.vectors, strict=True)), kept)
    uneven = [unevenness(reduced, face)]
    for _ in range(4):
        point = newton_on_face(shape, arrays, face)
        face = face_of(shape, spectra(shape, point), kept)
        uneven.append(unevenness(reduced, face))
    assert uneven[0] > 1e-3
    assert uneven[1] < 0.6 * uneven[0]
    assert uneven[-1] < 1e-8


def unevenness(reduced, face):
    """Largest deviation of `V^H G V` from its budget's mean, relative to f."""
    shape = reduced.shape
    covered = [(v * w) @ v.conj().T for v, w in zip(face.vectors, face.weights, strict=True)]
    gradients, evaluation = gradients_at(reduced, covered)
    worst = 0.0
    for budget in range(shape.n_budgets):
        mine = [number for number, block in enumerate(shape.blocks) if block.budget == budget]
        inner = [face.vectors[number].conj().T @ gradients[number] @ face.vectors[number] for number in mine]
        share = sum(np.sum(np.diagonal(g).real * face.weights[n]) for g, n in zip(inner, mine, strict=True))
        for number, matrix in zip(mine, inner, strict=True):
            deviation = matrix - share * np.eye(len(matrix))
            if shape.blocks[number].is_diagonal:
                deviation = np.diag(np.diagonal(deviation))
            worst = max(worst, float(np.abs(deviation).max()) / evaluation.value)
    return worst


@pytest.mark.parametrize("n_targets", [1, 2, 3, 4])
def test_one_step_on_the_face_certifies_what_the_descent_cannot(n_targets, rng):
    reduced = reduce_problem(random_problem(rng, scenario=random_scenario(rng, n_targets=n_targets, n_antennas=16)))
    shape, arrays = reduced.shape, reduced.arrays
    descent = descend(shape, arrays, isotropic_point(shape), target=5e-8, max_evaluations=200)
    candidate = newton_on_face(
        shape, arrays, face_of(shape, spectra(shape, descent.point), tuple(ranks(spectra(shape, descent.point), 1e-3)))
    )
    before, after = (evaluate(shape, arrays, point) for point in (descent.point, candidate))
    gaps = [1.0 - lower_bound(shape, arrays, each) / each.value for each in (before, after)]
    assert gaps[0] > 1e-6
    assert gaps[1] < 0.1 * gaps[0]


def test_preparing_together_equals_preparing_alone(rng):
    problems = [random_problem(rng, scenario=random_scenario(rng, n_targets=2, n_antennas=9)) for _ in range(4)]
    problems.insert(2, with_position_prior(problems[0]))
    for problem, together in zip(problems, reduce_problems(problems), strict=True):
        alone = reduce_problem(problem)
        assert together.batch.key == alone.batch.key
        assert together.scale == pytest.approx(alone.scale, rel=1e-9)
        point = random_point(alone.shape, rng)
        values = [evaluate(each.shape, each.arrays, point).value for each in (together, alone)]
        assert values[0] == pytest.approx(values[1], rel=1e-9)
