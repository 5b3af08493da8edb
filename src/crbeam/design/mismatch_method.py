"""Methods that compromise between the transmissions that are best for each criterion alone."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.constraints import PowerBudget
from crbeam.design.guided_method import GuidedMethod
from crbeam.design.guides import Guide
from crbeam.design.mismatch import mismatch
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal


@dataclass(frozen=True)
class MismatchMethod(GuidedMethod):
    """A method that computes a compromise from guides; concrete methods say what is compared, and over which beams.

    The trace of a design is the mismatch that it minimises, relative to the power of all budgets (of beamformers) or
    to its square (of covariances).
    """

    @abstractmethod
    def compromise(self, problem: DesignProblem, guides: Sequence[Guide], seed: np.random.SeedSequence) -> Proposal:
        """Transmission that differs least from the guides."""

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a codebook in every block if it needs codebooks at all."""
        reason = super().why_not(problem)
        if reason is None and self.uses and len(problem.codebooks) < len(problem.blocks):
            without = ", ".join(block for block in problem.blocks if block not in problem.codebooks)
            return f"{self.key} needs a codebook in every block, but there is none in {without}."
        return reason

    def propose_guided(
        self, problem: DesignProblem, guides: Sequence[Guide], *, start: np.ndarray | None, seed: np.random.SeedSequence
    ) -> Proposal:
        """The compromise; it does not depend on a start."""
        del start
        return self.compromise(problem, guides, seed)


def blocks_of(problem: DesignProblem, budget: PowerBudget) -> list[int]:
    """Places in the problem's stacks of the blocks that share a budget."""
    return [problem.blocks.index(block) for block in budget.blocks]


def beamformer_proposal(
    problem: DesignProblem,
    guides: Sequence[Guide],
    factors: Sequence[np.ndarray],
    guide_factors: Sequence[Sequence[np.ndarray]],
) -> Proposal:
    """Proposal of beamformers `F_b`, with their mismatch to those of the guides."""
    power_w = sum(budget.power_per_subcarrier_w for budget in problem.budgets)
    value = mismatch([guide.share for guide in guides], factors, guide_factors)
    return Proposal(_covariances(factors), factors=tuple(factors), trace=(value / power_w,))


def covariance_proposal(problem: DesignProblem, guides: Sequence[Guide], factors: Sequence[np.ndarray]) -> Proposal:
    """Proposal of covariances `F_b F_b^H`, with their mismatch to those of the guides."""
    power_w = sum(budget.power_per_subcarrier_w for budget in problem.budgets)
    covariances = _covariances(factors)
    value = mismatch(
        [guide.share for guide in guides], list(covariances), [list(guide.covariances) for guide in guides]
    )
    return Proposal(covariances, factors=tuple(factors), trace=(value / power_w**2,))


def _covariances(factors: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack([factor @ factor.conj().T for factor in factors])
