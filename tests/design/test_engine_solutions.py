"""What the engine returns: certified optima, one by one and in batches, in easy and in hard cases."""

from dataclasses import replace

import numpy as np
import pytest
from tests.design.engine_points import isotropic_point

from crbeam.design import Codebook, Criterion, DesignProblem, PowerBudget, certify
from crbeam.design.certificate import objective_at
from crbeam.design.convex.certificate import certificate
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.convex.statement import statement_of
from crbeam.design.engine import solve_reduced, solve_reduced_many, solver
from crbeam.design.engine.factor_descent import descend, descend_many
from crbeam.design.engine.reduction import gathered, reduce_problem, reduce_problems
from crbeam.design.methods import method_named
from crbeam.design.optimum import Effort, optima, optimum
from crbeam.errors import InvalidInput, SolverFailed, Unidentifiable
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem, link_maps
from crbeam.testing import random_map, random_problem, random_scenario, two_stage_problem, with_position_prior


def assert_optimal(problem, result, tolerance=1e-6):
    """The engine's own numbers are those of the independent certificate."""
    certificate = certify(problem, result.covariances)
    assert result.status == "optimal"
    assert certificate.gap <= tolerance
    assert result.objective == pytest.approx(certificate.objective, rel=1e-8)
    assert result.lower_bound == pytest.approx(certificate.lower_bound, rel=1e-7)
    assert result.bounds[-1] <= result.trace[-1]
    assert np.all(np.diff(result.trace) <= 0.0)
    assert np.all(np.diff(result.bounds) >= 0.0)


def assert_optimal_or_proven(problem, result):
    """The same, or where the descent has left the problem to the dual, by its own evidence."""
    if result.evidence is None:
        assert_optimal(problem, result)
        return
    assert (result.engine, result.status) == ("dual barrier", "optimal")
    assert objective_at(problem, result.covariances) == pytest.approx(result.objective, rel=1e-12)
    proven = certificate(statement_of(problem), result.evidence)
    assert (1.0 - 1e-6) * result.objective <= proven <= result.objective


def two_stations(rng, *, is_shared, prior=0.0):
    """One joint information over two transmitters: shared position, private nuisances, one target each."""
    scenes = [random_scenario(rng, n_targets=1, n_antennas=8, plain=True) for _ in range(2)]
    maps = []
    for number, scene in enumerate(scenes):
        links = link_maps(scene)
        total = links["bistatic"] + links["monostatic"]
        private = {
            name: f"{name.split('/')[0]}/{number}_{name.split('/')[1]}".replace(f"/{number}_", f"/station{number}_")
            for name in total.layout
            if "/" in name
        }
        private["clock_bias"] = f"clock_bias_{number}"
        maps.append(total.renamed(private).renamed_blocks({total.blocks[0]: f"station{number}"}))
    joint = maps[0] + maps[1]
    blocks, power = joint.blocks, 1e-8
    budgets = (PowerBudget(blocks, power),) if is_shared else tuple(PowerBudget((b,), power) for b in blocks)
    problem = DesignProblem((Criterion(joint, {"user_position": 1.0, "target_position[0]": 0.5}, "joint"),), budgets)
    return with_position_prior(problem, strength=prior) if prior else problem


@pytest.mark.parametrize("prior", [0.0, 0.5])
@pytest.mark.parametrize("is_shared", [True, False])
@pytest.mark.slow
def test_two_blocks_with_one_target(is_shared, prior):
    """The least reliable class of problems known: each item is certified, singly and in a batch."""
    rng = np.random.default_rng([int(is_shared), int(10 * prior)])
    problems = [two_stations(rng, is_shared=is_shared, prior=prior) for _ in range(15)]
    problems += (
        [two_stage_problem(random_scenario(rng, n_targets=1, plain=True)) for _ in range(15)] if is_shared else []
    )
    for problem, result in zip(problems, optima(problems), strict=True):
        single = optimum(problem, effort=Effort())
        for each in (result, single):
            assert_optimal_or_proven(problem, each)
        assert abs(single.objective - result.objective) <= (single.gap + result.gap + 1e-12) * result.objective


def test_the_order_and_the_company_of_a_batch_do_not_matter(rng):
    problems = [random_problem(rng, scenario=random_scenario(rng, n_targets=2, n_antennas=9)) for _ in range(24)]
    problems += [with_position_prior(problem) for problem in problems[:6]]
    reduced = reduce_problems(problems)
    reference = solve_reduced_many(reduced)
    order = rng.permutation(len(problems))[:17]
    for index, result in zip(order, solve_reduced_many([reduced[index] for index in order]), strict=True):
        assert result.objective == reference[index].objective
        assert result.covariances.keys() == reference[index].covariances.keys()
        for block, covariance in result.covariances.items():
            np.testing.assert_array_equal(covariance, reference[index].covariances[block])


def test_an_item_without_a_finite_value_harms_no_other(rng):
    """A member whose arrays are broken neither raises nor changes the others."""
    problems = [random_problem(rng, scenario=random_scenario(rng, n_targets=2, n_antennas=9)) for _ in range(5)]
    reduced = reduce_problems(problems)
    shape = reduced[0].shape
    arrays = gathered(reduced).arrays
    broken = replace(
        arrays, weights=tuple(np.where(np.arange(5)[:, None, None] == 2, 0.0, each) for each in arrays.weights)
    )
    starts = np.stack([isotropic_point(shape)] * 5)
    healthy = descend_many(shape, arrays, starts, target=1e-8, max_evaluations=80)
    with np.errstate(all="ignore"):
        mixed = descend_many(shape, broken, starts, target=1e-8, max_evaluations=80)
    for item in (0, 1, 3, 4):
        np.testing.assert_array_equal(healthy[item].point, mixed[item].point)
    assert not mixed[2].residual <= 1e-8


@pytest.mark.parametrize("cap", [1, 2, 5])
def test_a_small_cap_gives_a_feasible_design_with_its_honest_gap(rng, cap):
    problem = random_problem(rng, scenario=random_scenario(rng, n_targets=3, n_antennas=12))
    reduced = reduce_problem(problem)
    for result in (
        solve_reduced(reduced, max_evaluations=cap),
        solve_reduced_many([reduced, reduced], max_evaluations=cap)[1],
    ):
        assert result.status == "feasible"
        assert result.evaluations <= cap
        assert 1e-6 < result.gap < 1.0
        certificate = certify(problem, result.covariances)
        assert certificate.gap == pytest.approx(result.gap, rel=1e-6)
    assert solve_reduced(reduced).objective < solve_reduced(reduced, max_evaluations=cap).objective


@pytest.mark.parametrize("n_targets", [1, 2, 3])
def test_the_dual_and_the_descent_agree(rng, n_targets):
    problem = with_position_prior(random_problem(rng, scenario=random_scenario(rng, n_targets=n_targets)), strength=0.3)
    for item in (problem, random_problem(rng, scenario=random_scenario(rng, n_targets=n_targets))):
        found = convex_optimum(item, tolerance=1e-7)
        assert objective_at(item, found.covariances) == pytest.approx(
            optimum(item, effort=Effort()).objective, rel=2e-6
        )


def test_the_dual_takes_over_when_the_descent_is_cut_short(rng, monkeypatch):
    """Alone and in a batch; not where few evaluations are allowed."""
    problem = random_problem(rng, scenario=random_scenario(rng, n_targets=2, n_antennas=8))
    plain = method_named("fdb-wcrb").solve(problem)
    assert plain.details["engine"] == "factor descent"
    monkeypatch.setattr(solver, "DESCENT_LIMIT", 6)
    monkeypatch.setattr(solver, "THRESHOLDS", ())
    cut, alone = solve_reduced(reduce_problem(problem)), optimum(problem, effort=Effort())
    assert (cut.status, cut.engine) == ("feasible", "factor descent")
    for rescued in (alone, optima([problem, problem])[1]):
        assert (rescued.status, rescued.engine) == ("optimal", "dual barrier")
        assert rescued.gap <= 1e-6 < cut.gap
        assert rescued.objective == pytest.approx(plain.objective, rel=2e-6)
        assert rescued.lower_bound <= plain.objective
        assert certificate(statement_of(problem), rescued.evidence) == rescued.lower_bound
    design = method_named("fdb-wcrb").solve(problem)
    assert (design.details["engine"], design.status.key) == ("dual barrier", "optimal")
    assert method_named("fdb-wcrb:max_evaluations=100").solve(problem).status.key == "feasible"


def test_what_the_dual_cannot_do_either_is_what_the_descent_has(rng, monkeypatch):
    problem = random_problem(rng, scenario=random_scenario(rng, n_targets=2, n_antennas=8))

    def failing(*_, **__):
        raise SolverFailed("Nothing is found.", status="no feasible point")

    monkeypatch.setattr(solver, "DESCENT_LIMIT", 6)
    monkeypatch.setattr(solver, "THRESHOLDS", ())
    monkeypatch.setattr("crbeam.design.optimum.convex_optimum", failing)
    found = optimum(problem, effort=Effort())
    assert (found.status, found.engine) == ("feasible", "factor descent")
    assert certify(problem, found.covariances).gap == pytest.approx(found.gap, rel=1e-6)


def test_one_target_seen_by_the_station_alone_needs_one_beam():
    """At weight 0 with one target the optimum has rank one, and the rank is exact."""
    scenario = read_scenario("zhang2025", overrides=["targets.count=1"])
    problem = design_problem(scenario, weight=0.0)
    result = solve_reduced(reduce_problem(problem))
    assert_optimal(problem, result)
    eigenvalues = np.linalg.eigvalsh(result.covariances["bs"])
    assert eigenvalues[-2] < 1e-12 * eigenvalues[-1]
    bistatic = link_maps(scenario)["bistatic"].at(result.covariances)
    assert not bistatic.is_identifiable(["user_position"])
    spread = 0.99 * result.covariances + 0.01 * problem.isotropic()
    assert link_maps(scenario)["bistatic"].at(spread).is_identifiable(["user_position"])


def test_few_beams_suffice(rng):
    problems = [random_problem(rng, scenario=random_scenario(rng, n_targets=3, n_antennas=16)) for _ in range(12)]
    results = solve_reduced_many(reduce_problems(problems))
    ranks = [
        np.linalg.matrix_rank(covariance, tol=1e-9 * np.trace(covariance).real)
        for result in results
        for covariance in result.covariances.values()
    ]
    assert max(ranks) <= 4
    assert np.median(ranks) <= 3
    isotropic = reduce_problem(problems[0])
    (even,) = isotropic.expand(isotropic_point(isotropic.shape)).values()
    assert np.linalg.matrix_rank(even) == 8


def test_collinear_objects_reduce_the_dimension(rng):
    scenario = random_scenario(rng, n_targets=2, n_antennas=12, plain=True)
    first = scenario.targets.positions_m[0]
    targets = scenario.targets.model_copy(update={"positions_m": (first, (1.3 * first[0], 1.3 * first[1]))})
    problem = design_problem(scenario.model_copy(update={"targets": targets}), weight=0.5)
    reduced = reduce_problem(problem)
    assert reduced.shape.blocks[0].size == 4
    assert reduce_problem(design_problem(scenario, weight=0.5)).shape.blocks[0].size == 6
    assert_optimal(problem, solve_reduced(reduced))


def test_blocks_that_no_information_sees(rng):
    """Unseen blocks of a seen budget stay silent; an unseen budget is spread isotropically."""
    seen, unseen = (random_map(rng, antennas=dict.fromkeys(blocks, 6)) for blocks in ("ab", "cd"))
    criteria = (Criterion(seen, {"position": 1.0}, "seen"), Criterion(unseen, {"position": 0.0}, "unseen"))
    problem = DesignProblem(criteria, (PowerBudget(("a", "b", "c"), 3.0), PowerBudget(("d",), 1.2)))
    result = solve_reduced(reduce_problem(problem))
    assert_optimal(problem, result)
    np.testing.assert_array_equal(result.covariances["c"], 0.0)
    np.testing.assert_allclose(result.covariances["d"], 0.2 * np.eye(6), atol=1e-14)
    assert result.covariances.only("ab").power_w == pytest.approx(3.0)


@pytest.mark.parametrize("restricted", [("a",), ("a", "b")])
def test_codebooks_in_some_or_all_blocks(rng, restricted):
    criteria = (Criterion(random_map(rng, antennas={"a": 6, "b": 6}), {"position": 1.0, "clock": 0.3}, "both"),)
    words = rng.standard_normal((6, 9)) + 1j * rng.standard_normal((6, 9))
    free = DesignProblem(criteria, (PowerBudget(("a", "b"), 1.0),))
    problem = free.with_constraints(*(Codebook(block, words) for block in restricted))
    result = solve_reduced(reduce_problem(problem))
    assert_optimal(problem, result)
    assert result.objective >= solve_reduced(reduce_problem(free)).lower_bound
    unit = words / np.linalg.norm(words, axis=0)
    powers = np.sum(np.abs(result.factors["a"]) ** 2, axis=0)
    np.testing.assert_allclose(result.covariances["a"], (unit * powers) @ unit.conj().T, atol=1e-12)
    together = solve_reduced_many([reduce_problem(problem)] * 3)
    assert together[2].objective == pytest.approx(result.objective, rel=2e-6)


def test_a_codebook_that_cannot_tell_is_unidentifiable(rng):
    problem = random_problem(rng, scenario=random_scenario(rng, n_targets=2, n_antennas=9))
    (block,) = problem.blocks
    one_beam = problem.with_constraints(Codebook(block, problem.directions[block][:, :1]))
    with pytest.raises(Unidentifiable, match="transmit in more directions"):
        reduce_problem(one_beam)
    reduce_problem(problem)


def test_an_unidentifiable_item_is_an_error_in_its_place(rng):
    """Without targets clock and orientation hide the user, whatever is sent."""
    good = random_problem(rng, scenario=random_scenario(rng, n_targets=2, n_antennas=9))
    (bistatic, _) = good.criteria
    names = ("user_position", *bistatic.map.layout.family("target_position"))
    blind = bistatic.map.known([])
    few = replace(
        blind,
        contributions=tuple(replace(part, gram=np.zeros_like(part.gram)) for part in blind.contributions),
    )
    bad = replace(good, criteria=(Criterion(few, {names[0]: 1.0}, "blind"), good.criteria[1]))
    first, second, third = reduce_problems([good, bad, good])
    assert isinstance(second, Unidentifiable)
    assert second.names == ("user_position",)
    assert first.scale == third.scale


def test_starts_shorten_the_way(rng):
    problem = random_problem(rng, scenario=random_scenario(rng, n_targets=3, n_antennas=12))
    reduced = reduce_problem(problem)
    cold = solve_reduced(reduced)
    warm = solve_reduced(reduced, start=cold.covariances)
    assert warm.trace[0] < cold.trace[0]
    assert warm.objective == pytest.approx(cold.objective, rel=2e-6)
    with pytest.raises(InvalidInput, match="one start"):
        solve_reduced_many([reduced], starts=[])


def test_a_descent_can_go_on_with_its_memory(rng):
    reduced = reduce_problem(random_problem(rng, scenario=random_scenario(rng, n_targets=3, n_antennas=12)))
    shape, arrays = reduced.shape, reduced.arrays
    start = isotropic_point(shape)
    whole = descend(shape, arrays, start, target=1e-11, max_evaluations=200)
    first = descend(shape, arrays, start, target=1e-6, max_evaluations=200)
    second = descend(shape, arrays, first.point, target=1e-11, max_evaluations=200, memory=first.memory)
    fresh = descend(shape, arrays, first.point, target=1e-11, max_evaluations=200)
    assert second.n_evaluations + first.n_evaluations == whole.n_evaluations + 1
    assert second.n_evaluations < fresh.n_evaluations


@pytest.mark.slow
def test_two_hundred_hard_scenes_are_all_certified():
    """Objects anywhere, also nearly behind one another, at every weight including the ends."""
    rng = np.random.default_rng(99)
    weights = (0.0, 0.1, 0.5, 0.9, 1.0)
    scenes = [random_scenario(rng, n_targets=1 + number % 6, plain=True) for number in range(200)]
    problems = [design_problem(scene, weight=weights[rng.integers(5)]) for scene in scenes]
    for problem, result in zip(problems, optima(problems), strict=True):
        assert_optimal_or_proven(problem, result)
