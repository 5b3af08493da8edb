"""A wave along the line of the user's array: the array's two ends look alike, and noise takes one for the other."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.estimation import StateEstimate, failure_of, matched, path_estimates, simulate
from crbeam.estimation.link_model import alike_rad
from crbeam.estimation.path_estimates import alike_arrivals, estimate_paths
from crbeam.estimation.triangulation import triangulate
from crbeam.propagation import steering_response
from crbeam.scenario import read_scenario

from .trials import isotropic

#: The line of sight arrives 2 degrees beside the line of the user's array.
ALONG = ("user.orientation=73.964 deg", "waveform.subcarriers=128", "user.array.elements=8")
LINE = np.stack([0.5 * np.arange(8), np.zeros(8)], axis=1)


@pytest.mark.parametrize("cosine", [-0.9999, 0.9999])
def test_the_other_end_looks_alike_to_the_accuracy_of_the_cosine(cosine):
    angle_rad = float(np.arccos(cosine))
    exact, coarse = alike_rad(angle_rad, LINE), alike_rad(angle_rad, LINE, 2e-4)
    assert np.cos(exact) == pytest.approx([cosine, cosine])
    assert np.sort(np.cos(coarse)) == pytest.approx(np.sort([cosine, cosine, -np.sign(cosine), -np.sign(cosine)]))
    assert np.all(np.sin(coarse[:2]) >= -1e-12), "side 1 comes first"
    seen, alike = steering_response(LINE, np.array([angle_rad]))[0], steering_response(LINE, coarse)[0]
    assert np.max(np.abs(np.abs(seen.conj().T @ alike) - 8.0)) < 1e-3
    assert len(alike_rad(angle_rad, LINE, 5e-5)) == 2


def test_away_from_the_ends_nothing_is_added():
    for positions in (LINE, 2.0 * LINE):
        assert alike_rad(1.0, positions, 0.01) == pytest.approx(alike_rad(1.0, positions))
    assert len(alike_rad(1.0, 2.0 * LINE)) == 4


@pytest.fixture(scope="module")
def scene():
    return isotropic(read_scenario("zhang2025", overrides=ALONG))


def test_the_variance_of_an_angle_stays_finite_at_an_end(scene):
    """Far from the ends that of the estimate; at an end the root of the cosine's variance."""
    model = scene.model("bistatic")
    estimates = estimate_paths(model, scene.mean(model))
    deviation = np.sqrt(estimates.variances[1]) * np.abs(np.sin(estimates.parameters.arrival_rad))
    sight, *bounces = (alike_arrivals(model, estimates, path) for path in range(model.n_paths))
    assert len(sight.angle_rad) == 4
    assert sight.variance == pytest.approx(deviation[0])
    assert estimates.variances[1, 0] > 3.0 * deviation[0]
    for path, alike in enumerate(bounces, start=1):
        assert alike.variance == pytest.approx(np.repeat(estimates.variances[1, path], 2), rel=1e-9)


def reads_right(scene, model, estimates):
    """Whether a start of the search lies in the cells of the true paths."""
    found = [matched([model], StateEstimate(start.state, True), scene.truth) for start in triangulate(model, estimates)]
    return any(failure_of([model], each, scene.truth) is None for each in found)


def test_a_line_of_sight_found_at_the_other_end_is_read_right(scene, monkeypatch):
    """The same estimate but for the line of sight, which noise of this power may put at the other end."""
    model = scene.model("bistatic")
    estimates = estimate_paths(model, scene.mean(model))
    arrival_rad = estimates.parameters.arrival_rad
    assert arrival_rad[0] == pytest.approx(np.radians(2.0), abs=1e-3)
    mirrored_rad = np.where(np.arange(len(arrival_rad)) == 0, np.pi - arrival_rad, arrival_rad)
    other = replace(estimates, parameters=replace(estimates.parameters, arrival_rad=mirrored_rad))
    assert reads_right(scene, model, estimates)
    assert reads_right(scene, model, other)
    monkeypatch.setattr(path_estimates, "MOST_DEVIATIONS", 0.0)
    assert reads_right(scene, model, estimates)
    assert not reads_right(scene, model, other)


def n_failures(scene, seeds, extra_db):
    """Failures of the link to the user in less noise."""
    found = []
    for seed in seeds:
        models, estimate = scene.estimate(("bistatic",), extra_db=extra_db, seed=seed)
        found.append(failure_of(models, matched(models, estimate, scene.truth), scene.truth))
    return sum(each is not None for each in found)


@pytest.mark.slow
def test_noise_that_takes_one_end_for_the_other_does_no_harm(scene, monkeypatch):
    """Observations of which most are read wrong unless both ends are tried."""
    seeds = (2, 5, 10, 15)
    assert n_failures(scene, seeds, 10.0) == 0
    monkeypatch.setattr(path_estimates, "MOST_DEVIATIONS", 0.0)
    assert n_failures(scene, seeds, 10.0) >= 3


def test_a_first_search_that_stops_at_an_end_is_no_failure(scene):
    """There the slope by the arrival vanishes, so the search over paths goes on; the one over states ends."""
    model = scene.model("bistatic", extra_db=20.0)
    seen = simulate(scene.mean(model), np.random.default_rng([10, 0]))
    assert not estimate_paths(model, seen).has_converged
    assert n_failures(scene, (10,), 20.0) == 0
