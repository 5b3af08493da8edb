"""Estimates: exact without noise, at the bound with little of it."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.errors import InvalidInput
from crbeam.estimation import estimate_fused, estimate_link, estimate_paths, failure_of, matched, state_errors
from crbeam.evaluation import Estimator, TrialPlan, check_estimator
from crbeam.information import ParameterLayout
from crbeam.systems import link_maps
from crbeam.testing import random_scenario

from .trials import MUNICH, designed, isotropic

SMALL = ["waveform.subcarriers=128"]
COMBINER = [*SMALL, "user.combiner.dft_beams=[0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 14, 15]"]


@pytest.fixture(scope="module")
def scene():
    return designed("zhang2025", overrides=SMALL)


def assert_exact(scene, links, **options):
    """Errors far below the accuracy in the scenario's own noise."""
    models, estimate = scene.estimate(links, extra_db=120.0, **options)
    named = matched(models, estimate, scene.truth)
    assert failure_of(models, named, scene.truth) is None
    name = links[0] if len(links) == 1 else "fused"
    information = link_maps(scene.scenario)[name].at(scene.covariances)
    for parameter, error in state_errors(models, named.state, scene.truth).items():
        assert np.linalg.norm(error) < 1e-4 * information.root_bound([parameter]), parameter


@pytest.mark.parametrize("method", ["direct", "two-stage"])
@pytest.mark.parametrize("links", [("bistatic",), ("monostatic",), ("bistatic", "monostatic")])
def test_without_noise_estimates_are_exact(scene, links, method):
    assert_exact(scene, links, method=method)


@pytest.mark.parametrize(
    ("source", "overrides", "seed"),
    [
        ("zhang2025", SMALL, 11),
        ("zhang2025", [*SMALL, "targets.count=2", "user.orientation_sign=-1"], 2),
        ("zhang2025", COMBINER, None),
        ("zhang2025", [*SMALL, "user.clock_bias=-0.3 us"], None),
        (MUNICH, (), None),
    ],
)
@pytest.mark.slow
def test_other_scenes_are_estimated_exactly_too(source, overrides, seed):
    scene = designed(source, overrides=overrides, seed=seed)
    for links in (("bistatic",), ("monostatic",), ("bistatic", "monostatic")):
        assert_exact(scene, links)


@pytest.mark.slow
def test_conventions_of_arrays_frames_and_links_do_not_matter():
    """Random worlds: any place, frame, spacing, axis and order; 60 dB above their own noise."""
    failed = []
    for index in range(20):
        rng = np.random.default_rng([5, index])
        scene = isotropic(random_scenario(rng, subcarriers=64, n_targets=int(rng.integers(2, 5))))
        links = list(scene.scenario.links)
        for group in [[link] for link in links] + [links]:
            models, estimate = scene.estimate(group, extra_db=60.0, seed=index)
            if failure_of(models, matched(models, estimate, scene.truth), scene.truth) is not None:
                failed.append((index, group))
    assert len(failed) <= 3, failed


def test_the_estimator_is_told_nothing_about_the_paths(scene):
    """Another truth with the same model: the estimate follows the observation."""
    other = designed("zhang2025", overrides=[*SMALL, "user.position=[4 m, 24 m]", "user.orientation=80 deg"])
    moved = type(other)(other.scenario, scene.beams)
    models = [scene.model("monostatic", extra_db=60.0)]
    observation = moved.mean(moved.model("monostatic", extra_db=60.0))
    found = estimate_paths(models[0], observation).parameters
    expected = moved.parameters("monostatic")
    assert np.allclose(np.sort(found.delay_s), np.sort(expected.delay_s), atol=1e-12)
    assert np.allclose(np.sort(found.departure_rad), np.sort(expected.departure_rad), atol=1e-6)


@pytest.mark.parametrize("links", [("bistatic",), pytest.param(("bistatic", "monostatic"), marks=pytest.mark.slow)])
@pytest.mark.slow
def test_covariance_of_estimates_is_the_bound(scene, links):
    """60 trials 15 dB above own noise: normalised squared errors have the mean of a chi-square variable."""
    errors = []
    for seed in range(60):
        models, estimate = scene.estimate(links, extra_db=15.0, seed=seed)
        named = matched(models, estimate, scene.truth)
        errors.append(state_errors(models, named.state, scene.truth))
    name = links[0] if len(links) == 1 else "fused"
    layout = ParameterLayout.of({key: len(value) for key, value in errors[0].items()})
    information = link_maps(scene.scenario)[name].at(scene.covariances).equivalent(layout.names).matrix * 10.0**1.5
    vectors = np.array([np.concatenate([each[key] for key in layout]) for each in errors])
    squares = np.einsum("ti,ij,tj->t", vectors, information, vectors)
    spread = np.sqrt(2.0 * layout.size / len(squares))
    assert abs(np.mean(squares) - layout.size) < 4.0 * spread
    assert abs(np.mean(1.5 * squares) - layout.size) > 4.0 * spread
    means = vectors.mean(axis=0)
    assert means @ information @ means * len(squares) < layout.size + 5.0 * np.sqrt(2.0 * layout.size)


@pytest.mark.parametrize(("clock_s", "side"), [(1e-6 + 2e-9, "above"), (1e-6, "below")])
@pytest.mark.slow
def test_a_wrong_clock_and_unaccounted_knowledge_are_caught(scene, clock_s, side):
    """Fixed at a wrong value the error stays far above the bound; at the right one it falls below that of the check."""
    plan = TrialPlan((20.0,), trials=20, seed=3)
    estimator = Estimator(assumed={"clock_bias": np.array([clock_s])})
    wrong = check_estimator(scene.scenario, scene.covariances, plan=plan, links=["bistatic"], estimator=estimator)
    right = check_estimator(scene.scenario, scene.covariances, plan=plan, links=["bistatic"])
    ratio = wrong.links["bistatic"].points[0].quantities["user_position_m"].ratio
    good = right.links["bistatic"].points[0].quantities["user_position_m"].ratio
    assert right.links["bistatic"].threshold_snr_db == 20.0
    assert right.links["bistatic"].below_bound == ()
    assert good.low < 1.10
    assert good.high > 0.95
    if side == "above":
        assert ratio.low > 1.5
        assert wrong.links["bistatic"].threshold_snr_db is None
    else:
        assert (20.0, "user_position_m") in wrong.links["bistatic"].below_bound


@pytest.mark.parametrize("link", ["bistatic", "monostatic"])
def test_one_subcarrier_tells_no_delays(scene, link):
    model = scene.model(link)
    narrow = replace(model, frequency_hz=model.frequency_hz[:1])
    with pytest.raises(InvalidInput, match=f"at least two subcarriers; link `{link}` has one"):
        estimate_link(narrow, scene.mean(model)[:1])


def test_fusion_needs_both_kinds_of_links(scene):
    model = scene.model("bistatic")
    with pytest.raises(InvalidInput, match="one back to the station"):
        estimate_fused([model, model], [scene.mean(model)] * 2)
