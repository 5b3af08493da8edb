"""Several axes side by side over both columns of an IEEE paper, with one legend below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput
from crbeam.report.style import ieee_style

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure

#: Width of both columns.
DOUBLE_WIDTH_IN = 7.16

#: Markers of a curve, so that fine curves stay readable.
MOST_MARKERS = 13

#: What `_scale` sees to.
_SCALE_KEYS = ("xscale", "yscale", "xticks", "yticks")

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, eq=False)
class PanelCurve:
    """A curve in a panel.

    Attributes:
        x: where its points are; one that is not a number is left out, with the line to it.
        y: as x.
        style: keywords of matplotlib's `plot`.
    """

    x: Float[np.ndarray, " point"]
    y: Float[np.ndarray, " point"]
    style: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Panel:
    """What one pair of axes shows.

    Attributes:
        title: stands above it, after its letter.
        curves: drawn in this order, so that later ones lie on top.
        notes: short texts, each with the point `x, y` that it is about.
        axes: keywords of matplotlib's `Axes.set`, such as `xlim`; a logarithmic axis should be given its ticks.
    """

    title: str
    curves: Sequence[PanelCurve]
    notes: Sequence[tuple[str, float, float]] = ()
    axes: Mapping[str, Any] = field(default_factory=dict)


def panels_figure(
    panels: Sequence[Panel],
    legend: Mapping[str, Mapping[str, Any]],
    *,
    columns: int,
    height_in: float,
    shared: Literal["all", "row", "none"] = "all",
    legend_columns: int | None = None,
) -> "matplotlib.figure.Figure":
    """Panels in rows, each with its letter, over one legend.

    Args:
        panels: row by row.
        legend: style of what each entry stands for; curves that differ in two respects need an entry for each respect
            only.
        columns: panels in a row.
        height_in: of the figure.
        shared: which panels have the same limits: all; all of x, and y by row; or none. What they share is labelled at
            the outer panels only.
        legend_columns: entries in a row of the legend; all in one row unless given.

    Raises:
        InvalidInput: there is no panel.
    """
    if not panels:
        raise InvalidInput("At least one panel must be given, found none.")
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    with ieee_style():
        figure = Figure(figsize=(DOUBLE_WIDTH_IN, height_in), layout="constrained")
        rows = -(-len(panels) // columns)
        grid = figure.subplots(rows, columns, sharex=shared != "none", sharey=shared, squeeze=False)
        for letter, panel, axes in zip(_LETTERS, panels, grid.flat, strict=False):
            _draw(axes, panel, f"({letter}) {panel.title}")
            if shared != "none":
                axes.label_outer()
        for unused in list(grid.flat)[len(panels) :]:
            unused.set_axis_off()
        handles = [Line2D([], [], **hollow(style)) for style in legend.values()]
        if handles:
            figure.legend(handles, list(legend), loc="outside lower center", ncols=legend_columns or len(handles))
    return figure


def hollow(style: Mapping[str, Any]) -> dict[str, Any]:
    """A style whose markers are white inside unless it says otherwise, so that crossing curves stay visible."""
    return {"markerfacecolor": "white", "markeredgewidth": 0.7, **style}


def _draw(axes: "matplotlib.axes.Axes", panel: Panel, title: str) -> None:
    for curve in panel.curves:
        every = -(-len(curve.x) // MOST_MARKERS) or 1
        axes.plot(curve.x, curve.y, **{"markevery": every, **hollow(curve.style)})
    axes.grid(visible=True)
    _scale(axes, panel)
    axes.set(title=title, **{key: value for key, value in panel.axes.items() if key not in _SCALE_KEYS})
    for text, x, y in panel.notes:
        axes.annotate(text, (x, y), xytext=(4, 2), textcoords="offset points", fontsize=6.5)


def _scale(axes: "matplotlib.axes.Axes", panel: Panel) -> None:
    """Make axes logarithmic that are to be, with plain numbers at their ticks."""
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        if panel.axes.get(f"{name}scale") == "log":
            axes.set(**{f"{name}scale": "log"})
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        if f"{name}ticks" in panel.axes:
            axis.set_major_locator(FixedLocator(panel.axes[f"{name}ticks"]))
