"""Who transmits to whom, and how the paths between them come about."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from crbeam.scenario.arrays import PHASE
from crbeam.scenario.fields import NAMES_SCHEMA, Leaf, ListOf, ScenarioPart, Text, check_names, parse_below
from crbeam.scenario.stations import MAX_TARGETS

USER = "user"
_PHASES = ListOf(PHASE, "a list of angles, one for each path", 0, 1 + MAX_TARGETS)


class Link(ScenarioPart):
    """A transmitter and a receiver; monostatic when both are the same station."""

    transmitter: Annotated[str, Text("the name of a station")] = Field(
        description="Name of the station that transmits."
    )
    receiver: Annotated[str, Text("the name of a station, or `user`")] = Field(
        description="Name of the station that listens, or `user`."
    )


class PathPhases(Leaf):
    """Path phases of some links, by link name."""

    def parse(self, value: Any) -> dict[str, tuple[float, ...]]:
        """Phases in radians."""
        lists = check_names(value, allowed="a mapping from link names to lists of angles")
        return {name: parse_below((name,), phases, _PHASES.parse) for name, phases in lists.items()}

    def json_schema(self) -> dict[str, Any]:
        """An object with an array of angles for each link."""
        return {
            "type": "object",
            "minProperties": 1,
            "propertyNames": NAMES_SCHEMA,
            "additionalProperties": _PHASES.json_schema(),
        }


class Propagation(ScenarioPart):
    """How amplitudes, phases, path geometry come about."""

    rcs_amplitude: Literal["sqrt", "as_printed"] = Field(
        default="sqrt",
        description="Echo amplitude proportional to the square root of the radar cross section (physical), "
        "or to the cross section itself (as printed in zhang2025).",
    )
    phases_rad: Annotated[dict[str, tuple[float, ...]], PathPhases()] | None = Field(
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
        return str(value) if hasattr(value, "__fspath__") else value
