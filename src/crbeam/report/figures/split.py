"""Loss and bounds against the share of sensing."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from crbeam.evaluation.best_split import BOUNDS, Split
from crbeam.report.figures.log_ticks import round_ticks
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import NO_MARKER, curve_style

if TYPE_CHECKING:
    import matplotlib.figure

#: How the best share is marked.
STAR: Mapping[str, Any] = {"marker": "*", "markersize": 6.0, "linestyle": "none", "zorder": 5}
_LABELS = {"user_position_m": "user (m)", "user_velocity_mps": "velocity (m/s)", "target_position_m": "targets (m)"}


def split_figure(splits: Sequence[Split]) -> "matplotlib.figure.Figure":
    """Loss and root bounds of each method over the share of sensing, the best share marked by a star."""
    styles = {split.method: curve_style(number, marker=NO_MARKER) for number, split in enumerate(splits)}
    panels = [_panel(splits, styles, "loss", "loss")]
    panels += [_panel(splits, styles, name, f"root bound, {_LABELS[name]}") for name in BOUNDS]
    drawn = [panel for panel in panels if panel.curves]
    legend = {**styles, "best share": {**STAR, "color": "black", "markerfacecolor": "black"}}
    return panels_figure(drawn, legend, columns=len(drawn), height_in=2.3, shared="none")


def _panel(splits: Sequence[Split], styles: Mapping[str, Mapping[str, Any]], name: str, label: str) -> Panel:
    curves = []
    for split in splits:
        shares = np.array([point.share for point in split.points])
        values = np.array([_value(split, place, name) for place in range(len(shares))])
        if not np.any(np.isfinite(values)):
            continue
        style = styles[split.method]
        curves.append(PanelCurve(shares, values, style))
        best = [place for place, point in enumerate(split.points) if point is split.best]
        curves.append(
            PanelCurve(shares[best], values[best], {**STAR, "color": style["color"], "markerfacecolor": style["color"]})
        )
    ticks = {"xlim": (0.0, 1.0), "xticks": (0.0, 0.25, 0.5, 0.75, 1.0), "yscale": "log"}
    axes = {
        **ticks,
        "xlabel": "share of sensing",
        "ylabel": label,
        "yticks": round_ticks(value for curve in curves for value in curve.y),
    }
    return Panel(
        label.partition(",")[0] if name == "loss" else name.partition("_m")[0].replace("_", " "), curves, (), axes
    )


def _value(split: Split, place: int, name: str) -> float:
    point = split.points[place]
    value = point.loss if name == "loss" else split.bounds(point)[name]
    return float("nan") if value is None or not np.isfinite(value) else value
