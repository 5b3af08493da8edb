"""Methods that compromise between the transmissions that are best for each criterion alone."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.constraints import PowerBudget
from crbeam.design.guides import Guide, guides_of
from crbeam.design.method import DesignMethod
from crbeam.design.mismatch import mismatch
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.errors import CrbeamError, InvalidInput
from crbeam.linalg import is_hermitian, is_positive_semidefinite


@dataclass(frozen=True)
class MismatchMethod(DesignMethod):
    """A method that computes a compromise from guides; concrete methods say what is compared, and over which beams.

    The trace of a design is the mismatch that it minimises, relative to the power of all budgets (of beamformers) or
    to its square (of covariances).
    """

    is_global = False

    tolerance: float = 1e-6

    @abstractmethod
    def compromise(self, problem: DesignProblem, guides: Sequence[Guide], seed: np.random.SeedSequence) -> Proposal:
        """Transmission that differs least from the guides."""

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs guides that are transmissions, and a codebook in every block if it needs codebooks at all."""
        reason = super().why_not(problem)
        if reason is None and self.uses and len(problem.codebooks) < len(problem.blocks):
            without = ", ".join(block for block in problem.blocks if block not in problem.codebooks)
            return f"{self.key} needs a codebook in every block, but there is none in {without}."
        return reason

    def propose_many(
        self,
        problems: Sequence[DesignProblem],
        *,
        starts: Sequence[np.ndarray | None],  # noqa: ARG002
        seeds: Sequence[np.random.SeedSequence],
    ) -> list[Proposal | CrbeamError]:
        """Compromises of all problems; those that share their maps share guides."""
        items = zip(problems, guides_of(problems), seeds, strict=True)
        return [self._proposal(problem, guides, seed) for problem, guides, seed in items]

    def _proposal(
        self, problem: DesignProblem, guides: tuple[Guide, ...] | CrbeamError, seed: np.random.SeedSequence
    ) -> Proposal | CrbeamError:
        if isinstance(guides, CrbeamError):
            return guides
        try:
            _require_covariances(problem)
            return self.compromise(problem, guides, seed)
        except CrbeamError as error:
            return error


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


def _require_covariances(problem: DesignProblem) -> None:
    for guide in problem.guides:
        if not (np.all(np.isfinite(guide)) and is_hermitian(guide) and is_positive_semidefinite(guide)):
            raise InvalidInput(
                "Guides must be covariances: finite, Hermitian and positive semidefinite. One of this problem is not."
            )
