"""Most power on the target under rates in lines of sight, as one convex program."""

from dataclasses import dataclass

import numpy as np

from crbeam.design.certified_method import CertifiedMethod
from crbeam.design.one_by_one import OneByOne
from crbeam.design.one_direction.optimum import most_power
from crbeam.design.one_direction.problem import only_direction, why_not_lit, with_evidence_for
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.service_constraints import MinimumSinr


@dataclass(frozen=True)
class LiftedSdp(OneByOne, CertifiedMethod):
    """Least weighted bound where all information comes over one direction, under the rates of receivers.

    In a line of sight a rate is a linear inequality on the covariances of all streams, and every bound is proportional
    to one over the power in the one direction, which is linear too: a semidefinite program with one scalar in place of
    all criteria. It is solved as by `digital`, which takes any criteria and needs more effort and loses digits by it.
    Messages end with one stream each, without loss. Whether the rates can be met is decided exactly beforehand.

    Reference: wang2024 eq. (23), eq. (32), eq. (37).

    Deviation: the paper approximates the rates successively (Algorithm II); in lines of sight there is nothing to
    approximate.
    """

    key = "lifted-sdp"
    summary = "least bound under rates where all information comes over one direction (global optimum)"
    keeps = frozenset({MinimumSinr})

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """The optimum, with evidence for grading."""
        direction = only_direction(problem)
        assert direction is not None, "why_not has said so"
        return with_evidence_for(problem, most_power(problem, direction, tolerance=self.tolerance), direction)

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs one block whose information comes over one direction."""
        return why_not_lit(self.key, problem) or super().why_not(problem)
