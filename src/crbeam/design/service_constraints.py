"""Constraints of a transmission that serves users while it senses."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float

from crbeam.communication.mimo import mimo_rates_bps_hz
from crbeam.communication.sinr import EchoTolerance, UplinkChannel, echo_tolerance
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


@dataclass(frozen=True, eq=False)
class PowerPart:
    """`factor t^H W t` of the covariance W of one stream, or of every stream, in a block.

    Attributes:
        block: the block.
        vector: t.
        factor: real.
        stream: name of the stream; None for all streams of the block.
    """

    block: str
    vector: Complex[np.ndarray, " tx"]
    factor: float
    stream: str | None = None

    def of(self, covariance: Complex[np.ndarray, "tx tx"]) -> float:
        """The power, W being the covariance."""
        return self.factor * float(np.real(self.vector.conj() @ covariance @ self.vector))


@dataclass(frozen=True, eq=False)
class Requirement:
    """A linear inequality on stream covariances: `sum of parts >= floor_w`.

    Attributes:
        name: what is required, as messages say it.
        parts: what counts towards it.
        floor_w: what it must reach.
        is_share: whether the floor is a share of the power, and rises with it.
    """

    name: str
    parts: tuple[PowerPart, ...]
    floor_w: float
    is_share: bool = False


def _require_positive(name: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0.0):
        raise InvalidInput(f"{name} must be positive and finite, found {value}.")


@dataclass(frozen=True, eq=False)
class MinimumSinr:
    """A served user has at least a given signal-to-interference-and-noise ratio in the downlink.

    With the covariance `W_b` of the user's stream and `R_b` of all streams in block b, and t the transmit vector of the
    channel (`conj(h)` if the user receives `h^T x`):
    `(1 + 1 / gamma) sum_b t_b^H W_b t_b - sum_b t_b^H R_b t_b >= noise`. Streams that the user knows and removes are
    left out of R. A block whose channel is all zeros does not reach the user and cannot serve it.

    Attributes:
        user: the user, as the stream that serves it names it.
        channels: transmit vector of the channel from each block that the user hears.
        minimum_sinr: gamma, linear.
        noise_power_w: of the user.
        cancels: names of streams that do not disturb the user, because it knows them.
        quantity: what messages call the requirement.

    Reference: li2024 eq. (12), eq. (37); wang2024 eq. (24).
    """

    user: str
    channels: Mapping[str, Complex[np.ndarray, " tx"]]
    minimum_sinr: float
    noise_power_w: float
    cancels: tuple[str, ...] = ()
    quantity: str = "SINR"

    def __post_init__(self) -> None:
        _require_positive(f"The least {self.quantity} of {self.user}", self.minimum_sinr)
        _require_positive(f"The noise power of {self.user}", self.noise_power_w)
        if not self.channels:
            raise InvalidInput(f"{self.user} must hear at least one block, but has no channel.")
        for block, vector in self.channels.items():
            if not np.all(np.isfinite(vector)):
                raise InvalidInput(f"The channel from {block} to {self.user} must be finite, found {vector}.")

    def is_reached_by(self, block: str) -> bool:
        """Whether anything that a block sends can arrive at the user."""
        vector = self.channels.get(block)
        return vector is not None and float(np.vdot(vector, vector).real) > 0.0

    @classmethod
    def for_rate(
        cls,
        user: str,
        channels: Mapping[str, Complex[np.ndarray, " tx"]],
        rate_bps_hz: float,
        noise_power_w: float,
    ) -> "MinimumSinr":
        """The same requirement as a least rate `log2(1 + SINR)` in bit/s/Hz."""
        _require_positive(f"The least rate of {user}", rate_bps_hz)
        return cls(user, channels, float(np.expm1(rate_bps_hz * np.log(2.0))), noise_power_w, quantity="rate")

    def requirement(self, stream: str) -> Requirement:
        """The inequality, given the name of the stream that serves the user."""
        parts = []
        for block, vector in self.channels.items():
            parts.append(PowerPart(block, vector, -1.0))
            parts.append(PowerPart(block, vector, 1.0 + 1.0 / self.minimum_sinr, stream))
            parts += [PowerPart(block, vector, 1.0, known) for known in self.cancels]
        return Requirement(f"{self.quantity} of {self.user}", tuple(parts), self.noise_power_w)


@dataclass(frozen=True, eq=False)
class Illumination:
    """A place receives at least a given power from a block: `t^H R t >= least_power_w`.

    A transmission of least bound may put a null on its target. The bound is local and does not mind, but an estimator
    that has to search sees no echo.

    Attributes:
        block: the block that lights the place.
        response: transmit vector t towards the place (`conj(a)` for the array response a).
        least_power_w: the floor; the most that is possible is the power budget times `|t|^2`.
        place: what the place is called in messages.
        is_share: whether the floor is a share of the power budget, so that more power raises it.
    """

    block: str
    response: Complex[np.ndarray, " tx"]
    least_power_w: float
    place: str = "the target"
    is_share: bool = False

    def __post_init__(self) -> None:
        _require_positive("The least power of an illumination floor", self.least_power_w)

    @property
    def requirement(self) -> Requirement:
        """The inequality."""
        part = PowerPart(self.block, self.response, 1.0)
        return Requirement(f"illumination of {self.place}", (part,), self.least_power_w, is_share=self.is_share)


@dataclass(frozen=True, eq=False)
class PowerCeiling:
    """A place receives at most a given power from a block: `t^H R t <= most_power_w`.

    A mask of the beampattern, or protection of somebody who must not be disturbed.

    Attributes:
        block: the block that may disturb it.
        response: transmit vector t towards the place (`conj(a)` for the array response a).
        most_power_w: the ceiling.
        place: what the place is called in messages.
    """

    block: str
    response: Complex[np.ndarray, " tx"]
    most_power_w: float
    place: str = "a protected place"

    def __post_init__(self) -> None:
        _require_positive("The most power of a ceiling", self.most_power_w)

    @property
    def requirement(self) -> Requirement:
        """The inequality."""
        part = PowerPart(self.block, self.response, -1.0)
        return Requirement(f"ceiling at {self.place}", (part,), -self.most_power_w)


@dataclass(frozen=True, eq=False)
class MinimumUplinkSinr:
    """Served users have given ratios in the uplink, beside the echo of the probing that a block sends.

    With the best combiner, the ratio of a user depends on the probing covariance R through the power of the echo
    `x = echo_gain t^H R t` alone, and falls with it: each ratio is an upper limit on `t^H R t`, exactly.

    Attributes:
        block: the block that probes.
        users: names, in the order of the channels.
        uplink: channels, powers, noise, analog network of the receiver.
        echo: receive response a towards the target, from which the echo `beta a (b^T x)` comes.
        response: transmit vector t of the probing towards the target (`conj(b)`).
        echo_gain: `|beta|^2`.
        minimum_sinr: of each user, linear.

    Reference: li2024 eq. (17), eq. (53).
    """

    block: str
    users: tuple[str, ...]
    uplink: UplinkChannel
    echo: Complex[np.ndarray, " rx"]
    response: Complex[np.ndarray, " tx"]
    echo_gain: float
    minimum_sinr: Float[np.ndarray, " user"]

    def __post_init__(self) -> None:
        for user, ratio in zip(self.users, self.minimum_sinr, strict=True):
            _require_positive(f"The least SINR of {user}", float(ratio))
        _require_positive("The gain of the echo", self.echo_gain)

    @cached_property
    def tolerance(self) -> EchoTolerance:
        """How the echo lowers the ratios."""
        return echo_tolerance(self.uplink, self.echo)

    @property
    def shortfalls(self) -> Float[np.ndarray, " user"]:
        """Factor by which each user misses its ratio even without probing; above 1 if it does."""
        return self.minimum_sinr / self.tolerance.without_echo

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """The upper limits that bind anywhere; only for users that reach their ratio without echo."""
        limits = self.tolerance.largest_echo_w(self.minimum_sinr) / self.echo_gain
        part = PowerPart(self.block, self.response, -1.0)
        return tuple(
            Requirement(f"uplink SINR of {user}", (part,), -float(limit))
            for user, limit in zip(self.users, limits, strict=True)
            if np.isfinite(limit)
        )

    def echo_power_w(self, covariance: Complex[np.ndarray, "tx tx"]) -> float:
        """Power of the echo of a probing covariance at an antenna whose response has modulus 1."""
        return self.echo_gain * float(np.real(self.response.conj() @ covariance @ self.response))

    def sinr(self, covariance: Complex[np.ndarray, "tx tx"]) -> Float[np.ndarray, " user"]:
        """Ratio of each user beside the echo of a probing covariance."""
        return self.tolerance.sinr(self.echo_power_w(covariance))


@dataclass(frozen=True, eq=False)
class FixedAnalog:
    """A block sends through a given analog network: `R = F R' F^H` with any covariance R' of its chains.

    Power is that of the antennas; for orthonormal columns, as of partially connected phase shifters, it is that of the
    chains.

    Attributes:
        block: the block that it restricts.
        network: columns of F, one for each chain.

    Reference: li2024 eq. (1), eq. (10).
    """

    block: str
    network: Complex[np.ndarray, "tx chain"]

    @cached_property
    def basis(self) -> Complex[np.ndarray, "tx chain"]:
        """Orthonormal basis of what the network can send."""
        left, values, _ = np.linalg.svd(self.network, full_matrices=False)
        return left[:, values > 1e-12 * values[0]]


@dataclass(frozen=True)
class BoundLimit:
    """The weighted bound of a criterion is at most a given value: `tr(E^T I(R)^-1 E) <= limit`.

    A criterion that is limited is not minimised; to do both, give it twice, with two names.

    Attributes:
        criterion: name of the criterion.
        limit: of its bound with all weights, that of the criterion too; m^2 for a position with weight 1.

    Reference: xu2023 eq. (8), C2.
    """

    criterion: str
    limit: float

    def __post_init__(self) -> None:
        _require_positive(f"The limit on the bound of {self.criterion}", self.limit)


ServiceConstraint = (
    MinimumSinr | MinimumRate | MinimumUplinkSinr | Illumination | PowerCeiling | FixedAnalog | BoundLimit | Requirement
)


def transmit_vectors_of(part: object) -> list[tuple[str, str, Complex[np.ndarray, "tx *columns"]]]:
    """What a constraint says of the antennas of its blocks: a name, the block, and an entry or row for each antenna."""
    if isinstance(part, MinimumSinr):
        return [(f"The channel to {part.user}", block, vector) for block, vector in part.channels.items()]
    if isinstance(part, MinimumRate):
        return [(f"The channel to {part.user}", part.block, part.channel.T)]
    if isinstance(part, Illumination | PowerCeiling | MinimumUplinkSinr):
        return [("The response to the target", part.block, part.response)]
    if isinstance(part, FixedAnalog):
        return [("The analog network", part.block, part.network)]
    if isinstance(part, Requirement):
        return [(f"The {part.name}", each.block, each.vector) for each in part.parts]
    return []
