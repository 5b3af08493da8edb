"""Weighted bounds to second order in thin factors of a transmission and in their weights.

The columns of all E are in groups t with bounds `u_t`, of which a problem minimises `sum_t v_t u_t`. On the dominant
face a block is `X = F F^H`, F with as many columns as X has rank (over a codebook: the powers of the words in use).
With `Y = I^-1 E`, G the adjoint of the maps at `sum_t v_t Y_t Y_t^T`, and `lambda_g = sum_{b in g} <G_b, X_b>`,

    d u_t = -tr(Y_t^T D_t),                               D_t = I_t(dF F^H + F dF^H) Y_t
    d2 (v . u) = 2 sum_t v_t tr(D_t^T I_t^-1 D_t) + 2 tr(dF^H (lambda 1 - G) dF)     at fixed power.

Let C be du / dF and P the inverse of this curvature among the changes that keep the power of every budget and do not
only turn F. Weights w then have the bounds u - M w, with `M = C^T P C`, at F - P C w, and `min_X sum_t w_t u_t` is
`w . u - w . M w / 2`, up to third order in the distance from the optimum for w.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.engine.face import Face, face_of, ranks, spectra
from crbeam.design.engine.hermitian import hermitian_basis
from crbeam.design.engine.reduced_bound import joined, solve_positive
from crbeam.design.engine.reduced_information import (
    BlockShape,
    ReducedArrays,
    ReducedShape,
    directional_features,
    gradients,
    informations,
)

#: Eigenvalues below this fraction of the largest are dropped.
THRESHOLD = 1e-7
#: Ridge on the curvature, relative to its mean eigenvalue.
RIDGE = 1e-10
#: Most of the power of a word that one step takes away.
LARGEST_LOSS = 0.9


@dataclass(frozen=True, eq=False)
class Expansion:
    """Bounds around a transmission.

    Attributes:
        face: where it is.
        bounds: u of each group.
        curvature: M, `[group, group]`.
        shifts: P C, `[direction, group]`.
    """

    face: Face
    bounds: np.ndarray
    curvature: np.ndarray
    shifts: np.ndarray


def weighted(arrays: ReducedArrays, groups: Sequence[np.ndarray], weights: np.ndarray) -> ReducedArrays:
    """Numbers of the problem that minimises `sum_t v_t u_t`, with the group of each column of each criterion."""
    scaled = tuple(each * np.sqrt(weights[group]) for each, group in zip(arrays.selections, groups, strict=True))
    return replace(arrays, selections=scaled)


def bounds_at(
    shape: ReducedShape, arrays: ReducedArrays, groups: Sequence[np.ndarray], variables: Sequence[np.ndarray]
) -> np.ndarray:
    """u of each group at X of each block; not a number where the information is singular."""
    grams = [
        np.real(np.diagonal(variable)) if block.is_diagonal else frame.conj().T @ variable @ frame
        for block, frame, variable in zip(shape.blocks, arrays.frames, variables, strict=True)
    ]
    matrices = informations(shape, arrays, grams)
    return _sums(arrays, groups, [solve_positive(*each) for each in zip(matrices, arrays.selections, strict=True)])


def _sums(arrays: ReducedArrays, groups: Sequence[np.ndarray], responses: Sequence[np.ndarray]) -> np.ndarray:
    parts = [np.sum(each * other, axis=0) for each, other in zip(arrays.selections, responses, strict=True)]
    return np.bincount(np.concatenate(groups), np.concatenate(parts))


def expansion_at(
    shape: ReducedShape, arrays: ReducedArrays, groups: Sequence[np.ndarray], weights: np.ndarray, point: np.ndarray
) -> Expansion:
    """The expansion around a point, with the curvature for given weights."""
    spectrum = spectra(shape, point)
    face = face_of(shape, spectrum, tuple(ranks(spectrum, THRESHOLD).tolist()))
    here, along, powers, turns = _directions(shape, arrays, face)
    matrices = informations(shape, arrays, here)
    responses = [solve_positive(*each) for each in zip(matrices, arrays.selections, strict=True)]
    features = directional_features(shape, arrays, along, responses)
    hessian = _bending(shape, arrays, face, [y * np.sqrt(weights[g]) for y, g in zip(responses, groups, strict=True)])
    slopes = np.zeros((weights.size, len(hessian)))
    for matrix, response, feature, group in zip(matrices, responses, features, groups, strict=True):
        np.add.at(slopes, group, -np.sum(feature * response, axis=1).T)
        counted = np.flatnonzero(weights[group] > 0.0)
        scaled = feature[:, :, counted] * np.sqrt(2.0 * weights[group][counted])
        flat = np.moveaxis(scaled, 1, 0).reshape(len(matrix), -1)
        whitened = np.linalg.solve(np.linalg.cholesky(matrix), flat)
        side = np.moveaxis(whitened.reshape(len(matrix), len(hessian), -1), 0, 1).reshape(len(hessian), -1)
        hessian += side @ side.T
    level = np.trace(hessian) / max(len(hessian), 1)
    hessian += level * (turns @ turns.T + RIDGE * np.eye(len(hessian)))
    zeros = np.zeros((len(powers), len(powers)))
    system = np.block([[hessian, powers.T], [powers, zeros]])
    right = np.concatenate([slopes.T, np.zeros((len(powers), weights.size))])
    shifts = np.linalg.solve(system, right)[: len(hessian)]
    curvature = slopes @ shifts
    return Expansion(face, _sums(arrays, groups, responses), 0.5 * (curvature + curvature.T), shifts)


def _directions(
    shape: ReducedShape, arrays: ReducedArrays, face: Face
) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray, np.ndarray]:
    """What each block shows, its change along each direction, the change of each power, and what only turns F."""
    count = sum(_count(*each) for each in zip(shape.blocks, face.weights, strict=True))
    here, along, turns, start = [], [], [], 0
    powers = np.zeros((shape.n_budgets, count))
    for block, frame, vectors, weights in zip(shape.blocks, arrays.frames, face.vectors, face.weights, strict=True):
        end = start + _count(block, weights)
        if block.is_diagonal:
            here.append(vectors @ weights)
            moves, power = vectors.T, np.ones(weights.size)
        else:
            factor = vectors * np.sqrt(weights)
            seen = frame.conj().T @ factor
            here.append(seen @ seen.conj().T)
            half = frame.conj()[:, None, :, None] * seen.conj().T[None, :, None, :]
            half = half.reshape(-1, block.n_columns, block.n_columns)
            moves = np.concatenate([half, 1j * half])
            moves, power = moves + moves.conj().swapaxes(-1, -2), 2.0 * _as_real(factor)
            turned = _as_real(1j * factor @ hermitian_basis(weights.size))
            turns.append(np.zeros((count, len(turned))))
            turns[-1][start:end] = np.linalg.qr(turned.T)[0]
        along.append(np.zeros((count, *moves.shape[1:]), dtype=moves.dtype))
        along[-1][start:end] = moves
        powers[block.budget, start:end] = power
        start = end
    return here, along, powers, np.concatenate([np.zeros((count, 0)), *turns], axis=1)


def _count(block: BlockShape, weights: np.ndarray) -> int:
    """Number of directions of a block."""
    return weights.size if block.is_diagonal else 2 * block.size * weights.size


def _as_real(factor: np.ndarray) -> np.ndarray:
    """Real parts of all entries of a factor, or of several, then all imaginary parts."""
    flat = factor.reshape(*factor.shape[:-2], factor.shape[-2] * factor.shape[-1])
    return np.concatenate([np.real(flat), np.imag(flat)], axis=-1)


def _bending(shape: ReducedShape, arrays: ReducedArrays, face: Face, responses: Sequence[np.ndarray]) -> np.ndarray:
    """`2 (lambda 1 - G)` for each column of F, without what is negative before the optimum; 0 over a codebook."""
    parts, prices = [], np.zeros(shape.n_budgets)
    for block, frame, inner, vectors, weights in zip(
        shape.blocks, arrays.frames, gradients(shape, arrays, responses), face.vectors, face.weights, strict=True
    ):
        slope = np.diag(inner) if block.is_diagonal else frame @ inner @ frame.conj().T
        prices[block.budget] += np.real(np.sum((vectors * weights).conj() * (slope @ vectors)))
        parts.append(slope)
    counts = [_count(*each) for each in zip(shape.blocks, face.weights, strict=True)]
    result, start = np.zeros((sum(counts), sum(counts))), 0
    for block, slope, weights, count in zip(shape.blocks, parts, face.weights, counts, strict=True):
        if not block.is_diagonal:
            values, vectors = np.linalg.eigh(prices[block.budget] * np.eye(block.size) - slope)
            bent = 2.0 * (vectors * np.maximum(values, 0.0)) @ vectors.conj().T
            image = np.block([[bent.real, -bent.imag], [bent.imag, bent.real]])
            result[start : start + count, start : start + count] = np.kron(image, np.eye(weights.size))
        start += count
    return result


def moved(shape: ReducedShape, expansion: Expansion, weights: np.ndarray) -> np.ndarray:
    """The point `F - P C w`."""
    step, parts, start = -expansion.shifts @ weights, [], 0
    for block, vectors, powers in zip(shape.blocks, expansion.face.vectors, expansion.face.weights, strict=True):
        change = step[start : start + _count(block, powers)]
        start += change.size
        if block.is_diagonal:
            parts.append(vectors @ np.sqrt(np.maximum(powers + change, (1.0 - LARGEST_LOSS) * powers)))
            continue
        real, imaginary = change.reshape(2, block.size, powers.size)
        factor = np.zeros((block.size, block.size), dtype=complex)
        factor[:, : powers.size] = vectors * np.sqrt(powers) + real + 1j * imaginary
        parts.append(factor)
    return joined(parts, shape)
