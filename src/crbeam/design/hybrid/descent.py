"""Analog networks by descent over their phases.

*Beside requirements of what is sent* the function is the digital optimum behind the network (`views`), from one stage
to the next more accurately.

*Beside uplink users* that has a kink wherever a user begins to limit the echo, and good networks lie on such kinks.
With the probing among the unknowns everything is smooth: the logarithm of the weighted bound is minimised while the
ratio of every user, with its best combiner, is a constraint. Factors B with `W = B B^H` keep the covariances of the
probing positive semidefinite. The gradients: `d bound = -<G(Y), dW> + 2 Re tr(S^H dF)` with `Y = I^-1 E`, G the adjoint
of the maps, and S of `ReceiveView.bound_slope`. With `C_k(x) = F^H (P sum_{i != k} h_i h_i^H + x a a^H + noise) F` the
best combiner `w = C_k^-1 F^H h_k` of user k gives it the ratio `P h_k^H F w`, which falls with the power x of the echo
by `P |w^H F^H a|^2` and changes with the network by `d ratio / dF* = P (h_k w^H - R_k F w w^H)`, R_k the matrix between
F^H and F.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.analog.smooth_descent import descend
from crbeam.design.constraints import SubarrayHybrid
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.hybrid.networks import by_phase, n_antennas_of, with_network
from crbeam.design.hybrid.views import NetworkView, ReceiveView, ValueFunction
from crbeam.design.problem import DesignProblem
from crbeam.design.requirements import level_above_db, user_power_words
from crbeam.design.result import Proposal
from crbeam.design.service_constraints import MinimumSinr, MinimumUplinkSinr
from crbeam.errors import Infeasible, InvalidInput

#: Accuracy of the value, from one stage of a descent to the next.
STAGES = (1e-2, 1e-3, 1e-4, 1e-5)
#: Relative decrease by a step below which a stage ends, as a share of its accuracy.
LEAST_DECREASE = 1e-3
#: Largest component of the gradient of the logarithm at which a stage ends.
FLAT = 1e-7
#: Logarithm of the factor by which a start beside users should exceed every ratio: room for the echo.
ROOM = 0.25
#: Steps of the descent to such a start.
MAX_SERVING = 300
#: Relative decrease at which the descent over phases and probing ends.
TOLERANCE = 1e-10
#: Shortfall of a scaled constraint that counts as rounding on the way.
ROUNDING = 1e-7
#: Share of the power that the first, isotropic probing takes.
FIRST_SHARE = 0.9


def starting_phases_rad(
    problem: DesignProblem, hybrid: SubarrayHybrid, count: int, seed: np.random.SeedSequence
) -> Float[np.ndarray, "start antenna"]:
    """All sub-arrays on the target; on the sum of target and users; shared out among them; then random ones.

    The first two are the same without users. What the information sees most stands for the target.
    """
    target, users = _seen_most(problem, hybrid), _served(problem, hybrid)
    n_antennas = n_antennas_of(problem, hybrid)
    objects = np.concatenate([target[:, None], users], axis=1)
    chosen = hybrid.chain_of(n_antennas) % objects.shape[1]
    structured = [np.angle(target), np.angle(objects.sum(axis=1)), np.angle(objects[np.arange(n_antennas), chosen])]
    structured = structured if users.size else structured[:1]
    rng = np.random.default_rng(seed)
    random = [rng.uniform(-np.pi, np.pi, n_antennas) for _ in range(max(0, count - len(structured)))]
    return np.array([*structured, *random][:count])


def _seen_most(problem: DesignProblem, hybrid: SubarrayHybrid) -> Complex[np.ndarray, " antenna"]:
    """Direction that the vectors of the maps share most."""
    parts = [part for criterion in problem.active_criteria for part in criterion.map.contributions]
    if hybrid.side == "transmit":
        found = [part.transmit for part in parts if part.block == hybrid.port]
    else:
        found = [part.receive for part in parts if part.receiver == hybrid.port]
    columns = np.concatenate(found, axis=1)
    left, _, _ = np.linalg.svd(columns / np.linalg.norm(columns, axis=0), full_matrices=False)
    return left[:, 0]


def _served(problem: DesignProblem, hybrid: SubarrayHybrid) -> Complex[np.ndarray, "antenna user"]:
    """Unit vectors towards the users that the array serves."""
    vectors: list[np.ndarray] = []
    for part in problem.constraints:
        if isinstance(part, MinimumSinr) and hybrid.side == "transmit" and hybrid.port in part.channels:
            vectors.append(part.channels[hybrid.port])
        if isinstance(part, MinimumUplinkSinr) and hybrid.side == "receive":
            vectors += list(part.uplink.channels.T)
    unit = [vector / np.linalg.norm(vector) for vector in vectors if np.any(vector)]
    return np.stack(unit, axis=1) if unit else np.zeros((n_antennas_of(problem, hybrid), 0), dtype=complex)


@dataclass(frozen=True, eq=False)
class NetworkDescent:
    """Where a descent over phases ended.

    Attributes:
        phases_rad: of all antennas.
        trace: least optimum behind a network so far, at the start and after each step; of the relaxed problem, in which
            requirements may be missed at a price.
        evaluations: of value and gradient.
    """

    phases_rad: Float[np.ndarray, " antenna"]
    trace: tuple[float, ...]
    evaluations: int


def descended(
    view: NetworkView, start_rad: Float[np.ndarray, " antenna"], *, digital: float, price: float, max_iterations: int
) -> NetworkDescent:
    """Descent from one start in stages of growing accuracy.

    Args:
        view: the problem as a function of the network.
        start_rad: first phases.
        digital: optimum without a network.
        price: of missing a requirement, relative to its size and to the objective at the isotropic covariance.
        max_iterations: of each stage.
    """
    phases_rad, evaluations = start_rad, 0
    trace: list[float] = []
    value = ValueFunction(view, STAGES[0], price, digital / view.program.unit)
    for accuracy in STAGES:
        stage = replace(value, accuracy=accuracy)
        found = descend(
            stage, phases_rad, max_iterations=max_iterations, tolerance=FLAT, least_decrease=LEAST_DECREASE * accuracy
        )
        phases_rad, evaluations = found.point, evaluations + found.evaluations
        trace += [view.program.unit * float(np.exp(each)) for each in found.trace]
    return NetworkDescent(phases_rad, tuple(np.minimum.accumulate(trace).tolist()), evaluations)


def finished(view: NetworkView, phases_rad: Float[np.ndarray, " antenna"], *, tolerance: float) -> Proposal:
    """The digital optimum behind a network, with the network.

    Raises:
        Infeasible: the requirements cannot be met behind it.
    """
    network = view.hybrid.network(phases_rad)
    optimum = convex_optimum(with_network(view.problem, network), tolerance=tolerance)
    return replace(optimum, networks={view.hybrid.port: network}, evidence=None)


@dataclass(frozen=True, eq=False)
class RatiosBesideEcho:
    """Ratios of all users behind a network with orthonormal columns, with their derivatives.

    Attributes:
        ratios: with the best combiners.
        slopes: `d ratio_k / dF*`.
        falls: `d ratio_k / dx`, x the power of the echo in watt.
    """

    ratios: Float[np.ndarray, " user"]
    slopes: Complex[np.ndarray, "user antenna chain"]
    falls: Float[np.ndarray, " user"]


def ratios_beside_echo(
    service: MinimumUplinkSinr, network: Complex[np.ndarray, "antenna chain"], echo_w: float
) -> RatiosBesideEcho:
    """Ratios of all users behind a network with orthonormal columns.

    Args:
        service: the users.
        network: F.
        echo_w: power of the echo that each antenna hears.
    """
    found = [_user(service, network, echo_w, user) for user in range(len(service.users))]
    ratios, slopes, falls = zip(*found, strict=True)
    return RatiosBesideEcho(np.array(ratios), np.array(slopes), np.array(falls))


def _user(service: MinimumUplinkSinr, network: np.ndarray, echo_w: float, user: int) -> tuple[float, np.ndarray, float]:
    uplink = service.uplink
    others = np.delete(uplink.channels, user, axis=1)
    own, echo = uplink.channels[:, user], service.echo
    power, noise = uplink.user_power_w, uplink.noise_power_w
    heard, direction = network.conj().T @ others, network.conj().T @ echo
    inner = power * heard @ heard.conj().T + echo_w * np.outer(direction, direction.conj())
    inner = inner + noise * np.eye(len(inner))
    combiner = np.linalg.solve(inner, network.conj().T @ own)
    ratio = power * float(np.real(own.conj() @ network @ combiner))
    passed = direction.conj() @ combiner
    disturbed = power * others @ (heard.conj().T @ combiner) + echo_w * echo * passed
    disturbed = disturbed + noise * network @ combiner
    slope = power * np.outer(own - disturbed, combiner.conj())
    return ratio, slope, -power * float(np.abs(passed)) ** 2


@dataclass(frozen=True, eq=False)
class MissedRatios:
    """`sum_k max(0, room - log(ratio_k / gamma_k))^2` without echo, with its gradient by the phases.

    Attributes:
        service: the users.
        hybrid: the array.
    """

    service: MinimumUplinkSinr
    hybrid: SubarrayHybrid

    def __call__(self, phases_rad: Float[np.ndarray, " antenna"]) -> tuple[float, Float[np.ndarray, " antenna"]]:
        """Value and gradient."""
        network = self.hybrid.network(phases_rad)
        found = ratios_beside_echo(self.service, network, 0.0)
        missed = np.maximum(0.0, ROOM - np.log(found.ratios / self.service.minimum_sinr))
        slope = np.tensordot(-2.0 * missed / found.ratios, found.slopes, axes=1)
        return float(np.sum(missed**2)), by_phase(slope, network)


def served_start_rad(
    service: MinimumUplinkSinr, hybrid: SubarrayHybrid, phases_rad: Float[np.ndarray, " antenna"]
) -> Float[np.ndarray, " antenna"]:
    """The nearest phases downhill with which all users have their ratios with some room, or as nearly as that leads."""
    missed = MissedRatios(service, hybrid)
    return descend(missed, phases_rad, max_iterations=MAX_SERVING, tolerance=1e-9).point


def served_starts_rad(
    service: MinimumUplinkSinr, hybrid: SubarrayHybrid, starts_rad: Float[np.ndarray, "start antenna"]
) -> Float[np.ndarray, "served antenna"]:
    """Those starts from which the descent leads to networks that serve all users, moved there.

    Raises:
        Infeasible: there is none; this is no proof that no network does.
    """
    moved = np.array([served_start_rad(service, hybrid, phases_rad) for phases_rad in starts_rad])
    reached = [ratios_beside_echo(service, hybrid.network(phases_rad), 0.0).ratios for phases_rad in moved]
    shares = np.array([np.min(ratios / service.minimum_sinr) for ratios in reached])
    if np.any(shares > 1.0):
        return moved[shares > 1.0]
    nearest = int(np.argmax(shares))
    ratios = reached[nearest] / service.minimum_sinr
    heard = replace(service.uplink, network=hybrid.network(moved[nearest]))
    user = service.users[int(np.argmin(ratios))]
    raise Infeasible(
        f"All users must reach their SINR behind sub-arrays of {hybrid.antennas_per_chain} antennas, but no network "
        f"that was found serves them all: {user} misses its own by {level_above_db(1.0 / ratios.min())} dB even "
        f"without probing. Lower the requirement, take smaller sub-arrays or more starts, or raise the power of the "
        f"users; behind that network {user_power_words(service, heard)}.",
        requirement=f"uplink SINR of {user}",
    )


@dataclass(frozen=True, eq=False)
class JointModel:
    """Values and derivatives at one point.

    Attributes:
        value: logarithm of the weighted bound, in units of the objective at the isotropic covariance; infinite where
            there is none.
        gradient: its derivative.
        room: what must not be negative: logarithms of ratios over what users need, then what is left of scaled
            requirements of the probing and limits of its power.
        slopes: their derivatives, a row each.
    """

    value: float
    gradient: Float[np.ndarray, " unknown"]
    room: Float[np.ndarray, " constraint"]
    slopes: Float[np.ndarray, "constraint unknown"]


@dataclass(frozen=True, eq=False)
class JointProblem:
    """A problem with uplink users as a function of phases and factors of the probing, in a row.

    Attributes:
        view: the problem as a function of the network.
        service: the users.
    """

    view: ReceiveView
    service: MinimumUplinkSinr

    @cached_property
    def _echo_matrix(self) -> np.ndarray:
        """`E` with `echo = tr(E W)`."""
        seen = self.view.cone.basis.conj().T @ self.service.response
        if np.linalg.norm(seen) < (1.0 - 1e-6) * np.linalg.norm(self.service.response):
            raise InvalidInput("The echo that uplink users hear must be that of the target which is located.")
        return self.service.echo_gain * self.view.program.unit_w * np.outer(seen, seen.conj())

    @property
    def _shape(self) -> tuple[int, int, int]:
        """Streams, and size of their factors."""
        cone = self.view.cone
        return len(cone.streams), cone.size, cone.size

    def start(self, phases_rad: Float[np.ndarray, " antenna"]) -> Float[np.ndarray, " unknown"]:
        """Isotropic probing."""
        streams, size, _ = self._shape
        factors = np.sqrt(FIRST_SHARE / (streams * size)) * np.tile(np.eye(size), (streams, 1, 1))
        return self._vector(phases_rad, factors + 0j)

    def at(self, point: Float[np.ndarray, " unknown"]) -> JointModel:
        """Values and derivatives."""
        phases_rad, factors = point[: self.view.n_antennas], self._factors(point)
        network = self.view.hybrid.network(phases_rad)
        covariances = factors @ factors.conj().swapaxes(1, 2)
        value, gradient = self._bound(network, factors, covariances.sum(axis=0))
        rooms = [*self._ratios(network, factors), *self._limits(factors)]
        return JointModel(value, gradient, np.array([room for room, _ in rooms]), np.array([row for _, row in rooms]))

    def _factors(self, point: np.ndarray) -> np.ndarray:
        real, imaginary = point[self.view.n_antennas :].reshape(2, *self._shape)
        return real + 1j * imaginary

    def _vector(self, by_phase: np.ndarray, by_factor: np.ndarray) -> np.ndarray:
        return np.concatenate([by_phase, np.real(by_factor).ravel(), np.imag(by_factor).ravel()])

    def _bound(self, network: np.ndarray, factors: np.ndarray, total: np.ndarray) -> tuple[float, np.ndarray]:
        program = self.view.at(network)
        views = [view for _, view in program.cones[0].seen]
        try:
            responses = [
                np.linalg.solve(term.constant + view.information(total), term.selection)
                for term, view in zip(program.terms, views, strict=True)
            ]
        except np.linalg.LinAlgError:
            responses = []
        pairs = zip(program.terms, responses, strict=False)
        bound = sum(float(np.sum(each.selection * response)) for each, response in pairs)
        if not 0.0 < bound < np.inf:
            return np.inf, self._vector(np.zeros(len(network)), np.zeros_like(factors))
        slope = self.view.bound_slope(network, responses, total)
        adjoint = program.cones[0].adjoint(responses)
        return float(np.log(bound)), self._vector(by_phase(slope, network), -2.0 * adjoint @ factors) / bound

    def _ratios(self, network: np.ndarray, factors: np.ndarray) -> list[tuple[float, np.ndarray]]:
        """Logarithm of each user's ratio over what it needs."""
        half = self._echo_matrix @ factors
        echo_w = float(np.real(np.sum(half * factors.conj())))
        found = ratios_beside_echo(self.service, network, echo_w)
        return [
            (
                float(np.log(ratio / needed)),
                self._vector(by_phase(slope, network), 2.0 * fall * half) / ratio,
            )
            for ratio, needed, slope, fall in zip(
                found.ratios, self.service.minimum_sinr, found.slopes, found.falls, strict=True
            )
        ]

    def _limits(self, factors: np.ndarray) -> list[tuple[float, np.ndarray]]:
        """Requirements of the probing itself and limits of its power, `2 A_js B_s` being their derivatives."""
        program, silent = self.view.program, np.zeros(self.view.n_antennas)
        found = []
        for level, floor in enumerate(program.levels.tolist()):
            turned = self.view.cone.coefficients(level) @ factors
            room = float(np.sum(np.real(turned * factors.conj()))) - floor
            found.append((room, self._vector(silent, 2.0 * turned)))
        return found


class _Remembered:
    """A problem whose last point is not computed twice."""

    def __init__(self, problem: JointProblem) -> None:
        self._problem, self.calls = problem, 0
        self._point: np.ndarray | None = None

    def __call__(self, point: np.ndarray) -> JointModel:
        if self._point is None or not np.array_equal(point, self._point):
            self._point, self._model, self.calls = point.copy(), self._problem.at(point), self.calls + 1
        return self._model


def descended_together(
    view: ReceiveView,
    service: MinimumUplinkSinr,
    start_rad: Float[np.ndarray, " antenna"],
    *,
    max_iterations: int,
) -> NetworkDescent:
    """Descent over phases and probing from one start, by sequential quadratic programs.

    Args:
        view: the problem as a function of the network.
        service: the users.
        start_rad: first phases; ratios may be missed there.
        max_iterations: number of programs.
    """
    from scipy.optimize import minimize

    problem = JointProblem(view, service)
    model, first = _Remembered(problem), problem.start(start_rad)
    trace: list[float] = []

    def record(point: np.ndarray) -> None:
        here = model(point)
        if here.room.min() >= -ROUNDING:
            trace.append(here.value)

    record(first)
    room = {"type": "ineq", "fun": lambda point: model(point).room, "jac": lambda point: model(point).slopes}
    end = minimize(
        lambda point: model(point).value,
        first,
        jac=lambda point: model(point).gradient,
        method="SLSQP",
        constraints=[room],
        callback=record,
        options={"maxiter": max_iterations, "ftol": TOLERANCE},
    )
    values = view.program.unit * np.exp(np.minimum.accumulate([*trace, *([] if trace else [end.fun])]))
    return NetworkDescent(end.x[: view.n_antennas], tuple(values.tolist()), model.calls)
