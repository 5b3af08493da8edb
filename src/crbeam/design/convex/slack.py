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
        shared: `F^H P F`, `[column, column]`.
        crossed: `F^H P H_s`, `[stream, column, own]`.
        inner: D_s.
        first: number of the first vector among the columns.
    """

    shared: np.ndarray
    crossed: np.ndarray
    inner: np.ndarray
    first: int

    def pairs(self, left: slice, right: slice) -> np.ndarray:
        """Entries for some columns, `[stream, left, right]`."""
        return self.shared[left, right] + self.crossed[:, left] @ self.inner @ _adjoint(self.crossed[:, right])

    @property
    def total(self) -> np.ndarray:
        """The sum over all streams."""
        own = (self.crossed @ self.inner).swapaxes(0, 1).reshape(len(self.shared), -1)
        return len(self.inner) * self.shared + own @ self.crossed.swapaxes(0, 1).reshape(len(self.shared), -1).conj().T

    def heard(self, factors: np.ndarray) -> np.ndarray:
        """`sum_s f_sm` times the diagonal, of each vector."""
        crossed = self.crossed[:, self.first :]
        more = np.real(np.sum((crossed @ self.inner) * crossed.conj(), axis=2))
        return factors.sum(axis=0) * np.real(np.diagonal(self.shared))[self.first :] + np.sum(factors * more, axis=0)

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
    return Seen(shared, shared.T[cone.first_vector + slack.places].swapaxes(1, 2), slack.inner, cone.first_vector)


def _adjoint(matrices: np.ndarray) -> np.ndarray:
    return matrices.conj().swapaxes(1, 2)
