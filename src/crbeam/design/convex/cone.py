"""What a block of a convex program may send, and what terms see of it: forward maps and their adjoints."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class View:
    """What a term sees of a block, all its contributions together.

    Attributes:
        transmit: T in the basis of the block, `[size, look]`.
        weight: `O o (Z^H Q Z)`, `[look, look]`.
        jacobian: `J V`, `[look, parameter]`.
    """

    transmit: np.ndarray
    weight: np.ndarray
    jacobian: np.ndarray

    def information(self, sent: np.ndarray) -> np.ndarray:
        """`I(X)` of a covariance, or of the powers of a codebook."""
        if sent.ndim == 1:
            return np.tensordot(sent, self.words, 1)
        return self.informed(self.adjoint_transmit @ sent @ self.transmit)

    def informed(self, gram: np.ndarray) -> np.ndarray:
        """`I(X)` from `T^H X T`."""
        found = self.jacobian.T @ np.real(self.weight * gram.conj()) @ self.jacobian
        return 0.5 * (found + found.T)

    @cached_property
    def words(self) -> np.ndarray:
        """Information at unit power of each beam of a codebook, `[beam, parameter, parameter]`."""
        found = []
        for looks in self.transmit:
            seen = np.flatnonzero(looks)
            weight = np.real(self.weight[np.ix_(seen, seen)] * np.outer(looks[seen], looks[seen].conj()))
            found.append(self.jacobian[seen].T @ weight @ self.jacobian[seen])
        return np.array(found)

    @cached_property
    def adjoint_transmit(self) -> np.ndarray:
        """`T^H`."""
        return self.transmit.conj().T

    def inner(self, response: np.ndarray) -> np.ndarray:
        """`(J Z Z^T J^T) o O`, with `G(Z) = T inner T^H`."""
        slopes = self.jacobian @ response
        return (slopes @ slopes.T) * self.weight

    def adjoint(self, response: np.ndarray) -> np.ndarray:
        """`G(Z)`, with `<G(Z), X> = tr(Z^T I(X) Z)`."""
        return self.transmit @ self.inner(response) @ self.adjoint_transmit


@dataclass(frozen=True, eq=False)
class Cone:
    """What one block may send: `R = Q X Q^H`, X being positive semidefinite, or diagonal over a codebook.

    Attributes:
        name: of the block.
        basis: Q, `[tx, size]`; in it a trace of 1 is the unit of power.
        is_line: whether X is diagonal.
        streams: names of the streams.
        vectors: h of every rank-one part of rows and of limits on antennas, `[size, vector]`.
        factors: f with `A_js = sum f h h^H`, `[stream, vector]`; -1 for limits.
        selector: how much of each unknown every vector takes, `[vector, level]`: 1 where it belongs to a row or limit.
        counts: how often each limit counts the power of all antennas, `[level]`.
        price: kappa of the block.
        views: of each term; None where it sees nothing.
        start: of a lifted block the name of the one whose power it is, and how much of it a path may start with along
            each dimension; None of others.
    """

    name: str
    basis: np.ndarray
    is_line: bool
    streams: tuple[str, ...]
    vectors: np.ndarray
    factors: np.ndarray
    selector: np.ndarray
    counts: np.ndarray
    price: float
    views: tuple[View | None, ...]
    start: tuple[str, np.ndarray] | None = None

    @cached_property
    def seen(self) -> list[tuple[int, View]]:
        """The terms that see something of the block, by number, with their views."""
        return [(number, view) for number, view in enumerate(self.views) if view is not None]

    @property
    def size(self) -> int:
        """Number of dimensions."""
        return self.basis.shape[1]

    @cached_property
    def identity(self) -> np.ndarray:
        """The unit matrix."""
        return np.eye(self.size, dtype=complex)

    def adjoint(self, responses: Sequence[np.ndarray]) -> np.ndarray:
        """`sum_t G_t(Z_t)`, `[size, size]`; not over a codebook."""
        found = np.zeros((self.size, self.size), dtype=complex)
        return sum((view.adjoint(responses[number]) for number, view in self.seen), start=found)

    def coefficients(self, level: int) -> np.ndarray:
        """`A_js` of a row, or `-P_g` of a limit, `[stream, size, size]`; not over a codebook."""
        weights = self.factors * self.selector[:, level]
        found = (self.vectors * weights[:, None, :]) @ self.vectors.conj().T
        return found - self.counts[level] * np.eye(self.size)

    @cached_property
    def own(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Places of the unknowns that enter the slacks, and their columns of the selector and of the counts.

        Where most places of a range do, all of it is taken, since Hessians are added faster to blocks.
        """
        places = np.flatnonzero(np.any(self.selector, axis=0) | (self.counts != 0.0))
        if places.size and 2 * places.size > places[-1] + 1 - places[0]:
            places = np.arange(places[0], places[-1] + 1)
        return places, self.selector[:, places], self.counts[places]

    @cached_property
    def own_factors(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Least factor of each vector, `[vector]`, and of each stream the vectors that it counts more, and by how much.

        The last two are `[stream, own]`, padded with places of nothing more.
        """
        least = self.factors.min(axis=0)
        rises = self.factors - least
        width = int((rises > 0.0).sum(axis=1).max(initial=0))
        places = np.argsort(-rises, axis=1, kind="stable")[:, :width]
        return least, places, np.take_along_axis(rises, places, axis=1)

    @cached_property
    def own_vectors(self) -> np.ndarray:
        """Vectors at the places of `own_factors`, `[stream, size, own]`."""
        return self.vectors.T[self.own_factors[1]].swapaxes(1, 2)

    @cached_property
    def adjoint_vectors(self) -> np.ndarray:
        """Adjoint of the vectors."""
        return self.vectors.conj().T

    @cached_property
    def frame(self) -> np.ndarray:
        """Looks of all views, then the vectors, `[size, column]`."""
        return np.concatenate([*(view.transmit for _, view in self.seen), self.vectors], axis=1)

    @cached_property
    def columns(self) -> list[slice]:
        """Columns of the frame that are looks of each view."""
        stops = np.cumsum([len(view.weight) for _, view in self.seen])
        return [slice(stop - len(view.weight), stop) for stop, (_, view) in zip(stops.tolist(), self.seen, strict=True)]

    @cached_property
    def first_vector(self) -> int:
        """First column of the frame that is a vector."""
        return self.frame.shape[1] - self.vectors.shape[1]

    def with_streams(self, names: Sequence[str]) -> "Cone":
        """The same with some of its streams."""
        kept = [name in names for name in self.streams]
        streams = tuple(name for name, keep in zip(self.streams, kept, strict=True) if keep)
        return replace(self, streams=streams, factors=self.factors[kept])
