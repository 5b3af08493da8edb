"""Verbs over several methods or links go on where one of them has nothing to say."""

import json

import pytest
from typer.testing import CliRunner

from crbeam.interfaces.command_line import app
from crbeam.scenario import read_scenario
from crbeam.systems import link_maps

FEW = ("--set", "waveform.subcarriers=64")
PRESETS = ("zhang2025", "hamrouni2026", "li2024-downlink", "li2024-uplink", "wang2024", "xu2023")


def run(*words):
    return CliRunner().invoke(app, [*words])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "method"), [("li2024", "digital"), ("wang2024", "lifted-sdp"), ("hamrouni2026", "full-bp")]
)
@pytest.mark.parametrize("weights", [(), ("--weights", "0.5")], ids=["curve", "one weight"])
def test_a_problem_of_one_criterion_is_one_point(source, method, weights, tmp_path):
    result = run("tradeoff", source, "--method", method, *weights, "--json", "--out", str(tmp_path))
    assert result.exit_code == 0, result.output
    (point,) = json.loads(result.stdout)["points"]
    assert (point["method"], point["weight"], point["pareto_optimal"]) == (method, None, False)
    assert point["objective"] > 0.0
    assert "weights make no difference: it is one point" in result.stderr
    printed = run("tradeoff", source, "--method", method, *weights)
    assert printed.exit_code == 0
    assert "*" not in printed.stdout
    assert "not ident." not in printed.stdout


def test_the_one_point_is_the_design():
    one = json.loads(run("tradeoff", "hamrouni2026", *FEW, "--method", "full-bp", "--json").stdout)["points"][0]
    design = json.loads(run("design", "hamrouni2026", *FEW, "--method", "full-bp", "--json").stdout)
    assert one["objective"] == pytest.approx(design["objective"], rel=1e-6)
    assert set(one["links"]) == set(design["links"])


def test_a_curve_says_what_its_stars_mean():
    printed = run("tradeoff", "zhang2025", *FEW, "--method", "fdb-wcrb", "--method", "fdb-wcm", "--weights", "0.5")
    assert "* Pareto-optimal: no transmission that these methods may choose from is better" in printed.stdout
    assert [line.split()[1] for line in printed.stdout.splitlines() if line.startswith("*")] == ["fdb-wcrb"]


def test_a_failed_method_of_a_trade_off_is_named_and_leaves_the_others():
    result = run(
        "tradeoff", "zhang2025", *FEW, "--method", "full-ms", "--method", "uniform", "--weights", "0.5", "--json"
    )
    assert result.exit_code == 2
    failed, good = json.loads(result.stdout)["points"]
    assert set(failed) == {"method", "weight", "error"}
    assert good["method"] == "uniform"
    assert "crbeam: full-ms: " in result.stderr
    assert run("tradeoff", "zhang2025", "--method", "full-ms").exit_code == 2


@pytest.mark.slow
def test_a_failed_weight_leaves_the_others():
    result = run("tradeoff", "hamrouni2026", *FEW, "--method", "separate-sequential", "--weights", "0,1", "--json")
    assert result.exit_code == 2
    failed, good = json.loads(result.stdout)["points"]
    assert "its weight is 0" in failed["error"]
    assert good["objective"] > 0.0


def test_a_failed_method_of_a_split_is_named_and_leaves_the_others(tmp_path):
    words = ("split", "hamrouni2026", *FEW, "--shares", "0.5", "--method", "fdb-wcrb", "--method", "full-ms")
    result = run(*words, "--json", "--out", str(tmp_path))
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    assert set(document["best"]) == {"full-ms"}
    assert set(document["errors"]) == {"fdb-wcrb"}
    assert "crbeam: fdb-wcrb: A split needs a method" in result.stderr
    assert {point["method"] for point in document["points"]} == {"full-ms"}
    good = run("split", "hamrouni2026", *FEW, "--shares", "0.5", "--method", "full-ms", "--json")
    assert good.exit_code == 0
    assert json.loads(good.stdout)["errors"] == {}


def test_a_split_without_any_design_says_why():
    result = run("split", "hamrouni2026", *FEW, "--shares", "0.5", "--method", "fdb-wcrb")
    assert result.exit_code == 2
    assert "A split needs a method" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_a_map(preset):
    result = run("map", preset, "--resolution", "3", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["link"] in link_maps(read_scenario(preset))
    rows = document.get("user_position_m") or document["target_position_m"]
    assert sum(value is not None for row in rows for value in row) >= 6


def test_the_default_link_of_a_map_is_the_first_that_locates():
    assert json.loads(run("map", "zhang2025", *FEW, "--resolution", "2", "--json").stdout)["link"] == "bistatic"
    without = run("map", "zhang2025", *FEW, "--set", "targets.count=0", "--resolution", "2", "--json")
    assert json.loads(without.stdout)["link"] == "monostatic"
    named = run("map", "wang2024", "--link", "receiver0", "--resolution", "2", "--json")
    assert named.exit_code == 2
    assert "A map needs a link that tells of the target_position[0], but `receiver0` tells of" in named.stderr
