"""Kinds of leaf values that a scenario file may contain.

Each kind turns what a file (or a Python call) gives into a checked SI value, describes itself in the JSON schema, words
its own complaint: what must hold, what was found. A complaint may point below or beside the field that it is about.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from crbeam.errors import InvalidInput
from crbeam.units import DIMENSIONS, NUMBER_PATTERN, describe, format_quantity, parse_quantity

FIELD_PROBLEM = "field_problem"
CONSEQUENCE = "consequence"
FieldPath = tuple[str | int, ...]

_UNIT_SUFFIX = re.compile(r"_(hz|m|m2|s|mps|rad|w|w_per_hz|wavelengths)$")
_NAME_PATTERN = "[A-Za-z][A-Za-z0-9_]*"
#: JSON schema of the names of stations and links, which also are parts of parameter names.
NAMES_SCHEMA: dict[str, Any] = {"pattern": f"^{_NAME_PATTERN}$"}


def field_problem(problem: str, *paths: FieldPath) -> PydanticCustomError:
    """An error of one field, relative to the model that raises it.

    Arguments:
        problem: what must hold, what was found, what to do.
        paths: the field at fault, then other fields that take part in the contradiction.
    """
    return PydanticCustomError(FIELD_PROBLEM, "{problem}", {"problem": problem, "paths": paths or ((),)})


def consequence() -> PydanticCustomError:
    """An error that only follows from another one, which is reported in its place."""
    return PydanticCustomError(CONSEQUENCE, "not checked, because another field is wrong")


def file_key(attribute: str) -> str:
    """Name of an attribute in a scenario file: the attribute without its unit."""
    return _UNIT_SUFFIX.sub("", attribute)


class ScenarioPart(BaseModel):
    """A section of a scenario: immutable, without unknown keys, with units in attribute names only."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, alias_generator=file_key)


class Leaf(ABC):
    """A kind of value: how it is read, how it is described to an editor."""

    @abstractmethod
    def parse(self, value: Any) -> Any:
        """The checked value; raises InvalidInput or a field problem."""

    @abstractmethod
    def json_schema(self) -> dict[str, Any]:
        """JSON schema of what a file may contain."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validation by `parse` alone."""
        return core_schema.no_info_plain_validator_function(self._parse_plain)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The kind's own description."""
        return self.json_schema()

    def _parse_plain(self, value: Any) -> Any:
        plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        try:
            return self.parse(plain)
        except InvalidInput as error:
            raise field_problem(str(error)) from None


@dataclass(frozen=True)
class Quantity(Leaf):
    """A quantity with a unit, or a plain number in SI, within physical limits.

    Attributes:
        dimension: a key of crbeam.units.DIMENSIONS.
        minimum: least value, in SI.
        maximum: largest value, in SI.
        unit: unit in which the limits are stated; by default one that suits their size.
        hint: what to do about a value beyond the limits.
    """

    dimension: str
    minimum: float
    maximum: float
    unit: str | None = None
    hint: str = ""

    def parse(self, value: Any) -> float:
        """SI value within the limits."""
        quantity = parse_quantity(value, self.dimension)
        if not self.minimum <= quantity <= self.maximum:
            kind = DIMENSIONS[self.dimension].described
            raise InvalidInput(f"must be {kind} from {self.limits}{self.hint}, found {describe(value)}")
        return quantity

    @property
    def limits(self) -> str:
        """The limits in words, such as `-150 dBm to 120 dBm`."""
        low, high = (format_quantity(limit, self.dimension, unit=self.unit) for limit in (self.minimum, self.maximum))
        return re.sub(r"e\+0?", "e", f"{low} to {high}")

    def json_schema(self) -> dict[str, Any]:
        """A number in SI, or text with a unit of the dimension."""
        kind = DIMENSIONS[self.dimension]
        symbols = "|".join(re.escape(symbol) for symbol in (*kind.units, *kind.spellings))
        optional = "" if kind.si_unit else "?"
        number = {"type": "number", "minimum": self.minimum, "maximum": self.maximum}
        text = {"type": "string", "pattern": rf"^\s*{NUMBER_PATTERN}\s*({symbols}){optional}\s*$"}
        return {"anyOf": [number, text], "examples": list(kind.examples)}


@dataclass(frozen=True)
class Pair(Leaf):
    """A vector of the plane: two quantities; `allowed` says in words what."""

    coordinate: Quantity
    allowed: str

    def parse(self, value: Any) -> tuple[float, float]:
        """Coordinates x, y in SI units."""
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise InvalidInput(f"must be {self.allowed}, found {describe(value)}")
        x, y = parse_each(value, self.coordinate.parse)
        return x, y

    def json_schema(self) -> dict[str, Any]:
        """Exactly two quantities."""
        return {"type": "array", "items": self.coordinate.json_schema(), "minItems": 2, "maxItems": 2}


@dataclass(frozen=True)
class Position(Pair):
    """A point of the plane: two lengths."""

    coordinate: Quantity = Quantity("length", -1e8, 1e8)
    allowed: str = "two lengths such as `[10 m, -5 m]`"

    def json_schema(self) -> dict[str, Any]:
        """Exactly two lengths."""
        return {**super().json_schema(), "examples": [["10 m", "-5 m"]]}


@dataclass(frozen=True)
class ListOf(Leaf):
    """A list whose items are all of one kind.

    Attributes:
        item: kind of the items.
        allowed: the list in words, for the message.
        minimum: least number of items.
        maximum: largest number of items.
        or_single: whether one value may stand for all.
    """

    item: Leaf
    allowed: str
    minimum: int
    maximum: int
    or_single: bool = False

    def parse(self, value: Any) -> Any:
        """Tuple of parsed items, or one parsed item."""
        if isinstance(value, list | tuple) and self.minimum <= len(value) <= self.maximum:
            return parse_each(value, self.item.parse)
        if isinstance(value, list | tuple) and len(value) > self.maximum:
            raise InvalidInput(f"must be a list of at most {self.maximum}, found {describe(value)}")
        if self.or_single and not isinstance(value, list | tuple | dict) and value is not None:
            return self.item.parse(value)
        raise InvalidInput(f"must be {self.allowed}, found {describe(value)}")

    def json_schema(self) -> dict[str, Any]:
        """An array of the items, or one item where that is allowed."""
        item = self.item.json_schema()
        array = {"type": "array", "items": item, "minItems": self.minimum, "maxItems": self.maximum}
        return {"anyOf": [item, array]} if self.or_single else array


@dataclass(frozen=True)
class Whole(Leaf):
    """A whole number within limits."""

    minimum: int
    maximum: int

    def parse(self, value: Any) -> int:
        """The integer; a float is accepted when it is whole, as `1e3` is."""
        number = int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53 else value
        if isinstance(number, int) and not isinstance(number, bool) and self.minimum <= number <= self.maximum:
            return number
        raise InvalidInput(f"must be {self._allowed()}, found {describe(value)}")

    def json_schema(self) -> dict[str, Any]:
        """An integer within the limits."""
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}

    def _allowed(self) -> str:
        return f"a whole number from {self.minimum} to {self.maximum}"


@dataclass(frozen=True)
class PositiveNumber(Leaf):
    """A number above zero without a unit, within limits; `meaning` says of what."""

    meaning: str
    minimum: float
    maximum: float

    def parse(self, value: Any) -> float:
        """The number."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not self.minimum <= value <= self.maximum:
            raise InvalidInput(f"must be a number from {self.limits} ({self.meaning}), found {describe(value)}")
        return float(value)

    @property
    def limits(self) -> str:
        """The limits in words."""
        return f"{self.minimum:g} to {self.maximum:g}"

    def json_schema(self) -> dict[str, Any]:
        """A number within the limits."""
        return {"type": "number", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True)
class Text(Leaf):
    """Text; `allowed` says what it stands for."""

    allowed: str
    may_be_empty: bool = False

    def parse(self, value: Any) -> str:
        """The text."""
        if not isinstance(value, str) or not (value.strip() or self.may_be_empty):
            raise InvalidInput(f"must be {self.allowed}, found {describe(value)}; put text in quotes")
        return value

    def json_schema(self) -> dict[str, Any]:
        """A string."""
        return {"type": "string"} if self.may_be_empty else {"type": "string", "minLength": 1}


def parse_below(path: FieldPath, value: Any, parse: Callable[[Any], Any]) -> Any:
    """The parsed value; a problem is reported at the path below the field in question."""
    try:
        return parse(value)
    except InvalidInput as error:
        raise field_problem(str(error), path) from None
    except PydanticCustomError as error:
        below = (error.context or {})["paths"]
        raise field_problem(error.message(), *((*path, *place) for place in below)) from None


def parse_each(values: Sequence[Any], parse: Callable[[Any], Any]) -> tuple[Any, ...]:
    """Every item parsed; a problem is reported at the item's index."""
    return tuple(parse_below((index,), value, parse) for index, value in enumerate(values))


def check_names(entries: Any, *, allowed: str, reserved: str = "") -> Any:
    """A mapping with at least one entry whose keys are names; returns it unchanged."""
    if not isinstance(entries, dict) or not entries:
        raise field_problem(f"must be {allowed}, found {describe(entries)}")
    for name in entries:
        if not isinstance(name, str) or not re.fullmatch(_NAME_PATTERN, name):
            raise field_problem(
                "a name must begin with a letter and have only letters (a to z, A to Z), digits and `_`, "
                f"found {describe(name)}",
                (name,),
            )
        if name == reserved:
            raise field_problem(f"the name `{name}` has a meaning of its own here; choose another one", (name,))
    return entries
