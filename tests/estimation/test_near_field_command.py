"""The verb `estimate` on near-field echoes."""

import json

import pytest
from typer.testing import CliRunner

from crbeam.interfaces.command_line import app

RUNNER = CliRunner()
QUICK = ("--snr-db", "20", "--trials", "2", "--workers", "1")


def run(*words):
    return RUNNER.invoke(app, ["estimate", *words, *QUICK])


def point_of(*words):
    result = run(*words, "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    ((name, link),) = document["links"].items()
    return document["method"], name, link["own_snr_db"], link["points"][0]


def test_joint_estimates_of_an_illuminated_target_are_the_default():
    method, link, own_db, point = point_of("li2024-downlink")
    assert (method, link) == ("joint", "downlink")
    assert own_db == pytest.approx(-10.0)
    assert list(point["quantities"]) == ["target_position_m", "target_angle_rad", "target_range_m"]
    assert point["failure_rate"] == 0.0
    assert all(each["ratio"] < 4.0 for each in point["quantities"].values())


@pytest.mark.slow
def test_the_floor_is_an_option_and_the_scenarios_own_comes_first():
    bounds = [
        point_of("li2024-downlink", *more)[3]["quantities"]["target_range_m"]["root_bound"]
        for more in (
            ("--illumination", "0.1"),
            (),
            ("--illumination", "0"),
            ("--set", "sensing.illumination=0.5"),
            ("--illumination", "0.5"),
        )
    ]
    assert bounds[1] == pytest.approx(bounds[0], rel=1e-6)
    assert 1.02 < bounds[0] / bounds[2] < 1.04
    assert bounds[3] == pytest.approx(bounds[4], rel=1e-6)
    assert bounds[3] > 1.1 * bounds[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("li2024-downlink", "--method", "music"), "two-stage or joint"),
        (("li2024-uplink", "--method", "sequential"), "joint, two-stage or music"),
        (("zhang2025", "--method", "joint", "--design", "isotropic"), "direct, two-stage or sequential"),
        (("zhang2025", "--illumination", "0.1"), "near-field echo only"),
        (("li2024-uplink", "--illumination", "0.1", "--design", "isotropic"), "default design"),
        (("li2024-uplink", "--illumination", "2"), "share from 0 to 0.999"),
    ],
)
def test_mistakes_are_explained(words, said):
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""
