"""The likelihood has the slope and the curvature that it says, and the information of the maps."""

import numpy as np
import pytest

from crbeam.estimation import simulate
from crbeam.estimation.path_likelihood import beamwise_score, path_score
from crbeam.estimation.prediction import LinkState, link_state_layout
from crbeam.estimation.scoring import maximise
from crbeam.systems import link_maps
from crbeam.testing import random_scenario

from .trials import MUNICH, designed, isotropic

SCENES = {
    "plain": lambda: designed("zhang2025", overrides=["waveform.subcarriers=64"]),
    "phases": lambda: designed("zhang2025", overrides=["waveform.subcarriers=64"], seed=3),
    "combiner": lambda: designed(
        "zhang2025", overrides=["waveform.subcarriers=64", "user.combiner.dft_beams=[0, 2, 4, 6, 9, 11, 13, 15]"]
    ),
    "munich": lambda: designed(MUNICH),
    "general": lambda: isotropic(random_scenario(np.random.default_rng(8), n_targets=2)),
}


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[pytest.mark.slow] if name == "munich" else []) for name in SCENES],
)
def scene(request):
    return SCENES[request.param]()


def scaled_difference(first, second):
    scale = 1.0 / np.sqrt(np.diagonal(second))
    return np.max(np.abs(first - second) * np.outer(scale, scale))


def test_information_is_that_of_the_map_with_unknown_gains(scene):
    """Two derivations that share no code: products of signatures here, transmit covariances there."""
    for link in scene.scenario.links:
        model = scene.model(link)
        layout = link_state_layout(model)
        score = LinkState(model, layout, {}).likelihood(scene.mean(model), scene.vector(model))
        expected = link_maps(scene.scenario)[link].at(scene.covariances).equivalent(layout.names).matrix
        assert scaled_difference(2.0 * score.information, expected) < 1e-9
        assert np.allclose(score.gain, scene.gain(link), rtol=1e-9)
        known_gains = link_maps(scene.scenario)[link].at(scene.covariances).matrix[: layout.size, : layout.size]
        assert scaled_difference(2.0 * score.information, known_gains) > 1e-3


def test_the_true_state_is_a_maximum_without_noise(scene):
    for link in scene.scenario.links:
        model = scene.model(link)
        score = LinkState(model, link_state_layout(model), {}).likelihood(scene.mean(model), scene.vector(model))
        assert np.all(np.abs(score.gradient) < 1e-6 * np.sqrt(np.diagonal(score.information)))


def assert_slope(energy_at, gradient, information, point):
    """Central differences at a thousandth of each parameter's own accuracy."""
    accuracy = 1.0 / np.sqrt(np.diagonal(information))
    for index in range(len(point)):
        step = np.zeros(len(point))
        step[index] = 1e-3 * accuracy[index]
        slope = (energy_at(point + step) - energy_at(point - step)) / (4.0 * step[index])
        assert slope * accuracy[index] == pytest.approx(gradient[index] * accuracy[index], rel=2e-3, abs=1e-3)


def test_slope_of_the_state_away_from_the_maximum(scene):
    for link in scene.scenario.links:
        model = scene.model(link)
        view = LinkState(model, link_state_layout(model), {})
        seen = simulate(scene.mean(model), np.random.default_rng(7))
        point = scene.vector(model)
        score = view.likelihood(seen, point)
        assert_slope(lambda x, v=view, y=seen: v.likelihood(y, x).energy, score.gradient, score.information, point)
        with pytest.raises(AssertionError):
            assert_slope(lambda x, v=view, y=seen: v.likelihood(y, x).energy, -score.gradient, score.information, point)


def test_slope_of_arrivals_and_delays_with_free_gains_in_the_beams(scene):
    for link in scene.scenario.links:
        model, parameters = scene.model(link), scene.parameters(link)
        seen = simulate(scene.mean(model), np.random.default_rng(7))
        n = model.n_paths
        point = np.concatenate([parameters.arrival_rad, parameters.delay_s])
        score, gains = beamwise_score(model, seen, parameters.arrival_rad, parameters.delay_s)
        assert gains.shape == (n, scene.beams.shape[1])
        assert_slope(
            lambda x, m=model, y=seen, n=n: beamwise_score(m, y, x[:n], x[n:])[0].energy,
            score.gradient,
            score.information,
            point,
        )
        whole = path_score(model, seen, parameters)
        assert score.energy >= whole.energy


def test_scoring_reaches_the_maximum_and_says_when_it_does_not():
    class Quadratic:
        def __init__(self, x):
            self.energy = -float((x - 3.0) @ (x - 3.0))
            self.gradient = 3.0 - x
            self.information = np.eye(len(x))

    found = maximise(Quadratic, np.zeros(2))
    assert found.has_converged
    assert np.allclose(found.point, 3.0, atol=1e-3)
    assert not maximise(Quadratic, np.zeros(2), most_iterations=2).has_converged
    assert maximise(lambda x: None, np.zeros(2)) is None
    stuck = maximise(lambda x: None if np.any(x > 1e-6) else Quadratic(x), np.zeros(2))
    assert not stuck.has_converged, "steps are short because nothing exists beyond, not because the maximum is near"
