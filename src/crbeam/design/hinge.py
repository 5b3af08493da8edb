"""The loss of root bounds above their thresholds, as the largest of weighted bounds.

With `h(b) = max(0, sqrt(b) - 1)^2`, for every b >= 0

    h(b) = max over 0 <= s < 1 of  s b - s / (1 - s),     attained at  s = h'(b) = max(0, 1 - 1 / sqrt(b)).

So for fixed s the loss is a weighted bound less a constant, and any lower bound of that is one of the loss. Code works
with `beta = W b`, the part of a family in the weighted bound, and its level `W`: `W h(beta / W)`.
"""

from dataclasses import dataclass

import numpy as np

from crbeam.design.problem import DesignProblem, Hinge


@dataclass(frozen=True, eq=False)
class HingeTerms:
    """`W h(beta / W)` of each family, maybe with a batch axis in front.

    Attributes:
        values: the loss of each family.
        slopes: its derivative by beta, `s = 1 - 1 / sqrt(b)` above the threshold and 0 below.
        offsets: `W s / (1 - s)`, what is taken off the weighted bound `s beta`.
    """

    values: np.ndarray
    slopes: np.ndarray
    offsets: np.ndarray


def hinge_terms(weighted_bounds: np.ndarray, levels: np.ndarray) -> HingeTerms:
    """The loss of each family from its weighted bound `beta` and its level."""
    squared = weighted_bounds / levels
    root = np.sqrt(np.maximum(squared, 1.0))
    excess = np.where(squared > 1.0, (squared - 1.0) / (root + 1.0), 0.0)
    return HingeTerms(levels * excess**2, excess / root, levels * excess)


@dataclass(frozen=True, eq=False)
class Families:
    """The families of parameters of a problem whose bounds have thresholds.

    Attributes:
        of_direction: for each active criterion the family of each column of its selection, numbered through.
        levels: weight W of each family.
    """

    of_direction: tuple[np.ndarray, ...]
    levels: np.ndarray

    def sums(self, of_columns: list[np.ndarray]) -> np.ndarray:
        """Sum over the columns of each family, `[..., family]`, from one `[..., column]` for each criterion."""
        columns, family = np.concatenate(of_columns, axis=-1), np.concatenate(self.of_direction)
        return np.stack([columns[..., family == place].sum(axis=-1) for place in range(self.levels.size)], axis=-1)


def families_of(problem: DesignProblem) -> Families | None:
    """Families of a problem with thresholds; None if it has none."""
    if not isinstance(problem.objective, Hinge):
        return None
    of_direction, levels = [], []
    for criterion in problem.counted_criteria:
        of_direction.append(len(levels) + criterion.family_of_direction)
        levels += criterion.family_levels.tolist()
    return Families(tuple(of_direction), np.array(levels))
