"""The pages agree with the package and with one another."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from crbeam.scenario import read_scenario, scenario_json_schema

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SCENARIO_PAGE = (DOCS / "scenario.md").read_text(encoding="utf-8")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]


def schema_keys(schema: Mapping[str, Any], node: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Dotted keys of the JSON schema; NAME for names of the author's choice."""
    if "$ref" in node:
        yield from schema_keys(schema, schema["$defs"][node["$ref"].rsplit("/", 1)[1]], prefix)
    for option in node.get("anyOf", ()):
        yield from schema_keys(schema, option, prefix)
    for key, child in node.get("properties", {}).items():
        inner = list(schema_keys(schema, child, f"{prefix}{key}."))
        yield f"{prefix}{key}"
        yield from inner
    entry = node.get("additionalProperties")
    if isinstance(entry, Mapping):
        yield from schema_keys(schema, entry, f"{prefix}NAME.")


def documented_keys() -> set[str]:
    return set(re.findall(r"^\| `([\w.]+)` \|", SCENARIO_PAGE, re.MULTILINE))


def test_scenario_page_lists_every_key_of_the_schema():
    schema = scenario_json_schema()
    keys = set(schema_keys(schema, schema))
    sections = {key for key in keys if any(other.startswith(f"{key}.") for other in keys)}
    assert len(keys - sections) > 35
    assert keys - sections - documented_keys() == set()
    assert documented_keys() - keys == set()


def test_scenario_page_is_up_to_date():
    spec = importlib.util.spec_from_file_location("docs_generate_pages", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = generate
    try:
        spec.loader.exec_module(generate)
        assert generate.with_scenario_tables(SCENARIO_PAGE) == SCENARIO_PAGE, "run `python docs/generate.py`"
    finally:
        del sys.modules[spec.name]


def test_scenario_page_s_example_is_a_scenario(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", SCENARIO_PAGE, re.DOTALL)
    file = tmp_path / "example.yaml"
    file.write_text(text, encoding="utf-8")
    assert read_scenario(file).targets.count == 2


def test_changelog_begins_with_the_version_of_the_package():
    import crbeam

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert versions[0] == project["version"] == crbeam.__version__


def test_architecture_names_every_folder_that_exists():
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([\w.]+/?)` \|", page, re.MULTILINE))
    package = ROOT / "src" / "crbeam"
    folders = {f"{item.name}/" for item in package.iterdir() if item.is_dir() and (item / "__init__.py").is_file()}
    modules = {item.name for item in package.glob("*.py")} - {"__init__.py"}
    assert listed == folders | modules


def test_methods_are_documented():
    from crbeam.design.methods import METHODS

    page = (DOCS / "how-to-choose.md").read_text(encoding="utf-8")
    assert [key for key in METHODS if f"`{key}`" not in page] == []


def test_statuses_are_documented():
    from crbeam import Status

    page = (DOCS / "how-to-choose.md").read_text(encoding="utf-8")
    assert [status.key for status in Status if f"`{status.key}`" not in page] == []


def anchors(file: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}


def broken_links(page: Path, text: str) -> list[str]:
    """Relative links of a page whose file or anchor does not exist."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("link", ["nowhere.md", "how-to-choose.md#nowhere", "../README.md/x"])
def test_a_broken_link_is_found(link):
    assert broken_links(DOCS / "index.md", f"[text]({link})") == [link]


def test_decisions_are_numbered_listed_and_say_what_they_cost():
    records = sorted((DOCS / "decisions").glob("0*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    index = (DOCS / "decisions" / "index.md").read_text(encoding="utf-8")
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert f"]({record.name})" in index
        assert text.startswith(f"# {record.name[:4]}: ")
        assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequences")), record.name


@pytest.mark.slow
def test_documentation_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 15
    loaded = re.compile(r"<(?:link|script|img)\b[^>]*?(?:href|src)=\"?(https?:[^\s\">]+)")
    assert {url for page in pages for url in loaded.findall(page.read_text(encoding="utf-8"))} == set()
    architecture = (tmp_path / "architecture.html").read_text(encoding="utf-8")
    assert 'href="theory/information.html"' in architecture
