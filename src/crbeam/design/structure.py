"""Which design problems have one structure, and what their information maps are made of, side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.problem import Criterion, DesignProblem
from crbeam.linalg import side_by_side

#: Bytes of transmit vectors or covariances, and number of problems, that are worked on together.
CHUNK_BYTES = 16_000_000
CHUNK_ITEMS = 256


@dataclass(frozen=True, eq=False)
class Observation:
    """One contribution to the map of one criterion, of each item.

    Attributes:
        criterion: its number.
        block: number of the active block that it sees.
        columns: transmit vector of each term, by its number, ascending.
        weight: `O o (Z^H Q Z)`.
        jacobian: J.
    """

    criterion: int
    block: int
    columns: tuple[int, ...]
    weight: Complex[np.ndarray, "item term term"]
    jacobian: Float[np.ndarray, "item term parameter"]


@dataclass(frozen=True, eq=False)
class Structure:
    """Problems that differ in numbers only.

    Attributes:
        problems: in their order.
        columns: distinct transmit vectors of each active block (one that some information sees).
        observations: of all criteria, in their order.
        constants: I0 of each criterion.
        active_blocks: place in a problem of each active block.
        active_budgets: place in a problem of each budget of these blocks.
        budgets: number among these of the budget of each active block.
        powers_w: power of each active budget, watt per subcarrier summed over slots.
    """

    problems: tuple[DesignProblem, ...]
    columns: tuple[Complex[np.ndarray, "item _ _"], ...]
    observations: tuple[Observation, ...]
    constants: tuple[Float[np.ndarray, "item _ _"], ...]
    active_blocks: tuple[int, ...]
    active_budgets: tuple[int, ...]
    budgets: tuple[int, ...]
    powers_w: Float[np.ndarray, "item budget"]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the active blocks."""
        return tuple(self.problems[0].blocks[place] for place in self.active_blocks)

    def words(self, block: str) -> Complex[np.ndarray, "item tx word"] | None:
        """Unit codewords of a block; None without a codebook."""
        if block not in self.problems[0].codebooks:
            return None
        return side_by_side([problem.codebooks[block].unit_codewords for problem in self.problems])

    def criteria(self, number: int) -> list[Criterion]:
        """One criterion of each item."""
        return [problem.active_criteria[number] for problem in self.problems]


@dataclass(frozen=True, eq=False)
class _Looks:
    """Transmit vectors of one problem: bytes of the distinct ones of each block, and which of them each term has."""

    vectors: dict[str, dict[bytes, int]]
    columns: tuple[tuple[int, ...], ...]

    def matrix(self, block: str) -> Complex[np.ndarray, "tx column"]:
        """The distinct vectors of a block."""
        keys = self.vectors[block]
        return np.frombuffer(b"".join(keys), dtype=complex).reshape(len(keys), -1).T


def structures(problems: Sequence[DesignProblem]) -> Iterator[tuple[list[int], Structure]]:
    """The structures that occur among problems, with the indices of those that have them."""
    looks = [_looks(problem) for problem in problems]
    groups: dict[tuple, list[int]] = {}
    for index, (problem, look) in enumerate(zip(problems, looks, strict=True)):
        groups.setdefault(_signature(problem, look), []).append(index)
    for members in groups.values():
        first = problems[members[0]]
        largest = max(first.antennas.values())
        width = max(sum(len(columns) for columns in looks[members[0]].columns), largest)
        size = int(np.clip(CHUNK_BYTES // (16 * largest * max(width, 1)), 1, CHUNK_ITEMS))
        for start in range(0, len(members), size):
            chunk = members[start : start + size]
            yield chunk, _structure([problems[index] for index in chunk], [looks[index] for index in chunk])


def _looks(problem: DesignProblem) -> _Looks:
    vectors: dict[str, dict[bytes, int]] = {block: {} for block in problem.blocks}
    columns = []
    for criterion in problem.active_criteria:
        for part, keys in zip(criterion.map.contributions, criterion.map.transmit_keys, strict=True):
            known = vectors[part.block]
            columns.append(tuple(known.setdefault(key, len(known)) for key in keys))
    return _Looks({block: known for block, known in vectors.items() if known}, tuple(columns))


def _signature(problem: DesignProblem, looks: _Looks) -> tuple:
    """Everything but the numbers of a problem."""
    maps = []
    for criterion in problem.active_criteria:
        layout = criterion.map.layout
        parts = tuple(part.block for part in criterion.map.contributions)
        maps.append((layout.names, layout.sizes, criterion.requested, parts, bool(criterion.map.constant.any())))
    words = tuple((block, codebook.codewords.shape[1]) for block, codebook in problem.codebooks.items())
    budgets = tuple(budget.blocks for budget in problem.budgets)
    return tuple(problem.antennas.items()), budgets, words, tuple(maps), looks.columns, type(problem.objective)


def _structure(problems: list[DesignProblem], looks: list[_Looks]) -> Structure:
    first = problems[0]
    owner = {name: place for place, budget in enumerate(first.budgets) for name in budget.blocks}
    names = tuple(looks[0].vectors)
    budgets = sorted({owner[name] for name in names})
    powers = [[problem.budgets[place].power_per_subcarrier_w for place in budgets] for problem in problems]
    parts = [
        [part for criterion in problem.active_criteria for part in criterion.map.contributions] for problem in problems
    ]
    owners = [number for number, each in enumerate(first.active_criteria) for _ in each.map.contributions]
    observations = []
    for same, criterion, columns in zip(zip(*parts, strict=True), owners, looks[0].columns, strict=True):
        order = np.argsort(columns, kind="stable")
        observations.append(
            Observation(
                criterion,
                names.index(same[0].block),
                tuple(np.asarray(columns)[order].tolist()),
                side_by_side([part.weight for part in same])[:, order[:, None], order],
                side_by_side([part.jacobian for part in same])[:, order],
            )
        )
    return Structure(
        tuple(problems),
        tuple(side_by_side([look.matrix(name) for look in looks]) for name in names),
        tuple(observations),
        tuple(
            side_by_side([problem.active_criteria[number].map.constant for problem in problems])
            for number in range(len(first.active_criteria))
        ),
        tuple(first.blocks.index(name) for name in names),
        tuple(budgets),
        tuple(budgets.index(owner[name]) for name in names),
        np.array(powers),
    )
