"""The network as a scenario: what it stands for, what it draws, what the command line says of it."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from crbeam.design.methods import Exact, method_named
from crbeam.errors import Infeasible, InvalidInput, InvalidScenario
from crbeam.evaluation import evaluate
from crbeam.interfaces.command_line import app
from crbeam.scenario import Scenario, read_scenario, scenario_document
from crbeam.systems import default_method, design_problem, isotropic_transmission, paths_of, served_sinr, xu2023


def small(*overrides):
    """Three stations may listen, two users."""
    users = "network.user_positions=[[-30 m, 80 m], [50 m, -80 m]]"
    return read_scenario("xu2023", overrides=[users, *overrides])


def test_the_preset_is_the_setting_of_figure_2():
    scenario = read_scenario("xu2023")
    assert scenario.noise_power_w == pytest.approx(10**-9.5)
    assert xu2023.network_of(scenario).user_noise_w == pytest.approx(10**-11.5)
    assert [station.total_power_w for station in scenario.stations.values()] == pytest.approx([10**1.5] * 4)
    views = [xu2023.station_view(scenario, name) for name in scenario.stations]
    assert [view.distance_m for view in views] == pytest.approx([50.0, 92.1954, 162.788, 143.178], rel=1e-5)
    gains = xu2023.echo_gains(scenario, "bs2")
    assert abs(gains["bs1"]) ** 2 == pytest.approx(1e-3 / (50.0 * 92.195444573) ** 2)
    assert Scenario.model_validate(scenario_document(scenario)) == scenario
    assert default_method(scenario) == "exact"


def test_channels_have_the_power_of_the_path_loss_and_come_from_the_seed():
    scenario = read_scenario("xu2023")
    drawn = [scenario.model_copy(update={"seed": seed}) for seed in range(300)]
    channels = np.array([xu2023.user_channel(each, "bs1", 0) for each in drawn])
    expected = 10**-5.8 * np.hypot(30.0, 20.0) ** -3
    assert np.mean(np.abs(channels) ** 2) == pytest.approx(expected, rel=0.1)
    assert np.std(np.abs(channels) ** 2) == pytest.approx(expected, rel=0.15)
    fewer = small()
    assert np.array_equal(xu2023.user_channel(fewer, "bs1", 0), channels[0])


def test_isotropic_bounds_of_every_station_that_may_listen():
    scenario = read_scenario("xu2023")
    stack = np.stack([*isotropic_transmission(scenario).values()])
    found = evaluate(scenario, stack).links
    assert list(found) == ["bs1", "bs2", "bs3", "bs4"]
    ranging = evaluate(read_scenario("xu2023", overrides=["network.rms_bandwidth=5 MHz"]), stack).links
    for name, link in found.items():
        assert 0.01 < link.quantities["target_positions_m"][0] < 1.0
        assert ranging[name].quantities["target_positions_m"][0] < link.quantities["target_positions_m"][0]


def test_a_design_serves_and_locates():
    scenario = small()
    design = Exact().solve(design_problem(scenario))
    receiver, served = xu2023.roles(scenario, design)
    assert design.gap <= 1e-4
    assert min(served_sinr(scenario, design).values()) >= 10**0.8 * (1.0 - 1e-9)
    assert evaluate(scenario, design.covariances).links[receiver].quantities["target_positions_m"][0] <= 1.0 + 1e-9
    assert all(len(stations) == 1 and receiver not in stations for stations in served.values())
    assert receiver in xu2023.cautions(scenario, design)[0]
    alone = "links={bs1: {transmitter: others, receiver: bs1}}"
    given = small(alone)
    assert xu2023.roles(given, Exact().solve(design_problem(given)))[0] == "bs1"


def test_command_line():
    runner = CliRunner()
    result = runner.invoke(app, ["bound", "xu2023", "--json"])
    assert result.exit_code == 0
    assert set(json.loads(result.stdout)["links"]) == {"bs1", "bs2", "bs3", "bs4"}
    users = "network.user_positions=[[-30 m, 80 m]]"
    result = runner.invoke(app, ["design", "xu2023", "--set", users, "--json"])
    document = json.loads(result.stdout)
    assert document["weight"] is None
    assert document["power_dbm"] == pytest.approx(10.0 * np.log10(document["power_w"]) + 30.0)
    assert 0.0 <= document["gap_db"] <= 1e-3
    result = runner.invoke(app, ["design", "xu2023", "--set", users, "--set", "network.target_error=1e-5 m"])
    assert result.exit_code == Infeasible.exit_status
    assert "location accuracy" in result.stderr


MISTAKES = {
    "network=null": "network",
    "waveform.slots=2": "slots",
    "stations.bs1.transmit_array.elements=4": "elements",
    "links.bs1.transmitter=bs2": "links",
    "network.user_positions=[[0 m, 100 m]]": "user_positions",
    "targets.positions=[[1 m, 2 m], [3 m, 4 m]]": "target",
}


@pytest.mark.parametrize(("override", "place"), MISTAKES.items())
def test_mistakes_are_named(override, place):
    with pytest.raises(InvalidScenario, match=place):
        read_scenario("xu2023", overrides=[override])


def test_losses_are_mandatory():
    document = scenario_document(read_scenario("xu2023"))
    for key in ("user_loss", "echo_loss"):
        network = {name: value for name, value in document["network"].items() if name != key}
        with pytest.raises(ValueError, match=key):
            Scenario.model_validate({**document, "network": network})


def test_what_the_system_does_not_offer():
    scenario = small()
    with pytest.raises(InvalidInput, match="paths"):
        paths_of(scenario)
    with pytest.raises(InvalidInput, match="weights"):
        design_problem(scenario, weight=0.5)
    with pytest.raises(InvalidInput, match="link must be"):
        xu2023.link_map(scenario, "bs9")
    assert method_named("fdb-wcrb").why_not(design_problem(scenario))
