"""Weights of the terms of a loss: of families of parameters in a criterion, and of requirements in a scenario."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam import Hinge, WeightedBound, certify, method_named, read_scenario
from crbeam.design import AntennaPower, objective_at
from crbeam.design.convex.solution import convex_optimum
from crbeam.errors import InvalidInput, InvalidScenario
from crbeam.systems import system_of
from crbeam.testing import objective_of
from crbeam.testing.conic_reference import conic_optimum

SMALL = (
    "waveform.subcarriers=16",
    "waveform.slots=4",
    "waveform.symbols_per_slot=10",
    "propagation.path_loss_exponent=2",
)
WEIGHTS = {"user_position": 3.0, "user_velocity": 0.5, "target_position": 2.0}
SENSING = {"sensing_user_position": 4.0, "sensing_target_position": 0.25}


def scene(loss, weights=None, *overrides):
    settings = [f"requirements.{term}_weight={weight}" for term, weight in (weights or {}).items()]
    return read_scenario("hamrouni2026", overrides=[*SMALL, f"requirements.loss={loss}", *settings, *overrides])


def problem_of(scenario, judged_by="posterior", weight=0.7):
    return system_of(scenario).design_problem(weight=weight, judged_by=judged_by)


def ratios(scenario, sent):
    """Root bounds in units of their requirements, by term, from the information of both stages and of sensing."""
    wanted, found = scenario.requirements, {}
    for link, prefix in (("posterior", ""), ("monostatic_stage", "sensing_")):
        information = system_of(scenario).link_map(link).at(sent)
        targets = information.layout.family("target_position")
        squares_m2 = [information.root_bound([name]) ** 2 for name in targets]
        threshold_m = getattr(wanted, f"{prefix}target_position_m")
        found[f"{prefix}target_position"] = np.sqrt(np.mean(squares_m2)) / threshold_m
        user_m = information.root_bound(["user_position"])
        found[f"{prefix}user_position"] = user_m / getattr(wanted, f"{prefix}user_position_m")
    speed_mps = system_of(scenario).link_map("posterior").at(sent).root_bound(["user_velocity"])
    found["user_velocity"] = speed_mps / wanted.user_velocity_mps
    return found


@pytest.mark.parametrize("loss", ["trace", "hinge2"])
def test_the_loss_is_the_weighted_sum_of_its_terms(loss):
    tight = ["requirements.target_position=0.01 mm"]
    scenario = scene(loss, {**WEIGHTS, **SENSING}, *tight)
    problem = problem_of(scenario)
    sent = problem.isotropic()
    terms = {
        term: ratio**2 if loss == "trace" else max(0.0, ratio - 1.0) ** 2
        for term, ratio in ratios(scenario, sent).items()
    }
    assert loss == "trace" or terms["target_position"] > 0.0
    expected = 0.7 * sum(weight * terms[term] for term, weight in WEIGHTS.items())
    expected += 0.3 * sum(weight * terms[term] for term, weight in SENSING.items())
    assert objective_at(problem, sent) == pytest.approx(expected, rel=1e-10)
    assert objective_of(problem, sent) == pytest.approx(expected, rel=1e-8)
    assert objective_at(problem_of(scene(loss, None, *tight)), sent) != pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("loss", ["trace", "hinge2"])
def test_twice_all_weights_is_twice_the_loss(loss):
    once, twice = (problem_of(scene(loss, dict.fromkeys((*WEIGHTS, *SENSING), weight))) for weight in (1.0, 2.0))
    plain = problem_of(scene(loss))
    first, second, same = (method_named("optimum").solve(each) for each in (once, twice, plain))
    assert same.objective == first.objective
    assert second.objective == pytest.approx(2.0 * first.objective, rel=2e-6)
    assert objective_at(twice, first.covariances) == pytest.approx(2.0 * first.objective, rel=1e-12)


@pytest.mark.parametrize("loss", ["trace", "hinge2"])
def test_optima_of_weighted_terms_are_certified_by_both_engines(loss):
    problem = problem_of(scene(loss, {**WEIGHTS, **SENSING}))
    design = method_named("optimum").solve(problem)
    assert design.objective > 0.0
    assert 0.0 <= design.gap <= 1e-6
    other = certify(problem, convex_optimum(problem, tolerance=1e-6).covariances)
    assert other.objective == pytest.approx(design.objective, rel=2e-6)
    assert other.lower_bound <= design.objective
    plain = objective_at(problem, method_named("optimum").solve(problem_of(scene(loss))).covariances)
    assert design.objective < plain * (1.0 - 1e-4)


@pytest.mark.parametrize("loss", ["trace", "hinge2"])
def test_they_agree_with_a_conic_program_where_antennas_have_limits_too(loss):
    scenario = scene(loss, {**WEIGHTS, **SENSING}, "stations.bs.transmit_array.elements=4", "targets.count=1")
    free = problem_of(scenario)
    problem = free.with_constraints(
        *(AntennaPower(each, np.full(4, free.budgets[0].power_per_subcarrier_w / 3.6)) for each in free.blocks)
    )
    design, answer = method_named("optimum").solve(problem), conic_optimum(problem)
    assert design.gap <= 1e-6
    assert answer.status == "optimal"
    assert design.objective == pytest.approx(answer.objective, rel=1e-4)


@pytest.mark.parametrize("loss", ["trace", "hinge2"])
def test_a_term_of_weight_zero_is_left_out(loss):
    problem = problem_of(scene(loss, {"user_velocity": 0.0}), "bistatic_stage")
    (criterion,) = problem.criteria
    assert criterion.requested == ("user_position",)
    assert criterion.families == (("user_position",),)
    np.testing.assert_array_equal(criterion.family_levels, [0.7] if len(problem.criteria) > 1 else [1.0])
    alone = replace(criterion, weights={"user_position": criterion.weights["user_position"]}, family_weights={})
    other = replace(problem, criteria=(alone,))
    sent = problem.isotropic()
    assert objective_at(problem, sent) == pytest.approx(objective_at(other, sent), rel=1e-12)


def test_family_weights_multiply_those_of_parameters():
    problem = problem_of(scene("trace", WEIGHTS), "links")
    folded = [
        replace(each, weights={name: each.weight_of(name) / each.weight for name in each.weights}, family_weights={})
        for each in problem.criteria
    ]
    other = replace(problem, criteria=tuple(folded))
    sent = problem.isotropic()
    assert objective_at(problem, sent) == pytest.approx(objective_at(other, sent), rel=1e-12)
    hinges = [objective_at(replace(each, objective=Hinge()), sent) for each in (problem, other)]
    assert hinges[0] != pytest.approx(hinges[1], rel=1e-5)  # there the weights of parameters are units of their bounds
    assert isinstance(problem.objective, WeightedBound)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"target": 1.0}, "must be among"),
        ({"user_position": -1.0}, "at least 0"),
        ({"user_position": np.nan}, "at least 0"),
    ],
)
def test_weights_of_families_that_make_no_sense_are_refused(weights, words):
    (criterion, _) = problem_of(scene("trace")).criteria
    with pytest.raises(InvalidInput, match=words):
        replace(criterion, family_weights=weights)


@pytest.mark.parametrize(
    ("settings", "field", "words"),
    [
        (["requirements.target_position_weight=-1"], "requirements.target_position_weight", "number from 0 to 1e+12"),
        (["requirements.target_position_weight=1 m"], "requirements.target_position_weight", "found `1 m`"),
        (["requirements.target_weight=2"], "requirements.target_weight", "target_position_weight"),
        (
            [f"requirements.{term}_weight=0" for term in (*WEIGHTS, *SENSING)],
            "requirements.user_position_weight",
            "found 0 for all terms of the loss",
        ),
    ],
)
def test_weights_that_make_no_sense_are_refused_at_their_field(settings, field, words):
    with pytest.raises(InvalidScenario) as error:
        read_scenario("hamrouni2026", overrides=settings)
    assert error.value.field == field
    assert words in str(error.value)


def test_a_design_for_terms_that_do_not_count_is_refused():
    with pytest.raises(InvalidInput, match="must have a positive weight, but none has"):
        problem_of(scene("trace", dict.fromkeys(SENSING, 0.0)), "monostatic_stage")
