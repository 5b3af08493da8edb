"""Marks of Pareto-optimal designs compare with everything that can be sent, not with what was computed."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.design.methods import method_named
from crbeam.errors import InvalidInput
from crbeam.evaluation import pareto_optimal, tradeoff
from crbeam.evaluation.front import Front, Support, corners_below, decided, has_front, supports_of, values_of
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem

SMALL = ("targets.count=1", "waveform.subcarriers=64")


def scene(*overrides):
    return read_scenario("zhang2025", overrides=[*SMALL, *overrides])


def points_of(keys, weights, scenario=None):
    return tradeoff(scenario or scene(), [method_named(key) for key in keys], weights)


def marked(points, method):
    return {
        point.weight: mark for point, mark in zip(points, pareto_optimal(points), strict=True) if point.method == method
    }


def test_a_point_that_a_design_between_the_computed_weights_beats_is_not_marked():
    """The mismatch at weight 0.75 lies above the front, but to the left of every computed optimum."""
    scenario = read_scenario("zhang2025")
    keys, weights = ("fdb-wcrb", "fdb-wcm"), (0.25, 0.5, 0.75)
    points = points_of(keys, weights, scenario)
    assert marked(points, "fdb-wcm") == dict.fromkeys(weights, False)
    assert marked(points, "fdb-wcrb") == dict.fromkeys(weights, True)
    bare = [replace(point, front=None) for point in points]
    assert marked(bare, "fdb-wcm")[0.75]  # by the computed points alone it would be
    (beaten,) = (point.bounds_m for point in points if point.method == "fdb-wcm" and point.weight == 0.75)
    ((better,),) = ([point.bounds_m for point in points_of(["fdb-wcrb"], [0.912], scenario)],)
    assert better[0] < beaten[0]
    assert better[1] < beaten[1]


def test_the_optimum_of_every_convex_problem_has_the_front_of_the_weighted_bound():
    weights = (0.25, 0.75)
    points = points_of(["optimum", "fdb-wcm", "fdb-wcrb"], weights)
    assert marked(points, "optimum") == marked(points, "fdb-wcrb") == dict.fromkeys(weights, True)
    assert len({id(point.front) for point in points}) == 1
    by_method = {key: [each.values for each in points if each.method == key] for key in ("optimum", "fdb-wcrb")}
    np.testing.assert_allclose(by_method["optimum"], by_method["fdb-wcrb"], rtol=1e-3)


def test_where_antennas_have_limits_the_front_keeps_them():
    limited = scene("stations.bs.transmit_array.elements=6", f"stations.bs.power_per_antenna={1.1 * 1e-5 / 6!r} W")
    points = points_of(["optimum", "uniform"], (0.3, 0.7), limited)
    assert set(marked(points, "optimum").values()) == {True}
    assert set(marked(points, "uniform").values()) == {False}
    (free,) = points_of(["optimum"], (0.3,), scene("stations.bs.transmit_array.elements=6"))
    assert points[0].design.lower_bound > free.design.objective * (1.0 + 1e-3)
    assert points[0].front is points[2].front
    assert not points[0].front.reaches(np.array([free.values]))[0]


def test_a_criterion_that_never_counts_has_no_front():
    settings = [
        "waveform.subcarriers=16",
        *(f"requirements.{term}_weight=0" for term in ("user_position", "user_velocity")),
    ]
    problem = design_problem(read_scenario("hamrouni2026", overrides=settings))
    assert len(problem.criteria) == 2
    assert not has_front(problem)


@pytest.mark.slow
def test_marks_do_not_depend_on_what_else_is_computed():
    weights = (0.0, 0.3, 0.75, 1.0)
    alone = marked(points_of(["fdb-wcm"], weights), "fdb-wcm")
    together = marked(points_of(["fdb-wcm", "fdb-wcrb"], weights), "fdb-wcm")
    one_by_one = {weight: marked(points_of(["fdb-wcm"], [weight]), "fdb-wcm")[weight] for weight in weights}
    assert alone == together == one_by_one
    assert not alone[0.75]
    assert alone[1.0]  # there it is the optimum itself


@pytest.mark.slow
def test_codewords_have_a_front_of_their_own():
    """Alone, the best of the codewords are marked; beside beams that are free they are not."""
    weights = (0.3, 0.5, 0.7)
    assert all(marked(points_of(["cpa-wcrb"], weights), "cpa-wcrb").values())
    both = points_of(["cpa-wcrb", "fdb-wcrb"], weights)
    assert not any(marked(both, "cpa-wcrb").values())
    assert all(marked(both, "fdb-wcrb").values())


def test_phase_shifters_have_no_front():
    method = method_named("analog-fdb")
    assert not has_front(design_problem(scene(), method=method))
    assert has_front(design_problem(scene()))


def test_decided_corners_agree_with_a_fine_sweep():
    """Pairs just above and just below certified designs are told apart, by designs at other weights."""
    problem = design_problem(scene())
    weights = 0.5 - 0.5 * np.cos(np.pi * np.linspace(0.02, 0.98, 60))
    sweep = supports_of(problem, list(weights))
    values = np.array([each.values for each in sweep])
    rng = np.random.default_rng(1)
    place = rng.integers(0, len(values), size=60)
    scales = np.concatenate([np.full((30, 2), 1.002), np.full((30, 2), 0.998)])
    corners = values[place] * scales
    front = decided(problem, Front(()), corners)
    np.testing.assert_array_equal(front.reaches(corners), scales[:, 0] > 1.0)
    np.testing.assert_array_equal(front.excludes(corners), scales[:, 0] < 1.0)
    assert len(front.supports) < 80


def test_mixtures_of_designs_are_at_least_as_good_as_the_chord():
    """What makes a chord an inner approximation: values are convex in the covariance."""
    problem, method = design_problem(scene()), method_named("fdb-wcrb")
    first, second = (
        method.solve(problem.with_criterion_weights(weight, 1.0 - weight)).covariances for weight in (0.1, 0.95)
    )
    ends = [np.array(values_of(problem, each)) for each in (first, second)]
    for share in (0.2, 0.5, 0.8):
        mixture = np.array(values_of(problem, share * first + (1.0 - share) * second))
        assert np.all(mixture < share * ends[0] + (1.0 - share) * ends[1])


def test_inner_and_outer_approximation():
    front = Front((Support(0.5, 1.0, (1.0, 1.0)), Support(0.9, 0.9, (0.5, 9.0)), Support(1.0, 0.4, (0.4, np.inf))))
    corners = np.array([[0.75, 5.0], [0.75, 4.9], [0.39, 99.0], [1.0, 1.0], [0.5, 8.9], [2.0, 1.0], [2.0, 0.99]])
    assert front.reaches(corners).tolist() == [True, False, False, True, False, True, False]
    assert front.excludes(corners).tolist() == [False, False, True, False, False, False, False]
    assert not front.reaches(np.zeros((1, 2))).any()
    assert front.excludes(np.zeros((1, 2))).all()
    nothing = Front(())
    assert not (nothing.reaches(corners) | nothing.excludes(corners)).any()


def test_points_above_the_chord_of_others_are_no_vertices():
    """A poor design does not make the inner approximation worse."""
    good = (Support(0.2, 0.0, (4.0, 1.0)), Support(0.8, 0.0, (1.0, 4.0)))
    poor = Support(0.5, 0.0, (3.0, 3.0))
    corner = np.array([[2.5, 2.5]])
    assert Front(good).reaches(corner).all()
    assert Front((*good, poor)).reaches(corner).all()
    assert not Front((good[0], poor)).reaches(corner).any()


def test_what_cannot_be_improved_has_no_corner():
    assert corners_below((0.0, 0.0), tolerance=1e-3, slack=1e-5).shape == (0, 2)
    assert corners_below((np.inf, 1.0), tolerance=1e-3, slack=1e-5).shape == (0, 2)
    np.testing.assert_allclose(corners_below((0.0, 2.0), tolerance=0.1, slack=0.0), [[0.0, 1.8]])
    assert corners_below((1.0, 2.0), tolerance=0.1, slack=0.0).shape == (2, 2)


def test_a_method_with_nothing_to_weigh_gives_one_point():
    scenario = read_scenario("hamrouni2026", overrides=["waveform.subcarriers=64"])
    points = points_of(["full-bp", "fdb-wcrb"], (0.3, 0.7), scenario)
    assert [(point.method, point.weight) for point in points] == [
        ("full-bp", None),
        ("fdb-wcrb", 0.3),
        ("fdb-wcrb", 0.7),
    ]
    assert points[0].links == ("bistatic_stage", "bistatic_stage")
    assert pareto_optimal(points)[0] is False


def test_losses_decide_where_they_are_not_the_bounds():
    """In hamrouni2026 velocities are part of the loss."""
    scenario = read_scenario("hamrouni2026", overrides=["waveform.subcarriers=64"])
    (point,) = points_of(["fdb-wcrb"], (0.5,), scenario)
    problem = design_problem(scenario)
    assert point.values == values_of(problem, point.design.covariances)
    assert point.values[0] != pytest.approx(point.bounds_m[0] ** 2, rel=1e-2)
    static = points_of(["fdb-wcrb"], (0.5,))[0]
    assert static.values == pytest.approx(tuple(np.square(static.bounds_m)), rel=1e-9)


def test_a_method_that_does_not_apply_leaves_the_others():
    points = points_of(["fdb-wcrb", "full-ms"], (0.5,))
    assert [isinstance(point.design, InvalidInput) for point in points] == [False, True]
    with pytest.raises(InvalidInput, match="monostatic_stage"):
        points_of(["full-ms"], (0.5,))
