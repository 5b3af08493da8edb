"""What observations tell about parameters: a Fisher matrix with names."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.information.parameters import ParameterLayout
from crbeam.linalg import NULL_TOLERANCE, diagonal_scale, generalised_schur_complement, inverse_positive_definite

if TYPE_CHECKING:
    from crbeam.information.information_map import InformationMap

#: Smallest eigenvalue of the equivalent information, relative to what each requested parameter would have if all
#: others were known, from which the parameters count as identifiable.
IDENTIFIABLE_TOLERANCE = 1e-11

#: The scaled matrix is certainly regular, and every parameter identifiable, if the squared norm of its inverse Cholesky
#: factor is below this; larger ones are examined with care.
SAFE_INVERSE = 1e9

REMEDY = (
    "To make them identifiable, add a path (a target) or a link, know one of them or give it a prior, "
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
        matrix = generalised_schur_complement(self.matrix, self.layout.indices(names))
        return Information(matrix, self.layout.select(names))

    def bound(self, names: Iterable[str]) -> Float[np.ndarray, "requested requested"]:
        """Cramér-Rao bound: the least covariance of any unbiased estimator of `names`, `([I^-1])_names`.

        Unknown: every parameter of the layout. Assumed known: everything else.

        Raises:
            Unidentifiable: the equivalent information of `names`, scaled by what each component would have if all
                others were known, has an eigenvalue not above `IDENTIFIABLE_TOLERANCE`.
        """
        names = tuple(names)
        if not names:
            raise InvalidInput(f"At least one parameter must be named; there are {', '.join(self.layout.names)}.")
        if self._inverse_factor is not None:
            columns = self._inverse_factor[:, self.layout.indices(names)]
            return columns.T @ columns
        equivalent = self.equivalent(names)
        self._require_identifiable(equivalent)
        return inverse_positive_definite(equivalent.matrix)

    def inverse_response(
        self, selection: Float[np.ndarray, "parameter direction"]
    ) -> Float[np.ndarray, "parameter direction"]:
        """`I^-1 E`, with the directions that carry no information left out."""
        if self._inverse_factor is not None:
            return self._inverse_factor.T @ (self._inverse_factor @ selection)
        scale = diagonal_scale(self.matrix)
        eigenvalues, vectors = np.linalg.eigh(self.matrix * np.outer(scale, scale))
        seen = eigenvalues > NULL_TOLERANCE * eigenvalues[-1]
        vectors = scale[:, None] * vectors[:, seen]
        return vectors @ ((vectors.T @ selection) / eigenvalues[seen, None])

    @cached_property
    def _inverse_factor(self) -> Float[np.ndarray, "parameter parameter"] | None:
        """`K` with `K^T K = I^-1`, if the matrix is safely regular."""
        scale = diagonal_scale(self.matrix)
        try:
            factor = np.linalg.inv(np.linalg.cholesky(self.matrix * (scale[:, None] * scale)))
        except np.linalg.LinAlgError:
            return None
        return factor * scale if np.vdot(factor, factor) < SAFE_INVERSE else None

    def root_bound(self, names: Iterable[str]) -> float:
        """Root of the bound's trace: the least root-mean-square error of `names` together."""
        return float(np.sqrt(np.trace(self.bound(names))))

    def _require_identifiable(self, equivalent: "Information") -> None:
        scale = diagonal_scale(self.matrix)[self.layout.indices(equivalent.layout.names)]
        eigenvalues, vectors = np.linalg.eigh(equivalent.matrix * np.outer(scale, scale))
        if eigenvalues.size and eigenvalues[0] > IDENTIFIABLE_TOLERANCE:
            return
        names = equivalent.layout
        direction = {name: float(np.linalg.norm(vectors[names[name], 0])) for name in names}
        empty = np.linalg.norm(vectors[:, eigenvalues <= IDENTIFIABLE_TOLERANCE], axis=1)
        lost = [name for name in names if np.linalg.norm(empty[names[name]]) > 1e-3]
        raise Unidentifiable(lost, direction=direction, remedy=REMEDY)

    def is_identifiable(self, names: Iterable[str]) -> bool:
        """Whether `bound(names)` exists."""
        if self._inverse_factor is not None:
            return True
        try:
            self._require_identifiable(self.equivalent(names))
        except Unidentifiable:
            return False
        return True

    def as_prior(self) -> "InformationMap":
        """Constant map of this information: adding it to another map adds what is already known."""
        from crbeam.information.information_map import InformationMap

        return InformationMap(self.layout, constant=self.matrix)
