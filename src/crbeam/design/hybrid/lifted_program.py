"""Cones of a dual in which a receive array is lifted by each sub-array, with the matrices that are its multipliers.

Beside its own levels a program has free ones, which are the coordinates of Hermitian matrices:

    D_n of every antenna n, then T = sum_k S_k, then S_k of every user k but the last.

A slack that is linear in such matrices is a cone with the vectors of `units`, whatever their signs; that `S_k >= 0` is
a cone as well, which nothing sees and whose slack is S_k. Slacks of sub-arrays depend on the users through T alone.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.convex.cone import Cone, View
from crbeam.design.hybrid.lifted_users import LiftedUsers


@dataclass(frozen=True, eq=False)
class Lifting:
    """The free levels of a program.

    Attributes:
        first: number of levels before them.
        n_antennas: of the receive array.
        antennas_per_chain: M.
        size: dimensions of R, and rows of each D_n.
        users: what users require, if there are any.
    """

    first: int
    n_antennas: int
    antennas_per_chain: int
    size: int
    users: LiftedUsers | None = None

    @property
    def _n_prices(self) -> int:
        return self.n_antennas * self.size**2

    @property
    def _n_entries(self) -> int:
        """Coordinates of a multiplier S_k."""
        return 0 if self.users is None else self.users.n_rows**2

    @property
    def n_free(self) -> int:
        """Number of the free levels."""
        return self._n_prices + (0 if self.users is None else self.users.n_users * self._n_entries)

    @property
    def _width(self) -> int:
        return self.first + self.n_free

    @property
    def own_prices(self) -> slice:
        """Levels of all D_n."""
        return slice(self.first, self.first + self._n_prices)

    def _of_users(self, place: int) -> slice:
        """Levels of T, then of S_1, S_2, ..."""
        start = self.own_prices.stop + place * self._n_entries
        return slice(start, start + self._n_entries)

    @cached_property
    def scales(self) -> Float[np.ndarray, " row"]:
        """Congruence by which all C_k are near the unit matrix at an even transmission.

        The path does not depend on it, but rounding does.
        """
        assert self.users is not None
        lifted = self.antennas_per_chain * self.size
        heard = np.sum(np.abs(self.users.columns) ** 2, axis=(0, 1)) / lifted
        sent = np.full(heard.size, 1.0 / self.size)
        sent[self.users.n_users * self.size :] = 1.0
        return 1.0 / np.sqrt(heard + sent)

    def sent(self) -> tuple[np.ndarray, np.ndarray]:
        """What all matrices count of R: vectors, and how much of each level they take."""
        selector = np.zeros((self.size**2, self._width))
        selector[:, self.own_prices] = np.tile(np.eye(self.size**2) / self.antennas_per_chain, self.n_antennas)
        if self.users is not None:
            selector += self.of_blocks(self.users.weights)
        return units(self.size), selector

    def of_blocks(self, weights: Float[np.ndarray, "user other"]) -> Float[np.ndarray, "matrix level"]:
        """Coordinates of a weighted sum of all diagonal blocks j of all S_k."""
        assert self.users is not None
        basis = self._scaled_units()
        blocks = coordinates(self.users.blocks(basis[:, :, None] * basis.conj()[:, None, :]))
        parts = [np.tensordot(own, blocks, axes=(0, 1)).T @ self._selected(user) for user, own in enumerate(weights)]
        return np.sum(parts, axis=0)

    def constants(self) -> Float[np.ndarray, " level"]:
        """What the free levels cost in any case."""
        found = np.zeros(self.n_free)
        if self.users is not None:
            echo = self._scaled_units()[:, self.users.n_users * self.size :]
            found[self._n_prices : self._n_prices + self._n_entries] = np.sum(np.abs(echo) ** 2, axis=1)
        return found

    def heard(self, port: str, views: list[tuple[View, ...]]) -> list[Cone]:
        """A cone for each sub-array, given what every term sees of it."""
        per_chain, lifted = self.antennas_per_chain, self.antennas_per_chain * self.size
        own, n_own = units(self.size), per_chain * self.size**2
        prices = np.kron(np.eye(per_chain), own)
        vectors, priced = prices, np.eye(n_own)
        if self.users is not None:
            vectors = units(lifted)
            priced = coordinates(prices.T[:, :, None] * prices.T.conj()[:, None, :]).T
        found = []
        for chain, seen in enumerate(views):
            selector = np.zeros((vectors.shape[1], self._width))
            start = self.first + chain * n_own
            selector[:, start : start + n_own] = -priced
            if self.users is not None:
                looks = (self.users.columns[chain] @ self._scaled_units().T).T
                counted = self.users.transposed(looks[:, :, None] * looks.conj()[:, None, :])
                selector[:, self._of_users(0)] = coordinates(counted).T
            cone = deaf_cone(f"{port} {chain}", vectors, np.ones(vectors.shape[1]), selector)
            found.append(replace(cone, views=seen))
        return found

    def multipliers(self, n_terms: int) -> list[Cone]:
        """A cone for each S_k, in the scale of `scales`."""
        if self.users is None:
            return []
        vectors, factors = units(self.users.n_rows), np.full(self._n_entries, -1.0)
        found = []
        for user in range(self.users.n_users):
            cone = deaf_cone(f"user {user}", vectors, factors, self._selected(user))
            found.append(replace(cone, views=(None,) * n_terms))
        return found

    def _selected(self, user: int) -> np.ndarray:
        """S_k as a combination of the levels."""
        assert self.users is not None
        selector, last = np.zeros((self._n_entries, self._width)), self.users.n_users - 1
        own = np.eye(self._n_entries)
        if user < last:
            selector[:, self._of_users(1 + user)] = own
            return selector
        selector[:, self._of_users(0)] = own
        for other in range(last):
            selector[:, self._of_users(1 + other)] = -own
        return selector

    def with_even_users(self, levels: np.ndarray, size: float) -> np.ndarray:
        """Levels with all S_k a multiple of the unit matrix, in the scale of `scales`."""
        levels = levels.copy()
        if self.users is not None:
            n_rows, n_users = self.users.n_rows, self.users.n_users
            for place in range(n_users):
                levels[self._of_users(place)][:n_rows] = size * (n_users if place == 0 else 1)
        return levels

    def prices(self, levels: np.ndarray) -> Complex[np.ndarray, "antenna size size"]:
        """D_n."""
        basis = units(self.size)
        return (basis * levels[self.own_prices].reshape(self.n_antennas, 1, -1)) @ basis.conj().T

    def user_matrices(self, levels: np.ndarray) -> Complex[np.ndarray, "user row row"]:
        """S_k."""
        assert self.users is not None
        basis = self._scaled_units().T
        chosen = np.array([self._selected(user) @ levels for user in range(self.users.n_users)])
        return (basis * chosen[:, None, :]) @ basis.conj().T

    def _scaled_units(self) -> Complex[np.ndarray, "entry row"]:
        assert self.users is not None
        return (self.scales[:, None] * units(self.users.n_rows)).T


def deaf_cone(name: str, vectors: np.ndarray, factors: np.ndarray, selector: np.ndarray) -> Cone:
    """A cone that no term sees: its slack is minus the sum of factors times levels times `v v^H`."""
    return Cone(
        name=name,
        basis=np.eye(len(vectors), dtype=complex),
        is_line=False,
        streams=(name,),
        vectors=vectors,
        factors=factors[None],
        selector=selector,
        counts=np.zeros(selector.shape[1]),
        price=0.0,
        views=(),
    )


def units(size: int) -> Complex[np.ndarray, "size matrix"]:
    """Vectors v whose `v v^H` are a basis of the Hermitian matrices; the first ones add up to the identity."""
    first, second = np.triu_indices(size, 1)
    unit = np.eye(size)
    pairs = [(unit[:, first] + factor * unit[:, second]) / np.sqrt(2.0) for factor in (1.0, 1j)]
    return np.concatenate([unit, *pairs], axis=1).astype(complex)


def coordinates(matrices: Complex[np.ndarray, "*batch size size"]) -> Float[np.ndarray, "*batch matrix"]:
    """Coordinates of Hermitian matrices in the basis of `units`."""
    first, second = np.triu_indices(matrices.shape[-1], 1)
    entries = matrices[..., first, second]
    pairs = np.concatenate([2.0 * np.real(entries), -2.0 * np.imag(entries)], axis=-1)
    diagonal = np.real(np.einsum("...aa->...a", matrices)).copy()
    for place, (row, column) in enumerate(zip([*first, *first], [*second, *second], strict=True)):
        diagonal[..., row] -= 0.5 * pairs[..., place]
        diagonal[..., column] -= 0.5 * pairs[..., place]
    return np.concatenate([diagonal, pairs], axis=-1)
