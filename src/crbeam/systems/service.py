"""Who is served in a scene, by whom, and who listens: what a map of it shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Service:
    """Served users and the roles of stations.

    Attributes:
        places_m: where each served user is, by name.
        served_by: stations that serve each user; empty while nothing says who does.
        listeners: stations that are silent and listen for the target, as far as a design chooses them.
        idle: stations that are silent and do not.
    """

    places_m: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    served_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    listeners: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()
