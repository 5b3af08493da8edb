"""The keys that a scenario file may have, derived from the models."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from crbeam.scenario.fields import FieldPath, ScenarioPart
from crbeam.units import suggestion


@dataclass(frozen=True)
class Section:
    """A mapping with a fixed set of keys, those of a model."""

    model: type[ScenarioPart]

    @property
    def keys(self) -> list[str]:
        """Keys as files write them."""
        return [field.alias or name for name, field in self.model.model_fields.items()]

    def child(self, key: str | int) -> "Shape":
        """What a key holds; None for a leaf or an unknown key."""
        for name, field in self.model.model_fields.items():
            if key == (field.alias or name):
                return _shape(field.annotation)
        return None


@dataclass(frozen=True)
class Entries:
    """A mapping with names of the author's choice, all of one shape."""

    entry: "Shape"

    def child(self, key: str | int) -> "Shape":
        """What the name `key` holds: the same for every name."""
        del key
        return self.entry


Shape = Section | Entries | None


def unknown_keys(value: Any, shape: Shape, path: FieldPath = ()) -> Iterator[tuple[FieldPath, Section]]:
    """Paths of keys that no model has, with the section that they are in."""
    if shape is None or not isinstance(value, Mapping):
        return
    for key, item in value.items():
        if isinstance(shape, Section) and key not in shape.keys:
            yield (*path, key), shape
        else:
            yield from unknown_keys(item, shape.child(key), (*path, key))


def without(value: Any, paths: frozenset[FieldPath], path: FieldPath = ()) -> Any:
    """A copy of the data without the entries at these paths."""
    if not isinstance(value, Mapping):
        return value
    return {key: without(item, paths, (*path, key)) for key, item in value.items() if (*path, key) not in paths}


def unknown_key_message(key: str | int, section: Section) -> str:
    """What is allowed in place of an unknown key."""
    close = closest_key(key, section)
    hint = f"; did you mean `{close}`?" if close else ""
    return f"must be one of {', '.join(section.keys)}; found the unknown key `{key}`{hint}"


def closest_key(key: str | int, section: Section) -> str | None:
    """The key that a misspelt one may stand for."""
    return suggestion(str(key), section.keys)


def _shape(annotation: Any) -> Shape:
    """Shape of the values of an annotation: leaves are None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _shape(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return next((_shape(option) for option in get_args(annotation) if option is not NoneType), None)
    if origin is dict:
        return Entries(_shape(get_args(annotation)[1]))
    if isinstance(annotation, type) and issubclass(annotation, ScenarioPart):
        return Section(annotation)
    return None
