"""Alternation between probing and network for a hybrid array that listens, as published."""

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
class AlternatingUplink(PenaltyMethod):
    """The paper's Algorithm 6, corrected: probing and combiners (Algorithm 4), then phases (Algorithm 5), in turn.

    The trace has the weighted bound after each search for probing; `violation_n` in the details is the largest entry of
    the difference between copy and product after the n-th inner loop of all updates.

    Attributes:
        updates: number of updates of the network.
        least_decrease: relative decrease at which it ends.

    Reference: li2024 eq. (61), eq. (66), eq. (67), Algorithm 4, Algorithm 5, Algorithm 6.

    Deviation: the sign of the multiplier's step and of the requirement (70b) are corrected. What is handed over is the
    digital optimum behind the last network, so that requirements hold exactly.
    """

    key = "ao-uplink"
    summary = "hybrid array, uplink: probing and phases in turn (li2024 Algorithm 6, corrected)"
    keeps = frozenset({MinimumUplinkSinr})

    updates: int = 20
    least_decrease: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_option("updates", self.updates >= 1, "at least 1")
        self.require_option("least_decrease", self.least_decrease > 0.0, "positive")

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
        run = alternate(view, self.settings, seed, updates=self.updates, tolerance=self.least_decrease)
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
