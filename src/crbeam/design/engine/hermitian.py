"""Hermitian matrices as real numbers.

In sums over all pairs of indices a Hermitian matrix may be replaced by its *real image* `H(A) = Re A + Im A`:
`Re(W o conj(A))` is the symmetric part of `H(W) o H(A)`, since the mixed terms are antisymmetric.
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


def real_image(matrix: np.ndarray) -> np.ndarray:
    """`Re A + Im A`, a real matrix that holds all of the Hermitian A."""
    return np.real(matrix) + np.imag(matrix)


def from_real_image(image: np.ndarray) -> np.ndarray:
    """A from `Re A + Im A`: the real part is the symmetric part, the imaginary part the antisymmetric one."""
    turned = (0.5 + 0.5j) * image
    return turned + turned.conj().swapaxes(-1, -2)


def symmetric(matrix: np.ndarray) -> np.ndarray:
    """Symmetric part of a real matrix."""
    half = 0.5 * matrix
    return half + half.swapaxes(-1, -2)
