"""Stations with their arrays, the positioned user, the passive targets."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from crbeam.scenario.arrays import AnalogCombiner, UniformLinearArray
from crbeam.scenario.fields import ListOf, Pair, Position, Quantity, ScenarioPart, Whole, consequence, field_problem

#: Fisher matrices have some nine real parameters for each target.
MAX_TARGETS = 1024

Point = Annotated[tuple[float, float], Position()]
_COORDINATES = f"each {Position().coordinate.limits}"
_AREA = Quantity("area", 1e-12, 1e12)
_POWER = Quantity("power", 1e-18, 1e9)
_SPEED = Quantity("speed", -1e4, 1e4)
_CLOCK_BIAS = Quantity("time", -1.0, 1.0)
_ORIENTATION = Quantity(
    "angle", -6.2831853072, 6.2831853072, hint=" (a plain number is in rad; write `deg` for degrees)"
)
_TARGETS = ListOf(Position(), "a list of positions such as `[[10 m, 15 m]]`", 0, MAX_TARGETS)
Areas = Annotated[
    float | tuple[float, ...],
    ListOf(_AREA, "a radar cross section such as `100 m^2`, or a list of them", 0, MAX_TARGETS, or_single=True),
]


class Station(ScenarioPart):
    """A station of the network at a known place, which transmits, and may listen."""

    position_m: Point = Field(description=f"Place of the station: [x, y], {_COORDINATES}.")
    orientation_rad: Annotated[float, _ORIENTATION] = Field(
        default=0.0,
        description="Global direction of the local x axis of its arrays, counter-clockwise from global x: "
        f"{_ORIENTATION.limits}.",
    )
    transmit_array: UniformLinearArray = Field(description="Array that transmits.")
    receive_array: UniformLinearArray = Field(
        default=None,  # pyright: ignore[reportArgumentType]  # resolved below, never None in an instance
        validate_default=True,
        description="Array that listens; by default as the transmit array.",
        json_schema_extra={"default": None},
    )
    total_power_w: Annotated[float, _POWER] = Field(
        description=f"Transmit power over all subcarriers, summed over the slots, such as `-20 dBm`: {_POWER.limits}."
    )
    power_per_antenna_w: Annotated[float, _POWER] | None = Field(
        default=None,
        description="The most that any one antenna of the transmit array sends, over all subcarriers and summed over "
        f"the slots as `total_power` is, such as `-30 dBm`: {_POWER.limits}. Stages that follow one another have it "
        "each, as each has the whole `total_power` while it is sent.",
    )

    @field_validator("receive_array", mode="before")
    @classmethod
    def _as_transmit_array(cls, value: Any, info: Any) -> Any:
        if value is not None:
            return value
        if "transmit_array" not in info.data:
            raise consequence()
        return info.data["transmit_array"]


class User(ScenarioPart):
    """The device whose position, orientation, clock bias are unknown; it also is an echo for stations."""

    position_m: Point = Field(description=f"True place of the user: [x, y], {_COORDINATES}.")
    velocity_mps: Annotated[tuple[float, float], Pair(_SPEED, "two speeds such as `[12 m/s, -5 m/s]`")] | None = Field(
        default=None,
        description="True velocity of the user: [x, y], each "
        f"{_SPEED.limits}; without it the user stands still and Doppler shifts are no part of the model.",
        examples=[["12 m/s", "-5 m/s"]],
    )
    orientation_rad: Annotated[float, _ORIENTATION] = Field(
        default=0.0,
        description="Orientation of the base station in the user's frame: a global direction g has the local angle "
        f"g + orientation_sign * orientation; {_ORIENTATION.limits}.",
    )
    orientation_sign: Literal[1, -1] = Field(
        default=1, description="Sign with which the orientation enters local angles."
    )
    clock_bias_s: Annotated[float, _CLOCK_BIAS] = Field(
        default=0.0,
        description="Offset of the user's clock, added to the delay of every path that it receives: "
        f"{_CLOCK_BIAS.limits}.",
    )
    rcs_m2: Annotated[float, _AREA] = Field(
        description=f"Radar cross section of the user as an echo, such as `10 m^2`: {_AREA.limits}."
    )
    array: UniformLinearArray = Field(description="Array of the user.")
    combiner: AnalogCombiner | None = Field(
        default=None, description="Analog combiner of the user's array; by default every antenna has its receive chain."
    )

    @model_validator(mode="after")
    def _check_combiner(self) -> "User":
        misfit = None if self.combiner is None else self.combiner.misfit(self.array.elements)
        if misfit is not None:
            raise field_problem(misfit[1], ("combiner", *misfit[0]), ("array", "elements"))
        return self


class Targets(ScenarioPart):
    """Passive scatterers at unknown places; every list is cut to the first `count`.

    With a recorded path file the file has the places: `positions_m` is then empty, `count` may be None (all of the
    file), cross sections may be one number for all.
    """

    count: Annotated[int, Whole(0, MAX_TARGETS)] | None = Field(
        default=None, description="How many targets of the list there are, from its beginning; by default all."
    )
    positions_m: Annotated[tuple[tuple[float, float], ...], _TARGETS] = Field(
        default=(),
        description=f"True places of the targets: a list of at most {MAX_TARGETS} [x, y], {_COORDINATES}; "
        "left out when a path file gives them.",
    )
    rcs_m2: Areas = Field(
        default=(),
        description=f"Radar cross section, one for all targets or one for each, such as `100 m^2`: {_AREA.limits}.",
    )
    bistatic_rcs_m2: Areas = Field(
        default=None,  # pyright: ignore[reportArgumentType]  # resolved below, never None in an instance
        validate_default=True,
        description="Radar cross section towards other receivers than the transmitter; by default as `rcs`.",
    )

    @field_validator("bistatic_rcs_m2", mode="wrap")
    @classmethod
    def _as_rcs(cls, value: Any, handler: Any, info: Any) -> Any:
        if value is not None:
            return handler(value)
        if "rcs_m2" not in info.data:
            raise consequence()
        return info.data["rcs_m2"]

    @model_validator(mode="after")
    def _cut_to_count(self) -> "Targets":
        listed = len(self.positions_m)
        if listed and self.count is not None and self.count > listed:
            raise field_problem(
                f"must not be larger than the number of positions listed, {listed}, found `{self.count}`",
                ("count",),
                ("positions",),
            )
        count = listed if listed and self.count is None else self.count
        resolved = {
            "count": count,
            "positions_m": self.positions_m[:count],
            "rcs_m2": _areas_of_each(self.rcs_m2, "rcs", listed, count),
            "bistatic_rcs_m2": _areas_of_each(self.bistatic_rcs_m2, "bistatic_rcs", listed, count),
        }
        for name, value in resolved.items():
            object.__setattr__(self, name, value)
        return self

    @property
    def monostatic_rcs_m2(self) -> float | tuple[float, ...]:
        """Radar cross sections as seen from the transmitter itself."""
        return self.rcs_m2


def _areas_of_each(
    areas: float | tuple[float, ...], key: str, listed: int, count: int | None
) -> float | tuple[float, ...]:
    """Cross sections cut to the count, one for each listed position; a single one stays single without positions."""
    if count == 0:
        return ()
    if not isinstance(areas, tuple):
        return (areas,) * (count or 0) if listed else areas
    if not areas:
        return ()
    expected = listed or count
    if expected is not None and len(areas) != expected:
        raise field_problem(
            f"must have one cross section for each of the {expected} targets listed, found a list of {len(areas)}",
            (key,),
            ("positions",) if listed else ("count",),
        )
    return areas[:count]
