"""Which design problems have one structure, and so can be worked on side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.problem import DesignProblem
from crbeam.linalg import side_by_side

#: Bytes of transmit vectors, and number of problems, that are worked on together.
CHUNK_BYTES = 16_000_000
CHUNK_ITEMS = 256


@dataclass(frozen=True, eq=False)
class Structure:
    """Problems that differ in numbers only.

    Attributes:
        problems: in their order.
        columns: distinct transmit vectors of each active block (one that some information sees), `[item, tx, column]`.
        blocks: number of columns, number of codewords (0 without a codebook) and place of the power budget of each
            active block.
        terms: criterion, active block and column of each term, for each contribution.
        constants: I0 of each criterion, `[item, parameter, parameter]`.
        active_blocks: index in a problem of each active block.
        active_budgets: index in a problem of each budget of these blocks.
        powers_w: power of each of these budgets, `[item, budget]`, watt per subcarrier summed over slots.
        has_constant: whether some constant is not zero.
    """

    problems: tuple[DesignProblem, ...]
    columns: tuple[np.ndarray, ...]
    blocks: tuple[tuple[int, int, int], ...]
    terms: tuple[tuple[int, int, tuple[int, ...]], ...]
    constants: tuple[np.ndarray, ...]
    active_blocks: tuple[int, ...]
    active_budgets: tuple[int, ...]
    powers_w: np.ndarray
    has_constant: bool

    def one(self, item: int) -> "Structure":
        """One of the problems alone."""
        only = slice(item, item + 1)
        return replace(
            self,
            problems=self.problems[only],
            columns=tuple(columns[only] for columns in self.columns),
            constants=tuple(constant[only] for constant in self.constants),
            powers_w=self.powers_w[only],
        )


def structures(problems: Sequence[DesignProblem]) -> Iterator[tuple[list[int], Structure]]:
    """The structures that occur among problems, with the indices of those that have them."""
    groups: dict[tuple, list[int]] = {}
    for index, problem in enumerate(problems):
        groups.setdefault(_signature(problem), []).append(index)
    for members in groups.values():
        first = problems[members[0]]
        n_terms = sum(part.transmit.shape[1] for each in first.active_criteria for part in each.map.contributions)
        largest = max(first.antennas.values())
        size = int(np.clip(CHUNK_BYTES // (16 * largest * max(n_terms, 1)), 1, CHUNK_ITEMS))
        for start in range(0, len(members), size):
            chunk = members[start : start + size]
            for places, structure in _split([problems[index] for index in chunk]):
                yield [chunk[place] for place in places], structure


def _signature(problem: DesignProblem) -> tuple:
    """Everything but the numbers of a problem."""
    maps = []
    for criterion in problem.active_criteria:
        layout = criterion.map.layout
        sizes = [(part.block, part.transmit.shape[1]) for part in criterion.map.contributions]
        maps.append((layout.names, layout.sizes, criterion.requested, tuple(sizes)))
    words = tuple((block, codebook.codewords.shape[1]) for block, codebook in problem.codebooks.items())
    return tuple(problem.antennas.items()), tuple(budget.blocks for budget in problem.budgets), words, tuple(maps)


def _split(problems: list[DesignProblem]) -> Iterator[tuple[list[int], Structure]]:
    """Problems of one signature, grouped by which of their transmit vectors are equal and by having constants."""
    vectors = _transmit_vectors(problems)
    criteria = [problem.active_criteria for problem in problems]
    constants = [side_by_side([each[number].map.constant for each in criteria]) for number in range(len(criteria[0]))]
    has_constant = np.any([constant.any(axis=(1, 2)) for constant in constants], axis=0)
    rest = np.arange(len(problems))
    while rest.size:
        patterns = {block: _pattern(stack[rest[0]]) for block, stack in vectors.items()}
        alike = has_constant[rest] == has_constant[rest[0]]
        for block, pattern in patterns.items():
            alike &= _follow(vectors[block][rest], pattern)
        alike[0] = True
        chosen, rest = rest[alike], rest[~alike]
        yield (
            chosen.tolist(),
            _structure(
                [problems[item] for item in chosen],
                {block: vectors[block][chosen][:, :, pattern.firsts] for block, pattern in patterns.items()},
                {block: pattern.columns for block, pattern in patterns.items()},
                tuple(constant[chosen] for constant in constants),
            ),
        )


def _transmit_vectors(problems: list[DesignProblem]) -> dict[str, np.ndarray]:
    """Transmit vectors of all terms of each active block, `[item, tx, term]`, in the order of the contributions."""
    parts: dict[str, list[np.ndarray]] = {}
    of_items = [[part for each in problem.active_criteria for part in each.map.contributions] for problem in problems]
    for same in zip(*of_items, strict=True):
        stack = side_by_side([part.transmit for part in same])
        parts.setdefault(same[0].block, []).append(stack)
    joint = {block: np.concatenate(stacks, axis=2) for block, stacks in parts.items()}
    return {block: joint[block] + 0.0 for block in problems[0].blocks if block in joint and joint[block].size}


@dataclass(frozen=True, eq=False)
class _Pattern:
    """Column of each term, and the first term of each column."""

    columns: tuple[int, ...]
    firsts: list[int]


def _pattern(vectors: np.ndarray) -> _Pattern:
    """Which of the vectors `[tx, term]` of one problem are equal."""
    seen: dict[bytes, int] = {}
    columns, firsts = [], []
    for term, vector in enumerate(np.ascontiguousarray(vectors.T)):
        column = seen.setdefault(vector.tobytes(), len(firsts))
        if column == len(firsts):
            firsts.append(term)
        columns.append(column)
    return _Pattern(tuple(columns), firsts)


def _follow(vectors: np.ndarray, pattern: _Pattern) -> np.ndarray:
    """Which items of `[item, tx, term]` have this pattern; distinct vectors with equal sums count as doubtful."""
    firsts = np.asarray(pattern.firsts)
    is_equal = np.all(vectors == vectors[:, :, firsts[list(pattern.columns)]], axis=(1, 2))
    sums = np.sort(vectors[:, :, firsts].sum(axis=1), axis=-1)
    return is_equal & np.all(sums[:, 1:] != sums[:, :-1], axis=1)


def _structure(
    problems: list[DesignProblem],
    columns: dict[str, np.ndarray],
    patterns: dict[str, tuple[int, ...]],
    constants: tuple[np.ndarray, ...],
) -> Structure:
    first = problems[0]
    names, codebooks = first.blocks, first.codebooks
    owner = {name: place for place, budget in enumerate(first.budgets) for name in budget.blocks}
    active = [place for place, name in enumerate(names) if name in columns]
    budgets = sorted({owner[names[place]] for place in active})
    position = {names[place]: order for order, place in enumerate(active)}
    blocks = tuple(
        (stack.shape[2], codebooks[name].codewords.shape[1] if name in codebooks else 0, budgets.index(owner[name]))
        for name, stack in columns.items()
    )
    powers = [[problem.budgets[place].power_per_subcarrier_w for place in budgets] for problem in problems]
    return Structure(
        tuple(problems),
        tuple(columns.values()),
        blocks,
        tuple(_terms(first, position, patterns)),
        constants,
        tuple(active),
        tuple(budgets),
        np.array(powers),
        any(constant.any() for constant in constants),
    )


def _terms(
    problem: DesignProblem, position: dict[str, int], patterns: dict[str, tuple[int, ...]]
) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    starts = dict.fromkeys(patterns, 0)
    for number, criterion in enumerate(problem.active_criteria):
        for part in criterion.map.contributions:
            start, count = starts[part.block], part.transmit.shape[1]
            starts[part.block] = start + count
            yield number, position[part.block], patterns[part.block][start : start + count]
