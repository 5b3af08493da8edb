"""Least mismatch of the amplitudes of codewords: CPA-WBF of zhang2025."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.constraints import Codebook
from crbeam.design.guides import Guide
from crbeam.design.mismatch import word_factors
from crbeam.design.mismatch_method import MismatchMethod, beamformer_proposal
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal


@dataclass(frozen=True)
class CodebookBeamformerMismatch(MismatchMethod):
    """Codewords with amplitudes that differ least from those of the guides, `sum_c s_c |U diag(v - v_c)|_F^2`.

    The solution is `sum_c s_c v_c` with `v_c >= 0`, scaled to full power.

    Reference: zhang2025 eq. (20).
    """

    key = "cpa-wbf"
    summary = "amplitudes of given beams nearest to those that are best for each criterion alone (closed form)"
    uses = frozenset({Codebook})

    def compromise(
        self,
        problem: DesignProblem,
        guides: Sequence[Guide],
        seed: np.random.SeedSequence,  # noqa: ARG002
    ) -> Proposal:
        """The blend of the guides' amplitudes, at full power in each budget."""
        words = {block: problem.codebooks[block].unit_codewords for block in problem.blocks}
        guide_factors = [
            {block: word_factors(word, guide.covariances[block]) for block, word in words.items()} for guide in guides
        ]
        return beamformer_proposal(problem, guides, guide_factors)
