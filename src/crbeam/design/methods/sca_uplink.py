"""Successive convex approximation of probing beside uplink users, as published."""

from dataclasses import dataclass

import numpy as np

from crbeam.design.one_by_one import OneByOne
from crbeam.design.problem import DesignProblem, WeightedBound
from crbeam.design.result import Proposal
from crbeam.design.served.probing_search import successive_probing
from crbeam.design.service_constraints import MinimumUplinkSinr


@dataclass(frozen=True)
class SuccessiveUplink(OneByOne):
    """The paper's Algorithm 4, corrected: probing and lifted combiners together, by programs inside the true one.

    It comes to the optimum of `digital`, which has the combiners in closed form, and needs many programs for it.

    Attributes:
        least_decrease: relative decrease at which it ends.
        max_iterations: number of programs.

    Reference: li2024 eq. (57), eq. (58), eq. (59), eq. (60), Algorithm 4.

    Deviation: factors of 2 that are missing in (57) and (59) are there; as printed the first program is infeasible.
    """

    key = "sca-uplink"
    summary = "uplink: probing and combiners by successive convex approximation (li2024 Algorithm 4, corrected)"
    uses = frozenset({MinimumUplinkSinr})
    is_global = False

    least_decrease: float = 1e-3
    max_iterations: int = 50

    def __post_init__(self) -> None:
        self.require_option("least_decrease", self.least_decrease > 0.0, "positive")
        self.require_option("max_iterations", self.max_iterations >= 1, "at least 1")

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """One run, from a weak isotropic probing."""
        return successive_probing(problem, tolerance=self.least_decrease, max_iterations=self.max_iterations)

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a weighted bound as the objective, one block, and one set of users."""
        reason = super().why_not(problem)
        if reason is not None:
            return reason
        if not isinstance(problem.objective, WeightedBound) or len(problem.blocks) != 1:
            return f"{self.key} minimises weighted bounds over one block only."
        sets = sum(isinstance(part, MinimumUplinkSinr) for part in problem.constraints)
        return None if sets == 1 else f"{self.key} needs one set of uplink users, but there are {sets}."
