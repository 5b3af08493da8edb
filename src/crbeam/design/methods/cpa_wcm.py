"""Least mismatch of covariances over the powers of a codebook: CPA-WCM of zhang2025."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.constraints import Codebook
from crbeam.design.guides import Guide
from crbeam.design.mismatch import nearest_word_powers_w
from crbeam.design.mismatch_method import MismatchMethod, covariance_proposal, factors_by_budget
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.information import Transmission


@dataclass(frozen=True)
class CodebookCovarianceMismatch(MismatchMethod):
    """Powers of codewords whose covariance differs least from the guides, `sum_c s_c |U diag(rho) U^H - V_c|_F^2`.

    The solution is the blend of the guides' powers if they use their full power and send codewords only, and otherwise
    the nearest covariance to their blend within the codebook.

    Reference: zhang2025 section IV-B.
    """

    key = "cpa-wcm"
    summary = "powers of given beams nearest to those that are best for each criterion alone (closed form)"
    uses = frozenset({Codebook})

    def compromise(
        self,
        problem: DesignProblem,
        guides: Sequence[Guide],
        seed: np.random.SeedSequence,  # noqa: ARG002
    ) -> Proposal:
        """The blend of the guides' powers, at full power in each budget."""
        blended = Transmission.sum_of(guide.share * guide.covariances for guide in guides)

        def nearest(blocks: Sequence[str], power_w: float) -> list[np.ndarray]:
            words = [problem.codebooks[block].unit_codewords for block in blocks]
            found = nearest_word_powers_w(words, [blended[block] for block in blocks], power_w)
            return [word * np.sqrt(powers_w) for word, powers_w in zip(words, found, strict=True)]

        return covariance_proposal(problem, guides, factors_by_budget(problem, nearest))
