"""Tied blocks, and designs of two stages: what is a restriction of what, splits of a budget, fixed stages."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.design import Codebook, Criterion, DesignProblem, Hinge, PowerBudget, Proposal, TiedBlocks, objective_at
from crbeam.design.grading import grade
from crbeam.design.methods import method_named
from crbeam.design.structure import merged, merged_problem
from crbeam.errors import InvalidInput, SolverFailed
from crbeam.information import InformationMap
from crbeam.systems import design_problem, system_of
from crbeam.testing import (
    assert_sound,
    objective_of,
    random_covariance,
    random_feasible,
    random_map,
    random_moving_scenario,
    random_scenario,
)

FIRST, SECOND = ("gain_1", "gain_2")
WEIGHTS = {"position": 1.0, "clock": 0.5}


def stage(rng, block, gain):
    """Observations of one stage: position and clock are those of both, the gain is its own."""
    drawn = random_map(rng, antennas={block: 6}, sizes={"position": 2, "clock": 1, "gain": 2})
    return drawn.renamed({"gain": gain})


def scaled(information: InformationMap, factor):
    parts = tuple(replace(part, gram=factor * part.gram) for part in information.contributions)
    return replace(information, contributions=parts)


def sequence(rng, *, objective=None, is_shared=False, split=1.0, powers_w=(1.0, 1.0)):
    """A posterior criterion, and one of the first stage that does not count; with a share of symbols for each stage."""
    first, second = stage(rng, "first", FIRST), stage(rng, "second", SECOND)
    if not is_shared:
        first, second = scaled(first, split), scaled(second, 1.0 - split if split < 1.0 else 1.0)
    budgets = [PowerBudget(("first",), powers_w[0]), PowerBudget(("second",), powers_w[1])]
    problem = DesignProblem(
        (Criterion(first + second, WEIGHTS, "posterior"), Criterion(first, WEIGHTS, "first stage", 0.0)),
        (PowerBudget(("first", "second"), 1.0),) if is_shared else tuple(budgets),
    )
    return problem if objective is None else with_thresholds(problem, rng)


def with_thresholds(problem, rng):
    """Thresholds about as large as what is reached isotropically; those of the first stage alone are looser."""
    criteria = []
    for criterion, ease in zip(problem.criteria, (0.55, 1.0), strict=True):
        information = criterion.map.at(problem.isotropic())
        squares = {name: np.trace(information.bound([name])) * (ease * rng.uniform(0.7, 1.4)) ** 2 for name in WEIGHTS}
        criteria.append(replace(criterion, weights={name: 1.0 / square for name, square in squares.items()}))
    return replace(problem, criteria=tuple(criteria), objective=Hinge())


def tied(problem):
    return problem.with_constraints(TiedBlocks(("first", "second")))


def solved(key, problem):
    design = method_named(key).solve(problem)
    assert_sound(problem, design, witnesses=[random_feasible(problem, np.random.default_rng(5))])
    return design


@pytest.mark.parametrize("objective", [None, Hinge()], ids=["trace", "hinge"])
@pytest.mark.parametrize("seed", range(4))
def test_joint_is_never_worse_than_shared_or_separate(seed, objective):
    rng = np.random.default_rng([31, seed])
    problem = sequence(rng, objective=objective, powers_w=(1.0, 0.5 + rng.random()))
    joint, shared = solved("joint-sequential", problem), solved("shared-sequential", tied(problem))
    separate = solved("separate-sequential", problem)
    for restricted in (shared, separate):
        assert joint.lower_bound <= restricted.objective
        assert joint.objective <= restricted.objective * (1.0 + 1e-6) + 1e-12
        assert restricted.lower_bound == pytest.approx(joint.objective, rel=2e-6, abs=1e-11)
    assert joint.gap <= 1e-6
    # The certificate of its own problem, in which every transmission has equal blocks; the wrong way: taking that bound
    # for one on beams of their own.
    assert shared.details["tied_gap"] <= 1e-6
    assert "tied_gap" not in joint.details
    if shared.objective > 1e-11:
        assert shared.objective * (1.0 - shared.details["tied_gap"]) > joint.objective * (1.0 + 1e-4)


SEQUENCES = ("joint-sequential", "shared-sequential", "separate-sequential")
SPLITS = (0.2, 0.5, 0.8)


def moving_scene(rng, loss):
    """A random scene whose thresholds are about what isotropic beams reach: some can be met, some cannot."""
    scene = random_moving_scenario(rng, n_targets=2, n_antennas=6, subcarriers=16, slots=4, symbols_per_slot=4)
    system = system_of(scene)
    isotropic = system.completed(system.isotropic_transmission())
    first, both = (system.link_map(name) for name in ("monostatic_stage", "posterior"))
    told = {"sensing_": first.at(isotropic), "": both.at(isotropic)}
    wanted = {
        f"{stage}{word}": information.root_bound([name]) * rng.uniform(0.5, 1.2)
        for stage, information in told.items()
        for word, name in (("user_position_m", "user_position"), ("target_position_m", "target_position[0]"))
    }
    wanted["user_velocity_mps"] = told[""].root_bound(["user_velocity"]) * rng.uniform(0.5, 1.2)
    return scene.model_copy(update={"requirements": scene.requirements.model_copy(update={**wanted, "loss": loss})})


def with_share(scene, share):
    return scene.model_copy(update={"protocol": scene.protocol.model_copy(update={"sensing_share": share})})


def assert_least(designs, others):
    """No design is worse than its counterpart, whose objective its certified bound is below."""
    for design, other in zip(designs, others, strict=True):
        assert design.objective <= other.objective * (1.0 + 1e-6) + 1e-12
        assert design.lower_bound <= other.objective * (1.0 + 1e-9) + 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["trace", "hinge2"])
def test_joint_is_never_worse_in_moving_scenes(loss):
    """20 random scenes, three splits of the symbols; the wrong way: either restriction in place of the optimum."""
    rng = np.random.default_rng(20)
    scenes = [moving_scene(rng, loss) for _ in range(20)]
    cases = [with_share(scene, share) for share in SPLITS for scene in scenes]
    solved = {}
    for key in SEQUENCES:
        method = method_named(key)
        solved[key] = method.solve_many([design_problem(case, method=method) for case in cases])
    joint, shared, separate = solved.values()
    assert all(design.gap <= 1e-6 or design.objective <= 1e-12 for design in joint)
    assert_least(joint, shared)
    assert_least(joint, separate)
    for first, second in ((shared, separate), (separate, shared)):
        with pytest.raises(AssertionError):
            assert_least(first, second)
    # Thresholds are neither all met nor all out of reach, and at every split something is lost by a restriction.
    losses = np.array([[design.objective for design in solved[key]] for key in SEQUENCES]).reshape(3, len(SPLITS), -1)
    assert np.all(np.max(losses[1:] / np.maximum(losses[0], 1e-9), axis=2) > 1.01)
    assert np.mean(losses[0] > 0.0) == 1.0 if loss == "trace" else 0.2 < np.mean(losses[0] > 1e-12) < 1.0


def test_a_stage_that_counts_alone_may_have_all_symbols_of_a_free_split():
    """With a free share no energy is kept back for a stage that nothing depends on; half of it would be worse."""
    rng = np.random.default_rng(3)
    protocol = {"order": "interleaved", "sensing_share": None}
    scene = random_moving_scenario(rng, n_targets=2, n_antennas=8, subcarriers=16, slots=4, protocol=protocol)
    for key, all_of_it in (("full-ms", 1.0), ("full-bp", 0.0)):
        method = method_named(key)
        free, whole, half = (
            method.solve(design_problem(with_share(scene, share), method=method)) for share in (None, all_of_it, 0.5)
        )
        assert free.objective == pytest.approx(whole.objective, rel=2e-6)
        assert half.objective > 1.5 * free.objective


@pytest.mark.parametrize("objective", [None, Hinge()], ids=["trace", "hinge"])
def test_a_shared_budget_finds_the_best_split(objective, rng):
    """The optimum over one budget is the least over the split of symbols; beside it every split is worse."""
    state = rng.bit_generator.state
    problem = sequence(rng, objective=objective, is_shared=True)
    free = solved("joint-sequential", problem)
    best = free.covariances.powers_w["first"] / free.covariances.power_w
    assert 0.02 < best < 0.98

    def at(split):
        rng.bit_generator.state = state
        fixed = sequence(rng, split=split)
        criteria = [
            replace(mine, weights=its.weights) for mine, its in zip(fixed.criteria, problem.criteria, strict=True)
        ]
        return solved("joint-sequential", replace(fixed, criteria=tuple(criteria), objective=problem.objective))

    assert at(best).objective == pytest.approx(free.objective, rel=2e-6)
    grid = [at(split).objective for split in np.linspace(0.05, 0.95, 7)]
    assert free.objective <= min(grid) * (1.0 + 2e-6)
    assert max(grid) > free.objective * 1.01


@pytest.mark.parametrize("objective", [None, Hinge()], ids=["trace", "hinge"])
@pytest.mark.parametrize("powers_w", [(1.0, 1.0), (2.0, 0.5)])
def test_tied_blocks_are_one_block(powers_w, objective, rng):
    problem = tied(sequence(rng, objective=objective, powers_w=powers_w))
    one_block = merged_problem(problem)
    assert one_block.blocks == ("first",)
    assert [budget.power_per_subcarrier_w for budget in one_block.budgets] == [min(powers_w)]
    own = solved("shared-sequential", problem)
    conic = solved("conic-wcrb", problem)
    of_merged = solved("fdb-wcrb", one_block)
    assert np.array_equal(own.covariances["first"], own.covariances["second"])
    assert own.objective == pytest.approx(conic.objective, rel=1e-5, abs=1e-9)
    assert own.objective == pytest.approx(of_merged.objective, rel=2e-6, abs=1e-12)
    free = solved("joint-sequential", replace(problem, constraints=problem.budgets))
    assert free.objective < own.objective * (1.0 - 1e-4)


def test_tied_blocks_that_share_a_budget_have_half_of_it_each(rng):
    problem = tied(sequence(rng, is_shared=True))
    design = solved("shared-sequential", problem)
    np.testing.assert_allclose(list(design.covariances.powers_w.values()), [0.5, 0.5])


def test_tied_codebooks(rng):
    problem = sequence(rng)
    words = random_covariance(rng, 6)
    alike = problem.with_constraints(*(Codebook(block, words) for block in problem.blocks), TiedBlocks(problem.blocks))
    design = method_named("cpa-wcrb").solve(alike)
    assert design.gap <= 1e-6
    assert_sound(alike, design, witnesses=[random_feasible(alike, rng)])
    different = (Codebook("first", words), Codebook("second", words[:, :5]), TiedBlocks(problem.blocks))
    with pytest.raises(InvalidInput, match="same codewords"):
        problem.with_constraints(*different)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (("first",), "At least two different blocks"),
        (("first", "first"), "At least two different blocks"),
        (("first", "third"), "must be among"),
    ],
)
def test_ties_of_nothing_are_refused(blocks, message, rng):
    problem = sequence(rng)
    with pytest.raises(InvalidInput, match=message):
        problem.with_constraints(TiedBlocks(blocks))


def test_tied_blocks_share_power_with_each_other_only(rng):
    information = random_map(rng, antennas=dict.fromkeys("abc", 6))
    budgets = (PowerBudget(("a", "c"), 1.0), PowerBudget(("b",), 1.0))
    with pytest.raises(InvalidInput, match="with each other only"):
        DesignProblem((Criterion(information, {"position": 1.0}),), (*budgets, TiedBlocks(("a", "b"))))


def test_blocks_beside_a_tie_stay_as_they_are(rng):
    information = random_map(rng, antennas=dict.fromkeys("abc", 6))
    budgets = (PowerBudget(("a",), 1.0), PowerBudget(("b",), 2.0), PowerBudget(("c",), 3.0))
    problem = DesignProblem((Criterion(information, {"position": 1.0}),), (*budgets, TiedBlocks(("c", "a"))))
    fewer = merged_problem(problem)
    assert fewer.blocks == ("c", "b")
    design = method_named("fdb-wcrb").solve(problem)
    assert design.covariances.powers_w == pytest.approx({"a": 1.0, "b": 2.0, "c": 1.0}, rel=1e-7)
    assert np.array_equal(design.covariances["a"], design.covariances["c"])
    value = objective_of(fewer, merged(problem, design.covariances))
    assert value == pytest.approx(design.objective, rel=1e-9)


def test_grading_refuses_broken_ties(rng):
    problem = tied(sequence(rng))
    sent = random_feasible(problem, rng)
    method = method_named("shared-sequential")
    assert grade(method, problem, Proposal(sent), seconds=0.0).objective == pytest.approx(objective_at(problem, sent))
    apart = sent.replaced({"second": (1.0 - 1e-6) * sent["second"]})
    with pytest.raises(SolverFailed, match="must propose one covariance for first, second"):
        grade(method, problem, Proposal(apart), seconds=0.0)


def test_a_fixed_block_becomes_part_of_the_constant(rng):
    problem = sequence(rng)
    information = problem.criteria[0].map
    sent = random_feasible(problem, rng)
    rest = information.with_fixed("first", sent["first"])
    assert rest.blocks == ("second",)
    left = sent.only(["second"])
    np.testing.assert_allclose(rest.at(left).matrix, information.at(sent).matrix, rtol=1e-12, atol=1e-12)
    assert information.with_fixed("second", sent["second"]).blocks == ("first",)
    with pytest.raises(InvalidInput, match="There is no block third"):
        information.with_fixed("third", sent["first"])


def test_the_second_stage_knows_what_the_first_tells(rng):
    """The greedy design: first the best for itself, then the best beside it; not the other way round."""
    problem = sequence(rng, powers_w=(1.0, 2.0))
    greedy = solved("separate-sequential", problem)
    alone = DesignProblem((replace(problem.criteria[1], weight=1.0),), problem.constraints[:1])
    first = method_named("fdb-wcrb").solve(alone)
    assert greedy.details["stage_1_loss"] == pytest.approx(first.objective, rel=2e-6)
    assert objective_at(alone, greedy.covariances.only(["first"])) <= first.objective * (1.0 + 2e-6)
    for _ in range(20):
        other = greedy.covariances.replaced(random_feasible(problem, rng).only(["second"]))
        assert objective_at(problem, other) >= greedy.objective * (1.0 - 1e-6)
    selfish = DesignProblem((replace(problem.criteria[0], map=stage_of(problem)),), problem.constraints[1:])
    blind = greedy.covariances.replaced(method_named("fdb-wcrb").solve(selfish).covariances)
    assert objective_at(problem, blind) > greedy.objective * (1.0 + 1e-4)


def stage_of(problem):
    """The second stage as if nothing were known from the first."""
    return problem.criteria[0].map.select_blocks(("second",)).known([FIRST])


def test_a_tied_first_stage_is_recorded_and_broken_by_the_weighted_bound(rng):
    problem = sequence(rng, objective=Hinge())
    loose = replace(
        problem.criteria[1], weights={name: 0.04 * weight for name, weight in problem.criteria[1].weights.items()}
    )
    greedy = solved("separate-sequential", replace(problem, criteria=(problem.criteria[0], loose)))
    assert greedy.details["stage_1_tied"] == 1
    assert greedy.details["stage_1_loss"] == 0.0
    trace = method_named("fdb-wcrb").solve(DesignProblem((replace(loose, weight=1.0),), problem.constraints[:1]))
    np.testing.assert_allclose(greedy.covariances["first"], trace.covariances["first"], atol=1e-3)
    strict = replace(loose, weights={name: 100.0 * weight for name, weight in loose.weights.items()})
    strict = solved("separate-sequential", replace(problem, criteria=(problem.criteria[0], strict)))
    assert strict.details["stage_1_tied"] == 0
    assert strict.details["stage_1_loss"] > 0.0


@pytest.mark.parametrize("key", ["joint-sequential", "shared-sequential", "separate-sequential", "full-ms", "full-bp"])
def test_methods_of_sequences_explain_what_they_need(key, rng):
    scenario = random_scenario(rng, n_targets=1, n_antennas=6, subcarriers=16)
    with pytest.raises(InvalidInput, match="judges designs by links or fused"):
        design_problem(scenario, method=method_named(key))
    assert method_named(key).why_not(design_problem(scenario)) is not None


def test_a_greedy_sequence_needs_power_for_each_stage(rng):
    method = method_named("separate-sequential")
    assert "a power budget of its own" in method.why_not(sequence(rng, is_shared=True))
    both = sequence(rng)
    assert "sees the block of the first stage" in method.why_not(replace(both, criteria=both.criteria[:1]))


def test_one_link_may_have_its_share_or_all_symbols():
    assert method_named("full-ms").judged_by == "monostatic_stage"
    assert method_named("full-ms:symbols=all").judged_by == "monostatic"
    assert method_named("full-bp").judged_by == "bistatic_stage"
    assert method_named("full-bp:symbols=all").judged_by == "bistatic"
    with pytest.raises(InvalidInput, match="must be share or all"):
        method_named("full-bp:symbols=none")
    assert method_named("p1-weighted").judged_by == "links"
