"""The system wang2024: scenario, links, position and velocity, roles of receivers."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from crbeam.design.methods.baselines import Uniform
from crbeam.design.methods.optimum import Digital
from crbeam.errors import Infeasible, InvalidInput, InvalidScenario, Unidentifiable
from crbeam.evaluation import evaluate, read
from crbeam.interfaces.command_line import app
from crbeam.interfaces.scenario_verbs import applicable_methods
from crbeam.scenario import SPEED_OF_LIGHT_MPS, read_scenario
from crbeam.systems import design_problem, isotropic_transmission, link_map, link_maps, paths_of, true_state
from crbeam.systems.receivers import direct_channels, listeners, receiver_positions_m
from crbeam.systems.wang2024 import Wang2024

PLACES = "receivers.positions=[[60, 30], [-35, 55], [25, -40]]"
FEW = ("receivers.count=3", PLACES, "stations.transmitter.transmit_array.elements=6")


def few(*overrides):
    return read_scenario("wang2024", overrides=[*FEW, *overrides])


def quantities(scenario, link="fused"):
    return evaluate(scenario, isotropic_transmission(scenario)).links[link].quantities


def observed(scenario, state):
    """Delay and Doppler shift at every listener from lengths alone, and how these change in a short time."""
    position, velocity = state[:2], state[2:]
    wavelength, span = scenario.waveform.wavelength_m, 1e-3
    station = np.array(scenario.stations["transmitter"].position_m)

    def length(at, place):
        return np.hypot(*(at - station)) + np.hypot(*(at - np.array(place)))

    places = [each.position_m for each in listeners(scenario)]
    delays = [length(position, place) / SPEED_OF_LIGHT_MPS for place in places]
    ahead, behind = position + span * velocity, position - span * velocity
    shifts = [(length(behind, place) - length(ahead, place)) / (2.0 * span * wavelength) for place in places]
    return np.concatenate([delays, shifts])


def test_the_bound_of_position_and_velocity_is_that_of_delays_and_shifts():
    scenario = few("multistatic.target_velocity=[12, -7]")
    truth = np.concatenate([true_state(scenario)["target_position[0]"], true_state(scenario)["target_velocity[0]"]])
    slopes = [
        (observed(scenario, truth + 1e-4 * unit) - observed(scenario, truth - 1e-4 * unit)) / 2e-4 for unit in np.eye(4)
    ]
    single = [quantities(scenario, f"receiver{index}") for index in range(3)]
    roots = np.array([each["delay_s"] for each in single] + [each["doppler_hz"] for each in single])
    scaled = np.array(slopes).T / roots[:, None]
    bound = np.linalg.inv(scaled.T @ scaled)
    together = quantities(scenario)
    assert together["target_position_m"] == pytest.approx(np.sqrt(bound[0, 0] + bound[1, 1]), rel=1e-5)
    assert together["target_velocity_mps"] == pytest.approx(np.sqrt(bound[2, 2] + bound[3, 3]), rel=1e-5)


def test_two_receivers_suffice_and_one_does_not():
    pair, one = few("receivers.selected=[0, 1]"), few("receivers.selected=[0]")
    assert quantities(pair)["target_position_m"] > quantities(few())["target_position_m"]
    alone = evaluate(one, isotropic_transmission(one)).links["fused"]
    assert alone.quantities == {"target_position_m": None, "target_velocity_mps": None}
    assert alone.unidentifiable == ("target_position[0]", "target_velocity[0]")
    assert quantities(one, "receiver0")["delay_s"] == pytest.approx(quantities(pair, "receiver0")["delay_s"])


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("receivers.selected=[0]",), "two receivers, or one and the transmitter, must sense, found receiver0: let"),
        (("receivers.selected=[]",), "must sense, found none: let another receiver sense"),
        (("receivers.count=1", "multistatic={heading: known, target_velocity: [3, 4]}"), "give another receiver"),
        (("receivers.selected=[]", "multistatic.metric=shared"), "At least one receiver must sense, found none"),
    ],
)
def test_too_few_that_sense_are_told_how_many_must(overrides, said):
    with pytest.raises(Unidentifiable, match=said):
        design_problem(few(*overrides))
    assert Wang2024(few(*overrides)).design_problem(judged_by="receiver0").criteria[0].name == "receiver0"


def test_enough_that_sense_are_not_refused():
    own = "links.own={transmitter: transmitter, receiver: transmitter}"
    for overrides in (("receivers.selected=[0]", own), ("receivers.selected=[1]", "multistatic.metric=shared")):
        assert design_problem(few(*overrides)).criteria[0].name == "fused"
    with pytest.raises(InvalidInput, match="if at least one receiver senses"):
        link_map(few("receivers.selected=[]"), "fused")


def test_methods_of_other_systems_are_told_apart():
    reasons = applicable_methods(read("wang2024"))
    others = {"joint-sequential": "posterior", "full-ms": "monostatic_stage", "full-bp": "bistatic_stage"}
    for key, link in others.items():
        reason = reasons[key] or ""
        assert f"no observation `{link}`" in reason
        assert "for another system" in reason
    assert reasons["lifted-sdp"] is None
    alone = applicable_methods(read("wang2024", "receivers.count=1"))
    assert "must sense" in (alone["lifted-sdp"] or "")


def test_a_known_heading_never_hurts():
    found = {each: quantities(few(f"multistatic.heading={each}")) for each in ("known", "unknown")}
    assert found["known"]["target_velocity_mps"] < found["unknown"]["target_velocity_mps"]
    assert found["known"]["target_position_m"] <= found["unknown"]["target_position_m"] * (1 + 1e-12)


def test_monostatic_sensing_is_one_more_listener():
    scenario = few("links.monostatic={transmitter: transmitter, receiver: transmitter}")
    assert list(link_maps(scenario)) == ["receiver0", "receiver1", "receiver2", "monostatic", "fused"]
    assert quantities(scenario)["target_position_m"] < quantities(few())["target_position_m"]
    echo = paths_of(scenario)["monostatic"]
    assert echo.delay_s[0] == pytest.approx(2.0 * np.hypot(20.0, 40.0) / SPEED_OF_LIGHT_MPS)
    with pytest.raises(InvalidInput, match="receiver0, receiver1"):
        link_map(scenario, "bistatic")


def test_moving_or_turning_the_whole_scene_changes_no_position_bound():
    turn, shift = 0.7, np.array([30.0, -12.0])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    scenario = few()
    places = (receiver_positions_m(scenario) @ rotation.T + shift).tolist()
    target = (rotation @ scenario.targets.positions_m[0] + shift).tolist()
    velocity = (rotation @ scenario.multistatic.target_velocity_mps).tolist()
    moved = few(
        f"receivers.positions={places}",
        f"targets.positions=[{target}]",
        f"multistatic.target_velocity={velocity}",
        f"stations.transmitter.position={shift.tolist()}",
        f"stations.transmitter.orientation={turn} rad",
    )
    for quantity in ("target_position_m", "target_velocity_mps"):
        assert quantities(moved)[quantity] == pytest.approx(quantities(scenario)[quantity], rel=1e-9)
    still = few(f"targets.positions=[{target}]")
    assert quantities(still)["target_position_m"] != pytest.approx(quantities(scenario)["target_position_m"], rel=1e-3)


def test_bounds_scale_with_power_noise_and_clutter():
    first = quantities(few())["target_position_m"]
    assert quantities(few("stations.transmitter.total_power=36.0205999 dBm"))["target_position_m"] == pytest.approx(
        first / 2.0
    )
    quiet = quantities(few("multistatic.clutter_power=0 W"))["target_position_m"]
    assert quiet == pytest.approx(first / np.sqrt(2.0))


def test_product_of_legs_is_a_weaker_echo():
    sums, products = (
        quantities(few(), "receiver0"),
        quantities(few("multistatic.echo_loss=product_of_legs"), "receiver0"),
    )
    out, back = np.hypot(20.0, 40.0), np.hypot(40.0, 10.0)
    ratio = (out * back / (out + back)) ** (2.7 / 2.0)
    assert products["delay_s"] == pytest.approx(ratio * sums["delay_s"])


def test_a_design_serves_everybody_and_is_certified():
    scenario = few("receivers.minimum_rate=2", "receivers.selected=[0, 1]")
    design = Digital().solve(design_problem(scenario))
    assert design.gap <= 1e-6
    rates = np.log2(1.0 + np.array(list(Wang2024(scenario).served_sinr(design).values())))
    assert rates.min() >= 2.0 - 1e-8
    assert design.power_w <= 1.0 + 1e-9


def test_who_senses_removes_the_sensing_signal():
    """Knowing the signal never hurts; ignoring who knows it breaks the rates of the others."""
    rate = "receivers.minimum_rate=2"
    each = [few(rate, f"receivers.selected={chosen}") for chosen in ([0, 1], [0, 1, 2])]
    problems = [Wang2024(scenario).design_problem(judged_by="receiver0") for scenario in each]
    designs = [Digital().solve(problem) for problem in problems]
    assert designs[1].objective <= designs[0].objective * (1 + 1e-6)
    ratio = Wang2024(each[0]).served_sinr(replace(designs[1], method="other"))
    if designs[1].objective < designs[0].objective * (1 - 1e-3):
        assert ratio["receiver2"] < 3.0


def test_more_receivers_leave_the_first_where_they_are():
    first, more = (read_scenario("wang2024", overrides=[f"receivers.count={n}"]) for n in (3, 8))
    assert receiver_positions_m(more)[:3] == pytest.approx(receiver_positions_m(first))
    lengths = np.hypot(*receiver_positions_m(read_scenario("wang2024", overrides=["receivers.count=300"])).T)
    assert lengths.min() >= 1.0
    assert lengths.max() <= 100.0
    assert np.mean(lengths) == pytest.approx(50.5, abs=5.0)


def test_scattered_channels_have_the_power_of_the_line_of_sight():
    scenario = read_scenario("wang2024", overrides=["receivers.count=200", "receivers.rician_factor=0.5"])
    plain = read_scenario("wang2024", overrides=["receivers.count=200"])
    powers = [np.sum(np.abs(direct_channels(each)) ** 2, axis=(1, 2)) for each in (scenario, plain)]
    assert np.mean(powers[0] / powers[1]) == pytest.approx(1.0, abs=0.05)
    refused = Digital().why_not(design_problem(few("receivers.rician_factor=0.5")))
    assert refused is not None
    assert "MinimumRate" in refused
    assert len(design_problem(few("receivers.rician_factor=0.5", "receivers.minimum_rate=0")).streams) == 1


@pytest.mark.parametrize(
    ("override", "field", "problem"),
    [
        ("receivers=null", "receivers", "must be given in the system wang2024"),
        ("receivers.positions=[[20, 40], [1, 2], [3, 4]]", "receivers.positions.0", "1 mm from"),
        ("receivers.selected=[3]", "receivers.selected.0", "from 0 to 2"),
        ("receivers.selected=[1, 1]", "receivers.selected.1", "twice"),
        ("receivers.count=4", "receivers.count", "not be larger"),
        ("receivers.distance=[5, 2]", "receivers.distance", "the least distance"),
        ("waveform.subcarriers=8", "waveform.subcarriers", "must be 1"),
        ("targets.count=0", "targets.count", "exactly one target"),
        ("links.multistatic.receiver=transmitter2", "links.multistatic.receiver", "must be one of"),
        ("multistatic.formulas=as_printed", "multistatic.metric", "must be `shared`"),
        ("multistatic={heading: known}", "multistatic.target_velocity", "must not be zero"),
        ("served_users={station: transmitter, count: 0}", "served_users", "left out"),
        ("seed=null", None, None),
    ],
)
def test_mistakes_are_told(override, field, problem):
    if field is None:
        assert few(override).seed is None, "nothing is drawn"
        with pytest.raises(InvalidScenario, match="seed"):
            read_scenario("wang2024", overrides=[override])
        return
    with pytest.raises(InvalidScenario, match=problem) as caught:
        few(override)
    assert caught.value.field == field


def test_other_systems_have_no_receivers():
    with pytest.raises(InvalidScenario, match="wang2024"):
        read_scenario("zhang2025", overrides=["receivers={count: 2, array: {elements: 2}}"])


def test_too_many_receivers_cannot_be_served_at_any_power():
    scenario = read_scenario(
        "wang2024", overrides=["receivers.count=200", "receivers.minimum_rate=1", "receivers.selected=[0, 1]"]
    )
    with pytest.raises(Infeasible, match="200 users differ in 10 directions"):
        Digital().solve(design_problem(scenario))


def test_the_command_line_prints_the_bounds():
    result = CliRunner().invoke(app, ["bound", "wang2024", "--json"])
    assert result.exit_code == 0, result.stderr
    links = json.loads(result.stdout)["links"]
    assert set(links) == {f"receiver{index}" for index in range(10)} | {"fused"}
    assert set(links["receiver3"]) == {"delay_s", "doppler_hz", "unidentifiable"}
    assert set(links["fused"]) == {"target_position_m", "target_velocity_mps", "unidentifiable"}
    lonely = CliRunner().invoke(app, ["bound", "wang2024", "--json", "--set", "receivers.selected=[4]"])
    assert lonely.exit_code == 3
    assert json.loads(lonely.stdout)["links"]["fused"]["target_position_m"] is None


def test_as_printed_is_another_mode():
    shared, printed = (
        few("multistatic.metric=shared", f"multistatic.formulas={formulas}", "multistatic.pulse=cosine")
        for formulas in ("corrected", "as_printed")
    )
    assert quantities(printed)["doppler_hz"] > 100.0 * quantities(shared)["doppler_hz"]
    assert set(quantities(printed)) == {"delay_s", "doppler_hz"}
    design = Uniform().solve(design_problem(few("receivers.minimum_rate=0")))
    assert "printed" in Wang2024(printed).cautions(design)[0]
    assert "jumps" in Wang2024(shared).cautions(design)[0]
    assert Wang2024(few()).cautions(design) == []
