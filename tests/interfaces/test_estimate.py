"""The verb `estimate`: names, JSON keys, files, exit statuses."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crbeam.errors import InvalidInput
from crbeam.interfaces.command_line import app
from crbeam.interfaces.estimate_verb import parse_ratios

RUNNER = CliRunner()
SMALL = ("--set", "waveform.subcarriers=64", "--set", "targets.count=2", "--trials", "2", "--workers", "1")


def run(*words):
    return RUNNER.invoke(app, ["estimate", *words])


def as_json(*words):
    result = run(*words, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return json.loads(result.stdout)


def test_json_has_the_keys_of_the_contract():
    document = as_json("zhang2025", *SMALL, "--snr-db", "10:20:2,own", "--link", "bistatic")
    assert set(document) == {"scenario", "method", "trials", "noise_seed", "links", "cautions", "files"}
    assert (document["method"], document["trials"], document["noise_seed"]) == ("direct", 2, 1)
    (link,) = document["links"].values()
    assert set(link) == {"own_snr_db", "threshold_snr_db", "efficient_snr_db", "below_bound", "points"}
    assert sorted({point["snr_db"] for point in link["points"]}) == sorted({10.0, 20.0, link["own_snr_db"]})
    point = link["points"][-1]
    assert set(point) == {"snr_db", "failures", "failure_rate", "failure_rate_interval", "quantities"}
    assert sum(point["failures"].values()) == round(2 * point["failure_rate"])
    each = point["quantities"]["user_position_m"]
    assert set(each) == {"rmse", "root_bound", "ratio", "ratio_interval"}
    assert each["ratio"] == pytest.approx(each["rmse"] / each["root_bound"])
    assert each["ratio_interval"][0] < each["ratio"] < each["ratio_interval"][1]
    assert document["files"] == []


@pytest.mark.slow
def test_figures_and_table_are_written(tmp_path):
    document = as_json("zhang2025", *SMALL, "--snr-db", "20", "--link", "bistatic", "--out", str(tmp_path))
    assert {file.name for file in tmp_path.iterdir()} == {Path(file).name for file in document["files"]}
    assert {file.rpartition("/")[2] for file in document["files"]} == {
        "estimator_bistatic.pdf",
        "estimator_bistatic.png",
        "estimator.csv",
    }


def test_seeds_of_noise_and_of_phases_are_two_things():
    options = ("zhang2025", *SMALL, "--snr-db", "20", "--link", "monostatic")
    plain, again, noise, phases = (
        as_json(*options, *more)["links"]["monostatic"]["points"][0]["quantities"]["user_position_m"]
        for more in ((), (), ("--noise-seed", "2"), ("--seed", "2"))
    )
    assert plain == again
    assert noise["rmse"] != plain["rmse"]
    assert noise["root_bound"] == plain["root_bound"]
    assert phases["root_bound"] != plain["root_bound"]


@pytest.mark.slow
def test_a_design_or_isotropic_beams_may_be_checked(tmp_path):
    words = ("zhang2025", *SMALL, "--snr-db", "20", "--link", "monostatic")
    made = RUNNER.invoke(app, ["design", "zhang2025", *SMALL[:4], "--out", str(tmp_path), "--json"])
    assert made.exit_code == 0
    bounds = [
        as_json(*words, *more)["links"]["monostatic"]["points"][0]["quantities"]["all_positions_m"]["root_bound"]
        for more in ((), ("--design", str(tmp_path / "design.nc")), ("--design", "isotropic"))
    ]
    assert bounds[1] == pytest.approx(bounds[0], rel=1e-6)
    assert bounds[2] > 1.3 * bounds[0]


def test_the_table_says_what_a_reader_needs():
    result = run("zhang2025", *SMALL, "--snr-db", "20", "--method", "two-stage", "--link", "bistatic")
    assert result.exit_code == 0
    for word in ("two-stage", "2 trials", "own SNR", "threshold", "user_orientation_rad", "ratio, 95 %"):
        assert word in result.stdout
    assert "bistatic: 2 trials" in result.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--snr-db", "loud"), 2, "-20:20:9"),
        (("--snr-db", "0:1:0"), 2, "-20:20:9"),
        (("--snr-db", "9999"), 2, "300 dB"),
        (("--link", "nowhere"), 2, "bistatic"),
        (("--design", "nowhere.nc"), 2, "nowhere.nc"),
        (("--set", "targets.count=0", "--link", "bistatic", "--design", "isotropic"), 3, "user_position"),
    ],
)
def test_mistakes_are_explained(words, status, said):
    result = run("zhang2025", *SMALL, *words)
    assert result.exit_code == status
    assert said in result.stderr
    assert result.stdout == ""


def test_ratios_may_be_ranges_lists_and_the_scenarios_own():
    assert parse_ratios(None) is None
    assert parse_ratios("-10:10:3,own, 4") == (-10.0, 0.0, 10.0, "own", 4.0)
    with pytest.raises(InvalidInput):
        parse_ratios("1:2")
