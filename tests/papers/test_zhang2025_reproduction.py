"""Measuring what claims are judged on, and the paper made again."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.papers.ideal_measurements import IDEAL
from typer.testing import CliRunner

from crbeam.design.methods import method_named
from crbeam.errors import InvalidInput
from crbeam.evaluation import tradeoff
from crbeam.interfaces.command_line import app
from crbeam.papers import reproduction
from crbeam.papers.claims import Claim, NotMeasured, Verdict, found
from crbeam.papers.zhang2025 import FIGURES, gathering
from crbeam.papers.zhang2025.claims import CLAIMS
from crbeam.papers.zhang2025.curves import scenario_with
from crbeam.papers.zhang2025.measurements import StateInformation

REPRODUCED, IN_PART, NOT, _ = Verdict


def test_a_curve_in_numbers_is_that_of_the_designs():
    scenario = scenario_with(3)
    curve = gathering.curve_numbers(scenario, tradeoff(scenario, [method_named("fdb-wcrb")], (0.0, 0.5)))
    assert curve.objective_m2[1] == pytest.approx(0.0118383125, rel=1e-6)
    assert np.all(curve.gap <= 1e-6)
    assert curve.bounds_m[1] == pytest.approx((0.08426203, 0.1287499), rel=1e-5)
    assert int(np.argmax(curve.directed_power_w[0])) == 0
    assert curve.only((0.5,)).bounds_m[0] == pytest.approx(curve.bounds_m[1])
    with pytest.raises(NotMeasured, match=r"weight 0\.3"):
        curve.at(0.3)


def test_missing_bounds_and_failed_designs_are_named():
    scenario = scenario_with(1)
    (point,) = tradeoff(scenario, [method_named("fdb-wcrb")], (0.0,))
    with pytest.raises(NotMeasured, match="does not exist"):
        _ = gathering.curve_numbers(scenario, [point]).bounds_m
    with pytest.raises(NotMeasured, match=r"fdb-wcrb failed at weight 0: no such luck"):
        gathering.curve_numbers(scenario, [replace(point, design=InvalidInput("no such luck"), evaluation=None)])


def test_observations_without_a_target_lack_one_number():
    assert gathering._state_information(0) == StateInformation(6, 5, False)
    assert gathering._state_information(1) == StateInformation(10, 10, True)


def small_gather(run):
    assert not run.full
    run.report("everything")
    return IDEAL


@pytest.mark.slow
def test_the_verb_writes_the_table_and_reports_a_failed_claim_without_an_error(tmp_path, monkeypatch):
    papers = {"zhang2025": reproduction.PaperClaims((*CLAIMS[:1], above_nothing()), small_gather)}
    monkeypatch.setattr(reproduction, "_PAPERS", papers)
    monkeypatch.setattr(reproduction, "figure_modules", lambda _: {"3": FIGURES["3"]})
    result = CliRunner().invoke(app, ["reproduce", "zhang2025", "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    document = json.loads(result.stdout)
    assert set(document) == {"paper", "claims", "files"}
    assert [claim["verdict"] for claim in document["claims"]] == ["reproduced", "not reproduced"]
    names = {file.rsplit("/", 1)[1] for file in document["files"]}
    assert names == {
        "zhang2025_figure_3.pdf",
        "zhang2025_figure_3.png",
        "zhang2025_figure_3.csv",
        "claims.md",
        "claims.json",
    }
    assert json.loads((tmp_path / "claims.json").read_text())["claims"] == document["claims"]
    monkeypatch.setattr(reproduction, "figure_modules", lambda _: {})
    words = CliRunner().invoke(app, ["reproduce", "zhang2025", "--out", str(tmp_path)])
    assert words.exit_code == 0
    assert "not reproduced" in words.stdout
    assert words.stderr.splitlines() == ["crbeam: everything"]


def above_nothing():
    return Claim(2, "Never.", "nowhere", "never", lambda _: found({"only": False}, "nothing", {}))


def test_an_unknown_paper_is_bad_input():
    result = CliRunner().invoke(app, ["reproduce", "zhang2024"])
    assert result.exit_code == 2
    assert "one of zhang2025, hamrouni2026, li2024, xu2023" in result.stderr
    assert "found `zhang2024`" in result.stderr


#: Verdicts of our conventions; those in part depend on what the paper leaves open.
VERDICTS = {3: IN_PART, 4: NOT, 7: IN_PART, 11: IN_PART, 13: IN_PART}


@pytest.mark.slow
def test_the_paper_made_again(tmp_path):
    command = [
        str(Path(sys.executable).with_name("crbeam")),
        "reproduce",
        "zhang2025",
        "--out",
        str(tmp_path),
        "--json",
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    verdicts = {claim["number"]: claim["verdict"] for claim in document["claims"]}
    assert verdicts == {number: VERDICTS.get(number, REPRODUCED).words for number in range(1, 17)}
    assert {f"zhang2025_figure_{number}.png" for number in range(2, 7)} <= {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / "claims.md").read_text().count("\n| ") == 18
    page = (Path(__file__).parents[2] / "docs" / "papers" / "zhang2025.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.partition("## Claims")[2].splitlines() if re.match(r"\| \d+ \|", line)]
    assert {int(row[0].strip("| ")): row[4] for row in rows} == verdicts
