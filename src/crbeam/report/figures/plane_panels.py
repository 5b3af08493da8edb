"""Values over the plane in several panels with one scale of colours."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput
from crbeam.report.figures.panels import DOUBLE_WIDTH_IN
from crbeam.report.figures.scene_object import SceneObject
from crbeam.report.style import COLOUR_MAP, colour_bar_ends, ieee_style

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure

#: Share of the width that the panels take; heights of a title, and of axis and legend below all.
_PANELS_SHARE, _TITLE_IN, _BELOW_IN = 0.84, 0.27, 0.55

_MARKS: Mapping[str, Mapping[str, Any]] = {
    "station": {"marker": "s", "markersize": 4.0, "markerfacecolor": "black"},
    "listening station": {"marker": "s", "markersize": 4.0, "markerfacecolor": "white"},
    "idle station": {"marker": "s", "markersize": 4.0, "markerfacecolor": "#c4c4c4"},
    "user": {"marker": "^", "markersize": 4.5, "markerfacecolor": "white"},
    "served user": {"marker": "v", "markersize": 4.0, "markerfacecolor": "white"},
    "target": {"marker": "o", "markersize": 3.5, "markerfacecolor": "white"},
}


def plane_panels_figure(
    x_m: Float[np.ndarray, " column"],
    y_m: Float[np.ndarray, " row"],
    panels_db: Mapping[str, Float[np.ndarray, "row column"]],
    *,
    objects: Sequence[SceneObject],
    label: str,
    limits_db: tuple[float, float],
    columns: int,
) -> "matplotlib.figure.Figure":
    """Maps in rows with the same axes and colours, the kinds of objects explained in one legend.

    Args:
        x_m: evenly spaced grid of the first coordinate.
        y_m: evenly spaced grid of the second coordinate.
        panels_db: values by title, row by row.
        objects: marks on every map.
        label: what the colours mean.
        limits_db: ends of the colours; values beyond get the colour of the end.
        columns: panels in a row.

    Raises:
        InvalidInput: there is no panel.
    """
    if not panels_db:
        raise InvalidInput("At least one panel must be given, found none.")
    from matplotlib.figure import Figure

    low_db, high_db = limits_db
    with ieee_style():
        rows = -(-len(panels_db) // columns)
        panel_in = _PANELS_SHARE * DOUBLE_WIDTH_IN / columns * float(np.ptp(y_m) / np.ptp(x_m))
        figure = Figure(figsize=(DOUBLE_WIDTH_IN, rows * (panel_in + _TITLE_IN) + _BELOW_IN), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        image = None
        for letter, (title, values), axes in zip("abcdefghijklmnop", panels_db.items(), grid.flat, strict=False):
            image = axes.pcolormesh(
                x_m, y_m, values, cmap=COLOUR_MAP, shading="nearest", rasterized=True, vmin=low_db, vmax=high_db
            )
            axes.set(title=f"({letter}) {title}", xlabel="$x$ (m)", ylabel="$y$ (m)", aspect="equal")
            axes.label_outer()
            _mark(axes, objects)
        for unused in list(grid.flat)[len(panels_db) :]:
            unused.set_axis_off()
        beyond = [
            any(bool(np.any(sign * v > sign * end)) for v in panels_db.values())
            for sign, end in ((-1, low_db), (1, high_db))
        ]
        if image is not None:
            figure.colorbar(image, ax=grid, label=label, extend=colour_bar_ends(*beyond), pad=0.01, aspect=30)
        handles, names = grid.flat[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return figure


def _mark(axes: "matplotlib.axes.Axes", objects: Sequence[SceneObject]) -> None:
    """Draw the objects; the first of each kind stands for it in the legend, targets carry their names."""
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=1.4, foreground="white")]
    seen: set[str] = set()
    for item in objects:
        axes.plot(
            *item.position_m,
            linestyle="none",
            markeredgecolor="white" if item.kind == "station" else "black",
            markeredgewidth=0.6,
            zorder=6,
            clip_on=False,
            label=f"_{item.name}" if item.kind in seen else item.kind,
            **_MARKS[item.kind],
        )
        seen.add(item.kind)
        if item.kind == "target":
            place: Any = {"xytext": (4, -1), "textcoords": "offset points", "va": "top", "fontsize": 7}
            axes.annotate(item.name, item.position_m, path_effects=halo, zorder=7, **place)
