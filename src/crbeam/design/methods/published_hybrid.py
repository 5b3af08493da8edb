"""Published methods for hybrid arrays, which split the network off by a penalty, and for probing beside users."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from crbeam.design.certificate import weighted_bound
from crbeam.design.conic import successive_probing
from crbeam.design.constraints import SubarrayHybrid
from crbeam.design.hybrid.descent import finished, served_start_rad, starting_phases_rad
from crbeam.design.hybrid.grading import best_combiners
from crbeam.design.hybrid.method import HybridMethod
from crbeam.design.hybrid.networks import hybrid_of, n_antennas_of, with_network
from crbeam.design.hybrid.penalty import CoupledDownlink, CoupledUplink, PenaltySettings, penalty_dual_decomposition
from crbeam.design.hybrid.views import ReceiveView, TransmitView
from crbeam.design.method import OneByOne
from crbeam.design.problem import DesignProblem, WeightedBound
from crbeam.design.result import Proposal
from crbeam.design.service_constraints import Illumination, MinimumSinr, MinimumUplinkSinr

#: Antennas of the hybrid array up to which the relaxation over all pairs of them is bearable.
LARGEST_LIFTED = 32
#: Relative decrease at which the search for probing ends, and its number of programs.
PROBING_TOLERANCE, MAX_PROGRAMS = 1e-3, 50


@dataclass(frozen=True)
class PenaltyMethod(PenaltySettings, HybridMethod):
    """A method whose phases come from a semidefinite relaxation of all pairs of antennas, with its options."""

    side: ClassVar[Literal["transmit", "receive"]]

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("penalty", "inner_tolerance", "outer_tolerance"):
            self.require_option(option, getattr(self, option) > 0.0, "positive")
        self.require_option("shrink", 0.0 < self.shrink < 1.0, "between 0 and 1")
        for option in ("max_inner", "max_outer", "samples"):
            self.require_option(option, getattr(self, option) >= 1, "at least 1")

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a hybrid array on the side that the method is for, and not too large."""
        reason = super().why_not(problem)
        if reason is not None:
            return reason
        hybrid = hybrid_of(problem)
        assert hybrid is not None
        if hybrid.side != self.side:
            return f"{self.key} needs a hybrid array on the {self.side} side."
        users = [part for part in problem.constraints if isinstance(part, MinimumUplinkSinr)]
        if self.side == "receive" and len(users) != 1:
            return f"{self.key} needs users in the uplink."
        n_antennas = n_antennas_of(problem, hybrid)
        if n_antennas > LARGEST_LIFTED:
            return (
                f"{self.key} lifts the phases to a matrix over all pairs of antennas, which is bearable up to "
                f"{LARGEST_LIFTED} antennas, but {hybrid.port} has {n_antennas}; `hybrid` has no such limit."
            )
        return None


def alternated(
    method: PenaltyMethod,
    problem: DesignProblem,
    hybrid: SubarrayHybrid,
    seed: np.random.SeedSequence,
    *,
    updates: int,
    least_decrease: float,
) -> Proposal:
    """Probing by successive approximation, combiners, then phases by penalty dual decomposition, in turn.

    From random phases, moved until the users have their ratios without echo; ends with the digital optimum behind the
    last network.

    Args:
        method: with the options of the decomposition.
        problem: with uplink users.
        hybrid: its array.
        seed: of the first phases, and of the roundings.
        updates: most updates of the network.
        least_decrease: relative decrease of the weighted bound by an update below which there is no other.

    Raises:
        Infeasible: the users do not reach their ratios behind the first network.

    Reference: li2024 Algorithm 6.

    Deviation: random phases of the paper seldom serve all users. Combiners are the best ones for the probing, not
    rounded from lifted ones.
    """
    view = ReceiveView(problem, hybrid)
    (service,) = [part for part in problem.constraints if isinstance(part, MinimumUplinkSinr)]
    phases_rad = served_start_rad(service, hybrid, starting_phases_rad(problem, hybrid, 4, seed)[3])
    rng = np.random.default_rng(seed)
    objectives: list[float] = []
    violations: list[float] = []
    iterations = 0
    for update in range(updates + 1):
        network = hybrid.network(phases_rad)
        fixed = with_network(problem, network)
        probing = successive_probing(fixed, tolerance=PROBING_TOLERANCE, max_iterations=MAX_PROGRAMS)
        objectives.append(weighted_bound(fixed, probing.covariances))
        is_flat = update > 0 and objectives[-2] - objectives[-1] < least_decrease * objectives[-2]
        if is_flat or update == updates:
            break
        (covariance,) = probing.covariances.values()
        coupled = CoupledUplink(view, covariance, best_combiners(service, network, covariance))
        run = penalty_dual_decomposition(coupled, phases_rad, method, rng)
        phases_rad, iterations = run.phases_rad, iterations + run.inner_iterations
        violations += run.violations
    return replace(
        finished(view, phases_rad, tolerance=1e-6),
        trace=tuple(np.minimum.accumulate(objectives).tolist()),
        iterations=iterations,
        details=_numbered("violation", violations),
        subarrays=method.evidence(problem, hybrid),
    )


def _numbered(name: str, values: Sequence[float]) -> dict[str, float]:
    """Values by the number of the outer iteration, as details of a design."""
    return {f"{name}_{number}": float(value) for number, value in enumerate(values, 1)}


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

    def propose_network(self, problem: DesignProblem, hybrid: SubarrayHybrid, seed: np.random.SeedSequence) -> Proposal:
        """One run.

        Raises:
            SolverFailed: the requirements cannot be met behind the first network.
        """
        view = TransmitView(problem, hybrid)
        first = starting_phases_rad(problem, hybrid, 2, seed)[-1]
        run = penalty_dual_decomposition(CoupledDownlink(view), first, self, np.random.default_rng(seed))
        copies = [view.program.unit * value for value in run.objectives]
        return replace(
            finished(view, run.phases_rad, tolerance=1e-6),
            trace=tuple(np.minimum.accumulate(copies).tolist()),
            iterations=run.inner_iterations,
            details={**_numbered("violation", run.violations), **_numbered("copy_objective", copies)},
            subarrays=self.evidence(problem, hybrid),
        )


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

    def propose_network(self, problem: DesignProblem, hybrid: SubarrayHybrid, seed: np.random.SeedSequence) -> Proposal:
        """One run.

        Raises:
            Infeasible: the users do not reach their ratios behind the first network.
        """
        return alternated(self, problem, hybrid, seed, updates=1, least_decrease=1e-12)


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

    def propose_network(self, problem: DesignProblem, hybrid: SubarrayHybrid, seed: np.random.SeedSequence) -> Proposal:
        """One run.

        Raises:
            Infeasible: the users do not reach their ratios behind the first network.
        """
        return alternated(self, problem, hybrid, seed, updates=self.updates, least_decrease=self.least_decrease)


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
