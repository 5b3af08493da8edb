"""Estimates of a user that moves: Doppler shifts in the likelihood, velocity at the bound, sensing as a prior."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from crbeam.design.beamformers import beamformers_from_covariance
from crbeam.errors import InvalidInput
from crbeam.estimation import (
    estimate_fused,
    estimate_link,
    estimate_paths,
    failure_of,
    matched,
    mean_observation,
    position_fix,
    simulate,
    state_errors,
)
from crbeam.estimation.path_likelihood import beamwise_score
from crbeam.estimation.position_fix import estimates_of_link
from crbeam.estimation.prediction import (
    RANGE_RATE,
    LinkState,
    as_vector,
    joint_state_layout,
    link_state_layout,
    predict,
    with_velocity,
)
from crbeam.evaluation import Estimator, TrialPlan, check_estimator
from crbeam.evaluation.estimator_check import own_snr_db
from crbeam.evaluation.path_trials import path_subjects
from crbeam.information import Transmission
from crbeam.information.builders import Pilots
from crbeam.scenario import read_scenario
from crbeam.systems import isotropic_transmission, link_maps, paths_of, system_of, true_state
from crbeam.systems.hamrouni2026 import radial_speed_map, range_rate_map
from crbeam.systems.station_and_user import path_map
from crbeam.systems.symbol_schedule import schedule

SMALL = (
    "propagation.path_loss_exponent=2",
    "waveform.subcarriers=32",
    "waveform.slots=8",
    "waveform.symbols_per_slot=4",
    "waveform.cyclic_prefix=200 us",
    "protocol.message_symbols=0",
    "stations.bs.transmit_array.elements=8",
    "user.array.elements=8",
    "user.velocity=[4 m/s, 11 m/s]",
    "user.clock_bias=0.1 us",
    "targets.count=2",
    "stations.bs.total_power=50 dBm",
)
STAGES = ("monostatic_stage", "bistatic_stage")
GROUPS = {
    "bistatic": ("bistatic",),
    "monostatic": ("monostatic",),
    "fused": ("bistatic", "monostatic"),
    "posterior": STAGES,
}


@cache
def scenario(*overrides):
    return read_scenario("hamrouni2026", overrides=[*SMALL, *overrides])


@cache
def world(*overrides):
    """Scenario, beams of each block, models of each link and stage, true state with the range rate."""
    scene = scenario(*overrides)
    sent = system_of(scene).completed(isotropic_transmission(scene))
    beams = {name: beamformers_from_covariance(part, scene.waveform.slots).matrix for name, part in sent.items()}
    truth = true_state(scene)
    rate = truth["user_velocity"] @ truth["user_position"] / np.hypot(*truth["user_position"])
    return scene, beams, system_of(scene).link_models(beams), {**truth, RANGE_RATE: np.array([rate])}


def sent_by(beams):
    return Transmission.of_factors(list(beams), list(beams.values()))


def mean_of(scene, model, truth):
    return mean_observation(model, predict(model, truth)[0], paths_of(scene)[model.name].gain)


def information_of(name, *overrides):
    scene, beams, _, _ = world(*overrides)
    known = link_maps(scene)[name]
    known = range_rate_map(scene, known) if name.startswith("monostatic") else known
    return known.at(sent_by(beams))


@pytest.mark.parametrize("name", ["bistatic", "monostatic", *STAGES])
@pytest.mark.parametrize(
    "overrides",
    [(), ("protocol.order=interleaved", "protocol.sensing_share=0.3", "user.combiner.dft_beams=[0, 1, 3, 6]")],
)
def test_the_observation_has_the_information_of_the_map(name, overrides):
    """Symbols of the observations against transmit covariances; a still scene has less, and other couplings."""
    scene, beams, models, truth = world(*overrides)
    model = models[name]
    layout = link_state_layout(model)
    score = LinkState(model, layout, {}).likelihood(mean_of(scene, model, truth), as_vector(layout, truth))
    known = link_maps(scene)[name]
    expected = known.at(sent_by(beams)).equivalent(layout.names).matrix
    scale = 1.0 / np.sqrt(np.diagonal(expected))
    assert np.max(np.abs(2.0 * score.information - expected) * np.outer(scale, scale)) < 1e-9
    assert np.allclose(score.gain, paths_of(scene)[model.name].gain, rtol=1e-9)
    assert np.all(np.abs(score.gradient) < 1e-6 * np.sqrt(np.diagonal(score.information)))
    late = replace(model, time_s=1.1 * model.time_s)
    wrong = LinkState(late, layout, {}).likelihood(mean_of(scene, late, truth), as_vector(layout, truth))
    assert np.max(np.abs(2.0 * wrong.information - expected) * np.outer(scale, scale)) > 1e-2


@pytest.mark.parametrize("name", ["bistatic", "monostatic"])
def test_slopes_are_those_of_the_energy(name):
    scene, _, models, truth = world()
    model = models[name]
    layout = link_state_layout(model)
    seen = simulate(mean_of(scene, model, truth), np.random.default_rng(3))
    view = LinkState(model, layout, {})
    assert_slope(lambda x: view.likelihood(seen, x), as_vector(layout, truth))
    path = predict(model, truth)[0]
    point = np.concatenate([path.arrival_rad, path.delay_s, path.doppler_hz])
    assert_slope(lambda x: beamwise_score(model, seen, *np.split(x, 3))[0], point)
    with pytest.raises(AssertionError):
        assert_slope(lambda x: replace(view.likelihood(seen, x), gradient=np.ones(len(x))), as_vector(layout, truth))


def assert_slope(score_at, point):
    score = score_at(point)
    accuracy = 1.0 / np.sqrt(np.diagonal(score.information))
    for index in range(len(point)):
        step = np.zeros(len(point))
        step[index] = 1e-3 * accuracy[index]
        slope = (score_at(point + step).energy - score_at(point - step).energy) / (4.0 * step[index])
        assert slope * accuracy[index] == pytest.approx(score.gradient[index] * accuracy[index], rel=2e-3, abs=1e-3)


def test_without_motion_the_symbols_add_up_to_the_average():
    """A user at rest: the energy of the symbols is that of the average, and so is what the paths tell."""
    scene, _, models, truth = world("user.velocity=[0 m/s, 0 m/s]")
    model = models["bistatic"]
    still = replace(model, names=replace(model.names, velocity=None), time_s=None)
    layout = link_state_layout(still)
    many, one = mean_of(scene, model, truth), mean_of(scene, still, truth)
    assert np.sum(np.abs(many) ** 2) == pytest.approx(np.sum(np.abs(one) ** 2), rel=1e-12)
    by_symbol = many.reshape(len(many), model.n_symbols, -1).sum(axis=1) / np.sqrt(model.n_symbols)
    assert by_symbol == pytest.approx(one, rel=1e-9)
    first = LinkState(model, layout, {"user_velocity": np.zeros(2)}).likelihood(many, as_vector(layout, truth))
    second = LinkState(still, layout, {}).likelihood(one, as_vector(layout, truth))
    scale = 1.0 / np.sqrt(np.diagonal(second.information))
    assert np.max(np.abs(first.information - second.information) * np.outer(scale, scale)) < 1e-9


def test_coarse_and_fine_search_find_all_shifts_without_noise():
    scene, _, models, truth = world()
    for name in ("bistatic", "monostatic"):
        expected = predict(models[name], truth)[0]
        found = estimate_paths(models[name], mean_of(scene, models[name], truth)).parameters
        order = np.argsort(expected.delay_s) if name == "bistatic" else np.arange(3)
        if name == "monostatic":
            assert found.doppler_hz[0] == pytest.approx(expected.doppler_hz[0], rel=1e-6)
            assert not found.doppler_hz[1:].any()
            assert np.sort(found.delay_s) == pytest.approx(np.sort(expected.delay_s), abs=1e-13)
        else:
            assert found.doppler_hz == pytest.approx(expected.doppler_hz[order], rel=1e-6)
    assert np.max(np.abs(expected.doppler_hz)) > 2000.0


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("method", ["direct", "two-stage", "sequential"])
def test_without_noise_estimates_are_exact(group, method):
    scene, _, models, truth = world()
    chosen = [models[name] for name in GROUPS[group]]
    quiet = [model.with_noise(model.noise_power_w * 1e-8) for model in chosen]
    seen = [mean_of(scene, model, truth) for model in quiet]
    if len(quiet) == 1:
        estimate = estimate_link(quiet[0], seen[0], method=method)
    else:
        estimate = estimate_fused(quiet, seen, method=method)
    named = matched(quiet, estimate, truth)
    assert failure_of(quiet, named, truth) is None
    information = information_of(group)
    errors = state_errors(quiet, named.state, truth)
    assert set(errors) == set(joint_state_layout(quiet).names)
    for parameter, error in errors.items():
        assert np.linalg.norm(error) < 1e-3 * information.root_bound([parameter]), parameter


def test_doppler_shifts_alone_say_the_velocity_once_positions_are_known():
    _, _, models, truth = world()
    model = models["bistatic"]
    shifts_hz = predict(model, truth)[0].doppler_hz
    positions = {name: value for name, value in truth.items() if name != "user_velocity"}
    assert with_velocity(model, positions, shifts_hz)["user_velocity"] == pytest.approx(truth["user_velocity"])
    assert with_velocity(model, positions, 2.0 * shifts_hz)["user_velocity"] == pytest.approx(
        2.0 * truth["user_velocity"]
    )


def test_a_shift_outside_its_cell_counts_as_a_lost_path():
    scene, _, models, truth = world()
    model = models["bistatic"]
    cell_mps = model.wavelength_m / model.duration_s
    found = matched([model], estimate_link(model, mean_of(scene, model, truth)), truth)
    near = {**found.state, "user_velocity": found.state["user_velocity"] + np.array([0.3 * cell_mps, 0.0])}
    far = {**found.state, "user_velocity": found.state["user_velocity"] + np.array([0.0, 2.0 * cell_mps])}
    assert failure_of([model], replace(found, state=near), truth) is None
    assert failure_of([model], replace(found, state=far), truth).name == "LOST_PATH"


@pytest.mark.slow
def test_every_likely_state_of_the_link_to_the_user_is_a_start(monkeypatch):
    """The line of sight arrives beside the end of the user's array: by it alone one of two sides is a guess."""
    scene, _, models, truth = world("stations.bs.total_power=26 dBm")
    chosen = [models[name] for name in STAGES]
    seen = [
        simulate(mean_of(scene, model, truth), np.random.default_rng([11, number]))
        for number, model in enumerate(chosen)
    ]
    alone, _ = estimates_of_link(chosen[1], seen[1], method="direct")
    energies = [energy_of(chosen[1:], seen[1:], each.state) for each in alone]
    assert 0.0 < energies[0] - energies[1] < 1.0
    assert abs(alone[0].state["user_orientation"] - alone[1].state["user_orientation"])[0] > np.radians(3.0)
    found = matched(chosen, estimate_fused(chosen, seen), truth)
    assert failure_of(chosen, found, truth) is None
    assert energy_of(chosen, seen, found.state) > energy_of(chosen, seen, truth)
    monkeypatch.setattr(position_fix, "MOST_DEFICIT", 0.0)
    missed = estimate_fused(chosen, seen)
    assert energy_of(chosen, seen, missed.state) < energy_of(chosen, seen, truth) - 10.0


def energy_of(models, seen, state):
    layout = joint_state_layout(models)
    scores = [
        LinkState(model, layout, {}).likelihood(each, as_vector(layout, state))
        for model, each in zip(models, seen, strict=True)
    ]
    return sum(score.energy for score in scores)


@pytest.mark.slow
def test_sensing_as_a_prior_is_worth_what_it_tells():
    """The sequential estimate is near the joint one, and far better than that of the second stage alone."""
    scene, _, models, truth = world()
    chosen = [models[name] for name in STAGES]
    errors = {"direct": [], "sequential": [], "alone": []}
    for seed in range(8):
        seen = [
            simulate(mean_of(scene, model, truth), np.random.default_rng([seed, number]))
            for number, model in enumerate(chosen)
        ]
        found = {method: estimate_fused(chosen, seen, method=method) for method in ("direct", "sequential")}
        found["alone"] = estimate_link(chosen[1], seen[1])
        for name, estimate in found.items():
            errors[name].append(estimate.state["user_position"] - truth["user_position"])
    rmse = {name: np.sqrt(np.mean(np.sum(np.square(rows), axis=1))) for name, rows in errors.items()}
    apart = np.subtract(errors["direct"], errors["sequential"])
    assert np.sqrt(np.mean(np.sum(apart**2, axis=1))) < 0.2 * rmse["direct"]
    assert rmse["sequential"] < 0.5 * rmse["alone"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("link", "method"),
    [("bistatic", "direct"), ("monostatic", "direct"), ("posterior", "direct"), ("posterior", "sequential")],
)
def test_errors_are_those_of_the_bound(link, method):
    """60 trials: every interval of the ratio of error to bound is near 1, no trial fails."""
    scene = scenario()
    plan, estimator = TrialPlan(("own",), trials=60, seed=2), Estimator(method)
    check = check_estimator(scene, isotropic_transmission(scene), plan=plan, links=[link], estimator=estimator).links[
        link
    ]
    (point,) = check.points
    assert point.failure_rate.value == 0.0
    assert point.is_efficient, {name: each.ratio for name, each in point.quantities.items()}
    assert check.below_bound == ()
    assert ("user_range_rate_mps" if link == "monostatic" else "user_velocity_mps") in point.quantities


def test_the_range_rate_is_what_the_doppler_shift_of_the_echo_tells():
    """Tangential speed does not leak into it, as it does into the speed along the true direction of the user."""
    tangential = "user.velocity=[12 m/s, -5 m/s]"
    scene, beams, _, _ = world(tangential)
    sent = sent_by(beams)
    symbols = schedule(scene).every
    pilots = Pilots("bs", symbols.weight / scene.waveform.slots, symbols.time_s)
    by_path = path_map(scene, paths_of(scene)["monostatic"], [pilots]).at(sent)
    per_hz = 0.5 * scene.waveform.wavelength_m
    found = information_of("monostatic", tangential)
    assert found.root_bound(["user_range_rate"]) == pytest.approx(
        per_hz * by_path.root_bound(["monostatic/doppler[0]"]), rel=1e-6
    )
    leaking = radial_speed_map(scene, link_maps(scene)["monostatic"]).at(sent)
    assert leaking.root_bound(["user_radial_speed"]) > 1.01 * found.root_bound(["user_range_rate"])
    assert leaking.root_bound(["user_position"]) == pytest.approx(found.root_bound(["user_position"]), rel=1e-9)


@pytest.mark.slow
def test_a_wrong_velocity_is_caught():
    """Fixed at a wrong value the errors are far above the bound, in every link to the user."""
    scene = scenario()
    plan = TrialPlan(("own",), trials=6, seed=3)
    for links in (["bistatic"], ["posterior"]):
        right, wrong = (
            check_estimator(
                scene, isotropic_transmission(scene), plan=plan, links=links, estimator=Estimator(assumed=assumed)
            )
            for assumed in ({}, {"user_velocity": np.array([4.0, 11.5])})
        )
        good, bad = (check.links[links[0]].points[0] for check in (right, wrong))
        assert good.is_regular
        assert not bad.is_regular
        assert bad.quantities["user_position_m"].ratio.low > 1.5 > good.quantities["user_position_m"].ratio.value


def test_ratios_of_links_taken_together_are_means_over_antennas():
    scene = scenario("user.array.elements=16")
    energy = {name: 10.0 ** (value / 10.0) for name, value in own_snr_db(scene, isotropic_transmission(scene)).items()}
    assert energy["fused"] == pytest.approx((16 * energy["bistatic"] + 8 * energy["monostatic"]) / 24)
    assert energy["posterior"] == pytest.approx(0.5 * energy["fused"])


def test_sequential_estimation_needs_echoes_as_a_prior():
    scene = scenario()
    sequential = Estimator("sequential")
    for link in ("bistatic", "monostatic", "bistatic_stage"):
        with pytest.raises(
            InvalidInput, match=f"links must be among fused, posterior, found {link}\\. For a link alone"
        ):
            check_estimator(scene, isotropic_transmission(scene), links=[link], estimator=sequential)
    subjects = path_subjects(scene, isotropic_transmission(scene), method="sequential", assumed={}, seed=1)
    assert set(subjects.settings) == {"fused", "posterior"}


def test_what_cannot_be_estimated_is_refused():
    whole = read_scenario("hamrouni2026")
    with pytest.raises(InvalidInput, match=r"at most 8388608 numbers.*waveform\.cyclic_prefix"):
        check_estimator(whole, isotropic_transmission(whole), plan=TrialPlan(("own",), trials=2))
    rare = scenario("waveform.cyclic_prefix=400 us")
    with pytest.raises(
        InvalidInput,
        match=r"symbol rate of 249[0-9.]+ Hz, but in link `monostatic` one is 2[0-9.]+ Hz; .*cyclic_prefix",
    ):
        check_estimator(rare, isotropic_transmission(rare), plan=TrialPlan(("own",), trials=2))
    _, _, models, _ = world()
    with pytest.raises(InvalidInput, match="at least two symbols"):
        replace(models["bistatic"], time_s=np.zeros(1))
    with pytest.raises(InvalidInput, match="symbol times"):
        replace(models["bistatic"], time_s=None)
