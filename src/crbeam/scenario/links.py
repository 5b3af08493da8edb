"""Who transmits to whom, and how the paths between them come about."""

from dataclasses import dataclass
from os import PathLike
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from crbeam.scenario.arrays import PHASE
from crbeam.scenario.fields import (
    NAMES_SCHEMA,
    Leaf,
    ListOf,
    PositiveNumber,
    Quantity,
    ScenarioPart,
    Text,
    check_names,
    parse_below,
)
from crbeam.scenario.stations import MAX_TARGETS

USER = "user"
_PHASES = ListOf(PHASE, "a list of angles, one for each path", 0, 1 + MAX_TARGETS)
_LOSS = Quantity("gain ratio", 1e-10, 1e10, unit="dB")
_LOSSES = ListOf(_LOSS, "a list of losses such as `[3 dB, -5 dB]`, one for each path", 0, 1 + MAX_TARGETS)
_DEVIATION = Quantity("gain ratio", 1.0, 1e5, unit="dB")
_EXPONENT = PositiveNumber("the exponent of the distance in the path loss; 2 is free space", 1.0, 10.0)


class Link(ScenarioPart):
    """A transmitter and a receiver; monostatic when both are the same station."""

    transmitter: Annotated[str, Text("the name of a station")] = Field(
        description="Name of the station that transmits; in the system xu2023 `others`, all stations but the receiver."
    )
    receiver: Annotated[str, Text("the name of a station, or `user`")] = Field(
        description="Name of the station that listens, or `user`."
    )


@dataclass(frozen=True)
class OfLinks(Leaf):
    """A list with one entry for each path, for some links by name."""

    each: ListOf
    plural: str

    def parse(self, value: Any) -> dict[str, tuple[float, ...]]:
        """Entries in SI units, by link name."""
        lists = check_names(value, allowed=f"a mapping from link names to lists of {self.plural}")
        return {name: parse_below((name,), entries, self.each.parse) for name, entries in lists.items()}

    def json_schema(self) -> dict[str, Any]:
        """An object with an array for each link."""
        return {
            "type": "object",
            "minProperties": 1,
            "propertyNames": NAMES_SCHEMA,
            "additionalProperties": self.each.json_schema(),
        }


class Propagation(ScenarioPart):
    """How amplitudes, phases, path geometry come about."""

    rcs_amplitude: Literal["sqrt", "as_printed"] = Field(
        default="sqrt",
        description="Echo amplitude proportional to the square root of the radar cross section (physical), "
        "or to the cross section itself (as printed in zhang2025).",
    )
    path_loss_exponent: Annotated[float, _EXPONENT] = Field(
        default=2.0,
        description=f"Exponent of the distance in metres in the power of a path: {_EXPONENT.limits}; 2 is free space.",
    )
    shadowing_deviation: Annotated[float, _DEVIATION] = Field(
        default=1.0,
        description="Standard deviation of the log-normal shadowing that the seed draws for every path of every link, "
        f"such as `8 dB`: {_DEVIATION.limits}.",
    )
    shadow_losses: Annotated[dict[str, tuple[float, ...]], OfLinks(_LOSSES, "losses")] | None = Field(
        default=None,
        description="Shadowing loss of each path by link, which overrules the seed, in the order of `phases`: "
        f"{_LOSS.limits}.",
        examples=[{"bistatic": ["3 dB", "-5 dB"]}],
    )
    path_coupling: Literal["full", "within_paths"] = Field(
        default="full",
        description="Couplings in the Fisher information of path parameters: all, or only those inside a path "
        "(hamrouni2026 section IV).",
    )
    phases_rad: Annotated[dict[str, tuple[float, ...]], OfLinks(_PHASES, "angles")] | None = Field(
        default=None,
        description="Path phases by link, which overrule the seed: line of sight first for a link to the user, "
        f"the user's echo first for a monostatic link, then the targets; {PHASE.limits}.",
        examples=[{"bistatic": [0, 0.5, 1.0, 1.5]}],
    )
    paths_file: Annotated[str, Text("the name of a path file")] | None = Field(
        default=None,
        description="Recorded path file (NetCDF) that gives the geometry of the paths in place of target positions; "
        "its name is relative to the scenario file, or to the working directory when given on the command line.",
    )

    @field_validator("paths_file", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, PathLike) else value
