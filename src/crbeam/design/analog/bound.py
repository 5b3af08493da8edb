"""The weighted bound itself over phases and powers of constant-modulus beams.

A beam of block b is `f_l = sqrt(P x_l / N) exp(j phi_l)` with the share `x_l = s_l^2 / sum_k s_k^2` of its budget P:
every point (phi, s) is feasible and uses the budget fully. Information sees a block through `A = T^H F F^H T` alone, T
being its few transmit vectors. With `G = -df/dA`, `D = T G T^H F` and `h_l = P u_l^H T G T^H u_l` for unit beams u_l,

    df/dphi = -2 Im( D o conj(F) ),    df/ds_l = -(2 s_l / sum_k s_k^2) (h_l - sum_k x_k h_k).

L-BFGS on log f leads to stationary points. Without a constraint on the modulus F ranges over all covariances, so the
certified lower bound of the digital problem is one here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from crbeam.design.analog.mismatch import AnalogBeams, element_amplitudes
from crbeam.design.analog.smooth_descent import Descent, descend, polish
from crbeam.design.engine.reduced_bound import solve_positive
from crbeam.design.engine.reduced_information import gradients, informations
from crbeam.design.engine.reduction import ReducedProblem

#: Value of log f where the information is singular: far above every other.
BARRIER = 1e3
#: Share of the power that is spread over all beams of a start, so that none is lost for the descent.
MIXING = 0.05
#: Share of the power of a budget below which a beam has none.
LEAST_SHARE = 1e-9
#: Iterations of L-BFGS for one of Newton's method.
POLISHING = 25


@dataclass(frozen=True, eq=False)
class AnalogPoint:
    """Beams as a point without constraints.

    Attributes:
        phases_rad: phase of each entry.
        roots: s of each beam; its power is `s^2` over the sum of `s^2` of all beams of its budget.
    """

    phases_rad: Float[np.ndarray, "block tx beam"]
    roots: Float[np.ndarray, "block beam"]

    @property
    def vector(self) -> Float[np.ndarray, " unknown"]:
        """All phases, then all roots, in a row."""
        return np.concatenate([self.phases_rad.ravel(), self.roots.ravel()])


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


class AnalogBound:
    """Log of the weighted bound of a reduced problem as a function of constant-modulus beams in all of its blocks."""

    def __init__(self, reduced: ReducedProblem):
        self.reduced = reduced
        self.antennas = tuple(reduced.problem.antennas.values())
        self.amplitudes = element_amplitudes(self.antennas)
        self.n_blocks, self.n_tx, _ = self.amplitudes.shape
        owner = np.full(self.n_blocks, -1)
        for block, index in zip(reduced.shape.blocks, reduced.active_blocks, strict=True):
            owner[index] = block.budget
        self.is_seen = (owner >= 0)[:, None]
        self.together = ((owner[:, None] == owner) & self.is_seen).astype(float)
        pairs = zip(reduced.arrays.frames, reduced.bases, strict=True)
        responses = [(basis @ frame).conj().T for frame, basis in pairs]  # with zeros up to the most antennas
        self.responses = [np.pad(each, ((0, 0), (0, self.n_tx - each.shape[1]))) for each in responses]

    def shares(self, roots: Float[np.ndarray, "block beam"]) -> Float[np.ndarray, "block beam"]:
        """Share of each beam in the power of its budget; unseen blocks have none."""
        return self.is_seen * roots**2 / self._budget_sums((roots**2).sum(axis=1))

    def _budget_sums(self, values: np.ndarray) -> np.ndarray:
        """For each block, as a column, the sum of values over the seen blocks of its budget; 1 for unseen blocks."""
        return np.where(self.is_seen, (self.together @ values)[:, None], 1.0)

    def evaluate(self, point: AnalogPoint) -> AnalogEvaluation:
        """Log of the bound with its derivatives by the phases and by s."""
        phases_rad, roots = point.phases_rad, point.roots
        shape, arrays = self.reduced.shape, self.reduced.arrays
        totals = self._budget_sums((roots**2).sum(axis=1))
        shares = self.is_seen * roots**2 / totals
        unit = self.amplitudes * np.exp(1j * phases_rad)
        beams = unit * np.sqrt(shares)[:, None, :]
        active = self.reduced.active_blocks
        seen = [response @ beams[index] for response, index in zip(self.responses, active, strict=True)]
        matrices = informations(shape, arrays, [part @ part.conj().T for part in seen])
        answers = [solve_positive(matrix, right) for matrix, right in zip(matrices, arrays.selections, strict=True)]
        value = sum(float(np.sum(y * right)) for y, right in zip(answers, arrays.selections, strict=True))
        phase_slopes, gains = np.zeros(phases_rad.shape), np.zeros(roots.shape)
        if not (np.isfinite(value) and value > 0.0):
            return AnalogEvaluation(BARRIER, phase_slopes, gains)
        slopes = gradients(shape, arrays, answers)
        for index, response, slope in zip(active, self.responses, slopes, strict=True):
            steep = response.conj().T @ (slope @ (response @ unit[index]))
            products = steep * unit[index].conj()
            phase_slopes[index] = (-2.0 / value) * shares[index] * products.imag
            gains[index] = products.real.sum(axis=0) / value
        means = self._budget_sums(np.sum(shares * gains, axis=1))
        root_slopes = np.asarray(2.0 * roots / totals * self.is_seen * (means - gains))
        return AnalogEvaluation(float(np.log(value)), phase_slopes, root_slopes)

    def __call__(self, vector: Float[np.ndarray, " unknown"]) -> tuple[float, Float[np.ndarray, " unknown"]]:
        """Log f with its gradient, of the vector of a point."""
        found = self.evaluate(self.unpacked(vector))
        return found.log_value, AnalogPoint(found.phase_slopes, found.root_slopes).vector

    def point(self, beams: AnalogBeams, *, mixing: float = 0.0) -> AnalogPoint:
        """Beams of any powers as a point.

        Args:
            beams: phases and powers.
            mixing: share of the power that is spread equally, so that no beam is lost for the descent.
        """
        totals = self._budget_sums(beams.shares.sum(axis=1))
        counts = self._budget_sums(np.full(self.n_blocks, float(beams.shares.shape[1])))
        relative = beams.shares / np.where(totals > 0.0, totals, 1.0) * counts
        return AnalogPoint(beams.phases_rad, np.sqrt((1.0 - mixing) * relative + mixing))

    def beams(self, point: AnalogPoint) -> AnalogBeams:
        """Beams of a point, powers relative to the budget of each block."""
        return AnalogBeams(point.phases_rad, self.shares(point.roots), self.antennas)

    def unpacked(self, vector: Float[np.ndarray, " unknown"]) -> AnalogPoint:
        """The point of a vector."""
        n_beams = len(vector) // (self.n_blocks * (self.n_tx + 1))
        cut = self.n_blocks * self.n_tx * n_beams
        phases_rad = vector[:cut].reshape(self.n_blocks, self.n_tx, n_beams)
        return AnalogPoint(phases_rad, vector[cut:].reshape(self.n_blocks, n_beams))

    def polish(self, end: Descent, *, max_iterations: int, tolerance: float) -> Descent:
        """Newton's method from the end of a descent that has not reached the tolerance, on the beams with power."""
        point = self.unpacked(end.point)
        is_kept = np.any(self.shares(point.roots) > LEAST_SHARE, axis=0)
        kept = AnalogPoint(point.phases_rad[:, :, is_kept], point.roots[:, is_kept])
        result = polish(self, kept.vector, max_iterations=max_iterations, tolerance=tolerance)
        if result.trace[-1] >= end.trace[-1]:
            return end
        return replace(result, trace=(*end.trace, *(value for value in result.trace if value < end.trace[-1])))


@dataclass(frozen=True, eq=False)
class AnalogBoundResult:
    """The best beams found.

    Attributes:
        beams: powers relative to the budget of each block.
        trace: weighted bound at the best start and after each iteration from there; infinite where it is singular.
        phase_gradient: norm of the derivative of the bound with respect to all phases, relative to the bound.
        start: number of the start that led there.
    """

    beams: AnalogBeams
    trace: tuple[float, ...]
    phase_gradient: float
    start: int


def analog_weighted_bound(
    reduced: ReducedProblem, starts: Sequence[AnalogBeams], *, max_iterations: int, tolerance: float
) -> AnalogBoundResult:
    """Constant-modulus beams with a stationary weighted bound that is not above that of any start.

    Every start is followed with a little power on each of its beams. If some start is better than all ends, as may be
    because of that power, it is followed as it is.

    Args:
        reduced: the problem; all of its blocks are taken as analog.
        starts: beams of any powers, the same number in all of them.
        max_iterations: of each descent; with 0 the best start is returned as it is. The best end, if not stationary,
            gets `1 / POLISHING` as many iterations of Newton's method.
        tolerance: largest derivative of log f in the end.
    """
    bound = AnalogBound(reduced)
    raw = [bound.point(beams) for beams in starts]
    values = [bound.evaluate(point).log_value for point in raw]
    winner = best = int(np.argmin(values))
    if max_iterations == 0:
        end = descend(bound, raw[best].vector, max_iterations=0, tolerance=tolerance)
    else:
        mixed = [bound.point(beams, mixing=MIXING).vector for beams in starts]
        ends = [descend(bound, vector, max_iterations=max_iterations, tolerance=tolerance) for vector in mixed]
        winner = min(range(len(ends)), key=lambda index: ends[index].trace[-1])
        end = ends[winner]
        if end.trace[-1] > values[best]:
            winner, end = best, descend(bound, raw[best].vector, max_iterations=max_iterations, tolerance=tolerance)
        if np.abs(end.gradient).max() > tolerance:
            end = bound.polish(end, max_iterations=max_iterations // POLISHING, tolerance=tolerance)
    point, logs = bound.unpacked(end.point), np.array(end.trace)
    trace = reduced.scale * np.exp(np.where(logs < BARRIER, logs, np.inf))
    return AnalogBoundResult(bound.beams(point), tuple(trace.tolist()), bound.evaluate(point).phase_gradient, winner)
