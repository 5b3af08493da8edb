"""Weighted bound of all links together: the Fusion scheme of zhang2025."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.engine_method import EngineMethod
from crbeam.design.problem import DesignProblem
from crbeam.information import Contribution


@dataclass(frozen=True)
class FusedWeightedBound(EngineMethod):
    """Least weighted bound over all transmit covariances when user and station share what they observe.

    The same convex problem as `fdb-wcrb`, in which every criterion sees the observations of all links.

    Reference: zhang2025 Remark 1 and section VII-B.
    """

    key = "fusion"
    summary = "least weighted bound of all links together, by our own solver (global optimum)"

    @property
    def judged_by(self) -> str:
        """All links together."""
        return "fused"

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs criteria that see the same observations."""
        first, *others = [criterion.map.contributions for criterion in problem.criteria]
        if not all(_same_observations(first, other) for other in others):
            return f"{self.key} needs a problem whose criteria all see the observations of all links together."
        return super().why_not(problem)


def _same_observations(first: Sequence[Contribution], second: Sequence[Contribution]) -> bool:
    if len(first) != len(second):
        return False
    return all(
        one.block == other.block
        and np.array_equal(one.transmit, other.transmit)
        and np.array_equal(one.receive, other.receive)
        and np.array_equal(one.gram, other.gram)
        for one, other in zip(first, second, strict=True)
    )
