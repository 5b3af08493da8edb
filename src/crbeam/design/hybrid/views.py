"""The digital problem behind a network, in coordinates that do not depend on the network, and its slope by the network.

With the Lagrangian `L = 2 tr(E^T Y) - tr(Y^T I0 Y) - sum_s <M_s, W_s> + c . mu` of the digital problem at its optimum,
`M_s = G(Y) + sum_j mu_j A_js`, the optimum changes with the network as L does with everything else fixed (envelope
theorem). Parameters stay whitened as without a network, so that a dual point of one network serves as a start for
another.

The value of a network is that of the barrier function of the dual on its central path, at a fixed weight of the
barrier: within the wanted accuracy of the optimum, smooth, and with an exact gradient. Requirements are elastic, so
that every network has a value.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.constraints import SubarrayHybrid
from crbeam.design.convex.centre import Centre, centre
from crbeam.design.convex.cone import Cone, View
from crbeam.design.convex.dual import Dual
from crbeam.design.convex.path import first_point
from crbeam.design.convex.program import Program, program_of
from crbeam.design.convex.statement import statement_of
from crbeam.design.hybrid.networks import by_phase, digital_relaxation, heard_by, n_antennas_of
from crbeam.design.problem import DesignProblem
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.errors import SolverFailed

#: Relative eigenvalue of the whitened information below which a direction is open, and the prior that then closes it.
OPEN_SHARE, PRIOR_SHARE = 1e-13, 1e-9
#: Squared Newton decrement at the last point, for an exact gradient.
FINE = 1e-9
#: Squared Newton decrement up to which a point of the last network is a start for another.
NEARBY = 10.0


@dataclass(frozen=True, eq=False)
class NetworkView(ABC):
    """A problem as a function of the network of its hybrid array.

    Attributes:
        problem: with the hybrid array.
        hybrid: the array.
    """

    problem: DesignProblem
    hybrid: SubarrayHybrid

    @cached_property
    def n_antennas(self) -> int:
        """Number of phases."""
        return n_antennas_of(self.problem, self.hybrid)

    @cached_property
    def program(self) -> Program:
        """The problem without the network, whose coordinates are used."""
        return program_of(statement_of(self._digital))

    @property
    def _digital(self) -> DesignProblem:
        return digital_relaxation(self.problem)

    @property
    def cone(self) -> Cone:
        """What the block may send without the network."""
        return self.program.cones[0]

    def at(self, network: Complex[np.ndarray, "antenna chain"]) -> Program:
        """The digital problem behind a network."""
        behind = replace(self.program, cones=(self._behind(network),))
        if self._prior == 0.0:
            return behind
        known = (each.constant + self._prior * np.eye(len(each.constant)) for each in behind.terms)
        terms = zip(behind.terms, known, strict=True)
        return replace(behind, terms=tuple(replace(each, constant=constant) for each, constant in terms))

    @cached_property
    def _prior(self) -> float:
        """Information that is added to every whitened parameter: none, unless networks leave a nuisance open.

        A nuisance without any information makes the optimal Y ambiguous. The prior settles it, and moves the values
        that the search sees by its share of what is known; the final design and its certificate are computed without.
        """
        cone = self._behind(self.hybrid.network(np.random.default_rng(0).uniform(-np.pi, np.pi, self.n_antennas)))
        even = np.eye(cone.size) + 0j
        spectra = [
            np.linalg.eigvalsh(self.program.terms[number].constant + view.information(even))
            for number, view in cone.seen
        ]
        open_ones = [values[-1] for values in spectra if values[0] <= OPEN_SHARE * values[-1]]
        return PRIOR_SHARE * float(min(open_ones, default=0.0))

    @abstractmethod
    def _behind(self, network: Complex[np.ndarray, "antenna chain"]) -> Cone:
        """What the block may send and the receiver hears with exactly the information behind a network."""

    @abstractmethod
    def slope(
        self, network: Complex[np.ndarray, "antenna chain"], optimum: Centre
    ) -> Complex[np.ndarray, "antenna chain"]:
        """Derivative of the optimal value by the conjugate of the network."""


def network_view(problem: DesignProblem, hybrid: SubarrayHybrid) -> NetworkView:
    """The view of a problem with one block."""
    kind = TransmitView if hybrid.side == "transmit" else ReceiveView
    return kind(problem, hybrid)


@dataclass(frozen=True, eq=False)
class TransmitView(NetworkView):
    """A network between chains and transmit antennas: `R_s = F W_s F^H`."""

    def frames(self, network: Complex[np.ndarray, "antenna chain"]) -> tuple[np.ndarray, np.ndarray]:
        """Q and T with `F^H B = Q T`, B the basis: chains see its span through T."""
        left, right = np.linalg.qr(network.conj().T @ self.cone.basis)
        return left, right

    def _behind(self, network: Complex[np.ndarray, "antenna chain"]) -> Cone:
        """Coordinates of the span of what the chains see."""
        _, right = self.frames(network)
        cone = self.cone
        views = tuple(view and replace(view, transmit=right @ view.transmit) for view in cone.views)
        return replace(cone, basis=cone.basis @ right.conj().T, vectors=right @ cone.vectors, views=views)

    def slope(
        self, network: Complex[np.ndarray, "antenna chain"], optimum: Centre
    ) -> Complex[np.ndarray, "antenna chain"]:
        """`-sum_s M_s F W_s`; power costs the same behind any network, whose columns are orthonormal."""
        left, right = self.frames(network)
        cone, point = self.cone, optimum.point
        weights = cone.factors * (cone.selector @ point.levels)
        seen = cone.adjoint(point.responses) + (cone.vectors * weights[:, None, :]) @ cone.vectors.conj().T
        inner = np.sum(seen @ right.conj().T @ optimum.covariances[0], axis=0)
        return -cone.basis @ inner @ left.conj().T


@dataclass(frozen=True, eq=False)
class ReceiveView(NetworkView):
    """A network between receive antennas and chains: what is heard is projected on its columns."""

    @property
    def _digital(self) -> DesignProblem:
        """All but the requirements of uplink users, which depend on the network."""
        digital = digital_relaxation(self.problem)
        kept = tuple(part for part in digital.constraints if not isinstance(part, MinimumUplinkSinr))
        return replace(digital, constraints=kept)

    @cached_property
    def heard(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Receive vectors and O of each term."""
        return heard_by(self.program.statement)

    def _behind(self, network: Complex[np.ndarray, "antenna chain"]) -> Cone:
        """What passes the network, without uplink users."""
        views: list[View] = []
        for view, (receive, gram) in zip(self.cone.views, self.heard, strict=True):
            assert view is not None
            passed = network.conj().T @ receive
            views.append(replace(view, weight=gram * (passed.conj().T @ passed)))
        return replace(self.cone, views=tuple(views))

    def slope(
        self, network: Complex[np.ndarray, "antenna chain"], optimum: Centre
    ) -> Complex[np.ndarray, "antenna chain"]:
        """As `bound_slope`, at the optimum."""
        return self.bound_slope(network, optimum.point.responses, optimum.covariances[0].sum(axis=0))

    def bound_slope(
        self,
        network: Complex[np.ndarray, "antenna chain"],
        responses: list[np.ndarray],
        total: Complex[np.ndarray, "size size"],
    ) -> Complex[np.ndarray, "antenna chain"]:
        """`-G_Q F`, G_Q the adjoint of the map in the receive projector, at given responses and reduced covariance."""
        found = np.zeros_like(network)
        for view, (receive, gram), response in zip(self.cone.views, self.heard, responses, strict=True):
            assert view is not None
            slopes = view.jacobian @ response
            inner = (slopes @ slopes.T) * gram.conj() * (view.transmit.conj().T @ total @ view.transmit)
            found -= receive @ inner @ (receive.conj().T @ network)
        return found


@dataclass(frozen=True, eq=False)
class ValueFunction:
    """Logarithm of the optimum behind a network, with its gradient by the phases.

    Attributes:
        view: the problem as a function of the network.
        accuracy: of the value, relative to the optimum without a network.
        price: of missing a scaled requirement by one, relative to the objective at the isotropic covariance.
        unit: optimum without a network, in units of the objective at the isotropic covariance.
    """

    view: NetworkView
    accuracy: float
    price: float
    unit: float
    #: Points near the path of the last network, with weights of the barrier: starts for other networks.
    _trail: list[tuple[float, np.ndarray]] = field(default_factory=list, repr=False)

    def __call__(self, phases_rad: Float[np.ndarray, " antenna"]) -> tuple[float, Float[np.ndarray, " antenna"]]:
        """Value and gradient."""
        network = self.view.hybrid.network(phases_rad)
        dual, optimum = self._central(network)
        value = optimum.value(dual)
        return float(np.log(value)), by_phase(self.view.slope(network, optimum), network) / value

    def missed(self, phases_rad: Float[np.ndarray, " antenna"]) -> float:
        """Largest scaled amount by which a requirement is missed at the optimum."""
        dual, optimum = self._central(self.view.hybrid.network(phases_rad))
        multipliers = optimum.point.levels[: dual.program.n_rows]
        return float(np.max(optimum.tau / (self.price - multipliers), initial=0.0))

    def _central(self, network: np.ndarray) -> tuple[Dual, Centre]:
        """The point of the central path at the weight of the barrier."""
        dual = Dual(replace(self.view.at(network), ceiling=self.price))
        tau = self.accuracy * self.unit / dual.weight
        found = self._from_the_last(dual, tau)
        if found is None:
            afar = max(1.0, self.price * self.unit) / dual.weight
            found = centre(dual, first_point(dual, afar), afar, lambda _: tau, fine=FINE)
            if not found.is_reached:
                raise SolverFailed("The optimum behind a network must converge, but did not.", status="not converged")
            self._trail[:] = [*found.trail, (found.tau, found.point.x)]
        return dual, found

    def _from_the_last(self, dual: Dual, tau: float) -> Centre | None:
        """From the last network's point at the smallest weight, of those not below the wanted, that is near enough."""
        for place, (weight, x) in reversed(list(enumerate(self._trail))):
            start = dual.point(x) if weight >= tau else None
            if start is not None:
                found = centre(dual, start, weight, lambda _: tau, fine=FINE, most=NEARBY)
                if found.is_reached:
                    self._trail[place:] = [*found.trail, (found.tau, found.point.x)]
                    return found
        return None
