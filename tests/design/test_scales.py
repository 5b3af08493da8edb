"""Tails and thresholds by Newton steps between weighted bounds: optimum, certificate, laws."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from crbeam.design import (
    Criterion,
    DesignProblem,
    Hinge,
    PowerBudget,
    WeightedBound,
    scale_search,
)
from crbeam.design.certificate import hinge_terms, objective_at, weighted_bound
from crbeam.design.convex.certificate import certificate
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.convex.statement import statement_of
from crbeam.design.engine import reduce_problem
from crbeam.design.engine.solver import quiet, solve_from
from crbeam.design.engine.thin_factors import expansion_at, judged, moved, weighted
from crbeam.design.methods import method_named
from crbeam.design.optimum import Effort, optima, optimum
from crbeam.design.problem import Tail
from crbeam.design.scale_search import convex_minimum
from crbeam.errors import Unidentifiable
from crbeam.testing import random_map
from crbeam.testing.random_convex import random_convex_problem

ROWS = [(), ("prior",), ("tie",), ("codebook",), ("sizes",), ("codebook", "prior", "sizes"), ("codebook", "tie")]


def sampled(rng, n_samples, objective, *, spread=0.3, n_antennas=8, n_criteria=1):
    """Samples that are alike: maps whose receivers and transmit vectors differ by a random part."""
    whole = random_map(rng, antennas={"a": n_antennas})
    criteria = []
    for sample in range(n_samples):
        for number in range(n_criteria):
            other = random_map(rng, antennas={"a": n_antennas})
            parts = tuple(
                replace(mine, transmit=mine.transmit + spread * theirs.transmit)
                for mine, theirs in zip(whole.contributions, other.contributions, strict=True)
            )
            weights = {name: float(rng.uniform(0.5, 2.0)) for name in whole.layout if "position" in name}
            information = replace(whole, contributions=parts)
            criteria.append(Criterion(information, weights, f"{number} of {sample}", sample=f"{sample}"))
    return DesignProblem(tuple(criteria), (PowerBudget(("a",), 2.0),), objective=objective)


def assert_optimal(problem, tolerance=1e-6):
    """The search ends by itself, its own evidence proves it, and the interior point of the dual agrees."""
    found, other = optimum(problem, effort=Effort(tolerance)), convex_optimum(problem, tolerance=tolerance)
    assert (found.engine, found.status) == ("factor Newton", "optimal")
    value, reference = (objective_at(problem, each.covariances) for each in (found, other))
    assert value == pytest.approx(reference, rel=tolerance)
    assert (1.0 - tolerance) * value <= found.lower_bound <= value * (1.0 + 1e-12)
    assert certificate(statement_of(problem), found.evidence) == pytest.approx(found.lower_bound, rel=1e-12)
    assert found.trace[-1] == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("rows", ROWS, ids="+".join)
@pytest.mark.parametrize("objective", ["worst", "tail"])
@pytest.mark.parametrize("number", range(3))
def test_the_optimum_is_that_of_the_dual(number, objective, rows):
    assert_optimal(random_convex_problem(np.random.default_rng([number, 11]), objective, rows))


@pytest.mark.parametrize("level", [0.0, 0.5, 0.8, 1.0])
@pytest.mark.parametrize(("n_samples", "n_criteria", "spread"), [(1, 2, 0.3), (5, 2, 1.0), (12, 1, 0.1)])
def test_many_samples(n_samples, n_criteria, spread, level, rng):
    assert_optimal(sampled(rng, n_samples, Tail(level), spread=spread, n_criteria=n_criteria))


def test_unequal_probabilities(rng):
    assert_optimal(sampled(rng, 6, Tail(0.7, tuple(rng.dirichlet(np.full(6, 0.5))))))


def test_samples_may_be_the_same(rng):
    """Of equal samples any may be the worst: their shares are not unique."""
    problem = sampled(rng, 3, Tail())
    twice = tuple(replace(each, name=f"{each.name} again", sample=f"{each.sample} again") for each in problem.criteria)
    both = replace(problem, criteria=problem.criteria + twice)
    values = [objective_at(each, optimum(each, effort=Effort()).covariances) for each in (problem, both)]
    assert values[1] == pytest.approx(values[0], rel=1e-6)
    assert_optimal(both)


def test_blocks_may_be_idle(rng):
    """Two blocks share a budget, and one of them is so far away that it gets nothing."""
    near, far = sampled(rng, 3, Tail()), sampled(rng, 3, Tail())
    criteria = []
    for mine, theirs in zip(near.criteria, far.criteria, strict=True):
        faint = [replace(part, block="b", transmit=1e-3 * part.transmit) for part in theirs.map.contributions]
        both = replace(mine.map, contributions=(*mine.map.contributions, *faint), antennas={"a": 8, "b": 8})
        criteria.append(replace(mine, map=both))
    problem = replace(near, criteria=tuple(criteria), constraints=(PowerBudget(("a", "b"), 2.0),), streams=())
    assert_optimal(problem)
    assert optimum(problem, effort=Effort()).covariances.powers_w["b"] < 1e-9


def test_the_mean_is_a_weighted_bound(rng):
    chances = tuple(rng.dirichlet(np.full(5, 2.0)).tolist())
    problem = sampled(rng, 5, Tail(0.0, chances))
    weights = [chances[problem.samples.index(each.sample)] for each in problem.criteria]
    plain = replace(problem, objective=WeightedBound()).with_criterion_weights(*weights)
    mean = method_named("optimum").solve(plain).objective
    assert method_named("optimum").solve(problem).objective == pytest.approx(mean, rel=1e-6)


def test_worse_shares_of_samples_have_larger_means_and_the_worst_are_equal(rng):
    """CVaR grows with its level, each optimum is the best by its own measure, samples that count are equally bad."""
    problems = [sampled(np.random.default_rng(5), 6, Tail(level)) for level in (0.0, 0.4, 0.7, 1.0)]
    designs = [method_named("optimum").solve(each) for each in problems]
    values = [design.objective for design in designs]
    assert all(later > earlier * (1.0 + 1e-6) for earlier, later in pairwise(values))
    for problem, value in zip(problems, values, strict=True):
        others = [objective_at(problem, design.covariances) for design in designs]
        assert min(others) >= value * (1.0 - 2e-6)
        assert max(others) > value * (1.0 + 1e-4)
    found = optimum(problems[-1], effort=Effort(1e-8))
    bounds = [
        np.trace(each.selection.T @ each.map.at(found.covariances).inverse_response(each.selection))
        for each in problems[-1].criteria
    ]
    worst = [bound for bound, share in zip(bounds, found.evidence.scales, strict=True) if share > 1e-3]
    assert 1 < len(worst) < len(bounds)
    assert worst == pytest.approx([max(bounds)] * len(worst), rel=1e-7)
    assert found.evidence.scales.sum() == pytest.approx(1.0, rel=1e-8)


def test_the_method_uses_it_and_a_start(rng):
    problem = sampled(rng, 5, Tail())
    first = method_named("optimum").solve(problem)
    again = method_named("optimum").solve(problem, start=first.covariances)
    assert first.details["engine"] == again.details["engine"] == "factor Newton"
    assert again.objective == pytest.approx(first.objective, rel=1e-6)
    assert max(first.gap, again.gap) <= 1e-6


def test_what_it_does_not_find_goes_to_the_dual(rng, monkeypatch):
    problem = sampled(rng, 5, Tail())
    monkeypatch.setattr(scale_search, "STEPS", 1)
    design = method_named("optimum").solve(problem)
    assert design.details["engine"] == "dual barrier"
    assert design.gap <= 1e-6


def test_the_undetermined_is_named():
    problem = random_convex_problem(np.random.default_rng(3), "worst", ())
    first = problem.criteria[0]
    blind = replace(first.map, contributions=(), constant=np.zeros_like(first.map.constant))
    with pytest.raises(Unidentifiable):
        optimum(replace(problem, criteria=(replace(first, map=blind), *problem.criteria[1:])), effort=Effort())


@pytest.mark.parametrize("rows", [(), ("prior",), ("sizes",), ("codebook",)], ids="+".join)
def test_the_expansion_is_of_second_order(rows):
    """Half the change of the weights leaves an eighth of the error of their optimum, and a quarter of that of u."""
    problem = random_convex_problem(np.random.default_rng([6, 1]), "worst", rows)
    item = reduce_problem(problem)
    shape, arrays = item.shape, item.arrays
    groups = [np.full(each.shape[1], number) for number, each in enumerate(arrays.selections)]
    weights = np.random.default_rng(1).uniform(0.5, 1.5, len(groups))
    change = 0.2 * np.random.default_rng(2).uniform(-1.0, 1.0, len(groups))

    def solved(weights):
        limits = {"tolerance": 1e-13, "max_evaluations": 120}
        return solve_from(shape, weighted(arrays, groups, weights), None, **limits).point

    with quiet():
        expansion = expansion_at(shape, arrays, groups, weights, solved(weights))
        errors = []
        for other in (weights + change, weights + 0.5 * change):
            exact, _ = judged(shape, arrays, groups, other, solved(other))
            reached, _ = judged(shape, arrays, groups, other, moved(shape, expansion, other))
            least = other @ expansion.bounds - 0.5 * other @ expansion.curvature @ other
            errors.append([abs(least - other @ exact), np.abs(reached - exact).max(), other @ (reached - exact)])
    assert expansion.curvature @ weights == pytest.approx(0.0, abs=1e-5 * np.abs(expansion.curvature).max())
    assert np.linalg.eigvalsh(expansion.curvature)[-1] > 0.0
    first, second = np.array(errors)
    assert np.all(first > 1e-9)
    assert second[0] < 0.2 * first[0]
    assert second[1] < 0.35 * first[1]
    assert -1e-12 <= second[2] < 0.15 * first[2]


def test_a_quadratic_program(rng):
    """Where it cannot be left for anything better: the gradient is a combination of those of the limits reached."""
    from scipy.optimize import nnls

    for _ in range(20):
        size, count = 5, 9
        root = rng.standard_normal((3, size))
        rows, inside = rng.standard_normal((count, size)), rng.standard_normal(size)
        rows, limits = np.vstack([rows, np.eye(size), -np.eye(size)]), np.zeros(count + 2 * size)
        limits[:] = rows @ inside + rng.uniform(0.1, 1.0, len(rows))
        quadratic, linear = root.T @ root, rng.standard_normal(size)
        found = convex_minimum(lambda x, q=quadratic, c=linear: (q @ x + c, q), rows, limits, inside)
        room = limits - rows @ found
        assert room.min() > -1e-9
        _, rest = nnls(rows[room < 1e-6].T, -quadratic @ found - linear)
        assert rest < 1e-6


def test_a_program_with_a_pole(rng):
    """The largest `u . v - sum W v / (1 - v)` over `0 <= v < 1` is where the slope of the loss is, from anywhere."""
    for _ in range(20):
        levels, bounds = rng.uniform(0.1, 2.0, 4), 10.0 ** rng.uniform(-1.0, 3.0, 4)

        def derivatives(x, levels=levels, bounds=bounds):
            return levels / (1.0 - x) ** 2 - bounds, np.diag(2.0 * levels / (1.0 - x) ** 3)

        rows, limits = np.vstack([-np.eye(4), np.eye(4)]), np.repeat([0.0, 1.0], 4)
        found = convex_minimum(derivatives, rows, limits, rng.uniform(0.01, 0.99, 4))
        assert found == pytest.approx(hinge_terms(bounds, levels).slopes, abs=1e-6)


@pytest.mark.parametrize("rows", ROWS, ids="+".join)
@pytest.mark.parametrize("number", range(3))
def test_the_least_loss_is_that_of_the_dual(number, rows):
    problem = random_convex_problem(np.random.default_rng([number, 12]), "thresholds", rows)
    found, other = optimum(problem, effort=Effort()), convex_optimum(problem, tolerance=1e-6)
    value, reference = (objective_at(problem, each.covariances) for each in (found, other))
    assert found.engine != "dual barrier"
    assert value == pytest.approx(reference, rel=1e-6, abs=1e-12)
    if value > 0.0:
        assert (1.0 - 1e-6) * value <= found.lower_bound <= value * (1.0 + 1e-12)


def near_threshold(level, seed=3):
    """Thresholds of the bounds of all samples that are `level` times what the least tail of them reaches."""
    plain = sampled(np.random.default_rng(seed), 4, Tail(), spread=1.0)
    sent = optimum(plain, effort=Effort()).covariances
    criteria = []
    for criterion, share in zip(plain.criteria, (1.0, 1.3, 0.8, 1.1), strict=True):
        information = criterion.map.at(sent)
        bound = sum(np.trace(information.bound([name])) for name in criterion.requested)
        weights = dict.fromkeys(criterion.requested, 1.0 / (level**2 * share * bound))
        criteria.append(replace(criterion, weights=weights, family_weights={}))
    return replace(plain, criteria=tuple(criteria), objective=Hinge())


@pytest.mark.parametrize("level", [0.5, 0.9, 0.97, 1.0, 1.03, 1.06, 1.1, 1.3])
def test_losses_down_to_none_and_ties_beyond(level):
    """Where thresholds can just not or just be met, too, and no search but its own is needed."""
    problem = near_threshold(level)
    found, other = optimum(problem, effort=Effort()), convex_optimum(problem, tolerance=1e-6)
    assert found.engine != "dual barrier"
    assert found.notes.get("tied", 0) == other.details.get("tied", 0)
    value, reference = (objective_at(problem, each.covariances) for each in (found, other))
    assert value == pytest.approx(reference, rel=1e-6, abs=1e-12)
    if found.notes.get("tied"):
        assert value == 0.0
        assert found.notes["tie_break_gap"] <= 1e-6
        within = [weighted_bound(problem, each.covariances) for each in (found, other)]
        assert within[0] == pytest.approx(within[1], rel=2e-6)


def test_what_the_searches_do_not_find_goes_to_the_dual(monkeypatch):
    for level in (0.9, 1.06):
        problem = near_threshold(level)
        own = optimum(problem, effort=Effort())
        assert own.engine == "factor Newton"
        with monkeypatch.context() as changed:
            changed.setattr(scale_search, "STEPS", 1)
            for found in (optimum(problem, effort=Effort()), optima([problem, problem])[1]):
                assert (found.engine, found.status) == ("dual barrier", "optimal")
                assert found.objective == pytest.approx(own.objective, rel=1e-6, abs=1e-12)
                assert found.notes.keys() == own.notes.keys()


@pytest.mark.parametrize("most", [1, 3, 20])
def test_few_evaluations_leave_an_honest_gap(most):
    for problem in (near_threshold(0.9), sampled(np.random.default_rng(3), 6, Tail())):
        design = method_named(f"optimum:max_evaluations={most}").solve(problem)
        best = method_named("optimum").solve(problem)
        assert design.lower_bound <= best.objective * (1.0 + 1e-9) <= design.objective * (1.0 + 2e-9)
        assert design.details["engine"] != "dual barrier"
        if most < 5:
            assert design.status.key == "feasible"
