"""A reduced problem in real coordinates, with second derivatives.

The coordinates of a block are its X in an orthonormal basis of the Hermitian matrices (diagonal entries, then
sqrt(2) times real and imaginary parts of the upper triangle), or the powers of its words. With `F_k = I(E_k) Y`,
`-df/dx_k = tr(Y^T F_k)` and `d2f/dx_k dx_l = 2 tr(F_k^T I^-1 F_l)`.
"""

from dataclasses import dataclass

import numpy as np

from crbeam.design.engine.hermitian import gram_index, hermitian_basis, real_image
from crbeam.design.engine.packing import packed_matrix
from crbeam.design.engine.reduced_bound import solve_positive
from crbeam.design.engine.reduced_information import BlockShape, ReducedArrays, ReducedShape


def n_coordinates(block: BlockShape) -> int:
    """Number of real coordinates of a block."""
    return block.size if block.is_diagonal else block.size**2


def to_matrix(block: BlockShape, coordinates: np.ndarray) -> np.ndarray:
    """X from its coordinates."""
    if block.is_diagonal:
        return np.diag(coordinates).astype(complex)
    return np.tensordot(coordinates, hermitian_basis(block.size), axes=1)


def to_coordinates(block: BlockShape, matrix: np.ndarray) -> np.ndarray:
    """Coordinates of a Hermitian X."""
    if block.is_diagonal:
        return np.real(np.diagonal(matrix)).copy()
    factor = np.full(block.size**2, np.sqrt(2.0))
    factor[: block.size] = 1.0
    floats = np.ascontiguousarray(matrix, dtype=complex).reshape(-1).view(float)
    return floats.take(gram_index(block.size)) * factor


@dataclass(frozen=True, eq=False)
class SecondOrder:
    """Value f, its negative gradient `G`, `g0` and the Hessian in coordinates."""

    value: float
    steepest: np.ndarray
    constant: float
    hessian: np.ndarray


@dataclass(frozen=True, eq=False)
class ExplicitBound:
    """The bound of one reduced problem as a function of all coordinates.

    Attributes:
        shape: sizes and structure.
        slices: coordinates of each block.
        maps: for each criterion `I(E_k)`, `[coordinate, parameter, parameter]`.
        selections: E of each criterion.
        constants: I0 of each criterion.
    """

    shape: ReducedShape
    slices: tuple[slice, ...]
    maps: tuple[np.ndarray, ...]
    selections: tuple[np.ndarray, ...]
    constants: tuple[np.ndarray, ...]

    def informations(self, coordinates: np.ndarray) -> list[np.ndarray]:
        """Information matrix of each criterion."""
        return [
            constant + np.tensordot(coordinates, each, axes=1)
            for each, constant in zip(self.maps, self.constants, strict=True)
        ]

    def value(self, coordinates: np.ndarray) -> float:
        """The bound; NaN where an information matrix is singular."""
        matrices = self.informations(coordinates)
        return sum(float(np.sum(e * solve_positive(i, e))) for i, e in zip(matrices, self.selections, strict=True))

    def second_order(self, coordinates: np.ndarray) -> SecondOrder:
        """Value, gradient and Hessian."""
        size = coordinates.size
        value, constant = 0.0, 0.0
        steepest, hessian = np.zeros(size), np.zeros((size, size))
        matrices = self.informations(coordinates)
        for matrix, each, prior, selection in zip(matrices, self.maps, self.constants, self.selections, strict=True):
            response = solve_positive(matrix, selection)
            features = each @ response
            root = np.linalg.inv(np.linalg.cholesky(matrix))
            scaled = (root @ features).reshape(size, -1)
            value += float(np.sum(selection * response))
            constant += float(np.sum(response * (prior @ response)))
            steepest += features.reshape(size, -1) @ response.reshape(-1)
            hessian += 2.0 * (scaled @ scaled.T)
        return SecondOrder(value, steepest, constant, hessian)


def explicit_bound(shape: ReducedShape, arrays: ReducedArrays) -> ExplicitBound:
    """Explicit form of one reduced problem."""
    if arrays.packed:
        packed = arrays.packed[0]
    else:
        frames, weights, jacobians = (
            [part[None] for part in parts] for parts in (arrays.frames, arrays.weights, arrays.jacobians)
        )
        packed = packed_matrix(shape, frames, weights, jacobians)[0]
    index = shape.packed_index
    pieces, slices, start = [], [], 0
    for block, frame, columns in zip(shape.blocks, arrays.frames, index.columns, strict=True):
        part = packed[:, columns]
        if not block.is_diagonal:
            grams = real_image(frame.conj().T @ hermitian_basis(block.size) @ frame)
            part = part @ grams.reshape(block.size**2, -1).T
        pieces.append(part)
        slices.append(slice(start, start + n_coordinates(block)))
        start += n_coordinates(block)
    coordinates = np.concatenate(pieces, axis=1).T
    full = coordinates[:, index.unpack_rows]
    maps = tuple(
        np.ascontiguousarray(full[:, rows]).reshape(start, n, n)
        for rows, n in zip(index.full_rows, shape.n_parameters, strict=True)
    )
    constants = arrays.constants or tuple(np.zeros((n, n)) for n in shape.n_parameters)
    return ExplicitBound(shape, tuple(slices), maps, arrays.selections, constants)
