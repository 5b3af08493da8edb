"""The network as a scenario: what it stands for, what it draws, what the command line says of it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from crbeam.design.methods import Exact, method_named
from crbeam.design.result import Status
from crbeam.errors import Infeasible, InvalidInput, InvalidScenario, Unidentifiable
from crbeam.evaluation import evaluate
from crbeam.information import Transmission
from crbeam.information.network import TARGET
from crbeam.interfaces.command_line import app
from crbeam.interfaces.output import print_design
from crbeam.report.results import design_dataset
from crbeam.scenario import Scenario, read_scenario, scenario_document
from crbeam.systems import design_problem, isotropic_transmission, paths_of, system_of
from crbeam.systems.xu2023 import SENSING_STREAM, Xu2023, echo_gains, network_of, station_view, user_channel


def small(*overrides):
    """Three stations may listen, two users."""
    users = "network.user_positions=[[-30 m, 80 m], [50 m, -80 m]]"
    return read_scenario("xu2023", overrides=[users, *overrides])


def test_the_preset_is_the_setting_of_figure_2():
    scenario = read_scenario("xu2023")
    assert scenario.noise_power_w == pytest.approx(10**-9.5)
    assert network_of(scenario).user_noise_w == pytest.approx(10**-11.5)
    assert [station.total_power_w for station in scenario.stations.values()] == pytest.approx([10**1.5] * 4)
    views = [station_view(scenario, name) for name in scenario.stations]
    assert [view.distance_m for view in views] == pytest.approx([50.0, 92.1954, 162.788, 143.178], rel=1e-5)
    gains = echo_gains(scenario, "bs2")
    assert abs(gains["bs1"]) ** 2 == pytest.approx(1e-3 / (50.0 * 92.195444573) ** 2)
    assert Scenario.model_validate(scenario_document(scenario)) == scenario
    assert system_of(scenario).default_method() == "exact"


def test_channels_have_the_power_of_the_path_loss_and_come_from_the_seed():
    scenario = read_scenario("xu2023")
    drawn = [scenario.model_copy(update={"seed": seed}) for seed in range(300)]
    channels = np.array([user_channel(each, "bs1", 0) for each in drawn])
    expected = 10**-5.8 * np.hypot(30.0, 20.0) ** -3
    assert np.mean(np.abs(channels) ** 2) == pytest.approx(expected, rel=0.1)
    assert np.std(np.abs(channels) ** 2) == pytest.approx(expected, rel=0.15)
    fewer = small()
    assert np.array_equal(user_channel(fewer, "bs1", 0), channels[0])


def test_isotropic_bounds_of_every_station_that_may_listen():
    scenario = read_scenario("xu2023")
    isotropic = isotropic_transmission(scenario)
    found = evaluate(scenario, isotropic).links
    assert list(found) == ["bs1", "bs2", "bs3", "bs4"]
    ranging = evaluate(read_scenario("xu2023", overrides=["network.rms_bandwidth=5 MHz"]), isotropic).links
    for name, link in found.items():
        assert 0.01 < link.quantities["target_positions_m"][0] < 1.0
        assert ranging[name].quantities["target_positions_m"][0] < link.quantities["target_positions_m"][0]


def beam_of(covariance):
    """w with `w w^H` the covariance of a served stream in one block; a probing covariance would not pass."""
    powers, vectors = np.linalg.eigh(covariance)
    assert np.all(powers[:-1] <= 1e-9 * powers[-1])
    return np.sqrt(max(powers[-1], 0.0)) * vectors[:, -1]


def require_beams(scenario, design, receiver):
    """Ratios, bound and power from the beams themselves, without any code of the design methods."""
    network = network_of(scenario)
    beams = {
        name: {station: beam_of(each) for station, each in design.stream_covariances[f"to {name}"].items()}
        for name in network.names
    }
    probing = design.stream_covariances[SENSING_STREAM]
    for user, name in enumerate(network.names):
        heard = {station: user_channel(scenario, station, user) for station in scenario.stations}
        powers = {
            each: sum(abs(np.vdot(h, beams[each][station])) ** 2 for station, h in heard.items())
            for each in network.names
        }
        noise = sum(np.vdot(h, probing[station] @ h).real for station, h in heard.items()) + network.user_noise_w
        others = sum(power for each, power in powers.items() if each != name)
        assert powers[name] / (others + noise) >= network.sinr * (1.0 - 1e-8)
    served = [Transmission({s: np.outer(w, w.conj()) for s, w in beams[name].items()}) for name in network.names]
    sent = Transmission.sum_of([probing, *served])
    information = Xu2023(scenario).link_map(receiver)
    assert np.trace(information.at(sent).bound([TARGET])) <= network.target_error_m**2 * (1.0 + 1e-8)
    assert sent.powers_w[receiver] == 0.0
    assert sent.power_w == pytest.approx(design.objective, rel=1e-9)
    assert all(sent.powers_w[name] <= station.total_power_w for name, station in scenario.stations.items())


def test_a_design_serves_and_locates():
    scenario = small()
    design = Exact().solve(design_problem(scenario))
    (receiver,), served = Xu2023(scenario).roles(design)
    assert design.gap <= 1e-4
    assert min(system_of(scenario).served_sinr(design).values()) >= 10**0.8 * (1.0 - 1e-9)
    assert evaluate(scenario, design.covariances).links[receiver].quantities["target_positions_m"][0] <= 1.0 + 1e-9
    assert all(len(stations) == 1 and receiver not in stations for stations in served.values())
    assert receiver in Xu2023(scenario).design_cautions(design)[0]
    require_beams(scenario, design, receiver)
    alone = "links={bs1: {transmitter: others, receiver: bs1}}"
    given = small(alone)
    assert Xu2023(given).roles(Exact().solve(design_problem(given)))[0] == ("bs1",)


def test_stations_may_have_arrays_of_their_own():
    """Two antennas of bs1 less: it serves and probes with six, and no least power is lower than with all."""
    scenario = small("stations.bs1.transmit_array.elements=6")
    problem = design_problem(scenario)
    assert problem.antennas == {"bs1": 6, "bs2": 8, "bs3": 8, "bs4": 8}
    design = Exact().solve(problem)
    assert design.gap <= 1e-4
    require_beams(scenario, design, Xu2023(scenario).roles(design)[0][0])
    assert design.objective >= Exact().solve(design_problem(small())).lower_bound


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
    assert document["programs"] >= 1
    result = runner.invoke(app, ["design", "xu2023", "--set", users, "--method", "nearest-receiver"])
    assert "dBm, at most" in result.stdout
    assert "convex programs" in result.stdout
    error = "network.target_error=null"
    result = runner.invoke(app, ["design", "xu2023", "--set", users, "--set", error, "--json"])
    document = json.loads(result.stdout)
    assert "gap_db" not in document
    assert document["gap"] <= 1e-4
    assert document["weight"] is None
    result = runner.invoke(app, ["design", "xu2023", "--set", users, "--set", "network.target_error=1e-5 m"])
    assert result.exit_code == Infeasible.exit_status
    assert "location accuracy" in result.stderr


def test_files_say_what_the_objective_is():
    for override, unit in (("network.target_error=1 m", "W"), ("network.target_error=null", "m^2")):
        scenario = read_scenario("xu2023", overrides=["network.user_positions=[[-30 m, 80 m]]", override])
        design = method_named("relax-and-round").solve(design_problem(scenario))
        dataset = design_dataset(scenario, design, evaluate(scenario, design.covariances))
        assert dataset["objective"].attrs["units"] == unit


@pytest.mark.slow
def test_rates_are_an_alternative_to_ratios():
    rate = small("network.minimum_sinr=null", f"network.minimum_rate={np.log2(1.0 + 10**0.8)}")
    first, second = (Exact().solve(design_problem(each)) for each in (rate, small()))
    assert first.objective == pytest.approx(second.objective, rel=1e-4)
    with pytest.raises(Infeasible) as caught:
        Exact().solve(design_problem(small("network.minimum_sinr=null", "network.minimum_rate=29")))
    assert caught.value.requirement.startswith("rate of served_user")


@pytest.mark.slow
def test_several_stations_listen():
    scenario = small("network.listeners=2")
    maps = Xu2023(scenario).link_maps()
    assert list(maps)[4:] == ["bs1+bs2", "bs1+bs4", "bs1+bs3", "bs2+bs4", "bs2+bs3", "bs4+bs3"]
    design = Exact().solve(design_problem(scenario))
    listeners, served = Xu2023(scenario).roles(design)
    assert len(listeners) == 2
    assert all(len(stations) == 1 and not set(stations) & set(listeners) for stations in served.values())
    together = evaluate(scenario, design.covariances).links["+".join(listeners)]
    assert together.quantities["target_positions_m"][0] <= 1.0 + 1e-9
    assert "listen, all silent" in Xu2023(scenario).design_cautions(design)[0]


@pytest.mark.slow
def test_every_target_has_its_accuracy():
    places = "targets.positions=[[30 m, 60 m], [-20 m, 10 m]]"
    scenario = small(places, "network.target_errors=[1 m, 0.3 m]")
    design = Exact().solve(design_problem(scenario))
    ((receiver,), _), found = Xu2023(scenario).roles(design), evaluate(scenario, design.covariances)
    errors_m = np.array(found.links[receiver].quantities["target_positions_m"])
    assert np.all(errors_m <= np.array([1.0, 0.3]) * (1.0 + 1e-9))
    assert design.gap <= 1e-4
    assert design.objective > Exact().solve(design_problem(small())).lower_bound


@pytest.mark.slow
def test_the_best_accuracy_within_a_power():
    least = Exact().solve(design_problem(small()))
    scenario = small("network.target_error=null", f"network.total_power={least.objective} W")
    design = Exact().solve(design_problem(scenario))
    assert design.objective == pytest.approx(1.0, rel=1e-3)
    assert design.power_w == pytest.approx(least.objective, rel=1e-9)
    assert design.gap <= 1e-4


MISTAKES = {
    "network=null": "network",
    "waveform.slots=2": "slots",
    "links.bs1.transmitter=bs2": "links",
    "network.user_positions=[[0 m, 100 m]]": "user_positions",
    "targets.positions=[]": "target",
    "targets.positions=[[30 m, 60 m], [0 m, 0 m], [30 m, 60 m]]": "targets must be at least 1 mm apart",
    "network.minimum_rate=2": "minimum_rate",
    "network.minimum_sinr=null": "minimum_sinr",
    "network.target_errors=[1 m, 2 m]": "target_errors",
    "network.listeners=4": "listeners",
}


@pytest.mark.parametrize(("override", "place"), MISTAKES.items())
def test_mistakes_are_named(override, place):
    with pytest.raises(InvalidScenario, match=place):
        read_scenario("xu2023", overrides=[override])


def test_several_targets_have_no_rms_bandwidth():
    two = "targets.positions=[[1 m, 2 m], [3 m, 4 m]]"
    assert len(read_scenario("xu2023", overrides=[two]).targets.positions_m) == 2
    with pytest.raises(InvalidScenario, match="whole spectrum"):
        read_scenario("xu2023", overrides=[two, "network.rms_bandwidth=5 MHz"])


def test_what_targets_too_near_to_one_another_lead_to_is_said():
    near = small("targets.positions=[[30 m, 60 m], [30.01 m, 60 m]]")
    with pytest.raises(Unidentifiable, match="two targets are too near"):
        Exact().solve(design_problem(near))


@pytest.mark.slow
def test_a_gap_that_rounding_leaves_open_is_said():
    near = Exact().solve(design_problem(small("targets.positions=[[30 m, 60 m], [30.5 m, 60 m]]")))
    assert (near.details["unclosed"] == 0) == (near.gap <= 1e-4)
    assert near.status is (Status.OPTIMAL if near.gap <= 1e-4 else Status.FEASIBLE)
    assert Exact().solve(design_problem(small())).details["unclosed"] == 0


def test_what_a_solver_leaves_over_is_no_transmission():
    scenario = small()
    design = Exact().solve(design_problem(scenario))
    found = Xu2023(scenario).service(design)
    sending = {name for stations in found.served_by.values() for name in stations}
    (idle,) = set(scenario.stations) - sending - set(found.listeners)
    total_w = design.power_w
    for share, expected in ((1e-6, (idle,)), (1e-3, ())):
        sent = design.covariances.replaced({idle: share * total_w / 8.0 * np.eye(8, dtype=complex)})
        assert Xu2023(scenario).service(replace(design, covariances=sent)).idle == expected
    own = dict(design.stream_covariances)
    own["to served_user[0]"] = own["to served_user[0]"].replaced({idle: 1e-8 * total_w * np.eye(8, dtype=complex)})
    assert Xu2023(scenario).roles(replace(design, stream_covariances=own))[1] == found.served_by


def test_beams_of_solver_dust_are_not_counted(capsys):
    scenario = small()
    design = Exact().solve(design_problem(scenario))
    dusty = {
        block: replace(part, matrix=np.pad(part.matrix, ((0, 0), (0, 1)), constant_values=1e-5))
        for block, part in design.beamformers.items()
    }
    print_design(design)
    expected = capsys.readouterr().out
    print_design(replace(design, beamformers=dusty))
    assert capsys.readouterr().out == expected


def test_estimators_are_not_offered():
    runner = CliRunner()
    for options in ([], ["--design", "isotropic"]):
        result = runner.invoke(app, ["estimate", "xu2023", *options])
        assert result.exit_code == InvalidInput.exit_status
        assert "No estimators are offered for the system xu2023" in result.stderr


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
        Xu2023(scenario).link_map("bs9")
    assert method_named("fdb-wcrb").why_not(design_problem(scenario))
