"""Penalty dual decomposition: a copy Q of the covariance behind the network, tied to it by a multiplier and a penalty.

    minimise f(Q) + |Q - F A F^H - rho Y|^2 / (2 rho)

over Q and A for fixed F, and over F for fixed Q and A, in turn; then `Y <- Y - (Q - F A F^H) / rho`, or a smaller rho.

*Phases*: with `F = diag(f) Phi` a product `F A F^H` is the Hadamard product of `f f^H` and `Phi A Phi^H`, linear in
`f f^H`. The relaxation drops that this has rank one; random vectors with the relaxed covariance give phases that are
tried.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.conic import conic_bound, conic_objective, solved, squared_norm
from crbeam.design.hybrid.views import ReceiveView, TransmitView
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.errors import SolverFailed
from crbeam.linalg import span

#: Relative shortfall of a requirement that counts as rounding.
ROUNDING = 1e-9
#: Share of the last violation below which a step of the multiplier is made.
TIGHTENING = 0.9


@dataclass(frozen=True, eq=False)
class PhaseFit:
    """Minimise `|target - (f f^H) o kernel|^2` over phases f under `f^H X_k f >= c_k`.

    Attributes:
        target: what the product should be.
        kernel: `Phi A Phi^H`.
        quadratics: `X_k`, scaled to unit size.
        floors: `c_k`, scaled alike.
    """

    target: Complex[np.ndarray, "antenna antenna"]
    kernel: Complex[np.ndarray, "antenna antenna"]
    quadratics: Complex[np.ndarray, "requirement antenna antenna"]
    floors: Float[np.ndarray, " requirement"]

    def distance(self, phases_rad: Float[np.ndarray, " antenna"]) -> float:
        """Root of the objective."""
        factor = np.exp(1j * phases_rad)
        return float(np.linalg.norm(self.target - np.outer(factor, factor.conj()) * self.kernel))

    def holds(self, phases_rad: Float[np.ndarray, " antenna"]) -> bool:
        """Whether all requirements are met."""
        factor = np.exp(1j * phases_rad)
        reached = np.real(np.einsum("n,knm,m->k", factor.conj(), self.quadratics, factor))
        return bool(np.all(reached >= self.floors - ROUNDING * (1.0 + np.abs(self.floors))))


def phase_fit(target: np.ndarray, kernel: np.ndarray, requirements: list[tuple[np.ndarray, float]]) -> PhaseFit:
    """The problem with requirements `(X_k, c_k)` scaled to unit size."""
    size = len(target)
    sizes = [float(np.max(np.abs(matrix))) or 1.0 for matrix, _ in requirements]
    quadratics = [matrix / scale for (matrix, _), scale in zip(requirements, sizes, strict=True)]
    floors = [floor / scale for (_, floor), scale in zip(requirements, sizes, strict=True)]
    stacked = np.array(quadratics, dtype=complex).reshape(-1, size, size)
    return PhaseFit(target, kernel, stacked, np.array(floors, dtype=float))


def fitted_phases(
    fit: PhaseFit, current_rad: Float[np.ndarray, " antenna"], rng: np.random.Generator, *, samples: int
) -> Float[np.ndarray, " antenna"]:
    """The best of the current phases, those of the strongest direction of the relaxation, and random ones.

    Candidates that miss a requirement are left out, so that the current phases may be all there is.

    Reference: li2024 eq. (40), eq. (43), eq. (67), eq. (70).
    """
    relaxed = _relaxed(fit)
    if relaxed is None:
        return current_rad
    eigenvalues, vectors = np.linalg.eigh(relaxed)
    root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    draws = rng.standard_normal((samples, len(root))) + 1j * rng.standard_normal((samples, len(root)))
    candidates = np.angle(np.concatenate([vectors[:, -1:].T, draws @ root.T]))
    able = [current_rad, *(phases_rad for phases_rad in candidates if fit.holds(phases_rad))]
    return min(able, key=fit.distance)


def _relaxed(fit: PhaseFit) -> np.ndarray | None:
    """Solution of the semidefinite relaxation; None if the conic solver fails."""
    import cvxpy as cp

    scale = float(np.linalg.norm(fit.target)) or 1.0
    lifted = cp.Variable(fit.target.shape, hermitian=True)
    difference = fit.target / scale - cp.multiply(fit.kernel / scale, lifted)
    constraints = [lifted >> 0, cp.real(cp.diag(lifted)) == 1.0]
    constraints += [
        cp.real(cp.trace(matrix @ lifted)) >= floor for matrix, floor in zip(fit.quadratics, fit.floors, strict=True)
    ]
    error = cp.norm(cp.hstack([cp.real(difference), cp.imag(difference)]), "fro")
    return np.asarray(lifted.value) if solved(cp.Problem(cp.Minimize(error), constraints)) else None


@dataclass(frozen=True)
class PenaltySettings:
    """How the two loops run.

    Attributes:
        penalty: first rho, in units of the covariance squared over the objective at the isotropic covariance.
        shrink: factor on rho.
        inner_tolerance: relative decrease of the augmented objective at which the inner loop ends.
        outer_tolerance: violation at which the outer loop ends.
        max_inner: iterations of an inner loop.
        max_outer: iterations of the outer loop.
        samples: random candidates of each fit of the phases.
    """

    penalty: float = 1.0
    shrink: float = 0.6
    inner_tolerance: float = 1e-3
    outer_tolerance: float = 1e-4
    max_inner: int = 10
    max_outer: int = 30
    samples: int = 100


@dataclass(frozen=True, eq=False)
class FreeStep:
    """Best copy and digital part for fixed phases.

    Attributes:
        copy: Q.
        product: `F A F^H`.
        objective: f(Q), in units of the objective at the isotropic covariance.
        digital: what the digital part is, for `CoupledProblem.fit`.
    """

    copy: Complex[np.ndarray, "antenna antenna"]
    product: Complex[np.ndarray, "antenna antenna"]
    objective: float
    digital: object


class CoupledProblem(ABC):
    """A problem whose objective and network are to be split."""

    @abstractmethod
    def free_step(
        self, phases_rad: Float[np.ndarray, " antenna"], multiplier: Complex[np.ndarray, "antenna antenna"], rho: float
    ) -> FreeStep | None:
        """Best Q and digital part; None if the requirements cannot be met behind this network."""

    @abstractmethod
    def fit(self, target: Complex[np.ndarray, "antenna antenna"], digital: object) -> PhaseFit:
        """What the phases have to meet and come near, the digital part being given."""


@dataclass(frozen=True, eq=False)
class PenaltyRun:
    """What happened.

    Attributes:
        phases_rad: the last ones.
        objectives: f(Q) at the end of each inner loop, in units of the objective at the isotropic covariance.
        violations: largest entry of `Q - F A F^H` after each inner loop.
        inner_iterations: number of iterations of all inner loops.
    """

    phases_rad: Float[np.ndarray, " antenna"]
    objectives: tuple[float, ...]
    violations: tuple[float, ...]
    inner_iterations: int


def penalty_dual_decomposition(
    problem: CoupledProblem,
    start_rad: Float[np.ndarray, " antenna"],
    settings: PenaltySettings,
    rng: np.random.Generator,
) -> PenaltyRun:
    """Both loops, from phases behind which the requirements can be met.

    Raises:
        SolverFailed: they cannot be met behind the first network.

    Reference: li2024 Algorithm 2, Algorithm 5.

    Deviation: as printed the multiplier moves the wrong way; the sign here belongs to the printed objective.
    """
    phases_rad, rho, wanted = start_rad, settings.penalty, np.inf
    multiplier = np.zeros((start_rad.size,) * 2, dtype=complex)
    objectives: list[float] = []
    violations: list[float] = []
    count = 0
    for _ in range(settings.max_outer):
        phases_rad, step, inner = _inner_loop(problem, phases_rad, (multiplier, rho), settings, rng)
        count += inner
        difference = step.copy - step.product
        violation = float(np.max(np.abs(difference)))
        objectives.append(step.objective)
        violations.append(violation)
        if violation <= settings.outer_tolerance:
            break
        if violation <= wanted:
            multiplier = multiplier - difference / rho
        else:
            rho *= settings.shrink
        wanted = TIGHTENING * violation
    return PenaltyRun(phases_rad, tuple(objectives), tuple(violations), count)


def _inner_loop(
    problem: CoupledProblem,
    phases_rad: np.ndarray,
    dual: tuple[np.ndarray, float],
    settings: PenaltySettings,
    rng: np.random.Generator,
) -> tuple[np.ndarray, FreeStep, int]:
    """Copy and digital part, then phases, in turn; ends with a copy and a digital part that belong to the phases."""
    multiplier, rho = dual
    step = problem.free_step(phases_rad, multiplier, rho)
    if step is None:
        raise SolverFailed("The requirements must be met behind the first network, but are not.", status="infeasible")
    value = _augmented(step, multiplier, rho)
    for iteration in range(1, settings.max_inner + 1):
        fit = problem.fit(step.copy - rho * multiplier, step.digital)
        moved_rad = fitted_phases(fit, phases_rad, rng, samples=settings.samples)
        moved = problem.free_step(moved_rad, multiplier, rho)
        reached = np.inf if moved is None else _augmented(moved, multiplier, rho)
        if moved is None or reached >= value:
            return phases_rad, step, iteration
        phases_rad, step, last, value = moved_rad, moved, value, reached
        if last - value < settings.inner_tolerance * abs(last):
            return phases_rad, step, iteration
    return phases_rad, step, settings.max_inner


def _augmented(step: FreeStep, multiplier: np.ndarray, rho: float) -> float:
    difference = step.copy - step.product - rho * multiplier
    return step.objective + float(np.linalg.norm(difference)) ** 2 / (2.0 * rho)


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
        penalty = squared_norm(beyond) / (2.0 * rho)
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
        penalty = squared_norm(beyond) / (2.0 * rho)
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
        echo_w = service.echo_power_w(self.covariance)
        found = []
        for user, combiner in enumerate(self.combiners.T):
            spread = (combiner[chains] / np.sqrt(size)).conj()
            heard, echo = spread[:, None] * uplink.channels, spread * service.echo
            powers = np.full(heard.shape[1], -uplink.user_power_w)
            powers[user] = uplink.user_power_w / service.minimum_sinr[user]
            matrix = (heard * powers) @ heard.conj().T - echo_w * np.outer(echo, echo.conj())
            found.append((matrix, uplink.noise_power_w * float(np.sum(np.abs(combiner) ** 2))))
        return found
