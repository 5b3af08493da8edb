"""What a problem may leave open beside its transmission: who listens, who serves whom, and who takes part."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from crbeam.errors import InvalidInput

#: Relative excess over a budget that counts as rounding.
COST_TOLERANCE = 1e-12


@dataclass(frozen=True)
class Listening:
    """Stations that listen together, and what they hear.

    Attributes:
        silent_blocks: their blocks, in which nothing is sent.
        criteria: names of the criteria for what they hear; those of other sets are then of no account.
    """

    silent_blocks: tuple[str, ...]
    criteria: tuple[str, ...]


@dataclass(frozen=True)
class ReceiverChoice:
    """One of several sets of stations listens and is silent; limits and objective are on what that set hears.

    Attributes:
        options: the sets, by name. In the order in which a choice without optimisation would take them, the stations
            nearest to the target first.

    Reference: xu2023 eq. (8), C2, C5.
    """

    options: Mapping[str, Listening]

    def __post_init__(self) -> None:
        sets = [frozenset(option.silent_blocks) for option in self.options.values()]
        if not sets or len(set(sets)) < len(sets) or not all(sets):
            raise InvalidInput(
                f"There must be sets of stations that may listen, each once, found {dict(self.options)}."
            )


@dataclass(frozen=True)
class Association:
    """Each served stream is sent in one of its blocks only: one station serves each user.

    Reference: xu2023 eq. (8), C4, C6.
    """


@dataclass(frozen=True, eq=False)
class CooperationCosts:
    """Prices by distance: `v_k = rho d_0k + (1 - rho) mean of d_kj over the other members j`; the mean of none is 0.

    Attributes:
        target_distance_m: `d_0k` of each receiver from the target.
        pair_distance_m: `d_kj`, symmetric with a zero diagonal.
        target_share: rho, between 0 and 1.

    Reference: wang2024 eq. (22).

    Deviation: for a single member the second term is printed as 0 / 0; it is 0.
    """

    target_distance_m: Float[np.ndarray, " receiver"]
    pair_distance_m: Float[np.ndarray, "receiver receiver"]
    target_share: float

    def __post_init__(self) -> None:
        pairs = self.pair_distance_m
        if not (np.array_equal(pairs, pairs.T) and np.all(np.diagonal(pairs) == 0.0) and pairs.min(initial=0.0) >= 0.0):
            raise InvalidInput("Distances of pairs must be symmetric, at least 0, and 0 on the diagonal.")
        if not 0.0 <= self.target_share <= 1.0:
            raise InvalidInput(f"The share of the target in a price must be from 0 to 1, found {self.target_share}.")

    def of_sets_m(self, members: Bool[np.ndarray, "set receiver"]) -> Float[np.ndarray, " set"]:
        """Sum of the prices of each set, given as a row that tells who is a member; 0 for the empty set."""
        inside = members.astype(float)
        sizes = inside.sum(axis=1)
        pairs = np.einsum("sk,sk->s", inside @ self.pair_distance_m, inside)
        means = pairs / np.maximum(sizes - 1.0, 1.0)
        return self.target_share * inside @ self.target_distance_m + (1.0 - self.target_share) * means

    def least_prices_m(
        self,
        sizes: tuple[int, int],
        shift: float,
        members: Bool[np.ndarray, " receiver"],
        undecided: Bool[np.ndarray, " receiver"],
    ) -> Float[np.ndarray, "size receiver"]:
        """Prices that add up to no more than the cost of any set of a size with these members and some undecided ones.

        In the mean distance of k from the other members, every other member j counts `s d_0j` more and k itself
        `s d_0k` less, which leaves the sum over a set as it is; members count in any case, and of the undecided the
        others that are least. Prices of those who are neither are of no account.

        Args:
            sizes: least and largest number of receivers in a set; there is a row of prices for each number.
            shift: s, at least 0.
            members: who is in the set.
            undecided: who may be.
        """
        target, share = self.target_distance_m, self.target_share
        shifted = self.pair_distance_m + shift * target
        np.fill_diagonal(shifted, 0.0)
        possible = np.where(undecided, shifted, np.inf)
        np.fill_diagonal(possible, np.inf)
        sums = np.concatenate([np.zeros((len(target), 1)), np.cumsum(np.sort(possible, axis=1), axis=1)], axis=1)
        others = np.arange(sizes[0], sizes[1] + 1)[:, None] - 1
        rest = np.clip(others - (members.sum() - members), 0, len(target)).astype(int)
        totals = shifted @ members + sums[np.arange(len(target)), rest]
        means = totals / np.maximum(others, 1) - np.where(others > 0, shift * target, 0.0)
        return share * target + (1.0 - share) * np.where(others > 0, means, 0.0)


@dataclass(frozen=True, eq=False)
class Selection:
    """Only some receivers or stations take part: so many at most, or as many as a budget of prices allows.

    A name is that of a receiver, whose observations are the contributions of that name to the information maps, or of
    a block, in which nothing is sent without it, or of both. Parameters `NAME/...` are those of a member alone, and of
    no account without it: they may not be asked for, matter to what others hear, or be known together with others.

    Attributes:
        names: of those to choose from.
        costs: their prices, which depend on who else is a member; None if only their number is limited.
        budget_m: largest sum of prices; infinite without a limit.
        positions_m: their places, for rules that need more than prices.
        known_streams: streams that a served user of that name knows and removes if it takes part, and is disturbed by
            if not.
        at_most: largest number of members; None without a limit.

    Reference: wang2024 eqs. (22), (26).
    """

    names: tuple[str, ...]
    costs: CooperationCosts | None = None
    budget_m: float = np.inf
    positions_m: Float[np.ndarray, "receiver dim"] | None = None
    known_streams: tuple[str, ...] = ()
    at_most: int | None = None

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) < len(self.names):
            raise InvalidInput(f"There must be different names to choose from, found {self.names}.")
        if self.costs is not None and len(self.names) != len(self.costs.target_distance_m):
            raise InvalidInput(
                f"Every receiver must have a name, found {len(self.names)} names of "
                f"{len(self.costs.target_distance_m)} receivers."
            )
        if self.costs is None and np.isfinite(self.budget_m):
            raise InvalidInput(f"A budget of {self.budget_m:g} m needs the costs that it limits.")
        if self.at_most is not None and self.at_most < 1:
            raise InvalidInput(f"At least one must be allowed to take part, found at most {self.at_most}.")

    @property
    def largest(self) -> int:
        """Most members, as far as their number is limited."""
        return len(self.names) if self.at_most is None else min(self.at_most, len(self.names))

    def costs_of_m(self, members: Bool[np.ndarray, "set member"]) -> Float[np.ndarray, " set"]:
        """What each set costs; 0 without prices."""
        return np.zeros(len(members)) if self.costs is None else self.costs.of_sets_m(members)

    def allows(self, members: Bool[np.ndarray, "set member"]) -> Bool[np.ndarray, " set"]:
        """Whether each set has a member, no more than are allowed, and keeps the budget."""
        sizes = members.sum(axis=1)
        limit = self.budget_m * (1.0 + COST_TOLERANCE)
        return (sizes > 0) & (sizes <= self.largest) & (self.costs_of_m(members) <= limit)


@dataclass(frozen=True)
class Chosen:
    """A box of choices: what is made of them, and what is still open.

    Attributes:
        receiver: name of the set of stations that listen; empty if that is no choice.
        silent: blocks that send nothing because they listen.
        servers: blocks that may serve each user who counts, by the user's name.
        criteria: names of the criteria that count, limited or minimised.
        members: names that take part, of a `Selection`.
        undecided: names that may take part.
        sizes: least and largest number of those that take part in the end.
    """

    receiver: str
    silent: tuple[str, ...]
    servers: Mapping[str, tuple[str, ...]]
    criteria: tuple[str, ...]
    members: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    sizes: tuple[int, int] = (0, 0)


Choice = ReceiverChoice | Association | Selection
