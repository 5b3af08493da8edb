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

from crbeam.design.hybrid.echo_limits import echo_limits
from crbeam.design.hybrid.networks import digital_relaxation, n_antennas_of
from crbeam.design.problem import DesignProblem
from crbeam.design.served.barrier import CentralPoint, adjoints
from crbeam.design.served.reduction import ServedProblem, reduce_served
from crbeam.design.service_constraints import MinimumUplinkSinr, PowerPart, Requirement
from crbeam.design.subarrays import SubarrayHybrid
from crbeam.errors import InvalidInput

#: Limits of the echo beyond this multiple of the largest echo never bind; they stay there.
LARGEST_LIMIT = 2.0


@dataclass(frozen=True, eq=False)
class NetworkView(ABC):
    """A problem as a function of the network of its hybrid array.

    Attributes:
        problem: with the hybrid array.
        hybrid: the array.
        smoothing: by how much, relative to the largest echo, the least limit of uplink users is smoothed.
    """

    problem: DesignProblem
    hybrid: SubarrayHybrid
    smoothing: float = 1e-3

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

    @abstractmethod
    def at(self, network: Complex[np.ndarray, "antenna chain"]) -> ServedProblem:
        """The digital problem behind a network."""

    @abstractmethod
    def slope(
        self, network: Complex[np.ndarray, "antenna chain"], optimum: CentralPoint
    ) -> Complex[np.ndarray, "antenna chain"]:
        """Derivative of the optimal value by the conjugate of the network."""


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

    def at(self, network: Complex[np.ndarray, "antenna chain"]) -> ServedProblem:
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

    @cached_property
    def _service(self) -> MinimumUplinkSinr | None:
        found = [part for part in self.problem.constraints if isinstance(part, MinimumUplinkSinr)]
        if len(found) > 1:
            raise InvalidInput(f"A problem must have at most one set of uplink users, found {len(found)}.")
        return found[0] if found else None

    def _without_network(self) -> ServedProblem:
        """All requirements, the last that of all uplink users; its limit is filled in for each network."""
        digital = digital_relaxation(self.problem)
        kept = tuple(part for part in digital.constraints if not isinstance(part, MinimumUplinkSinr))
        whole = reduce_served(replace(digital, constraints=kept))
        service = self._service
        if service is None:
            return whole
        block = whole.blocks[0]
        vector = block.basis.conj().T @ service.response / np.linalg.norm(service.response)
        if np.linalg.norm(vector) < 1.0 - 1e-6:
            raise InvalidInput("The echo that uplink users hear must be that of the target which is located.")
        rows = np.broadcast_to(-np.outer(vector, vector.conj()), (len(block.streams), 1, vector.size, vector.size))
        part = PowerPart(service.block, service.response, -1.0)
        return replace(
            whole,
            requirements=(*whole.requirements, Requirement("uplink SINR of all users", (part,), 0.0)),
            blocks=(replace(block, rows=np.concatenate([block.rows, rows], axis=1)),),
            floors=np.append(whole.floors, 0.0),
            row_scales=np.append(whole.row_scales, block.power_w * np.linalg.norm(service.response) ** 2),
        )

    def at(self, network: Complex[np.ndarray, "antenna chain"]) -> ServedProblem:
        """What passes the network, and how much echo the users bear behind it."""
        whole = self.reduced
        criteria = []
        for each, original in zip(whole.criteria, self.problem.active_criteria, strict=True):
            parts = []
            for part, contribution in zip(each.parts, original.map.contributions, strict=True):
                if contribution.receiver == self.hybrid.port:
                    heard = network.conj().T @ contribution.receive
                    part = replace(part, weight=contribution.gram * (heard.conj().T @ heard))
                parts.append(part)
            criteria.append(replace(each, parts=tuple(parts)))
        floors = whole.floors
        if self._service is not None:
            floors = np.append(floors[:-1], -self._least(network)[0])
        return replace(whole, criteria=tuple(criteria), floors=floors)

    @property
    def _unit_w(self) -> float:
        """Largest echo that the block can cause."""
        assert self._service is not None
        return self._service.echo_gain * float(self.reduced.row_scales[-1])

    def _least(self, network: np.ndarray) -> tuple[float, np.ndarray]:
        """Least limit of all users in units of the largest echo, smoothed, and its slope by the network."""
        assert self._service is not None
        limits = echo_limits(self._service, network, LARGEST_LIMIT * self._unit_w)
        scaled = limits.echo_w / (self._unit_w * self.smoothing)
        shares = np.exp(scaled.min() - scaled)
        least = self.smoothing * (scaled.min() - np.log(shares.sum()))
        slopes = limits.slopes() / self._unit_w
        return float(least), np.tensordot(shares / shares.sum(), slopes, axes=1)

    def slope(
        self, network: Complex[np.ndarray, "antenna chain"], optimum: CentralPoint
    ) -> Complex[np.ndarray, "antenna chain"]:
        """`-G_Q F - sum_k mu_k d(limit_k) / dF*`, G_Q the adjoint of the map in the receive projector."""
        found = np.zeros_like(network)
        total = optimum.covariances[0].sum(axis=0)
        criteria = zip(self.reduced.criteria, self.problem.active_criteria, optimum.dual.responses, strict=True)
        for each, original, response in criteria:
            for part, contribution in zip(each.parts, original.map.contributions, strict=True):
                if contribution.receiver != self.hybrid.port:
                    continue
                slopes = part.jacobian @ response
                inner = (
                    (slopes @ slopes.T) * contribution.gram.conj() * (part.transmit.conj().T @ total @ part.transmit)
                )
                found -= contribution.receive @ inner @ (contribution.receive.conj().T @ network)
        if self._service is not None:
            found -= optimum.dual.multipliers[-1] * self._least(network)[1]
        return found
