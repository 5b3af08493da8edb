"""Covariance mismatch over beams of constant modulus: analog FDB of zhang2025."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.analog.method import AnalogMethod, analog_proposal, sent_beams, unit_beams
from crbeam.design.analog.mismatch import MismatchSettings, analog_mismatch, phase_slopes
from crbeam.design.guides import Guide
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.information import Transmission


@dataclass(frozen=True)
class AnalogMismatch(AnalogMethod):
    """Beams of constant modulus whose covariance is near the digital optima of each criterion alone.

    Minimises `sum_c share_c || F F^H - V_c ||_F^2` by alternating between powers and phases from several starts. The
    trace is this sum relative to its value without transmission.

    Attributes:
        starts: number of starts, all but the first random.
        threshold: relative reduction by an outer iteration below which a start has converged.
        max_iterations: outer iterations of each start.
        phase_iterations: steps on the phases in each outer iteration.

    Reference: zhang2025 eq. (23), Algorithm 1.
    """

    key = "analog-fdb"
    summary = "constant-modulus beams near the digital optima, by alternating power and phase steps"

    starts: int = MismatchSettings.starts
    threshold: float = MismatchSettings.threshold
    max_iterations: int = MismatchSettings.max_iterations
    phase_iterations: int = MismatchSettings.phase_iterations

    def __post_init__(self) -> None:
        self.require_option("starts", self.starts >= 1, "at least 1")
        self.require_option("threshold", 0.0 <= self.threshold < np.inf, "at least 0 and finite")
        self.require_option("max_iterations", self.max_iterations >= 0, "at least 0")
        self.require_option("phase_iterations", self.phase_iterations >= 1, "at least 1")

    def propose_beams(
        self, problem: DesignProblem, guides: Sequence[Guide], start: Transmission | None, seed: np.random.SeedSequence
    ) -> Proposal:
        """The beams of the best start."""
        settings = MismatchSettings(self.starts, self.threshold, self.max_iterations, self.phase_iterations)
        result = analog_mismatch(problem, guides, seed=seed, start=start, settings=settings)
        factors = sent_beams(problem, unit_beams(result.beams), tuple(result.beams.shares))
        slope = float(np.linalg.norm(phase_slopes(result.target, result.beams)))
        details = {"mismatch_gradient": slope / result.trace[-1], "starts": len(result.traces)}
        return analog_proposal(factors, result.trace, details)
