"""Penalty dual decomposition for a hybrid array that sends, as published."""

from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.hybrid.coupled_downlink import CoupledDownlink
from crbeam.design.hybrid.descent import finished
from crbeam.design.hybrid.penalty import penalty_dual_decomposition
from crbeam.design.hybrid.penalty_method import PenaltyMethod, copy_details, violation_details
from crbeam.design.hybrid.starts import starting_phases_rad
from crbeam.design.hybrid.views import TransmitView
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.service_constraints import Illumination, MinimumSinr
from crbeam.design.subarrays import SubarrayHybrid


@dataclass(frozen=True)
class PenaltyDownlink(PenaltyMethod):
    """The paper's Algorithm 2, corrected: a copy of the covariance, a multiplier and a penalty, phases by relaxation.

    It starts with all sub-arrays on the sum of target and users, where requirements can mostly be met. The trace has
    the objective of the copy after each inner loop, as far as it falls; in the details `copy_objective_n` is that after
    the n-th, below what a network reaches while copy and product differ, and `violation_n` the largest entry of their
    difference.

    Reference: li2024 eq. (36), eq. (38), eq. (40), Algorithm 2.

    Deviation: the sign of the multiplier's step, the directions of inequalities and conjugates in (43) are corrected.
    The program (38) is solved in the few dimensions that it has. What is handed over is the digital optimum behind the
    last network, so that requirements hold exactly.
    """

    key = "pdd-downlink"
    summary = "hybrid array, downlink: penalty dual decomposition with relaxed phases (li2024 Algorithm 2, corrected)"
    side = "transmit"
    keeps = frozenset({MinimumSinr, Illumination})

    def propose_network(
        self,
        problem: DesignProblem,
        hybrid: SubarrayHybrid,
        seed: np.random.SeedSequence,
    ) -> Proposal:
        """One run.

        Raises:
            SolverFailed: the requirements cannot be met behind the first network.
        """
        view = TransmitView(problem, hybrid)
        first = starting_phases_rad(problem, hybrid, 2, seed)[-1]
        run = penalty_dual_decomposition(CoupledDownlink(view), first, self.settings, np.random.default_rng(seed))
        return replace(
            finished(view, run.phases_rad, tolerance=1e-6),
            trace=tuple((view.program.unit * np.minimum.accumulate(run.objectives)).tolist()),
            iterations=run.inner_iterations,
            details={
                **violation_details(run.violations),
                **copy_details([view.program.unit * value for value in run.objectives]),
            },
            subarrays=self.evidence(problem, hybrid),
        )
