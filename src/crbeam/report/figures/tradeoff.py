"""Curves of what two links can know under one transmission."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from crbeam.errors import InvalidInput
from crbeam.evaluation.tradeoff import TradeoffPoint
from crbeam.report.style import curve_style, ieee_style, new_axes

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure

Curves = Sequence[TradeoffPoint] | Mapping[str, Sequence[TradeoffPoint]]


def curves_by_method(points: Sequence[TradeoffPoint]) -> dict[str, list[TradeoffPoint]]:
    """Points of each method, in the order of the methods' first points."""
    curves: dict[str, list[TradeoffPoint]] = {}
    for point in points:
        curves.setdefault(point.method, []).append(point)
    return curves


def tradeoff_figure(points: Curves, *, styles: Sequence[Mapping[str, Any]] | None = None) -> "matplotlib.figure.Figure":
    """Root bound of the user by bistatic positioning against that of all positions by monostatic sensing.

    One line per method, its points in the order of their weights, with the weights of its ends beside them. Points
    where a bound does not exist, or that have no design, are left out and counted in the legend.

    Args:
        points: from `tradeoff`, or several such lists by label.
        styles: a `curve_style` for each curve.
    """
    curves = points if isinstance(points, Mapping) else curves_by_method(points)
    if not curves:
        raise InvalidInput("At least one trade-off point must be given, found none.")
    with ieee_style():
        figure, axes = new_axes(3.0)
        ends: list[tuple[float, float, float]] = []
        for index, (label, curve) in enumerate(curves.items()):
            style = curve_style(index) if styles is None else styles[index]
            ends += _draw_curve(axes, label, curve, style)
        axes.set(
            xlabel="root bound of all positions, monostatic sensing (m)",
            ylabel="root bound of the user, bistatic positioning (m)",
        )
        axes.grid(visible=True)
        axes.margins(0.08)
        figure.legend(loc="outside lower center", ncols=min(len(curves), 3))
        _label_ends(axes, ends)
    return figure


def tradeoff_bounds_m(point: TradeoffPoint) -> tuple[float, float] | None:
    """Root bounds of a point: all positions by monostatic sensing, the user by bistatic positioning; None without."""
    if point.evaluation is None:
        return None
    links = point.evaluation.links
    pair = links["monostatic"].quantities["all_positions_m"], links["bistatic"].quantities["user_position_m"]
    first, second = pair
    return (first, second) if isinstance(first, float) and isinstance(second, float) else None


def _draw_curve(
    axes: "matplotlib.axes.Axes", label: str, curve: Sequence[TradeoffPoint], style: Mapping[str, Any]
) -> list[tuple[float, float, float]]:
    """Draw a curve; (x, y, weight) of its ends."""
    ordered = sorted(curve, key=lambda point: point.weight)
    drawn = [(*bounds, point.weight) for point in ordered if (bounds := tradeoff_bounds_m(point)) is not None]
    left_out = len(ordered) - len(drawn)
    if left_out:
        label = f"{label} ({left_out} left out: no bound)"
    values = np.array(drawn).reshape(-1, 3)
    axes.plot(values[:, 0], values[:, 1], label=label, **{"markerfacecolor": "white", "markeredgewidth": 0.7, **style})
    return drawn[:: max(len(drawn) - 1, 1)]


def _label_ends(axes: "matplotlib.axes.Axes", ends: Sequence[tuple[float, float, float]]) -> None:
    """Write the weight beside each end; once where the same weight would be written twice at nearly one place."""
    placed: list[tuple[float, np.ndarray]] = []
    for x, y, weight in ends:
        place = axes.transAxes.inverted().transform(axes.transData.transform((x, y)))
        if any(other == weight and np.hypot(*(place - there)) < 0.16 for other, there in placed):
            continue
        placed.append((weight, place))
        axes.annotate(
            rf"$\alpha = {weight:g}$",
            (x, y),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=6.5,
            annotation_clip=False,
        )
