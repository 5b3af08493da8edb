"""Square roots of covariances: F with `F F^H = X`, which is determined up to a unitary matrix from the right."""

import numpy as np
from jaxtyping import Complex

from crbeam.linalg import hermitian_part

#: Eigenvalue, relative to the largest, below which a root has none: its own root would turn rounding into beams.
ROOT_TOLERANCE = 1e-13


def hermitian_root(matrix: Complex[np.ndarray, "n n"]) -> Complex[np.ndarray, "n n"]:
    """The Hermitian positive-semidefinite root `X^(1/2)`."""
    eigenvalues, vectors = np.linalg.eigh(hermitian_part(matrix))
    kept = eigenvalues > ROOT_TOLERANCE * eigenvalues[-1]
    return (vectors * np.sqrt(np.where(kept, eigenvalues, 0.0))) @ vectors.conj().T


def triangular_root(matrix: Complex[np.ndarray, "n n"]) -> Complex[np.ndarray, "n n"]:
    """The Cholesky factor L, lower triangular with a diagonal of at least 0; X may be singular.

    From the QR factors of the Hermitian root, `X^(1/2) = T R`, so that `X = R^H R`.
    """
    _, upper = np.linalg.qr(hermitian_root(matrix))
    diagonal = np.diagonal(upper)
    phases = np.where(diagonal == 0.0, 1.0, diagonal / np.where(diagonal == 0.0, 1.0, np.abs(diagonal)))
    return upper.conj().T * phases


def aligned(
    factor: Complex[np.ndarray, "rows columns"], other: Complex[np.ndarray, "rows columns"]
) -> Complex[np.ndarray, "rows columns"]:
    """`F W` with the unitary W that brings it nearest to G: it maximises `Re tr(G^H F W)`.

    W is the unitary polar factor of `F^H G`, the solution of the orthogonal Procrustes problem.

    Args:
        factor: F.
        other: G.
    """
    left, _, right = np.linalg.svd(factor.conj().T @ other)
    return factor @ left @ right


def random_unitary(rng: np.random.Generator, size: int) -> Complex[np.ndarray, "n n"]:
    """Unitary matrix from the uniform (Haar) distribution."""
    entries = rng.standard_normal((size, size)) + 1j * rng.standard_normal((size, size))
    basis, upper = np.linalg.qr(entries)
    diagonal = np.diagonal(upper)
    return basis * (diagonal / np.abs(diagonal))
