"""Linear algebra of Fisher information: positive-semidefinite matrices whose entries span many decades.

Every routine scales a matrix by its diagonal before it factorises: metres, seconds and complex gains otherwise
share one matrix with entries twenty decades apart.
"""

import numpy as np
from jaxtyping import Complex, Float, Inexact

#: Relative size below which a direction of a diagonally scaled information matrix counts as empty.
NULL_TOLERANCE = 1e-12


def hermitian_part(matrix: Inexact[np.ndarray, "*batch n n"]) -> Inexact[np.ndarray, "*batch n n"]:
    """Hermitian part `(A + A^H) / 2`."""
    return 0.5 * (matrix + np.conj(np.swapaxes(matrix, -1, -2)))


def is_hermitian(matrix: Inexact[np.ndarray, "*batch n n"], *, rtol: float = 1e-9) -> bool:
    """Whether `A = A^H` within `rtol` of the largest entry."""
    scale = float(np.max(np.abs(matrix), initial=0.0))
    return bool(np.max(np.abs(matrix - np.conj(np.swapaxes(matrix, -1, -2))), initial=0.0) <= rtol * scale)


def is_positive_semidefinite(matrix: Inexact[np.ndarray, "*batch n n"], *, rtol: float = 1e-9) -> bool:
    """Whether the Hermitian matrix has no eigenvalue below `-rtol` times its largest one."""
    eigenvalues = np.linalg.eigvalsh(hermitian_part(matrix))
    return bool(np.all(eigenvalues[..., 0] >= -rtol * np.maximum(np.abs(eigenvalues[..., -1]), 1e-300)))


def positive_part(matrix: Inexact[np.ndarray, "*batch n n"]) -> Inexact[np.ndarray, "*batch n n"]:
    """Nearest positive-semidefinite matrix: the Hermitian part with negative eigenvalues set to zero."""
    eigenvalues, vectors = np.linalg.eigh(hermitian_part(matrix))
    scaled = vectors * np.maximum(eigenvalues, 0.0)[..., None, :]
    return hermitian_part(scaled @ np.conj(np.swapaxes(vectors, -1, -2)))


def square_root(matrix: Complex[np.ndarray, "n n"]) -> Complex[np.ndarray, "n n"]:
    """Hermitian square root of a positive-semidefinite matrix."""
    eigenvalues, vectors = np.linalg.eigh(hermitian_part(matrix))
    return (vectors * np.sqrt(np.maximum(eigenvalues, 0.0))) @ vectors.conj().T


def diagonal_scale(information: Float[np.ndarray, "n n"]) -> Float[np.ndarray, " n"]:
    """Scaling `d` that gives `diag(d) I diag(d)` a unit diagonal; 1 where the diagonal is zero."""
    diagonal = np.diagonal(information)
    positive = diagonal > 0.0
    return 1.0 / np.sqrt(np.where(positive, diagonal, 1.0))


def generalised_schur_complement(
    information: Float[np.ndarray, "n n"], keep: list[int]
) -> Float[np.ndarray, "kept kept"]:
    """Information about the parameters `keep` when all others are unknown nuisances.

    `A - B C^+ B^T` for the partition `[[A, B], [B^T, C]]`. Directions of the nuisances that the observations do
    not see (null directions of C, which are null directions of B too since the matrix is positive semidefinite)
    drop out exactly instead of making the result undefined.
    """
    kept = np.asarray(keep, dtype=int)
    nuisance = np.setdiff1d(np.arange(information.shape[0]), kept)
    scale = diagonal_scale(information)
    scaled = information * np.outer(scale, scale)
    coupling = scaled[np.ix_(kept, nuisance)]
    block = scaled[np.ix_(kept, kept)]
    if nuisance.size:
        eigenvalues, vectors = np.linalg.eigh(scaled[np.ix_(nuisance, nuisance)])
        seen = eigenvalues > NULL_TOLERANCE * max(eigenvalues[-1], 0.0)
        projected = (coupling @ vectors[:, seen]) / np.sqrt(eigenvalues[seen])
        block = block - projected @ projected.T
    unscale = 1.0 / scale[kept]
    return hermitian_part(block * np.outer(unscale, unscale))


def inverse_positive_definite(matrix: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """Inverse of a symmetric positive-definite matrix, by the Cholesky factor of its diagonally scaled form.

    Raises:
        numpy.linalg.LinAlgError: the matrix is not positive definite.
    """
    scale = diagonal_scale(matrix)
    factor = np.linalg.cholesky(matrix * np.outer(scale, scale))
    inverse_factor = np.linalg.solve(factor, np.diag(scale))
    return inverse_factor.T @ inverse_factor
