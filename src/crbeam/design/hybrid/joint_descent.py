"""Descent over the phases of a combiner and the probing together, beside uplink users.

As a function of the phases alone the digital optimum has a kink wherever a user begins to limit the echo, and good
networks lie on such kinks. With the probing among the unknowns everything is smooth: the logarithm of the weighted
bound is minimised while the ratio of every user, with its best combiner, is a constraint. Factors B with `W = B B^H`
keep the covariances of the probing positive semidefinite.

The gradients: `d bound = -<G(Y), dW> + 2 Re tr(S^H dF)` with `Y = I^-1 E`, G the adjoint of the maps, and S of
`ReceiveView.bound_slope`; those of the ratios are in `echo_limits`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from crbeam.design.hybrid.descent import NetworkDescent
from crbeam.design.hybrid.echo_limits import ratios_beside_echo
from crbeam.design.hybrid.views import ReceiveView
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.errors import InvalidInput

#: Relative decrease at which the descent ends.
TOLERANCE = 1e-10
#: Shortfall of a scaled constraint that counts as rounding on the way.
ROUNDING = 1e-7
#: Share of the power that the first, isotropic probing takes.
FIRST_SHARE = 0.9


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
        return float(np.log(bound)), self._vector(_by_phase(slope, network), -2.0 * adjoint @ factors) / bound

    def _ratios(self, network: np.ndarray, factors: np.ndarray) -> list[tuple[float, np.ndarray]]:
        """Logarithm of each user's ratio over what it needs."""
        half = self._echo_matrix @ factors
        echo_w = float(np.real(np.sum(half * factors.conj())))
        found = ratios_beside_echo(self.service, network, echo_w)
        return [
            (
                float(np.log(ratio / needed)),
                self._vector(_by_phase(slope, network), 2.0 * fall * half) / ratio,
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


def _by_phase(slope: np.ndarray, network: np.ndarray) -> np.ndarray:
    """Derivative by the phases from that by the conjugate of the network."""
    return 2.0 * np.sum(np.real(slope.conj() * 1j * network), axis=1)


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
