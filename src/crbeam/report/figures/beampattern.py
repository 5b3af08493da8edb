"""Beampatterns over angle, and over the plane."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput
from crbeam.report.figures.scene_object import SceneObject
from crbeam.report.figures.scene_objects import mark_objects
from crbeam.report.style import (
    COLOUR_MAP,
    NO_MARKER,
    colour_bar_ends,
    curve_style,
    ieee_style,
    legend_columns,
    new_axes,
)
from crbeam.units import db_to_ratio, watt_to_dbm

if TYPE_CHECKING:
    import matplotlib.figure

#: Decibels shown below the strongest value.
DYNAMIC_RANGE_DB = 40.0


def _dbm(power_w: np.ndarray, floor_db: float) -> np.ndarray:
    """Power in dBm, cut off `floor_db` below its largest value."""
    strongest_w = float(np.max(power_w, initial=0.0))
    if not strongest_w > 0.0:
        raise InvalidInput("A beampattern must have power somewhere to be drawn in dB, but it is zero everywhere.")
    return np.asarray(watt_to_dbm(np.maximum(power_w, strongest_w * db_to_ratio(-floor_db))))


def beampattern_figure(
    angles_rad: Float[np.ndarray, " angle"],
    patterns_w: Mapping[str, Float[np.ndarray, " angle"]],
    *,
    directions_rad: Mapping[str, float] | None = None,
    distance_m: float | None = None,
    range_db: float = DYNAMIC_RANGE_DB,
) -> "matplotlib.figure.Figure":
    """Radiated power of several designs over global azimuth, in dBm per subcarrier.

    Args:
        angles_rad: increasing global azimuths.
        patterns_w: radiated power by label, as `beampattern_w` gives it for one block.
        directions_rad: azimuths of the user and the targets by name, drawn as vertical lines where they are
            within `angles_rad`, up to full turns.
        distance_m: at which the power is, where that matters; the label then says so.
        range_db: how far below the strongest value the curves are shown.
    """
    if not patterns_w:
        raise InvalidInput("At least one beampattern must be given, found none.")
    from matplotlib.ticker import MultipleLocator

    where = "" if distance_m is None else f" at {distance_m:.3g} m"
    strongest_w = max(float(np.max(pattern)) for pattern in patterns_w.values())
    with ieee_style():
        figure, axes = new_axes(2.5)
        lowest_dbm = np.inf
        for index, (label, pattern_w) in enumerate(patterns_w.items()):
            style = curve_style(index, marker=NO_MARKER)
            power_dbm = _dbm(np.append(pattern_w, strongest_w), range_db)[:-1]
            lowest_dbm = min(lowest_dbm, float(power_dbm.min()))
            axes.plot(np.rad2deg(angles_rad), power_dbm, label=label, **style)
        top_dbm = float(watt_to_dbm(strongest_w))
        axes.set(
            xlabel="azimuth (deg)",
            ylabel=f"radiated power{where} (dBm per subcarrier)",
            xlim=(np.rad2deg(angles_rad[0]), np.rad2deg(angles_rad[-1])),
            ylim=(lowest_dbm - 0.04 * range_db, top_dbm + 0.04 * range_db),
        )
        if np.ptp(angles_rad) >= np.pi:
            axes.xaxis.set_major_locator(MultipleLocator(30.0 if np.ptp(angles_rad) < 1.5 * np.pi else 60.0))
        for name, angle_rad in (directions_rad or {}).items():
            angle_deg = float(np.rad2deg(angles_rad[0] + (angle_rad - angles_rad[0]) % (2.0 * np.pi)))
            if angle_deg > np.rad2deg(angles_rad[-1]):
                continue
            axes.axvline(angle_deg, color="#777777", linewidth=0.6, linestyle=(0, (1, 2)), zorder=1, label=f"_{name}")
            axes.annotate(
                name,
                (angle_deg, 1.01),
                xycoords=("data", "axes fraction"),
                rotation=90,
                ha="center",
                va="bottom",
                fontsize=6.5,
            )
        axes.grid(visible=True)
        figure.legend(loc="outside lower center", ncols=legend_columns(patterns_w))
    return figure


def beampattern_plane_figure(
    x_m: Float[np.ndarray, " column"],
    y_m: Float[np.ndarray, " row"],
    power_w: Float[np.ndarray, "row column"],
    *,
    objects: Sequence[SceneObject] = (),
    label: str = "radiated power (dBm per subcarrier)",
    range_db: float = DYNAMIC_RANGE_DB,
    covered: float = 0.98,
) -> "matplotlib.figure.Figure":
    """Power over the plane in dBm, with the objects of the scene.

    Args:
        x_m: evenly spaced grid of the first coordinate.
        y_m: evenly spaced grid of the second coordinate.
        power_w: as `beampattern_plane_w` gives it for one block.
        objects: marks on the map, as `scene_objects` gives them.
        label: what the colours mean.
        range_db: how far down the colours reach.
        covered: share of the points below the upper end of the colours, so that the neighbourhood of the station does
            not decide it.
    """
    power_dbm = _dbm(power_w, 3.0 * range_db)
    top_dbm = float(np.quantile(power_dbm, covered))
    with ieee_style():
        figure, axes = new_axes(2.9)
        image = axes.pcolormesh(x_m, y_m, power_dbm, cmap=COLOUR_MAP, shading="nearest", rasterized=True)
        bottom_dbm = max(top_dbm - range_db, min(float(power_dbm.min()), top_dbm - 1.0))
        image.set_clim(bottom_dbm, top_dbm)
        below, above = bool(power_dbm.min() < bottom_dbm), bool(power_dbm.max() > top_dbm)
        figure.colorbar(image, ax=axes, label=label, extend=colour_bar_ends(below, above), pad=0.02)
        axes.set(xlabel="$x$ (m)", ylabel="$y$ (m)")
        axes.set_aspect("equal")
        mark_objects(axes, objects, on_dark=True)
    return figure
