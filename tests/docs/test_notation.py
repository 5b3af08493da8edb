"""NOTATION describes everything that the command line prints as JSON."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crbeam.interfaces.command_line import app

NOTATION = (Path(__file__).resolve().parents[2] / "NOTATION.md").read_text(encoding="utf-8")
COMMANDS = {
    "bound": ["bound", "zhang2025"],
    "design": ["design", "zhang2025", "--method", "uniform"],
    "tradeoff": ["tradeoff", "zhang2025", "--method", "uniform", "--weights", "0.5"],
    "estimate": [
        *("estimate", "zhang2025", "--set", "waveform.subcarriers=64", "--snr-db", "20", "--trials", "2"),
        *("--link", "monostatic", "--workers", "1", "--design", "isotropic"),
    ],
    "map": ["map", "zhang2025", "--resolution", "2"],
}


def keys(document: object, inside: str = "") -> Iterator[str]:
    """Keys of a JSON document, without those of the scenario and the names of links."""
    if isinstance(document, list):
        for item in document:
            yield from keys(item, inside)
    if isinstance(document, dict):
        for key, value in document.items():
            if inside != "links":
                yield key
            if key != "scenario":
                yield from keys(value, key)


def undocumented(document: object) -> list[str]:
    json_part = NOTATION[NOTATION.index("## JSON of the command line") :]
    return [key for key in keys(document) if f"`{key}`" not in json_part and f'"{key}"' not in json_part]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_key_is_described(command):
    run = CliRunner().invoke(app, [*COMMANDS[command], "--json"])
    assert run.exit_code == 0, run.output
    document = json.loads(run.stdout)
    assert len(list(keys(document))) > 3
    assert undocumented(document) == []


def test_an_undescribed_key_is_found():
    assert undocumented({"links": {"bistatic": {"user_position_feet": 1.0}}}) == ["user_position_feet"]


def described_for_designs(text: str = NOTATION) -> set[str]:
    """Keys in the table that follows `design --json`."""
    table = text[text.index("`design --json` adds") : text.index("`tradeoff --json` prints")]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


def run_json(arguments: list[str], exit_code: int = 0) -> dict:
    run = CliRunner().invoke(app, [*arguments, "--json"])
    assert run.exit_code == exit_code, run.output
    return json.loads(run.stdout)


def test_a_design_and_the_points_of_a_tradeoff_have_exactly_the_keys_that_are_described():
    described = described_for_designs()
    design = run_json(COMMANDS["design"])
    assert set(design) == described - {"users"} | {"scenario", "links", "files"}
    assert set(run_json(["design", "li2024"])) == described | {"scenario", "links", "files"}
    tradeoff = run_json(COMMANDS["tradeoff"])
    assert set(tradeoff) == {"scenario", "points", "files"}
    assert [set(point) for point in tradeoff["points"]] == [
        described - {"power_w", "cautions", "users"} | {"links", "pareto_optimal"}
    ]


def test_every_row_of_the_table_is_read():
    """A key that is described once more is found, and one that is no longer described is missed."""
    described = described_for_designs()
    rows = [line for line in NOTATION.splitlines() if line.startswith("| `beamforming_loss`")]
    assert len(rows) == 1
    more = NOTATION.replace(rows[0], f"{rows[0]}\n| `glamour` | of the design |")
    assert described_for_designs(more) == described | {"glamour"}
    assert described_for_designs(NOTATION.replace(rows[0], "")) == described - {"beamforming_loss"}


def test_a_point_that_failed_has_its_error_and_the_others_their_keys():
    arguments = ["tradeoff", "zhang2025", "--method", "uniform", "--weights", "0:1:2", "--set", "targets.count=0"]
    good, failed = run_json(arguments, exit_code=3)["points"]
    assert set(good) == described_for_designs() - {"power_w", "cautions", "users"} | {"links", "pareto_optimal"}
    assert set(failed) == {"method", "weight", "error"}
    assert failed["weight"] == 1.0
    assert "user_position" in failed["error"]
