"""The check of estimators against bounds: reproducible, and its verdicts follow from its numbers."""

import os
from dataclasses import replace

import numpy as np
import pytest

from crbeam.errors import CrbeamError, InvalidInput, Unidentifiable
from crbeam.estimation import Failure
from crbeam.evaluation import Estimator, TrialPlan, check_estimator, estimator_trials, evaluate
from crbeam.evaluation.error_statistics import Interval, root_mean_square, share
from crbeam.evaluation.estimator_check import LinkCheck, QuantityCheck, SnrCheck, _judged, own_snr_db
from crbeam.evaluation.estimator_trials import TrialErrors, run_trials
from crbeam.evaluation.path_trials import path_subjects
from crbeam.information.parameters import ParameterLayout
from crbeam.scenario import read_scenario

from .trials import MUNICH, designed

SMALL = ["waveform.subcarriers=64", "targets.count=2"]


@pytest.fixture(scope="module")
def scene():
    return designed("zhang2025", overrides=SMALL)


def check(scene, links=("bistatic",), **options):
    plan = TrialPlan(**{"snr_db": (15.0, 20.0), "trials": 4, **options})
    return check_estimator(scene.scenario, scene.covariances, plan=plan, links=list(links))


def numbers(result, link="bistatic"):
    return [
        (point.snr_db, point.failure_rate.value, *(each.rmse for each in point.quantities.values()))
        for point in result.links[link].points
    ]


@pytest.mark.slow
def test_neither_workers_nor_other_links_nor_other_ratios_change_the_results(scene, monkeypatch):
    """With several jobs for each ratio, the last one shorter."""
    monkeypatch.setattr(estimator_trials, "CHUNK", 3)
    alone = numbers(check(scene, trials=5))
    assert numbers(check(scene, trials=5, workers=2)) == alone
    assert numbers(check(scene, ("monostatic", "bistatic"), trials=5)) == alone
    assert numbers(check(scene, trials=5, snr_db=(20.0,))) == alone[1:]


@pytest.mark.slow
def test_trials_depend_on_the_seed_and_the_order_of_ratios_does_not_matter(scene):
    first = numbers(check(scene))
    assert numbers(check(scene, snr_db=(20.0, 15.0))) == first
    assert numbers(check(scene, seed=2)) != first


@pytest.mark.slow
def test_more_trials_keep_the_first_ones(scene):
    settings = [
        path_subjects(scene.scenario, scene.covariances, method="direct", assumed={}, seed=seed).settings["bistatic"]
        for seed in (1, 2)
    ]
    (few,), (many,), (others,) = (
        run_trials(settings[place], [1.0], [17], trials) for place, trials in ((0, 2), (0, 4), (1, 2))
    )
    np.testing.assert_array_equal(many.errors[:2], few.errors)
    np.testing.assert_array_equal(many.failures[:2], few.failures)
    assert not np.any(many.errors[2:] == few.errors)
    assert not np.any(others.errors == few.errors)


class Deadly(np.ndarray):
    """An array that ends any process that receives it."""

    def __reduce__(self):
        return os._exit, (1,)


@pytest.mark.slow
def test_a_worker_that_ends_is_an_error_in_words(scene):
    clock_s = scene.truth["clock_bias"].view(Deadly)
    estimator = Estimator(assumed={"clock_bias": clock_s})
    plan = TrialPlan((20.0,), trials=2, workers=2)
    with pytest.raises(CrbeamError, match="use fewer workers"):
        check_estimator(scene.scenario, scene.covariances, plan=plan, links=["bistatic"], estimator=estimator)


def test_quantities_of_each_link(scene):
    result = check(scene, ("bistatic", "monostatic", "fused"), trials=2, snr_db=(20.0,))
    to_user = ["user_position_m", "user_orientation_rad", "clock_bias_s", "target_positions_m", "all_positions_m"]
    assert list(result.links["bistatic"].points[0].quantities) == to_user
    assert list(result.links["fused"].points[0].quantities) == to_user
    assert list(result.links["monostatic"].points[0].quantities) == [to_user[0], *to_user[3:]]


@pytest.mark.slow
def test_the_scenarios_own_ratio_is_on_the_default_grid_and_its_bound_that_of_the_scenario(scene):
    own = check(scene, snr_db=("own",), trials=2).links["bistatic"]
    expected = evaluate(scene.scenario, scene.covariances).links["bistatic"].quantities
    assert own.points[0].snr_db == own.own_snr_db
    assert own.points[0].quantities["user_position_m"].root_bound == pytest.approx(expected["user_position_m"])
    whole = check(scene, ("monostatic",), snr_db=None, trials=2).links["monostatic"]
    assert len(whole.points) >= 8
    assert whole.own_snr_db in [point.snr_db for point in whole.points]


def test_what_cannot_be_determined_is_refused_before_any_trial(scene):
    without = read_scenario("zhang2025", overrides=["targets.count=0"])
    with pytest.raises(Unidentifiable, match="user_position"):
        check(replace(scene, scenario=without))
    with pytest.raises(InvalidInput, match="bistatic"):
        check(scene, ("nowhere",))
    with pytest.raises(InvalidInput, match="at least one trial"):
        check(scene, trials=0)
    estimator = Estimator(assumed={"user_mood": np.zeros(1)})
    with pytest.raises(InvalidInput, match="user_mood"):
        check_estimator(scene.scenario, scene.covariances, estimator=estimator, links=["bistatic"])


def made_up(rates, ratios, *, at_most=2.0):
    """A check with given failure rates and ratios, 5 dB apart."""
    points = tuple(
        SnrCheck(
            5.0 * index,
            1000,
            {failure: 0 for failure in Failure},
            Interval(rate, rate, rate),
            {"user_position_m": QuantityCheck(ratio, 1.0, Interval(ratio, 0.97 * ratio, 1.03 * ratio), at_most)},
        )
        for index, (rate, ratio) in enumerate(zip(rates, ratios, strict=True))
    )
    return LinkCheck("bistatic", 0.0, points)


@pytest.mark.parametrize(
    ("rates", "ratios", "threshold", "efficient"),
    [
        ((0.3, 0.005, 0.0, 0.0), (9.0, 1.3, 1.0, 1.0), 5.0, 10.0),
        ((0.3, 0.01, 0.0, 0.0), (9.0, 1.3, 1.0, 1.0), 10.0, 10.0),
        ((0.0, 0.0, 0.02, 0.0), (1.0, 1.0, 1.0, 1.0), 15.0, 15.0),
        ((0.0, 0.0, 0.0, 0.0), (1.0, 1.6, 1.0, 1.3), 10.0, None),
        ((0.0, 0.0, 0.0, 0.5), (1.0, 1.0, 1.0, 1.0), None, None),
    ],
)
def test_the_threshold_is_the_lowest_ratio_from_which_all_is_well(rates, ratios, threshold, efficient):
    result = made_up(rates, ratios)
    assert result.threshold_snr_db == threshold
    assert result.efficient_snr_db == efficient


def test_ratios_below_one_are_mistakes_above_the_threshold_only():
    assert made_up((0.3, 0.0), (0.5, 0.5), at_most=0.8).below_bound == ((5.0, "user_position_m"),)
    assert made_up((0.3, 0.0), (0.5, 0.5), at_most=1.1).below_bound == ()


def test_intervals_of_errors_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(4)
    errors = rng.standard_normal((2000, 40, 2)) * [1.0, 0.3]
    hits = [
        interval.low <= np.sqrt(1.09) <= interval.high
        for interval in (root_mean_square(np.sum(trial**2, axis=1), components=2) for trial in errors)
    ]
    assert 0.92 < np.mean(hits) < 0.97
    narrow = [
        interval.low <= np.sqrt(1.09) <= interval.high
        for interval in (root_mean_square(np.sum(trial**2, axis=1), confidence=0.8) for trial in errors)
    ]
    assert 0.75 < np.mean(narrow) < 0.85


#: Standard deviations of the components of an error.
SHAPES = {"one": [1.0], "alike": [1.0, 1.0], "one dominates": [1.0, 0.3]}


def false_alarms(n_trials, spread, rng, **options):
    """Share of simulations in which the interval ends below the truth."""
    errors = rng.standard_normal((1500, n_trials, len(spread))) * spread
    ends = [root_mean_square(np.sum(trial**2, axis=1), **options).high for trial in errors]
    return np.mean(np.array(ends) < np.linalg.norm(spread))


@pytest.mark.parametrize("n_trials", [2, 5, 20])
@pytest.mark.parametrize("spread", SHAPES.values(), ids=list(SHAPES))
def test_few_trials_do_not_look_too_accurate(n_trials, spread):
    """Nominal are 2.5 % at most; four standard deviations of the count of simulations are 1.6 %."""
    assert false_alarms(n_trials, spread, np.random.default_rng(n_trials)) < 0.025 + 0.016


@pytest.mark.parametrize("n_trials", [2, 5])
def test_degrees_of_freedom_of_the_sample_alone_raise_false_alarms(n_trials):
    rng = np.random.default_rng(n_trials)
    assert false_alarms(n_trials, SHAPES["one"], rng, components=10**9) > 0.06


def test_one_check_seldom_finds_an_estimator_too_good():
    """Confidence is joint: with four tests each has a quarter of one per cent, 0.6 of 250 simulations."""
    rng = np.random.default_rng(8)
    layout = ParameterLayout(("target_position[0]",), (2,))
    alarms = {1: 0, 4: 0}
    for errors in rng.standard_normal((250, 5, 2)) * [1.0, 0.3]:
        result = TrialErrors(layout, errors, np.full(5, -1))
        for n_tests in alarms:
            found = _judged(0.0, result, {"target_position_m": 1.09**0.5}, 0.0, n_tests)
            alarms[n_tests] += found.quantities["target_position_m"].jointly_at_most < 1.0
    assert alarms[4] <= alarms[1] <= 9
    assert alarms[4] <= 4


def test_equal_errors_have_an_interval_with_width():
    assert root_mean_square(np.full(5, 4.0)).low < 2.0 < root_mean_square(np.full(5, 4.0)).high
    assert root_mean_square(np.zeros(5)) == Interval(0.0, 0.0, 0.0)


def test_failed_trials_widen_the_interval():
    rng = np.random.default_rng(4)
    good = rng.standard_normal(200) ** 2
    failed = np.concatenate([good, [1e4]])
    assert root_mean_square(failed).high > 2.0 * root_mean_square(failed).value
    assert root_mean_square(good).high < 1.2 * root_mean_square(good).value
    assert root_mean_square(failed).value > 5.0 * root_mean_square(good).value


def test_shares_have_exact_intervals():
    assert share(0, 2000).high == pytest.approx(1.0 - 0.025 ** (1.0 / 2000.0))
    assert share(0, 2000).low == 0.0
    assert share(7, 7).low == pytest.approx(0.025 ** (1.0 / 7.0))
    assert (share(7, 7).value, share(7, 7).high) == (1.0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "method", "link"),
    [
        *((source, "direct", link) for source in ("zhang2025", MUNICH) for link in ("bistatic", "monostatic", "fused")),
        *(("zhang2025", "two-stage", link) for link in ("bistatic", "monostatic")),
    ],
)
def test_estimators_reach_the_bound(source, method, link):
    """The acceptance run with fewer trials: no failure from the scenario's own ratio on, and the bound 20 dB above."""
    scene = designed(source)
    own_db = own_snr_db(scene.scenario, scene.covariances)[link]
    plan = TrialPlan((own_db, own_db + 20.0), trials=40)
    result = check_estimator(
        scene.scenario, scene.covariances, plan=plan, links=[link], estimator=Estimator(method)
    ).links[link]
    assert result.threshold_snr_db == own_db
    assert result.below_bound == ()
    for name, each in result.points[1].quantities.items():
        assert each.ratio.low <= 1.10, name
        assert each.ratio.high >= 0.95, name
