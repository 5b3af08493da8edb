"""Receivers that hear one transmitter directly and over a moving target, and what they make of it."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from crbeam.scenario.arrays import UniformLinearArray
from crbeam.scenario.fields import (
    ListOf,
    Pair,
    Position,
    PositiveNumber,
    Quantity,
    ScenarioPart,
    Whole,
    field_problem,
)
from crbeam.units import distinct

#: Name by which a link says that all receivers hear it.
RECEIVERS = "receivers"
MAX_RECEIVERS = 1024
_PLACES = ListOf(Position(), "a list of positions such as `[[60 m, 30 m]]`", 0, MAX_RECEIVERS)
_COORDINATES = f"each {Position().coordinate.limits}"
_CHOICE = ListOf(Whole(0, MAX_RECEIVERS - 1), "a list of numbers of receivers, from 0", 0, MAX_RECEIVERS)
_RANGE = Quantity("length", 1e-2, 1e6, unit="m")
_COST = Quantity("length", 0.0, 1e12, unit="m")
_RATE = PositiveNumber("the least rate of every receiver in bit/s/Hz; 0 asks for nothing", 0.0, 100.0)
_FACTOR = PositiveNumber("power of the line of sight over that of all else", 0.0, 1e6)
_SHARE = PositiveNumber("the share of the distance from the target in the price of a receiver", 0.0, 1.0)
_SPEED = Quantity("speed", -1e4, 1e4)
_POWER = Quantity("power", 0.0, 1e9, unit="W")
_DURATION = Quantity("time", 1e-12, 1e3, unit="s")
_REFLECTION = Quantity("gain ratio", 1e-20, 1e6, unit="dB")


class Receivers(ScenarioPart):
    """Receivers at known places, each of which may sense, and has a message of its own to receive.

    Places that are not given are drawn from the scenario's seed about the transmitter, uniformly in distance and in
    direction. They are named `receiver0`, `receiver1`, ...
    """

    count: Annotated[int, Whole(1, MAX_RECEIVERS)] | None = Field(
        default=None, description="How many receivers there are: the first of the positions, or so many draws."
    )
    positions_m: Annotated[tuple[tuple[float, float], ...], _PLACES] | None = Field(
        default=None,
        description=f"Places of the receivers: a list of [x, y], {_COORDINATES}; drawn from the seed when left out.",
    )
    distance_m: Annotated[tuple[float, float], Pair(_RANGE, "two lengths such as `[1 m, 100 m]`")] = Field(
        default=(1.0, 100.0),
        description=f"Least and largest distance of drawn places from the transmitter: each {_RANGE.limits}.",
    )
    array: UniformLinearArray = Field(description="Array of every receiver; its local frame is the global one.")
    selected: Annotated[tuple[int, ...], _CHOICE] | None = Field(
        default=None, description="Numbers of the receivers that sense; by default all, or those that a design selects."
    )
    minimum_rate: Annotated[float, _RATE] = Field(
        default=0.0, description=f"Least rate of every receiver in bit/s/Hz: {_RATE.limits}."
    )
    rician_factor: Annotated[float, _FACTOR] | None = Field(
        default=None,
        description=f"Power of the line of sight over that of scattered waves in direct channels: {_FACTOR.limits}; "
        "null is the line of sight alone. Scattered waves are drawn from the seed.",
    )
    target_share: Annotated[float, _SHARE] = Field(
        default=0.5,
        description="Share of the distance from the target in the price of a receiver that senses: "
        f"{_SHARE.limits}; the rest is for the mean distance from the other receivers that sense.",
    )
    cost_budget_m: Annotated[float, _COST] | None = Field(
        default=None,
        description=f"Largest sum of prices of receivers that sense: {_COST.limits}; null is no limit.",
    )

    @model_validator(mode="after")
    def _check_draws(self) -> "Receivers":
        least, largest = self.distance_m
        if least > largest:
            raise field_problem(
                "must be the least distance, then the largest, found {} m and {} m".format(*distinct(least, largest)),
                ("distance",),
            )
        listed = None if self.positions_m is None else len(self.positions_m)
        if not listed and self.count is None:
            raise field_problem(
                "must be given, or the positions of all receivers, found neither", ("count",), ("positions",)
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

    @model_validator(mode="after")
    def _check_selected(self) -> "Receivers":
        for index, number in enumerate(self.selected or ()):
            if number >= (self.count or 0):
                raise field_problem(
                    f"must be the number of a receiver, from 0 to {(self.count or 0) - 1}, found {number}",
                    ("selected", index),
                    ("count",),
                )
            if number in (self.selected or ())[:index]:
                raise field_problem(f"must name a receiver once, found {number} twice", ("selected", index))
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each receiver in links, streams and messages."""
        return tuple(f"receiver{index}" for index in range(self.count or 0))

    @property
    def sensing(self) -> tuple[int, ...]:
        """Numbers of the receivers that sense."""
        return tuple(range(self.count or 0)) if self.selected is None else self.selected

    @property
    def is_drawn(self) -> bool:
        """Whether anything of it comes from the seed."""
        return self.positions_m is None or self.rician_factor is not None


class Multistatic(ScenarioPart):
    """How delays and Doppler shifts of one moving target are observed, and what they count for."""

    target_velocity_mps: Annotated[tuple[float, float], Pair(_SPEED, "two speeds such as `[20 m/s, 0 m/s]`")] = Field(
        default=(0.0, 0.0), description=f"True velocity of the target: [x, y], each {_SPEED.limits}."
    )
    heading: Literal["unknown", "known"] = Field(
        default="unknown",
        description="Whether the direction in which the target moves is known, so that only its speed is not.",
    )
    pulse: Literal["sine_squared", "cosine", "sinc"] = Field(
        default="sine_squared",
        description="Pulse of every symbol. Only the first begins and ends at 0; those of wang2024, cosine and sinc, "
        "jump, and what the jump tells is left out.",
    )
    symbol_duration_s: Annotated[float, _DURATION] | None = Field(
        default=None, description=f"Duration of a symbol: {_DURATION.limits}; null is 1 / (2 bandwidth)."
    )
    clutter_power_w: Annotated[float, _POWER] = Field(
        default=0.0,
        description=f"Power of clutter at each antenna, which adds to the noise in sensing: {_POWER.limits}.",
    )
    reflection: Annotated[float, _REFLECTION] = Field(
        default=1.0,
        description=f"Power that the target reflects over what meets it, the beta of wang2024: {_REFLECTION.limits}.",
    )
    echo_loss: Literal["sum_of_legs", "product_of_legs"] = Field(
        default="sum_of_legs",
        description="Length in the path loss of echoes: both legs added up, as in wang2024, or each leg its own loss, "
        "as scattering has it.",
    )
    metric: Literal["position", "shared"] = Field(
        default="position",
        description="What receivers together are judged by: position and velocity of the target, or the delay and "
        "Doppler shift that they would share if all saw the same (wang2024 eq. (17)).",
    )
    formulas: Literal["corrected", "as_printed"] = Field(
        default="corrected",
        description="Information of delay and Doppler shift: derived anew, or as printed in wang2024; the latter only "
        "with the shared metric.",
    )
    printed_rician_factor: Annotated[float, _FACTOR] = Field(
        default=0.5, description=f"Factor alpha of the printed formulas: {_FACTOR.limits}."
    )

    @model_validator(mode="after")
    def _check_metric(self) -> "Multistatic":
        if self.formulas == "as_printed" and self.metric != "shared":
            raise field_problem(
                "must be `shared` with the printed formulas, whose information is not about positions, found "
                f"`{self.metric}`",
                ("metric",),
                ("formulas",),
            )
        if self.heading == "known" and self.target_velocity_mps == (0.0, 0.0):
            raise field_problem(
                "must not be zero with a known heading: a target at rest has none",
                ("target_velocity",),
                ("heading",),
            )
        return self
