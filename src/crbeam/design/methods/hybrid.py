"""Hybrid arrays whose network lowers the digital optimum behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.certificate import weighted_bound
from crbeam.design.hybrid.descent import descended, finished
from crbeam.design.hybrid.networks import digital_relaxation, hybrid_of, n_antennas_of
from crbeam.design.hybrid.relaxation import subarray_evidence
from crbeam.design.hybrid.starts import starting_phases_rad
from crbeam.design.hybrid.views import NetworkView, network_view
from crbeam.design.hybrid_method import HybridMethod
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.served.optimum import served_optimum
from crbeam.errors import CrbeamError, Infeasible


@dataclass(frozen=True)
class Hybrid(HybridMethod):
    """Phases by quasi-Newton descent of the digital optimum behind the network, from several starts.

    For each network the digital part is optimal, so that only phases are searched; by the envelope theorem one digital
    optimum gives the gradient by all of them. Requirements that a network cannot meet are missed at a high price on the
    way, so that every start will do.

    Reference: li2024 eq. (26), eq. (53).

    Deviation: the paper splits the network off by a penalty and solves semidefinite programs in the space of all
    antennas (`pdd-downlink`, `ao-uplink`). Here nothing is relaxed but the search over phases, which is local; the
    lower bound says what it may have missed.

    Attributes:
        starts: number of starts: towards the target, towards all, shared out, then random.
        max_iterations: steps in each of the stages of a descent.
        tolerance: relative accuracy of the digital part of the final design.
        bound: whether to compute the bound that knows the sub-arrays: `auto` up to a size, `always`, `never`.
    """

    key = "hybrid"
    summary = "least weighted bound with phase shifters behind sub-arrays: descent over phases, optimal digital part"

    starts: int = 4
    max_iterations: int = 150
    tolerance: float = 1e-6
    bound: str = "auto"

    def __post_init__(self) -> None:
        self.require_option("starts", self.starts >= 1, "at least 1")
        self.require_option("max_iterations", self.max_iterations >= 0, "at least 0")
        self.require_option("tolerance", 0.0 < self.tolerance <= 1e-2, "greater than 0 and at most 0.01")
        self.require_option("bound", self.bound in ("auto", "always", "never"), "auto, always or never")

    def propose_network(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:
        """The best of all starts."""
        hybrid = hybrid_of(problem)
        assert hybrid is not None
        digital = digital_relaxation(problem)
        optimum = served_optimum(digital, tolerance=self.tolerance)
        view = network_view(problem, hybrid)
        starts = starting_phases_rad(problem, hybrid, self.starts, seed)
        least = weighted_bound(digital, optimum.covariances)
        best = self._best(view, starts, least)
        return replace(
            best,
            dual=optimum.dual,
            subarrays=subarray_evidence(problem, hybrid) if self.wants_bound(problem) else None,
        )
