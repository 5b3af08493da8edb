"""Parts of a proof over all choices of a network."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Evidence:
    """Multipliers that prove a lower bound on the power of a role (see `certificate`).

    Attributes:
        multipliers: at least 0, for each user.
        response: Z `[parameter, direction]`, or None without a limited bound.
    """

    multipliers: Float[np.ndarray, " user"]
    response: Float[np.ndarray, "parameter direction"] | None


@dataclass(frozen=True, eq=False)
class Leaf:
    """A set of choices with the proof of what they cost at least.

    Attributes:
        receiver: name of the criterion.
        servers: blocks that may serve each user, in the order of the requirements.
        evidence: for the lower bound on the power of all of them.
    """

    receiver: str
    servers: tuple[tuple[str, ...], ...]
    evidence: Evidence
