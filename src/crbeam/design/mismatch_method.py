"""Methods that compromise between the transmissions that are best for each criterion alone."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.guided_method import GuidedMethod
from crbeam.design.guides import Guide
from crbeam.design.mismatch import mismatch, nearest_factors
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.information import Transmission


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
        self,
        problem: DesignProblem,
        guides: Sequence[Guide],
        *,
        start: Transmission | None,
        seed: np.random.SeedSequence,
    ) -> Proposal:
        """The compromise; it does not depend on a start."""
        del start
        return self.compromise(problem, guides, seed)


def factors_by_budget(
    problem: DesignProblem, nearest: Callable[[Sequence[str], float], Sequence[np.ndarray]]
) -> dict[str, np.ndarray]:
    """Beamformers of every block, found for one power budget after the other.

    Args:
        problem: whose budgets are used fully.
        nearest: beamformers of the named blocks, which share a power in watt.
    """
    factors: dict[str, np.ndarray] = {}
    for budget in problem.budgets:
        factors.update(zip(budget.blocks, nearest(budget.blocks, budget.power_per_subcarrier_w), strict=True))
    return {block: factors[block] for block in problem.blocks}


def beamformer_proposal(
    problem: DesignProblem,
    guides: Sequence[Guide],
    guide_factors: Sequence[Mapping[str, np.ndarray]],
) -> Proposal:
    """Proposal of the beamformers nearest to those that stand for the guides, with their mismatch."""
    shares = [guide.share for guide in guides]

    def nearest(blocks: Sequence[str], power_w: float) -> Sequence[np.ndarray]:
        return nearest_factors(shares, [[factors[block] for block in blocks] for factors in guide_factors], power_w)

    factors = factors_by_budget(problem, nearest)
    power_w = sum(budget.power_per_subcarrier_w for budget in problem.budgets)
    value = _mismatch(shares, factors, guide_factors)
    return Proposal(_covariances(factors), factors=factors, trace=(value / power_w,))


def covariance_proposal(problem: DesignProblem, guides: Sequence[Guide], factors: Mapping[str, np.ndarray]) -> Proposal:
    """Proposal of covariances `F_b F_b^H`, with their mismatch to those of the guides."""
    power_w = sum(budget.power_per_subcarrier_w for budget in problem.budgets)
    covariances = _covariances(factors)
    value = _mismatch([guide.share for guide in guides], covariances, [guide.covariances for guide in guides])
    return Proposal(covariances, factors=factors, trace=(value / power_w**2,))


def _covariances(factors: Mapping[str, np.ndarray]) -> Transmission:
    return Transmission.of_factors(tuple(factors), list(factors.values()))


def _mismatch(
    shares: Sequence[float], found: Mapping[str, np.ndarray], guides: Sequence[Mapping[str, np.ndarray]]
) -> float:
    """`mismatch` of matrices by block."""
    return mismatch(shares, list(found.values()), [[guide[block] for block in found] for guide in guides])
