"""By how much one method is better than others, over a sample of problems."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.design import Design, DesignMethod, DesignProblem
from crbeam.errors import CrbeamError, InvalidInput
from crbeam.evaluation.error_statistics import expectation


@dataclass(frozen=True, eq=False)
class Improvement:
    """Relative decrease of the objective against the best of other methods.

    Attributes:
        decreases: `1 - f / min_k f_k` of each problem; negative where the method is worse.
        designs: of the method, for each problem.
        others: designs of the other methods for each problem.
    """

    decreases: Float[np.ndarray, " problem"]
    designs: tuple[Design, ...]
    others: tuple[tuple[Design, ...], ...]

    @property
    def mean(self) -> float:
        """Mean decrease."""
        return float(self.decreases.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the mean decrease, by Student's distribution."""
        found = expectation(self.decreases)
        return found.low, found.high

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"objective {100 * self.mean:.1f} % below the best of the others (95 % interval {100 * low:.1f} to "
            f"{100 * high:.1f} %, {len(self.decreases)} problems)"
        )


def improvement(
    problems: Sequence[DesignProblem],
    method: DesignMethod,
    others: Sequence[DesignMethod],
    *,
    seeds: Sequence[np.random.SeedSequence],
) -> Improvement:
    """Relative decrease of the objective by a method against the best of others on the same problems and seeds.

    Args:
        problems: at least two, independent of each other; all methods must apply to each of them.
        method: the one to judge.
        others: at least one.
        seeds: of each problem, the same for all methods.

    Raises:
        CrbeamError: some method has no design for some problem.
    """
    if len(problems) < 2 or not others:
        raise InvalidInput("An improvement needs at least two problems and one other method.")
    designs = _designs(method, problems, seeds)
    rivals = list(zip(*(_designs(other, problems, seeds) for other in others), strict=True))
    best = np.array([min(design.objective for design in group) for group in rivals])
    values = np.array([design.objective for design in designs])
    return Improvement(1.0 - values / best, tuple(designs), tuple(rivals))


def _designs(
    method: DesignMethod, problems: Sequence[DesignProblem], seeds: Sequence[np.random.SeedSequence]
) -> list[Design]:
    designs = []
    for result in method.solve_many(problems, seeds=seeds):
        if isinstance(result, CrbeamError):
            raise result
        designs.append(result)
    return designs
