"""Evaluation of one problem with one block: the same numbers as `reduced_bound.evaluate`, with less overhead.

The matrices are so small that a call into NumPy costs as much as its arithmetic; here every constant operand is
prepared once.
"""

from collections.abc import Callable

import numpy as np

from crbeam.design.reduced_bound import Evaluation, evaluate, lapack_solver
from crbeam.design.reduced_information import ReducedArrays, ReducedShape, term_index


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

    def informations(self, gram_floats: np.ndarray) -> list[np.ndarray]:
        """Linear part of each information matrix."""
        raise NotImplementedError

    def gradient(self, responses: list[np.ndarray]) -> np.ndarray:
        """G in terms of columns."""
        raise NotImplementedError

    def __call__(self, point: np.ndarray) -> Evaluation:
        """The evaluation at a point."""
        norm = point.dot(point)
        seen = self.frame_adjoint.dot(point.view(complex).reshape(self.size, self.size))
        gram = seen.dot(seen.conj().T)
        gram /= norm
        matrices = self.informations(gram.reshape(-1).view(float))
        if self.constants:
            matrices = [matrix + constant for matrix, constant in zip(matrices, self.constants, strict=True)]
        value, constant, responses = 0.0, 0.0, []
        for number, (matrix, selection) in enumerate(zip(matrices, self.selections, strict=True)):
            _, response, failure = self.solve(matrix.T, selection, overwrite_a=1)
            value = value + (self.flat_selections[number].dot(response.T.reshape(-1)) if failure == 0 else np.nan)
            responses.append(response)
            if self.constants:
                constant += float(np.sum(response * self.constants[number].dot(response)))
        gradient = self.gradient(responses)
        steep = self.frame.dot(gradient.dot(seen)).reshape(-1).view(float)
        difference = ((point.dot(steep) / norm) * point - steep) / value
        residual = difference.dot(difference) / norm
        slope = difference * (2.0 / norm)
        return Evaluation(np.asarray(value), slope, residual, np.asarray(constant), (gradient,))


class _PackedEvaluator(_OneBlockEvaluator):
    def __init__(self, shape: ReducedShape, arrays: ReducedArrays):
        super().__init__(shape, arrays)
        index = shape.packed_index
        self.packed = arrays.packed[0]
        self.pack, self.unpack = index.pack_columns[0], index.unpack_columns[0]
        self.factor, self.index = index.column_factor[0], index
        self.sizes = shape.n_parameters
        self.products = np.empty(index.full_rows[-1].stop)

    def informations(self, gram_floats: np.ndarray) -> list[np.ndarray]:
        full = self.packed.dot(gram_floats.take(self.pack)).take(self.index.unpack_rows)
        return [full[rows].reshape(n, n) for rows, n in zip(self.index.full_rows, self.sizes, strict=True)]

    def gradient(self, responses: list[np.ndarray]) -> np.ndarray:
        for rows, response in zip(self.index.full_rows, responses, strict=True):
            self.products[rows] = response.dot(response.T).reshape(-1)
        packed = self.products.take(self.index.pack_rows)
        packed *= self.index.row_factor
        vector = packed.dot(self.packed).take(self.unpack)
        vector *= self.factor
        return vector.view(complex).reshape(self.n_columns, self.n_columns)


class _TermwiseEvaluator(_OneBlockEvaluator):
    def __init__(self, shape: ReducedShape, arrays: ReducedArrays):
        super().__init__(shape, arrays)
        self.parts = []
        for part, weight, jacobian in zip(shape.contributions, arrays.weights, arrays.jacobians, strict=True):
            index = term_index(part.columns, self.n_columns)
            transposed = np.ascontiguousarray(jacobian.T)
            complex_weight = weight[0] + 1j * weight[1]
            self.parts.append((part.criterion, index, weight, complex_weight, jacobian, transposed))
        self.n_criteria = len(shape.n_parameters)

    def informations(self, gram_floats: np.ndarray) -> list[np.ndarray]:
        result: list[np.ndarray | None] = [None] * self.n_criteria
        for criterion, index, weight, _, jacobian, transposed in self.parts:
            inner = gram_floats.take(index.gather[0])
            inner *= weight[0]
            imaginary = gram_floats.take(index.gather[1])
            imaginary *= weight[1]
            inner += imaginary
            term = transposed.dot(inner.dot(jacobian))
            previous = result[criterion]
            result[criterion] = term if previous is None else previous + term
        return [matrix for matrix in result if matrix is not None]

    def gradient(self, responses: list[np.ndarray]) -> np.ndarray:
        total = None
        for criterion, index, weight, _, jacobian, _ in self.parts:
            response = jacobian.dot(responses[criterion])
            product = response.dot(response.T)
            left = index.membership.T
            piece = left.dot((product * weight[0]).dot(index.membership)) + 1j * left.dot(
                (product * weight[1]).dot(index.membership)
            )
            total = piece if total is None else total + piece
        assert total is not None
        return total
