"""Penalty dual decomposition for a hybrid array that listens, for one probing, as published."""

from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.hybrid.alternation import alternate
from crbeam.design.hybrid.descent import finished
from crbeam.design.hybrid.penalty_method import PenaltyMethod, violation_details
from crbeam.design.hybrid.views import ReceiveView
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.design.subarrays import SubarrayHybrid


@dataclass(frozen=True)
class PenaltyUplink(PenaltyMethod):
    """The paper's Algorithm 5, corrected: phases for the probing and the combiners that suit the first network.

    One update of the network in `ao-uplink`. The trace has the weighted bound before and after it.

    Reference: li2024 eq. (61), eq. (65), eq. (66), eq. (67), Algorithm 5.

    Deviation: the sign of the multiplier's step and of the requirement (70b) are corrected. What is handed over is the
    digital optimum behind the last network, so that requirements hold exactly.
    """

    key = "pdd-uplink"
    summary = (
        "hybrid array, uplink: phases for one probing by penalty dual decomposition (li2024 Algorithm 5, corrected)"
    )
    keeps = frozenset({MinimumUplinkSinr})

    def propose_network(
        self,
        problem: DesignProblem,
        hybrid: SubarrayHybrid,
        start: np.ndarray | None,  # noqa: ARG002
        seed: np.random.SeedSequence,
    ) -> Proposal:
        """One run; covariances are of no use as starts.

        Raises:
            Infeasible: the users do not reach their ratios behind the first network.
        """
        view = ReceiveView(problem, hybrid)
        run = alternate(view, self.settings, seed, updates=1, tolerance=1e-12)
        return replace(
            finished(view, run.phases_rad, tolerance=1e-6),
            trace=tuple(np.minimum.accumulate(run.objectives).tolist()),
            iterations=run.iterations,
            details=violation_details(run.violations),
            subarrays=self.evidence(problem, hybrid),
        )

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a hybrid array that listens to users, and is not too large."""
        return super().why_not(problem) or self.refusal(problem, "receive")
