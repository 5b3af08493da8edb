"""Evaluation of one problem with one block: the same numbers as `reduced_bound.evaluate`, with less overhead.

The matrices are so small that a call into NumPy costs as much as its arithmetic; here every constant operand is
prepared once.
"""

from collections.abc import Callable

import numpy as np

from crbeam.design.engine.hermitian import from_real_image
from crbeam.design.engine.reduced_bound import Evaluation, evaluate, total
from crbeam.design.engine.reduced_information import ReducedArrays, ReducedShape
from crbeam.linalg import lapack


def evaluator(shape: ReducedShape, arrays: ReducedArrays) -> Callable[[np.ndarray], Evaluation]:
    """Function from a point to its evaluation, for one problem (no batch axis)."""
    if len(shape.blocks) != 1:
        return lambda point: evaluate(shape, arrays, point)
    return _OneBlockEvaluator(shape, arrays)


class _OneBlockEvaluator:
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
