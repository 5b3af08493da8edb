"""Kinds of values that only study files have."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from crbeam.errors import InvalidInput
from crbeam.scenario.fields import Leaf, field_problem
from crbeam.units import describe, suggestion

#: Most values on one axis.
MOST_VALUES = 100_000
_RANGE = "weights of bistatic positioning from 0 to 1: `A:B:N` (N values from A to B), such as `0:1:11`, or a list"


class Weights(Leaf):
    """Weights of bistatic positioning: a list, one number, or `A:B:N`."""

    def parse(self, value: Any) -> tuple[float, ...]:
        """The weights, all different."""
        try:
            weights = _spaced(value) if isinstance(value, str) else [float(item) for item in _as_list(value)]
        except (TypeError, ValueError, OverflowError):
            raise InvalidInput(f"must be {_RANGE}, found {describe(value)}") from None
        if not 1 <= len(weights) <= MOST_VALUES or not all(0.0 <= weight <= 1.0 for weight in weights):
            raise InvalidInput(f"must be {_RANGE}, found {describe(value)}")
        _require_different(weights)
        return tuple(weights)

    def json_schema(self) -> dict[str, Any]:
        """A list of numbers, one number, or a range as text."""
        number = {"type": "number", "minimum": 0.0, "maximum": 1.0}
        text = {"type": "string", "pattern": "^[^:]+:[^:]+:[0-9]+$"}
        return {"anyOf": [number, {"type": "array", "items": number, "minItems": 1}, text], "examples": ["0:1:11"]}


class MethodNames(Leaf):
    """Design methods by name: a list, or one."""

    def parse(self, value: Any) -> tuple[str, ...]:
        """Names in their canonical form, all different."""
        from crbeam.design.methods import method_named

        items = _as_list(value)
        if not items or not all(isinstance(item, str) for item in items):
            raise InvalidInput(f"must be the name of a design method or a list of names, found {describe(value)}")
        names = []
        for index, item in enumerate(items):
            try:
                names.append(method_named(item).name)
            except InvalidInput as error:
                raise field_problem(str(error), (index,) if isinstance(value, list | tuple) else ()) from None
        _require_different(names)
        return tuple(names)

    def json_schema(self) -> dict[str, Any]:
        """A string or a list of strings."""
        text = {"type": "string", "minLength": 1}
        return {"anyOf": [text, {"type": "array", "items": text, "minItems": 1}]}


class AnyValues(Leaf):
    """Values of some scenario field, as a scenario file would have them."""

    def parse(self, value: Any) -> tuple[Any, ...]:
        """The values as they are, all different."""
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= MOST_VALUES:
            raise InvalidInput(
                f"must be a list of 1 to {MOST_VALUES} values such as `[-30 dBm, -20 dBm]`, found {describe(value)}"
            )
        _require_different(value)
        return tuple(value)

    def json_schema(self) -> dict[str, Any]:
        """Any list."""
        return {"type": "array", "minItems": 1}


@dataclass(frozen=True)
class Texts(Leaf):
    """A list of texts; `allowed` says what they stand for."""

    allowed: str

    def parse(self, value: Any) -> tuple[str, ...]:
        """The texts, all different."""
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
            raise InvalidInput(f"must be {self.allowed}, found {describe(value)}")
        _require_different(value)
        return tuple(value)

    def json_schema(self) -> dict[str, Any]:
        """A list of strings."""
        return {"type": "array", "items": {"type": "string", "minLength": 1}}


class Anything(Leaf):
    """A value that is checked where its meaning is known."""

    def parse(self, value: Any) -> Any:
        """The value as it is."""
        return value

    def json_schema(self) -> dict[str, Any]:
        """Anything."""
        return {}


@dataclass(frozen=True)
class Fraction(Leaf):
    """A number strictly between two limits; `meaning` says of what."""

    meaning: str
    above: float
    below: float

    def parse(self, value: Any) -> float:
        """The number."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not self.above < value < self.below:
            raise InvalidInput(
                f"must be a number above {self.above:g} and below {self.below:g} ({self.meaning}), "
                f"found {describe(value)}"
            )
        return float(value)

    def json_schema(self) -> dict[str, Any]:
        """A number between the limits."""
        return {"type": "number", "exclusiveMinimum": self.above, "exclusiveMaximum": self.below}


def canonical_text(value: Any) -> str:
    """JSON text that is the same for equal data, whatever the order of keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def unknown_name(what: str, name: str, known: list[str]) -> str:
    """What is allowed in place of an unknown name."""
    close = suggestion(name, known)
    hint = f"; did you mean `{close}`?" if close else ""
    return f"{what} must be one of {', '.join(known)}; found `{name}`{hint}"


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _spaced(text: str) -> list[float]:
    first, last, count = text.split(":")
    if not 1 <= int(count) <= MOST_VALUES:
        raise ValueError
    return [float(weight) for weight in np.linspace(float(first), float(last), int(count))]


def _require_different(values: Any) -> None:
    seen: set[str] = set()
    for index, value in enumerate(values):
        text = json.dumps(value, sort_keys=True)
        if text in seen:
            raise field_problem(f"must differ from the values before it, found {describe(value)} again", (index,))
        seen.add(text)
