"""Alternation between probing and network for a hybrid array that listens, as published."""

from dataclasses import dataclass

import numpy as np

from crbeam.design.hybrid.penalty_method import PenaltyMethod, alternated
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
    side = "receive"
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
        seed: np.random.SeedSequence,
    ) -> Proposal:
        """One run.

        Raises:
            Infeasible: the users do not reach their ratios behind the first network.
        """
        return alternated(self, problem, hybrid, seed, updates=self.updates, least_decrease=self.least_decrease)
