"""The scenario fields that a study may vary, by dotted path."""

from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from crbeam.errors import InvalidInput
from crbeam.scenario import Scenario
from crbeam.scenario.fields import Leaf, ListOf, Pair, PositiveNumber, Quantity, Whole
from crbeam.scenario.structure import Section, Shape
from crbeam.units import DIMENSIONS, describe


def field_kind(path: str) -> Leaf | None:
    """Kind of the values at a dotted path such as `stations.bs.total_power`; None if it has no kind of its own."""
    field, below = _field(path)
    kind = None if field is None else _kind_of(field)
    for key in below:
        kind = kind.item if isinstance(kind, ListOf) and key.isascii() and key.isdigit() else None
    return kind


def require_possible(path: str, value: Any) -> None:
    """Raise what makes a value impossible for a scenario field, whatever else the scenario says.

    Raises:
        InvalidInput: the value is none of those that the field may have.
        PydanticCustomError: the same, of one part of the value.
    """
    kind, (field, _) = field_kind(path), _field(path)
    if kind is not None and value is not None:
        kind.parse(value)
    options = () if field is None or get_origin(field.annotation) is not Literal else get_args(field.annotation)
    if options and value not in options:
        raise InvalidInput(f"must be {' or '.join(f'`{option}`' for option in options)}, found {describe(value)}")


def _field(path: str) -> tuple[FieldInfo | None, list[str]]:
    """The field of a model that a path leads to, and what of the path is left below it."""
    shape: Shape = Section(Scenario)
    field, keys = None, path.split(".")
    for place, key in enumerate(keys):
        if shape is None:
            return field, keys[place:]
        field = _field_in(shape, key) if isinstance(shape, Section) else None
        shape = shape.child(key)
    return field, []


def _field_in(section: Section, key: str) -> FieldInfo | None:
    fields = section.model.model_fields.items()
    return next((field for name, field in fields if key == (field.alias or name)), None)


def _kind_of(field: FieldInfo) -> Leaf | None:
    options = [
        field.metadata,
        *(get_args(part) for part in get_args(field.annotation) if get_origin(part) is Annotated),
    ]
    return next((part for option in options for part in option if isinstance(part, Leaf)), None)


def unit_of_kind(kind: Leaf | None) -> str | None:
    """SI unit of a kind of numbers, `1` for one without; None if its values are not numbers."""
    if isinstance(kind, Quantity):
        return DIMENSIONS[kind.dimension].si_unit or "1"
    return "1" if isinstance(kind, PositiveNumber | Whole) else None


def as_number(kind: Leaf | None, value: Any) -> float | int | None:
    """SI value of what a file gives for a field of numbers; None for any other field or value."""
    if kind is None or unit_of_kind(kind) is None:
        return None
    try:
        return kind.parse(value)
    except InvalidInput:
        return None


def item_kind(kind: Leaf | None) -> Quantity | PositiveNumber | Whole | Pair | None:
    """Kind of one value that can be drawn at random: of the field, or of each item of a list."""
    single = kind.item if isinstance(kind, ListOf) else kind
    return single if isinstance(single, Quantity | PositiveNumber | Whole | Pair) else None
