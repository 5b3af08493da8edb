"""Users that are served while the network senses, and what sensing asks for."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from crbeam.scenario.fields import (
    ListOf,
    Pair,
    Position,
    PositiveNumber,
    Quantity,
    ScenarioPart,
    Text,
    Whole,
    field_problem,
)
from crbeam.units import distinct

MAX_SERVED_USERS = 256
_PLACES = ListOf(Position(), "a list of positions such as `[[20 m, 5 m]]`", 0, MAX_SERVED_USERS)
_COORDINATES = f"each {Position().coordinate.limits}"
_RANGE = Quantity("length", 1e-2, 1e6, unit="m")
_SECTOR = Quantity("angle", 1e-6, 1.5707963267, hint=" (a plain number is in rad; write `deg` for degrees)")
_RATIO = Quantity("gain ratio", 1e-6, 1e9, unit="dB")
_LOSS = Quantity("gain ratio", 1.0, 1e30, unit="dB")
_EXPONENT = PositiveNumber("the exponent of the distance in the path loss; 2 is free space", 1.0, 10.0)
_POWER = Quantity("power", 1e-18, 1e9)
_REFLECTION = Quantity("gain ratio", 1e-20, 1e6, unit="dB")
_SNR = Quantity("gain ratio", 1e-15, 1e15, unit="dB")
_SHARE = PositiveNumber(
    "the share of the largest illumination that the target gets at least; 0 is no floor", 0.0, 0.999
)
_WEIGHT = PositiveNumber("a weight", 0.0, 1e12)
_CHAIN = Whole(1, 4096)


class ServedUsers(ScenarioPart):
    """Communication users with one antenna each, and their scatterers.

    Places that are not given are drawn from the scenario's seed: uniformly in angle over the sector, and in distance
    over the ring, about the direction that the serving array faces.
    """

    station: Annotated[str, Text("the name of a station")] = Field(description="Name of the station that serves them.")
    count: Annotated[int, Whole(0, MAX_SERVED_USERS)] | None = Field(
        default=None, description="How many users there are: the first of the positions, or so many draws."
    )
    positions_m: Annotated[tuple[tuple[float, float], ...], _PLACES] | None = Field(
        default=None,
        description=f"Places of the users: a list of [x, y], {_COORDINATES}; drawn from the seed when left out.",
    )
    scatterers: Annotated[int, Whole(0, 64)] = Field(
        default=0, description="Number of scatterers of each user, at places drawn from the seed."
    )
    distance_m: Annotated[tuple[float, float], Pair(_RANGE, "two lengths such as `[20 m, 30 m]`")] = Field(
        default=(20.0, 30.0), description=f"Least and largest distance of drawn places: each {_RANGE.limits}."
    )
    sector_rad: Annotated[float, _SECTOR] = Field(
        default=1.0471975512,
        description=f"Largest angle of drawn places from the direction that the array faces: {_SECTOR.limits}.",
    )
    minimum_sinr: Annotated[float, _RATIO] = Field(
        default=10.0,
        description="Least signal-to-interference-and-noise ratio of every user, such as `10 dB`; a plain number is "
        f"the linear ratio: {_RATIO.limits}.",
    )
    power_w: Annotated[float, _POWER] = Field(
        default=0.1, description=f"Transmit power of each user in the uplink, such as `20 dBm`: {_POWER.limits}."
    )
    antennas_per_chain: Annotated[int, _CHAIN] = Field(
        default=4,
        description="Neighbouring antennas of the serving array that share a chain behind phase shifters, in designs "
        "of hybrid arrays only; other designs have a chain for each antenna.",
    )
    assumed_waves: Literal["true", "far"] = Field(
        default="true",
        description="Which channels of the users a design is made for: the true ones, or `far`, plane waves of the "
        "same gains. Ratios that are reported are those on the true channels.",
    )
    loss: Annotated[float, _LOSS] = Field(
        default=10.0**6.14,
        description=f"Loss of the line of sight at one metre, such as `61.4 dB`: {_LOSS.limits}.",
    )
    loss_exponent: Annotated[float, _EXPONENT] = Field(
        default=2.0, description=f"Exponent of the distance in the loss of the line of sight: {_EXPONENT.limits}."
    )
    scattered_loss: Annotated[float, _LOSS] = Field(
        default=10.0**7.2,
        description=f"Loss of a path over a scatterer at one metre, such as `72 dB`: {_LOSS.limits}.",
    )
    scattered_exponent: Annotated[float, _EXPONENT] = Field(
        default=2.92, description=f"Exponent of the whole length of a path over a scatterer: {_EXPONENT.limits}."
    )

    @model_validator(mode="after")
    def _check_draws(self) -> "ServedUsers":
        least, largest = self.distance_m
        if least > largest:
            raise field_problem(
                "must be the least distance, then the largest, found {} m and {} m".format(*distinct(least, largest)),
                ("distance",),
            )
        listed = None if self.positions_m is None else len(self.positions_m)
        if listed is None and self.count is None:
            raise field_problem(
                "must be given, or the positions of all users, found neither", ("count",), ("positions",)
            )
        if listed is not None and self.count is not None and self.count > listed:
            raise field_problem(
                f"must not be larger than the number of positions listed, {listed}, found `{self.count}`",
                ("count",),
                ("positions",),
            )
        if listed is not None:
            object.__setattr__(self, "count", listed if self.count is None else self.count)
            object.__setattr__(self, "positions_m", (self.positions_m or ())[: self.count])
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each user in streams and messages."""
        return tuple(f"served_user[{index}]" for index in range(self.count or 0))

    @property
    def is_drawn(self) -> bool:
        """Whether anything of it comes from the seed."""
        return self.count != 0 and (self.positions_m is None or self.scatterers > 0)


class Sensing(ScenarioPart):
    """The echo of the target between two arrays at one place, and what is made of it."""

    snr: Annotated[float, _SNR] | None = Field(
        default=None,
        description="Power gain of the echo from one antenna to another, times transmit power over noise power, "
        f"such as `-10 dB`: {_SNR.limits}; null takes it from the path loss, both ways, and the reflection.",
    )
    reflection: Annotated[float, _REFLECTION] = Field(
        default=1.0,
        description=f"Power that the target reflects over what meets it, such as `0 dB`: {_REFLECTION.limits}.",
    )
    unknown_gain: Literal["complex", "phase"] = Field(
        default="complex", description="What is unknown of the echo's gain: modulus and phase, or its phase alone."
    )
    serving_model: Literal["spherical", "fresnel", "far"] = Field(
        default="fresnel",
        description="How distances from the antennas of the serving array depend on places: exactly, or by their "
        "second- or first-order approximation.",
    )
    sensing_model: Literal["spherical", "fresnel", "far"] = Field(
        default="far", description="The same for the other array."
    )
    angle_weight: Annotated[float, _WEIGHT] | None = Field(
        default=None,
        description="Weight of the variance of the target's angle beside that of its range, in m^2: "
        f"{_WEIGHT.limits}; null is the squared range, so that a design minimises the squared position error. In "
        "li2024 it is 1.",
    )
    range_weight: Annotated[float, _WEIGHT] = Field(
        default=1.0, description=f"Weight of the variance of the target's range: {_WEIGHT.limits}."
    )
    illumination: Annotated[float, _SHARE] = Field(
        default=0.0,
        description="Least power towards the target, as a share of what one beam at it would give, at full power or as "
        f"much of it as antennas may send: {_SHARE.limits}.",
    )

    @model_validator(mode="after")
    def _check_weights(self) -> "Sensing":
        if self.angle_weight == 0.0 and self.range_weight == 0.0:
            raise field_problem(
                "must be positive if that of the range is 0, found both 0", ("angle_weight",), ("range_weight",)
            )
        return self
