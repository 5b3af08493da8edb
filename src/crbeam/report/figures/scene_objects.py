"""The objects of a scene, as marks on a map."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from crbeam.information.state import position_parameter
from crbeam.propagation import Paths
from crbeam.report.figures.name_places import place_names
from crbeam.report.figures.scene_object import SceneObject, StationKind
from crbeam.scenario import Scenario
from crbeam.systems import Service, World, system_of

if TYPE_CHECKING:
    import matplotlib.axes

_MARKS: dict[str, dict[str, Any]] = {
    "station": {"marker": "s", "markersize": 4.5},
    "listening station": {"marker": "s", "markersize": 5.5, "markerfacecolor": "white"},
    "idle station": {"marker": "s", "markersize": 4.5, "markerfacecolor": "#c4c4c4"},
    "user": {"marker": "^", "markersize": 5.0},
    "served user": {"marker": "v", "markersize": 4.5, "markerfacecolor": "#1f8a70"},
    "target": {"marker": "o", "markersize": 4.0, "markerfacecolor": "white"},
}
#: What the marks of a network mean, where stations have roles.
_ROLES: dict[str, str] = {"station": "transmits", "listening station": "listens", "idle station": "silent"}


def scene_objects(scenario: World, served: Service | None = None) -> list[SceneObject]:
    """Stations, users and targets of a scenario, the targets being those that its paths visit.

    Args:
        scenario: the world, or its system.
        served: who listens; by default nobody in particular.
    """
    system = system_of(scenario)
    scenario, served = system.scenario, system.service() if served is None else served
    users = [
        SceneObject(name.replace("served_", "").replace("[", " ").rstrip("]"), "served user", place_m)
        for name, place_m in served.places_m.items()
    ]
    objects = [
        SceneObject(
            name,
            _station_kind(name, served),
            station.position_m,
            station.orientation_rad + _line(station.transmit_array.axis),
        )
        for name, station in scenario.stations.items()
    ]
    if scenario.user is None:
        return objects + users + _listed_targets(scenario)
    objects += users
    user = scenario.user
    axis_rad = _line(user.array.axis) - user.orientation_sign * user.orientation_rad
    objects.append(SceneObject("user", "user", user.position_m, axis_rad, position_parameter("user")))
    return objects + _targets(list(system.paths().values()))


def _station_kind(name: str, served: Service) -> StationKind:
    if name in served.listeners:
        return "listening station"
    return "idle station" if name in served.idle else "station"


def _listed_targets(scenario: Scenario) -> list[SceneObject]:
    """The targets of a scenario whose waves are no paths between points."""
    return [
        SceneObject(f"target {index}", "target", place, None, position_parameter(f"target[{index}]"))
        for index, place in enumerate(scenario.targets.positions_m)
    ]


def _line(axis: str) -> float:
    """Local direction of the line of an array."""
    return 0.0 if axis == "x" else np.pi / 2.0


def _targets(links: Sequence[Paths]) -> list[SceneObject]:
    found = {
        name: (float(x), float(y))
        for paths in links
        for name, (x, y) in zip(paths.vertex_names, paths.vertex_m, strict=True)
        if name is not None and name.startswith("target")
    }
    return [
        SceneObject(name.replace("[", " ").rstrip("]"), "target", found[name], None, position_parameter(name))
        for name in sorted(found, key=lambda name: int(name[len("target[") : -1]))
    ]


def mark_objects(
    axes: "matplotlib.axes.Axes",
    objects: Sequence[SceneObject],
    *,
    on_dark: bool = False,
    keep_clear_m: Float[np.ndarray, "point 2"] | None = None,
) -> None:
    """Draw objects as marks with a name beside each; call it when the limits of the axes are set.

    Args:
        axes: equal axes in metres.
        objects: what to draw.
        on_dark: dark marks get white edges, for a coloured map.
        keep_clear_m: points that names should not cover.
    """
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=1.6, foreground="white")]
    limits = np.array([axes.get_xlim(), axes.get_ylim()])
    places = place_names(objects, limits, keep_clear_m)
    kinds = {item.kind for item in objects}
    roles = {kind: words for kind, words in _ROLES.items() if kind in kinds and "listening station" in kinds}
    for item, place in zip(objects, places, strict=True):
        look = {"markerfacecolor": "black", **_MARKS[item.kind]}
        axes.plot(
            *item.position_m,
            linestyle="none",
            color="black",
            markeredgecolor="white" if on_dark and look["markerfacecolor"] != "white" else "black",
            markeredgewidth=0.6,
            zorder=6,
            label=f"_{item.name}",
            **look,
        )
        axes.annotate(
            item.name,
            item.position_m,
            xytext=place.offset_points,
            textcoords="offset points",
            ha=place.alignment,
            va="center",
            fontsize=7,
            zorder=7,
            path_effects=halo,
        )
    for kind, words in roles.items():
        look = {"markerfacecolor": "black", "markeredgewidth": 0.6, **_MARKS[kind]}
        axes.plot([], [], linestyle="none", color="black", label=words, **look)
    axes.set(xlim=limits[0], ylim=limits[1])


def fit_limits(axes: "matplotlib.axes.Axes", points_m: np.ndarray, *, margin: float = 0.1) -> None:
    """Equal axes in metres around all points, with a margin as a share of the larger extent."""
    low, high = points_m.min(axis=0), points_m.max(axis=0)
    pad = margin * max(float((high - low).max()), 1.0)
    axes.set(xlim=(low[0] - pad, high[0] + pad), ylim=(low[1] - pad, high[1] + pad), xlabel="$x$ (m)", ylabel="$y$ (m)")
    axes.set_aspect("equal")
