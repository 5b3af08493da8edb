"""The loss of root bounds beyond their thresholds: value, derivatives, convexity, certificate and optimum."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.design import (
    Codebook,
    Criterion,
    Design,
    DesignProblem,
    Hinge,
    PowerBudget,
    WeightedBound,
    certify,
    objective_at,
)
from crbeam.design import weighted_bound as trace_loss
from crbeam.design.certificate import Certificate, hinge_terms
from crbeam.design.methods import METHODS, method_named
from crbeam.testing import (
    assert_certificate,
    assert_sound,
    objective_of,
    random_feasible,
    random_map,
    random_scenario,
    two_stage_problem,
    with_position_prior,
)

SIZES = {"position[0]": 2, "position[1]": 1, "clock": 1, "gain": 2}


def random_hinge(rng, *, level, prior=0.0, is_shared=False):
    """Two criteria over two blocks, whose thresholds are about `level` times root bounds that can be had together."""
    maps = [random_map(rng, antennas=dict.fromkeys(blocks, 6), prior=prior, sizes=SIZES) for blocks in ("ab", "b")]
    budgets = (PowerBudget(("a", "b"), 3.0),) if is_shared else (PowerBudget(("a",), 2.0), PowerBudget(("b",), 1.0))
    plain = [dict.fromkeys(names, 1.0) for names in (("position[0]", "position[1]", "clock"), ("position[0]",))]
    problem = DesignProblem(tuple(Criterion(each, weights) for each, weights in zip(maps, plain, strict=True)), budgets)
    reached = method_named("fdb-wcrb").solve(problem).covariances
    criteria = []
    for criterion, weight in zip(problem.criteria, (1.0, 0.4), strict=True):
        information = criterion.map.at(reached)
        weights = {}
        for family in criterion.families:
            squared = level**2 * rng.uniform(0.7, 1.4) * sum(np.trace(information.bound([name])) for name in family)
            weights |= dict.fromkeys(family, 1.0 / squared)
        criteria.append(replace(criterion, weights=weights, weight=weight))
    return replace(problem, criteria=tuple(criteria), objective=Hinge())


def transmissions(problem, rng, count=4):
    return [random_feasible(problem, rng) for _ in range(count)]


@pytest.mark.parametrize("squared", [0.0, 0.2, 1.0, 1.0 + 1e-9, 1.7, 30.0, 1e9])
@pytest.mark.parametrize("level", [1.0, 0.3])
def test_the_loss_is_the_largest_of_lines(squared, level):
    """`W h(b) = max_s W (s b - s / (1 - s))`, reached at the slope, and the slope is its derivative."""
    terms = hinge_terms(np.array([level * squared]), np.array([level]))
    value, slope, offset = (float(each[0]) for each in (terms.values, terms.slopes, terms.offsets))
    assert value == pytest.approx(level * max(0.0, np.sqrt(squared) - 1.0) ** 2, rel=1e-6, abs=1e-15)
    assert slope * level * squared - offset == pytest.approx(value, rel=1e-6, abs=1e-14)
    tried = np.linspace(0.0, 0.999, 500)
    assert np.all(level * (tried * squared - tried / (1.0 - tried)) <= value * (1.0 + 1e-9) + 1e-12)
    step = 1e-6 * max(squared, 1.0)
    if abs(squared - 1.0) > 1e-3:
        around = [hinge_terms(np.array([level * (squared + s)]), np.array([level])) for s in (step, -step)]
        rise = float(around[0].values[0] - around[1].values[0]) / (2.0 * step * level)
        assert slope == pytest.approx(rise, rel=1e-5, abs=1e-9)


def test_families_are_names_without_their_index(rng):
    problem = random_hinge(rng, level=0.5)
    assert problem.criteria[0].families == (("position[0]", "position[1]"), ("clock",))
    assert problem.criteria[0].family_of_direction.tolist() == [0, 0, 0, 1]
    sent = random_feasible(problem, rng)
    assert objective_at(problem, sent) == pytest.approx(objective_of(problem, sent), rel=1e-9)
    shares = problem.criteria[0].weights
    renamed = problem.criteria[0].map.renamed({"position[1]": "other"})
    apart = replace(problem.criteria[0], map=renamed, weights={"position[0]": shares["position[0]"], "other": 1e-9})
    assert apart.families == (("position[0]",), ("other",))


def test_the_loss_is_convex(rng):
    """Also in the middle between two transmissions."""
    for _ in range(20):
        problem = random_hinge(rng, level=float(rng.uniform(0.6, 1.5)), prior=float(rng.choice([0.0, 0.3])))
        first, second = transmissions(problem, rng, 2)
        ends = [objective_at(problem, sent) for sent in (first, second)]
        assert objective_at(problem, 0.5 * (first + second)) <= 0.5 * sum(ends) * (1.0 + 1e-12)


def two_sided(problem, sent):
    """Squared distance from the thresholds on both sides, which is not convex."""
    total = 0.0
    for criterion in problem.criteria:
        information = criterion.map.at(sent)
        for family in criterion.families:
            squared = sum(criterion.weights[name] * np.trace(information.bound([name])) for name in family)
            total += criterion.weight * (np.sqrt(squared) - 1.0) ** 2
    return total


def test_a_distance_on_both_sides_would_not_be_convex(rng):
    found = []
    for _ in range(30):
        problem = random_hinge(rng, level=3.0)
        first, second = transmissions(problem, rng, 2)
        middle = two_sided(problem, 0.5 * (first + second))
        found.append(middle > 0.5 * (two_sided(problem, first) + two_sided(problem, second)) * (1.0 + 1e-6))
    assert any(found)


@pytest.mark.parametrize("prior", [0.0, 0.5])
def test_the_certificate_is_below_every_transmission(prior, rng):
    for level in (0.1, 0.6, 1.0):
        problem = random_hinge(rng, level=level, prior=prior, is_shared=level == 0.6)
        best = method_named("fdb-wcrb").solve(problem).covariances
        assert_certificate(problem, [*transmissions(problem, rng), best])


def without_the_offset(problem, covariances):
    """As if the weighted bound with the slopes of the loss were a bound on the loss."""
    proof = certify(problem, covariances)
    weighted = replace(problem, objective=WeightedBound(), criteria=sloped(problem, covariances))
    return Certificate(proof.objective, min(certify(weighted, covariances).lower_bound, proof.objective))


def sloped(problem, covariances):
    """The criteria with each family's weights multiplied by the slope of its loss."""
    criteria = []
    for criterion in problem.criteria:
        information = criterion.map.at(covariances)
        weights = {}
        for family in criterion.families:
            squared = sum(criterion.weights[name] * np.trace(information.bound([name])) for name in family)
            slope = max(0.0, 1.0 - 1.0 / np.sqrt(squared))
            weights |= {name: slope * criterion.weights[name] for name in family}
        criteria.append(replace(criterion, weights=weights))
    return tuple(criteria)


def test_the_certificate_needs_its_offset(rng):
    problem = random_hinge(rng, level=0.6)
    best = method_named("fdb-wcrb").solve(problem).covariances
    tried = [best, *transmissions(problem, rng)]
    assert_certificate(problem, tried)
    with pytest.raises(AssertionError, match="claimed lower bound"):
        assert_certificate(problem, tried, without_the_offset)


def test_the_certificate_is_the_sloped_weighted_bound_less_its_offset(rng):
    problem = random_hinge(rng, level=0.6, prior=0.3)
    sent = random_feasible(problem, rng)
    weighted = replace(problem, objective=WeightedBound(), criteria=sloped(problem, sent))
    offset = trace_loss(weighted, sent) - objective_at(problem, sent)
    proof = certify(problem, sent)
    assert proof.lower_bound == pytest.approx(max(certify(weighted, sent).lower_bound - offset, 0.0), rel=1e-8)
    assert proof.trace_loss == pytest.approx(trace_loss(problem, sent))


@pytest.mark.parametrize("level", [0.02, 0.5, 0.8, 0.9, 0.95, 1.0, 1.2, 3.0])
@pytest.mark.parametrize("is_shared", [True, False])
def test_the_optimum_is_certified(level, is_shared, rng):
    for prior in (0.0, 0.2):
        problem = random_hinge(rng, level=level, prior=prior, is_shared=is_shared)
        design = method_named("fdb-wcrb").solve(problem)
        assert design.status.key == "optimal"
        assert design.gap <= 1e-6
        assert_sound(problem, design, witnesses=transmissions(problem, rng))
        assert design.details["trace_loss"] == pytest.approx(trace_loss(problem, design.covariances))


@pytest.mark.parametrize("level", [0.3, 0.85, 1.0])
def test_the_conic_program_finds_the_same(level, rng):
    problem = random_hinge(rng, level=level)
    own, conic = (method_named(key).solve(problem) for key in ("fdb-wcrb", "conic-wcrb"))
    assert own.objective == pytest.approx(conic.objective, rel=1e-4, abs=1e-7)
    assert_sound(problem, own, witnesses=[conic.covariances])
    assert_sound(problem, conic, witnesses=[own.covariances])


def test_the_optimum_of_the_weighted_bound_is_worse_than_that_of_the_loss(rng):
    problem = random_hinge(rng, level=0.7)
    design = method_named("fdb-wcrb").solve(problem)
    other = method_named("fdb-wcrb").solve(replace(problem, objective=WeightedBound()))
    assert objective_at(problem, other.covariances) > design.objective * (1.0 + 1e-3)
    assert other.objective < design.details["trace_loss"]


def hard_tie(rng):
    """A problem whose thresholds can just be met, although the least weighted bound does not meet them."""
    method = method_named("fdb-wcrb")
    for _ in range(30):
        candidate = random_hinge(rng, level=float(rng.uniform(0.95, 1.1)))
        design = method.solve(candidate)
        trace_optimum = method.solve(replace(candidate, objective=WeightedBound()))
        if design.objective == 0.0 and objective_at(candidate, trace_optimum.covariances) > 1e-4:
            return candidate, design, trace_optimum
    raise AssertionError("no such problem was drawn")


def test_a_tie_is_broken_by_the_weighted_bound(rng):
    """Among transmissions that meet all thresholds, the least weighted bound; the certified gap of that is recorded."""
    problem, design, trace_optimum = hard_tie(rng)
    assert design.details["tied"] == 1
    assert design.details["tie_break_gap"] <= 1e-6
    assert design.lower_bound == 0.0
    assert trace_optimum.objective < design.details["trace_loss"]
    rivals = [design.covariances + step * (trace_optimum.covariances - design.covariances) for step in (0.01, 0.1, 0.5)]
    rivals += [0.9 * design.covariances + 0.1 * sent for sent in transmissions(problem, rng, 30)]
    for rival in rivals:
        if objective_at(problem, rival) == 0.0:
            assert trace_loss(problem, rival) >= design.details["trace_loss"] * (1.0 - 1e-5)
    assert any(objective_at(problem, rival) > 0.0 for rival in rivals)


def test_an_easy_tie_is_the_least_weighted_bound_itself(rng):
    problem = random_hinge(rng, level=4.0)
    design = method_named("fdb-wcrb").solve(problem)
    plain = method_named("fdb-wcrb").solve(replace(problem, objective=WeightedBound()))
    assert design.objective == 0.0
    assert design.gap == 0.0
    assert design.details["trace_loss"] == pytest.approx(plain.objective, rel=2e-6)
    assert design.status.key == "optimal"


def test_a_batch_has_the_losses_of_its_items(rng):
    problems = [random_hinge(rng, level=level) for level in (0.5, 0.9, 1.0, 4.0)]
    problems += [with_position_prior(problems[1]), replace(problems[0], objective=WeightedBound())]
    batch = method_named("fdb-wcrb").solve_many(problems)
    for problem, design in zip(problems, batch, strict=True):
        assert isinstance(design, Design)
        alone = method_named("fdb-wcrb").solve(problem)
        assert design.objective == pytest.approx(alone.objective, rel=2e-6, abs=1e-12)


def test_baselines_are_graded_by_the_loss_and_its_optimum(rng):
    problem = random_hinge(rng, level=0.6)
    optimum = method_named("fdb-wcrb").solve(problem)
    design = method_named("uniform").solve(problem)
    assert design.objective == pytest.approx(objective_of(problem, problem.isotropic()))
    assert design.lower_bound == pytest.approx(optimum.lower_bound, rel=1e-5)
    assert "thresholds" in design.bound_note


def test_powers_of_given_beams_minimise_the_loss(rng):
    problem = random_hinge(rng, level=0.6)
    words = rng.standard_normal((6, 9)) + 1j * rng.standard_normal((6, 9))
    restricted = problem.with_constraints(*(Codebook(block, words) for block in problem.blocks))
    design, free = method_named("cpa-wcrb").solve(restricted), method_named("fdb-wcrb").solve(problem)
    assert design.gap <= 1e-6
    assert free.objective < design.objective
    assert_sound(restricted, design, witnesses=transmissions(restricted, rng))


def test_powers_of_given_beams_share_a_budget():
    """Thresholds that cannot all be met with them, although twice the power would do."""
    for seed, level in ((0, 1.2), (2, 1.5)):
        rng = np.random.default_rng(seed)
        problem = random_hinge(rng, level=level, is_shared=True)
        words = rng.standard_normal((6, 9)) + 1j * rng.standard_normal((6, 9))
        restricted = problem.with_constraints(*(Codebook(block, words) for block in problem.blocks))
        design = method_named("cpa-wcrb").solve(restricted)
        assert design.status.key == "optimal"
        assert_sound(restricted, design, witnesses=transmissions(restricted, rng))


@pytest.mark.parametrize("key", ["fdb-wcm", "fdb-wbf", "cpa-wcm", "analog-wcrb", "analog-fdb"])
def test_methods_of_guides_refuse_thresholds(key, rng):
    problem = replace(two_stage_problem(random_scenario(rng, n_targets=1, n_antennas=6)), objective=Hinge())
    assert METHODS[key]().why_not(problem) == (
        f"{key} compromises between the least bounds, but this problem asks to meet thresholds."
    )
