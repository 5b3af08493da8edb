"""Where names go on a map so that they cover little."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from crbeam.report.figures.scene_object import SceneObject

#: Distances of a name from its mark, width of a letter, half height of a name, size of the axes, in points.
_REACH_POINTS = (8.0, 13.0)
_LETTER_POINTS, _HALF_HEIGHT_POINTS, _AXES_POINTS = 3.5, 4.0, 180.0


@dataclass(frozen=True)
class NamePlace:
    """Where one name goes.

    Attributes:
        offset_points: from the mark to the anchor of the name, in points.
        alignment: which part of the name is at the anchor.
        box_m: lower left and upper right corner of the name, on the map.
    """

    offset_points: tuple[float, float]
    alignment: Literal["left", "center", "right"]
    box_m: tuple[tuple[float, float], tuple[float, float]]


def place_names(
    objects: Sequence[SceneObject],
    limits_m: Float[np.ndarray, "2 2"],
    keep_clear_m: Float[np.ndarray, "point 2"] | None = None,
) -> list[NamePlace]:
    """Places of the names of objects, one after the other, each where it disturbs least.

    Of eight directions and two distances the place that is inside the limits, covers no other name, mark or point to
    keep clear, and is farthest in angle from the other objects (where rays are) and from the line of the array. Sizes
    are estimated for axes of a paper column.

    Args:
        objects: what to name.
        limits_m: lower and upper limit of x, then of y.
        keep_clear_m: points that names should not cover.
    """
    metre_per_point = float(np.ptp(limits_m, axis=1).max()) / _AXES_POINTS
    marks_m = np.array([item.position_m for item in objects], dtype=float).reshape(-1, 2)
    points_m = marks_m if keep_clear_m is None else np.concatenate([marks_m, keep_clear_m])
    placed: list[NamePlace] = []
    for index, item in enumerate(objects):
        taken_rad = _taken_directions(item, np.delete(marks_m, index, axis=0))
        candidates = [
            (place, clearance - _cost(place, limits_m, points_m, placed))
            for reach in _REACH_POINTS
            for turn in np.arange(8) * np.pi / 4.0
            for place, clearance in [(_place(item, turn, reach, metre_per_point), _clearance(turn, taken_rad))]
        ]
        placed.append(max(candidates, key=lambda candidate: round(candidate[1], 6))[0])
    return placed


def _taken_directions(item: SceneObject, others_m: np.ndarray) -> list[float]:
    taken = [float(np.arctan2(y, x)) for x, y in others_m - np.array(item.position_m)]
    return taken if item.axis_rad is None else [*taken, item.axis_rad, item.axis_rad + np.pi]


def _clearance(turn: float, taken_rad: Sequence[float]) -> float:
    """Smallest angle between a direction and those that are taken."""
    return min((float(abs(np.angle(np.exp(1j * (turn - angle))))) for angle in taken_rad), default=0.0)


def _place(item: SceneObject, turn: float, reach: float, metre_per_point: float) -> NamePlace:
    x, y = reach * np.cos(turn), reach * np.sin(turn)
    width = _LETTER_POINTS * len(item.name)
    alignment = "center" if abs(x) < 0.1 * reach else "left" if x > 0 else "right"
    left = x - {"center": width / 2.0, "left": 0.0, "right": width}[alignment]
    corners = np.array([[left, y - _HALF_HEIGHT_POINTS], [left + width, y + _HALF_HEIGHT_POINTS]])
    low, high = np.array(item.position_m) + metre_per_point * corners
    return NamePlace((float(x), float(y)), alignment, ((low[0], low[1]), (high[0], high[1])))


def _cost(place: NamePlace, limits_m: np.ndarray, points_m: np.ndarray, placed: Sequence[NamePlace]) -> float:
    """What a place disturbs, in radians of clearance that it is worth."""
    low, high = np.array(place.box_m[0]), np.array(place.box_m[1])
    outside = bool(np.any(low < limits_m[:, 0]) or np.any(high > limits_m[:, 1]))
    covers = int(np.all((points_m >= low) & (points_m <= high), axis=1).sum())
    overlaps = sum(bool(np.all(low <= other.box_m[1]) and np.all(high >= other.box_m[0])) for other in placed)
    return 10.0 * outside + 8.0 * overlaps + min(1.0 * covers, 4.0)
