"""Checks of annotations that remember what passed: most calls are of a kind that passed before.

Only type, shape and dtype of a value decide whether it passes, and items of collections. A check looks at each item of
a tuple of known length, else at the first of a mapping or a set, and at any one of a sequence. Where it matters which,
and where only some literals are allowed, every call is checked.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import is_dataclass
from functools import cached_property, partial, wraps
from inspect import isclass, signature
from itertools import islice
from threading import local
from types import FunctionType
from typing import get_args, get_origin

import jaxtyping
import numpy as np

#: Number of items up to which a sequence is looked through.
LONGEST = 50
always_checked = jaxtyping.jaxtyped


class Undecided(Exception):
    """Whether a value passes does not follow from its kind."""


def has_items(hint):
    """Whether a check of a hint looks at one item of a collection for all."""
    if isinstance(hint, str):
        return "[" in hint
    origin, parts = get_origin(hint), get_args(hint)
    is_collection = isclass(origin) and issubclass(origin, Iterable) and origin is not tuple
    return is_collection or Ellipsis in parts or any(map(has_items, parts))


def kind(value, items):
    """What of a value decides whether it passes; `items` where checks look at one item of collections."""
    own = type(value)
    if isinstance(value, np.ndarray):
        return own, value.dtype, value.shape
    if isinstance(value, type):
        return value
    if own is tuple and not items:
        return own, *[kind(each, items) for each in value]
    if own is str or not items or not isinstance(value, Collection):
        return own
    if isinstance(value, Sequence):
        return own, *same_kinds(value)
    if not isinstance(value, Mapping | Set):
        raise Undecided
    first = islice(value.items() if isinstance(value, Mapping) else value, 1)
    return own, *[kind(each, items) for each in first]


def same_kinds(sequence):
    """Kinds of all items, which must be the same."""
    kinds = [kind(each, True) for each in sequence[: LONGEST + 1]]
    if len(kinds) > LONGEST or any(each != kinds[0] for each in kinds):
        raise Undecided
    return kinds


class Pending(local):
    """What functions under check have still to do, the last first, in each thread."""

    def __init__(self):
        self.calls = []


class Checks:
    """Checks of a function, made when first needed, and for each kind of arguments the kinds of results that passed."""

    def __init__(self, function, typechecker):
        self.function, self.typechecker = function, typechecker
        hints = function.__annotations__
        self.is_decided = "Literal[" not in str(hints)
        self.items = any(map(has_items, hints.values()))
        # What has no annotation at the beginning is the object or the class of a method.
        self.first = int(next(iter(signature(function).parameters), "return") not in {"return", *hints})
        self.passed, self.pending = {}, Pending()

    def kind_of(self, values, named):
        """What decides whether values pass, or None."""
        try:
            found = [kind(value, self.items) for value in values]
            if named:
                found += [(name, kind(value, self.items)) for name, value in named.items()]
        except Undecided:
            return None
        return tuple(found) if self.is_decided else None

    @cached_property
    def checked(self):
        """The last call that is pending, with checks of its arguments and its result."""
        pending, place = self.pending, self.function.__globals__

        def call(*args, **kwargs):
            return pending.calls.pop()(*args, **kwargs)

        named = wraps(self.function)(FunctionType(call.__code__, place, closure=call.__closure__))
        return always_checked(named, typechecker=self.typechecker)

    def call(self, function, args, kwargs):
        """Call a function, with checks."""
        calls = self.pending.calls
        before = len(calls)
        calls.append(function)
        try:
            return self.checked(*args, **kwargs)
        finally:
            del calls[before:]


#: Checks of every function by its place: functions within functions are made again and again.
CHECKS: dict[tuple, Checks] = {}


def remembering(function, typechecker):
    """The function with its checks, which remember."""
    place = function.__module__, function.__qualname__, function.__code__.co_firstlineno
    if place not in CHECKS:
        CHECKS[place] = Checks(function, typechecker)
    checks = CHECKS[place]

    @wraps(function)
    def checked(*args, **kwargs):
        given = checks.kind_of(args[checks.first :], kwargs)
        results = checks.passed.get(given)
        if results is None:
            result = checks.call(function, args, kwargs)
            if given is not None:
                checks.passed[given] = {checks.kind_of((result,), {})}
            return result
        result = function(*args, **kwargs)
        returned = checks.kind_of((result,), {})
        if returned is None or returned not in results:
            checks.call(lambda *_, **__: result, args, kwargs)
            results.add(returned)
        return result

    return checked


def jaxtyped(target=None, *, typechecker):
    """In place of `jaxtyping.jaxtyped`, with which its import hook decorates functions and classes."""
    if target is None:
        return partial(jaxtyped, typechecker=typechecker)
    if not isclass(target):
        return remembering(target, typechecker)
    if is_dataclass(target) and "__init__" in vars(target):
        target.__init__ = remembering(target.__init__, typechecker)
    return target


def install(modules):
    """Check all functions and dataclasses of modules that are imported from now on."""
    jaxtyping.jaxtyped = jaxtyped
    jaxtyping.install_import_hook(modules, "beartype.beartype")
