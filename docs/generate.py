"""Parts of the documentation that follow from the code.

As a hook of MkDocs it fills in the markers of the pages, adds the pages at the root of the repository to the site, and
adapts links between both. `python docs/generate.py` writes the table of scenario keys into `docs/scenario.md`.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
ROOT_PAGES = ("ARCHITECTURE", "NOTATION", "CONTRIBUTING", "CHANGELOG")
BEGIN, END = "<!-- generated: scenario keys -->", "<!-- end of generated part -->"

_MARKER = re.compile(r"<!-- crbeam: (.+?) -->")
_ROOT_LINK = re.compile(r"\]\(\.\./((?:\.\./)*)(" + "|".join(ROOT_PAGES) + r")\.md")


# --- docstrings -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Citation:
    """What a docstring says about papers.

    Attributes:
        name: dotted name of the module, class or function.
        sentence: its first sentence.
        references: `(paper, place)` pairs, such as `("zhang2025", "eq. (6)")`.
        deviations: where it departs from them, and why.
    """

    name: str
    sentence: str
    references: tuple[tuple[str, str], ...]
    deviations: tuple[str, ...]


def citations() -> list[Citation]:
    """Every docstring of the package that has a `Reference:` or a `Deviation:`."""
    found = []
    for file in sorted(SOURCE.rglob("*.py")):
        module = ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        for name, docstring in _docstrings(ast.parse(file.read_text(encoding="utf-8")), module):
            citation = parse_docstring(name, docstring)
            if citation.references or citation.deviations:
                found.append(citation)
    return found


def _docstrings(node: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        docstring = ast.get_docstring(node, clean=True)
        if docstring:
            yield name, docstring
        for child in node.body:
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _docstrings(child, f"{name}.{child.name}")


def parse_docstring(name: str, docstring: str) -> Citation:
    """References and deviations of one docstring; several references are separated by semicolons."""
    references = [
        tuple(part.strip().split(" ", 1))
        for text in _paragraphs(docstring, "Reference")
        for part in text.removesuffix(".").split(";")
    ]
    pairs = tuple((reference[0], reference[1] if len(reference) > 1 else "") for reference in references)
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    sentence = re.split(r"(?<=[^.\s])[.:](?=\s+[A-Z`(]|$)", paragraph)[0]
    return Citation(name, f"{sentence}.", pairs, tuple(_paragraphs(docstring, "Deviation")))


def _paragraphs(docstring: str, word: str) -> list[str]:
    pattern = rf"{word}:\s+(.+?)(?=\n\s*\n|\s(?:Reference|Deviation):\s|\Z)"
    return [" ".join(text.split()) for text in re.findall(pattern, docstring, re.DOTALL)]


def equations_table(paper: str) -> str:
    """Table: place in the paper, where it is in the code, what is there."""
    rows = sorted(
        (_place_order(place), place, citation.name, citation.sentence)
        for citation in citations()
        for key, place in citation.references
        if key == paper
    )
    lines = [f"| {place} | `{name}` | {_cell(sentence)} |" for _, place, name, sentence in rows]
    return "\n".join(["| place | code | what it is |", "|---|---|---|", *lines])


def _place_order(place: str) -> tuple[int, int]:
    """Equations by number, then remarks, sections, figures."""
    kinds = ("eq", "remark", "section", "fig")
    kind = next((index for index, word in enumerate(kinds) if place.lower().startswith(word)), len(kinds))
    number = re.search(r"\d+", place)
    return kind, int(number.group()) if number else 0


def deviations_table(paper: str | None) -> str:
    """Table of the deviations in docstrings that cite a paper; with None, in those that cite none."""
    rows = [
        f"| `{citation.name}` | {_cell(text)} |"
        for citation in citations()
        for text in citation.deviations
        if (paper in {key for key, _ in citation.references} if paper else not citation.references)
    ]
    return "\n".join(["| code | deviation |", "|---|---|", *rows])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# --- scenario keys ----------------------------------------------------------------------------------------------------


def scenario_tables() -> str:
    """A table of all keys for each part of a scenario file, with values, defaults and meaning."""
    from crbeam.scenario.scenario import Scenario

    sections: dict[str, list[str]] = {}
    for path, field in scenario_fields(Scenario):
        head = path.split(".")[0] if "." in path or _model_of(field.annotation)[0] else ""
        row = f"| `{path}` | {_values(field)} | {_default(field)} | {_cell(field.description or '')} |"
        sections.setdefault(head, []).append(row)
    parts = []
    for head, rows in sections.items():
        title = f"### `{head}`" if head else "### At the top"
        parts += [title, "\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *rows])]
    return "\n\n".join(parts)


def scenario_fields(model: Any, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Dotted key and field of every leaf and every optional section below a model.

    NAME stands for a name of the author's choice.
    """
    for name, field in model.model_fields.items():
        path = prefix + (field.alias or name)
        inner, is_named = _model_of(field.annotation)
        if inner is None or not field.is_required():
            yield path, field
        if inner is not None:
            yield from scenario_fields(inner, f"{path}.NAME." if is_named else f"{path}.")


def _model_of(annotation: Any) -> tuple[Any, bool]:
    """The model that an annotation stands for, if any, and whether it is one of many by name."""
    if get_origin(annotation) is dict:
        return _model_of(get_args(annotation)[1])[0], True
    if get_origin(annotation) in (Union, UnionType):
        return next((found for option in get_args(annotation) if (found := _model_of(option))[0]), (None, False))
    return (annotation, False) if hasattr(annotation, "model_fields") else (None, False)


def _leaf_of(field: FieldInfo) -> Any:
    """The kind of value of a field, from its own metadata or from that of an option of a union."""
    from crbeam.scenario.fields import Leaf

    options = [field.metadata, *(option.__metadata__ for option in get_args(field.annotation) if _is_annotated(option))]
    return next((kind for metadata in options for kind in metadata if isinstance(kind, Leaf)), None)


def _is_annotated(option: Any) -> bool:
    return get_origin(option) is Annotated


def _values(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(field.annotation))
    return "section" if _model_of(field.annotation)[0] else _kind(_leaf_of(field))


def _kind(leaf: Any) -> str:
    from crbeam.scenario import fields, links
    from crbeam.units import DIMENSIONS

    if isinstance(leaf, fields.Quantity):
        dimension = DIMENSIONS[leaf.dimension]
        units = dict.fromkeys(symbol for symbol in (dimension.si_unit, *dimension.units) if symbol)
        return f"{dimension.name}: {', '.join(units)}"
    if isinstance(leaf, fields.ListOf):
        return f"{_kind(leaf.item)}; one or a list" if leaf.or_single else f"list: {_kind(leaf.item)}"
    if isinstance(leaf, fields.Whole):
        return leaf._allowed().removeprefix("a ")
    if isinstance(leaf, links.OfLinks):
        return f"{leaf.plural}, by link"
    if isinstance(leaf, fields.PositiveNumber):
        return f"number: {leaf.limits}"
    if type(leaf) is fields.Pair:
        return f"[x, y]: {leaf.allowed.partition(' such')[0]}"
    words = {
        fields.Position: "[x, y]: two lengths",
        fields.Text: "text",
    }
    return words[type(leaf)]


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default in (None, (), ""):
        return ""
    return f"`{field.default:g}`" if isinstance(field.default, float) else f"`{field.default}`"


def with_scenario_tables(page: str) -> str:
    """The page of scenario files with its generated part made anew."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{scenario_tables()}\n\n{END}{after}"


# --- hooks of MkDocs --------------------------------------------------------------------------------------------------


def filled(markdown: str) -> str:
    """Markdown with every marker replaced by what it stands for."""

    def replacement(match: re.Match[str]) -> str:
        words = match.group(1).split()
        if words[0] == "equations":
            return equations_table(words[-1])
        if words[:2] == ["deviations", "from"]:
            return deviations_table(words[-1])
        if words[:2] == ["deviations", "without"]:
            return deviations_table(None)
        raise ValueError(f"unknown marker `{match.group(1)}`")

    return _MARKER.sub(replacement, markdown)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages at the root of the repository."""
    from mkdocs.structure.files import File

    for page in ROOT_PAGES:
        text = (ROOT / f"{page}.md").read_text(encoding="utf-8").replace("](docs/", "](")
        for other in ROOT_PAGES:
            text = text.replace(f"]({other}.md", f"]({other.lower()}.md")
        files.append(File.generated(config, f"{page.lower()}.md", content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in markers; point links to root pages at their place in the site."""
    return _ROOT_LINK.sub(lambda match: f"]({match.group(1)}{match.group(2).lower()}.md", filled(markdown))


def main() -> None:
    """Write the generated part of `docs/scenario.md`."""
    page = ROOT / "docs" / "scenario.md"
    text = page.read_text(encoding="utf-8")
    new = with_scenario_tables(text)
    page.write_text(new, encoding="utf-8")
    sys.stdout.write(f"{page.relative_to(ROOT)}: {'unchanged' if new == text else 'brought up to date'}\n")


if __name__ == "__main__":
    main()
