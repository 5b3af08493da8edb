"""The uplink split for penalty dual decomposition: a copy of the projector on what the chains hear."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.convex.program import span
from crbeam.design.hybrid.lifted_phases import PhaseFit, phase_fit
from crbeam.design.hybrid.penalty import CoupledProblem, FreeStep
from crbeam.design.hybrid.views import ReceiveView
from crbeam.design.served.conic import conic_objective, solved
from crbeam.design.service_constraints import MinimumUplinkSinr


@dataclass(frozen=True, eq=False)
class CoupledUplink(CoupledProblem):
    """Copy `Q = F F^H` for a given probing covariance and given combiners.

    The best Q differs from `F F^H + rho Y` in the span of the receive vectors only.

    Attributes:
        view: the problem as a function of the network.
        covariance: R of the probing, in watt.
        combiners: w of each user behind the network, a column each.
    """

    view: ReceiveView
    covariance: Complex[np.ndarray, "tx tx"]
    combiners: Complex[np.ndarray, "chain user"]

    @cached_property
    def _basis(self) -> Complex[np.ndarray, "rx direction"]:
        """Orthonormal basis of the receive vectors."""
        return span(np.concatenate([receive for receive, _ in self.view.heard], axis=1))

    def free_step(
        self, phases_rad: Float[np.ndarray, " antenna"], multiplier: Complex[np.ndarray, "antenna antenna"], rho: float
    ) -> FreeStep | None:
        """The program (66) in its few dimensions, by a conic solver."""
        import cvxpy as cp

        network = self.view.hybrid.network(phases_rad)
        product = network @ network.conj().T
        basis, program = self._basis, self.view.program
        beyond = cp.Variable((basis.shape[1],) * 2, hermitian=True)
        known = basis.conj().T @ (product + rho * multiplier) @ basis
        weights, columns = [], []
        sent = self.view.cone.basis.conj().T @ self.covariance @ self.view.cone.basis / program.unit_w
        for (_, view), (receive, gram) in zip(self.view.cone.seen, self.view.heard, strict=True):
            weights.append(gram * (view.transmit.conj().T @ sent @ view.transmit).conj())
            columns.append(basis.conj().T @ receive)
        objective, limits = conic_objective(program, weights, columns, known + beyond)
        penalty = (cp.sum_squares(cp.real(beyond)) + cp.sum_squares(cp.imag(beyond))) / (2.0 * rho)
        if not solved(cp.Problem(cp.Minimize(objective + penalty), limits)):
            return None
        copy = product + rho * multiplier + basis @ beyond.value @ basis.conj().T
        return FreeStep(copy, product, float(objective.value), None)

    def fit(self, target: Complex[np.ndarray, "antenna antenna"], digital: object) -> PhaseFit:  # noqa: ARG002
        """Ratios of the users with their combiners and the probing as they are."""
        size = self.view.hybrid.antennas_per_chain
        chains = self.view.hybrid.chain_of(self.view.n_antennas)
        kernel = (chains[:, None] == chains[None, :]) / size + 0j
        services = [part for part in self.view.problem.constraints if isinstance(part, MinimumUplinkSinr)]
        found = [row for service in services for row in self._ratios(service, chains, size)]
        return phase_fit(target, kernel, found)

    def _ratios(self, service: MinimumUplinkSinr, chains: np.ndarray, size: int) -> list[tuple[np.ndarray, float]]:
        """`f^H X_k f >= noise |w_k|^2` for each user, with `w^H F^H h = f^H (conj(Phi w) o h)`."""
        uplink = service.uplink
        echo_w = service.echo_gain * float(np.real(service.response.conj() @ self.covariance @ service.response))
        found = []
        for user, combiner in enumerate(self.combiners.T):
            spread = (combiner[chains] / np.sqrt(size)).conj()
            heard, echo = spread[:, None] * uplink.channels, spread * service.echo
            powers = np.full(heard.shape[1], -uplink.user_power_w)
            powers[user] = uplink.user_power_w / service.minimum_sinr[user]
            matrix = (heard * powers) @ heard.conj().T - echo_w * np.outer(echo, echo.conj())
            found.append((matrix, uplink.noise_power_w * float(np.sum(np.abs(combiner) ** 2))))
        return found
