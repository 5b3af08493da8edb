"""Square roots of information matrices, and bounds from them.

A Fisher matrix is `I = A^T A`, and rounding of A counts once in a bound where rounding of I counts squared: a position
that a Doppler shift hides all but 1e-6 of has lost six digits in A, and twelve in I. A is made where I is too close to
singular. In the terms of a contribution, `O = F^H F`, `Z^H Q Z = G^H G` and `T^H R T = H^H H` give

    I = J^T Re(O o (Z^H Q Z) o conj(T^H R T)) J = A^T A,      A = [Re B; Im B] J,      B = F * G * conj(H),

where * multiplies columns of one number with each other (Khatri-Rao): the inner products of such columns are products
of inner products.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Int

from crbeam.linalg import ROUNDING, others, semidefinite_root, upper_factor

#: Length below which a direction of the nuisances, in a root with columns of unit length, counts as not observed: exact
#: dependences leave less than 1e-15 in double precision.
EMPTY_LENGTH = 2e-14
#: What a matrix may differ by from the sum of its sources, relative to the information of each component.
SAME_INFORMATION = 1e-6


@dataclass(frozen=True, eq=False)
class Root:
    """A square root of an information matrix.

    Attributes:
        rows: A with `I = A^T A`.
        products: C, of what was known as a matrix of products only: I is uncertain by `C^T D C` with `|D_ij|` up to
            `linalg.ROUNDING`.
    """

    rows: Float[np.ndarray, "row parameter"]
    products: Float[np.ndarray, "product parameter"]

    @classmethod
    def of_matrix(cls, matrix: Float[np.ndarray, "parameter parameter"]) -> "Root":
        """Root of a positive-semidefinite matrix, whose entries are right up to rounding."""
        return cls(
            semidefinite_root(matrix, least=ROUNDING * len(matrix)).T,
            np.diag(np.sqrt(np.maximum(np.diagonal(matrix), 0.0))),
        )

    @classmethod
    def stacked(cls, roots: Iterable["Root"]) -> "Root":
        """Root of the sum of the informations."""
        listed = list(roots)
        return cls(np.concatenate([root.rows for root in listed]), np.concatenate([root.products for root in listed]))

    def changed(self, jacobian: Float[np.ndarray, "parameter new_parameter"]) -> "Root":
        """Root of `jacobian^T I jacobian`."""
        return Root(self.rows @ jacobian, self.products @ jacobian)

    def of_unit(self, lengths: Float[np.ndarray, " parameter"]) -> "Root":
        """The same for components in units of one over their lengths, with no more rows than columns."""
        return Root(upper_factor(self.rows / lengths), self.products / lengths)

    def influence(self, kept: Int[np.ndarray, " kept"]) -> "Influence":
        """How the best estimate of some components follows the observations, all others being unknown.

        Columns must be of unit length or less.
        """
        nuisance = others(self.rows.shape[1], kept)
        left, lengths, right = np.linalg.svd(self.rows[:, nuisance], full_matrices=False)
        seen = lengths > EMPTY_LENGTH
        left, right = left[:, seen], right[seen] / lengths[seen, None]
        coupling = left.T @ self.rows[:, kept]
        rest = self.rows[:, kept] - left @ coupling
        rest = rest - left @ (left.T @ rest)
        response = np.zeros((self.rows.shape[1], kept.size))
        response[kept, np.arange(kept.size)] = 1.0
        response[nuisance] = -right.T @ coupling
        return Influence(rest, response, self.products @ response)


@dataclass(frozen=True, eq=False)
class Influence:
    """What is left of a root when all but a few components are unknown nuisances; all columns scaled.

    Attributes:
        rest: the columns of the components without what the nuisances can imitate of them, `[row, kept]`; a root of
            the equivalent information.
        response: how the nuisances imitate the components, `[parameter, kept]`, with the components themselves.
        products: `Root.products` along these.
    """

    rest: Float[np.ndarray, "row kept"]
    response: Float[np.ndarray, "parameter kept"]
    products: Float[np.ndarray, "product kept"]

    @property
    def root(self) -> Root:
        """Root of the equivalent information of the components."""
        return Root(upper_factor(self.rest), self.products)

    def estimate(self) -> "Estimate":
        """The best estimate, and how far rounding may change its bound.

        With `Y^T I Y = 1` in the plane of the responses, columns of A that are wrong by e of their unit length change
        the bound along any direction by less than `2 e sum_j |Y_j|`, and `C^T D C` (`Root.products`) by less than
        `(sum_i |(C Y)_i|)^2` times the largest entry of D. Both errors are `linalg.ROUNDING`.
        """
        basis, upper = np.linalg.qr(self.rest)
        if basis.shape[1] < upper.shape[1] or not np.all(np.diagonal(upper)):
            return Estimate(np.zeros_like(self.rest), np.zeros_like(self.response), np.inf)
        with np.errstate(over="ignore", invalid="ignore"):
            inverse = np.linalg.inv(upper)
            unit = self.response @ inverse
            spread = float(np.sum(np.linalg.norm(unit, axis=1)))
            doubt = float(np.sum(np.linalg.norm(self.products @ inverse, axis=1)))
            rounding = 2.0 * ROUNDING * spread + ROUNDING * doubt**2
        return Estimate(basis @ inverse.T, unit @ inverse.T, rounding if np.isfinite(rounding) else np.inf)


@dataclass(frozen=True, eq=False)
class Estimate:
    """The best estimate of some components.

    Attributes:
        vectors: M, what each component of the estimate takes of the observations; its bound is `M^T M`.
        response: `I^-1 E` of the components.
        rounding: how much rounding may change the bound, relatively; infinite where there is none.
    """

    vectors: Float[np.ndarray, "row kept"]
    response: Float[np.ndarray, "parameter kept"]
    rounding: float


@dataclass(frozen=True, eq=False)
class Source:
    """One of the informations that a matrix is the sum of, whose root is made when it is needed.

    Attributes:
        root: makes the root, in parameters of its own.
        jacobian: derivative of these by the parameters of the sum.
    """

    root: Callable[[], Root]
    jacobian: Float[np.ndarray, "own parameter"]

    @classmethod
    def of_matrix(cls, matrix: Float[np.ndarray, "parameter parameter"]) -> "Source":
        """An information of which only the matrix is known."""
        return cls(partial(Root.of_matrix, matrix), np.eye(len(matrix)))

    def changed(self, jacobian: Float[np.ndarray, "parameter new_parameter"]) -> "Source":
        """The same in other parameters."""
        return Source(self.root, self.jacobian @ jacobian)


def root_of(matrix: Float[np.ndarray, "parameter parameter"], sources: Sequence[Source]) -> Root:
    """Root of an information from its sources; from the matrix where it has none, or is not their sum."""
    if sources:
        root = Root.stacked(source.root().changed(source.jacobian) for source in sources)
        size = np.sqrt(np.maximum(np.diagonal(matrix), 0.0))
        if np.all(np.abs(root.rows.T @ root.rows - matrix) <= SAME_INFORMATION * np.outer(size, size)):
            return root
    return Root.of_matrix(matrix)
