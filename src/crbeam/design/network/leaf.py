"""Parts of a proof over all choices of a network."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Evidence:
    """Multipliers that prove a lower bound on the objective of a role (see `certificate`).

    Attributes:
        multipliers: at least 0, for each user.
        responses: Z `[parameter, direction]` of each bound of the role, limited or minimised.
    """

    multipliers: Float[np.ndarray, " user"]
    responses: tuple[Float[np.ndarray, "..."], ...]


@dataclass(frozen=True, eq=False)
class Leaf:
    """A set of choices with the proof of what they cost at least.

    Attributes:
        receiver: name of the role.
        servers: blocks that may serve each user, in the order of the requirements.
        evidence: for the lower bound on the power of all of them.
    """

    receiver: str
    servers: tuple[tuple[str, ...], ...]
    evidence: Evidence
