"""Successive convex approximation of probing beside uplink users, as published."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.method import DesignMethod
from crbeam.design.problem import DesignProblem, WeightedBound
from crbeam.design.result import Proposal
from crbeam.design.served.probing_search import successive_probing
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.errors import CrbeamError


@dataclass(frozen=True)
class SuccessiveUplink(DesignMethod):
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

    def propose_many(
        self,
        problems: Sequence[DesignProblem],
        *,
        starts: Sequence[np.ndarray | None],  # noqa: ARG002
        seeds: Sequence[np.random.SeedSequence],  # noqa: ARG002
    ) -> list[Proposal | CrbeamError]:
        """One problem after the other, from a weak isotropic probing."""
        return [self._proposal(problem) for problem in problems]

    def _proposal(self, problem: DesignProblem) -> Proposal | CrbeamError:
        try:
            return successive_probing(problem, tolerance=self.least_decrease, max_iterations=self.max_iterations)
        except CrbeamError as error:
            return error

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a weighted bound as the objective, one block, and one set of users."""
        reason = super().why_not(problem)
        if reason is not None:
            return reason
        if not isinstance(problem.objective, WeightedBound) or len(problem.blocks) != 1:
            return f"{self.key} minimises weighted bounds over one block only."
        sets = sum(isinstance(part, MinimumUplinkSinr) for part in problem.constraints)
        return None if sets == 1 else f"{self.key} needs one set of uplink users, but there are {sets}."
