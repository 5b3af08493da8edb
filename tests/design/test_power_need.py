"""Messages on too little power: what they say suffices does, and what they say does not does not."""

from dataclasses import replace

import numpy as np
import pytest
from tests.design.test_network import network
from typer.testing import CliRunner

from crbeam import read_scenario
from crbeam.design import MinimumSinr, PowerBudget
from crbeam.design.methods import method_named
from crbeam.design.requirements import PowerNeed, level_below_db
from crbeam.design.service_constraints import MinimumRate
from crbeam.errors import Infeasible, SolverFailed
from crbeam.interfaces.command_line import app
from crbeam.systems import design_problem, system_of
from crbeam.units import distinct


def with_power(problem, factor):
    parts = [
        replace(part, power_per_subcarrier_w=factor * part.power_per_subcarrier_w)
        if isinstance(part, PowerBudget)
        else part
        for part in problem.constraints
    ]
    return replace(problem, constraints=tuple(parts))


def shortage(problem, key):
    with pytest.raises(Infeasible) as caught:
        method_named(key).solve(problem)
    return caught.value


def settings(*overrides):
    return [word for each in overrides for word in ("--set", each)]


def test_rates_of_60_bit_take_what_zero_forcing_takes():
    """Two users that differ are served by enough power: `sum_k (2^60 - 1) noise [(H^H H)^-1]_kk`."""
    overrides = ("receivers.minimum_rate=60", "receivers.count=2")
    problem = design_problem(read_scenario("wang2024", overrides=overrides))
    parts = [part for part in problem.constraints if isinstance(part, MinimumSinr)]
    channels = np.stack([part.channels["transmitter"] for part in parts], axis=1)
    forced_w = 2.0**60 * parts[0].noise_power_w * np.trace(np.linalg.inv(channels.conj().T @ channels)).real
    error = shortage(problem, "lifted-sdp")
    assert error.sufficient_power == pytest.approx(forced_w / problem.budgets[0].power_per_subcarrier_w, rel=1e-9)
    assert error.insufficient_power == pytest.approx(error.sufficient_power, rel=1e-9)
    result = CliRunner().invoke(app, ["design", "wang2024", *settings(*overrides)])
    assert result.exit_code == Infeasible.exit_status
    assert "132.06 dB more power (162.06 dBm on a subcarrier) suffices, 132.05 dB more does not" in result.stderr


@pytest.mark.parametrize(
    ("preset", "overrides"),
    [
        ("li2024-downlink", ["served_users.minimum_sinr=50 dB"]),
        ("li2024-downlink", ["served_users.count=6", "served_users.minimum_sinr=45 dB", "seed=3"]),
        ("wang2024", ["receivers.minimum_rate=4", "receivers.count=10"]),
        ("wang2024", ["receivers.minimum_rate=3.4", "receivers.count=11"]),
    ],
)
def test_what_users_need_in_the_downlink(preset, overrides):
    scenario = read_scenario(preset, overrides=overrides)
    problem, key = design_problem(scenario), system_of(scenario).default_method()
    error = shortage(problem, key)
    assert method_named(key).solve(with_power(problem, 1.02 * error.sufficient_power)).objective > 0.0
    less = shortage(with_power(problem, 0.999 * error.insufficient_power), key)
    assert error.insufficient_power > 0.999 * error.sufficient_power
    assert less.sufficient_power == pytest.approx(1.0 / 0.999, rel=1e-3)


@pytest.mark.slow
def test_an_illumination_that_grows_with_the_power():
    """In steps of what was said not to suffice a user would never arrive; one step of what suffices is enough."""
    base = ["sensing.illumination=0.9", "served_users.minimum_sinr=30 dB"]
    error = shortage(design_problem(read_scenario("li2024-downlink", overrides=base)), "digital")
    assert "7.25 dB more power (37.25 dBm on a subcarrier) suffices, 7.24 dB more does not" in str(error)
    for level, serves in ((37.26, True), (37.24, False)):
        power = f"stations.main.total_power={level} dBm"
        problem = design_problem(read_scenario("li2024-downlink", overrides=[*base, power]))
        try:
            method_named("digital").solve(problem)
        except (Infeasible, SolverFailed):
            assert not serves
        else:
            assert serves


@pytest.mark.slow
@pytest.mark.parametrize("asked", [{"minimum_sinr": 50.0}, {"error_m": 0.02}, {"budget_w": 0.1}])
def test_what_a_network_needs(asked):
    problem = network(1, **asked)
    error = shortage(problem, "exact")
    assert 1.0 < error.insufficient_power <= error.sufficient_power < 2.0 * error.insufficient_power
    assert method_named("exact").solve(with_power(problem, 1.001 * error.sufficient_power)).objective > 0.0
    shortage(with_power(problem, 0.999 * error.insufficient_power), "exact")


@pytest.mark.slow
def test_users_of_a_network_who_disturb_one_another_at_any_power():
    problem = network(1, users=14, minimum_sinr=8.0)
    error = shortage(problem, "relax-and-round")
    assert error.sufficient_power == np.inf
    assert "no power suffices" in str(error)
    assert "reach less than an SINR of -0.77 dB each" in str(error)
    for level_db, serves in ((-0.9, True), (-0.7, False)):
        parts = [
            replace(part, minimum_sinr=10.0 ** (level_db / 10.0)) if isinstance(part, MinimumSinr) else part
            for part in with_power(problem, 1e5).constraints
        ]
        lowered = replace(problem, constraints=tuple(parts))
        if serves:
            assert method_named("relax-and-round").solve(lowered).objective > 0.0
        else:
            shortage(lowered, "relax-and-round")


def test_uplink_users_are_told_the_power_that_serves_them():
    overrides = ("served_users.minimum_sinr=40 dB",)
    result = CliRunner().invoke(app, ["design", "li2024-uplink", *settings(*overrides)])
    assert "12.60 dB more power (32.60 dBm on a subcarrier) suffices, 12.59 dB more does not" in result.stderr
    for level, code in ((32.6, 0), (32.5, Infeasible.exit_status)):
        more = settings(*overrides, f"served_users.power={level} dBm")
        assert CliRunner().invoke(app, ["design", "li2024-uplink", *more]).exit_code == code


def test_levels_are_rounded_to_the_side_that_holds():
    assert (
        PowerNeed(2.0, 1.9999).words(1.0)
        == "3.02 dB more power (33.02 dBm on a subcarrier) suffices, 3.01 dB more does not"
    )
    assert level_below_db(1.0 + 1e-6) == "0.000004"
    assert "0.00 dB more does not" not in PowerNeed(1.001, 1.0001).words()


def test_numbers_that_are_compared_are_told_apart():
    assert distinct(1.0, 1.0 + 1e-9) == ("1", "1.000000001")
    assert distinct(1.0, 2.0) == ("1", "2")
    assert distinct(0.1, 0.1) == ("0.1", "0.1")


def test_a_solver_that_fails_is_no_proof_that_nothing_suffices(monkeypatch):
    overrides = ["served_users.count=2", "served_users.minimum_sinr=15 dB", "sensing.illumination=0.9"]
    scenario = read_scenario("li2024-downlink", overrides=[*overrides, "stations.main.total_power=0.01 W"])
    problem = design_problem(scenario)
    honest = shortage(problem, "digital")
    assert 1.0 < honest.insufficient_power <= honest.sufficient_power < np.inf
    monkeypatch.setattr("crbeam.design.convex.path.MAX_STEPS", 3)
    blind = shortage(problem, "digital")
    assert "no power suffices" not in str(blind)
    assert "no power that suffices was found" in str(blind)
    assert 1.0 < blind.insufficient_power < honest.insufficient_power


@pytest.mark.parametrize("power", ["-120 dBm", "-40 dBm"])
def test_rates_far_beyond_the_power_still_say_what_suffices(power):
    scene = ("receivers.count=2", "receivers.rician_factor=1", "receivers.array.elements=2")
    scenario = read_scenario(
        "wang2024",
        overrides=[*scene, "receivers.minimum_rate=100", f"stations.transmitter.total_power={power}"],
    )
    found = shortage(design_problem(scenario), "lifted-sca")
    assert 1e3 < found.insufficient_power < found.sufficient_power < np.inf


def test_a_receiver_whose_channel_is_zero_is_named():
    scene = ("receivers.count=2", "receivers.rician_factor=1", "receivers.array.elements=2")
    problem = design_problem(read_scenario("wang2024", overrides=scene))
    parts = [
        replace(part, channel=np.zeros_like(part.channel))
        if isinstance(part, MinimumRate) and part.user == "receiver1"
        else part
        for part in problem.constraints
    ]
    found = shortage(replace(problem, constraints=tuple(parts)), "lifted-sca")
    assert "receiver1 is not: its channel is zero, and no power suffices" in str(found)
    assert found.sufficient_power == np.inf


def test_words_of_what_never_suffices():
    assert PowerNeed(np.inf, np.inf).words() == "no power suffices"
    assert "no power that suffices was found" in PowerNeed(np.inf, 3.0).words()
