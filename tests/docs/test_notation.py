"""NOTATION describes everything that the command line prints as JSON."""

import json
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
