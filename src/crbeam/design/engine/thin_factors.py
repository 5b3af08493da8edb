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
from crbeam.design.engine.reduced_bound import Evaluation, joined, lower_bound, solve_positive, variables
from crbeam.design.engine.reduced_information import (
    ReducedArrays,
    ReducedShape,
    from_real_image,
    gradients,
    hermitian_basis,
    informations,
    total,
)

#: Eigenvalues below this fraction of the largest are dropped.
THRESHOLD = 1e-7
#: Ridge on the curvature, relative to its mean eigenvalue.
RIDGE = 1e-10
#: Weights below this fraction of the largest do not bend anything.
LEAST_WEIGHT = 1e-10
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


def judged(
    shape: ReducedShape, arrays: ReducedArrays, groups: Sequence[np.ndarray], weights: np.ndarray, point: np.ndarray
) -> tuple[np.ndarray, float]:
    """u of each group at a point, and a lower bound on `min_X v . u(X)`.

    Where the information is singular u is not a number, and the bound is 0.
    """
    responses, bounds, _ = _responses(shape, arrays, groups, variables(shape, point))
    counted = _counted(responses, groups, weights)
    constant = np.zeros(())
    if arrays.constants:
        constant = total(np.sum(y * (prior @ y)) for y, prior in zip(counted, arrays.constants, strict=True))
    slopes = tuple(gradients(shape, arrays, counted))
    evaluation = Evaluation(weights @ bounds, np.zeros(()), np.zeros(()), constant, slopes)
    return bounds, float(lower_bound(shape, arrays, evaluation))


def _responses(
    shape: ReducedShape, arrays: ReducedArrays, groups: Sequence[np.ndarray], sent: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], np.ndarray, list[np.ndarray]]:
    """Y of each criterion at X of each block, u of each group, and the information matrices."""
    grams = [frame.conj().T @ variable @ frame for frame, variable in zip(arrays.frames, sent, strict=True)]
    matrices = informations(shape, arrays, grams)
    responses = [solve_positive(*each) for each in zip(matrices, arrays.selections, strict=True)]
    parts = [np.sum(each * other, axis=0) for each, other in zip(arrays.selections, responses, strict=True)]
    return responses, np.bincount(np.concatenate(groups), np.concatenate(parts)), matrices


def _counted(responses: Sequence[np.ndarray], groups: Sequence[np.ndarray], weights: np.ndarray) -> list[np.ndarray]:
    """Responses as often as they count: `Y sqrt(v)`."""
    return [each * np.sqrt(weights[group]) for each, group in zip(responses, groups, strict=True)]


def expansion_at(
    shape: ReducedShape, arrays: ReducedArrays, groups: Sequence[np.ndarray], weights: np.ndarray, point: np.ndarray
) -> Expansion:
    """The expansion around a point, with the curvature for given weights.

    Raises:
        LinAlgError: the information is singular there.
    """
    spectrum = spectra(shape, point)
    face = face_of(shape, spectrum, tuple(ranks(spectrum, THRESHOLD).tolist()))
    sent = [(v * w) @ v.conj().T for v, w in zip(face.vectors, face.weights, strict=True)]
    responses, bounds, matrices = _responses(shape, arrays, groups, sent)
    hessian = _bending(shape, arrays, face, _counted(responses, groups, weights))
    slopes = np.zeros((weights.size, len(hessian)))
    features = _features(shape, arrays, face, responses)
    for matrix, response, feature, group in zip(matrices, responses, features, groups, strict=True):
        np.add.at(slopes, group, -np.sum(feature * response, axis=1).T)
        counts = weights[group] > LEAST_WEIGHT * weights.max()
        scaled = feature[:, :, counts] * np.sqrt(2.0 * weights[group][counts])
        flat = np.moveaxis(scaled, 1, 0).reshape(len(matrix), -1)
        whitened = np.linalg.solve(np.linalg.cholesky(matrix), flat)
        side = np.moveaxis(whitened.reshape(scaled.shape[1], len(hessian), -1), 0, 1).reshape(len(hessian), -1)
        hessian += side @ side.T
    powers, turns = _powers_and_turns(shape, face)
    hessian += np.trace(hessian) / len(hessian) * (turns @ turns.T + RIDGE * np.eye(len(hessian)))
    system = np.block([[hessian, powers.T], [powers, np.zeros((len(powers), len(powers)))]])
    shifts = np.linalg.solve(system, np.pad(slopes.T, ((0, len(powers)), (0, 0))))[: len(hessian)]
    curvature = slopes @ shifts
    return Expansion(face, bounds, 0.5 * (curvature + curvature.T), shifts)


def _powers_and_turns(shape: ReducedShape, face: Face) -> tuple[np.ndarray, np.ndarray]:
    """Power of each budget along each direction, and a basis of what only turns F: `i F` times Hermitian matrices."""
    parts = _parts(shape, face)
    powers, turns = np.zeros((shape.n_budgets, parts[-1].stop)), [np.zeros((parts[-1].stop, 0))]
    for block, vectors, weights, part in zip(shape.blocks, face.vectors, face.weights, parts, strict=True):
        if block.is_diagonal:
            powers[block.budget, part] = 1.0
            continue
        factor = vectors * np.sqrt(weights)
        powers[block.budget, part] = 2.0 * _as_real(factor)
        turned = _as_real(1j * factor @ hermitian_basis(weights.size))
        turns.append(np.zeros((parts[-1].stop, len(turned))))
        turns[-1][part] = np.linalg.qr(turned.T)[0]
    return powers, np.concatenate(turns, axis=1)


def _features(
    shape: ReducedShape, arrays: ReducedArrays, face: Face, responses: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """D of each criterion along each direction, `[direction, parameter, column of Y]`."""
    parts = _parts(shape, face)
    result = [np.zeros((parts[-1].stop, *response.shape)) for response in responses]
    for contribution, weight, jacobian in zip(shape.contributions, arrays.weights, arrays.jacobians, strict=True):
        place, inner = contribution.block, from_real_image(weight)
        frame = arrays.frames[place][:, contribution.columns]
        seen = (face.vectors[place] * np.sqrt(face.weights[place])).T @ frame.conj()
        slope = jacobian @ responses[contribution.criterion]
        if shape.blocks[place].is_diagonal:  # a word shows conj(A) = conj(a) a^T
            words = face.vectors[place].T @ frame
            along = np.real(words[:, :, None] * (inner @ (words.conj()[:, :, None] * slope)))
            result[contribution.criterion][parts[place]] += jacobian.T @ along
            continue
        # a column of F shows b, an antenna a: conj(dA) = conj(a) b^T + conj(b) a^T, or -i and i times these
        ahead = frame[:, None, :, None] * (inner @ (seen[:, :, None] * slope))
        behind = seen.conj()[:, :, None] * (inner @ (frame.conj()[:, :, None] * slope))[:, None]
        along = np.stack([np.real(ahead + behind), np.imag(ahead - behind)])
        along = along.reshape(-1, *slope.shape)
        result[contribution.criterion][parts[place]] += jacobian.T @ along
    return result


def _parts(shape: ReducedShape, face: Face) -> list[slice]:
    """The directions of each block: real, then imaginary parts of all entries of dF; the powers of words."""
    sizes = [
        weights.size * (1 if block.is_diagonal else 2 * block.size)
        for block, weights in zip(shape.blocks, face.weights, strict=True)
    ]
    ends = np.cumsum(sizes).tolist()
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


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
        slope = frame @ inner @ frame.conj().T
        prices[block.budget] += np.real(np.sum((vectors * weights).conj() * (slope @ vectors)))
        parts.append(slope)
    places = _parts(shape, face)
    result = np.zeros((places[-1].stop, places[-1].stop))
    for block, slope, weights, place in zip(shape.blocks, parts, face.weights, places, strict=True):
        if not block.is_diagonal:
            values, vectors = np.linalg.eigh(prices[block.budget] * np.eye(block.size) - slope)
            bent = 2.0 * (vectors * np.maximum(values, 0.0)) @ vectors.conj().T
            image = np.block([[bent.real, -bent.imag], [bent.imag, bent.real]])
            result[place, place] = np.kron(image, np.eye(weights.size))
    return result


def moved(shape: ReducedShape, expansion: Expansion, weights: np.ndarray) -> np.ndarray:
    """The point `F - P C w`."""
    step, parts, face = -expansion.shifts @ weights, [], expansion.face
    for block, vectors, powers, part in zip(shape.blocks, face.vectors, face.weights, _parts(shape, face), strict=True):
        change = step[part]
        if block.is_diagonal:
            parts.append(vectors @ np.sqrt(np.maximum(powers + change, (1.0 - LARGEST_LOSS) * powers)))
            continue
        real, imaginary = change.reshape(2, block.size, powers.size)
        factor = np.zeros((block.size, block.size), dtype=complex)
        factor[:, : powers.size] = vectors * np.sqrt(powers) + real + 1j * imaginary
        parts.append(factor)
    return joined(parts, shape)
