"""What observations tell about parameters: a Fisher matrix with names."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.information.parameters import ParameterLayout
from crbeam.information.roots import EMPTY_LENGTH, Estimate, Influence, Root, Source, root_of
from crbeam.linalg import NULL_TOLERANCE, Elimination, eliminate, inverse_factors, inverse_positive_definite

if TYPE_CHECKING:
    from crbeam.information.information_map import InformationMap

#: A bound exists if rounding can change it by less than this, relatively: by `Estimate.rounding` where the sources are
#: known; else the scaled equivalent information must have no eigenvalue below `Elimination.rounding / ACCURACY`.
ACCURACY = 1e-3
#: Bounds that rounding of the matrix changes by less than this are taken from the matrix.
MATRIX_ACCURACY = 1e-9

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
        sources: what the matrix is the sum of, for bounds of which the matrix has too few digits; empty where only the
            matrix is known, and left aside where their sum is another matrix.
    """

    matrix: Float[np.ndarray, "parameter parameter"]
    layout: ParameterLayout
    sources: tuple[Source, ...] = field(default=(), repr=False)

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
        total, sources = np.zeros((layout.size, layout.size)), ()
        for part in (self, other):
            index = layout.indices(part.layout.names)
            total[np.ix_(index, index)] += part.matrix
            if self.sources or other.sources:
                own = part.sources or (Source.of_matrix(part.matrix),)
                sources += tuple(source.changed(np.eye(layout.size)[index]) for source in own)
        return Information(total, layout, sources)

    def equivalent(self, names: Iterable[str]) -> "Information":
        """Information about `names` alone, all other parameters being unknown nuisances (Schur complement).

        Nuisance directions without information drop out.
        """
        names = tuple(names)
        index, layout = self.layout.indices(names), self.layout.select(names)
        if self._inverse_factor is None and self.sources:
            return of_root(self._influence(names).root.changed(np.diag(self._lengths[index])), layout)
        scale = self._scale[index]
        return Information(self._eliminated(names).schur / np.outer(scale, scale), layout)

    def change_parameters(
        self, jacobian: Float[np.ndarray, "parameter new_parameter"], layout: ParameterLayout
    ) -> "Information":
        """Information about new parameters x given `jacobian = d(old parameters)/dx`."""
        return self.as_prior().change_parameters(jacobian, layout).at({})

    @cached_property
    def _eliminations(self) -> dict[tuple[str, ...], Elimination]:
        """Those that were asked for: whether a bound exists is asked before the bound."""
        return {}

    def _eliminated(self, names: tuple[str, ...]) -> Elimination:
        """Elimination of all other parameters, in scaled components."""
        if names not in self._eliminations:
            scaled = self.matrix * np.outer(self._scale, self._scale)
            self._eliminations[names] = eliminate(scaled, np.asarray(self.layout.indices(names), dtype=int))
        return self._eliminations[names]

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
        if self.needs_root(names):
            lengths = self._lengths[self.layout.indices(names)]
            vectors = np.concatenate([each.vectors for each in self._estimates(names).values()], axis=1) / lengths
            return vectors.T @ vectors
        eliminated = self._eliminated(names)
        self._require_identifiable(names, eliminated)
        scale = self._scale[self.layout.indices(names)]
        return inverse_positive_definite(eliminated.schur) * np.outer(scale, scale)

    def needs_root(self, names: Iterable[str]) -> bool:
        """Whether the matrix has too few digits for a bound of `names`, and the sources may have more."""
        if self._inverse_factor is not None or not self.sources:
            return False
        eliminated = self._eliminated(tuple(names))
        return bool(np.linalg.eigvalsh(eliminated.schur)[0] <= eliminated.rounding / MATRIX_ACCURACY)

    def _influence(self, names: Iterable[str]) -> Influence:
        return self._root.influence(np.asarray(self.layout.indices(names), dtype=int))

    @cached_property
    def _root(self) -> Root:
        """Square root, in units of one over `_lengths`."""
        return root_of(self.matrix, self.sources).of_unit(self._lengths)

    @property
    def root(self) -> Root:
        """Square root A of the matrix, `A^T A`, from the sources where there are any."""
        return self._root.changed(np.diag(self._lengths))

    @cached_property
    def _lengths(self) -> Float[np.ndarray, " parameter"]:
        """Length of the longest column of each parameter in a root, 1 if it has none; one for all its components."""
        starts = [self.layout[name].start for name in self.layout]
        lengths = np.sqrt(np.maximum.reduceat(np.maximum(np.diagonal(self.matrix), 0.0), starts))
        return np.repeat(np.where(lengths > 0.0, lengths, 1.0), self.layout.sizes)

    @cached_property
    def _estimates_so_far(self) -> dict[str, Estimate]:
        """Those that were asked for."""
        return {}

    def _estimate(self, name: str) -> Estimate:
        if name not in self._estimates_so_far:
            self._estimates_so_far[name] = self._influence([name]).estimate()
        return self._estimates_so_far[name]

    def _estimates(self, names: tuple[str, ...]) -> dict[str, Estimate]:
        """The best estimate of each name, all others being nuisances of it.

        Raises:
            Unidentifiable: rounding may change the bound of a name too much; others requested with it are not lost.
        """
        found = {name: self._estimate(name) for name in names}
        lost = [name for name, estimate in found.items() if estimate.rounding > ACCURACY]
        if lost:
            layout = self.layout.select(names)
            _, _, right = np.linalg.svd(self._influence(names).rest)
            direction = {name: float(np.linalg.norm(right[-1, layout[name]])) for name in names}
            raise Unidentifiable(lost, direction=direction, remedy=REMEDY)
        return found

    def inverse_response(
        self, selection: Float[np.ndarray, "parameter direction"]
    ) -> Float[np.ndarray, "parameter direction"]:
        """`I^-1 E`, with the directions that carry no information left out."""
        if self._inverse_factor is not None:
            return self._inverse_factor.T @ (self._inverse_factor @ selection)
        names = tuple(name for name in self.layout if np.any(selection[self.layout[name]]))
        if names and self.needs_root(names):
            scaled, lengths = selection / self._lengths[:, None], self._lengths[:, None]
            found = self._estimates(names).items()
            return sum(estimate.response @ scaled[self.layout[name]] for name, estimate in found) / lengths
        eigenvalues, vectors = np.linalg.eigh(self.matrix * np.outer(self._scale, self._scale))
        seen = eigenvalues > NULL_TOLERANCE * eigenvalues[-1]
        vectors = self._scale[:, None] * vectors[:, seen]
        return vectors @ ((vectors.T @ selection) / eigenvalues[seen, None])

    def whitening(self, names: Iterable[str]) -> Float[np.ndarray, "parameter direction"]:
        """V with `V^T I V = 1`, one column for each direction that the observations see, for work on some parameters.

        Raises:
            Unidentifiable: one of them is not determined.
        """
        names = tuple(names)
        self.bound(names)
        if self.needs_root(names):
            _, lengths, right = np.linalg.svd(self._root.rows)
            seen = lengths > EMPTY_LENGTH
            return (right[: seen.size][seen] / lengths[seen, None]).T / self._lengths[:, None]
        eigenvalues, vectors = np.linalg.eigh(self.matrix * np.outer(self._scale, self._scale))
        seen = eigenvalues > NULL_TOLERANCE * eigenvalues[-1]
        return self._scale[:, None] * vectors[:, seen] / np.sqrt(eigenvalues[seen])

    @cached_property
    def _inverse_factor(self) -> Float[np.ndarray, "parameter parameter"] | None:
        """`K` with `K^T K = I^-1`, if the matrix is safely regular."""
        found = inverse_factors(self.matrix, self._scale)
        return found[0] if found is not None and found[1] else None

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
        if self.needs_root(names):
            return all(self._estimate(name).rounding <= ACCURACY for name in names)
        try:
            self._require_identifiable(names, self._eliminated(names))
        except Unidentifiable:
            return False
        return True

    def as_prior(self) -> "InformationMap":
        """Constant map of this information: adding it to another map adds what is already known."""
        from crbeam.information.information_map import InformationMap

        return InformationMap(self.layout, constant=self.matrix, constant_sources=self.sources)


def _itself(root: Root) -> Root:
    return root


def of_root(root: Root, layout: ParameterLayout) -> Information:
    """The information that has a given square root."""
    return Information(root.rows.T @ root.rows, layout, (Source(partial(_itself, root), np.eye(layout.size)),))
