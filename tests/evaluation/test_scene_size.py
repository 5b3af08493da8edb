"""Bounds that are larger than what they are bounds of say so."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from crbeam import evaluate, read_scenario
from crbeam.evaluation import position_error_map
from crbeam.evaluation.scene_size import scene_size_m, size_cautions
from crbeam.interfaces.command_line import app
from crbeam.systems import isotropic_transmission, system_of

#: Two targets a millimetre apart, 15.8 m from the station and 20.6 m from the user.
CLOSE = "targets.positions=[[-10, 15], [5, 15], [5.0011, 15]]"


def cautions_of(source, *overrides, power=1.0):
    system = system_of(read_scenario(source, overrides=overrides))
    evaluation = evaluate(system, power * system.isotropic_transmission())
    return evaluation.links, {each.partition(":")[0]: each for each in size_cautions(system, evaluation)}


def test_the_size_of_a_scene_is_the_largest_distance_between_two_objects():
    scenario = read_scenario(
        "zhang2025", overrides=["targets.count=2", "targets.positions=[[3, -4], [30, 40]]", "user.position=[1, 1]"]
    )
    assert scene_size_m(system_of(scenario)) == pytest.approx(np.hypot(27.0, 44.0))


def test_presets_of_sound_scenes_have_no_caution():
    for preset in ("zhang2025", "li2024", "wang2024", "xu2023"):
        assert cautions_of(preset)[1] == {}


def test_positions_larger_than_the_scene_are_named_with_both_numbers():
    links, sentences = cautions_of("zhang2025", CLOSE)
    assert set(sentences) == {"bistatic", "monostatic", "fused"}
    value_m = links["fused"].quantities["target_positions_m"][1]
    assert value_m > 1e3
    assert f"target_positions_m[1] {value_m:.4g}" in sentences["fused"]
    assert "the scene is 20.62 m across" in sentences["fused"]
    assert "target_positions_m[0]" not in sentences["fused"]
    assert "user_position_m" not in sentences["fused"]


def test_times_angles_and_speeds_have_sizes_of_their_own():
    _, sentences = cautions_of("hamrouni2026", power=1e-12)
    for words in ("user_orientation_rad", "half a turn", "clock_bias_s", "light crosses", "user_velocity_mps"):
        assert words in sentences["bistatic"]
    assert "its speed is 13 m/s" in sentences["bistatic"]
    assert "user_radial_speed_mps" in sentences["monostatic"]
    _, sentences = cautions_of("hamrouni2026", "user.velocity=[0, 0]", power=1e-12)
    assert "it stands still" in sentences["bistatic"]
    _, sentences = cautions_of("wang2024", power=1e-20)
    assert "delay_s" in sentences["receiver0"]
    assert "doppler_hz" in sentences["receiver0"]
    _, sentences = cautions_of("li2024", power=1e-8)
    assert any("target_range_m" in each and "target_angle_rad" in each for each in sentences.values())


def test_the_command_line_prints_them_and_has_them_in_json():
    result = CliRunner().invoke(app, ["bound", "zhang2025", "--set", CLOSE, "--json"])
    assert result.exit_code == 0
    cautions = json.loads(result.stdout)["cautions"]
    assert len(cautions) == 3
    assert all(f"crbeam: {sentence}" in result.stderr for sentence in cautions)
    result = CliRunner().invoke(app, ["design", "zhang2025", "--set", CLOSE, "--json"])
    assert any("larger than what they are bounds of" in each for each in json.loads(result.stdout)["cautions"])


def test_a_map_says_where_its_numbers_mean_nothing():
    scenario = read_scenario("zhang2025", overrides=["stations.bs.total_power=-70 dBm"])
    grid_m = np.array([5.0, 10.0])
    sound, faint = (
        position_error_map(each, isotropic_transmission(each), x_m=grid_m, y_m=grid_m, link="monostatic")
        for each in (read_scenario("zhang2025"), scenario)
    )
    assert sound.cautions == []
    size_m = scene_size_m(system_of(scenario))
    assert f"at {np.sum(faint.root_bound_m > size_m)} of 4 points" in faint.cautions[0]
    assert f"{size_m:.4g} m across" in faint.cautions[0]
