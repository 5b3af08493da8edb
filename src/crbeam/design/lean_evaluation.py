"""Evaluation of one problem with one block: the same numbers as `reduced_bound.evaluate`, with less overhead.

The matrices are so small that a call into NumPy costs as much as its arithmetic; here every constant operand is
prepared once.
"""

from collections.abc import Callable

import numpy as np

from crbeam.design.hermitian import from_real_image
from crbeam.design.reduced_bound import Evaluation, evaluate, lapack_solver
from crbeam.design.reduced_information import ReducedArrays, ReducedShape


def evaluator(shape: ReducedShape, arrays: ReducedArrays) -> Callable[[np.ndarray], Evaluation]:
    """Function from a point to its evaluation, for one problem (no batch axis)."""
    if len(shape.blocks) != 1 or shape.blocks[0].is_diagonal:
        return lambda point: evaluate(shape, arrays, point)
    return _PackedEvaluator(shape, arrays) if arrays.packed else _TermwiseEvaluator(shape, arrays)


class _OneBlockEvaluator:
    """What both representations share."""

    def __init__(self, shape: ReducedShape, arrays: ReducedArrays):
        self.size, self.n_columns = shape.blocks[0].size, shape.blocks[0].n_columns
        self.frame = arrays.frames[0]
        self.frame_adjoint = np.ascontiguousarray(self.frame.conj().T)
        self.selections = [np.asfortranarray(selection) for selection in arrays.selections]
        self.flat_selections = [selection.T.reshape(-1) for selection in self.selections]
        self.constants = arrays.constants
        self.solve = lapack_solver()

    def informations(self, image: np.ndarray) -> list[np.ndarray]:
        """Linear part of each information matrix from H(A)."""
        raise NotImplementedError

    def gradient(self, responses: list[np.ndarray]) -> np.ndarray:
        """H(G), G in terms of columns."""
        raise NotImplementedError

    def __call__(self, point: np.ndarray) -> Evaluation:
        """The evaluation at a point."""
        norm = point.dot(point)
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
        steep = self.frame.dot(gradient.dot(seen)).reshape(-1).view(float)
        difference = ((point.dot(steep) / norm) * point - steep) / value
        residual = difference.dot(difference) / norm
        slope = difference * (2.0 / norm)
        return Evaluation(np.asarray(value), slope, residual, np.asarray(constant), (gradient,))


class _PackedEvaluator(_OneBlockEvaluator):
    def __init__(self, shape: ReducedShape, arrays: ReducedArrays):
        super().__init__(shape, arrays)
        self.packed, self.index = arrays.packed[0], shape.packed_index
        self.sizes = shape.n_parameters
        self.products = np.empty(self.index.full_rows[-1].stop)

    def informations(self, image: np.ndarray) -> list[np.ndarray]:
        full = self.packed.dot(image).take(self.index.unpack_rows)
        return [full[rows].reshape(n, n) for rows, n in zip(self.index.full_rows, self.sizes, strict=True)]

    def gradient(self, responses: list[np.ndarray]) -> np.ndarray:
        for rows, response in zip(self.index.full_rows, responses, strict=True):
            self.products[rows] = response.dot(response.T).reshape(-1)
        packed = self.products.take(self.index.pack_rows)
        packed *= self.index.row_factor
        return packed.dot(self.packed).reshape(self.n_columns, self.n_columns)


class _TermwiseEvaluator(_OneBlockEvaluator):
    def __init__(self, shape: ReducedShape, arrays: ReducedArrays):
        super().__init__(shape, arrays)
        self.groups = [(group.index, group.members) for group in shape.term_groups]
        self.criteria = [part.criterion for part in shape.contributions]
        self.weights, self.jacobians = arrays.weights, arrays.jacobians
        self.transposed = [np.ascontiguousarray(jacobian.T) for jacobian in arrays.jacobians]
        self.sizes = shape.n_parameters

    def informations(self, image: np.ndarray) -> list[np.ndarray]:
        half, result = 0.5 * image, [np.zeros((n, n)) for n in self.sizes]
        for index, members in self.groups:
            seen = half.take(index.gather)
            for number in members:
                inner = seen * self.weights[number]
                result[self.criteria[number]] += self.transposed[number].dot(inner.dot(self.jacobians[number]))
        return [matrix + matrix.T for matrix in result]

    def gradient(self, responses: list[np.ndarray]) -> np.ndarray:
        total = np.zeros((self.n_columns, self.n_columns))
        for index, members in self.groups:
            terms = np.zeros(index.gather.shape)
            for number in members:
                response = self.jacobians[number].dot(responses[self.criteria[number]])
                terms += response.dot(response.T) * self.weights[number]
            total += index.membership.T.dot(terms.dot(index.membership))
        return total
