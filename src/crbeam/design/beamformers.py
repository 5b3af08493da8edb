"""Beamformers from transmit covariances."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.linalg import hermitian_part

#: Share of the strongest eigenvalue below which a beam carries no power.
RANK_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Beamformers:
    """Beams of one block: eigenbeams of its covariance, or codewords with their powers where it has a codebook.

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
    eigenvalues, vectors = np.linalg.eigh(hermitian_part(covariance))
    return strongest_beams(np.maximum(eigenvalues[::-1], 0.0), vectors[:, ::-1], n_slots)


def codeword_beams(
    powers_w: Float[np.ndarray, " word"], unit_codewords: Complex[np.ndarray, "tx word"], n_slots: int | None
) -> Beamformers:
    """Beamformers `sqrt(rho_l) u_l` from the powers of a codebook's unit-norm beams."""
    order = np.argsort(-powers_w, kind="stable")
    return strongest_beams(powers_w[order], unit_codewords[:, order], n_slots)


def strongest_beams(
    powers_w: Float[np.ndarray, " beam"], unit_beams: Complex[np.ndarray, "tx beam"], n_slots: int | None
) -> Beamformers:
    """The strongest of given beams that fit into the slots, scaled back to the power of all of them."""
    powers = powers_w.tolist()
    rank = sum(power > RANK_TOLERANCE * powers[0] for power in powers)
    kept = rank if n_slots is None else min(rank, n_slots)
    kept_w = sum(powers[:kept])
    rescale = np.sqrt(sum(powers) / kept_w) if kept_w > 0.0 else 1.0
    return Beamformers(unit_beams[:, :kept] * (np.sqrt(powers_w[:kept]) * rescale), kept == rank)
