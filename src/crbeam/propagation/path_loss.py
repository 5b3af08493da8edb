"""Path loss that grows with a power of the distance."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput


@dataclass(frozen=True)
class LogDistanceLoss:
    """Power loss `reference_loss * (d / 1 m)^exponent`: in decibels `a1 + 10 a2 log10(d)`.

    Attributes:
        reference_loss: linear loss at one metre, at least 1.
        exponent: of the distance; 2 in free space.
    """

    reference_loss: float
    exponent: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.reference_loss) and self.reference_loss >= 1.0 and 0.0 <= self.exponent <= 20.0):
            raise InvalidInput(
                f"A path loss must be at least 1 at one metre, with an exponent between 0 and 20, found "
                f"{self.reference_loss} and {self.exponent}."
            )

    def amplitude(self, distance_m: Float[np.ndarray, " path"]) -> Float[np.ndarray, " path"]:
        """Amplitude of paths of these lengths.

        Reference: li2024 eq. (71).
        """
        return (self.reference_loss * distance_m**self.exponent) ** -0.5


#: Empirical losses at 28 GHz in New York City, 61.4 dB and 72 dB at one metre (li2024 section V).
NYC_LINE_OF_SIGHT = LogDistanceLoss(10.0**6.14, 2.0)
NYC_SCATTERED = LogDistanceLoss(10.0**7.2, 2.92)
