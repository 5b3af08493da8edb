"""The cases of a study: every combination of the values of its axes, in a fixed order.

Numbers run through realisations, then methods, then field values, then weights, the last fastest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from jaxtyping import Int

from crbeam.studies.study import Study


@dataclass(frozen=True)
class Case:
    """One case, by the indices of its values.

    Attributes:
        number: position among all cases of the study, from 0.
        realisation: number of the realisation, from 0.
        method: index of the method.
        choice: index of the value of each field axis.
        weight: index of the weight.
    """

    number: int
    realisation: int
    method: int
    choice: tuple[int, ...]
    weight: int


@dataclass(frozen=True)
class Batch:
    """Cases that are computed together and stored together.

    Attributes:
        number: position among all batches of the study, from 0.
        round: of the stopping rule, from 0.
        cases: of one method, in the order of their numbers.
    """

    number: int
    round: int
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Grid:
    """Sizes of the axes of a study."""

    n_realisations: int
    n_methods: int
    field_counts: tuple[int, ...]
    n_weights: int

    @classmethod
    def of(cls, study: Study) -> "Grid":
        """The grid of a study."""
        axes = study.axes
        counts = tuple(len(axis.values) for axis in axes.fields.values())
        return cls(axes.realisations, len(axes.method), counts, len(axes.weight))

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Sizes of all axes, in the order of the numbers."""
        return (self.n_realisations, self.n_methods, *self.field_counts, self.n_weights)

    @property
    def n_cases(self) -> int:
        """Number of cases."""
        return int(np.prod(self.shape, dtype=object))

    @property
    def n_points(self) -> int:
        """Number of cases of one realisation."""
        return self.n_cases // self.n_realisations

    def indices(self, numbers: Int[np.ndarray, " case"]) -> tuple[Int[np.ndarray, " case"], ...]:
        """Index along each axis of cases given by number."""
        return np.unravel_index(numbers, self.shape)  # pyright: ignore[reportReturnType]

    def choices(self) -> list[tuple[int, ...]]:
        """All combinations of field values, in order."""
        return list(product(*(range(count) for count in self.field_counts)))


def batches(study: Study) -> Iterator[Batch]:
    """All batches of a study, round by round; they depend on nothing but the study.

    A round has the realisations between two looks of the stopping rule. In it the cases of each method, ordered by
    number, are cut into chunks of `batch_cases`; the chunks of the methods take turns.
    """
    grid, number = Grid.of(study), 0
    for index, (first, stop) in enumerate(rounds(study)):
        n_cases = (stop - first) * grid.n_points // grid.n_methods
        for begin in range(0, n_cases, study.batch_cases):
            end = min(begin + study.batch_cases, n_cases)
            for method in range(grid.n_methods):
                yield Batch(number, index, _cases(grid, first, method, range(begin, end)))
                number += 1


def rounds(study: Study) -> list[tuple[int, int]]:
    """First realisation of each round, and the one after its last."""
    every = study.axes.realisations if study.stop is None else study.stop.every
    return [(first, min(first + every, study.axes.realisations)) for first in range(0, study.axes.realisations, every)]


def count_batches(study: Study) -> int:
    """Number of batches of a study, if no rule stops it early."""
    grid = Grid.of(study)
    per_method = [(stop - first) * grid.n_points // grid.n_methods for first, stop in rounds(study)]
    return sum(-(-count // study.batch_cases) * grid.n_methods for count in per_method)


def _cases(grid: Grid, first: int, method: int, places: range) -> tuple[Case, ...]:
    """Cases of a method by their places in the order (realisation, field values, weight), from a first realisation."""
    shape = (grid.n_realisations, *grid.field_counts, grid.n_weights)
    offset = first * (grid.n_points // grid.n_methods)
    columns = np.unravel_index(np.arange(places.start, places.stop) + offset, shape)
    rows = np.stack(columns, axis=1)
    full = np.insert(rows, 1, method, axis=1)
    numbers = np.ravel_multi_index(tuple(full.T), grid.shape)
    return tuple(
        Case(number, row[0], method, tuple(row[1:-1]), row[-1])
        for number, row in zip(np.asarray(numbers).tolist(), rows.tolist(), strict=True)
    )
