"""What proves a lower bound on the objective of a convex problem, whoever found it, and for which choices."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Chosen:
    """Choices that a network leaves open, made or narrowed down, and what counts with them.

    Attributes:
        receiver: name of the set of stations that listen; empty if that is no choice.
        silent: blocks that send nothing.
        servers: blocks that may serve each user who counts, by the user's name.
        criteria: names of the criteria that count, limited or minimised.
    """

    receiver: str
    silent: tuple[str, ...]
    servers: Mapping[str, tuple[str, ...]]
    criteria: tuple[str, ...]


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
