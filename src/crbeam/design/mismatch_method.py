"""Methods that compromise between the transmissions that are best for each criterion alone."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.guided_method import GuidedMethod
from crbeam.design.guides import Guide
from crbeam.design.mismatch import mismatch, nearest_factors
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


def factors_by_budget(
    problem: DesignProblem, nearest: Callable[[list[int], float], Sequence[np.ndarray]]
) -> list[np.ndarray]:
    """Beamformers of every block, found for one power budget after the other.

    Args:
        problem: whose budgets are used fully.
        nearest: beamformers of the blocks (by their places in the problem's stacks) that share a power in watt.
    """
    factors: dict[int, np.ndarray] = {}
    for budget in problem.budgets:
        blocks = [problem.blocks.index(block) for block in budget.blocks]
        factors.update(zip(blocks, nearest(blocks, budget.power_per_subcarrier_w), strict=True))
    return [factors[block] for block in range(len(problem.blocks))]


def beamformer_proposal(
    problem: DesignProblem,
    guides: Sequence[Guide],
    guide_factors: Sequence[Sequence[np.ndarray]],
) -> Proposal:
    """Proposal of the beamformers nearest to those that stand for the guides, with their mismatch."""
    shares = [guide.share for guide in guides]

    def nearest(blocks: list[int], power_w: float) -> Sequence[np.ndarray]:
        return nearest_factors(shares, [[factors[block] for block in blocks] for factors in guide_factors], power_w)

    factors = factors_by_budget(problem, nearest)
    power_w = sum(budget.power_per_subcarrier_w for budget in problem.budgets)
    value = mismatch(shares, factors, guide_factors)
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
