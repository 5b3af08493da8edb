"""The weighted bound itself over phases and powers of constant-modulus beams.

A beam of block b is `f_l = sqrt(P x_l / N) exp(j phi_l)` with the share `x_l = s_l^2 / sum_k s_k^2` of its budget P, so
that every point (phi, s) is feasible and uses the budget fully. Information sees `A_b = T_b^H F F^H T_b` only, T_b being
the few transmit vectors of the block; with the negative gradient G of the bound f with respect to A and `D = T G T^H F`,

    df/dphi = -2 Im( D o conj(F) ),     df/ds_l = -(2 s_l / sum_k s_k^2) (h_l - sum_k x_k h_k),   h_l = u_l^H T G T^H u_l,

for unit beams u_l. The method of steepest descent is replaced by L-BFGS on log f.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.analog_mismatch import AnalogBeams
from crbeam.design.reduced_bound import solve_positive
from crbeam.design.reduced_information import gradients, informations
from crbeam.design.reduction import ReducedProblem

#: Value of log f where the information is singular: far above every other.
BARRIER = 1e3


@dataclass(frozen=True, eq=False)
class AnalogPoint:
    """Beams as a point without constraints.

    Attributes:
        phases_rad: phase of each entry.
        roots: s of each beam; its power is `s^2` over the sum of `s^2` of all beams of its budget.
    """

    phases_rad: Float[np.ndarray, "block tx beam"]
    roots: Float[np.ndarray, "block beam"]


@dataclass(frozen=True, eq=False)
class AnalogEvaluation:
    """Value and derivatives at a point.

    Attributes:
        log_value: log of f relative to the isotropic transmission; `BARRIER` where the information is singular.
        phase_slopes: derivative of log f with respect to each phase.
        root_slopes: derivative of log f with respect to s.
    """

    log_value: float
    phase_slopes: Float[np.ndarray, "block tx beam"]
    root_slopes: Float[np.ndarray, "block beam"]

    @property
    def phase_gradient(self) -> float:
        """Norm of the derivative of f with respect to all phases, relative to f."""
        return float(np.linalg.norm(self.phase_slopes))


@dataclass(frozen=True, eq=False)
class Descent:
    """Where a descent ended.

    Attributes:
        point: the beams.
        log_value: at the point.
        trace: log f at the start and after each iteration.
        phase_gradient: norm of the phase derivative of f, relative to f.
    """

    point: AnalogPoint
    log_value: float
    trace: tuple[float, ...]
    phase_gradient: float


class AnalogBound:
    """Log of the weighted bound of a reduced problem as a function of constant-modulus beams in all of its blocks."""

    def __init__(self, reduced: ReducedProblem):
        self.reduced = reduced
        self.n_blocks, self.n_tx = len(reduced.problem.blocks), reduced.problem.n_tx
        self.owner = np.full(self.n_blocks, -1)
        for block, index in zip(reduced.shape.blocks, reduced.active_blocks, strict=True):
            self.owner[index] = block.budget
        pairs = zip(reduced.arrays.frames, reduced.bases, strict=True)
        self.responses = [np.ascontiguousarray((basis @ frame).conj().T) for frame, basis in pairs]

    def shares(self, roots: Float[np.ndarray, "block beam"]) -> Float[np.ndarray, "block beam"]:
        """Share of each beam in the power of its budget; unseen blocks have none."""
        squares = roots**2
        totals = self._budget_sums(squares.sum(axis=1))
        return np.where(self.owner >= 0, 1.0, 0.0)[:, None] * squares / totals[:, None]

    def _budget_sums(self, values: np.ndarray) -> np.ndarray:
        """For each block the sum of values over the seen blocks of its budget; 1 for unseen blocks."""
        sums = np.ones(self.n_blocks)
        for budget in range(self.reduced.shape.n_budgets):
            members = self.owner == budget
            sums[members] = values[members].sum()
        return sums

    def evaluate(self, point: AnalogPoint) -> AnalogEvaluation:
        """Log of the bound with its derivatives."""
        shape, arrays = self.reduced.shape, self.reduced.arrays
        shares = self.shares(point.roots)
        unit = np.exp(1j * point.phases_rad) / np.sqrt(self.n_tx)
        beams = unit * np.sqrt(shares)[:, None, :]
        active = self.reduced.active_blocks
        seen = [response @ beams[index] for response, index in zip(self.responses, active, strict=True)]
        matrices = informations(shape, arrays, [part @ part.conj().T for part in seen])
        answers = [solve_positive(matrix, right) for matrix, right in zip(matrices, arrays.selections, strict=True)]
        value = sum(float(np.sum(y * right)) for y, right in zip(answers, arrays.selections, strict=True))
        phase_slopes, gains = np.zeros(point.phases_rad.shape), np.zeros(point.roots.shape)
        if not (np.isfinite(value) and value > 0.0):
            return AnalogEvaluation(BARRIER, phase_slopes, gains)
        slopes = gradients(shape, arrays, answers)
        for index, response, slope in zip(active, self.responses, slopes, strict=True):
            steep = response.conj().T @ (slope @ (response @ unit[index]))
            products = steep * unit[index].conj()
            phase_slopes[index] = (-2.0 / value) * shares[index] * products.imag
            gains[index] = products.real.sum(axis=0) / value
        means, totals = self._budget_sums(np.sum(shares * gains, axis=1)), self._budget_sums((point.roots**2).sum(1))
        root_slopes = np.where(self.owner[:, None] >= 0, means[:, None] - gains, 0.0)
        return AnalogEvaluation(float(np.log(value)), phase_slopes, 2.0 * point.roots / totals[:, None] * root_slopes)

    def point(self, beams: AnalogBeams, *, mixing: float = 0.0) -> AnalogPoint:
        """Beams of any powers as a point.

        Args:
            beams: phases and powers.
            mixing: share of the power that is spread equally, so that no beam is lost for the descent.
        """
        totals = self._budget_sums(beams.powers.sum(axis=1))
        counts = self._budget_sums(np.full(self.n_blocks, float(beams.powers.shape[1])))
        relative = beams.powers / totals[:, None] * counts[:, None]
        return AnalogPoint(beams.phases_rad, np.sqrt((1.0 - mixing) * relative + mixing))

    def beams(self, point: AnalogPoint) -> AnalogBeams:
        """Beams of a point, powers relative to the budget of each block."""
        return AnalogBeams(point.phases_rad, self.shares(point.roots))

    def flat(self) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
        """Log f with its gradient as a function of all phases and roots in one vector."""

        def value(vector: np.ndarray) -> tuple[float, np.ndarray]:
            result = self.evaluate(self.unpacked(vector))
            return result.log_value, np.concatenate([result.phase_slopes.ravel(), result.root_slopes.ravel()])

        return value

    def unpacked(self, vector: np.ndarray) -> AnalogPoint:
        """The point of a vector."""
        n_beams = len(vector) // (self.n_blocks * (self.n_tx + 1))
        cut = self.n_blocks * self.n_tx * n_beams
        return AnalogPoint(
            vector[:cut].reshape(self.n_blocks, self.n_tx, n_beams), vector[cut:].reshape(self.n_blocks, n_beams)
        )

    def descend(self, start: AnalogPoint, *, max_iterations: int, tolerance: float) -> Descent:
        """L-BFGS on log f from a start, until every derivative is below the tolerance; never worse than the start."""
        from scipy.optimize import minimize

        value = self.flat()
        first = np.concatenate([start.phases_rad.ravel(), start.roots.ravel()])
        trace = [value(first)[0]]
        if max_iterations == 0 or trace[0] >= BARRIER:
            return Descent(start, trace[0], tuple(trace), self.evaluate(start).phase_gradient)

        def record(intermediate_result: Any) -> None:
            trace.append(min(float(intermediate_result.fun), trace[-1]))

        options: Any = {"maxiter": max_iterations, "maxfun": 4 * max_iterations, "maxcor": 30}
        options |= {"ftol": 0.0, "gtol": tolerance}
        result = minimize(value, first, jac=True, method="L-BFGS-B", callback=record, options=options)
        point = self.unpacked(result.x)
        evaluation = self.evaluate(point)
        return Descent(point, evaluation.log_value, tuple(trace), evaluation.phase_gradient)
