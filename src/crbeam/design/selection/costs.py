"""What it costs that receivers sense together."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float

from crbeam.errors import InvalidInput

#: Relative excess over a budget that counts as rounding.
COST_TOLERANCE = 1e-12


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


@dataclass(frozen=True, eq=False)
class Selection:
    """Only some receivers sense, whose prices add up to at most a budget.

    Attributes:
        names: of the receivers.
        costs: their prices, which depend on who else is a member.
        budget_m: largest sum; infinite if only the rates limit who senses.
        positions_m: their places, for rules that need more than prices.
        known_streams: streams that a receiver knows and removes if it senses, and is disturbed by if not.

    Observations of a receiver are the contributions of its name to the information maps of a problem, requirements
    those of the served user of its name.

    Reference: wang2024 eqs. (22), (26).
    """

    allows_subspace_reduction: ClassVar[bool] = True

    names: tuple[str, ...]
    costs: CooperationCosts
    budget_m: float = np.inf
    positions_m: Float[np.ndarray, "receiver 2"] | None = None
    known_streams: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.names) != len(self.costs.target_distance_m):
            raise InvalidInput(
                f"Every receiver must have a name, found {len(self.names)} names of "
                f"{len(self.costs.target_distance_m)} receivers."
            )

    def allows(self, members: Bool[np.ndarray, "set receiver"]) -> Bool[np.ndarray, " set"]:
        """Whether each set has a member and keeps the budget."""
        limit = self.budget_m * (1.0 + COST_TOLERANCE)
        return members.any(axis=1) & (self.costs.of_sets_m(members) <= limit)
