"""Results that are kept with the object that they are made of."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Owner = TypeVar("_Owner")
_Result = TypeVar("_Result")


def built_once(
    build: Callable[Concatenate[_Owner, _Arguments], _Result],
) -> Callable[Concatenate[_Owner, _Arguments], _Result]:
    """A method of a frozen object whose result is built on the first call and kept: one for each set of arguments.

    The arguments must be hashable; what is kept lives as long as the object. Errors are not kept.
    """
    name = build.__qualname__

    @wraps(build)
    def kept(owner: _Owner, /, *arguments: _Arguments.args, **options: _Arguments.kwargs) -> _Result:
        results: dict[Any, _Result] = vars(owner).setdefault("_built", {})
        key = (name, arguments, tuple(sorted(options.items())))
        if key not in results:
            results[key] = build(owner, *arguments, **options)
        return results[key]

    return kept
