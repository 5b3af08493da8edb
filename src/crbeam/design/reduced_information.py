"""Information matrices of a reduced problem as a linear function of small Gram matrices.

A reduced problem sees block b through `A_b = S_b^H X_b S_b` (`[column, column]`, S the frame), or, over a codebook,
through the powers of its words. Contribution c of criterion t adds `J_c^T Re(W_c o conj(A_b[v, v])) J_c`, v being the
column of each term. Two representations give the same numbers: *packed*, one real matrix from all A to the upper
triangles of all information matrices (fastest while it is small), and *termwise*, the formula itself.

Every routine takes arrays with or without a leading batch axis. Batched products run item by item, so that an item's
result does not depend on its companions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from crbeam.design.hermitian import gram_index, gram_scatter

#: Number of entries of the packed matrix up to which it is faster than the termwise formula.
PACKED_LIMIT = 60_000


@dataclass(frozen=True)
class BlockShape:
    """Sizes of one block: variables, transmit columns; whether X is diagonal (a codebook); its power budget."""

    size: int
    n_columns: int
    is_diagonal: bool
    budget: int


@dataclass(frozen=True)
class ContributionShape:
    """Criterion and block of a contribution, with the column of each of its terms in ascending order."""

    criterion: int
    block: int
    columns: tuple[int, ...]


@dataclass(frozen=True)
class ReducedShape:
    """Everything but the numbers of a reduced problem; equal shapes can be solved as one batch."""

    blocks: tuple[BlockShape, ...]
    contributions: tuple[ContributionShape, ...]
    n_parameters: tuple[int, ...]
    n_directions: tuple[int, ...]
    has_constant: bool

    @property
    def packed_size(self) -> tuple[int, int]:
        """Rows and columns of the packed matrix."""
        rows = sum(n * (n + 1) // 2 for n in self.n_parameters)
        return rows, sum(block.size if block.is_diagonal else block.n_columns**2 for block in self.blocks)

    @property
    def is_packed(self) -> bool:
        """Whether the packed representation is used; over codebooks it always is."""
        rows, columns = self.packed_size
        return rows * columns <= PACKED_LIMIT or any(block.is_diagonal for block in self.blocks)

    @cached_property
    def packed_index(self) -> "PackedIndex":
        """Index arrays of the packed representation."""
        return _packed_index(self)

    @property
    def n_budgets(self) -> int:
        """Number of power budgets."""
        return 1 + max(block.budget for block in self.blocks)


@dataclass(frozen=True, eq=False)
class ReducedArrays:
    """Numbers of one reduced problem, or of several along a leading axis.

    Attributes:
        frames: S of each block, `[size, column]`.
        selections: E of each criterion, `[parameter, direction]`, whitened and scaled.
        constants: I0 of each criterion, whitened; empty if all are zero.
        packed: the packed matrix alone, or empty.
        weights: real and imaginary parts of W of each contribution, `[2, term, term]`, or empty.
        jacobians: whitened J of each contribution, `[term, parameter]`, or empty.
    """

    frames: tuple[np.ndarray, ...]
    selections: tuple[np.ndarray, ...]
    constants: tuple[np.ndarray, ...]
    packed: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray, ...]
    jacobians: tuple[np.ndarray, ...]

    def take(self, index: np.ndarray | int) -> "ReducedArrays":
        """The items of a batch at `index`."""
        return ReducedArrays(*(tuple(array[index] for array in part) for part in self._parts()))

    def with_axis(self, is_batch: bool) -> "ReducedArrays":
        """The same numbers with an axis of length 1 behind the batch axis (or in front), and no constants."""
        parts = [tuple(array[:, None] if is_batch else array[None] for array in part) for part in self._parts()]
        return ReducedArrays(parts[0], parts[1], (), *parts[3:])

    @classmethod
    def stack(cls, items: Sequence["ReducedArrays"]) -> "ReducedArrays":
        """A batch of problems of one shape."""
        parts = zip(*(item._parts() for item in items), strict=True)
        return cls(*(tuple(np.stack(arrays) for arrays in zip(*part, strict=True)) for part in parts))

    def _parts(self) -> tuple[tuple[np.ndarray, ...], ...]:
        return (self.frames, self.selections, self.constants, self.packed, self.weights, self.jacobians)


@dataclass(frozen=True, eq=False)
class _TermIndex:
    """Gather and sum over columns for one contribution of the termwise formula."""

    gather: np.ndarray
    membership: np.ndarray


@dataclass(frozen=True, eq=False)
class PackedIndex:
    """Where packed rows and columns come from and go to."""

    rows: tuple[slice, ...]
    unpack_rows: np.ndarray
    full_rows: tuple[slice, ...]
    pack_rows: np.ndarray
    row_factor: np.ndarray
    columns: tuple[slice, ...]
    pack_columns: tuple[np.ndarray, ...]
    unpack_columns: tuple[np.ndarray, ...]
    column_factor: tuple[np.ndarray, ...]


@lru_cache(maxsize=1024)
def shared(shape: ReducedShape) -> ReducedShape:
    """One instance for all equal shapes, so that index arrays are found once."""
    return shape


def _packed_index(shape: ReducedShape) -> PackedIndex:
    rows, full_rows, unpack, pack, factor = [], [], [], [], []
    start = full_start = 0
    for n in shape.n_parameters:
        upper = np.triu_indices(n)
        count = upper[0].size
        position = np.zeros((n, n), dtype=int)
        position[upper] = np.arange(count)
        position = np.maximum(position, position.T)
        unpack.append(start + position.ravel())
        pack.append(full_start + upper[0] * n + upper[1])
        factor.append(np.where(upper[0] == upper[1], 1.0, 2.0))
        rows.append(slice(start, start + count))
        full_rows.append(slice(full_start, full_start + n * n))
        start, full_start = start + count, full_start + n * n
    columns, pack_columns, unpack_columns, column_factor = [], [], [], []
    start = 0
    for block in shape.blocks:
        count = block.size if block.is_diagonal else block.n_columns**2
        columns.append(slice(start, start + count))
        start += count
        pack_columns.append(np.arange(count) if block.is_diagonal else gram_index(block.n_columns))
        scatter = (np.arange(count), np.ones(count)) if block.is_diagonal else gram_scatter(block.n_columns)
        unpack_columns.append(scatter[0])
        column_factor.append(scatter[1])
    return PackedIndex(
        tuple(rows),
        np.concatenate(unpack),
        tuple(full_rows),
        np.concatenate(pack),
        np.concatenate(factor),
        tuple(columns),
        tuple(pack_columns),
        tuple(unpack_columns),
        tuple(column_factor),
    )


@lru_cache(maxsize=256)
def term_index(columns: tuple[int, ...], n_columns: int) -> _TermIndex:
    """Index arrays of one contribution of the termwise formula."""
    column = np.asarray(columns)
    flat = 2 * (column[:, None] * n_columns + column)
    return _TermIndex(np.stack([flat, flat + 1]), np.eye(n_columns)[column])


def informations(shape: ReducedShape, arrays: ReducedArrays, grams: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Information matrix of each criterion from A (or the word powers) of each block."""
    if arrays.packed:
        return _packed_informations(shape, arrays, grams)
    result: list[np.ndarray | None] = [None] * len(shape.n_parameters)
    floats = [gram.reshape(*gram.shape[:-2], -1).view(float) for gram in grams]
    for part, weight, jacobian in zip(shape.contributions, arrays.weights, arrays.jacobians, strict=True):
        term = contribution_information(
            floats[part.block], term_index(part.columns, shape.blocks[part.block].n_columns), weight, jacobian
        )
        previous = result[part.criterion]
        result[part.criterion] = term if previous is None else previous + term
    for criterion, constant in enumerate(arrays.constants):
        previous = result[criterion]
        result[criterion] = constant if previous is None else previous + constant
    return [matrix for matrix in result if matrix is not None]


def contribution_information(
    gram_floats: np.ndarray, index: _TermIndex, weight: np.ndarray, jacobian: np.ndarray
) -> np.ndarray:
    """`J^T Re(W o conj(A[v, v])) J` from the interleaved floats of A."""
    parts = gram_floats.take(index.gather, axis=-1) * weight
    return jacobian.swapaxes(-1, -2) @ ((parts[..., 0, :, :] + parts[..., 1, :, :]) @ jacobian)


def _packed_informations(shape: ReducedShape, arrays: ReducedArrays, grams: Sequence[np.ndarray]) -> list[np.ndarray]:
    index = shape.packed_index
    values = [
        gram if block.is_diagonal else gram.reshape(*gram.shape[:-2], -1).view(float).take(pack, axis=-1)
        for gram, block, pack in zip(grams, shape.blocks, index.pack_columns, strict=True)
    ]
    vector = values[0] if len(values) == 1 else np.concatenate(values, axis=-1)
    full = (arrays.packed[0] @ vector[..., None])[..., 0].take(index.unpack_rows, axis=-1)
    matrices = [
        full[..., rows].reshape(*full.shape[:-1], n, n)
        for rows, n in zip(index.full_rows, shape.n_parameters, strict=True)
    ]
    if arrays.constants:
        matrices = [matrix + constant for matrix, constant in zip(matrices, arrays.constants, strict=True)]
    return matrices


def directional_features(
    shape: ReducedShape, arrays: ReducedArrays, moves: Sequence[np.ndarray], responses: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """`F_l = I(move_l) Y` of each criterion, `[direction, parameter, column of Y]`, without constants.

    `moves` holds, for each block, changes of A (or of the word powers) with the directions in front.
    """
    spread = arrays.with_axis(responses[0].ndim > 2)
    if arrays.packed:
        matrices = _packed_informations(shape, spread, moves)
        return [matrix @ response[..., None, :, :] for matrix, response in zip(matrices, responses, strict=True)]
    result: list[np.ndarray | None] = [None] * len(shape.n_parameters)
    floats = [gram.reshape(*gram.shape[:-2], -1).view(float) for gram in moves]
    for part, weight, jacobian in zip(shape.contributions, spread.weights, spread.jacobians, strict=True):
        index = term_index(part.columns, shape.blocks[part.block].n_columns)
        pairs = floats[part.block].take(index.gather, axis=-1) * weight
        seen = jacobian @ responses[part.criterion][..., None, :, :]
        feature = jacobian.swapaxes(-1, -2) @ ((pairs[..., 0, :, :] + pairs[..., 1, :, :]) @ seen)
        previous = result[part.criterion]
        result[part.criterion] = feature if previous is None else previous + feature
    return [feature for feature in result if feature is not None]


def gradients(shape: ReducedShape, arrays: ReducedArrays, responses: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Adjoint at `Y Y^T`: for each block the Hermitian `[column, column]` (or the vector over the words)."""
    if arrays.packed:
        return _packed_gradients(shape, arrays, responses)
    result: list[np.ndarray | None] = [None] * len(shape.blocks)
    for part, weight, jacobian in zip(shape.contributions, arrays.weights, arrays.jacobians, strict=True):
        response = jacobian @ responses[part.criterion]
        product = response @ response.swapaxes(-1, -2)
        membership = term_index(part.columns, shape.blocks[part.block].n_columns).membership
        sums = membership.T @ (product[..., None, :, :] * weight) @ membership
        previous = result[part.block]
        result[part.block] = sums if previous is None else previous + sums
    return [parts[..., 0, :, :] + 1j * parts[..., 1, :, :] for parts in result if parts is not None]


def _packed_gradients(shape: ReducedShape, arrays: ReducedArrays, responses: Sequence[np.ndarray]) -> list[np.ndarray]:
    index = shape.packed_index
    products = [response @ response.swapaxes(-1, -2) for response in responses]
    flat = [product.reshape(*product.shape[:-2], -1) for product in products]
    stacked = flat[0] if len(flat) == 1 else np.concatenate(flat, axis=-1)
    packed = stacked.take(index.pack_rows, axis=-1) * index.row_factor
    vector = (packed[..., None, :] @ arrays.packed[0])[..., 0, :]
    result = []
    for block, columns, position, factor in zip(
        shape.blocks, index.columns, index.unpack_columns, index.column_factor, strict=True
    ):
        part = vector[..., columns]
        if not block.is_diagonal:
            size = block.n_columns
            part = (part.take(position, axis=-1) * factor).view(complex).reshape(*part.shape[:-1], size, size)
        result.append(part)
    return result
