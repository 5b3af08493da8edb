"""One object of a scene, as figures show it."""

from dataclasses import dataclass
from typing import Literal

StationKind = Literal["station", "listening station", "idle station"]


@dataclass(frozen=True)
class SceneObject:
    """A station, a user or a target on a map.

    Attributes:
        name: its label.
        kind: what it is.
        position_m: where it is, `(x, y)`.
        axis_rad: global direction of the line of its array; None without an array.
        parameter: state parameter of its position; None if that is known.
    """

    name: str
    kind: StationKind | Literal["user", "served user", "target"]
    position_m: tuple[float, float]
    axis_rad: float | None = None
    parameter: str | None = None
