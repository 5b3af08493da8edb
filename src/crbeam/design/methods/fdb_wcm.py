"""Least mismatch of covariances: FDB-WCM of zhang2025."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.guides import Guide
from crbeam.design.mismatch import blend, nearest_covariance_factors, transmit_basis
from crbeam.design.mismatch_method import MismatchMethod, blocks_of, covariance_proposal
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal


@dataclass(frozen=True)
class CovarianceMismatch(MismatchMethod):
    """Covariances of full power that differ least from those of the guides, `sum_c s_c |V - V_c|_F^2`.

    The solution is the blend `sum_c s_c V_c` if the guides use their full power, and otherwise the nearest covariance
    to it within the span of the transmit vectors.

    Reference: zhang2025 eq. (22).
    """

    key = "fdb-wcm"
    summary = "covariance nearest to those that are best for each criterion alone (closed form)"

    def compromise(
        self,
        problem: DesignProblem,
        guides: Sequence[Guide],
        seed: np.random.SeedSequence,  # noqa: ARG002
    ) -> Proposal:
        """The blend of the guides, at full power in each budget."""
        blended = blend([guide.share for guide in guides], [guide.covariances for guide in guides])
        factors: list[np.ndarray] = [np.zeros((problem.n_tx, 0))] * len(problem.blocks)
        for budget in problem.budgets:
            blocks = blocks_of(problem, budget)
            bases = [transmit_basis(problem, problem.blocks[block]) for block in blocks]
            inner = [basis.conj().T @ blended[block] @ basis for basis, block in zip(bases, blocks, strict=True)]
            found = nearest_covariance_factors(inner, budget.power_per_subcarrier_w)
            for block, basis, factor in zip(blocks, bases, found, strict=True):
                factors[block] = basis @ factor
        return covariance_proposal(problem, guides, factors)
