"""Penalty dual decomposition: a copy Q of the covariance behind the network, tied to it by a multiplier and a penalty.

    minimise f(Q) + |Q - F A F^H - rho Y|^2 / (2 rho)

over Q and A for fixed F, and over F for fixed Q and A, in turn; then `Y <- Y - (Q - F A F^H) / rho`, or a smaller rho.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.hybrid.lifted_phases import PhaseFit, fitted_phases
from crbeam.errors import SolverFailed

#: Share of the last violation below which a step of the multiplier is made.
TIGHTENING = 0.9


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
