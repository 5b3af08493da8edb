"""The packed matrix of a reduced problem, built from its terms.

With the terms grouped by column, I is the symmetric part of `sum_ij H(A)_ij K_ij`, `K_ij = J_i^T H(W)_ij J_j`, so that
the coefficient of `H(A)_ij` is the symmetric part of `K_ij`. Over a codebook the coefficient of a word's power is its
information matrix.
"""

from functools import lru_cache

import numpy as np

from crbeam.design.engine.hermitian import real_image, symmetric
from crbeam.design.engine.reduced_information import (
    ContributionShape,
    ReducedShape,
    contribution_information,
    term_index,
)


def packed_matrix(
    shape: ReducedShape, frames: list[np.ndarray], weights: list[np.ndarray], jacobians: list[np.ndarray]
) -> np.ndarray:
    """Packed matrix `[item, row, column]` of a batch of problems of one shape."""
    index = shape.packed_index
    result = np.zeros((weights[0].shape[0], *shape.packed_size))
    for part, weight, jacobian in zip(shape.contributions, weights, jacobians, strict=True):
        if shape.blocks[part.block].is_diagonal:
            piece = _word_coefficients(part, frames[part.block], weight, jacobian)
        else:
            piece = _gram_coefficients(part, shape.blocks[part.block].n_columns, weight, jacobian)
        result[:, index.rows[part.criterion], index.columns[part.block]] += piece
    return result


def _word_coefficients(
    part: ContributionShape, frame: np.ndarray, weight: np.ndarray, jacobian: np.ndarray
) -> np.ndarray:
    """Upper triangle of each word's information, `[item, row, word]`."""
    images = real_image(frame.conj()[..., :, None] * frame[..., None, :])
    seen = term_index(part.columns, frame.shape[-1]).gathered(images)
    matrices = symmetric(contribution_information(seen, weight[:, None], jacobian[:, None]))
    upper = np.triu_indices(jacobian.shape[-1])
    return matrices[..., upper[0], upper[1]].swapaxes(-1, -2)


@lru_cache(maxsize=256)
def _groups(columns: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Distinct columns and, for each, the positions of its terms, padded by `len(columns)`."""
    distinct = sorted(set(columns))
    members = [[position for position, column in enumerate(columns) if column == wanted] for wanted in distinct]
    width = max(len(group) for group in members)
    padded = [group + [len(columns)] * (width - len(group)) for group in members]
    return np.asarray(distinct), np.asarray(padded)


@lru_cache(maxsize=256)
def _gather(columns: tuple[int, ...], n_columns: int, n_parameters: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions of both summands of each packed coefficient in `K[i, n, j, n']`, and packed columns."""
    distinct, _ = _groups(columns)
    m, n = distinct.size, n_parameters
    first, second = np.triu_indices(n)
    i, j = np.divmod(np.arange(m * m), m)

    def flat(row: np.ndarray, column: np.ndarray) -> np.ndarray:
        return ((i * n + row[:, None]) * m + j) * n + column[:, None]

    return flat(first, second), flat(second, first), distinct[i] * n_columns + distinct[j]


def _gram_coefficients(part: ContributionShape, n_columns: int, weight: np.ndarray, jacobian: np.ndarray) -> np.ndarray:
    """Coefficients of H(A), `[item, row, column]`."""
    items, n_terms, n = jacobian.shape
    members = _groups(part.columns)[1]
    m, width = members.shape
    extended = np.concatenate([jacobian, np.zeros((items, 1, n))], axis=1)
    grouped = extended[:, members]
    clipped = np.minimum(members, n_terms - 1)
    arranged = weight[:, clipped[None, :, :, None], clipped[:, None, None, :]]
    # arranged: [item, j, i, term of i, term of j]; right: W_ij J_j as [item, i, term of i, j, n]
    right = arranged.reshape(items, m, m * width, width) @ grouped
    right = right.reshape(items, m, m, width, n).transpose(0, 2, 3, 1, 4).reshape(items, m, width, m * n)
    products = (grouped.swapaxes(-1, -2) @ right).reshape(items, -1)
    upper, lower, place = _gather(part.columns, n_columns, n)
    values = 0.5 * (products.take(upper, axis=-1) + products.take(lower, axis=-1))
    if m == n_columns:
        return values
    result = np.zeros((items, values.shape[1], n_columns**2))
    result[..., place] = values
    return result
