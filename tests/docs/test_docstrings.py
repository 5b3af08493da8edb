"""Citations in docstrings are well formed, and reach the pages of the documentation."""

import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REFERENCES = (ROOT / "docs" / "references.md").read_text(encoding="utf-8")
KEYS = {"zhang2025", "hamrouni2026", "li2024", "wang2024", "xu2023"}
PLACE = re.compile(r"(?:eqs?\. \(\d+\w?\)|sections? [IVX]+|[Rr]emark \d+|Fig\. \d+|Algorithm \d+|Table [IVX]+)")


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.citations = cache(module.citations)
    yield module
    del sys.modules[spec.name]


def is_known(paper: str, place: str) -> bool:
    """A paper of the list with a place in it, or an anchor of a theory page."""
    if paper.startswith("theory/"):
        page, _, anchor = paper.partition("#")
        file = ROOT / "docs" / f"{page}.md"
        return file.is_file() and anchor in headings(file.read_text(encoding="utf-8"))
    return paper in KEYS and PLACE.match(place) is not None


def headings(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}


def test_the_reference_list_has_exactly_the_known_keys():
    assert set(re.findall(r"^\| `(\w+)`", REFERENCES, re.MULTILINE)) == KEYS


def test_every_reference_names_a_known_paper_and_place(generate):
    cited = [(citation.name, *reference) for citation in generate.citations() for reference in citation.references]
    assert len(cited) > 15
    assert [entry for entry in cited if not is_known(entry[1], entry[2])] == []


def test_no_reference_is_missed_by_the_parser(generate):
    lines = [
        line
        for file in (ROOT / "src").rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.search(r"\bReference: \w", line)
    ]
    assert sum(len(citation.references) for citation in generate.citations()) >= len(lines)


@pytest.mark.parametrize(
    "text", ["zhang2026 eq. (6)", "zhang2025", "zhang2025 somewhere", "theory/information#nothing"]
)
def test_wrong_references_are_rejected(generate, text):
    citation = generate.parse_docstring("name", f"Something.\n\nReference: {text}.\n")
    assert not all(is_known(*reference) for reference in citation.references)


def test_theory_anchors_are_accepted(generate):
    text = "Something.\n\nReference: zhang2025 eq. (6); theory/information#slepian-bangs.\n"
    citation = generate.parse_docstring("name", text)
    assert len(citation.references) == 2
    assert all(is_known(*reference) for reference in citation.references)


def test_a_deviation_ends_where_the_next_paragraph_begins(generate):
    text = (
        "A sum.\n\nReference: zhang2025 eq. (6).\n\nDeviation: first\nreason.\n\nDeviation: second.\n\nArgs:\n    x: y."
    )
    assert generate.parse_docstring("name", text).deviations == ("first reason.", "second.")


def test_the_paper_page_shows_where_equations_are(generate):
    page = generate.filled((ROOT / "docs" / "papers" / "zhang2025.md").read_text(encoding="utf-8"))
    assert "<!-- crbeam:" not in page
    assert re.search(r"\| eq\. \(6\) \| `crbeam\.information\.builders\.path_information`", page)
    assert re.search(r"\| `crbeam\.information\.builders\.path_information` \| .*2P/sigma\^2", page)
    assert "fixed point scatterers" in page


def paper_pages(generate) -> dict[str, str]:
    """Pages of papers by their keys, with their tables."""
    files = (ROOT / "docs" / "papers").glob("*.md")
    return {file.stem: generate.filled(file.read_text(encoding="utf-8")) for file in files}


def missing_deviations(citations, pages: dict[str, str]) -> list[str]:
    """Where a deviation is that is not on the page of a paper that it is from, of those that have a page."""
    return [
        citation.name
        for citation in citations
        for text in citation.deviations
        if (cited := {key for key, _ in citation.references} & KEYS & pages.keys() or {"zhang2025"})
        if citation.references == () or {key for key, _ in citation.references} & pages.keys()
        if not all(text.replace("|", "\\|") in pages[key] for key in cited)
    ]


def test_every_deviation_is_on_the_page_of_its_paper(generate):
    pages = paper_pages(generate)
    assert {"zhang2025", "hamrouni2026"} <= pages.keys()
    assert missing_deviations(generate.citations(), pages) == []


def test_a_deviation_on_the_page_of_another_paper_only_is_missed(generate):
    pages = paper_pages(generate)
    swapped = {**pages, "zhang2025": pages["hamrouni2026"], "hamrouni2026": pages["zhang2025"]}
    assert len(missing_deviations(generate.citations(), swapped)) > 20


def test_theory_pages_have_the_anchors_that_others_cite():
    theory = ROOT / "docs" / "theory"
    found = set.union(*(headings(page.read_text(encoding="utf-8")) for page in theory.glob("*.md")))
    wanted = "slepian-bangs waist reduction certificate certificate-with-prior equivalent-information codebook"
    assert set(wanted.split()) <= found
