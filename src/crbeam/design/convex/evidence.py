"""What proves a lower bound on the objective of a convex problem, whoever found it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Evidence:
    """A point of the dual of a `Statement`, in the units of its problem.

    Attributes:
        responses: Z of each term, `[parameter, direction]`; near `v I(R)^-1 E` at the optimum.
        scales: v of each scale.
        multipliers: mu of each row, at least 0.
        prices: lambda of each limit, at least 0.
    """

    responses: tuple[Float[np.ndarray, "..."], ...]
    scales: Float[np.ndarray, " scale"]
    multipliers: Float[np.ndarray, " row"]
    prices: Float[np.ndarray, " limit"]
