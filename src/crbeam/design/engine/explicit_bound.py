"""A reduced problem in real coordinates, with second derivatives.

The coordinates of a block are its X in an orthonormal basis of the Hermitian matrices (diagonal entries, then
sqrt(2) times real and imaginary parts of the upper triangle), or the powers of its words. With `F_k = I(E_k) Y`,
`-df/dx_k = tr(Y^T F_k)` and `d2f/dx_k dx_l = 2 tr(F_k^T I^-1 F_l)`. A loss of parts of f weighs the columns of Y with
its slopes and adds the outer products of the parts' gradients with its curvatures.
"""

from dataclasses import dataclass

import numpy as np

from crbeam.design.engine.hermitian import gram_index, hermitian_basis, real_image
from crbeam.design.engine.losses import Loss, LossPoint, TotalLoss
from crbeam.design.engine.packing import packed_matrix
from crbeam.design.engine.reduced_bound import solve_positive
from crbeam.design.engine.reduced_information import BlockShape, ReducedArrays, ReducedShape

#: The weighted bound itself.
WEIGHTED_BOUND = TotalLoss()


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
    """A loss, the negative gradient `G` of its merit, `g0` and the Hessian in coordinates.

    Attributes:
        loss: the loss at this place.
        gain: the weighted bound with the slopes of the loss.
        steepest: negative gradient.
        constant: `tr(Y^T I0 Y)`, Y weighed with the slopes.
        hessian: of the merit.
    """

    loss: LossPoint
    gain: float
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

    def merit(self, coordinates: np.ndarray, loss: Loss = WEIGHTED_BOUND, weight: float = 0.0) -> float:
        """Merit of a loss; NaN where an information matrix is singular."""
        matrices = self.informations(coordinates)
        columns = [np.sum(e * solve_positive(i, e), axis=0) for i, e in zip(matrices, self.selections, strict=True)]
        return loss.at(loss.sums(columns), weight).merit

    def second_order(self, coordinates: np.ndarray, loss: Loss = WEIGHTED_BOUND, weight: float = 0.0) -> SecondOrder:
        """A loss with gradient and Hessian; `weight` is that of the barrier."""
        size = coordinates.size
        matrices = self.informations(coordinates)
        responses = [solve_positive(matrix, each) for matrix, each in zip(matrices, self.selections, strict=True)]
        parts = loss.sums([np.sum(e * y, axis=0) for e, y in zip(self.selections, responses, strict=True)])
        point = loss.at(parts, weight)
        constant, hessian, slopes = 0.0, np.zeros((size, size)), []
        for number, (matrix, each, prior) in enumerate(zip(matrices, self.maps, self.constants, strict=True)):
            response = responses[number]
            slopes.append(np.sum((features := each @ response) * response, axis=1))
            weights = np.sqrt(loss.spread(point.slopes, number))
            root = np.linalg.inv(np.linalg.cholesky(matrix))
            scaled = (root @ (features * weights)).reshape(size, -1)
            constant += float(np.sum((response * weights) * (prior @ (response * weights))))
            hessian += 2.0 * (scaled @ scaled.T)
        gradients = loss.sums(slopes)
        hessian += (gradients * point.curvatures) @ gradients.T
        return SecondOrder(point, float(point.slopes @ parts), gradients @ point.slopes, constant, hessian)


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
