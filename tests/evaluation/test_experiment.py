"""An experiment answers as the functions of its scenario do."""

import numpy as np
import pytest

from crbeam import (
    Experiment,
    InvalidInput,
    Unidentifiable,
    design_problem,
    evaluate,
    method_named,
    position_error_map,
    read,
    read_scenario,
    tradeoff,
)
from crbeam.design import Design
from crbeam.evaluation import TrialPlan
from crbeam.systems import isotropic_transmission

SMALL = ("stations.bs.transmit_array.elements=8", "targets.count=2")
#: Four receivers of which a budget pays for some.
OPEN = ("receivers.count=4", "receivers.cost_budget=150", "receivers.selected=null")


def quantities(evaluation):
    return {name: dict(link.quantities) for name, link in evaluation.links.items()}


@pytest.fixture(scope="module")
def experiment():
    return read("zhang2025", *SMALL)


@pytest.fixture(scope="module")
def scenario():
    return read_scenario("zhang2025", overrides=SMALL)


def test_it_is_read_as_a_scenario_is(experiment, scenario):
    assert experiment.scenario == scenario
    assert read("zhang2025", seed=4).scenario == read_scenario("zhang2025", seed=4)
    with pytest.raises(InvalidInput, match="zhang2025"):
        read("zang2025")


def test_bounds_of_a_design_of_covariances_and_of_none(experiment, scenario):
    assert quantities(experiment.bounds()) == quantities(evaluate(scenario, isotropic_transmission(scenario)))
    design = experiment.design(weight=0.3)
    expected = quantities(evaluate(scenario, design.covariances))
    assert quantities(experiment.bounds(design)) == expected
    assert quantities(experiment.bounds(design.covariances)) == expected
    assert expected != quantities(experiment.bounds())


def test_designs_are_those_of_the_method(experiment, scenario):
    found = experiment.design(method="cpa-wcrb", weight=0.3)
    method = method_named("cpa-wcrb")
    own = method.solve(design_problem(scenario, weight=0.3, method=method))
    assert found.objective == own.objective
    assert experiment.design(method=method, weight=0.3).objective == own.objective
    assert experiment.design().method == "optimum"
    assert read("li2024-downlink").method().key == "optimum"


def test_curves_and_maps(experiment, scenario):
    (point, _) = experiment.tradeoff([0.2, 0.8])
    (expected, _) = tradeoff(scenario, [method_named("optimum")], [0.2, 0.8])
    assert point.bounds_m == pytest.approx(expected.bounds_m, rel=1e-9)
    x_m, y_m = np.array([20.0, 25.0]), np.array([5.0])
    found = experiment.map(grid_m=(x_m, y_m), link="bistatic")
    own = position_error_map(scenario, isotropic_transmission(scenario), x_m=x_m, y_m=y_m)
    assert np.array_equal(found.root_bound_m, own.root_bound_m)
    assert experiment.map(grid_m=3).root_bound_m.shape == (3, 3)


def test_what_a_design_chose_goes_with_it():
    """Bounds of a design are those of the receivers that it selected, not of all."""
    experiment = read("wang2024", *OPEN)
    design = experiment.design()
    assert 0 < len(design.selected) < 4
    chosen = experiment.with_selected(design.selected)
    names = experiment.scenario.receivers.names
    assert [names[number] for number in chosen.scenario.receivers.selected] == list(design.selected)
    fused = quantities(experiment.bounds(design))["fused"]
    assert fused == quantities(chosen.bounds(design.covariances))["fused"]
    assert fused["target_position_m"] > quantities(experiment.bounds(design.covariances))["fused"]["target_position_m"]


@pytest.mark.slow
def test_estimates_of_a_design_and_of_the_default_one():
    experiment = read("li2024-uplink", "stations.main.transmit_array.elements=32")
    plan = TrialPlan(("own",), trials=4)
    check = experiment.estimate(plan=plan)
    _, lit = experiment.design_for_estimates()
    again = experiment.estimate(lit, plan=plan)
    assert [each.points[0].quantities for each in again.links.values()] == [
        each.points[0].quantities for each in check.links.values()
    ]
    assert experiment.system.illumination_share(lit.covariances["assisting"]) >= 0.1 * (1.0 - 1e-9)


def test_where_all_together_tell_nothing_one_receiver_is_estimated():
    """One receiver cannot locate with the others: the default design is for it alone."""
    alone = read("wang2024", "receivers.selected=[0]")
    with pytest.raises(Unidentifiable):
        alone.design()
    chosen, design = alone.design_for_estimates(links=["receiver0"])
    assert isinstance(design, Design)
    assert chosen.scenario.receivers.selected == (0,)


def test_what_has_no_estimators_says_so():
    with pytest.raises(InvalidInput, match="No estimators are offered"):
        read("xu2023").design_for_estimates()
    with pytest.raises(InvalidInput, match="near-field echo only"):
        read("zhang2025").design_for_estimates(illumination=0.3)


def test_experiments_share_nothing_but_their_own(experiment, scenario):
    other = Experiment.of(scenario)
    assert other.problem() is other.problem()
    assert other.problem() is not experiment.problem()
