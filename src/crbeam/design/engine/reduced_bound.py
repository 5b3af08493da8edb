"""Value, gradient and lower bound of a reduced problem in its factor variables.

A block with variable X is written `X = B B^H / s` with a square B (over a codebook `rho = v o v / s`), where s is the
sum of the squared norms of all blocks of its budget: every point is feasible and uses the budget fully. A *point* is
the real vector of all B and v; complex entries are stored as neighbouring real and imaginary parts.

With `Y_t = I_t^-1 E_t`, `G_b = -df/dX_b` and `c_g = sum_{b in g} <G_b, X_b>`, the gradient of log f with respect to B
is `2 (c_g B - G_b B) / (f s)`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crbeam.design.engine.reduced_information import (
    ReducedArrays,
    ReducedShape,
    from_real_image,
    gradients,
    informations,
    total,
)
from crbeam.linalg import lapack

#: Weight of the identity mixed into a start, so that no direction is lost.
START_MIX = 0.01
#: Least eigenvalue of the gradient that counts for a first point, relative to the largest.
LEAST_SLOPE = 1e-6


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A point's value with what its certificate needs; every field has the batch axis of the point, if any.

    Attributes:
        value: f, relative to the isotropic X; infinite where the information is singular.
        slope: gradient of log f with respect to the point.
        residual: `sum_g |c_g B - G B|^2 / (s f^2)`, below the gap up to a small factor.
        constant: `g0 = sum_t tr(Y_t^T I0_t Y_t)`.
        column_gradients: for each block G in terms of columns, `G_b = S (.) S^H`.
    """

    value: np.ndarray
    slope: np.ndarray
    residual: np.ndarray
    constant: np.ndarray
    column_gradients: tuple[np.ndarray, ...]


def block_slices(shape: ReducedShape) -> tuple[slice, ...]:
    """Part of a point that belongs to each block."""
    slices, start = [], 0
    for block in shape.blocks:
        count = block.size if block.is_diagonal else 2 * block.size**2
        slices.append(slice(start, start + count))
        start += count
    return tuple(slices)


def factors(shape: ReducedShape, point: np.ndarray) -> list[np.ndarray]:
    """B of each block, or v over a codebook."""
    if len(shape.blocks) == 1 and not shape.blocks[0].is_diagonal:
        size = shape.blocks[0].size
        return [point.view(complex).reshape(*point.shape[:-1], size, size)]
    result = []
    for block, part in zip(shape.blocks, block_slices(shape), strict=True):
        values = np.ascontiguousarray(point[..., part])
        if not block.is_diagonal:
            values = values.view(complex).reshape(*point.shape[:-1], block.size, block.size)
        result.append(values)
    return result


def joined(parts: list[np.ndarray], shape: ReducedShape) -> np.ndarray:
    """A point from B of each block, or v over a codebook."""
    flat = [
        part if block.is_diagonal else np.ascontiguousarray(part).reshape(*part.shape[:-2], -1).view(float)
        for part, block in zip(parts, shape.blocks, strict=True)
    ]
    return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=-1)


def first_point(shape: ReducedShape, arrays: ReducedArrays) -> np.ndarray:
    """A good start for each problem: `X_b = G_b^(1/2)` up to scale, G at the isotropic X.

    This minimises the majorant `f(X) <= tr(X0 G X0 X^-1)` from the isotropic X0, where `I = 1` and `Y = E`.
    """
    slopes = [np.nan_to_num(slope) for slope in gradients(shape, arrays, arrays.selections)]
    spectra = [
        (diagonal_gradient(frame, slope), None)
        if block.is_diagonal
        else np.linalg.eigh(frame @ slope @ frame.conj().swapaxes(-1, -2))
        for block, frame, slope in zip(shape.blocks, arrays.frames, slopes, strict=True)
    ]
    largest = np.max([values.max(axis=-1) for values, _ in spectra], axis=0)[..., None]
    parts = []
    for values, vectors in spectra:
        root = (np.maximum(values, LEAST_SLOPE * largest) / largest) ** 0.25
        root = np.where(largest > 0.0, root, 1.0)
        parts.append(root if vectors is None else (vectors * root[..., None, :]) @ vectors.conj().swapaxes(-1, -2))
    point = joined(parts, shape)
    return point / np.sqrt(np.vecdot(point, point))[..., None]


def diagonal_gradient(frame: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Diagonal of `G = S (.) S^H`, what a codebook sees of it."""
    return np.real(np.vecdot(frame, frame @ inner))


def point_near(shape: ReducedShape, variables: list[np.ndarray]) -> np.ndarray:
    """A nonsingular point close to the given X of each block."""
    parts = []
    for block, variable in zip(shape.blocks, variables, strict=True):
        trace = max(float(np.trace(variable).real), 0.0)
        if block.is_diagonal:
            root = np.sqrt(np.maximum(np.real(np.diagonal(variable)), 0.0))
            parts.append(root + START_MIX * np.sqrt(trace + 1e-2))
            continue
        eigenvalues, vectors = np.linalg.eigh(variable)
        root = (vectors * np.sqrt(np.maximum(eigenvalues, 0.0))) @ vectors.conj().T
        parts.append(root + START_MIX * np.sqrt(trace + 1e-2) * np.eye(block.size))
    return joined(parts, shape)


def _budget_sums(shape: ReducedShape, values: list[np.ndarray]) -> list[np.ndarray]:
    """For each block the sum of `values` over the blocks of its budget."""
    if len(values) == 1:
        return values
    totals = [
        total(value for value, block in zip(values, shape.blocks, strict=True) if block.budget == budget)
        for budget in range(shape.n_budgets)
    ]
    return [totals[block.budget] for block in shape.blocks]


def solve_positive(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """`I^-1 E` item by item; NaN where I is not positive definite."""
    solve = lapack("posv", "d")
    if matrix.ndim == 2:
        _, solution, failure = solve(matrix, right)
        return solution if failure == 0 else np.full(right.shape, np.nan)
    solution = right.swapaxes(-1, -2).copy().swapaxes(-1, -2)
    for one, other in zip(matrix.copy().swapaxes(-1, -2), solution, strict=True):
        _, _, failure = solve(one, other, 0, 1, 1)  # upper triangle; both operands are overwritten
        if failure != 0:
            other[...] = np.nan
    return solution


def evaluate(shape: ReducedShape, arrays: ReducedArrays, point: np.ndarray) -> Evaluation:
    """Value and gradient at a point (or at one point for each item)."""
    parts = factors(shape, point)
    norms = _block_norms(shape, point)
    seen, grams = [], []
    for block, part, frame, norm in zip(shape.blocks, parts, arrays.frames, norms, strict=True):
        product = part[..., None] * frame if block.is_diagonal else part.conj().swapaxes(-1, -2) @ frame
        back = product.conj().swapaxes(-1, -2)
        seen.append(back)
        grams.append((back @ product) / norm[..., None, None])
    responses = [
        solve_positive(matrix, selection)
        for matrix, selection in zip(informations(shape, arrays, grams), arrays.selections, strict=True)
    ]
    value = total(map(_inner, responses, arrays.selections))
    column_gradients = gradients(shape, arrays, responses)
    products = [
        np.real(np.vecdot(frame.conj(), (gradient @ part).swapaxes(-1, -2)))
        if block.is_diagonal
        else frame @ (gradient @ part)
        for block, part, frame, gradient in zip(shape.blocks, seen, arrays.frames, column_gradients, strict=True)
    ]
    slope, residual = _log_gradient(shape, point, joined(products, shape), norms, value)
    constant = np.zeros(np.shape(value))
    if arrays.constants:
        constant = total(_inner(y, prior @ y) for y, prior in zip(responses, arrays.constants, strict=True))
    return Evaluation(value, slope, residual, constant, tuple(column_gradients))


def evaluator(shape: ReducedShape, arrays: ReducedArrays) -> Callable[[np.ndarray], Evaluation]:
    """Function from a point to its evaluation, for one problem (no batch axis)."""
    if len(shape.blocks) != 1:
        return lambda point: evaluate(shape, arrays, point)
    return _OneBlockEvaluator(shape, arrays)


class _OneBlockEvaluator:
    """The same numbers as `evaluate`, in half of its time.

    The matrices are so small that a call into NumPy costs as much as its arithmetic; here every constant operand is
    prepared once.
    """

    def __init__(self, shape: ReducedShape, arrays: ReducedArrays):
        self.size, self.is_diagonal = shape.blocks[0].size, shape.blocks[0].is_diagonal
        self.frame = arrays.frames[0]
        self.frame_adjoint = np.ascontiguousarray(self.frame.conj().T)
        self.selections = [np.asfortranarray(selection) for selection in arrays.selections]
        self.flat_selections = [selection.T.reshape(-1) for selection in self.selections]
        self.constants = arrays.constants
        self.solve = lapack("posv", "d")
        self.groups, self.criteria = [], [[] for _ in shape.n_parameters]
        for place, group in enumerate(shape.term_groups):
            parts = []
            for number in group.members:
                criterion = shape.contributions[number].criterion
                weight, jacobian = arrays.weights[number], arrays.jacobians[number]
                parts.append((criterion, weight, jacobian))
                self.criteria[criterion].append((place, 0.5 * weight, jacobian, np.ascontiguousarray(jacobian.T)))
            self.groups.append((group.index, parts))

    def __call__(self, point: np.ndarray) -> Evaluation:
        """The evaluation at a point."""
        norm = point.dot(point)
        if self.is_diagonal:
            seen = self.frame_adjoint * point
        else:
            seen = self.frame_adjoint.dot(point.view(complex).reshape(self.size, self.size))
        gram = seen.dot(seen.conj().T)
        gram /= norm
        matrices = self.informations((gram.real + gram.imag).reshape(-1))
        if self.constants:
            matrices = [matrix + constant for matrix, constant in zip(matrices, self.constants, strict=True)]
        value, constant, responses = 0.0, 0.0, []
        for number, (matrix, selection) in enumerate(zip(matrices, self.selections, strict=True)):
            _, response, failure = self.solve(matrix.T, selection, overwrite_a=1)
            value = value + (self.flat_selections[number].dot(response.T.reshape(-1)) if failure == 0 else np.nan)
            responses.append(response)
            if self.constants:
                constant += float(np.sum(response * self.constants[number].dot(response)))
        gradient = from_real_image(self.gradient(responses))
        if self.is_diagonal:
            steep = np.einsum("lc,cl->l", self.frame, gradient.dot(seen)).real
        else:
            steep = self.frame.dot(gradient.dot(seen)).reshape(-1).view(float)
        difference = ((point.dot(steep) / norm) * point - steep) / value
        residual = difference.dot(difference) / norm
        slope = difference * (2.0 / norm)
        return Evaluation(np.asarray(value), slope, residual, np.asarray(constant), (gradient,))

    def informations(self, image: np.ndarray) -> list[np.ndarray]:
        """Linear part of each information matrix from H(A)."""
        seen = [image.take(index.gather) for index, _ in self.groups]
        matrices = [
            total(left.dot((seen[group] * weight).dot(jacobian)) for group, weight, jacobian, left in parts)
            for parts in self.criteria
        ]
        return [matrix + matrix.T for matrix in matrices]

    def gradient(self, responses: list[np.ndarray]) -> np.ndarray:
        """H(G), G in terms of columns."""
        pieces = []
        for index, parts in self.groups:
            slopes = [(jacobian.dot(responses[criterion]), weight) for criterion, weight, jacobian in parts]
            terms = total(slope.dot(slope.T) * weight for slope, weight in slopes)
            pieces.append(index.membership.T.dot(terms.dot(index.membership)))
        return total(pieces)


def _inner(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """`tr(left^T right)` of each item."""
    return np.vecdot(left.reshape(*left.shape[:-2], -1), right.reshape(*right.shape[:-2], -1))


def _block_norms(shape: ReducedShape, point: np.ndarray) -> list[np.ndarray]:
    """For each block the squared norm of the point's part that belongs to its budget."""
    if len(shape.blocks) == 1:
        return [np.vecdot(point, point)]
    return _budget_sums(shape, [np.vecdot(point[..., part], point[..., part]) for part in block_slices(shape)])


def _log_gradient(
    shape: ReducedShape, point: np.ndarray, steep: np.ndarray, norms: list[np.ndarray], value: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient of log f and the squared residual, from G B."""
    if len(shape.blocks) == 1:
        return _log_gradient_part(point, steep, norms[0], np.vecdot(point, steep) / norms[0], value)
    slices = block_slices(shape)
    shares = [np.vecdot(point[..., part], steep[..., part]) / norm for part, norm in zip(slices, norms, strict=True)]
    pieces = [
        _log_gradient_part(point[..., part], steep[..., part], norm, share, value)
        for part, norm, share in zip(slices, norms, _budget_sums(shape, shares), strict=True)
    ]
    return np.concatenate([slope for slope, _ in pieces], axis=-1), total(residual for _, residual in pieces)


def _log_gradient_part(
    point: np.ndarray, steep: np.ndarray, norm: np.ndarray, share: np.ndarray, value: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    difference = (share[..., None] * point - steep) / value[..., None]
    return difference * (2.0 / norm)[..., None], np.vecdot(difference, difference) / norm


def lower_bound(shape: ReducedShape, arrays: ReducedArrays, evaluation: Evaluation) -> np.ndarray:
    """Proven lower bound `f^2 / (g0 + sum_g max_{b in g} max(0, lambda_max(G_b)))` on the reduced optimum.

    It is 0, which proves nothing, where the value is not a positive number.
    """
    is_valid = np.isfinite(evaluation.value) & (evaluation.value > 0.0)
    worst: list[np.ndarray | None] = [None] * shape.n_budgets
    for block, frame, gradient in zip(shape.blocks, arrays.frames, evaluation.column_gradients, strict=True):
        valid = np.where(is_valid[..., None, None], gradient, 0.0)
        if block.is_diagonal:
            largest = diagonal_gradient(frame, valid).max(axis=-1)
        else:
            largest = np.linalg.eigvalsh(frame @ valid @ frame.conj().swapaxes(-1, -2))[..., -1]
        previous = worst[block.budget]
        worst[block.budget] = largest if previous is None else np.maximum(previous, largest)
    power = evaluation.constant + total(np.maximum(largest, 0.0) for largest in worst if largest is not None)
    return np.where(is_valid, evaluation.value**2 / np.where(is_valid, power, 1.0), 0.0)


def unit_factors(shape: ReducedShape, point: np.ndarray) -> list[np.ndarray]:
    """B of each block (v over a codebook) scaled so that `X = B B^H`; the traces of each budget add up to 1."""
    norms = _block_norms(shape, point)
    return [
        part / np.sqrt(norm)[..., None] if block.is_diagonal else part / np.sqrt(norm)[..., None, None]
        for block, part, norm in zip(shape.blocks, factors(shape, point), norms, strict=True)
    ]


def variables(shape: ReducedShape, point: np.ndarray) -> list[np.ndarray]:
    """X of each block at a point; the traces of each budget add up to 1."""
    result = []
    for block, unit in zip(shape.blocks, unit_factors(shape, point), strict=True):
        if block.is_diagonal:
            result.append((unit**2)[..., None, :] * np.eye(block.size))
        else:
            result.append(unit @ unit.conj().swapaxes(-1, -2))
    return result
