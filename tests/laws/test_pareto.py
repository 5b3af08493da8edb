"""Which points of a trade-off are Pareto-optimal."""

import numpy as np
import pytest

from crbeam import method_named, read_scenario
from crbeam.errors import InvalidInput
from crbeam.evaluation import LinkEvaluation, TradeoffPoint, pareto_optimal, tradeoff
from crbeam.evaluation.bounds import Evaluation
from crbeam.information import Information, ParameterLayout

SEPARATE = ("bistatic", "monostatic")


def point(positioning_m, sensing_m, links=SEPARATE):
    """A point with these root bounds; None for one that does not exist."""
    rows = {name: {} for name in links}
    rows[links[0]]["user_position_m"] = positioning_m
    rows[links[1]]["all_positions_m"] = sensing_m
    nothing = Information(np.eye(1), ParameterLayout.of({"user_position": 1}))
    evaluation = Evaluation({name: LinkEvaluation(name, row, (), None, nothing) for name, row in rows.items()})
    return TradeoffPoint("method", 0.5, InvalidInput("no design is needed here"), evaluation, links)


def dominated_by_definition(first, second):
    """Whether the second of two pairs is at least as good in both and better in one."""
    return second[0] <= first[0] and second[1] <= first[1] and second != first


def test_marks_are_those_of_the_definition(rng):
    pairs = [tuple(row) for row in rng.integers(1, 8, size=(40, 2)).astype(float)]
    marks = pareto_optimal([point(*pair) for pair in pairs])
    expected = tuple(not any(dominated_by_definition(pair, other) for other in pairs) for pair in pairs)
    assert marks == expected
    least_of_one = tuple(pair[0] == min(p[0] for p in pairs) or pair[1] == min(p[1] for p in pairs) for pair in pairs)
    assert least_of_one != expected  # the wrong definition is told apart


def test_equal_points_do_not_dominate_one_another_and_rounding_does_not_count():
    assert pareto_optimal([point(1.0, 2.0), point(1.0, 2.0)]) == (True, True)
    assert pareto_optimal([point(1.0, 2.0), point(1.0 - 1e-6, 2.0 - 1e-6)]) == (True, True)
    assert pareto_optimal([point(1.0, 2.0), point(1.0 - 1e-2, 2.0)]) == (False, True)


def test_fused_points_are_compared_among_themselves():
    separate, fused, worse = point(1.0, 2.0), point(0.1, 0.2, ("fused", "fused")), point(0.2, 0.3, ("fused", "fused"))
    assert pareto_optimal([separate, fused, worse]) == (True, True, False)


@pytest.mark.parametrize("bounds", [(None, 1.0), (1.0, None), (None, None)])
def test_points_without_both_bounds_are_never_marked(bounds):
    assert pareto_optimal([point(*bounds), point(5.0, 5.0)]) == (False, True)


def test_order_does_not_matter(rng):
    points = [point(*pair) for pair in rng.uniform(1.0, 2.0, size=(20, 2))]
    order = rng.permutation(20)
    marks = np.array(pareto_optimal(points))
    assert np.array_equal(marks[order], pareto_optimal([points[index] for index in order]))
    assert 0 < marks.sum() < 20


def test_how_far_a_solver_went_does_not_decide_on_a_mark():
    scenario = read_scenario("zhang2025", overrides=["targets.count=1", "waveform.subcarriers=64"])
    methods = [method_named("fdb-wcrb"), method_named("fdb-wcrb:tolerance=1e-10")]
    assert all(pareto_optimal(tradeoff(scenario, methods, (0.01, 0.5, 0.99, 1.0))))
