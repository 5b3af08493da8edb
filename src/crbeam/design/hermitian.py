"""Real coordinates of Hermitian matrices.

A contiguous complex matrix is read as interleaved floats: real and imaginary part of entry (i, j) at 2 (i n + j).
"""

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=32)
def hermitian_basis(size: int) -> np.ndarray:
    """Orthonormal basis of the Hermitian matrices, `[size^2, size, size]`."""
    rows, columns = np.triu_indices(size, 1)
    count = rows.size
    basis = np.zeros((size**2, size, size), dtype=complex)
    basis[np.arange(size), np.arange(size), np.arange(size)] = 1.0
    real, imaginary = size + np.arange(count), size + count + np.arange(count)
    basis[real, rows, columns] = basis[real, columns, rows] = np.sqrt(0.5)
    basis[imaginary, rows, columns] = 1j * np.sqrt(0.5)
    basis[imaginary, columns, rows] = -1j * np.sqrt(0.5)
    return basis


def gram_index(n_columns: int) -> np.ndarray:
    """Flat positions, among the interleaved floats of A, of diag, then Re and Im of the strict upper triangle."""
    upper = np.triu_indices(n_columns, 1)
    flat = upper[0] * n_columns + upper[1]
    return np.concatenate([2 * np.arange(n_columns) * (n_columns + 1), 2 * flat, 2 * flat + 1])


def gram_scatter(n_columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of `gram_index` for gradients: positions and factors for each interleaved float of G."""
    rows, columns = np.triu_indices(n_columns, 1)
    count = rows.size
    position = np.zeros((n_columns, n_columns, 2), dtype=int)
    factor = np.zeros((n_columns, n_columns, 2))
    diagonal = np.arange(n_columns)
    position[diagonal, diagonal, 0], factor[diagonal, diagonal, 0] = diagonal, 1.0
    for part, sign in ((0, 0.5), (1, -0.5)):
        source = n_columns + part * count + np.arange(count)
        position[rows, columns, part], factor[rows, columns, part] = source, 0.5
        position[columns, rows, part], factor[columns, rows, part] = source, sign
    return position.ravel(), factor.ravel()
