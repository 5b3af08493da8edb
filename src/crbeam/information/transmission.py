"""What is transmitted: a covariance for each block."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex

from crbeam.errors import InvalidInput

#: Covariances `[tx, tx]` by block, as arguments: a `Transmission`, or any other mapping.
Covariances = Mapping[str, Complex[np.ndarray, "_ _"]]


@dataclass(frozen=True, eq=False)
class Transmission(Mapping[str, np.ndarray]):
    """Transmit covariance `[tx, tx]` of each block, by its name, in watt per subcarrier summed over slots.

    A mapping; blocks may have different numbers of antennas, because stations do. Transmissions of the same blocks can
    be added and subtracted, and multiplied by numbers.

    Attributes:
        matrices: the covariances by block, in the order of the blocks.
    """

    matrices: Covariances

    #: NumPy's numbers leave products with a transmission to it.
    __array_ufunc__ = None

    @classmethod
    def of_factors(cls, blocks: Sequence[str], factors: Sequence[Complex[np.ndarray, "_ _"]]) -> "Transmission":
        """`R_b = F_b F_b^H` for beams F `[tx, beam]` of each block."""
        return cls({block: each @ each.conj().T for block, each in zip(blocks, factors, strict=True)})

    @classmethod
    def sum_of(cls, parts: Iterable["Transmission"]) -> "Transmission":
        """Sum of at least one transmission."""
        first, *others = parts
        return sum(others, first)

    @classmethod
    def silent(cls, antennas: Mapping[str, int]) -> "Transmission":
        """Zero in blocks of given numbers of antennas."""
        return cls({block: np.zeros((size, size), dtype=complex) for block, size in antennas.items()})

    def __getitem__(self, block: str) -> Complex[np.ndarray, "_ _"]:
        return self.matrices[block]

    def __iter__(self) -> Iterator[str]:
        return iter(self.matrices)

    def __len__(self) -> int:
        return len(self.matrices)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    @property
    def antennas(self) -> dict[str, int]:
        """Number of antennas of each block."""
        return {block: matrix.shape[0] for block, matrix in self.items()}

    @property
    def powers_w(self) -> dict[str, float]:
        """Power `tr R_b` of each block."""
        return {block: float(np.trace(matrix).real) for block, matrix in self.items()}

    @property
    def power_w(self) -> float:
        """Power of all blocks together."""
        return sum(self.powers_w.values(), 0.0)

    def only(self, blocks: Iterable[str]) -> "Transmission":
        """The named blocks, in the order given.

        Raises:
            InvalidInput: it has no such block.
        """
        names = list(blocks)
        strange = [block for block in names if block not in self]
        if strange:
            raise InvalidInput(f"Blocks must be among {', '.join(self) or 'none'}, found {', '.join(strange)}.")
        return Transmission({block: self[block] for block in names})

    def replaced(self, covariances: Covariances) -> "Transmission":
        """The same with other covariances in some of its blocks.

        Raises:
            InvalidInput: it has no such block.
        """
        strange = [block for block in covariances if block not in self]
        if strange:
            raise InvalidInput(f"Blocks must be among {', '.join(self)}, found {', '.join(strange)}.")
        return Transmission({block: covariances.get(block, matrix) for block, matrix in self.items()})

    def __add__(self, other: Covariances) -> "Transmission":
        return self._with(other, np.add)

    def __sub__(self, other: Covariances) -> "Transmission":
        return self._with(other, np.subtract)

    def __mul__(self, factor: float) -> "Transmission":
        return Transmission({block: factor * matrix for block, matrix in self.items()})

    __rmul__ = __mul__

    def _with(self, other: Covariances, combine: Callable[..., np.ndarray]) -> "Transmission":
        if self.keys() != other.keys():
            raise InvalidInput(
                f"Transmissions must have the same blocks to be added, found {', '.join(self) or 'none'} and "
                f"{', '.join(other) or 'none'}."
            )
        require_blocks(self.antennas, other)
        return Transmission({block: combine(matrix, other[block]) for block, matrix in self.items()})


def require_blocks(antennas: Mapping[str, int], covariances: Covariances) -> None:
    """Refuse a transmission that lacks a block, or has one of another size.

    Raises:
        InvalidInput: with the block.
    """
    for block, size in antennas.items():
        found = covariances[block].shape if block in covariances else None
        if found != (size, size):
            raise InvalidInput(
                f"A transmission must have a covariance of shape {(size, size)} for block `{block}`, "
                f"found {'none' if found is None else f'one of shape {found}'}."
            )


def joint_antennas(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Number of antennas of every block that occurs, in the order of their first occurrence.

    Raises:
        InvalidInput: a block has different numbers of antennas.
    """
    found: dict[str, int] = {}
    for block, size in (item for each in parts for item in each.items()):
        if found.setdefault(block, size) != size:
            raise InvalidInput(
                f"A block must have one number of transmit antennas, but `{block}` has {found[block]} and {size}; give "
                f"transmissions of different arrays different names."
            )
    return found
