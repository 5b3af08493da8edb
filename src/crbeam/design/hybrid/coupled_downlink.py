"""The downlink split for penalty dual decomposition: a copy of what all antennas send."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.convex.program import span
from crbeam.design.hybrid.lifted_phases import PhaseFit, phase_fit
from crbeam.design.hybrid.penalty import CoupledProblem, FreeStep
from crbeam.design.hybrid.views import TransmitView
from crbeam.design.served.conic import conic_bound, solved


@dataclass(frozen=True, eq=False)
class CoupledDownlink(CoupledProblem):
    """Copy `Q = F R F^H`, in units of the power budget, where R is the sum of all streams of the chains.

    Given the network, the best Q differs from `F R F^H + rho Y` in the span of the transmit vectors only, and the
    chains need the span of what sees them only: the program has a few dimensions whatever the number of antennas, and
    the same optimum as (38).

    Attributes:
        view: the problem as a function of the network.
    """

    view: TransmitView

    @cached_property
    def _informative(self) -> Complex[np.ndarray, "size direction"]:
        """Orthonormal basis of the transmit vectors in reduced coordinates."""
        return span(np.concatenate([view.transmit for _, view in self.view.cone.seen], axis=1))

    def free_step(
        self, phases_rad: Float[np.ndarray, " antenna"], multiplier: Complex[np.ndarray, "antenna antenna"], rho: float
    ) -> FreeStep | None:
        """The program (38) in its few dimensions, by a conic solver."""
        import cvxpy as cp

        network, basis = self.view.hybrid.network(phases_rad), self.view.cone.basis
        left, right = self.view.frames(network)
        seen = self.view.at(network)
        (cone,) = seen.cones
        streams = [cp.Variable((cone.size, cone.size), hermitian=True) for _ in cone.streams]
        beyond = cp.Variable((self._informative.shape[1],) * 2, hermitian=True)
        total: Any = sum(streams[1:], streams[0])
        sent = right.conj().T @ total @ right + rho * basis.conj().T @ multiplier @ basis
        sent = sent + self._informative @ beyond @ self._informative.conj().T
        constraints: list[Any] = [stream >> 0 for stream in streams]
        for level, floor in enumerate(seen.levels.tolist()):
            parts = zip(cone.coefficients(level), streams, strict=True)
            constraints.append(sum(cp.real(cp.trace(matrix @ stream)) for matrix, stream in parts) >= floor)
        objective, limits = conic_bound(self.view.program, sent)
        penalty = (cp.sum_squares(cp.real(beyond)) + cp.sum_squares(cp.imag(beyond))) / (2.0 * rho)
        if not solved(cp.Problem(cp.Minimize(objective + penalty), [*constraints, *limits])):
            return None
        chains = [left @ stream.value @ left.conj().T for stream in streams]
        product = network @ sum(chains) @ network.conj().T
        frame = basis @ self._informative
        copy = product + rho * multiplier + frame @ beyond.value @ frame.conj().T
        return FreeStep(copy, product, float(objective.value), dict(zip(cone.streams, chains, strict=True)))

    def fit(self, target: Complex[np.ndarray, "antenna antenna"], digital: object) -> PhaseFit:
        """Requirements with the streams of the chains as they are."""
        assert isinstance(digital, dict)
        chosen = self.view.hybrid.chain_of(self.view.n_antennas)
        size = self.view.hybrid.antennas_per_chain
        kernels = {name: chain[np.ix_(chosen, chosen)] / size for name, chain in digital.items()}
        total = sum(kernels.values(), np.zeros(target.shape, dtype=complex))
        power_w = self.view.program.unit_w
        found = []
        for requirement in self.view.program.statement.rows:
            matrix = np.zeros(target.shape, dtype=complex)
            for part in requirement.parts:
                kernel = total if part.stream is None else kernels[part.stream]
                matrix += part.factor * power_w * np.outer(part.vector, part.vector.conj()) * kernel.T
            found.append((matrix, requirement.floor_w))
        return phase_fit(target, total, found)
