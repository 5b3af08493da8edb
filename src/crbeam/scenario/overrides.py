"""Values given beside a scenario file, as `PATH=VALUE`."""

from collections.abc import Mapping, Sequence
from typing import Any

from crbeam.errors import InvalidScenario
from crbeam.scenario.fields import FieldPath
from crbeam.scenario.scenario import Scenario
from crbeam.scenario.structure import Entries, Section, Shape, unknown_key_message
from crbeam.scenario.yaml_document import Document, parse_yaml
from crbeam.units import describe, suggestion


def apply_overrides(document: Document, overrides: Sequence[str]) -> Document:
    """The document with each override applied in turn, before any validation.

    An override is ``PATH=VALUE``: a dotted path with integers as indices of lists, such as
    ``targets.positions.0=[1 m, 2 m]``; the value is YAML. Optional keys may be created, unknown ones are errors.
    Raises InvalidScenario that names the override.
    """
    for override in overrides:
        document = _apply(document, override)
    return document


def in_override(override: str, problem: str) -> str:
    """A problem of an override, which has no line but its own text."""
    return f"in the override `{override}`: {problem}"


def _apply(document: Document, override: str) -> Document:
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise _problem(document, override, (), "must have the form `PATH=VALUE`, such as `targets.count=1`")
    try:
        new = parse_yaml(text, None).value
    except InvalidScenario as error:
        raise _problem(document, override, tuple(keys), error.problem) from None
    return with_value(document, keys, new, override)


def with_value(document: Document, keys: Sequence[str], new: Any, override: str) -> Document:
    """The document with plain data in one place, of which problems will say that the override gave it.

    Raises InvalidScenario that names the override when the keys lead nowhere.
    """
    try:
        value, path = _replaced(document.value, keys, new, Section(Scenario))
    except _UnreachableError as error:
        raise _problem(document, override, error.path, error.problem) from None
    kept = {known: line for known, line in document.lines.items() if known[: len(path)] != path}
    earlier = {known: given for known, given in document.overrides.items() if known[: len(path)] != path}
    return Document(value, document.file, kept, {**earlier, path: override})


class _UnreachableError(Exception):
    """A path that leads nowhere."""

    def __init__(self, path: FieldPath, problem: str):
        super().__init__(problem)
        self.path, self.problem = path, problem


def _replaced(value: Any, keys: Sequence[str], new: Any, shape: Shape, path: FieldPath = ()) -> tuple[Any, FieldPath]:
    """A copy of the data with one part replaced, with the path to it."""
    if not keys:
        return new, path
    key, below = keys[0], keys[1:]
    if isinstance(value, list):
        index = _index(key, len(value), path)
        item, full = _replaced(value[index], below, new, None, (*path, index))
        return [*value[:index], item, *value[index + 1 :]], full
    entries = {} if value is None and shape is not None else value
    if not isinstance(entries, Mapping):
        raise _UnreachableError((*path, key), f"`{'.'.join(map(str, path))}` has no parts, it is {describe(value)}")
    _check_key(key, entries, shape, path, is_last=not below)
    child = None if shape is None else shape.child(key)
    item, full = _replaced(entries.get(key), below, new, child, (*path, key))
    return {**entries, key: item}, full


def _index(key: str, length: int, path: FieldPath) -> int:
    if not (key.isascii() and key.isdigit()) or int(key) >= length:
        raise _UnreachableError((*path, key), f"the index must be a whole number below {length}, found `{key}`")
    return int(key)


def _check_key(key: str, entries: Mapping[str, Any], shape: Shape, path: FieldPath, *, is_last: bool) -> None:
    if isinstance(shape, Section) and key not in shape.keys:
        raise _UnreachableError((*path, key), unknown_key_message(key, shape))
    if isinstance(shape, Entries) and key not in entries and not is_last:
        close = suggestion(key, entries)
        hint = f"; did you mean `{close}`?" if close else ""
        allowed = f"one of {', '.join(entries)}" if entries else "given as a whole, there is none yet"
        raise _UnreachableError((*path, key), f"must be {allowed}; found `{key}`{hint}")


def _problem(document: Document, override: str, path: FieldPath, problem: str) -> InvalidScenario:
    field = ".".join(map(str, path)) or None
    return InvalidScenario(in_override(override, problem), file=document.file, field=field)
