"""A transmission that is given, as a file of a design holds it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Complex

from crbeam.information import Transmission


@dataclass(frozen=True, eq=False)
class GivenTransmission:
    """What is transmitted, what receivers put between their antennas and their chains, and which of them sense.

    Attributes:
        covariances: of each block, watt per subcarrier, summed over slots.
        networks: phase networks of hybrid arrays, by the receiver or station that has one (`Design.analog`).
        selected: names of the receivers that sense, where a design chose them; else empty.
        cautions: sentences on what a file leaves open, or on budgets that it exceeds.
    """

    covariances: Transmission
    networks: Mapping[str, Complex[np.ndarray, "antenna chain"]] = field(default_factory=dict)
    selected: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
