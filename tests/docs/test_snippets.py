"""Python in CONTRIBUTING and in the documentation runs as it stands."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def python_blocks(text: str) -> str:
    """All Python blocks of a page as one program with the page's line numbers."""
    lines = [""] * (text.count("\n") + 1)
    for match in re.finditer(r"```python\n(.*?)```", text, re.DOTALL):
        start = text.count("\n", 0, match.start(1))
        for offset, line in enumerate(match.group(1).splitlines()):
            lines[start + offset] = line
    return "\n".join(lines)


def pages_with_python() -> list[Path]:
    pages = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in pages if "```python" in page.read_text(encoding="utf-8")]


def test_some_pages_have_python():
    assert {page.name for page in pages_with_python()} >= {"CONTRIBUTING.md", "quickstart.md", "how-to-choose.md"}


SLOW = {"studies.md"}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.slow] if page.name in SLOW else [], id=page.name)
        for page in pages_with_python()
    ],
)
def test_snippets_run(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    program = python_blocks(page.read_text(encoding="utf-8"))
    exec(compile(program, str(page), "exec"), {"__name__": f"snippets_{page.stem}"})


def test_a_false_snippet_is_rejected():
    program = python_blocks("Text.\n\n```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n")
    with pytest.raises(AssertionError):
        exec(compile(program, "page", "exec"), {})
