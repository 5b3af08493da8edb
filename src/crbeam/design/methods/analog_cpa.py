"""Covariance mismatch over the powers of analog codewords: analog CPA of zhang2025."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.analog.method import AnalogMethod, analog_proposal, codeword_powers, has_codewords, sent_beams
from crbeam.design.analog.mismatch import covariance_mismatch, target_of
from crbeam.design.guides import Guide
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.information import Transmission


@dataclass(frozen=True)
class AnalogCodebookMismatch(AnalogMethod):
    """Powers of given constant-modulus beams whose covariance is nearest to the digital optima's blend.

    The powers are the exact solution of a quadratic program on a simplex.

    Reference: zhang2025 section V-B.
    """

    key = "analog-cpa"
    summary = "powers of given constant-modulus beams near the digital optima"

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs codewords of constant modulus."""
        reason = super().why_not(problem)
        if reason is None and not has_codewords(problem):
            return f"{self.key} needs codewords in the ConstantModulus constraint of every block."
        return reason

    def propose_beams(
        self,
        problem: DesignProblem,
        guides: Sequence[Guide],
        start: Transmission | None,  # noqa: ARG002
        seed: np.random.SeedSequence,  # noqa: ARG002
    ) -> Proposal:
        """Codewords with their powers."""
        target = target_of(problem, guides)
        words, powers = codeword_powers(problem, target)
        factors = sent_beams(problem, words, powers)
        sent = Transmission.of_factors(problem.blocks, list(factors.values()))
        return analog_proposal(factors, (covariance_mismatch(target, sent),), {})
