"""Losses of weighted bounds that the interior point can minimise.

A loss is a convex, increasing function of the parts `beta` of the weighted bound: of one part, or one for each family
of parameters. A lower bound on the weighted bound with its slopes, less its offset, is a lower bound on the loss.
Everything is relative to the weighted bound of the isotropic X.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from crbeam.design.hinge import Families, hinge_terms


@dataclass(frozen=True, eq=False)
class LossPoint:
    """A loss at some parts of the weighted bound.

    Attributes:
        value: the loss.
        merit: what a step has to decrease: the loss and what keeps its constraints away; infinite outside.
        slopes: derivative of the merit by each part.
        curvatures: second derivative of the merit by each part.
        offset: the loss is at least the weighted bound with these slopes less this.
    """

    value: float
    merit: float
    slopes: np.ndarray
    curvatures: np.ndarray
    offset: float


class Loss(ABC):
    """A loss of the parts of the weighted bound; `weight` is that of the logarithmic barrier.

    Attributes:
        has_barrier: whether `weight` matters, as the loss has constraints of its own.
    """

    has_barrier: ClassVar[bool] = False

    @abstractmethod
    def at(self, parts: np.ndarray, weight: float) -> LossPoint:
        """The loss at `parts`."""

    @abstractmethod
    def sums(self, of_columns: Sequence[np.ndarray]) -> np.ndarray:
        """The parts, `[..., part]`, from the columns `[..., direction]` of each criterion."""

    @abstractmethod
    def spread(self, slopes: np.ndarray, criterion: int) -> np.ndarray | float:
        """Slope of the loss by each column of one criterion."""


@dataclass(frozen=True)
class TotalLoss(Loss):
    """The weighted bound itself."""

    def at(self, parts: np.ndarray, weight: float) -> LossPoint:  # noqa: ARG002
        """The loss at `parts`."""
        value = float(parts[0])
        return LossPoint(value, value, np.ones(1), np.zeros(1), 0.0)

    def sums(self, of_columns: Sequence[np.ndarray]) -> np.ndarray:
        """All columns together."""
        return np.sum([columns.sum(axis=-1) for columns in of_columns], axis=0)[..., None]

    def spread(self, slopes: np.ndarray, criterion: int) -> float:  # noqa: ARG002
        """One."""
        return float(slopes[0])


@dataclass(frozen=True, eq=False)
class FamilyLoss(Loss):
    """A loss of the parts of families.

    Attributes:
        families: which columns belong together.
        levels: value of each part at its threshold.
    """

    families: Families
    levels: np.ndarray

    def sums(self, of_columns: Sequence[np.ndarray]) -> np.ndarray:
        """Columns by family."""
        return self.families.sums(list(of_columns))

    def spread(self, slopes: np.ndarray, criterion: int) -> np.ndarray:
        """Slope of the family of each column."""
        return slopes[self.families.of_direction[criterion]]


@dataclass(frozen=True, eq=False)
class HingeLoss(FamilyLoss):
    """Squared excess over the thresholds: `sum_g W_g max(0, sqrt(beta_g / W_g) - 1)^2`, `W` being the levels."""

    def at(self, parts: np.ndarray, weight: float) -> LossPoint:  # noqa: ARG002
        """The loss at `parts`."""
        terms = hinge_terms(parts, self.levels)
        value = float(terms.values.sum())
        return LossPoint(value, value, terms.slopes, terms.curvatures, float(terms.offsets.sum()))


@dataclass(frozen=True, eq=False)
class LimitedLoss(FamilyLoss):
    """The weighted bound among transmissions that meet all thresholds: `sum_g beta_g` subject to `beta_g <= W_g`.

    The limits are kept by `- weight sum_g log(W_g - beta_g)`, whose derivatives are their multipliers.
    """

    has_barrier = True

    def at(self, parts: np.ndarray, weight: float) -> LossPoint:
        """The loss at `parts`; infinite where a limit is exceeded."""
        room = self.levels - parts
        value = float(parts.sum())
        if not np.all(room > 0.0):
            return LossPoint(value, np.inf, np.ones_like(parts), np.zeros_like(parts), 0.0)
        multipliers = weight / room
        merit = value - weight * float(np.log(room).sum())
        offset = float(multipliers @ self.levels)
        return LossPoint(value, merit, 1.0 + multipliers, multipliers / room, offset)
