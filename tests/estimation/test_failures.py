"""Failed trials are told from good ones, counted, and kept in the errors."""

import numpy as np
import pytest

from crbeam.estimation import Failure, StateEstimate, failure_of, matched
from crbeam.evaluation import TrialPlan, check_estimator

from .trials import designed

SMALL = ["waveform.subcarriers=128"]


@pytest.fixture(scope="module")
def scene():
    return designed("zhang2025", overrides=SMALL)


def shifted(state, **changes):
    return {name: value + np.asarray(changes.get(name.partition("[")[0], 0.0)) for name, value in state.items()}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"user_position": [0.05, -0.05]}, None),
        ({"user_position": [0.0, 5.0]}, Failure.LOST_PATH),
        ({"clock_bias": 20e-9}, Failure.LOST_PATH),
        ({"user_orientation": 0.5}, Failure.LOST_PATH),
    ],
)
def test_a_path_out_of_its_cell_is_lost(scene, changes, expected):
    models = [scene.model("bistatic")]
    assert failure_of(models, StateEstimate(shifted(scene.truth, **changes), True), scene.truth) is expected


def test_the_other_side_of_an_array_is_a_wrong_lobe_and_no_convergence_a_failure(scene):
    models = [scene.model("monostatic")]
    mirrored = {**scene.truth, "user_position": scene.truth["user_position"] * [1.0, -1.0]}
    assert failure_of(models, StateEstimate(mirrored, True), scene.truth) is Failure.WRONG_LOBE
    assert failure_of(models, StateEstimate(dict(scene.truth), False), scene.truth) is Failure.NOT_CONVERGED


def test_a_whole_period_of_the_clock_is_no_error(scene):
    model = scene.model("bistatic")
    later = {**scene.truth, "clock_bias": scene.truth["clock_bias"] + 3.0 * model.delay_period_s}
    assert failure_of([model], StateEstimate(later, True), scene.truth) is None


def test_echoes_are_named_by_the_nearest_object_or_its_mirror_image(scene):
    names = ["user_position", *(f"target_position[{index}]" for index in range(3))]
    true = [scene.truth[name] for name in names]
    shuffled = dict(zip(names, [true[2], true[0] * [1.0, -1.0], true[3], true[1]], strict=True))
    named = matched([scene.model("monostatic")], StateEstimate(shuffled, True), scene.truth)
    assert all(np.allclose(named.state[name], scene.truth[name]) for name in names)
    by_both = [scene.model("bistatic"), scene.model("monostatic")]
    kept = matched(by_both, StateEstimate({**scene.truth, **shuffled}, True), scene.truth)
    assert np.allclose(kept.state["user_position"], true[2]), "a receiver is no echo to be exchanged"


@pytest.mark.slow
def test_a_collision_of_two_paths_is_counted_and_stays_in_the_error():
    """Two targets within a fraction of every cell: the second is found elsewhere, or not in its cell."""
    near = "targets.positions=[[-10 m, 15 m], [-10.02 m, 15.01 m], [5 m, 15 m]]"
    scene = designed("zhang2025", overrides=[*SMALL, near])
    clear = designed("zhang2025", overrides=SMALL)
    plan = TrialPlan((0.0,), trials=20, seed=2)
    collided, separate = (
        check_estimator(each.scenario, each.covariances, plan=plan, links=["monostatic"]).links["monostatic"]
        for each in (scene, clear)
    )
    point = collided.points[0]
    assert point.failure_rate.value > 0.3
    assert sum(point.failures.values()) == round(20 * point.failure_rate.value)
    assert point.quantities["target_positions_m"].rmse > 1.0
    assert collided.threshold_snr_db is None
    assert separate.points[0].failure_rate.value == 0.0
    assert separate.threshold_snr_db == 0.0
