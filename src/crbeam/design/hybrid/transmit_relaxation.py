"""Bound on hybrid transmission that knows that the power is the same on all antennas of a sub-array.

For `R_s = F W_s F^H` the diagonal is constant inside every sub-array, whatever F. With real numbers d_sn whose mean
over every sub-array is the price `lam` of power, `sum_n d_sn R_s,nn = lam tr R_s`, so that in the dual of the digital
problem `lam 1` may be replaced by `diag(d_s)` for every stream s:

    maximise 2 tr(E^T Y) - tr(Y^T I0 Y) + c . mu - lam  with  diag(d_s) - G(Y) - sum_j mu_j A_js >= 0.

With d_s = lam it is the digital bound. Only N x N inverses are needed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from crbeam.design.hybrid.ascent import LocalModel, Relaxation
from crbeam.design.result import SubarrayEvidence
from crbeam.design.served.barrier import (
    DualPoint,
    add_objective,
    dual_value,
    follow_path,
    slack_slopes,
    slacks,
)
from crbeam.design.served.optimum import evidence_of
from crbeam.design.served.reduction import ServedProblem
from crbeam.design.subarrays import SubarrayHybrid

#: Gap up to which the digital dual is solved for a start.
FIRST_GAP = 1e-4


@dataclass(frozen=True, eq=False)
class TransmitRelaxation(Relaxation):
    """The dual, over Y, mu and lam, and what d_s has beyond lam in orthonormal coordinates of mean zero.

    Attributes:
        reduced: the digital problem, of one block and one budget.
        hybrid: the array.
    """

    reduced: ServedProblem
    hybrid: SubarrayHybrid

    @property
    def _basis(self) -> np.ndarray:
        return self.reduced.blocks[0].basis

    @cached_property
    def _spread(self) -> np.ndarray:
        """Orthonormal basis of what has mean zero in every sub-array, `[tx, coordinate]`."""
        size = self.hybrid.antennas_per_chain
        full, _ = np.linalg.qr(np.concatenate([np.ones((size, 1)), np.eye(size)[:, :-1]], axis=1))
        return np.kron(np.eye(len(self._basis) // size), full[:, 1:])

    @property
    def _n_streams(self) -> int:
        return len(self.reduced.blocks[0].streams)

    @property
    def weight(self) -> int:
        """All eigenvalues, multipliers and the price."""
        return self._n_streams * len(self._basis) + len(self.reduced.requirements) + 1

    def start(self) -> tuple[np.ndarray, float]:
        """A point of the digital central path."""
        points = follow_path(self.reduced, gap=FIRST_GAP).points
        near = (point for point in points if self.weight * point.barrier < dual_value(self.reduced, point.dual))
        first = next(near, points[-1])
        return np.concatenate([first.dual.vector(), np.zeros(self._n_streams * self._spread.shape[1])]), first.barrier

    def split(self, point: np.ndarray) -> tuple[DualPoint, np.ndarray]:
        """Point of the digital dual, and `d_s - lam`, `[stream, tx]`."""
        zero = origin(self.reduced)
        inner = zero.moved(point[: zero.vector().size])
        return inner, point[zero.vector().size :].reshape(self._n_streams, -1) @ self._spread.T

    def value(self, point: np.ndarray) -> float:
        """The dual function."""
        return dual_value(self.reduced, self.split(point)[0])

    def _slacks(self, point: np.ndarray) -> np.ndarray:
        """`S_s`, `[stream, tx, tx]`."""
        inner, shifts = self.split(point)
        price, size = float(inner.prices[0]), self._basis.shape[1]
        seen = self._basis @ (slacks(self.reduced, inner)[0] - price * np.eye(size)) @ self._basis.conj().T
        return seen + (price + shifts)[:, :, None] * np.eye(len(self._basis))

    def logarithms(self, point: np.ndarray) -> float:
        """Those of the eigenvalues of all S, of mu and of lam."""
        inner, _ = self.split(point)
        positive = np.concatenate([inner.multipliers, inner.prices])
        if np.any(positive <= 0.0):
            return -np.inf
        try:
            factors = np.linalg.cholesky(self._slacks(point))
        except np.linalg.LinAlgError:
            return -np.inf
        diagonals = np.real(np.diagonal(factors, axis1=1, axis2=2))
        return float(np.sum(np.log(positive)) + 2.0 * np.sum(np.log(diagonals)))

    def model(self, point: np.ndarray, barrier: float) -> LocalModel:
        """Of the digital unknowns through the span that sees the covariance, of the others through `|S^-1|^2`."""
        inner, _ = self.split(point)
        inverses = np.linalg.inv(self._slacks(point))
        frame = self._basis
        seen = frame.conj().T @ inverses @ frame
        slopes = slack_slopes(self.reduced, inner)[0]
        n_inner = slopes.shape[1]
        gradient, curvature = np.zeros(point.size), np.zeros((point.size, point.size))
        place = n_inner - 1
        slopes[:, place] = 0.0
        for stream, (inverse, part, slope) in enumerate(zip(inverses, seen, slopes, strict=True)):
            own = slice(n_inner + stream * self._spread.shape[1], n_inner + (stream + 1) * self._spread.shape[1])
            #: Derivatives of S by the diagonal, from the price (all ones) and the coordinates of mean zero.
            diagonal = np.concatenate([np.ones((len(frame), 1)), self._spread], axis=1)
            columns = np.r_[place, np.arange(own.start, own.stop)]
            turned = part @ slope
            gradient[:n_inner] += barrier * np.real(np.trace(turned, axis1=1, axis2=2))
            gradient[columns] += barrier * np.real(np.diagonal(inverse)) @ diagonal
            flat = turned.reshape(n_inner, -1)
            other = turned.swapaxes(1, 2).reshape(n_inner, -1)
            curvature[:n_inner, :n_inner] += barrier * np.real(flat @ other.T)
            curvature[np.ix_(columns, columns)] += barrier * diagonal.T @ np.abs(inverse) ** 2 @ diagonal
            wide = inverse @ frame
            crossed = np.real(np.einsum("na,uab,nb->un", wide, slope, wide.conj(), optimize=True)) @ diagonal
            curvature[:n_inner, columns] += barrier * crossed
            curvature[columns, :n_inner] += barrier * crossed.T
        add_objective(
            self.reduced, inner, [barrier * seen.sum(axis=0)], gradient[:n_inner], curvature[:n_inner, :n_inner]
        )
        positive = np.concatenate([inner.multipliers, inner.prices])
        places = np.arange(n_inner - positive.size, n_inner)
        gradient[places] += barrier / positive
        curvature[places, places] += barrier / positive**2
        return LocalModel(gradient, curvature)

    def evidence(self, point: np.ndarray) -> SubarrayEvidence:
        """What proves the bound, in the units of the problem."""
        inner, shifts = self.split(point)
        block = self.reduced.blocks[0]
        scaled = self.reduced.scale / block.power_w * shifts
        return SubarrayEvidence(evidence_of(self.reduced, inner), dict(zip(block.streams, scaled, strict=True)))


def origin(reduced: ServedProblem) -> DualPoint:
    """A point of the digital dual with all unknowns zero."""
    return DualPoint(
        tuple(np.zeros(criterion.selection.shape) for criterion in reduced.criteria),
        np.zeros(len(reduced.requirements)),
        np.zeros(reduced.n_budgets),
    )
