"""Estimators of a near-field target: exact without noise, on the bound with little, honest about grating lobes."""

import numpy as np
import pytest

from crbeam.design.methods import method_named
from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.estimation import Failure, near_field_model, simulate
from crbeam.estimation.music import AngleSearch, signal_vector
from crbeam.estimation.near_field_estimates import TargetEstimate, TargetSearch, settled_lobe
from crbeam.estimation.near_field_likelihood import EchoLikelihood
from crbeam.estimation.near_field_model import mean_echo
from crbeam.evaluation import Estimator, TrialPlan, check_estimator, evaluate
from crbeam.evaluation.estimator_check import own_snr_db
from crbeam.evaluation.near_field_trials import echo_failure
from crbeam.propagation.near_field import grating_aliases
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem, isotropic_transmission
from crbeam.systems.double_array import double_array
from crbeam.systems.li2024 import Li2024, with_illumination

PRESETS = ("li2024-downlink", "li2024-uplink")
QUANTITIES = ["target_position_m", "target_angle_rad", "target_range_m"]
#: Half the antennas over the whole aperture.
SMALLER = ["stations.main.transmit_array.elements=32", "stations.main.transmit_array.spacing=1.506"]


def designed(name, overrides=()):
    """A scenario, and its design with a floor on the illumination of the target."""
    scenario = read_scenario(name, overrides=overrides)
    return scenario, method_named("digital").solve(design_problem(with_illumination(scenario))).covariances


@pytest.fixture(scope="module")
def scenes():
    return {name: designed(name) for name in PRESETS}


def errors_of(scenario, covariances, method, *, snr_factor=1.0, seed=None):
    """Error in angle and range relative to the range, of one trial."""
    (covariance,) = covariances.values()
    model, truth = Li2024(scenario).echo_model(covariance), Li2024(scenario).true_echo()
    observation = mean_echo(model, truth.angle_rad, truth.range_m, truth.strength * np.sqrt(snr_factor))
    if seed is not None:
        observation = simulate(observation, np.random.default_rng(seed))
    known = abs(truth.strength) * np.sqrt(snr_factor) if truth.is_modulus_known else None
    found = TargetSearch(model, method).estimate(observation, known_strength=known)
    assert found.has_converged
    return abs(found.angle_rad - truth.angle_rad), abs(found.range_m / truth.range_m - 1.0)


@pytest.mark.parametrize(
    ("name", "method", "most"),
    [
        ("li2024-downlink", "joint", 1e-7),
        ("li2024-downlink", "two-stage", 1e-5),
        ("li2024-uplink", "joint", 1e-7),
        ("li2024-uplink", "music", 1e-7),
        ("li2024-uplink", "two-stage", 0.1),
    ],
)
def test_the_target_is_found_without_noise(scenes, name, method, most):
    """But for two stages in the uplink, which have a floor: responses are cut off at four curvatures."""
    angle, distance = errors_of(*scenes[name], method)
    assert angle < most
    assert distance < most
    if most > 1e-2:
        assert angle > 1e-4


@pytest.mark.parametrize(
    "overrides",
    [
        ("sensing.unknown_gain=phase",),
        ("stations.main.orientation=25 deg", "stations.assisting.orientation=25 deg"),
        ("targets.positions=[[-12 m, 9 m]]",),
        ("sensing.serving_model=spherical", "sensing.sensing_model=spherical"),
        ("stations.main.transmit_array.reference=centre", "stations.assisting.transmit_array.reference=centre"),
    ],
)
@pytest.mark.parametrize("name", PRESETS)
def test_other_places_models_and_knowledge(name, overrides):
    scenario, covariances = designed(name, [*SMALLER, *overrides])
    angle, distance = errors_of(scenario, covariances, "joint")
    assert angle < 1e-7
    assert distance < 1e-7


def test_the_bounds_are_those_of_the_scenario(scenes):
    scenario, covariances = scenes["li2024-downlink"]
    result = check_estimator(scenario, covariances, plan=TrialPlan(("own", 0.0), trials=2)).links["downlink"]
    expected = evaluate(scenario, covariances).links["downlink"].quantities
    assert list(result.points[0].quantities) == QUANTITIES
    assert [result.points[0].quantities[name].root_bound for name in QUANTITIES] == pytest.approx(
        [expected[name] for name in QUANTITIES]
    )
    assert own_snr_db(scenario, covariances) == {"downlink": pytest.approx(-10.0)}
    assert result.points[1].quantities["target_range_m"].root_bound == pytest.approx(
        expected["target_range_m"] / np.sqrt(10.0)
    )


def test_polar_and_cartesian_errors_are_of_one_place(scenes):
    plan = TrialPlan((20.0,), trials=6)
    point = check_estimator(*scenes["li2024-uplink"], plan=plan).links["uplink"].points[0]
    range_m = Li2024(scenes["li2024-uplink"][0]).true_echo().range_m
    across, along = (point.quantities[name].rmse for name in ("target_angle_rad", "target_range_m"))
    assert point.quantities["target_position_m"].rmse == pytest.approx(np.hypot(range_m * across, along), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_joint_estimates_reach_the_bound(scenes, name):
    plan = TrialPlan((0.0, 20.0), trials=200)
    (result,) = check_estimator(*scenes[name], plan=plan).links.values()
    assert result.threshold_snr_db == 0.0
    assert result.efficient_snr_db == 0.0
    assert result.below_bound == ()


@pytest.mark.slow
def test_two_stages_stay_above_the_bound_where_the_long_array_tells_of_the_angle():
    """With the same power everywhere the array that sees the range tells most of the angle too."""
    scenario = read_scenario("li2024-downlink", overrides=SMALLER)
    covariances = isotropic_transmission(scenario)
    plan = TrialPlan((10.0,), trials=120)
    ratios = {
        method: check_estimator(scenario, covariances, plan=plan, estimator=Estimator(method))
        .links["downlink"]
        .points[0]
        .quantities["target_range_m"]
        .ratio
        for method in ("two-stage", "joint")
    }
    assert ratios["two-stage"].low > 1.2
    assert ratios["joint"].low < 1.0 < ratios["joint"].high * 1.05


@pytest.mark.slow
def test_two_stages_in_the_uplink_have_a_floor(scenes):
    plan, estimator = TrialPlan((0.0, 20.0), trials=20), Estimator("two-stage")
    points = check_estimator(*scenes["li2024-uplink"], plan=plan, estimator=estimator).links["uplink"].points
    errors = [point.quantities["target_angle_rad"] for point in points]
    assert errors[1].ratio.low > 10.0
    assert errors[1].rmse > 0.8 * errors[0].rmse


@pytest.mark.slow
def test_a_target_in_a_null_is_not_found(scenes):
    """The best transmission without a floor: its bound is the smallest, and no estimator finds the target."""
    scenario, lit = scenes["li2024-downlink"]
    dark = method_named("digital").solve(design_problem(scenario)).covariances
    assert Li2024(scenario).illumination_share(dark["main"]) < 1e-3
    assert Li2024(scenario).illumination_share(lit["main"]) == pytest.approx(0.1, rel=1e-3)
    plan = TrialPlan((10.0,), trials=3)
    found = [check_estimator(scenario, each, plan=plan).links["downlink"].points[0] for each in (dark, lit)]
    bounds = [point.quantities["target_range_m"].root_bound for point in found]
    assert bounds[0] < bounds[1] < 1.05 * bounds[0]
    assert found[0].failure_rate.value > 0.5
    assert found[0].quantities["target_angle_rad"].ratio.value > 100.0
    assert found[1].failure_rate.value == 0.0


def test_the_alias_is_as_likely_and_the_lit_one_is_taken(scenes):
    """One beam hides what the short array could say; the transmission itself then tells the lobe."""
    scenario, covariances = scenes["li2024-uplink"]
    strongest = np.linalg.eigh(covariances["assisting"])[1][:, -1:]
    model, truth = Li2024(scenario).echo_model(strongest @ strongest.conj().T), Li2024(scenario).true_echo()
    (alias,) = grating_aliases(
        model.longer.positions_m, truth.angle_rad, truth.range_m, wavelength_m=model.wavelength_m
    )
    likelihood = EchoLikelihood(model, mean_echo(model, truth.angle_rad, truth.range_m, truth.strength))
    places = np.array([[truth.angle_rad, 1.0 / truth.range_m], [alias.angle_rad, 1.0 / alias.range_m]])
    assert np.ptp(likelihood.at(*places.T)) < 1e-6 * likelihood.at(*places.T)[0]
    for start in places:
        assert settled_lobe(likelihood, start, refine=True) == pytest.approx(places[0], rel=1e-6)
    wrong = TargetEstimate(float(places[1, 0]), alias.range_m, True)
    assert echo_failure(model, wrong, truth) is Failure.WRONG_LOBE


def test_the_likelihood_decides_where_both_arrays_are_seen(scenes):
    """In the downlink the short array listens: the alias is ruled out, even if more power goes there."""
    scenario, _ = scenes["li2024-downlink"]
    truth = Li2024(scenario).true_echo()
    towards = Li2024(scenario).echo_model(np.eye(64, dtype=complex))
    (alias,) = grating_aliases(
        towards.longer.positions_m, truth.angle_rad, truth.range_m, wavelength_m=towards.wavelength_m
    )
    places = np.array([[alias.angle_rad, 1.0 / alias.range_m], [truth.angle_rad, 1.0 / truth.range_m]])
    extra = towards.responses(towards.transmit, *places.T).conj()[:, 0] * 0.01
    model = Li2024(scenario).echo_model(1e-3 * np.eye(64) + np.outer(extra, extra.conj()))
    assert model.lit_w(*places[0]) >= 0.99 * model.lit_w(*places[1])
    likelihood = EchoLikelihood(model, mean_echo(model, truth.angle_rad, truth.range_m, truth.strength))
    assert settled_lobe(likelihood, places[0], refine=True) == pytest.approx(places[1], rel=1e-6)


def test_failures_are_told_apart(scenes):
    scenario, covariances = scenes["li2024-downlink"]
    model, truth = Li2024(scenario).echo_model(covariances["main"]), Li2024(scenario).true_echo()
    assert echo_failure(model, TargetEstimate(truth.angle_rad, truth.range_m, True), truth) is None
    assert echo_failure(model, TargetEstimate(truth.angle_rad, truth.range_m, False), truth) is Failure.NOT_CONVERGED
    assert echo_failure(model, TargetEstimate(truth.angle_rad + 0.2, truth.range_m, True), truth) is Failure.LOST_PATH
    assert echo_failure(model, TargetEstimate(truth.angle_rad, 3.0, True), truth) is Failure.LOST_PATH


def test_music_over_the_angle_is_that_of_the_response_for_plane_waves(scenes):
    scenario, covariances = scenes["li2024-downlink"]
    model, truth = Li2024(scenario).echo_model(covariances["main"]), Li2024(scenario).true_echo()
    search = AngleSearch(model)
    assert {basis.shape for basis in search.bases} == {(16, 1)}
    signal = signal_vector(mean_echo(model, truth.angle_rad, truth.range_m, truth.strength))
    assert search.angle_rad(signal) == pytest.approx(truth.angle_rad, abs=1e-5)
    scenario, covariance = _uplink(scenes)
    curved = AngleSearch(Li2024(scenario).echo_model(covariance))
    assert max(basis.shape[1] for basis in curved.bases) == 4


def test_the_subspace_is_smaller_than_the_number_of_chains(scenes):
    scenario, covariance = _uplink(scenes)
    network = np.exp(1j * np.random.default_rng(2).uniform(0.0, 2.0 * np.pi, (64, 3)))
    search = AngleSearch(Li2024(scenario).echo_model(covariance, network=network))
    assert max(basis.shape[1] for basis in search.bases) == 2


def _uplink(scenes):
    scenario, covariances = scenes["li2024-uplink"]
    return scenario, covariances["assisting"]


def test_what_cannot_work_is_refused_in_words(scenes):
    plan = TrialPlan((0.0,), trials=2)
    scenario, covariances = scenes["li2024-downlink"]
    for method, said in (("music", "Use the method two-stage or joint"), ("direct", "joint, two-stage or music")):
        with pytest.raises(InvalidInput, match=said):
            check_estimator(scenario, covariances, plan=plan, estimator=Estimator(method))
    assumed = {"target_position[0]": np.zeros(2)}
    with pytest.raises(InvalidInput, match="without assumed parameters"):
        check_estimator(scenario, covariances, plan=plan, estimator=Estimator(assumed=assumed))
    near = read_scenario("li2024-downlink", overrides=["targets.positions=[[1 m, 0 m]]"])
    with pytest.raises(InvalidInput, match=r"must be from 2\.12 m to"):
        check_estimator(near, covariances, plan=plan)
    one = {"main": np.diag(np.eye(64)[0]).astype(complex)}
    with pytest.raises(Unidentifiable, match="target_position"):
        check_estimator(scenario, one, plan=plan)
    plane = read_scenario("zhang2025", overrides=["waveform.subcarriers=64"])
    with pytest.raises(InvalidInput, match="direct, two-stage or sequential; found `joint`"):
        check_estimator(plane, isotropic_transmission(plane), plan=plan, estimator=Estimator("joint"))


@pytest.mark.slow
def test_trials_depend_on_nothing_but_seed_ratio_and_number(scenes):
    scenario, covariances = scenes["li2024-uplink"]

    def numbers(**options):
        plan = TrialPlan(**{"snr_db": (0.0, 10.0), "trials": 2, **options})
        (link,) = check_estimator(scenario, covariances, plan=plan).links.values()
        return [point.quantities["target_range_m"].rmse for point in link.points]

    first = numbers()
    assert numbers() == first
    assert numbers(snr_db=(10.0,)) == first[1:]
    assert numbers(seed=2) != first


def test_the_floor_of_estimation_yields_to_the_scenarios_own():
    scenario = read_scenario("li2024-downlink", overrides=["sensing.illumination=0.3"])
    assert with_illumination(scenario).sensing.illumination == 0.3
    assert with_illumination(scenario, 0.0).sensing.illumination == 0.0
    assert with_illumination(read_scenario("li2024-downlink")).sensing.illumination == 0.1
    with pytest.raises(InvalidInput, match=r"share from 0 to 0\.999, found 1\.5"):
        with_illumination(scenario, 1.5)


def sub_arrays_on_the_target(scenario):
    """Combiner of the main array with chains of four antennas whose phases focus on the target."""
    focus = double_array(scenario).receive.value[:, 0]
    network = np.zeros((64, 16), dtype=complex)
    network[np.arange(64), np.arange(64) // 4] = focus / 2.0
    return network


def angle_error_of_two_stages(scenario, covariance):
    model = Li2024(scenario).echo_model(covariance, network=sub_arrays_on_the_target(scenario))
    truth = Li2024(scenario).true_echo()
    observation = simulate(mean_echo(model, truth.angle_rad, truth.range_m, truth.strength), np.random.default_rng(1))
    return abs(TargetSearch(model, "two-stage").estimate(observation).angle_rad - truth.angle_rad)


@pytest.mark.slow
def test_directions_to_which_the_combiner_is_deaf_are_not_searched(scenes, monkeypatch):
    """Chains see grating lobes of their own, where the antennas of each cancel; normalised responses hide that."""
    scenario, covariance = _uplink(scenes)
    assert angle_error_of_two_stages(scenario, covariance) < 0.02
    monkeypatch.setattr(near_field_model, "LEAST_HEARD", 0.0)
    assert angle_error_of_two_stages(scenario, covariance) > 0.3
