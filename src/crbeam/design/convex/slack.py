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
    if matrices.shape[-1] == 1:
        values = np.real(matrices)
        return (1.0 / values, float(np.log(values).sum())) if (values > 0.0).all() else None
    try:
        roots = np.linalg.inv(np.linalg.cholesky(matrices))
    except np.linalg.LinAlgError:
        return None
    return _adjoint(roots) @ roots, -2.0 * float(np.log(np.real(np.einsum("sii->si", roots))).sum())


def seen_by(slack: Slack, cone: Cone) -> np.ndarray:
    """`F^H P_s F` of the frame F of a block, `[stream, column, column]`."""
    whitened = slack.root @ cone.frame
    pairs = whitened.conj().T @ whitened
    crossed = pairs.T[cone.first_vector + slack.places].swapaxes(1, 2)
    return pairs + crossed @ slack.inner @ _adjoint(crossed)


def _adjoint(matrices: np.ndarray) -> np.ndarray:
    return matrices.conj().swapaxes(1, 2)
