"""Information matrices of a reduced problem as a linear function of small Gram matrices.

A reduced problem sees block b through `A_b = S_b^H X_b S_b` (`[column, column]`, S the frame; over a codebook X is
diagonal). Contribution c of criterion t adds `J_c^T Re(W_c o conj(A_b[v, v])) J_c`, v being the column of each term.
All of it runs on *real images*, `H(A) = Re A + Im A`: `Re(W o conj(A))` is the symmetric part of `H(W) o H(A)`, since
the mixed terms are antisymmetric.

Every routine takes arrays with or without a leading batch axis. Batched products run item by item, so that an item's
result does not depend on its companions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce

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

    @cached_property
    def term_groups(self) -> "tuple[TermGroup, ...]":
        """Contributions whose terms see the same columns of the same block, worked on together."""
        return _term_groups(self)

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
        weights: `H(W) = Re W + Im W` of each contribution, `[term, term]`.
        jacobians: whitened J of each contribution, `[term, parameter]`.
    """

    frames: tuple[np.ndarray, ...]
    selections: tuple[np.ndarray, ...]
    constants: tuple[np.ndarray, ...]
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
    def joined(cls, batches: Sequence["ReducedArrays"]) -> "ReducedArrays":
        """The items of several batches of one shape."""
        parts = zip(*(batch._parts() for batch in batches), strict=True)
        return cls(*(tuple(np.concatenate(arrays) for arrays in zip(*part, strict=True)) for part in parts))

    def _parts(self) -> tuple[tuple[np.ndarray, ...], ...]:
        return (self.frames, self.selections, self.constants, self.weights, self.jacobians)


@dataclass(frozen=True, eq=False)
class TermIndex:
    """Gather and sum over columns for the terms of a contribution."""

    gather: np.ndarray
    membership: np.ndarray

    def gathered(self, image: np.ndarray) -> np.ndarray:
        """`A[v, v]` of a matrix over the columns."""
        return image.reshape(*image.shape[:-2], -1).take(self.gather, axis=-1)

    def summed(self, terms: np.ndarray) -> np.ndarray:
        """Its adjoint: sums over the pairs of terms of each pair of columns."""
        return self.membership.T @ terms @ self.membership


@dataclass(frozen=True, eq=False)
class TermGroup:
    """Contributions, by number, that see one block through the same columns."""

    block: int
    index: TermIndex
    members: tuple[int, ...]


@lru_cache(maxsize=1024)
def shared(shape: ReducedShape) -> ReducedShape:
    """One instance for all equal shapes, so that index arrays are found once."""
    return shape


@lru_cache(maxsize=256)
def term_index(columns: tuple[int, ...], n_columns: int) -> TermIndex:
    """Index arrays of terms with the given columns."""
    column = np.asarray(columns)
    return TermIndex(column[:, None] * n_columns + column, np.eye(n_columns)[column])


def _term_groups(shape: ReducedShape) -> tuple[TermGroup, ...]:
    groups: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for number, part in enumerate(shape.contributions):
        groups.setdefault((part.block, part.columns), []).append(number)
    return tuple(
        TermGroup(block, term_index(columns, shape.blocks[block].n_columns), tuple(members))
        for (block, columns), members in groups.items()
    )


def total(terms: Iterable[np.ndarray]) -> np.ndarray:
    """Sum of arrays, in their order."""
    return reduce(np.add, terms)


def informations(shape: ReducedShape, arrays: ReducedArrays, grams: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Information matrix of each criterion from A of each block."""
    terms: list[list[np.ndarray]] = [[] for _ in shape.n_parameters]
    for group in shape.term_groups:
        seen = group.index.gathered(real_image(grams[group.block]))
        for number in group.members:
            term = contribution_information(seen, arrays.weights[number], arrays.jacobians[number])
            terms[shape.contributions[number].criterion].append(term)
    matrices = [symmetric(total(each)) for each in terms]
    if arrays.constants:
        matrices = [matrix + constant for matrix, constant in zip(matrices, arrays.constants, strict=True)]
    return matrices


def contribution_information(seen: np.ndarray, weight: np.ndarray, jacobian: np.ndarray) -> np.ndarray:
    """`J^T (H(W) o H(A)[v, v]) J`, whose symmetric part is the information, from `H(A)[v, v]`."""
    return jacobian.swapaxes(-1, -2) @ ((seen * weight) @ jacobian)


def directional_features(
    shape: ReducedShape, arrays: ReducedArrays, moves: Sequence[np.ndarray], responses: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """`F_l = I(move_l) Y` of each criterion, `[direction, parameter, column of Y]`, without constants.

    `moves` holds, for each block, changes of A with the directions in front.
    """
    spread = arrays.with_axis(responses[0].ndim > 2)
    terms: list[list[np.ndarray]] = [[] for _ in shape.n_parameters]
    for group in shape.term_groups:
        seen = group.index.gathered(real_image(moves[group.block]))
        for number in group.members:
            criterion, jacobian = shape.contributions[number].criterion, spread.jacobians[number]
            response = jacobian @ responses[criterion][..., None, :, :]
            terms[criterion].append(jacobian.swapaxes(-1, -2) @ (symmetric(seen * spread.weights[number]) @ response))
    return [total(each) for each in terms]


def gradients(shape: ReducedShape, arrays: ReducedArrays, responses: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Adjoint at `Y Y^T`: the Hermitian `[column, column]` of each block."""
    terms: list[list[np.ndarray]] = [[] for _ in shape.blocks]
    for group in shape.term_groups:
        slopes = [arrays.jacobians[n] @ responses[shape.contributions[n].criterion] for n in group.members]
        pairs = zip(slopes, group.members, strict=True)
        inner = total((slope @ slope.swapaxes(-1, -2)) * arrays.weights[number] for slope, number in pairs)
        terms[group.block].append(group.index.summed(inner))
    return [from_real_image(total(each)) for each in terms]
