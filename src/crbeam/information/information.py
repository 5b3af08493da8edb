"""What observations tell about parameters: a Fisher matrix with names."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.information.parameters import ParameterLayout
from crbeam.linalg import NULL_TOLERANCE, Elimination, eliminate, inverse_positive_definite

if TYPE_CHECKING:
    from crbeam.information.information_map import InformationMap

#: A bound exists if rounding can change it by less than this, relatively. The scaled equivalent information of the
#: requested parameters must have no eigenvalue below `Elimination.rounding / ACCURACY`.
ACCURACY = 1e-3
#: The scaled matrix is certainly regular, and every parameter identifiable, if the squared norm of its inverse Cholesky
#: factor is below this; larger ones are examined with care.
SAFE_INVERSE = 1e9

REMEDY = (
    "To make them identifiable, add a path (a target), a link or a receiver, know one of them or give it a prior, "
    "or transmit in more directions."
)


@dataclass(frozen=True)
class Information:
    """A Fisher information matrix over named real parameters.

    Attributes:
        matrix: symmetric and positive semidefinite, `[parameter, parameter]`, in the layout's SI units to the
            power -1 on each side.
        layout: names of the parameters.
    """

    matrix: Float[np.ndarray, "parameter parameter"]
    layout: ParameterLayout

    def __post_init__(self) -> None:
        if self.matrix.shape != (self.layout.size, self.layout.size):
            raise InvalidInput(
                f"`matrix` must have the shape {(self.layout.size, self.layout.size)} of its layout, "
                f"but has shape {self.matrix.shape}."
            )
        if not np.all(np.isfinite(self.matrix)):
            raise InvalidInput("`matrix` must be finite, but has NaN or infinite entries.")

    def __add__(self, other: "Information") -> "Information":
        """Information from independent observations: shared names add, the others are carried along."""
        layout = self.layout.union(other.layout)
        total = np.zeros((layout.size, layout.size))
        for part in (self, other):
            index = layout.indices(part.layout.names)
            total[np.ix_(index, index)] += part.matrix
        return Information(total, layout)

    def equivalent(self, names: Iterable[str]) -> "Information":
        """Information about `names` alone, all other parameters being unknown nuisances (Schur complement).

        Nuisance directions without information drop out.
        """
        names = tuple(names)
        scale = self._scale[self.layout.indices(names)]
        matrix = self._eliminated(names).schur / np.outer(scale, scale)
        return Information(matrix, self.layout.select(names))

    def _eliminated(self, names: tuple[str, ...]) -> Elimination:
        """Elimination of all other parameters, in scaled components."""
        scaled = self.matrix * np.outer(self._scale, self._scale)
        return eliminate(scaled, np.asarray(self.layout.indices(names), dtype=int))

    @cached_property
    def _scale(self) -> Float[np.ndarray, " parameter"]:
        return self.layout.scales(np.diagonal(self.matrix))

    def bound(self, names: Iterable[str]) -> Float[np.ndarray, "requested requested"]:
        """Cramér-Rao bound: the least covariance of any unbiased estimator of `names`, `([I^-1])_names`.

        Unknown: every parameter of the layout. Assumed known: everything else.

        Raises:
            Unidentifiable: a direction of `names` has no information, or so little beside what each of the names
                would have were all others known that the bound would be rounding (see `ACCURACY`).
        """
        names = tuple(names)
        self.layout.require(names)
        if self._inverse_factor is not None:
            columns = self._inverse_factor[:, self.layout.indices(names)]
            return columns.T @ columns
        eliminated = self._eliminated(names)
        self._require_identifiable(names, eliminated)
        scale = self._scale[self.layout.indices(names)]
        return inverse_positive_definite(eliminated.schur) * np.outer(scale, scale)

    def inverse_response(
        self, selection: Float[np.ndarray, "parameter direction"]
    ) -> Float[np.ndarray, "parameter direction"]:
        """`I^-1 E`, with the directions that carry no information left out."""
        if self._inverse_factor is not None:
            return self._inverse_factor.T @ (self._inverse_factor @ selection)
        eigenvalues, vectors = np.linalg.eigh(self.matrix * np.outer(self._scale, self._scale))
        seen = eigenvalues > NULL_TOLERANCE * eigenvalues[-1]
        vectors = self._scale[:, None] * vectors[:, seen]
        return vectors @ ((vectors.T @ selection) / eigenvalues[seen, None])

    @cached_property
    def _inverse_factor(self) -> Float[np.ndarray, "parameter parameter"] | None:
        """`K` with `K^T K = I^-1`, if the matrix is safely regular."""
        try:
            factor = np.linalg.inv(np.linalg.cholesky(self.matrix * (self._scale[:, None] * self._scale)))
        except np.linalg.LinAlgError:
            return None
        return factor * self._scale if np.vdot(factor, factor) < SAFE_INVERSE else None

    def root_bound(self, names: Iterable[str]) -> float:
        """Root of the bound's trace: the least root-mean-square error of `names` together."""
        return float(np.sqrt(np.trace(self.bound(names))))

    def _require_identifiable(self, names: tuple[str, ...], eliminated: Elimination) -> None:
        eigenvalues, vectors = np.linalg.eigh(eliminated.schur)
        tolerance = eliminated.rounding / ACCURACY
        if eigenvalues[0] > tolerance:
            return
        layout = self.layout.select(names)
        direction = {name: float(np.linalg.norm(vectors[layout[name], 0])) for name in layout}
        empty = np.linalg.norm(vectors[:, eigenvalues <= tolerance], axis=1)
        lost = [name for name in layout if np.linalg.norm(empty[layout[name]]) > 1e-3]
        raise Unidentifiable(lost, direction=direction, remedy=REMEDY)

    def is_identifiable(self, names: Iterable[str]) -> bool:
        """Whether `bound(names)` exists."""
        names = tuple(names)
        self.layout.require(names)
        if self._inverse_factor is not None:
            return True
        try:
            self._require_identifiable(names, self._eliminated(names))
        except Unidentifiable:
            return False
        return True

    def as_prior(self) -> "InformationMap":
        """Constant map of this information: adding it to another map adds what is already known."""
        from crbeam.information.information_map import InformationMap

        return InformationMap(self.layout, constant=self.matrix)
