"""A transmission that is given, as a file of a design holds it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Complex


@dataclass(frozen=True, eq=False)
class Transmission:
    """What is transmitted, what receivers put between their antennas and their chains, and which of them sense.

    Attributes:
        covariances: watt per subcarrier, summed over slots.
        blocks: names of their blocks.
        networks: phase networks of hybrid arrays, by the receiver or station that has one (`Design.analog`).
        selected: names of the receivers that sense, where a design chose them; else empty.
        cautions: sentences on what a file leaves open.
    """

    covariances: Complex[np.ndarray, "block tx tx"]
    blocks: tuple[str, ...]
    networks: Mapping[str, Complex[np.ndarray, "antenna chain"]] = field(default_factory=dict)
    selected: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
