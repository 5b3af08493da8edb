"""The README's quickstart runs and says what it prints."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAX_LINES = 12


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def printed() -> str:
    (code,) = blocks("python")
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "README.md", "exec"), {})
    return output.getvalue()


def test_quickstart_is_short():
    (code,) = blocks("python")
    assert len(code.strip().splitlines()) <= MAX_LINES


def test_quickstart_prints_a_certified_gap(printed):
    (gap,) = re.findall(r"certified gap (\S+)", printed)
    assert -1e-12 <= float(gap) <= 1e-6


def test_quickstart_prints_what_the_readme_shows(printed):
    (shown,) = blocks("text")

    def without_gap(text: str) -> list[str]:
        return [re.sub(r"certified gap \S+", "certified gap", line) for line in text.strip().splitlines()]

    assert without_gap(printed) == without_gap(shown)


def test_quickstart_reaches_the_reference_optimum(printed):
    (objective,) = re.findall(r"objective (\S+) m\^2", printed)
    assert float(objective) == pytest.approx(0.0118383125, abs=5e-6)


def test_readme_lists_every_verb_of_the_command_line():
    from typer.main import get_command

    from crbeam.interfaces.command_line import app

    verbs = set(get_command(app).commands)  # pyright: ignore[reportAttributeAccessIssue]
    listed = set(re.findall(r"^\| `crbeam (\w+)", README, re.MULTILINE))
    assert listed == verbs


def test_readme_has_one_picture():
    assert len(re.findall(r"!\[", README)) == 1
