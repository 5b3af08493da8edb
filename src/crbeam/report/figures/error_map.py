"""The position error bound over the plane."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from crbeam.errors import InvalidInput
from crbeam.evaluation import PositionErrorMap
from crbeam.report.figures.scene_object import SceneObject
from crbeam.report.figures.scene_objects import mark_objects
from crbeam.report.style import COLOUR_MAP, colour_bar_ends, ieee_style, new_axes
from crbeam.units import format_quantity

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure

_STEPS = ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))


def error_map_figure(
    error_map: PositionErrorMap,
    *,
    objects: Sequence[SceneObject] = (),
    covered: float = 0.95,
) -> "matplotlib.figure.Figure":
    """Root of the user's position bound over the plane, on a logarithmic scale with labelled contours.

    Points where the position is not identifiable are hatched.

    Args:
        error_map: from `position_error_map`.
        objects: marks on the map, as `scene_objects` gives them.
        covered: share of the identifiable points within the colour scale; the rest saturates at both ends.
    """
    if not error_map.is_identifiable.any():
        raise InvalidInput("A map must have a point where the position is identifiable, but it has none.")
    with ieee_style():
        figure, axes = new_axes(2.9)
        root_m = np.ma.masked_array(error_map.root_bound_m, ~error_map.is_identifiable)
        _draw_colours(figure, axes, error_map, root_m, covered)
        _draw_contours(axes, error_map, root_m)
        if not error_map.is_identifiable.all():
            _draw_hatching(figure, axes, error_map)
        axes.set(xlabel="$x$ (m)", ylabel="$y$ (m)")
        axes.set_aspect("equal")
        mark_objects(axes, [item for item in objects if item.kind != "user"], on_dark=True)
    return figure


def _draw_colours(
    figure: "matplotlib.figure.Figure",
    axes: "matplotlib.axes.Axes",
    error_map: PositionErrorMap,
    root_m: np.ma.MaskedArray,
    covered: float,
) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FuncFormatter

    seen_m = root_m.compressed()
    low, high = np.quantile(seen_m, [(1.0 - covered) / 2.0, (1.0 + covered) / 2.0])
    if not high > low:
        low, high = low / 1.1, high * 1.1
    image = axes.pcolormesh(
        error_map.x_m,
        error_map.y_m,
        root_m,
        cmap=f"{COLOUR_MAP}_r",
        norm=LogNorm(float(low), float(high)),
        shading="nearest",
        rasterized=True,
    )
    below, above = bool(seen_m.min() < low), bool(seen_m.max() > high)
    label = f"position error bound ({error_map.link})"
    bar = figure.colorbar(image, ax=axes, label=label, extend=colour_bar_ends(below, above), pad=0.02)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_quantity(value, "length", digits=3)))
    bar.set_ticks(_levels(float(low), float(high)) or [float(low), float(high)])
    bar.minorticks_off()


def _levels(low: float, high: float) -> list[float]:
    """At most seven values within an interval: 1, 2, 5, or 1, 3, or 1 times the powers of ten."""
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    values: list[float] = []
    for steps in _STEPS:
        values = [float(value) for value in np.outer(powers, steps).ravel() if low <= value <= high]
        if len(values) <= 7:
            break
    return values


def _draw_contours(axes: "matplotlib.axes.Axes", error_map: PositionErrorMap, root_m: np.ma.MaskedArray) -> None:
    from matplotlib.patheffects import withStroke

    seen_m = root_m.compressed()
    levels = _levels(*np.quantile(seen_m, [0.05, 0.9]))
    if not levels or min(root_m.shape) < 2:
        return
    lines = axes.contour(error_map.x_m, error_map.y_m, root_m, levels=levels, colors="black", linewidths=0.5)
    labels = axes.clabel(lines, fmt=lambda value: format_quantity(value, "length", digits=3), fontsize=6)
    for label in labels:
        label.set_path_effects([withStroke(linewidth=1.2, foreground="white")])


def _draw_hatching(
    figure: "matplotlib.figure.Figure", axes: "matplotlib.axes.Axes", error_map: PositionErrorMap
) -> None:
    from matplotlib.patches import Patch

    lost = np.ma.masked_array(np.ones(error_map.is_identifiable.shape), error_map.is_identifiable)
    look = {"facecolor": "none", "hatch": "/////", "edgecolor": "#555555", "linewidth": 0.0}
    axes.pcolor(error_map.x_m, error_map.y_m, lost, shading="nearest", **look)
    figure.legend(handles=[Patch(label="not identifiable", **look)], loc="outside lower center")
