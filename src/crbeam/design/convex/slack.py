"""The slacks of a block: those of its streams are one matrix less a few rank-one parts of each, which is factored once.

    S_s = M - H_s diag(a_s) H_s^H,  a_s >= 0:    P_s = S_s^-1 = P + P H_s D_s H_s^H P,    P = M^-1,
    D_s = a_s^1/2 C_s^-1 a_s^1/2,   C_s = 1 - a_s^1/2 H_s^H P H_s a_s^1/2,   log det S_s = log det M + log det C_s

M has of each vector of rows and limits what the stream has that counts it least; most streams count all but one of
them alike.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from crbeam.design.convex.cone import Cone
from crbeam.linalg import inverse_root


@dataclass(frozen=True, eq=False)
class Slack:
    """Slacks of the streams of a block, all positive definite.

    Attributes:
        root: inverse Cholesky factor of M, `[size, size]`.
        own: H_s, `[stream, size, own]`, padded with vectors that count 0.
        places: of these among all vectors, `[stream, own]`.
        inner: D_s, `[stream, own, own]`.
        log_det: `sum log det S_s`.
    """

    root: np.ndarray
    own: np.ndarray
    places: np.ndarray
    inner: np.ndarray
    log_det: float

    @cached_property
    def shared(self) -> np.ndarray:
        """P."""
        return self.root.conj().T @ self.root

    @property
    def roots(self) -> np.ndarray:
        """K_s with `K_s^H K_s = P_s`, `[stream, size, size]`."""
        whitened = self.root @ self.own
        grown = np.eye(len(self.root)) + whitened @ self.inner @ _adjoint(whitened)
        return _adjoint(np.linalg.cholesky(grown)) @ self.root

    def covariances(self, tau: float, change: np.ndarray | None = None) -> np.ndarray:
        """`tau S_s^-1`, `[stream, size, size]`; with a change of the slacks to first order."""
        roots = self.roots
        inner = np.eye(len(self.root)) if change is None else np.eye(len(self.root)) - roots @ change @ _adjoint(roots)
        sent = tau * _adjoint(roots) @ inner @ roots
        return 0.5 * (sent + _adjoint(sent))


@dataclass(frozen=True, eq=False)
class LineSlack:
    """Slacks along the beams of a codebook, all positive.

    Attributes:
        inverse: `1 / S_s`, `[stream, beam]`.
    """

    inverse: np.ndarray

    @property
    def log_det(self) -> float:
        """`sum log S_s`."""
        return -float(np.log(self.inverse).sum())

    def covariances(self, tau: float, change: np.ndarray | float | None = None) -> np.ndarray:
        """Powers `tau / S_s`, `[stream, beam]`; with a change of the slacks to first order, but at least 0."""
        inner = 1.0 if change is None else 1.0 - self.inverse * change
        return np.maximum(tau * self.inverse * inner, 0.0)


def slack_of(cone: Cone, rest: np.ndarray, levels: np.ndarray) -> Slack | None:
    """Slacks of a block, or None if one of them is not positive definite.

    Args:
        cone: the block.
        rest: what all streams share but for rows and limits on antennas, `[size, size]`.
        levels: multiplier of each vector, at least 0.
    """
    least, places, rises = cone.own_factors
    root = inverse_root(rest - (cone.vectors * (least * levels)) @ cone.adjoint_vectors)
    if root is None:
        return None
    amplitudes = np.sqrt(rises * levels[places])
    own = cone.own_vectors
    whitened = root @ own * amplitudes[:, None, :]
    core = _inverses(np.eye(places.shape[1]) - _adjoint(whitened) @ whitened)
    if core is None:
        return None
    inverses, log_det = core
    log_det -= 2.0 * len(places) * float(np.log(np.real(root.diagonal())).sum())
    return Slack(root, own, places, inverses * (amplitudes[:, :, None] * amplitudes[:, None, :]), log_det)


def _inverses(matrices: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Inverses of Hermitian matrices and `sum log det`; None if one of them is not positive definite."""
    if matrices.shape[-1] <= 1:
        values = np.real(matrices)
        return (1.0 / values, float(np.log(values).sum())) if (values > 0.0).all() else None
    try:
        roots = np.linalg.inv(np.linalg.cholesky(matrices))
    except np.linalg.LinAlgError:
        return None
    return _adjoint(roots) @ roots, -2.0 * float(np.log(np.real(np.einsum("sii->si", roots))).sum())


@dataclass(frozen=True, eq=False)
class Seen:
    """`F^H P_s F` of the frame F of a block: what all streams share, and what each has beyond that.

    Attributes:
        slack: the slacks.
        first: number of the first vector among the columns.
        frame: `P F`.
        shared: `F^H P F`, `[column, column]`.
        crossed: `F^H P H_s`, `[stream, column, own]`.
        moved: `F^H P H_s D_s`.
    """

    slack: Slack
    first: int
    frame: np.ndarray
    shared: np.ndarray
    crossed: np.ndarray
    moved: np.ndarray

    @property
    def inner(self) -> np.ndarray:
        """D_s."""
        return self.slack.inner

    @cached_property
    def squared(self) -> np.ndarray:
        """`F^H P^2 F`."""
        return self.frame.conj().T @ self.frame

    @cached_property
    def twice(self) -> np.ndarray:
        """`F^H P^2 H_s`, `[stream, column, own]`."""
        return self.squared.T[self.first + self.slack.places].swapaxes(1, 2)

    @cached_property
    def alone(self) -> np.ndarray:
        """`H_s^H P^2 H_s`, `[stream, own, own]`."""
        return np.take_along_axis(self.twice, self.first + self.slack.places[:, :, None], axis=1)

    @cached_property
    def halves(self) -> np.ndarray:
        """U_s with `F^H P_s^2 F = F^H P^2 F + U_s M_s^H + M_s U_s^H`, M_s being `moved`."""
        return self.twice + 0.5 * self.moved @ self.alone

    def pairs(self, left: slice, right: slice) -> np.ndarray:
        """Entries for some columns, `[stream, left, right]`."""
        return self.shared[left, right] + self.moved[:, left] @ _adjoint(self.crossed[:, right])

    @property
    def total(self) -> np.ndarray:
        """The sum over all streams."""
        return len(self.inner) * self.shared + _summed(self.moved, self.crossed)

    @property
    def total_squares(self) -> np.ndarray:
        """`F^H sum_s P_s^2 F`."""
        more = _summed(self.halves, self.moved)
        return len(self.inner) * self.squared + more + more.conj().T

    def heard(self, factors: np.ndarray) -> np.ndarray:
        """`sum_s f_sm` times the diagonal, of each vector."""
        return self._diagonal(factors, self.shared, self.moved, self.crossed)

    def heard_squares(self, factors: np.ndarray) -> np.ndarray:
        """The same of `F^H P_s^2 F`."""
        return self._diagonal(factors, self.squared, 2.0 * self.halves, self.moved)

    def _diagonal(self, factors: np.ndarray, shared: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        more = np.real(np.sum(left[:, self.first :] * right[:, self.first :].conj(), axis=2))
        return factors.sum(axis=0) * np.real(np.diagonal(shared))[self.first :] + np.sum(factors * more, axis=0)

    @property
    def trace(self) -> float:
        """`sum_s tr P_s`."""
        root = self.slack.root
        return len(self.inner) * float(np.vdot(root, root).real) + _trace(self.inner @ self.alone)

    @property
    def trace_of_squares(self) -> float:
        """`sum_s tr P_s^2`."""
        shared, turned = self.slack.shared, self.inner @ self.alone
        vectors = (self.slack.root @ self.frame[:, self.first :]).T[self.slack.places].swapaxes(1, 2)
        cubed = _trace(self.inner @ (_adjoint(vectors) @ vectors))
        return len(self.inner) * float(np.vdot(shared, shared).real) + 2.0 * cubed + _trace(turned @ turned)

    def products(self, factors: np.ndarray) -> np.ndarray:
        """`sum_s f_sm f_sn |entry_smn|^2` of all vectors; products of matrices where streams have one part each."""
        vectors = slice(self.first, None)
        if self.inner.shape[1] != 1:
            return np.einsum("sm,sn,smn->mn", factors, factors, np.abs(self.pairs(vectors, vectors)) ** 2)
        shared, weights = self.shared[vectors, vectors], np.real(self.inner[:, 0, 0])
        crossed = self.crossed[:, vectors, 0]
        felt, power = factors * crossed, factors * np.abs(crossed) ** 2
        mixed = np.real(shared.conj() * ((felt.T * weights) @ felt.conj()))
        return np.abs(shared) ** 2 * (factors.T @ factors) + 2.0 * mixed + (power.T * weights**2) @ power


def seen_by(slack: Slack, cone: Cone) -> Seen:
    """What the columns of the frame of a block see of the inverse slacks of its streams."""
    whitened = slack.root @ cone.frame
    shared = whitened.conj().T @ whitened
    crossed = shared.T[cone.first_vector + slack.places].swapaxes(1, 2)
    return Seen(slack, cone.first_vector, slack.root.conj().T @ whitened, shared, crossed, crossed @ slack.inner)


def _summed(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """`sum_s A_s B_s^H` of stacks `[stream, column, own]`."""
    n_streams, n_columns, width = left.shape
    flat = [each.swapaxes(0, 1).reshape(n_columns, n_streams * width) for each in (left, right)]
    return flat[0] @ flat[1].conj().T


def _trace(matrices: np.ndarray) -> float:
    return float(np.real(np.einsum("sii->", matrices)))


def _adjoint(matrices: np.ndarray) -> np.ndarray:
    return matrices.conj().swapaxes(1, 2)
