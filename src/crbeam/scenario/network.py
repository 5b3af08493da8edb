"""Users of a network of stations, and what locating targets asks of it."""

import math
from typing import Annotated

from pydantic import Field

from crbeam.scenario.fields import ListOf, Position, PositiveNumber, Quantity, ScenarioPart, Whole

#: Name by which a link says that all other stations transmit.
OTHERS = "others"
MAX_NETWORK_USERS = 256
_PLACES = ListOf(Position(), "a list of positions such as `[[20 m, 5 m]]`", 0, MAX_NETWORK_USERS)
_COORDINATES = f"each {Position().coordinate.limits}"
_RATIO = Quantity("gain ratio", 1e-6, 1e9, unit="dB")
_LOSS = Quantity("gain ratio", 1e-20, 1e30, unit="dB")
_EXPONENT = PositiveNumber("the exponent of the distance in a path loss; 2 is free space", 1.0, 10.0)
_POWER = Quantity("power", 1e-30, 1e9)
_ERROR = Quantity("length", 1e-6, 1e6, unit="m")
_BANDWIDTH = Quantity("frequency", 1.0, 1e13)
_RATE = PositiveNumber("the least rate of every user in bit/s/Hz", 1e-6, 30.0)
_ERRORS = ListOf(_ERROR, "a list of lengths such as `[1 m, 2 m]`, one for each target", 1, 64)


class Network(ScenarioPart):
    """Users of one antenna each, any of which any station may serve, and the accuracy asked for targets.

    Channels between stations and users fade as `CN(0, 1)` from antenna to antenna, drawn from the scenario's seed.
    """

    user_positions_m: Annotated[tuple[tuple[float, float], ...], _PLACES] = Field(
        description=f"Places of the users: a list of [x, y], {_COORDINATES}."
    )
    minimum_sinr: Annotated[float, _RATIO] | None = Field(
        default=None,
        description="Least signal-to-interference-and-noise ratio of every user, such as `8 dB`; a plain number is the "
        f"linear ratio: {_RATIO.limits}. Either this or `minimum_rate` must be given.",
    )
    minimum_rate: Annotated[float, _RATE] | None = Field(
        default=None,
        description="Least rate of every user in bit/s/Hz, in place of `minimum_sinr`: the ratio is then "
        f"2^rate - 1: {_RATE.limits}.",
    )
    user_noise_w: Annotated[float, _POWER] = Field(
        description=f"Noise power of a user on one subcarrier, such as `-85 dBm`: {_POWER.limits}."
    )
    user_loss: Annotated[float, _LOSS] = Field(
        description="Loss between a station and a user at one metre, such as `58 dB`; powers of the optimum scale with "
        f"it: {_LOSS.limits}."
    )
    user_loss_exponent: Annotated[float, _EXPONENT] = Field(
        default=3.0, description=f"Exponent of the distance in that loss: {_EXPONENT.limits}."
    )
    echo_loss: Annotated[float, _LOSS] = Field(
        description="Loss over the target with both legs of one metre, the reflection included, such as `30 dB`: "
        f"{_LOSS.limits}."
    )
    echo_loss_exponent: Annotated[float, _EXPONENT] = Field(
        default=2.0, description=f"Exponent of the distance in the loss of each leg: {_EXPONENT.limits}."
    )
    target_error_m: Annotated[float, _ERROR] | None = Field(
        description="Largest root bound of each target's position at the stations that listen, such as `1 m`: "
        f"{_ERROR.limits}; null makes it as small as the powers allow, in place of least power."
    )
    target_errors_m: Annotated[tuple[float, ...], _ERRORS] | None = Field(
        default=None,
        description="Largest root bound of each target in their order, in place of `target_error`: "
        f"each {_ERROR.limits}.",
    )
    listeners: Annotated[int, Whole(1, 64)] = Field(
        default=1,
        description="How many stations listen, and what they hear is put together; 1 in xu2023.",
    )
    total_power_w: Annotated[float, _POWER] | None = Field(
        default=None,
        description="The most that all stations may send together, in place of the `total_power` of each: "
        f"{_POWER.limits}.",
    )
    rms_bandwidth_hz: Annotated[float, _BANDWIDTH] | None = Field(
        default=None,
        description="Root-mean-square bandwidth with which delays count, about the middle of the spectrum; a flat band "
        f"has its width over the root of 12: {_BANDWIDTH.limits}; null leaves delays out, as in xu2023.",
    )

    @property
    def sinr(self) -> float:
        """Least ratio of every user, linear."""
        if self.minimum_rate is not None:
            return math.expm1(self.minimum_rate * math.log(2.0))
        assert self.minimum_sinr is not None
        return self.minimum_sinr

    @property
    def minimises_power(self) -> bool:
        """Whether power is minimised under limits on errors, not errors within powers."""
        return self.target_error_m is not None or self.target_errors_m is not None

    def error_of_target_m(self, index: int) -> float | None:
        """Largest root bound of a target's position; None if it is minimised."""
        return self.target_error_m if self.target_errors_m is None else self.target_errors_m[index]

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each user in streams and messages."""
        return tuple(f"served_user[{index}]" for index in range(len(self.user_positions_m)))
