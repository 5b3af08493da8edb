"""What proves a lower bound on the objective of a convex problem, whoever found it, and for which choices."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.design.choices import Chosen


@dataclass(frozen=True, eq=False)
class Evidence:
    """A point of the dual of a `Statement`, in the units of its problem.

    Attributes:
        responses: Z of each term, `[parameter, direction]`; near `v I(R)^-1 E` at the optimum.
        scales: v of each scale.
        multipliers: mu of each row, at least 0.
        prices: lambda of each limit, at least 0.
        chosen: choices for which it holds, where there are any.
    """

    responses: tuple[Float[np.ndarray, "..."], ...]
    scales: Float[np.ndarray, " scale"]
    multipliers: Float[np.ndarray, " row"]
    prices: Float[np.ndarray, " limit"]
    chosen: Chosen | None = None


@dataclass(frozen=True)
class Listed:
    """What proves a bound for all sets of a box, one by one (`search.listing`).

    Attributes:
        chosen: the box.
        evidence: for a set that contains every set of the box; None if nothing is known but that power is limited.
    """

    chosen: Chosen
    evidence: Evidence | None
