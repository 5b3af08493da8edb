"""What no transmission determines is no optimum, for designs and bounds alike."""

import copy

import numpy as np
import pytest
from typer.testing import CliRunner

from crbeam import InvalidInput, Unidentifiable, design_problem, evaluate, read_scenario
from crbeam.design.methods import method_named
from crbeam.errors import CrbeamError
from crbeam.interfaces.command_line import app
from crbeam.propagation.near_field import near_field_response
from crbeam.scenario import Scenario, scenario_document
from crbeam.systems import isotropic_transmission, system_of

NEAR_FIELD = ("li2024-downlink", "li2024-uplink")
END_FIRE = ("targets.positions=[[0 m, 20 m]]",)
#: So far from so small arrays that square roots of the information have too few digits for the range.
FAR = (
    "targets.positions=[[7e7 m, 7e7 m]]",
    "stations.main.transmit_array.spacing=0.01",
    "stations.assisting.transmit_array.spacing=0.01",
)


def lost_isotropically(scenario):
    """What isotropic transmission, which has every direction, does not determine."""
    sent = isotropic_transmission(scenario)
    return {name for link in evaluate(scenario, sent).links.values() for name in link.unidentifiable}


@pytest.mark.parametrize("model", ["spherical", "fresnel", "far"])
@pytest.mark.parametrize("angle", [np.pi / 2.0, -np.pi / 2.0])
def test_a_point_in_line_with_an_array_changes_no_difference(model, angle):
    line_m = np.stack([np.zeros(8), 0.03 * np.arange(8)], axis=1)
    found = near_field_response(line_m, np.array([angle]), np.array([20.0]), wavelength_m=0.01, model=model)
    assert not np.any(found.angle_slope)
    assert not np.any(found.range_slope)
    turned = near_field_response(line_m, np.array([angle + 1e-6]), np.array([20.0]), wavelength_m=0.01, model=model)
    assert np.any(turned.angle_slope)


@pytest.mark.parametrize("preset", NEAR_FIELD)
@pytest.mark.parametrize(
    ("overrides", "word"),
    [
        (END_FIRE, "lies in line with the antennas of `main`"),
        (FAR, "times the Rayleigh distance 0.008499 m of `main`"),
        (("sensing.serving_model=far",), "Plane waves"),
    ],
)
def test_design_refuses_what_bound_calls_unidentifiable(preset, overrides, word):
    options = [word for override in overrides for word in ("--set", override)]
    bound, design = (CliRunner().invoke(app, [verb, preset, *options]) for verb in ("bound", "design"))
    assert design.exit_code == bound.exit_code == Unidentifiable.exit_status
    assert word in design.stderr
    assert "target_" in design.stderr


@pytest.mark.parametrize("preset", NEAR_FIELD)
def test_an_angle_alone_is_designed_for_where_the_range_is_lost(preset):
    scenario = read_scenario(preset, overrides=[*FAR, "sensing.range_weight=0", "served_users.count=1"])
    design = method_named("digital").solve(design_problem(scenario))
    assert 0.0 < design.lower_bound <= design.objective


def scattered(rng, preset):
    """A scene whose targets may be in line with an array, or very near or far."""
    document = copy.deepcopy(scenario_document(read_scenario(preset)))
    for place in document["targets"]["positions"]:
        radius_m = 10.0 ** rng.uniform(-1.0, 7.0)
        angle = rng.choice([0.0, 90.0, 180.0, 270.0]) + rng.choice([0.0, 10.0 ** rng.uniform(-12.0, -1.0), 33.0])
        place[:] = [float(radius_m * part(np.radians(angle))) for part in (np.cos, np.sin)]
    return Scenario.model_validate(document)


@pytest.mark.slow
@pytest.mark.parametrize("preset", [*NEAR_FIELD, "zhang2025", "hamrouni2026", "wang2024"])
def test_no_design_is_optimal_where_no_transmission_tells(preset):
    rng, refused = np.random.default_rng(7), 0
    for _ in range(12):
        try:
            scenario = scattered(rng, preset)
        except CrbeamError:
            continue
        try:
            problem = design_problem(scenario)
            method_named(system_of(scenario).default_method()).solve(problem)
        except Unidentifiable:
            refused += 1
            continue
        except InvalidInput:
            continue
        for criterion in problem.active_criteria:
            told = criterion.map.at(problem.isotropic())
            assert told.is_identifiable(criterion.requested)
        if preset in NEAR_FIELD:
            assert not lost_isotropically(scenario)
    assert refused or preset == "wang2024", "some scenes are degenerate"


def test_bounds_beyond_the_scene_are_said_to_tell_nothing():
    arguments = ["bound", "li2024-downlink", "--set", "targets.positions=[[3e3 m, 3e3 m]]"]
    result = CliRunner().invoke(app, arguments)
    assert "root bounds are larger than what they are bounds of" in result.stderr
    assert "(the scene is 4247 m across)" in result.stderr
    assert "larger than what they are bounds of" not in CliRunner().invoke(app, arguments[:2]).stderr


@pytest.mark.parametrize("distance", ["14 m", "1e4 m", "1e6 m", "1e8 m"])
def test_a_distance_that_is_hardly_known_leaves_the_direction_its_digits(distance):
    """Under isotropic transmission the bound of the angle is the same at every distance."""
    found = [
        evaluate(scenario, system_of(scenario).isotropic_transmission()).links["downlink"].quantities
        for scenario in (
            read_scenario("li2024-downlink", overrides=[f"targets.positions=[[{each}, {each}]]"])
            for each in ("3 m", distance)
        )
    ]
    assert found[1]["target_angle_rad"] == pytest.approx(found[0]["target_angle_rad"], rel=1e-9)
