"""The command line keeps its contract: names, JSON keys, exit statuses."""

import importlib.metadata
import json
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from crbeam import design_problem, read_scenario
from crbeam.interfaces.command_line import app

RUNNER = CliRunner()


def run(*words):
    return RUNNER.invoke(app, list(words))


def as_json(*words):
    result = run(*words, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return json.loads(result.stdout)


def test_version_and_running_as_a_module():
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout == f"crbeam {importlib.metadata.version('crbeam')}\n"
    module = subprocess.run([sys.executable, "-m", "crbeam", "--version"], capture_output=True, text=True, check=True)
    assert module.stdout == result.stdout


def test_presets_and_schema_are_json():
    assert "zhang2025" in as_json("presets")["presets"]
    schema = json.loads(run("schema").stdout)
    assert schema["properties"]["stations"]


def test_bound_has_every_link_and_quantity():
    document = as_json("bound", "zhang2025")
    links = document["links"]
    assert set(links) == {"bistatic", "monostatic", "fused"}
    assert links["bistatic"]["user_position_m"] == pytest.approx(0.131071574, rel=1e-8)
    assert links["monostatic"]["all_positions_m"] == pytest.approx(0.286140137, rel=1e-8)
    assert links["fused"]["all_positions_m"] == pytest.approx(0.0608295708, rel=1e-8)
    assert set(links["bistatic"]) == {
        "user_position_m",
        "user_orientation_rad",
        "clock_bias_s",
        "target_positions_m",
        "all_positions_m",
        "unidentifiable",
    }
    assert len(links["bistatic"]["target_positions_m"]) == 3
    assert links["bistatic"]["unidentifiable"] == []


def test_bound_without_targets_explains_itself_and_prints_the_rest():
    result = run("bound", "zhang2025", "--set", "targets.count=0", "--json")
    assert result.exit_code == 3
    links = json.loads(result.stdout)["links"]
    assert links["bistatic"]["user_position_m"] is None
    assert set(links["bistatic"]["unidentifiable"]) == {"user_position", "clock_bias"}
    assert links["monostatic"]["user_position_m"] > 0.0
    for word in ("user_position", "clock_bias", "add a path (a target)"):
        assert word in result.stderr


@pytest.mark.slow
def test_a_design_is_written_and_read_back_as_a_transmission(tmp_path):
    document = as_json("design", "zhang2025", "--weight", "0.3", "--out", str(tmp_path))
    files = {file.rsplit(".", 1)[1] for file in document["files"]}
    assert {"nc", "npz", "mat", "png", "pdf"} <= files
    written = document["links"]["fused"]["user_position_m"]
    assert as_json("bound", "zhang2025")["links"]["fused"]["user_position_m"] > 1.2 * written
    for ending in ("npz", "mat", "nc"):
        again = as_json("bound", "zhang2025", "--covariance", str(tmp_path / f"design.{ending}"))
        assert again["links"]["fused"]["user_position_m"] == pytest.approx(written, rel=1e-9)


def test_design_has_the_keys_of_the_contract():
    document = as_json("design", "zhang2025")
    keys = "scenario links method weight status objective lower_bound gap bound_note iterations seconds power_w files"
    assert set(keys.split()) <= set(document)
    assert document["status"] == "optimal"
    assert 0.0 <= document["gap"] <= 1e-6
    assert document["gap"] == pytest.approx(1.0 - document["lower_bound"] / document["objective"], abs=1e-12)
    assert document["power_w"] == pytest.approx(1e-5, rel=1e-9)
    assert document["objective"] == pytest.approx(0.0118383125, rel=1e-6)


def test_design_at_weight_zero_reports_what_it_leaves_undetermined():
    document = as_json("design", "zhang2025", "--set", "targets.count=1", "--weight", "0")
    assert document["status"] == "optimal"
    assert document["links"]["bistatic"]["user_position_m"] is None
    assert "user_position" in document["links"]["bistatic"]["unidentifiable"]
    assert document["links"]["monostatic"]["all_positions_m"] == pytest.approx(0.1044924, rel=1e-5)


def test_tradeoff_covers_all_weights_of_all_methods():
    document = as_json(
        "tradeoff", "zhang2025", "--method", "fdb-wcrb", "--method", "cpa-wcrb", "--weights", "0.1:0.9:3"
    )
    assert [(point["method"], point["weight"]) for point in document["points"]] == [
        (method, pytest.approx(weight)) for method in ("fdb-wcrb", "cpa-wcrb") for weight in (0.1, 0.5, 0.9)
    ]
    by_method = {
        method: [p["objective"] for p in document["points"] if p["method"] == method]
        for method in ("fdb-wcrb", "cpa-wcrb")
    }
    assert all(full < book for full, book in zip(by_method["fdb-wcrb"], by_method["cpa-wcrb"], strict=True))


def test_map_gives_the_bound_at_the_users_own_position(tmp_path):
    document = as_json("map", "zhang2025", "--resolution", "3", "--out", str(tmp_path))
    rows = np.array(document["user_position_m"], dtype=float)
    assert rows.shape == (3, 3)
    assert {file.rsplit(".", 1)[1] for file in document["files"]} == {"pdf", "png", "csv"}
    x, y = document["x_m"][0], document["y_m"][2]
    moved = json.loads(run("bound", "zhang2025", "--set", f"user.position=[{x}, {y}]", "--json").stdout)
    assert rows[2, 0] == pytest.approx(moved["links"]["bistatic"]["user_position_m"], rel=1e-9)


def test_a_seed_draws_phases_and_changes_bounds_slightly():
    plain, seeded, again = (
        as_json("bound", "zhang2025", *options)["links"]["bistatic"]["user_position_m"]
        for options in ((), ("--seed", "3"), ("--seed", "3"))
    )
    assert seeded == again
    assert seeded != plain
    assert seeded == pytest.approx(plain, rel=0.05)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bound", "zhang2026"), "zhang2025"),
        (("bound", "zhang2025", "--set", "targets.cout=1"), "count"),
        (("bound", "zhang2025", "--covariance", "nowhere.npz"), "nowhere.npz"),
        (("design", "zhang2025", "--method", "fdb-wcbr"), "fdb-wcrb"),
        (("design", "zhang2025", "--weight", "1.5"), "between 0 and 1"),
        (("tradeoff", "zhang2025", "--weights", "zero"), "0:1:11"),
        (("map", "zhang2025"), "--out"),
        (("figure", "zhang2025", "99"), "5"),
        (("figure", "zhang2024"), "zhang2025"),
        (("trace", "munich", "--transmitter", "1,2", "--receiver", "1,2,3", "--out", "x.nc"), "X,Y,Z"),
    ],
)
def test_bad_input_exits_2_and_says_what_is_allowed(words, said):
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_output_onto_a_file_is_refused(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("here first")
    result = run("design", "zhang2025", "--out", str(blocked), "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert blocked.read_text() == "here first"


def test_methods_say_why_not():
    rows = as_json("methods", "zhang2025")["methods"]
    assert rows["fdb-wcrb"]["why_not"] is None
    assert next(iter(rows)) == "optimum"
    assert set(rows) >= {"fdb-wcrb", "cpa-wcrb", "conic-wcrb", "uniform", "steered"}


def test_isotropic_is_the_identity_scaled_to_the_budget():
    problem = design_problem(read_scenario("zhang2025"))
    assert np.allclose(problem.isotropic()["bs"], np.eye(16) * 9.765625e-9 / 16)
