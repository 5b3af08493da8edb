"""Design problems in the span of their transmit vectors, one by one or side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex

from crbeam.design.engine.reduced_bound import unit_factors
from crbeam.design.engine.reduced_information import ReducedArrays, ReducedShape
from crbeam.design.problem import DesignProblem
from crbeam.information.transmission import Covariances, Transmission
from crbeam.linalg import hermitian_part


@dataclass(frozen=True, eq=False)
class ReducedBatch:
    """Reduced problems of one shape; all arrays have the items in front.

    Attributes:
        problems: where they come from.
        shape: sizes and structure.
        arrays: whitened numbers.
        bases: Q (or the unit codewords) of each active block, `[item, tx, size]`.
        active_blocks: index in a problem of each block that some information sees.
        active_budgets: index in a problem of each budget of these blocks.
        powers_w: power of each active budget, `[item, budget]`, watt per subcarrier summed over slots.
        scales: objective at the isotropic X; objectives of the reduced problem are relative to it.
    """

    problems: tuple[DesignProblem, ...]
    shape: ReducedShape
    arrays: ReducedArrays
    bases: tuple[np.ndarray, ...]
    active_blocks: tuple[int, ...]
    active_budgets: tuple[int, ...]
    powers_w: np.ndarray
    scales: np.ndarray

    @cached_property
    def key(self) -> tuple:
        """Batches with equal keys can be joined."""
        antennas = tuple(self.problems[0].antennas.items())
        return self.shape, self.active_blocks, self.active_budgets, antennas

    def take(self, index: np.ndarray) -> "ReducedBatch":
        """The items at `index`."""
        return ReducedBatch(
            tuple(self.problems[item] for item in index),
            self.shape,
            self.arrays.take(index),
            tuple(basis[index] for basis in self.bases),
            self.active_blocks,
            self.active_budgets,
            self.powers_w[index],
            self.scales[index],
        )

    @classmethod
    def joined(cls, batches: Sequence["ReducedBatch"]) -> "ReducedBatch":
        """The items of several batches of equal keys, in order."""
        first = batches[0]
        if len(batches) == 1:
            return first
        return cls(
            tuple(problem for batch in batches for problem in batch.problems),
            first.shape,
            ReducedArrays.joined([batch.arrays for batch in batches]),
            tuple(np.concatenate(bases) for bases in zip(*(batch.bases for batch in batches), strict=True)),
            first.active_blocks,
            first.active_budgets,
            np.concatenate([batch.powers_w for batch in batches]),
            np.concatenate([batch.scales for batch in batches]),
        )

    def factors(self, points: np.ndarray) -> list[Complex[np.ndarray, "item tx beam"]]:
        """F of each active block at one point for each item, with `R = F F^H`; every budget is used exactly."""
        result = []
        for block, basis, unit in zip(self.shape.blocks, self.bases, unit_factors(self.shape, points), strict=True):
            level = np.sqrt(self.powers_w[:, block.budget])
            if block.is_diagonal:
                result.append(basis * (level[:, None] * unit)[:, None, :])
            else:
                result.append(basis @ (level[:, None, None] * unit))
        return result

    def transmissions(self, factors: Sequence[np.ndarray]) -> list[Transmission]:
        """Transmit covariances of each item, in watt, from F of each active block.

        Blocks that no information sees get no power, unless their whole budget is unseen: then it is spread evenly
        over directions, or over the codewords of a codebook.
        """
        blocks = self.problems[0].blocks
        stacks = {
            blocks[place]: factor @ factor.conj().swapaxes(-1, -2)
            for place, factor in zip(self.active_blocks, factors, strict=True)
        }
        if len(stacks) == len(blocks):
            return [
                Transmission({block: stacks[block][item] for block in blocks}) for item in range(len(self.problems))
            ]
        sent = []
        for item, problem in enumerate(self.problems):
            seen = {block: stack[item] for block, stack in stacks.items()}
            unseen = [each for place, each in enumerate(problem.budgets) if place not in self.active_budgets]
            even = problem.even().only(block for budget in unseen for block in budget.blocks)
            sent.append(Transmission.silent(problem.antennas).replaced({**even, **seen}))
        return sent


@dataclass(frozen=True, eq=False)
class ReducedProblem:
    """One item of a batch of reduced problems."""

    batch: ReducedBatch
    item: int

    @property
    def problem(self) -> DesignProblem:
        """Where it comes from."""
        return self.batch.problems[self.item]

    @property
    def active_blocks(self) -> tuple[int, ...]:
        """Index in the problem of each block that some information sees."""
        return self.batch.active_blocks

    @property
    def bases(self) -> tuple[np.ndarray, ...]:
        """Q (or the unit codewords) of each active block, `[tx, size]`."""
        return tuple(basis[self.item] for basis in self.batch.bases)

    @property
    def shape(self) -> ReducedShape:
        """Sizes and structure."""
        return self.batch.shape

    @cached_property
    def arrays(self) -> ReducedArrays:
        """Whitened numbers."""
        return self.batch.arrays.take(self.item)

    @property
    def scale(self) -> float:
        """Objective at the isotropic X."""
        return float(self.batch.scales[self.item])

    def expand(self, point: np.ndarray) -> Transmission:
        """Transmit covariances in watt at a point (see `ReducedBatch.transmissions`)."""
        alone = gathered([self])
        return alone.transmissions(alone.factors(point[None]))[0]

    def compress(self, covariances: Covariances) -> list[np.ndarray]:
        """X of each active block from transmit covariances; over a codebook the isotropic powers."""
        result = []
        for index, block, basis in zip(self.active_blocks, self.shape.blocks, self.bases, strict=True):
            if block.is_diagonal:
                result.append(np.eye(block.size) / block.size)
            else:
                power = self.batch.powers_w[self.item, block.budget]
                sent = covariances[self.problem.blocks[index]]
                result.append(hermitian_part(basis.conj().T @ sent @ basis) / power)
        return result


def gathered(problems: Sequence[ReducedProblem]) -> ReducedBatch:
    """One batch of problems whose batches have equal keys."""
    runs: list[tuple[ReducedBatch, list[int]]] = []
    for problem in problems:
        if not runs or runs[-1][0] is not problem.batch:
            runs.append((problem.batch, []))
        runs[-1][1].append(problem.item)
    parts = [
        batch if items == list(range(len(batch.problems))) else batch.take(np.array(items)) for batch, items in runs
    ]
    return ReducedBatch.joined(parts)
