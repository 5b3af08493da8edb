"""Names of real parameters in a Fisher matrix."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput

#: Information about one component, relative to the most about a component of the same parameter, that is rounding.
ROUNDING_SHARE = 1e-18

_NAME = re.compile(r"^(?:[A-Za-z_]\w*/)?[A-Za-z_]\w*(?:\[\d+\])?$")


@dataclass(frozen=True)
class ParameterLayout:
    """Ordered parameter names, each with its number of real components.

    A name is a word, with an index from 0 if there are several (`target_position[0]`). A word with a link in front
    (`bistatic/gain[2]`) belongs to that link alone; a bare word is shared by all maps that use it.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.sizes):
            raise InvalidInput(f"`names` and `sizes` must have one length, found {len(self.names)}, {len(self.sizes)}.")
        if len(set(self.names)) != len(self.names):
            repeated = sorted({name for name in self.names if self.names.count(name) > 1})
            raise InvalidInput(f"Parameter names must differ, but {', '.join(repeated)} occurs more than once.")
        for name, size in zip(self.names, self.sizes, strict=True):
            if not _NAME.match(name) or size < 1:
                raise InvalidInput(
                    f"A parameter must be named like `user_position`, `target_position[0]` or `bistatic/gain[2]` and "
                    f"have at least one component, found `{name}` with {size}."
                )

    @classmethod
    def of(cls, sizes: Mapping[str, int]) -> "ParameterLayout":
        """Layout from a mapping of name to number of components, in its order."""
        return cls(tuple(sizes), tuple(sizes.values()))

    @cached_property
    def _slices(self) -> dict[str, slice]:
        slices, start = {}, 0
        for name, size in zip(self.names, self.sizes, strict=True):
            slices[name] = slice(start, start + size)
            start += size
        return slices

    @property
    def size(self) -> int:
        """Total number of real components."""
        return sum(self.sizes)

    def scales(self, diagonals: Float[np.ndarray, "*batch parameter"]) -> Float[np.ndarray, "*batch parameter"]:
        """Factor d of each component that gives `diag(d) I diag(d)` a unit diagonal, from the diagonal of I.

        A diagonal entry of rounding size beside the others of its parameter (a position seen from one side only) is
        not scaled up: it would pass for information. A component without information gets the factor of its parameter,
        or 1.
        """
        starts = [self._slices[name].start for name in self.names]
        largest = np.repeat(np.maximum.reduceat(diagonals, starts, axis=-1), self.sizes, axis=-1)
        size = np.maximum(diagonals, ROUNDING_SHARE * largest)
        return 1.0 / np.sqrt(np.where(size > 0.0, size, 1.0))

    def __getitem__(self, name: str) -> slice:
        try:
            return self._slices[name]
        except KeyError:
            raise InvalidInput(f"There is no parameter `{name}`; there are {', '.join(self.names)}.") from None

    def __contains__(self, name: object) -> bool:
        return name in self._slices

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def require(self, names: Iterable[str]) -> None:
        """Refuse an empty list of names, one that repeats a name, and unknown names."""
        listed = list(names)
        if not listed or len(set(listed)) < len(listed):
            raise InvalidInput(f"Names of parameters must be given, each once, found {', '.join(listed) or 'none'}.")
        self.indices(listed)

    def indices(self, names: Iterable[str]) -> list[int]:
        """Component indices of the given names, in the order given."""
        return [index for name in names for index in range(self[name].start, self[name].stop)]

    def family(self, word: str) -> tuple[str, ...]:
        """All indexed names of a word, in layout order: `target_position` gives `target_position[0]`, ..."""
        return tuple(name for name in self.names if name == word or name.startswith(word + "["))

    def select(self, names: Iterable[str]) -> "ParameterLayout":
        """Layout of the given names only, in the order given."""
        return ParameterLayout.of({name: self[name].stop - self[name].start for name in names})

    def union(self, other: "ParameterLayout") -> "ParameterLayout":
        """All names of both; a name in both must have one size."""
        sizes = dict(zip(self.names, self.sizes, strict=True))
        for name, size in zip(other.names, other.sizes, strict=True):
            if sizes.setdefault(name, size) != size:
                raise InvalidInput(f"Parameter `{name}` must have one size everywhere, found {sizes[name]} and {size}.")
        return ParameterLayout.of(sizes)

    def renamed(self, new_names: Mapping[str, str]) -> "ParameterLayout":
        """Layout with some names replaced; every key must exist."""
        for name in new_names:
            _ = self[name]
        return ParameterLayout(tuple(new_names.get(name, name) for name in self.names), self.sizes)
