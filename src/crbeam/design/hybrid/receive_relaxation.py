"""Bound on hybrid reception through lifted covariances of every sub-array.

Information is bilinear in the projector `Q = blkdiag(f_1 f_1^H, f_2 f_2^H, ...)` and the covariance R: it is linear in
`Z_i = conj(f_i f_i^H) (x) R`. All that is kept of the network is `Z_i >= 0`, and that the diagonal blocks of Z_i, one
for each of the M antennas, are all R / M. The dual, with Hermitian prices D_n of every receive antenna n,

    maximise 2 tr(E^T Y) - tr(Y^T I0 Y) + c . mu - lam
    with  blkdiag(D_n, n in i) - K_i ((J Y)(J Y)^T o O) K_i^H >= 0  for every sub-array i,
          lam 1 - (1/M) sum_n D_n - sum_j mu_j A_js >= 0  for every stream s,

where column a of K_i is `conj(z_a) (x) t_a` on the antennas of i. Ratios of users enter through the limits on the echo
without a network, which are higher than behind any: the bound is loose where a network has to be made for the users.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from crbeam.design.engine.hermitian import hermitian_basis
from crbeam.design.hybrid.ascent import LocalModel, Relaxation
from crbeam.design.hybrid.transmit_relaxation import origin
from crbeam.design.problem import DesignProblem
from crbeam.design.result import SubarrayEvidence
from crbeam.design.served.barrier import DualPoint, dual_value, starting_point
from crbeam.design.served.optimum import evidence_of
from crbeam.design.served.reduction import ServedProblem
from crbeam.design.subarrays import SubarrayHybrid


@dataclass(frozen=True, eq=False)
class _LiftedPart:
    """A contribution as the chains see it: `K [chain, antenna x size, term]`, O, and the Jacobian."""

    criterion: int
    columns: np.ndarray
    gram: np.ndarray
    jacobian: np.ndarray


@dataclass(frozen=True, eq=False)
class ReceiveRelaxation(Relaxation):
    """The dual, over Y, mu, lam, and the prices of all antennas in real coordinates.

    Attributes:
        problem: without the hybrid array; one block, one budget, one receiver.
        reduced: its reduced form.
        hybrid: the array.
    """

    problem: DesignProblem
    reduced: ServedProblem
    hybrid: SubarrayHybrid

    @cached_property
    def _parts(self) -> tuple[_LiftedPart, ...]:
        found = []
        for number, (seen, criterion) in enumerate(
            zip(self.reduced.criteria, self.problem.active_criteria, strict=True)
        ):
            for part, contribution in zip(seen.parts, criterion.map.contributions, strict=True):
                whole = contribution.receive.conj()[:, None, :] * part.transmit[None]
                columns = whole.reshape(-1, self.hybrid.antennas_per_chain * self._size, whole.shape[2])
                found.append(_LiftedPart(number, columns, contribution.gram, part.jacobian))
        return tuple(found)

    @property
    def _size(self) -> int:
        return self.reduced.blocks[0].basis.shape[1]

    @property
    def _n_chains(self) -> int:
        return len(self._parts[0].columns)

    @property
    def _hermitian_basis(self) -> np.ndarray:
        """Of the covariance's size, `[coordinate, size, size]`."""
        return hermitian_basis(self._size)

    @cached_property
    def _price_slopes(self) -> np.ndarray:
        """Derivative of `blkdiag(D_n)` of a chain by the coordinates of its prices, `[coordinate, lifted, lifted]`."""
        per_chain, size = self.hybrid.antennas_per_chain, self._size
        units = np.zeros((per_chain, size**2, per_chain, size, per_chain, size), dtype=complex)
        for antenna in range(per_chain):
            units[antenna, :, antenna, :, antenna, :] = self._hermitian_basis
        return units.reshape(per_chain * size**2, per_chain * size, per_chain * size)

    @property
    def weight(self) -> int:
        """All eigenvalues, multipliers and the price."""
        block = self.reduced.blocks[0]
        lifted = self._n_chains * self.hybrid.antennas_per_chain * self._size
        return lifted + len(block.streams) * self._size + len(self.reduced.requirements) + 1

    def split(self, point: np.ndarray) -> tuple[DualPoint, np.ndarray]:
        """Point of the digital dual, and the coordinates of the prices, `[chain, coordinate]`."""
        zero = origin(self.reduced)
        n_inner = zero.vector().size
        return zero.moved(point[:n_inner]), point[n_inner:].reshape(self._n_chains, -1)

    def start(self) -> tuple[np.ndarray, float]:
        """That of the digital dual, with prices beyond all that is seen."""
        inner = starting_point(self.reduced)
        steepest = np.linalg.eigvalsh(self._seen(inner))[:, -1]
        margin = 1.1 * steepest + 0.1
        identity = np.einsum("cab,ba->c", self._hermitian_basis, np.eye(self._size)).real
        coordinates = np.concatenate([factor * np.tile(identity, self.hybrid.antennas_per_chain) for factor in margin])
        block = self.reduced.blocks[0]
        rows = np.tensordot(block.rows, inner.multipliers, axes=(1, 0))
        worst = float(np.linalg.eigvalsh(rows).max(initial=0.0)) + float(margin.sum())
        inner = DualPoint(inner.responses, inner.multipliers, np.array([1.1 * worst + 0.1]))
        point = np.concatenate([inner.vector(), coordinates])
        return point, max(1.0, abs(self.value(point))) / self.weight

    def value(self, point: np.ndarray) -> float:
        """The dual function."""
        return dual_value(self.reduced, self.split(point)[0])

    def _seen(self, inner: DualPoint) -> np.ndarray:
        """`K_i ((J Y)(J Y)^T o O) K_i^H`, `[chain, lifted, lifted]`."""
        found = 0.0
        for part in self._parts:
            slopes = part.jacobian @ inner.responses[part.criterion]
            found = found + part.columns @ ((slopes @ slopes.T) * part.gram) @ part.columns.conj().swapaxes(1, 2)
        return np.asarray(found)

    def _slacks(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Slack of every chain, `[chain, lifted, lifted]`, and of every stream, `[stream, size, size]`."""
        inner, coordinates = self.split(point)
        chains = np.tensordot(coordinates, self._price_slopes, axes=1) - self._seen(inner)
        mean = coordinates.reshape(-1, self._size**2).sum(axis=0) / self.hybrid.antennas_per_chain
        rows = np.tensordot(self.reduced.blocks[0].rows, inner.multipliers, axes=(1, 0))
        streams = float(inner.prices[0]) * np.eye(self._size) - np.tensordot(mean, self._hermitian_basis, axes=1) - rows
        return chains, streams

    def logarithms(self, point: np.ndarray) -> float:
        """Those of the eigenvalues of all slacks, of mu and of lam."""
        inner, _ = self.split(point)
        positive = np.concatenate([inner.multipliers, inner.prices])
        if np.any(positive <= 0.0):
            return -np.inf
        total = float(np.sum(np.log(positive)))
        try:
            for slack in self._slacks(point):
                factor = np.linalg.cholesky(slack)
                total += 2.0 * float(np.sum(np.log(np.real(np.diagonal(factor, axis1=1, axis2=2)))))
        except np.linalg.LinAlgError:
            return -np.inf
        return total

    def model(self, point: np.ndarray, barrier: float) -> LocalModel:
        """Chain by chain: each sees the responses and the prices of its own antennas."""
        inner, coordinates = self.split(point)
        chains, streams = self._slacks(point)
        n_inner, n_own = point.size - coordinates.size, coordinates.shape[1]
        gradient, curvature = np.zeros(point.size), np.zeros((point.size, point.size))
        inverses = np.linalg.inv(chains)
        of_responses = self._response_slopes(inner)
        n_responses = of_responses.shape[1]
        for chain, inverse in enumerate(inverses):
            own = n_inner + chain * n_own + np.arange(n_own)
            columns = np.concatenate([np.arange(n_responses), own])
            _add(
                gradient,
                curvature,
                columns,
                barrier,
                inverse,
                np.concatenate([of_responses[chain], self._price_slopes]),
            )
        self._add_streams(gradient, curvature, barrier, streams, n_inner)
        self._add_objective(gradient, curvature, inner, barrier * inverses)
        positive = np.concatenate([inner.multipliers, inner.prices])
        places = np.arange(n_inner - positive.size, n_inner)
        gradient[places] += barrier / positive
        curvature[places, places] += barrier / positive**2
        return LocalModel(gradient, curvature)

    def _response_slopes(self, inner: DualPoint) -> np.ndarray:
        """Derivative of the slack of every chain by the responses, `[chain, unknown, lifted, lifted]`."""
        lifted = self.hybrid.antennas_per_chain * self._size
        found = []
        for number, response in enumerate(inner.responses):
            slopes = np.zeros((self._n_chains, response.size, lifted, lifted), dtype=complex)
            for part in (each for each in self._parts if each.criterion == number):
                units = np.einsum("ap,bd->pdab", part.jacobian, part.jacobian @ response)
                units = units.reshape(response.size, *part.gram.shape)
                inside = (units + units.swapaxes(1, 2)) * part.gram
                slopes -= part.columns[:, None] @ inside @ part.columns.conj().swapaxes(1, 2)[:, None]
            found.append(slopes)
        return np.concatenate(found, axis=1)

    def _add_streams(
        self, gradient: np.ndarray, curvature: np.ndarray, barrier: float, streams: np.ndarray, n_inner: int
    ) -> None:
        """Slacks of the streams: they see the multipliers, the price, and the mean of all antennas' prices."""
        block, n_requirements = self.reduced.blocks[0], len(self.reduced.requirements)
        places = np.arange(n_inner - n_requirements - 1, gradient.size)
        mean = np.tile(self._hermitian_basis, (self._n_chains * self.hybrid.antennas_per_chain, 1, 1))
        mean = mean / self.hybrid.antennas_per_chain
        for rows, inverse in zip(block.rows, np.linalg.inv(streams), strict=True):
            slopes = np.concatenate([-rows, np.eye(self._size)[None], -mean])
            _add(gradient, curvature, places, barrier, inverse, slopes)

    def _add_objective(self, gradient: np.ndarray, curvature: np.ndarray, inner: DualPoint, lifted: np.ndarray) -> None:
        """Gradient and negative Hessian of the dual function, and the curvature of the slacks in the responses."""
        start = 0
        for number, (criterion, response) in enumerate(zip(self.reduced.criteria, inner.responses, strict=True)):
            information = criterion.constant
            for part in (each for each in self._parts if each.criterion == number):
                gram = np.sum(part.columns.conj().swapaxes(1, 2) @ lifted @ part.columns, axis=0)
                information = information + part.jacobian.T @ np.real(part.gram * gram.conj()) @ part.jacobian
            places = slice(start, start + response.size)
            gradient[places] += 2.0 * (criterion.selection - criterion.constant @ response).ravel()
            curvature[places, places] += 2.0 * np.kron(information, np.eye(response.shape[1]))
            start += response.size
        gradient[start : start + len(self.reduced.requirements)] += self.reduced.floors
        gradient[start + len(self.reduced.requirements)] -= 1.0

    def evidence(self, point: np.ndarray) -> SubarrayEvidence:
        """What proves the bound, in the units of the problem."""
        inner, coordinates = self.split(point)
        block = self.reduced.blocks[0]
        prices = np.tensordot(coordinates.reshape(-1, self._size**2), self._hermitian_basis, axes=1)
        whole = self.reduced.scale / block.power_w * block.basis @ prices @ block.basis.conj().T
        return SubarrayEvidence(evidence_of(self.reduced, inner), {self.hybrid.port: whole})


def _add(
    gradient: np.ndarray,
    curvature: np.ndarray,
    places: np.ndarray,
    barrier: float,
    inverse: np.ndarray,
    slopes: np.ndarray,
) -> None:
    """Add the part of one slack, which changes by `slopes` with the unknowns at these places."""
    turned = inverse @ slopes
    flat = turned.reshape(len(turned), -1)
    across = turned.swapaxes(1, 2).reshape(len(turned), -1)
    gradient[places] += barrier * np.real(np.trace(turned, axis1=1, axis2=2))
    curvature[np.ix_(places, places)] += barrier * np.real(flat @ across.T)
