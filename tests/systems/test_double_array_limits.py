"""What is said of scenes in which bounds of a double array mislead."""

import numpy as np
import pytest

from crbeam.errors import InvalidInput, InvalidScenario
from crbeam.scenario import read_scenario
from crbeam.systems import link_maps, system_of
from crbeam.systems.double_array import double_array
from crbeam.systems.double_array_limits import same_places


def scene(*overrides):
    return read_scenario("li2024-uplink", overrides=list(overrides))


def look_alikes(scenario):
    return same_places(scenario, double_array(scenario))


def test_presets_need_no_caution():
    assert system_of(scene()).scene_cautions() == []
    assert system_of(read_scenario("zhang2025")).scene_cautions() == []


def test_one_antenna_cannot_tell_a_grating_lobe_of_the_other_array():
    scenario = scene("stations.assisting.transmit_array.elements=1")
    (place,) = look_alikes(scenario)
    spacing = scenario.stations["main"].transmit_array.spacing_wavelengths
    sine = np.sin(np.pi / 4.0)
    assert abs(np.sin(place.angle_rad) - sine) == pytest.approx(1.0 / spacing, abs=1e-9)
    assert place.range_m == pytest.approx(20.0 * np.cos(place.angle_rad) ** 2 / (1.0 - sine**2), rel=1e-9)
    assert "looks the same" in system_of(scenario).scene_cautions()[0]


@pytest.mark.parametrize("degrees", [-20.0, 20.0])
def test_an_alias_of_a_turned_array_has_a_global_angle(degrees):
    (place,) = look_alikes(
        scene("stations.assisting.transmit_array.elements=1", f"stations.main.orientation={degrees} deg")
    )
    turn_rad = np.radians(degrees)
    spacing = read_scenario("li2024-uplink").stations["main"].transmit_array.spacing_wavelengths
    difference = np.sin(place.angle_rad - turn_rad) - np.sin(np.pi / 4.0 - turn_rad)
    assert abs(difference) == pytest.approx(1.0 / spacing, abs=1e-9)


def test_a_target_nearer_than_the_fresnel_model_holds():
    near = "targets.positions=[[0.4 m, 0.4 m]]"
    assert "2.12 m" in system_of(scene(near)).scene_cautions()[0]
    assert system_of(scene(near, "sensing.serving_model=spherical")).scene_cautions() == []


def test_a_target_on_an_antenna_is_refused():
    scenario = scene("targets.positions=[[0 m, 0.4999999 m]]", "sensing.serving_model=spherical")
    with pytest.raises(InvalidInput, match="wavelengths"):
        link_maps(scenario)


@pytest.mark.parametrize("count", [0, 2])
def test_any_other_number_of_targets_is_refused(count):
    places = "[[5 m, 5 m], [9 m, 5 m]]"
    with pytest.raises(InvalidScenario, match=f"exactly one target in the system li2024, found {count}"):
        scene(f"targets.count={count}", f"targets.positions={places}" if count else "targets.positions=[]")
