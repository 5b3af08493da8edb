"""Linear algebra of Fisher information: positive-semidefinite matrices whose entries span many decades.

Every routine scales a matrix by its diagonal before it factorises: metres, seconds and complex gains otherwise
share one matrix with entries twenty decades apart.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Complex, Float, Inexact, Int
from threadpoolctl import ThreadpoolController

#: Relative error of the entries of an information matrix, from rounding in the sums that make them.
ROUNDING = 2e-15
#: Relative size below which a direction of a scaled information matrix counts as empty.
NULL_TOLERANCE = 1e-14
#: Share of a vector's power that a matrix must pass on for it to count as seen: of less, rounding changes more than
#: a thousandth.
UNSEEN_SHARE = 1e-13
#: Information of an empty but coupled direction, relative to the largest: what rounding may have left of none.
LEAST_EIGENVALUE = 2e-16
#: Coupling of an empty direction, in a scaled matrix, that counts as rounding.
COUPLING_TOLERANCE = 1e-12
#: A scaled matrix is certainly regular, and every parameter identifiable, if the squared norm of its inverse Cholesky
#: factor is below this; larger ones are examined with care.
SAFE_INVERSE = 1e9
#: Singular value of unit columns, relative to the largest, below which a direction is none.
RANK_TOLERANCE = 1e-12


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run with one BLAS thread: these matrices are tiny, and threads cost an order of magnitude."""
    with _blas_libraries().limit(limits=1):
        yield


@lru_cache(maxsize=1)
def _blas_libraries() -> ThreadpoolController:
    """The BLAS libraries of NumPy and SciPy; finding them takes longer than a small design."""
    import scipy.linalg.lapack  # pyright: ignore[reportUnusedImport]  # noqa: F401

    return ThreadpoolController()


@lru_cache
def lapack(name: str, kind: str) -> Callable[..., Any]:
    """A LAPACK routine for complex (D) or real (d) numbers; SciPy is loaded only where one is needed."""
    from scipy.linalg import get_lapack_funcs

    return get_lapack_funcs((name,), dtype=np.dtype(kind))[0]


def inverse_root(matrix: Complex[np.ndarray, "n n"]) -> Complex[np.ndarray, "n n"] | None:
    """K, lower triangular, with `K^H K = A^-1` for a Hermitian A; None if A is not positive definite.

    LAPACK without the checks of NumPy, which take several times as long for small matrices.
    """
    lower, failed = lapack("potrf", "D")(matrix, lower=True, clean=True)
    return None if failed else lapack("trtri", "D")(lower, lower=True)[0]


def solved_symmetric(matrix: Float[np.ndarray, "n n"], right: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    """`A^-1 B` for a symmetric A, by Cholesky if it is positive definite.

    Raises:
        LinAlgError: A is singular.
    """
    lower, failed = lapack("potrf", "d")(matrix, lower=True, clean=False)
    return np.linalg.solve(matrix, right) if failed else lapack("potrs", "d")(lower, right, lower=True)[0]


def side_by_side(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays of one shape along a new leading axis: `np.stack`, for many small arrays."""
    return np.concatenate(arrays).reshape(len(arrays), *arrays[0].shape)


def inverse_factors(
    matrices: Float[np.ndarray, "*batch n n"], scale: Float[np.ndarray, "*batch n"]
) -> tuple[Float[np.ndarray, "*batch n n"], Bool[np.ndarray, "*batch"]] | None:
    """K with `K^T K = I^-1`, by Cholesky of `S I S`, S the scale, and whether I is regular beyond doubt.

    None if some matrix has no Cholesky factor.
    """
    try:
        factors = np.linalg.inv(np.linalg.cholesky(matrices * (scale[..., :, None] * scale[..., None, :])))
    except np.linalg.LinAlgError:
        return None
    return factors * scale[..., None, :], np.asarray(np.sum(factors**2, axis=(-2, -1)) < SAFE_INVERSE)


def span(columns: Complex[np.ndarray, "n column"]) -> Complex[np.ndarray, "n rank"]:
    """Orthonormal basis of the span of columns, whatever their sizes; without columns if all are zero."""
    norms = np.linalg.norm(columns, axis=0)
    if not np.any(norms > 0.0):
        return np.zeros((len(columns), 0), dtype=complex)
    left, values, _ = np.linalg.svd(columns[:, norms > 0.0] / norms[norms > 0.0], full_matrices=False)
    return left[:, values > RANK_TOLERANCE * values[0]]


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


def seen_gram(
    vectors: Inexact[np.ndarray, "n vector"], matrix: Inexact[np.ndarray, "n n"]
) -> Inexact[np.ndarray, "vector vector"]:
    """`V^H A V` for a positive-semidefinite A, exactly zero for the columns of V that A sees by rounding only.

    A column v is unseen if `v^H A v <= UNSEEN_SHARE |A|_F |v|^2`. Its products with others, of rounding size too, would
    pass for couplings once the result is scaled by its diagonal.
    """
    gram = vectors.conj().T @ matrix @ vectors
    power = np.sum(np.abs(vectors) ** 2, axis=0)
    seen = np.real(np.diagonal(gram)) > UNSEEN_SHARE * np.linalg.norm(matrix) * power
    return gram if seen.all() else gram * np.outer(seen, seen)


def diagonal_scale(information: Float[np.ndarray, "n n"]) -> Float[np.ndarray, " n"]:
    """Scaling `d` that gives `diag(d) I diag(d)` a unit diagonal; 1 where the diagonal is zero."""
    diagonal = np.diagonal(information)
    positive = diagonal > 0.0
    return 1.0 / np.sqrt(np.where(positive, diagonal, 1.0))


def semidefinite_root(matrix: Inexact[np.ndarray, "n n"], *, least: float = 0.0) -> Inexact[np.ndarray, "n seen"]:
    """B with `A = B B^H` for a positive-semidefinite matrix; one column for each direction that A sees.

    Args:
        matrix: A.
        least: directions of the scaled matrix with an eigenvalue below this share of the largest are not seen.
    """
    scale = diagonal_scale(np.real(matrix))
    eigenvalues, vectors = np.linalg.eigh(matrix * np.outer(scale, scale))
    seen = eigenvalues > least * np.max(eigenvalues, initial=0.0)
    return vectors[:, seen] * np.sqrt(eigenvalues[seen]) / scale[:, None]


def seen_root(
    vectors: Inexact[np.ndarray, "n vector"], matrix: Inexact[np.ndarray, "n n"]
) -> Inexact[np.ndarray, "row vector"]:
    """B with `B^H B = V^H A V` as in `seen_gram`: columns that A sees by rounding only are exactly zero.

    Directions of A with less than `UNSEEN_SHARE` of its norm are rounding and left out.
    """
    eigenvalues, directions = np.linalg.eigh(hermitian_part(matrix))
    norm = float(np.linalg.norm(matrix))
    kept = eigenvalues > UNSEEN_SHARE * norm
    rows = np.sqrt(eigenvalues[kept])[:, None] * (directions[:, kept].conj().T @ vectors)
    power = np.sum(np.abs(vectors) ** 2, axis=0)
    seen = np.real(np.sum(vectors.conj() * (matrix @ vectors), axis=0)) > UNSEEN_SHARE * norm * power
    return upper_factor(rows * seen)


def upper_factor(rows: Inexact[np.ndarray, "row n"]) -> Inexact[np.ndarray, "fewer n"]:
    """At most n rows with the same inner products of columns: the triangular factor, where there are more."""
    return np.asarray(np.linalg.qr(rows, mode="r")) if rows.shape[0] > rows.shape[1] else rows


def column_products(
    first: Inexact[np.ndarray, "row n"], second: Inexact[np.ndarray, "other_row n"]
) -> Inexact[np.ndarray, "product n"]:
    """Products of all entries of each column with all of the same column of another matrix (Khatri-Rao)."""
    return (first[:, None, :] * second[None, :, :]).reshape(-1, first.shape[1])


@dataclass(frozen=True, eq=False)
class Elimination:
    """What is left of an information matrix when some of its parameters are unknown nuisances.

    Attributes:
        schur: `A - B C^+ B^T` for the partition `[[A, B], [B^T, C]]`.
        response: `C^+ B^T`, how the best value of each nuisance follows the kept parameters.
        nuisance_root: K with `C^+ = K K^T`, one column for each nuisance direction that the observations see.
    """

    schur: Float[np.ndarray, "kept kept"]
    response: Float[np.ndarray, "nuisance kept"]
    nuisance_root: Float[np.ndarray, "nuisance seen"]

    @property
    def rounding(self) -> float:
        """How much rounding of the entries can change an eigenvalue of `schur`, the matrix being of unit scale."""
        return ROUNDING * (1.0 + float(np.sum(self.response**2)))


def others(size: int, kept: Int[np.ndarray, " kept"]) -> Int[np.ndarray, " nuisance"]:
    """Indices below a size that are not kept, in order."""
    is_other = np.ones(size, dtype=bool)
    is_other[kept] = False
    return np.flatnonzero(is_other)


def eliminate(scaled: Float[np.ndarray, "n n"], kept: Int[np.ndarray, " kept"]) -> Elimination:
    """Generalised Schur complement of a positive-semidefinite matrix whose entries are of unit size or less.

    Nuisance directions that the observations do not see (null directions of C, to which B is zero too since the matrix
    is positive semidefinite) drop out exactly. Directions that are nearly unseen but coupled stay, with no less
    information of their own than `LEAST_EIGENVALUE`; what rounding makes of them is in `Elimination.rounding`.
    """
    nuisance = others(scaled.shape[0], kept)
    coupling = scaled[np.ix_(nuisance, kept)]
    schur = scaled[np.ix_(kept, kept)]
    if not nuisance.size:
        return Elimination(hermitian_part(schur), coupling, np.zeros((0, 0)))
    eigenvalues, vectors = np.linalg.eigh(scaled[np.ix_(nuisance, nuisance)])
    largest = max(eigenvalues[-1], 0.0)
    is_coupled = np.linalg.norm(vectors.T @ coupling, axis=1) > COUPLING_TOLERANCE
    seen = (eigenvalues > NULL_TOLERANCE * largest) | is_coupled
    root = vectors[:, seen] / np.sqrt(np.maximum(eigenvalues[seen], LEAST_EIGENVALUE * largest))
    projected = root.T @ coupling
    return Elimination(hermitian_part(schur - projected.T @ projected), root @ projected, root)


def inverse_positive_definite(matrix: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """Inverse of a symmetric positive-definite matrix, by the Cholesky factor of its diagonally scaled form.

    Raises:
        numpy.linalg.LinAlgError: the matrix is not positive definite.
    """
    scale = diagonal_scale(matrix)
    factor = np.linalg.cholesky(matrix * np.outer(scale, scale))
    inverse_factor = np.linalg.solve(factor, np.diag(scale))
    return inverse_factor.T @ inverse_factor
