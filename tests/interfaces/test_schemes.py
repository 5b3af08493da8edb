"""Every scheme of zhang2025 designs from the command line, on a preset, on recorded paths and in a crowded hall."""

import json
from functools import lru_cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crbeam.interfaces.command_line import app

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCENARIOS = {
    "zhang2025": "zhang2025",
    "munich": str(EXAMPLES / "munich" / "munich.yaml"),
    "crowded": str(EXAMPLES / "crowded" / "crowded.yaml"),
}
SCHEMES = (
    *("fdb-wcrb", "cpa-wcrb", "fdb-wbf", "cpa-wbf", "fdb-wcm", "cpa-wcm", "fusion"),
    *("analog-fdb", "analog-cpa", "analog-wcrb"),
)


@lru_cache(maxsize=len(SCENARIOS) * len(SCHEMES))
def designed(scenario, method):
    result = CliRunner().invoke(app, ["design", SCENARIOS[scenario], "--method", method, "--json"])
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return json.loads(result.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("method", SCHEMES)
def test_a_scheme_designs_above_the_certified_bound(scenario, method):
    document = designed(scenario, method)
    assert document["method"] == method
    budget_w = document["scenario"]["stations"]["bs"]["total_power"]
    assert document["power_w"] == pytest.approx(budget_w, rel=1e-9)
    if method == "fusion":
        assert document["objective"] >= document["lower_bound"]
        assert document["gap"] <= 1e-6
        return
    assert all(link["unidentifiable"] == [] for link in document["links"].values())
    best = designed(scenario, "fdb-wcrb")
    assert best["gap"] <= 1e-6
    assert document["objective"] >= best["lower_bound"]
    assert document["lower_bound"] >= best["lower_bound"] * (1.0 - 1e-6)
    assert method == "fdb-wcrb" or document["objective"] > best["objective"]


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_all_links_together_see_more_than_each_scheme_s_own(scenario):
    fused = designed(scenario, "fusion")["objective"]
    assert all(fused < designed(scenario, method)["objective"] for method in SCHEMES if method != "fusion")


def test_the_crowded_hall_is_crowded():
    result = CliRunner().invoke(app, ["bound", SCENARIOS["crowded"], "--json"])
    assert result.exit_code == 0, result.stderr
    scenario = json.loads(result.stdout)["scenario"]
    assert len(scenario["targets"]["positions"]) == 5
    assert scenario["stations"]["bs"]["transmit_array"]["elements"] == 32
