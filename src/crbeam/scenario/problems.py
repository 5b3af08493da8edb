"""What is wrong with the data of a scenario or of another document, in words of its file."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from crbeam.errors import InvalidScenario
from crbeam.scenario.fields import CONSEQUENCE, FIELD_PROBLEM, FieldPath, ScenarioPart
from crbeam.scenario.overrides import in_override
from crbeam.scenario.scenario import Scenario
from crbeam.scenario.structure import Section, closest_key, unknown_key_message, unknown_keys, without
from crbeam.scenario.yaml_document import Document
from crbeam.units import describe, suggestion

_MAX_LISTED = 9
_Model = TypeVar("_Model", bound=ScenarioPart)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: the field at fault.
        message: what must hold, what was found, what to do.
        partners: other fields that take part in a contradiction.
    """

    path: FieldPath
    message: str
    partners: tuple[FieldPath, ...] = ()


def validated(document: Document) -> Scenario:
    """The scenario of a document; raises InvalidScenario for the first problem, with the others listed below it."""
    return validated_as(document, Scenario, "a scenario")


def validated_as(document: Document, model: type[_Model], noun: str) -> _Model:
    """The same for a document of another model, which the noun names in messages."""
    problems = [Problem((), f"{noun} must be a mapping, found {describe(document.value)}")]
    if isinstance(document.value, Mapping):
        problems, result = _validate(document.value, model)
        if result is not None and not problems:
            return result
    errors = sorted((located(document, problem) for problem in problems), key=lambda error: error.line or 0)
    first, *others = errors
    if not others:
        raise first
    listed = "".join(f"\n  also {_place(error)}: {error.problem}" for error in others[:_MAX_LISTED])
    more = f"\n  {len(others) - _MAX_LISTED} more" if len(others) > _MAX_LISTED else ""
    raise InvalidScenario(f"{first.problem}{listed}{more}", file=first.file, line=first.line, field=first.field)


def _validate(value: Mapping[str, Any], model: type[_Model]) -> tuple[list[Problem], _Model | None]:
    """Every problem of the data; the instance of the model when the known keys are right."""
    unknown = list(unknown_keys(value, Section(model)))
    problems = [Problem(path, unknown_key_message(path[-1], section)) for path, section in unknown]
    meant = {(*path[:-1], closest_key(path[-1], section)) for path, section in unknown}
    try:
        return problems, model.model_validate(without(value, frozenset(path for path, _ in unknown)))
    except ValidationError as error:
        found = [_explained(detail, model) for detail in error.errors(include_url=False)]
    return problems + [problem for problem in found if problem is not None and problem.path not in meant], None


def _explained(detail: ErrorDetails, model: type[ScenarioPart]) -> Problem | None:
    path: FieldPath = tuple(detail["loc"])
    if detail["type"] == CONSEQUENCE:
        return None
    if detail["type"] == FIELD_PROBLEM:
        context = detail.get("ctx", {})
        own, *others = ((*path, *below) for below in context["paths"])
        return Problem(own, context["problem"], tuple(others))
    return Problem(path, _WORDING.get(detail["type"], _not_valid)(detail, model))


def _missing(detail: ErrorDetails, model: type[ScenarioPart]) -> str:
    path = tuple(detail["loc"])
    description = _description(model, path)
    return f"must be given, found nothing{f'. {description}' if description else ''}"


def _not_an_option(detail: ErrorDetails, model: type[ScenarioPart]) -> str:  # noqa: ARG001
    allowed = re.findall(r"'([^']*)'|(-?\d+)", detail.get("ctx", {}).get("expected", ""))
    options = [text or number for text, number in allowed]
    found = detail["input"]
    close = suggestion(found, options) if isinstance(found, str) else None
    hint = f"; did you mean `{close}`?" if close else ""
    return f"must be {' or '.join(f'`{option}`' for option in options)}, found {describe(found)}{hint}"


def _not_a_section(detail: ErrorDetails, model: type[ScenarioPart]) -> str:
    section = _section(model, tuple(detail["loc"]))
    keys = f" with the keys {', '.join(section.keys)}" if section is not None else ""
    return f"must be a mapping{keys}, found {describe(detail['input'])}"


def _not_valid(detail: ErrorDetails, model: type[ScenarioPart]) -> str:
    return f"is not valid here, found {describe(detail['input'])}. {_description(model, tuple(detail['loc']))}".rstrip()


_WORDING: Mapping[str, Callable[[ErrorDetails, type[ScenarioPart]], str]] = {
    "missing": _missing,
    "literal_error": _not_an_option,
    "model_type": _not_a_section,
    "model_attributes_type": _not_a_section,
    "dict_type": _not_a_section,
}


def _section(model: type[ScenarioPart], path: FieldPath) -> Section | None:
    shape = Section(model)
    for key in path:
        shape = None if shape is None else shape.child(key)
    return shape if isinstance(shape, Section) else None


def _description(model: type[ScenarioPart], path: FieldPath) -> str:
    section = _section(model, path[:-1])
    if section is None:
        return ""
    fields = {field.alias or name: field for name, field in section.model.model_fields.items()}
    return (fields[str(path[-1])].description or "") if path and path[-1] in fields else ""


def located(document: Document, problem: Problem) -> InvalidScenario:
    """The problem with its line, or with the override that caused it."""
    field = ".".join(map(str, problem.path)) or None
    for path in (problem.path, *problem.partners):
        override = document.override_of(path)
        if override is not None:
            return InvalidScenario(in_override(override, problem.message), file=document.file, field=field)
    return InvalidScenario(problem.message, file=document.file, line=document.line_of(problem.path), field=field)


def _place(error: InvalidScenario) -> str:
    parts = (f"line {error.line}" if error.line is not None else "", f"field `{error.field}`" if error.field else "")
    return ", ".join(part for part in parts if part) or "the file"
