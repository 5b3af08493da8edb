"""The double array as a scenario: what it stands for, what it draws, what designs of it reach."""

import time

import numpy as np
import pytest

from crbeam.design.methods import method_named
from crbeam.design.methods.optimum import Digital
from crbeam.errors import Infeasible, InvalidInput, InvalidScenario
from crbeam.evaluation import evaluate
from crbeam.scenario import Scenario, read_scenario, scenario_document
from crbeam.systems import design_problem, isotropic_transmission, link_maps, paths_of, true_state
from crbeam.systems.double_array import double_array, served_channels, served_users
from crbeam.systems.far_field_baseline import far_field_baseline, true_sinr, with_raised_sinr
from crbeam.systems.li2024 import Li2024

SMALL = ("stations.main.transmit_array.elements=16", "stations.main.transmit_array.spacing=3.1132647")
PRESETS = ("li2024-downlink", "li2024-uplink")


def small(name="li2024", *overrides):
    """A main array of 16 elements over the same 0.5 m."""
    return read_scenario(name, overrides=[*SMALL, "served_users.count=2", *overrides])


def root_bounds(scenario, covariances):
    information = Li2024(scenario).polar_map().at(covariances)
    return [information.root_bound([name]) for name in ("target_angle[0]", "target_range[0]")]


def test_the_short_name_is_the_downlink():
    assert read_scenario("li2024") == read_scenario("li2024-downlink")
    assert read_scenario("li2024") != read_scenario("li2024-uplink")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_the_setup_of_the_paper(name):
    scenario = read_scenario(name)
    arrays = double_array(scenario)
    assert (np.degrees(arrays.angle_rad), arrays.range_m) == pytest.approx((45.0, 20.0))
    sizes = {arrays.transmitter: len(arrays.transmit.value), arrays.receiver: len(arrays.receive.value)}
    assert sizes == {"main": 64, "assisting": 16}
    main = scenario.stations["main"].transmit_array
    assert 63 * main.spacing_wavelengths * scenario.waveform.wavelength_m == pytest.approx(0.5, rel=1e-6)
    assert scenario.noise_power_w == pytest.approx(1e-11)
    snr = abs(arrays.gain) ** 2 * scenario.power_per_subcarrier_w(arrays.transmitter) / scenario.noise_power_w
    assert 10 * np.log10(snr) == pytest.approx(-10.0)
    assert Scenario.model_validate(scenario_document(scenario)) == scenario


def test_the_link_budget_of_the_paper_is_64_decibels_too_weak():
    """Over both ways: -64.8 dB, at which the best root bound of the range is some 560 m."""
    scenario = read_scenario("li2024", overrides=["sensing.snr=null"])
    gain = double_array(scenario).gain
    assert 10 * np.log10(abs(gain) ** 2 / scenario.noise_power_w) == pytest.approx(-64.8, abs=0.1)
    design = Digital().solve(design_problem(scenario, method=Digital()))
    assert root_bounds(scenario, design.covariances)[1] == pytest.approx(560, abs=10)
    weak = read_scenario("li2024", overrides=["sensing.snr=null", "sensing.reflection=-20 dB"])
    assert abs(double_array(weak).gain) == pytest.approx(0.1 * abs(gain))


@pytest.mark.parametrize("name", PRESETS)
def test_designs_of_the_presets_are_certified_and_serve(name):
    scenario = read_scenario(name)
    problem = design_problem(scenario, method=Digital())
    begin = time.perf_counter()
    design = Digital().solve(problem)
    assert time.perf_counter() - begin < 1.0
    assert design.gap < 1e-6
    assert all(ratio >= 10.0 * (1 - 1e-9) for ratio in Li2024(scenario).served_sinr(design).values())
    (link,) = link_maps(scenario).values()
    assert np.trace(link.at(design.covariances).bound(["target_position[0]"])) == pytest.approx(design.objective)
    isotropic = isotropic_transmission(scenario)
    assert root_bounds(scenario, isotropic)[1] > 2.0 * root_bounds(scenario, design.covariances)[1]


def test_the_optimum_of_the_downlink_has_the_target_in_a_null():
    scenario = small()
    free, lit = (
        Digital().solve(design_problem(each)) for each in (scenario, small("li2024", "sensing.illumination=0.1"))
    )
    assert Li2024(scenario).illumination_share(free.covariances["main"]) < 1e-3
    assert Li2024(scenario).illumination_share(lit.covariances["main"]) >= 0.1 * (1 - 1e-9)
    assert lit.lower_bound > free.objective


def test_the_uplink_lights_the_target():
    scenario = small("li2024-uplink")
    design = Digital().solve(design_problem(scenario))
    assert Li2024(scenario).illumination_share(design.covariances["assisting"]) > 0.999


def test_one_beam_tells_the_angle_without_the_range():
    """All that a single beam hears of the range is a change of its gain."""
    scenario = read_scenario("li2024-downlink")
    beam = np.random.default_rng(3).standard_normal((64, 2)) @ [1.0, 1.0j]
    sent = {"main": 0.01 * np.outer(beam, beam.conj())}
    quantities = evaluate(scenario, sent).links["downlink"].quantities
    assert quantities["target_position_m"] is None
    assert quantities["target_range_m"] is None
    information = Li2024(scenario).polar_map().at(sent)
    angle = information.layout.indices(["target_angle[0]"])[0]
    scale = 1.0 / np.sqrt(np.diagonal(information.matrix))
    inverse = scale[:, None] * np.linalg.pinv(information.matrix * np.outer(scale, scale), rcond=1e-10) * scale
    assert quantities["target_angle_rad"] == pytest.approx(np.sqrt(inverse[angle, angle]), rel=1e-6)


def test_weights_of_the_paper_leave_the_angle_to_itself():
    default, printed = small(), small("li2024", "sensing.angle_weight=1")
    designs = [Digital().solve(design_problem(each)) for each in (default, printed)]
    errors = [root_bounds(default, design.covariances) for design in designs]
    assert errors[1][1] <= errors[0][1] * (1 + 1e-6)
    assert errors[1][0] > 1.5 * errors[0][0]
    assert 400.0 * errors[0][0] ** 2 + errors[0][1] ** 2 == pytest.approx(designs[0].objective)
    assert errors[1][0] ** 2 + errors[1][1] ** 2 == pytest.approx(designs[1].objective)


def test_turning_and_moving_the_whole_station_changes_no_design():
    turned_m = 20.0 * np.array([np.cos(np.pi / 4 + 0.7), np.sin(np.pi / 4 + 0.7)]) + [3.0, -2.0]
    places = [
        f"stations.{name}.{key}" for name in ("main", "assisting") for key in ("position=[3, -2]", "orientation=0.7")
    ]
    elsewhere = small("li2024", *places, f"targets.positions=[{turned_m.tolist()}]")
    first, second = (Digital().solve(design_problem(each)) for each in (small(), elsewhere))
    assert second.objective == pytest.approx(first.objective, rel=1e-6)
    assert served_channels(elsewhere) == pytest.approx(served_channels(small()))


def test_draws_follow_the_seed_and_leave_the_first_users_where_they_are():
    few, many, other = small(), small("li2024", "served_users.count=3"), small("li2024", "seed=1")
    assert served_users(many)[:2] == served_users(few)
    assert served_users(other) != served_users(few)
    for user in served_users(read_scenario("li2024", overrides=["served_users.count=50"])):
        for x, y in (user.position_m, *user.scatterers_m):
            assert 20.0 <= np.hypot(x, y) <= 30.0
            assert abs(np.arctan2(y, x)) <= np.pi / 3
        assert len(user.scatterers_m) == 2


def test_given_users_are_taken():
    places = "served_users.positions=[[21 m, 4 m], [15 m, -18 m], [1 m, 25 m]]"
    scenario = small("li2024", places, "served_users.scatterers=0", "seed=null")
    assert [user.position_m for user in served_users(scenario)] == [(21.0, 4.0), (15.0, -18.0)]
    assert Digital().solve(design_problem(scenario)).gap < 1e-6


def test_without_users_any_method_applies():
    scenario = read_scenario("li2024", overrides=[*SMALL, "served_users=null"])
    problem = design_problem(scenario)
    ours, engine = (method_named(key).solve(problem) for key in ("digital", "fdb-wcrb"))
    assert ours.objective == pytest.approx(engine.objective, rel=3e-6)
    assert Li2024(scenario).served_sinr(ours) == {}


def test_too_much_service_is_infeasible_and_names_a_user():
    with pytest.raises(Infeasible, match=r"served_user\[\d\] takes the largest share"):
        Digital().solve(design_problem(small("li2024", "served_users.minimum_sinr=50 dB")))
    with pytest.raises(Infeasible, match=r"served_user\[\d\] misses its own by"):
        Digital().solve(design_problem(small("li2024-uplink", "served_users.minimum_sinr=50 dB")))


def test_exact_waves_change_the_bounds_a_little():
    found = [
        root_bounds(each, isotropic_transmission(each))
        for each in (small(), small("li2024", "sensing.serving_model=spherical", "sensing.sensing_model=spherical"))
    ]
    assert found[0] == pytest.approx(found[1], rel=0.1)
    assert found[0] != pytest.approx(found[1], rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_three_numbers_of_the_far_field_baseline(name):
    """Its own bounds look fine; its users get far less than promised; raised requirements rarely help."""
    scenario = small(name, "served_users.minimum_sinr=15 dB")
    near, far = (Li2024(scenario).problem_with(user_model=model) for model in (None, "far"))
    baseline, fair = far_field_baseline(near, far, Digital()), Digital().solve(near)
    assert baseline.design.objective == pytest.approx(fair.objective, rel=0.05)
    assert true_sinr(far, far, baseline.design) == pytest.approx(
        np.maximum(true_sinr(far, far, baseline.design), baseline.minimum_sinr), rel=1e-8
    )
    if name == "li2024-downlink":
        assert baseline.worst_shortfall_db > 3.0
        assert baseline.share_below > 0.0
    if baseline.raised is not None:
        assert np.all(
            true_sinr(near, with_raised_sinr(far, baseline.raise_db), baseline.raised) >= 10**1.5 * (1 - 1e-6)
        )
        assert baseline.raised.objective >= fair.lower_bound


def test_the_baseline_wants_the_same_users():
    problem = design_problem(small())
    with pytest.raises(InvalidInput, match="same users"):
        far_field_baseline(problem, design_problem(small("li2024", "served_users.count=1")), Digital())


def test_what_the_system_does_not_have():
    scenario = small()
    with pytest.raises(InvalidInput, match="no weight of bistatic positioning"):
        design_problem(scenario, weight=0.5)
    with pytest.raises(InvalidInput, match="no Codebook"):
        design_problem(scenario, method=method_named("cpa-wcrb"))
    with pytest.raises(InvalidInput, match="no paths of plane waves"):
        paths_of(scenario)
    assert true_state(scenario)["target_position[0]"] == pytest.approx([14.1421356, 14.1421356])


@pytest.mark.parametrize(
    ("override", "field", "message"),
    [
        ("user={position: [1, 2], rcs: 1, array: {elements: 2}}", "user", "left out in the system li2024"),
        ("stations.assisting.position=[1, 0]", "stations.assisting.position", "place of station `main`"),
        ("links.back={transmitter: assisting, receiver: main}", "links", "exactly one link"),
        ("links.downlink.receiver=main", "links.downlink", "from one station to the other"),
        ("targets.positions=[[1, 2], [3, 4]]", "targets.count", "exactly one target"),
        ("targets.positions=[[0, 0]]", "targets.positions.0", "away from the stations"),
        ("waveform.slots=2", "waveform.slots", "sent at once"),
        ("seed=null", "seed", "where places of served users"),
        ("served_users.station=mian", "served_users.station", "did you mean `main`"),
        ("served_users.distance=[30 m, 20 m]", "served_users.distance", "least distance, then the largest"),
        ("served_users.count=null", "served_users.count", "or the positions of all users"),
        ("served_users.positions=[[1, 2]]", "served_users.count", "number of positions listed, 1"),
        ("served_users.minimum_sinr=-100 dB", "served_users.minimum_sinr", "-60 dB to 90 dB"),
        ("sensing.range_weight=0", None, None),
        ("sensing.illumination=1", "sensing.illumination", "0 to 0.999"),
    ],
)
def test_mistakes_are_found_at_their_field(override, field, message):
    if field is None:
        assert read_scenario("li2024", overrides=[override]) is not None
        return
    with pytest.raises(InvalidScenario) as caught:
        read_scenario("li2024", overrides=[override])
    assert caught.value.field == field, str(caught.value)
    assert message in str(caught.value)


def test_both_weights_cannot_be_zero():
    with pytest.raises(InvalidScenario, match="found both 0"):
        read_scenario("li2024", overrides=["sensing.range_weight=0", "sensing.angle_weight=0"])


@pytest.mark.parametrize("section", ["sensing={}", "served_users={station: bs, count: 0}"])
def test_other_systems_serve_nobody(section):
    with pytest.raises(InvalidScenario, match="left out in the system zhang2025"):
        read_scenario("zhang2025", overrides=[section])


@pytest.mark.parametrize("name", PRESETS)
def test_a_fixed_network_costs_something_and_one_that_passes_all_costs_nothing(name):
    scenario = small(name)
    phases = np.exp(1j * np.random.default_rng(3).uniform(-np.pi, np.pi, (16, 1)))
    network = np.kron(np.eye(8), np.ones((2, 1))) * phases / np.sqrt(2.0)
    free, behind, mixed = (
        Digital().solve(Li2024(scenario).problem_with(network=each)) for each in (None, network, np.diag(phases[:, 0]))
    )
    assert behind.lower_bound > 1.02 * free.objective
    assert mixed.objective == pytest.approx(free.objective, rel=1e-6)


@pytest.mark.parametrize("name", PRESETS)
def test_designs_for_plane_waves_report_what_users_truly_get(name):
    """The same as the baseline, by a key of the scenario."""
    believing = small(name, "served_users.assumed_waves=far")
    design = Digital().solve(design_problem(believing, method=Digital()))
    near, far = Li2024(small(name)).problem_with(), Li2024(small(name)).problem_with(user_model="far")
    reported = Li2024(believing).served_sinr(design)
    assert list(reported.values()) == pytest.approx(true_sinr(near, far, design).tolist())
    assert design.objective == pytest.approx(Digital().solve(far).objective, rel=1e-6)
    is_short = min(reported.values()) < 10.0 * (1.0 - 1e-6)
    assert is_short == any("plane waves" in caution for caution in Li2024(believing).cautions(design))
    assert is_short


@pytest.mark.parametrize("name", PRESETS)
def test_designs_for_the_true_waves_keep_what_they_promise(name):
    scenario = small(name)
    design = Digital().solve(design_problem(scenario, method=Digital()))
    assert min(Li2024(scenario).served_sinr(design).values()) >= 10.0 * (1.0 - 1e-6)
    assert not any("plane waves" in caution for caution in Li2024(scenario).cautions(design))


@pytest.mark.parametrize("name", PRESETS)
def test_chains_that_do_not_share_out_the_antennas_are_a_mistake_of_their_field(name):
    scenario = small(name, "served_users.antennas_per_chain=3")
    with pytest.raises(InvalidInput, match=r"`served_users.antennas_per_chain`: must divide .* of station `main`"):
        design_problem(scenario, method=method_named("hybrid"))
    assert design_problem(scenario, method=method_named("digital")).antennas


def test_a_hybrid_array_needs_users_and_a_system_that_has_one():
    with pytest.raises(InvalidInput, match="hybrid does not apply here: A hybrid array must serve users"):
        design_problem(read_scenario("li2024", overrides=["served_users=null"]), method=method_named("hybrid"))
    with pytest.raises(InvalidInput, match="hybrid does not apply here: The system zhang2025 has no SubarrayHybrid"):
        design_problem(read_scenario("zhang2025"), method=method_named("hybrid"))
