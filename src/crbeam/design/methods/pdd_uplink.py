"""Penalty dual decomposition for a hybrid array that listens, for one probing, as published."""

from dataclasses import dataclass

import numpy as np

from crbeam.design.hybrid.penalty_method import PenaltyMethod, alternated
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
    side = "receive"
    keeps = frozenset({MinimumUplinkSinr})

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
        return alternated(self, problem, hybrid, seed, updates=1, least_decrease=1e-12)
