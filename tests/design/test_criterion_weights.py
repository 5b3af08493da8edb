"""Criteria with weights of their own, guides, and problems of a curve that share their maps."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam import Criterion, certify, design_problem, design_problems, method_named, read_scenario
from crbeam.design import weighted_bound
from crbeam.design.guides import guides_of
from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.systems.zhang2025 import Zhang2025
from crbeam.testing import unidentifiable_copy


@pytest.fixture(scope="module")
def scenario():
    return read_scenario("zhang2025", overrides=["targets.count=2", "waveform.subcarriers=32"])


def test_weight_of_a_criterion_multiplies_those_of_its_parameters(scenario):
    problem = design_problem(scenario, weight=0.3)
    folded = replace(
        problem,
        criteria=tuple(
            Criterion(part.map, {name: part.weight * value for name, value in part.weights.items()}, part.name)
            for part in problem.criteria
        ),
    )
    isotropic = problem.isotropic()
    assert weighted_bound(problem, isotropic) == pytest.approx(weighted_bound(folded, isotropic), rel=1e-13)
    ignored = problem.with_criterion_weights(1.0, 1.0)
    assert weighted_bound(ignored, isotropic) != pytest.approx(weighted_bound(folded, isotropic), rel=1e-3)


@pytest.mark.parametrize("weight", [-0.1, np.nan, np.inf])
def test_weight_of_a_criterion_must_be_a_number_of_at_least_zero(scenario, weight):
    with pytest.raises(InvalidInput, match="weight of criterion `bistatic` must be at least 0"):
        design_problem(scenario).with_criterion_weights(weight, 1.0)


def test_problems_of_a_curve_are_those_of_their_weights(scenario):
    weights = (0.0, 0.25, 1.0)
    problems = design_problems(scenario, weights)
    assert len({id(problem.criteria[0].map) for problem in problems}) == 1
    method = method_named("fdb-wcrb")
    for weight, problem in zip(weights, problems, strict=True):
        alone = design_problem(scenario, weight=weight)
        assert method.solve(problem).objective == pytest.approx(method.solve(alone).objective, rel=1e-9)
    for wrong, found in (((0.5, 1.5), "1.5"), ((), "none")):
        with pytest.raises(InvalidInput, match=f"all between 0 and 1, found {found}"):
            design_problems(scenario, wrong)


@pytest.mark.parametrize("key", ["fdb-wcrb", "cpa-wcrb"])
def test_guides_are_the_optima_of_each_criterion_alone(scenario, key):
    method = method_named(key)
    problem = design_problem(scenario, weight=0.2, method=method)
    (guides,) = guides_of([problem])
    assert [guide.share for guide in guides] == pytest.approx([0.2, 0.8])
    for place, guide in enumerate(guides):
        alone = problem.with_criterion_weights(*(float(place == other) for other in range(2)))
        assert certify(alone, guide.covariances).gap <= 1e-9
    assert certify(problem, guides[0].covariances).gap > 1e-3  # a guide is not the compromise


def test_a_criterion_without_weight_has_no_guide(scenario):
    for weight, other in ((0.0, 1.0), (1.0, 0.0)):
        (guides,) = guides_of([design_problem(scenario, weight=weight)])
        assert [guide.share for guide in guides] == [1.0]
        assert max(weight, other) == 1.0


def test_problems_that_share_maps_share_guides_and_others_do_not(scenario):
    curve = design_problems(scenario, (0.2, 0.6))
    restricted = curve[0].with_constraints(Zhang2025(scenario).codebook())
    first, second, words = guides_of([*curve, restricted])
    assert first[0].covariances is second[0].covariances
    (word,), (free,) = words[0].covariances.values(), first[0].covariances.values()
    assert np.linalg.norm(word - free) > 1e-3 * np.linalg.norm(free)


def test_given_guides_are_taken(scenario):
    problem = design_problem(scenario, weight=0.2)
    given = (problem.isotropic(), 2.0 * problem.isotropic())
    (guides,) = guides_of([replace(problem, guides=given)])
    assert all(guide.covariances is one for guide, one in zip(guides, given, strict=True))
    with pytest.raises(InvalidInput, match="a guide for each of the 2 criteria"):
        replace(problem, guides=given[:1])


def test_a_failure_stands_in_place_of_its_guides_only(scenario):
    problem = design_problem(scenario)
    (alone,) = guides_of([problem])
    bad, good = guides_of([unidentifiable_copy(problem), problem])
    assert isinstance(bad, Unidentifiable)
    for one, other in zip(alone, good, strict=True):
        assert one.covariances.keys() == other.covariances.keys()
        assert all(np.array_equal(one.covariances[block], other.covariances[block]) for block in one.covariances)
