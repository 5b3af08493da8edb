"""Hybrid arrays whose network lowers the digital optimum behind it."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from crbeam.design.certificate import weighted_bound
from crbeam.design.constraints import AntennaPower, GroupPower, SubarrayHybrid
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.hybrid.descent import (
    STAGES,
    NetworkDescent,
    descended,
    descended_together,
    finished,
    served_starts_rad,
    starting_phases_rad,
)
from crbeam.design.hybrid.method import HybridMethod
from crbeam.design.hybrid.networks import digital_relaxation, service_of, with_network
from crbeam.design.hybrid.views import NetworkView, ReceiveView, network_view
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.errors import CrbeamError, Infeasible

#: Prices of missing a requirement: the next is tried where no start ended with all of them met.
PRICES = (1e3, 1e5)
#: Size of the random change of starts of receivers: sub-arrays exactly on the target are a saddle point.
OFF_SADDLE_RAD = 0.05


@dataclass(frozen=True)
class Hybrid(HybridMethod):
    """Phases by quasi-Newton descent of the digital optimum behind the network, from several starts.

    For each network the digital part is optimal, so that only phases are searched; by the envelope theorem one digital
    optimum gives the gradient by all of them. Requirements that a network cannot meet are missed at a high price on the
    way, so that every start will do. Limits on single antennas and groups are kept as well.

    Attributes:
        starts: number of starts: towards the target, towards all, shared out, then random.
        max_iterations: steps in each of the four stages of a descent; beside uplink users four times as many in one.
        tolerance: relative accuracy of the digital part of the final design.

    Reference: li2024 eq. (26), eq. (53).

    Deviation: the paper splits the network off by a penalty and solves semidefinite programs in the space of all
    antennas (`pdd-downlink`, `ao-uplink`). Here nothing is relaxed but the search over phases, which is local; the
    lower bound says what it may have missed.
    """

    key = "hybrid"
    summary = "least weighted bound with phase shifters behind sub-arrays: descent over phases, optimal digital part"
    keeps = HybridMethod.keeps | {AntennaPower, GroupPower}

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
        seed: np.random.SeedSequence,
    ) -> Proposal:
        """The best of all starts.

        Raises:
            Infeasible: no start led to a network behind which the requirements can be met; another may exist.
        """
        optimum = convex_optimum(digital_relaxation(problem), tolerance=self.tolerance)
        view = network_view(problem, hybrid)
        first = starting_phases_rad(problem, hybrid, self.starts, seed)
        if hybrid.side == "receive":
            first = first + OFF_SADDLE_RAD * np.random.default_rng(0).standard_normal(first.shape)
        service = service_of(problem, hybrid)
        if service is not None:
            assert isinstance(view, ReceiveView)
            best = self._beside_users(view, service, first)
        else:
            least = weighted_bound(digital_relaxation(problem), optimum.covariances)
            best = self._best(view, first, least)
        return replace(best, evidence=optimum.evidence, subarrays=self.evidence(problem, hybrid))

    def _beside_users(
        self, view: ReceiveView, service: MinimumUplinkSinr, first: Float[np.ndarray, "start antenna"]
    ) -> Proposal:
        """The best of all starts beside uplink users."""
        found = [
            descended_together(view, service, phases_rad, max_iterations=len(STAGES) * self.max_iterations)
            for phases_rad in served_starts_rad(service, view.hybrid, first)
        ]
        return self._selected(view, found)

    def _best(self, view: NetworkView, first: Float[np.ndarray, "start antenna"], least: float) -> Proposal:
        """The best of all starts; at a higher price where no start ended with all requirements met."""
        for price in PRICES[:-1]:
            try:
                return self._selected(view, self._descents(view, first, least, price))
            except CrbeamError:
                continue
        return self._selected(view, self._descents(view, first, least, PRICES[-1]))

    def _descents(
        self, view: NetworkView, first: Float[np.ndarray, "start antenna"], least: float, price: float
    ) -> list[NetworkDescent]:
        return [
            descended(view, phases_rad, digital=least, price=price, max_iterations=self.max_iterations)
            for phases_rad in first
        ]

    def _selected(self, view: NetworkView, found: list[NetworkDescent]) -> Proposal:
        """The best design that some descent led to; the error of the first if none did."""
        ends = [self._end(view, descent, number) for number, descent in enumerate(found)]
        able = [end for end in ends if isinstance(end, Proposal)]
        if not able:
            raise _unserved(view.hybrid, next(end for end in ends if isinstance(end, CrbeamError)))
        best = min(able, key=lambda end: end.trace[-1])
        objectives = {name: value for end in able for name, value in end.details.items()}
        return replace(best, details={"evaluations": sum(descent.evaluations for descent in found), **objectives})

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


def _unserved(hybrid: SubarrayHybrid, error: CrbeamError) -> CrbeamError:
    """What to say where no start led to a design."""
    if not isinstance(error, Infeasible):
        return error
    return Infeasible(
        f"Sub-arrays of {hybrid.antennas_per_chain} antennas must let all requirements be met, but no network that was "
        f"found does; with a chain for each antenna they can be met. Take smaller sub-arrays, lower requirements or "
        f"more starts. Behind the first network: {error}",
        requirement=error.requirement,
    )
