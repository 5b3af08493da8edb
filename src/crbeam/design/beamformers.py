"""Beamformers from transmit covariances."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.linalg import hermitian_part

#: Share of the strongest eigenvalue below which a beam carries no power.
RANK_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Beamformers:
    """Beams of one block.

    Attributes:
        matrix: one beam `f_l` per column, in sqrt(watt per subcarrier), strongest first; `F F^H` is the covariance.
        is_exact: False if there were fewer slots than the covariance's rank and the weakest beams were given up.
    """

    matrix: Complex[np.ndarray, "tx beam"]
    is_exact: bool

    @property
    def covariance(self) -> Complex[np.ndarray, "tx tx"]:
        """`F F^H`."""
        return self.matrix @ self.matrix.conj().T


def beamformers_from_covariance(covariance: Complex[np.ndarray, "tx tx"], n_slots: int | None = None) -> Beamformers:
    """Eigenbeams F with `F F^H = R`, strongest first, in at most `n_slots` columns.

    With at least as many slots as the rank of R this is exact. With fewer, it is the projection of R on its
    strongest eigenvectors (nearest in Frobenius norm among matrices of that rank), scaled back to the power of R.

    Reference: zhang2025 section III-A.
    """
    return eigenbeams(*np.linalg.eigh(hermitian_part(covariance)), n_slots)


def eigenbeams(
    ascending: Float[np.ndarray, " tx"], vectors: Complex[np.ndarray, "tx tx"], n_slots: int | None
) -> Beamformers:
    """Beamformers from the eigenvalues of a covariance, smallest first, and its eigenvectors as columns."""
    eigenvalues, vectors = np.maximum(ascending[::-1], 0.0), vectors[:, ::-1]
    rank = int(np.sum(eigenvalues > RANK_TOLERANCE * eigenvalues[0]))
    kept = rank if n_slots is None else min(rank, n_slots)
    power = eigenvalues[:kept]
    rescale = np.sqrt(eigenvalues.sum() / power.sum()) if power.sum() > 0.0 else 1.0
    return Beamformers(vectors[:, :kept] * np.sqrt(power) * rescale, kept == rank)
