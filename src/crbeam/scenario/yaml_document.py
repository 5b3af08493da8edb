"""YAML text as plain data that remembers its lines.

The dialect is small on purpose: one document of mappings, lists, scalars. Anchors, aliases, tags, repeated keys are
refused. Scalars are read by the rules of YAML 1.2, so that `on` and `yes` are text, `1e9` is a number, `010` is ten.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import yaml
from yaml.events import CollectionStartEvent, NodeEvent, ScalarEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from crbeam.errors import InvalidScenario
from crbeam.scenario.fields import FieldPath

_MAX_DEPTH = 20
_NULL, _BOOLEAN, _INTEGER, _FLOAT = (f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float"))


@dataclass(frozen=True)
class Document:
    """Plain data with the place of each part.

    Attributes:
        value: mappings, lists, scalars.
        file: label of the file in messages.
        lines: line of each part, from 1.
        overrides: text of the override that gave a part, instead of a line.
    """

    value: Any
    file: str | None
    lines: Mapping[FieldPath, int] = field(default_factory=dict)
    overrides: Mapping[FieldPath, str] = field(default_factory=dict)

    def override_of(self, path: FieldPath) -> str | None:
        """The override that gave the part at this path, the smallest known part around it, or last a part of it.

        Of a whole section, such as `user`, an override of a part is not held responsible.
        """
        around = self.overrides.get(self._known(path))
        if around is not None or len(path) < 2:
            return around
        below = [override for place, override in self.overrides.items() if place[: len(path)] == path]
        return below[-1] if below else None

    def line_of(self, path: FieldPath) -> int | None:
        """Line of the part at this path, or of the smallest known part around it; None if an override gave it."""
        return self.lines.get(self._known(path))

    def _known(self, path: FieldPath) -> FieldPath:
        while path and path not in self.lines and path not in self.overrides:
            path = path[:-1]
        return path


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with the scalars of YAML 1.2 and without anchors, aliases, tags."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML keeps its resolvers in the class

    def __init__(self, text: str):
        super().__init__(text)
        self.depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = cast(Any, self.peek_event())
        line = event.start_mark.line + 1
        if isinstance(event, NodeEvent) and event.anchor is not None:
            raise _RefusedError(line, "anchors and aliases (`&`, `*`) are not allowed; write the value out")
        if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag is not None:
            raise _RefusedError(line, f"tags are not allowed, found `{event.tag}`; leave it out")
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise _RefusedError(line, f"must not be nested more than {_MAX_DEPTH} levels deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


_Loader.add_implicit_resolver(_NULL, re.compile(r"(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(_BOOLEAN, re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), [*"tTfF"])
_Loader.add_implicit_resolver(_INTEGER, re.compile(r"[-+]?[0-9]+$"), [*"-+0123456789"])
_Loader.add_implicit_resolver(
    _FLOAT,
    re.compile(
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    [*"-+0123456789."],
)


class _RefusedError(Exception):
    """Something that YAML allows and scenario files do not."""

    def __init__(self, line: int | None, problem: str):
        super().__init__(problem)
        self.line, self.problem = line, problem


def parse_yaml(text: str, file: str | None) -> Document:
    """Plain data of a YAML text; raises InvalidScenario with the line of what is wrong."""
    lines: dict[FieldPath, int] = {}
    try:
        node = _Loader(text).get_single_node()
        value = None if node is None else _plain(node, (), lines)
    except _RefusedError as error:
        raise InvalidScenario(error.problem, file=file, line=error.line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"must be printable text, found the character U+{error.character:04X}"
        raise InvalidScenario(problem, file=file, line=line) from None
    except yaml.MarkedYAMLError as error:
        line, problem = _explain_syntax(error)
        raise InvalidScenario(problem, file=file, line=line) from None
    return Document(value, file, lines)


def _plain(node: Node, path: FieldPath, lines: dict[FieldPath, int]) -> Any:
    """Data of a node; notes the line of every part, that of its key for an entry of a mapping."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, SequenceNode):
        return [_plain(item, (*path, index), lines) for index, item in enumerate(node.value)]
    if isinstance(node, MappingNode):
        return {key: _plain(value, (*path, key), lines) for key, value in _entries(node, path, lines)}
    return _scalar(node)


def _entries(node: MappingNode, path: FieldPath, lines: dict[FieldPath, int]) -> list[tuple[str, Node]]:
    entries: dict[str, Node] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = _scalar(key_node) if isinstance(key_node, ScalarNode) else None
        if not isinstance(key, str):
            found = key_node.value if isinstance(key_node, ScalarNode) else "a list or mapping"
            raise _RefusedError(line, f"a key must be a name, found `{found}`")
        if key in entries:
            raise _RefusedError(
                line, f"the key `{key}` must appear once, but line {lines[(*path, key)]} has it already"
            )
        entries[key] = value_node
        lines[(*path, key)] = line
    return list(entries.items())


def _scalar(node: Node) -> Any:
    try:
        text = str(node.value).encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise _RefusedError(
            node.start_mark.line + 1, "an escaped character must be complete, found half of one"
        ) from None
    try:
        if node.tag == _INTEGER:
            return int(text)
        if node.tag == _FLOAT:
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        raise _RefusedError(node.start_mark.line + 1, f"a number must be shorter, found {len(text)} digits") from None
    if node.tag == _BOOLEAN:
        return text.lower() == "true"
    return None if node.tag == _NULL else text


_SYNTAX = (
    ("found character '\\t'", "tabs must not be used for indentation; use spaces"),
    (
        "mapping values are not allowed",
        "`key: value` cannot stand here; check the indentation, quote text that contains `: `",
    ),
    ("could not find expected ':'", "every line must be `key: value` or `- item`, but this one has no `:`"),
    ("unexpected end of stream", "the quote or bracket that is opened here must be closed"),
    ("expected <block end>", "must have the indentation of the lines that it belongs to"),
    ("did not find expected <document start>", "must be `key: value`, but the text before it has already ended"),
    ("but found another document", "must be a single document; remove the line `---` and what follows"),
    ("expected ',' or", "entries between brackets must be separated by commas and the bracket closed"),
)

_REPORTED_WHERE_IT_BEGINS = ("could not find expected ':'", "unexpected end of stream", "expected ',' or")


def _explain_syntax(error: yaml.MarkedYAMLError) -> tuple[int | None, str]:
    said = f"{error.context or ''} {error.problem or ''}"
    begins_earlier = any(sign in said for sign in _REPORTED_WHERE_IT_BEGINS)
    mark = (error.context_mark if begins_earlier else None) or error.problem_mark or error.context_mark
    line = None if mark is None else mark.line + 1
    for sign, explanation in _SYNTAX:
        if sign in said:
            return line, explanation
    return line, f"must be valid YAML: {error.problem or error.context or 'it cannot be parsed'}"
