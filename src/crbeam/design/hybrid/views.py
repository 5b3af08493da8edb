"""The digital problem behind a network, in coordinates that do not depend on the network, and its slope by the network.

With the Lagrangian `L = 2 tr(E^T Y) - tr(Y^T I0 Y) - sum_s <M_s, W_s> + c . mu` of the digital problem at its optimum,
`M_s = G(Y) + sum_j mu_j A_js`, the optimum changes with the network as L does with everything else fixed (envelope
theorem). Parameters stay whitened as without a network, so that a dual point of one network serves as a start for
another.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Complex

from crbeam.design.hybrid.networks import digital_relaxation, n_antennas_of
from crbeam.design.problem import DesignProblem
from crbeam.design.served.barrier import CentralPoint, adjoints, information_at
from crbeam.design.served.reduction import SeenCriterion, ServedProblem, reduce_served
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.design.subarrays import SubarrayHybrid

#: Relative eigenvalue of the whitened information below which a direction is open, and the prior that then closes it.
OPEN_SHARE, PRIOR_SHARE = 1e-13, 1e-9


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
    def reduced(self) -> ServedProblem:
        """The problem without the network, whose coordinates are used."""
        return self._without_network()

    @abstractmethod
    def _without_network(self) -> ServedProblem: ...

    def at(self, network: Complex[np.ndarray, "antenna chain"]) -> ServedProblem:
        """The digital problem behind a network."""
        behind = self._behind(network)
        return behind if self._prior == 0.0 else replace(behind, criteria=_with_prior(behind.criteria, self._prior))

    @cached_property
    def _prior(self) -> float:
        """Information that is added to every whitened parameter: none, unless networks leave a nuisance open.

        A nuisance without any information makes the optimal Y ambiguous. The prior settles it, and moves the values
        that the search sees by its share of what is known; the final design and its certificate are computed without.
        """
        behind = self._behind(self.hybrid.network(np.random.default_rng(0).uniform(-np.pi, np.pi, self.n_antennas)))
        totals = [np.eye(block.basis.shape[1]) + 0j for block in behind.blocks]
        spectra = [np.linalg.eigvalsh(information_at(each, totals)) for each in behind.criteria]
        open_ones = [values[-1] for values in spectra if values[0] <= OPEN_SHARE * values[-1]]
        return PRIOR_SHARE * float(min(open_ones, default=0.0))

    @abstractmethod
    def _behind(self, network: Complex[np.ndarray, "antenna chain"]) -> ServedProblem:
        """The digital problem with exactly the information behind a network."""

    @abstractmethod
    def slope(
        self, network: Complex[np.ndarray, "antenna chain"], optimum: CentralPoint
    ) -> Complex[np.ndarray, "antenna chain"]:
        """Derivative of the optimal value by the conjugate of the network."""


def _with_prior(criteria: tuple[SeenCriterion, ...], prior: float) -> tuple[SeenCriterion, ...]:
    return tuple(replace(each, constant=each.constant + prior * np.eye(len(each.constant))) for each in criteria)


def network_view(problem: DesignProblem, hybrid: SubarrayHybrid) -> NetworkView:
    """The view of a problem with one block."""
    kind = TransmitView if hybrid.side == "transmit" else ReceiveView
    return kind(problem, hybrid)


@dataclass(frozen=True, eq=False)
class TransmitView(NetworkView):
    """A network between chains and transmit antennas: `R_s = F W_s F^H`."""

    def _without_network(self) -> ServedProblem:
        """All that sees the covariance, over all antennas."""
        return reduce_served(digital_relaxation(self.problem))

    def _frames(self, network: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Q and T with `F^H B = Q T`: chains see the span through T."""
        left, right = np.linalg.qr(network.conj().T @ self.reduced.blocks[0].basis)
        return left, right

    def _behind(self, network: Complex[np.ndarray, "antenna chain"]) -> ServedProblem:
        """Coordinates of the span of what the chains see."""
        _, right = self._frames(network)
        whole = self.reduced
        block = whole.blocks[0]
        seen = replace(block, basis=block.basis @ right.conj().T, rows=right @ block.rows @ right.conj().T)
        criteria = tuple(
            replace(each, parts=tuple(replace(part, transmit=right @ part.transmit) for part in each.parts))
            for each in whole.criteria
        )
        return replace(whole, blocks=(seen,), criteria=criteria)

    def slope(
        self, network: Complex[np.ndarray, "antenna chain"], optimum: CentralPoint
    ) -> Complex[np.ndarray, "antenna chain"]:
        """`-sum_s M_s F W_s`."""
        left, right = self._frames(network)
        block = self.reduced.blocks[0]
        seen = adjoints(self.reduced, optimum.dual.responses)[0] + np.tensordot(
            block.rows, optimum.dual.multipliers, axes=(1, 0)
        )
        inner = np.sum(seen @ right.conj().T @ optimum.covariances[0], axis=0)
        return -block.basis @ inner @ left.conj().T


@dataclass(frozen=True, eq=False)
class ReceiveView(NetworkView):
    """A network between receive antennas and chains: what is heard is projected on its columns."""

    def _without_network(self) -> ServedProblem:
        """All but the requirements of uplink users, which depend on the network."""
        digital = digital_relaxation(self.problem)
        kept = tuple(part for part in digital.constraints if not isinstance(part, MinimumUplinkSinr))
        return reduce_served(replace(digital, constraints=kept))

    def _behind(self, network: Complex[np.ndarray, "antenna chain"]) -> ServedProblem:
        """What passes the network, without uplink users."""
        criteria = []
        for each, original in zip(self.reduced.criteria, self.problem.active_criteria, strict=True):
            parts = []
            for part, contribution in zip(each.parts, original.map.contributions, strict=True):
                if contribution.receiver == self.hybrid.port:
                    heard = network.conj().T @ contribution.receive
                    part = replace(part, weight=contribution.gram * (heard.conj().T @ heard))
                parts.append(part)
            criteria.append(replace(each, parts=tuple(parts)))
        return replace(self.reduced, criteria=tuple(criteria))

    def slope(
        self, network: Complex[np.ndarray, "antenna chain"], optimum: CentralPoint
    ) -> Complex[np.ndarray, "antenna chain"]:
        """As `bound_slope`, at the optimum."""
        return self.bound_slope(network, optimum.dual.responses, optimum.covariances[0].sum(axis=0))

    def bound_slope(
        self,
        network: Complex[np.ndarray, "antenna chain"],
        responses: tuple[np.ndarray, ...],
        total: Complex[np.ndarray, "size size"],
    ) -> Complex[np.ndarray, "antenna chain"]:
        """`-G_Q F`, G_Q the adjoint of the map in the receive projector, at given responses and reduced covariance."""
        found = np.zeros_like(network)
        for each, original, response in zip(
            self.reduced.criteria, self.problem.active_criteria, responses, strict=True
        ):
            for part, contribution in zip(each.parts, original.map.contributions, strict=True):
                if contribution.receiver != self.hybrid.port:
                    continue
                slopes = part.jacobian @ response
                inner = (
                    (slopes @ slopes.T) * contribution.gram.conj() * (part.transmit.conj().T @ total @ part.transmit)
                )
                found -= contribution.receive @ inner @ (contribution.receive.conj().T @ network)
        return found
