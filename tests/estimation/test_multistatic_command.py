"""Estimates of wang2024 against bounds: what is checked, verdicts, mistakes, and the verb."""

import json

import numpy as np
import pytest
from tests.estimation.pulse_scenes import MONOSTATIC, THREE, lit, scene
from typer.testing import CliRunner

from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.evaluation import Estimator, TrialPlan, check_estimator, evaluate
from crbeam.evaluation.estimator_check import own_snr_db
from crbeam.interfaces.command_line import app
from crbeam.scenario import read_scenario

RUNNER = CliRunner()
QUICK = ("--snr-db", "20", "--trials", "2", "--workers", "1")


def check(scenario, links=None, *, method=None, snr_db=(20.0,), trials=2, **options):
    plan = TrialPlan(snr_db, trials=trials)
    estimator = Estimator(method, **options)
    return check_estimator(scenario, {"transmitter": lit(scenario)}, plan=plan, links=links, estimator=estimator).links


def test_every_receiver_by_itself_and_all_that_sense_together():
    scenario = scene(MONOSTATIC, "receivers.selected=[0, 2]")
    links = check(scenario)
    assert list(links) == ["receiver0", "receiver1", "receiver2", "monostatic", "fused"]
    assert list(links["receiver1"].points[0].quantities) == ["delay_s", "doppler_hz"]
    assert list(links["fused"].points[0].quantities) == ["target_position_m", "target_velocity_mps"]
    bounds = evaluate(scenario, {"transmitter": lit(scenario)}).links
    factor = 10.0 ** ((links["fused"].own_snr_db - 20.0) / 20.0)
    for link, quantity in (("receiver0", "doppler_hz"), ("fused", "target_position_m")):
        factor = 10.0 ** ((links[link].own_snr_db - 20.0) / 20.0)
        found = links[link].points[0].quantities[quantity].root_bound
        assert found == pytest.approx(factor * bounds[link].quantities[quantity])


def test_the_ratio_is_that_of_one_symbol_at_an_antenna():
    ratios = own_snr_db(scene("receivers.selected=[0, 1]"), {"transmitter": np.zeros((6, 6), dtype=complex)})
    length_m = np.hypot(20.0, 40.0) + np.hypot(40.0, 10.0)
    assert ratios["receiver0"] == pytest.approx(10.0 * np.log10(0.6 * length_m**-2.7 / 2e-9))
    linear = {link: 10.0 ** (ratio / 10.0) for link, ratio in ratios.items()}
    assert linear["fused"] == pytest.approx(0.5 * (linear["receiver0"] + linear["receiver1"]))


def test_with_a_known_arrival_one_receiver_locates():
    scenario = scene("multistatic.target_velocity=[3, -20]", "multistatic.heading=known")
    links = check(scenario, ["receiver0", "receiver2"], method="arrival")
    for each in links.values():
        assert list(each.points[0].quantities) == ["target_position_m", "target_velocity_mps"]
    known = links["receiver0"].points[0].quantities
    assert list(check(scene(), ["receiver0"], method="arrival")["receiver0"].points[0].quantities) == [
        "target_position_m"
    ]
    echo = check(scenario, ["receiver0"])["receiver0"].points[0].quantities
    target, place = np.array([20.0, 40.0]), np.array(THREE[0])
    towards = (target - place) / np.hypot(*(target - place))
    units = target / np.hypot(*target) + towards
    slope = 1.0 + target @ towards / np.hypot(*target)
    bound_m = 299792458.0 / slope * echo["delay_s"].root_bound
    assert known["target_position_m"].root_bound == pytest.approx(bound_m)
    heading = np.array([3.0, -20.0]) / np.hypot(3.0, 20.0)
    shift_only = scenario.waveform.wavelength_m * echo["doppler_hz"].root_bound / abs(units @ heading)
    assert known["target_velocity_mps"].root_bound >= shift_only * (1.0 - 1e-9)


@pytest.mark.parametrize(
    ("overrides", "options", "said"),
    [
        (("multistatic.pulse=cosine",), {}, "without jumps"),
        (("multistatic.metric=shared", "multistatic.formulas=as_printed"), {}, "printed formulas"),
        (("multistatic.target_velocity=[2000, 0]",), {}, "1000 m/s"),
        (("waveform.symbols_per_slot=4",), {}, "at least 8 symbols"),
        (("targets.positions=[[2000, 40]]",), {}, "symbols_per_slot higher"),
        (("waveform.symbols_per_slot=4000000",), {}, "numbers at a time"),
        ((), {"method": "joint"}, "two-stage or arrival"),
        ((), {"assumed": {"clock_bias": np.zeros(1)}}, "without assumed parameters"),
        (("receivers.selected=[1]",), {"links": ["fused"]}, "found fused. .*found receiver1; let another"),
        (("multistatic.metric=shared",), {"links": ["fused"]}, "metric=position"),
        ((), {"links": ["fused"], "method": "arrival"}, "by itself; use two-stage"),
    ],
)
def test_what_cannot_be_checked_is_refused(overrides, options, said):
    with pytest.raises(InvalidInput, match=said):
        check(scene(*overrides), **options)


def test_doppler_shifts_beyond_half_the_symbol_rate_are_refused():
    scenario = scene("multistatic.target_velocity=[0, 900]", duration="50 us", symbols=64)
    with pytest.raises(InvalidInput, match="less than 10000 Hz"):
        check(scenario)


def test_receivers_in_line_with_the_target_do_not_locate():
    with pytest.raises(Unidentifiable):
        check(scene(places=((-30.0, -60.0), (-10.0, -20.0))), ["fused"])


def test_other_systems_have_no_pulses(capsys):
    result = RUNNER.invoke(app, ["estimate", "zhang2025", "--method", "arrival", "--design", "isotropic", *QUICK])
    assert result.exit_code == 2
    assert "direct, two-stage or sequential" in result.stderr
    result = RUNNER.invoke(app, ["estimate", "li2024-uplink", "--method", "arrival", "--design", "isotropic", *QUICK])
    assert "joint, two-stage or music" in result.stderr


def test_the_verb_designs_estimates_and_judges():
    few = ("--set", "receivers.count=2", "--set", "receivers.minimum_rate=0", "--set", "waveform.symbols_per_slot=64")
    result = RUNNER.invoke(app, ["estimate", "wang2024", *few, *QUICK, "--json"])
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["method"] == "two-stage"
    assert set(document["links"]) == {"receiver0", "receiver1", "fused"}
    (point,) = document["links"]["fused"]["points"]
    assert set(point["quantities"]) == {"target_position_m", "target_velocity_mps"}
    assert point["failure_rate"] == 0.0
    assert all(each["ratio"] < 4.0 for each in point["quantities"].values())


def test_receivers_that_a_design_selects_are_those_that_estimate():
    few = ("--set", "receivers.count=4", "--set", "receivers.minimum_rate=0", "--set", "waveform.symbols_per_slot=64")
    words = ("estimate", "wang2024", *few, "--set", "receivers.cost_budget=160 m", "--link", "fused", *QUICK, "--json")
    result = RUNNER.invoke(app, words)
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    chosen = document["scenario"]["receivers"]["selected"]
    assert 1 < len(chosen) < 4
    bounds = evaluate(read_scenario("wang2024", overrides=[f"receivers.selected={chosen}", *few[1::2]]), beam()).links
    ratio = 10.0 ** ((document["links"]["fused"]["own_snr_db"] - 20.0) / 20.0)
    found = document["links"]["fused"]["points"][0]["quantities"]["target_position_m"]["root_bound"]
    assert found == pytest.approx(ratio * bounds["fused"].quantities["target_position_m"], rel=1e-4)


@pytest.mark.parametrize(
    ("chosen", "words", "link"),
    [
        (("receivers.count=1",), ("--method", "arrival"), "receiver0"),
        (("receivers.count=1",), ("--link", "receiver0"), "receiver0"),
        (("receivers.count=3", "receivers.selected=[2]"), ("--link", "receiver2"), "receiver2"),
        (("receivers.count=3", "receivers.selected=[]"), ("--link", "receiver1"), "receiver1"),
        (("receivers.count=1", "receivers.cost_budget=300 m"), (), "receiver0"),
        (("receivers.count=3", "receivers.cost_budget=40 m"), ("--link", "receiver2"), "receiver2"),
    ],
)
def test_where_all_together_do_not_locate_the_design_is_for_a_receiver(chosen, words, link):
    """All power towards the target is best for each of them."""
    overrides = [*chosen, "receivers.minimum_rate=0", "waveform.symbols_per_slot=64"]
    options = [part for each in overrides for part in ("--set", each)]
    result = RUNNER.invoke(app, ["estimate", "wang2024", *options, *words, *QUICK, "--json"])
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert list(document["links"]) == [link]
    (point,) = document["links"][link]["points"]
    scenario = read_scenario("wang2024", overrides=overrides)
    plan = TrialPlan((20.0,), trials=2)
    lit_bounds = check_estimator(scenario, beam(), plan=plan, links=[link], estimator=Estimator(document["method"]))
    for name, each in lit_bounds.links[link].points[0].quantities.items():
        assert point["quantities"][name]["root_bound"] == pytest.approx(each.root_bound, rel=1e-4)


@pytest.mark.parametrize(
    ("chosen", "words", "status", "said"),
    [
        (("receivers.selected=[2]",), ("--link", "fused"), 3, "let another receiver sense"),
        (("receivers.count=1", "receivers.cost_budget=3 m"), (), 4, "those selected cost"),
        (("receivers.count=1",), ("--link", "receiver7"), 2, "among receiver0, found receiver7"),
    ],
)
def test_where_no_receiver_is_left_to_design_for(chosen, words, status, said):
    options = [part for each in chosen for part in ("--set", each)]
    result = RUNNER.invoke(app, ["estimate", "wang2024", *options, *words, *QUICK])
    assert result.exit_code == status
    assert said in result.stderr


def beam():
    """All power of the preset's transmitter to the target."""
    return {"transmitter": lit(read_scenario("wang2024"))}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("places", "overrides", "method"),
    [
        (THREE, (), None),
        (THREE[:2], ("multistatic.heading=known", "multistatic.target_velocity=[12, -7]"), None),
        (THREE[:1], (MONOSTATIC,), None),
        (THREE[:1], ("multistatic.heading=known",), "arrival"),
    ],
)
def test_estimates_attain_their_bounds(places, overrides, method):
    links = check(scene(*overrides, places=places), method=method, snr_db=(10.0, 20.0), trials=60)
    for each in links.values():
        assert each.threshold_snr_db == 10.0
        assert each.efficient_snr_db == 10.0, each.link
        assert each.below_bound == ()


@pytest.mark.slow
def test_below_the_threshold_trials_fail():
    scenario = scene()
    links = check(scenario, ["receiver0", "fused"], snr_db=(-25.0, 10.0), trials=20)
    for each in links.values():
        rates = [point.failure_rate.value for point in each.points]
        assert rates[0] > 0.5
        assert rates[1] == 0.0
        assert each.points[0].quantities[next(iter(each.points[0].quantities))].ratio.value > 10.0
