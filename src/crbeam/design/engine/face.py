"""Newton step on the face of a nearly optimal point.

Optimal covariances have rank two or three. Near the optimum the certificate of a descent is limited by the small
matrix that X is on its dominant eigenvectors V, not by V itself: deviations within the face enter the bound linearly,
those of V quadratically. So the small eigenvalues are dropped and `X = V L V^H` is improved by one Newton step in L,
with the power of each budget fixed. This also cleans the rank. Over a codebook V selects the words in use.

With `F_l = I(V E_l V^H) Y` for a Hermitian basis E_l: `df/dE_l = -tr(Y^T F_l)` and
`d2f/dE_l dE_m = 2 tr(F_l^T I^-1 F_m)`.
"""

from dataclasses import dataclass

import numpy as np

from crbeam.design.engine.reduced_bound import joined, solve_positive, variables
from crbeam.design.engine.reduced_information import (
    ReducedArrays,
    ReducedShape,
    directional_features,
    hermitian_basis,
    informations,
)

#: Ridge on the Hessian of the face, relative to its largest diagonal entry.
RIDGE = 1e-12


@dataclass(frozen=True, eq=False)
class Face:
    """Dominant eigenvectors `[size, rank]` and eigenvalues `[rank]` of X in each block, maybe with a batch axis.

    The eigenvalues of each budget add up to 1; over a codebook the vectors are columns of the identity.
    """

    vectors: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray, ...]


def spectra(shape: ReducedShape, points: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ascending eigenvalues and eigenvectors of X in each block (sorted powers over a codebook)."""
    result = []
    for block, variable in zip(shape.blocks, variables(shape, points), strict=True):
        if block.is_diagonal:
            powers = np.diagonal(variable, axis1=-2, axis2=-1)
            order = np.argsort(powers, axis=-1, kind="stable")
            result.append((np.take_along_axis(powers, order, -1), np.eye(block.size)[order].swapaxes(-1, -2)))
        else:
            result.append(tuple(np.linalg.eigh(variable)))
    return result


def ranks(spectrum: list[tuple[np.ndarray, np.ndarray]], threshold: float) -> np.ndarray:
    """Number of eigenvalues of each block that are above `threshold` times the largest of all, `[..., block]`."""
    largest = np.max([values[..., -1] for values, _ in spectrum], axis=0)
    return np.stack([(values > threshold * largest[..., None]).sum(axis=-1) for values, _ in spectrum], axis=-1)


def face_of(
    shape: ReducedShape, spectrum: list[tuple[np.ndarray, np.ndarray]], ranks_by_block: tuple[int, ...]
) -> Face:
    """The face of the given rank in each block, with its power rescaled to the budgets."""
    vectors, weights = [], []
    for (values, basis), rank in zip(spectrum, ranks_by_block, strict=True):
        start = basis.shape[-1] - rank
        vectors.append(basis[..., start:])
        weights.append(values[..., start:])
    totals = [
        sum(weight.sum(axis=-1) for weight, block in zip(weights, shape.blocks, strict=True) if block.budget == budget)
        for budget in range(shape.n_budgets)
    ]
    scaled = tuple(
        weight / np.asarray(totals[block.budget])[..., None]
        for weight, block in zip(weights, shape.blocks, strict=True)
    )
    return Face(tuple(vectors), scaled)


def _direction_basis(is_diagonal: bool, rank: int) -> np.ndarray:
    """Basis of the changes of L in one block, `[direction, rank, rank]`."""
    return hermitian_basis(rank)[:rank] if is_diagonal else hermitian_basis(rank)


def newton_on_face(shape: ReducedShape, arrays: ReducedArrays, face: Face) -> np.ndarray:
    """Point after one Newton step in L from the face's own weights, shortened where L would become indefinite."""
    bases = [
        _direction_basis(block.is_diagonal, vectors.shape[-1])
        for block, vectors in zip(shape.blocks, face.vectors, strict=True)
    ]
    hessian, slope = _derivatives(shape, arrays, face, bases)
    traces = _traces(shape, bases)
    step = _constrained_step(hessian, slope, traces)
    step = np.where(np.all(np.isfinite(step), axis=-1, keepdims=True), step, 0.0)
    parts, start = [], 0
    for block, basis, vectors, weights in zip(shape.blocks, bases, face.vectors, face.weights, strict=True):
        change = np.tensordot(step[..., start : start + len(basis)], basis, axes=1)
        start += len(basis)
        root = _damped_root(weights, change)
        if block.is_diagonal:
            parts.append((vectors @ np.real(np.diagonal(root, axis1=-2, axis2=-1))[..., None])[..., 0])
        else:
            padding = np.zeros((*vectors.shape[:-1], block.size - vectors.shape[-1]))
            parts.append(np.concatenate([vectors @ root, padding], axis=-1))
    return joined(parts, shape)


def _derivatives(
    shape: ReducedShape, arrays: ReducedArrays, face: Face, bases: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Hessian `[direction, direction]` and gradient of f in L, at the face's weights."""
    total = sum(len(basis) for basis in bases)
    here, along, start = [], [], 0
    for block, frame, basis, vectors, weights in zip(
        shape.blocks, arrays.frames, bases, face.vectors, face.weights, strict=True
    ):
        seen = vectors.conj().swapaxes(-1, -2) @ frame
        adjoint = seen.conj().swapaxes(-1, -2)
        here.append(adjoint @ (weights[..., None] * seen))
        moves = np.zeros((*weights.shape[:-1], total, block.n_columns, block.n_columns), dtype=complex)
        moves[..., start : start + len(basis), :, :] = adjoint[..., None, :, :] @ (basis @ seen[..., None, :, :])
        along.append(moves)
        start += len(basis)
    matrices = informations(shape, arrays, here)
    responses = [
        solve_positive(matrix, selection) for matrix, selection in zip(matrices, arrays.selections, strict=True)
    ]
    hessian, slope = np.zeros((*face.weights[0].shape[:-1], total, total)), np.zeros((1,))
    features = directional_features(shape, arrays, along, responses)
    for matrix, moved, response in zip(matrices, features, responses, strict=True):
        flat = moved.reshape(*moved.shape[:-2], -1)
        side = np.moveaxis(moved, -3, -2).reshape(*matrix.shape[:-1], -1)
        solved = solve_positive(matrix, side).reshape(*matrix.shape[:-1], total, -1)
        hessian += 2.0 * flat @ np.moveaxis(solved, -2, -3).reshape(*flat.shape).swapaxes(-1, -2)
        slope = slope - (flat @ response.reshape(*response.shape[:-2], -1, 1))[..., 0]
    return hessian, slope


def _traces(shape: ReducedShape, bases: list[np.ndarray]) -> np.ndarray:
    """Power of each direction in each budget, `[budget, direction]`; budgets without a direction are left out."""
    traces = np.zeros((shape.n_budgets, sum(len(basis) for basis in bases)))
    start = 0
    for block, basis in zip(shape.blocks, bases, strict=True):
        traces[block.budget, start : start + len(basis)] = np.trace(basis, axis1=1, axis2=2).real
        start += len(basis)
    return traces


def _constrained_step(hessian: np.ndarray, slope: np.ndarray, traces: np.ndarray) -> np.ndarray:
    """Newton step that keeps the power of every budget."""
    size, count = slope.shape[-1], len(traces)
    system = np.zeros((*slope.shape[:-1], size + count, size + count))
    level = np.max(np.diagonal(hessian, axis1=-2, axis2=-1), axis=-1)[..., None, None]
    system[..., :size, :size] = hessian + RIDGE * level * np.eye(size)
    system[..., :size, size:] = traces.T * level
    system[..., size:, :size] = traces * level
    right = np.concatenate([-slope, np.zeros((*slope.shape[:-1], count))], axis=-1)
    try:
        solution = np.linalg.solve(system, right[..., None])[..., 0]
    except np.linalg.LinAlgError:
        return np.zeros_like(slope)
    return np.where(np.isfinite(solution), solution, 0.0)[..., :size]


def _damped_root(weights: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Square root of `diag(weights) + t change`; t <= 1 goes at most nine tenths of the way to singularity."""
    if not weights.shape[-1]:
        return change
    root = np.sqrt(weights)
    relative = change / (root[..., :, None] * root[..., None, :])
    lowest = np.linalg.eigvalsh(relative)[..., 0]
    damping = np.where(lowest < -0.9, 0.9 / np.maximum(-lowest, 0.9), 1.0)
    size = weights.shape[-1]
    matrix = weights[..., None] * np.eye(size) + damping[..., None, None] * change
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
