"""Curves of what two links can know under one transmission."""

from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from crbeam.errors import InvalidInput
from crbeam.evaluation.tradeoff import TradeoffPoint, pareto_optimal
from crbeam.report.style import curve_style, ieee_style, legend_columns, new_axes

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure

#: Ratio of the largest to the smallest bound of the user from which its axis is logarithmic.
LOGARITHMIC_FROM = 6.0

#: Markers of a curve, so that fine curves stay readable.
_MOST_MARKERS = 13

#: (x, y, weight) of the first and of the last point of a curve.
_End = tuple[float, float, float | None]
_Ends = tuple[_End, _End]

Curves = Sequence[TradeoffPoint] | Mapping[str, Sequence[TradeoffPoint]]


def curves_by_method(points: Sequence[TradeoffPoint]) -> dict[str, list[TradeoffPoint]]:
    """Points of each method, in the order of the methods' first points."""
    curves: dict[str, list[TradeoffPoint]] = {}
    for point in points:
        curves.setdefault(point.method, []).append(point)
    return curves


def tradeoff_figure(points: Curves, *, styles: Sequence[Mapping[str, Any]] | None = None) -> "matplotlib.figure.Figure":
    """Root bound of the user by bistatic positioning against that of all positions by monostatic sensing (or fused).

    One line per method, its points in the order of their weights; filled are those that are Pareto-optimal: no
    transmission that the methods shown may choose from is better in both criteria. The weights of the ends stand beside
    them; of more than two curves, beside the outermost ends of each weight only. Points where a bound does not exist,
    or that have no design, are left out and counted in the legend.

    Args:
        points: from `tradeoff`, or several such lists by label.
        styles: a `curve_style` for each curve.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    curves = points if isinstance(points, Mapping) else curves_by_method(points)
    if not curves:
        raise InvalidInput("At least one trade-off point must be given, found none.")
    with ieee_style():
        figure, axes = new_axes(3.0)
        ends: list[_Ends] = []
        everything = [point for curve in curves.values() for point in curve]
        best = {point for point, is_best in zip(everything, pareto_optimal(everything), strict=True) if is_best}
        for index, (label, curve) in enumerate(curves.items()):
            style = curve_style(index) if styles is None else styles[index]
            ends += _draw_curve(axes, label, curve, style, best)
        is_plain = all(len(set(point.links)) == 2 for point in everything)
        axes.set(
            xlabel=f"root bound of all positions{', monostatic sensing' if is_plain else ''} (m)",
            ylabel=f"root bound of the user{', bistatic positioning' if is_plain else ''} (m)",
        )
        axes.grid(visible=True)
        axes.margins(0.1)
        heights_m = [end[1] for pair in ends for end in pair]
        if heights_m and max(heights_m) > LOGARITHMIC_FROM * min(heights_m):
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter(NullFormatter())
        columns = legend_columns(axes.get_legend_handles_labels()[1])
        title = "filled: Pareto-optimal" if len(best) < len(everything) else None
        figure.legend(loc="outside lower center", ncols=columns, title=title, title_fontsize="small")
        _label_ends(axes, ends)
    return figure


def tradeoff_bounds_m(point: TradeoffPoint) -> tuple[float, float] | None:
    """Root bounds of a point: all positions by monostatic sensing, the user by bistatic positioning; None without."""
    if point.bounds_m is None:
        return None
    user_m, all_m = point.bounds_m
    return all_m, user_m


def _draw_curve(
    axes: "matplotlib.axes.Axes",
    label: str,
    curve: Sequence[TradeoffPoint],
    style: Mapping[str, Any],
    best: Container[TradeoffPoint],
) -> list[_Ends]:
    """Draw a curve; its lowest and highest weight with their places, nothing for a curve without points."""
    ordered = sorted(curve, key=lambda point: point.weight or 0.0)
    drawn = [(*bounds, point.weight) for point in ordered if (bounds := tradeoff_bounds_m(point)) is not None]
    filled = [point in best for point in ordered if point.bounds_m is not None]
    left_out = len(ordered) - len(drawn)
    if left_out:
        label = f"{label} ({left_out} left out: no bound)"
    values = np.array([(x, y) for x, y, _ in drawn]).reshape(-1, 2)
    step = -(-len(drawn) // _MOST_MARKERS) or 1
    look = {"markerfacecolor": "white", "markeredgewidth": 0.7, "markevery": step}
    axes.plot(values[:, 0], values[:, 1], label=label, **{**look, **style})
    if not drawn:
        return []
    shown = values[::step][filled[::step]]
    axes.plot(shown[:, 0], shown[:, 1], label=f"_{label} Pareto-optimal", **{**style, "linestyle": "none"})
    return [(drawn[0], drawn[-1])]


def _label_ends(axes: "matplotlib.axes.Axes", ends: Sequence[_Ends]) -> None:
    """Write weights above the first ends of the curves and below their last ends."""
    for which, offset, alignment in ((0, (0, 5), "bottom"), (1, (0, -5), "top")):
        shown = [pair[which] for pair in ends]
        if len(ends) > 2:
            outermost = sorted(shown, key=lambda end: end[1 - which])
            shown = list({weight: (x, y, weight) for x, y, weight in outermost}.values())
        for x, y, weight in shown:
            if weight is None:
                continue
            axes.annotate(
                rf"$\alpha = {weight:g}$",
                (x, y),
                xytext=offset,
                textcoords="offset points",
                ha="center",
                va=alignment,
                fontsize=6.5,
            )
