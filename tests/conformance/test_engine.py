"""Our own solver against the conic reference, over many random scenes, and in batches with bad items."""

from dataclasses import replace

import numpy as np
import pytest
from tests.design.engine_points import isotropic_point

from crbeam.design import Design
from crbeam.design.engine.factor_descent import descend
from crbeam.design.engine.reduction import reduce_problem
from crbeam.design.methods import conic_wcrb, method_named
from crbeam.design.methods.optimum import FullDimensionalWeightedBound
from crbeam.errors import Unidentifiable
from crbeam.evaluation import evaluate
from crbeam.information import Transmission
from crbeam.information.information import ACCURACY
from crbeam.systems import design_problem
from crbeam.testing import (
    assert_decreasing,
    assert_lower_bound,
    assert_same_designs,
    assert_sound,
    link_names,
    objective_of,
    random_feasible,
    random_problem,
    random_scenario,
    two_stage_problem,
    unidentifiable_copy,
    with_position_prior,
)

#: Scenes compared with the conic solver: 10 chunks, each with 1..6 targets at least once.
CHUNKS, CHUNK_SIZE = 10, 6


def assert_methods_agree(problem, rng):
    """Objectives agree to 1e-5, each lower bound holds for the other, and our gap is at most 1e-6."""
    own, conic = (method_named(key).solve(problem) for key in ("fdb-wcrb", "conic-wcrb"))
    assert own.objective == pytest.approx(conic.objective, rel=1e-5)
    assert own.gap <= 1e-6
    witnesses = [own.covariances, conic.covariances, random_feasible(problem, rng)]
    for design in (own, conic):
        assert_sound(problem, design, witnesses=witnesses)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_own_and_conic_solver_agree_on_random_scenes(chunk):
    rng = np.random.default_rng([2025, chunk])
    for n_targets in range(1, CHUNK_SIZE + 1):
        problem = random_problem(rng, scenario=random_scenario(rng, n_targets=n_targets))
        assert_methods_agree(problem, rng)
        if n_targets <= 4:
            assert_methods_agree(with_position_prior(problem, strength=float(rng.uniform(0.1, 10.0))), rng)


@pytest.mark.parametrize("n_targets", [1, 2])
def test_own_and_conic_solver_agree(rng, n_targets):
    problem = random_problem(rng, scenario=random_scenario(rng, n_targets=n_targets, n_antennas=8))
    assert_methods_agree(problem, rng)
    assert_methods_agree(with_position_prior(problem), rng)


def test_own_and_conic_solver_agree_over_two_blocks(rng):
    problem = two_stage_problem(random_scenario(rng, n_targets=1, n_antennas=6))
    assert_methods_agree(problem, rng)
    assert_methods_agree(with_position_prior(problem), rng)


@pytest.mark.slow
def test_own_solver_certifies_random_scenes():
    """Without the conic solver: gap and lower bounds of scenes with and without priors."""
    rng = np.random.default_rng(4)
    problems = [random_problem(rng) for _ in range(40)]
    problems += [with_position_prior(problem, strength=float(rng.uniform(0.1, 10.0))) for problem in problems[:20]]
    for problem, design in zip(problems, method_named("fdb-wcrb").solve_many(problems), strict=True):
        assert isinstance(design, Design)
        assert design.gap <= 1e-6
        assert design.status.key == "optimal"
        assert_sound(problem, design, witnesses=[random_feasible(problem, rng)])


@pytest.mark.parametrize("seed", [1, 3, 4, 7])
def test_the_optimum_of_the_full_antenna_space_is_that_of_the_span(seed, monkeypatch):
    """The conic program over all antennas finds nothing better; over a smaller span it finds less."""
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, scenario=random_scenario(rng, n_targets=1, n_antennas=7))
    own = method_named("fdb-wcrb").solve(problem)
    monkeypatch.setattr(conic_wcrb, "_frame", lambda problem, block: np.eye(problem.antennas[block], dtype=complex))
    full = method_named("conic-wcrb").solve(problem)
    assert own.objective == pytest.approx(full.objective, rel=1e-5)
    assert_lower_bound(problem, own.lower_bound, [full.covariances])
    monkeypatch.setattr(conic_wcrb, "_frame", lambda problem, block: np.linalg.qr(problem.directions[block])[0])
    assert method_named("conic-wcrb").solve(problem).objective > own.objective * 1.01


def test_a_design_in_the_span_of_the_conjugates_is_worse(rng):
    problem = random_problem(rng, scenario=random_scenario(rng, n_targets=3, n_antennas=12))
    design = method_named("fdb-wcrb").solve(problem)
    conjugated = Transmission({block: matrix.conj() for block, matrix in design.covariances.items()})
    assert objective_of(problem, conjugated + 1e-6 * problem.isotropic()) > 1.2 * design.objective
    flipped = [
        replace(
            c,
            map=replace(
                c.map, contributions=tuple(replace(p, transmit=p.transmit.conj()) for p in c.map.contributions)
            ),
        )
        for c in problem.criteria
    ]
    wrong = method_named("fdb-wcrb").solve(replace(problem, criteria=tuple(flipped)))
    mixed = 0.999 * wrong.covariances + 0.001 * problem.isotropic()
    assert objective_of(problem, mixed) > 1.2 * design.objective


@pytest.mark.slow
def test_bad_items_of_a_batch_stay_alone():
    """One unidentifiable and one that hits the evaluation cap; the other 48 are as they are without these."""
    rng = np.random.default_rng(8)
    scenes = [random_scenario(rng, n_targets=3, n_antennas=12) for _ in range(56)]
    problems = [random_problem(rng, scenario=scene) for scene in scenes]
    cost = [design.details["evaluations"] for design in FullDimensionalWeightedBound().solve_many(problems)]
    order = np.argsort(cost)
    hard, easy = problems[order[-1]], [problems[index] for index in order[:48]]
    cap = int(cost[order[47]]) + 1
    assert cap < 0.6 * cost[order[-1]], "the hardest item must need far more evaluations than the other 48"
    method = FullDimensionalWeightedBound(max_evaluations=cap)
    blind = unidentifiable_copy(easy[0])
    mixed = method.solve_many([*easy[:20], blind, *easy[20:35], hard, *easy[35:]])
    assert len(mixed) == 50
    capped, failed = mixed[36], mixed[20]
    assert isinstance(failed, Unidentifiable)
    assert isinstance(capped, Design)
    assert capped.status.key == "feasible"
    assert capped.gap > 1e-6
    assert_sound(hard, capped)  # its bound lies below the optimum, not only below its own objective
    others = [*mixed[:20], *mixed[21:36], *mixed[37:]]
    for design, again in zip(method.solve_many(easy), others, strict=True):
        assert design.status.key == "optimal"
        assert_same_designs(design, again)


def test_a_start_changes_the_way_but_not_the_optimum(rng):
    problem = random_problem(rng, scenario=random_scenario(rng, n_targets=3, n_antennas=12))
    method = method_named("fdb-wcrb")
    plain = method.solve(problem)
    for start in (plain.covariances, random_feasible(problem, rng)):
        again = method.solve(problem, start=start)
        assert abs(again.objective - plain.objective) <= (plain.gap + again.gap + 1e-9) * plain.objective
        assert again.gap <= 1e-6


def test_the_order_of_targets_does_not_change_the_optimum(rng):
    scenario = random_scenario(rng, n_targets=3, n_antennas=12)
    targets, phases = scenario.targets, scenario.propagation.phases_rad
    order = [1, 2, 0]
    turned = scenario.model_copy(
        update={
            "targets": targets.model_copy(
                update={
                    name: tuple(getattr(targets, name)[index] for index in order)
                    for name in ("positions_m", "rcs_m2", "bistatic_rcs_m2")
                }
            ),
            "propagation": scenario.propagation.model_copy(
                update={"phases_rad": {link: (p[0], *(p[1 + index] for index in order)) for link, p in phases.items()}}
            ),
        }
    )
    method = method_named("fdb-wcrb")
    first, second = (method.solve(design_problem(scene, weight=0.4)) for scene in (scenario, turned))
    assert first.objective == pytest.approx(second.objective, rel=2e-6)
    moved = targets.model_copy(update={"positions_m": turned.targets.positions_m})
    wrong = scenario.model_copy(update={"targets": moved})
    assert method.solve(design_problem(wrong, weight=0.4)).objective != pytest.approx(first.objective, rel=1e-4)


def test_the_optimum_is_inverse_to_the_power(rng):
    problem = random_problem(rng, scenario=random_scenario(rng, n_targets=2, n_antennas=8))
    (budget,) = problem.budgets
    louder = replace(
        problem, constraints=(replace(budget, power_per_subcarrier_w=5.0 * budget.power_per_subcarrier_w),)
    )
    method = method_named("fdb-wcrb")
    assert 5.0 * method.solve(louder).objective == pytest.approx(method.solve(problem).objective, rel=2e-6)


def test_a_codebook_never_beats_all_covariances_and_its_bound_holds(rng):
    scenario = random_scenario(rng, n_targets=2, n_antennas=8)
    method = method_named("cpa-wcrb")
    restricted = design_problem(scenario, weight=0.6, method=method)
    codebook = method.solve(restricted)
    free = method_named("fdb-wcrb").solve(design_problem(scenario, weight=0.6))
    assert codebook.gap <= 1e-6
    assert free.lower_bound <= codebook.objective
    assert free.objective <= codebook.objective
    assert_sound(restricted, codebook, witnesses=[random_feasible(restricted, rng) for _ in range(5)])


def test_the_ends_of_the_tradeoff(rng):
    """At weight 0 or 1 only one criterion counts; each end is best at its own."""
    scenario = random_scenario(rng, n_targets=2, n_antennas=8)
    method = method_named("fdb-wcrb")
    ends = [method.solve(design_problem(scenario, weight=weight)) for weight in (0.0, 1.0)]
    between = method.solve(design_problem(scenario, weight=0.5))
    to_user, back = link_names(scenario)
    links = evaluate(scenario, between.covariances).links
    sensing = links[back].quantities["all_positions_m"] ** 2
    positioning = links[to_user].quantities["user_position_m"] ** 2
    assert ends[0].objective <= sensing * (1.0 + 1e-6)
    assert ends[1].objective <= positioning * (1.0 + 1e-6)
    assert between.objective == pytest.approx(0.5 * sensing + 0.5 * positioning)
    assert between.objective >= 0.5 * (ends[0].objective + ends[1].objective) * (1.0 - 1e-6)


def test_the_descent_itself_never_rises(rng):
    """Before anything is chosen for its certificate: every accepted step of the factor descent goes down."""
    for n_targets in (1, 2, 3):
        reduced = reduce_problem(random_problem(rng, scenario=random_scenario(rng, n_targets=n_targets)))
        start = isotropic_point(reduced.shape)
        descent = descend(reduced.shape, reduced.arrays, start, target=1e-9, max_evaluations=60)
        assert len(descent.trace) > 5
        # In units of the isotropic objective, whose inverse may be as inaccurate as a bound may be.
        assert descent.trace[0] == pytest.approx(1.0, rel=ACCURACY)
        assert_decreasing(descent.trace)
