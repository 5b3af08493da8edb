"""Hybrid arrays whose network lowers the digital optimum behind it."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from crbeam.design.certificate import weighted_bound
from crbeam.design.hybrid.descent import NetworkDescent, descended, finished
from crbeam.design.hybrid.first_phase import served_starts_rad
from crbeam.design.hybrid.method import HybridMethod
from crbeam.design.hybrid.networks import digital_relaxation, with_network
from crbeam.design.hybrid.starts import starting_phases_rad
from crbeam.design.hybrid.views import NetworkView, network_view
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.served.optimum import served_optimum
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.design.subarrays import SubarrayHybrid
from crbeam.errors import CrbeamError

#: Prices of missing a requirement: the next is tried where no start ended with all of them met.
PRICES = (1e3, 1e5)


@dataclass(frozen=True)
class Hybrid(HybridMethod):
    """Phases by quasi-Newton descent of the digital optimum behind the network, from several starts.

    For each network the digital part is optimal, so that only phases are searched; by the envelope theorem one digital
    optimum gives the gradient by all of them. Requirements that a network cannot meet are missed at a high price on the
    way, so that every start will do.

    Attributes:
        starts: number of starts: towards the target, towards all, shared out, then random.
        max_iterations: steps in each of the stages of a descent.
        tolerance: relative accuracy of the digital part of the final design.

    Reference: li2024 eq. (26), eq. (53).

    Deviation: the paper splits the network off by a penalty and solves semidefinite programs in the space of all
    antennas (`pdd-downlink`, `ao-uplink`). Here nothing is relaxed but the search over phases, which is local; the
    lower bound says what it may have missed.
    """

    key = "hybrid"
    summary = "least weighted bound with phase shifters behind sub-arrays: descent over phases, optimal digital part"

    starts: int = 4
    max_iterations: int = 150
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_option("starts", self.starts >= 1, "at least 1")
        self.require_option("max_iterations", self.max_iterations >= 0, "at least 0")
        self.require_option("tolerance", 0.0 < self.tolerance <= 1e-2, "greater than 0 and at most 0.01")

    def propose_network(
        self,
        problem: DesignProblem,
        hybrid: SubarrayHybrid,
        start: np.ndarray | None,  # noqa: ARG002
        seed: np.random.SeedSequence,
    ) -> Proposal:
        """The best of all starts; covariances are of no use as starts.

        Raises:
            Infeasible: no start led to a network behind which the requirements can be met; another may exist.
        """
        optimum = served_optimum(digital_relaxation(problem), tolerance=self.tolerance)
        least = weighted_bound(digital_relaxation(problem), optimum.covariances)
        view = network_view(problem, hybrid)
        first = starting_phases_rad(problem, hybrid, self.starts, seed)
        for service in (part for part in problem.constraints if isinstance(part, MinimumUplinkSinr)):
            first = served_starts_rad(service, hybrid, first)
        best = self._best(view, first, least)
        return replace(best, dual=optimum.dual, subarrays=self.evidence(problem, hybrid))

    def _best(self, view: NetworkView, first: Float[np.ndarray, "start antenna"], least: float) -> Proposal:
        failures: list[CrbeamError] = []
        for price in PRICES:
            found = [
                descended(view, phases_rad, digital=least, price=price, max_iterations=self.max_iterations)
                for phases_rad in first
            ]
            ends = [self._end(view, descent, number) for number, descent in enumerate(found)]
            able = [end for end in ends if isinstance(end, Proposal)]
            if able:
                evaluations = sum(descent.evaluations for descent in found)
                best = min(able, key=lambda end: end.trace[-1])
                objectives = {name: value for end in able for name, value in end.details.items()}
                return replace(best, details={"evaluations": evaluations, **objectives})
            failures = [end for end in ends if isinstance(end, CrbeamError)]
        raise failures[0]

    def _end(self, view: NetworkView, descent: NetworkDescent, number: int) -> Proposal | CrbeamError:
        """The design that a descent leads to."""
        try:
            end = finished(view, descent.phases_rad, tolerance=self.tolerance)
        except CrbeamError as error:
            return error
        network = view.hybrid.network(descent.phases_rad)
        objective = weighted_bound(with_network(view.problem, network), end.covariances)
        trace = (*descent.trace, min(objective, descent.trace[-1]))
        details = {f"start_{number}_objective": objective}
        return replace(end, trace=trace, iterations=len(trace) - 1, details=details)
