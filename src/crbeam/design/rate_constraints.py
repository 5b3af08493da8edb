"""Least rates of receivers with several antennas and streams."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Complex

from crbeam.communication.mimo import mimo_rates_bps_hz
from crbeam.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class MinimumRate:
    """A receiver has at least a given rate: `log2 det(I + P^-1 H W H^H) >= rate`, P being noise and interference.

    Attributes:
        user: the receiver, as the stream that serves it names it.
        block: the block that it hears.
        channel: H; it receives `H x`.
        rate_bps_hz: least rate in bit/s/Hz.
        noise_power_w: of one antenna.
        cancels: names of streams that do not disturb it, because it knows them.

    Reference: wang2024 eq. (24).
    """

    allows_subspace_reduction: ClassVar[bool] = True

    user: str
    block: str
    channel: Complex[np.ndarray, "rx tx"]
    rate_bps_hz: float
    noise_power_w: float
    cancels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (0.0 < self.rate_bps_hz < np.inf and 0.0 < self.noise_power_w < np.inf):
            raise InvalidInput(
                f"The least rate and the noise of {self.user} must be positive and finite, found {self.rate_bps_hz} "
                f"bit/s/Hz and {self.noise_power_w} W."
            )

    def rate_of(self, own: str, streams: Mapping[str, Complex[np.ndarray, "tx tx"]]) -> float:
        """Rate in bit/s/Hz under the covariances of all streams of the block, its own being named `own`."""
        heard = sum((sent for name, sent in streams.items() if name not in self.cancels), np.zeros_like(streams[own]))
        rates = mimo_rates_bps_hz(self.channel[None], streams[own][None], heard[None], self.noise_power_w)
        return float(rates[0])
