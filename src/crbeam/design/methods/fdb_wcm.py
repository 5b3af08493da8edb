"""Least mismatch of covariances: FDB-WCM of zhang2025."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.guides import Guide
from crbeam.design.mismatch import nearest_covariance_factors, transmit_basis
from crbeam.design.mismatch_method import MismatchMethod, covariance_proposal, factors_by_budget
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.information import Transmission


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
        blended = Transmission.sum_of(guide.share * guide.covariances for guide in guides)

        def nearest(blocks: Sequence[str], power_w: float) -> list[np.ndarray]:
            bases = [transmit_basis(problem, block) for block in blocks]
            inner = [basis.conj().T @ blended[block] @ basis for basis, block in zip(bases, blocks, strict=True)]
            found = nearest_covariance_factors(inner, power_w)
            return [basis @ factor for basis, factor in zip(bases, found, strict=True)]

        return covariance_proposal(problem, guides, factors_by_budget(problem, nearest))
