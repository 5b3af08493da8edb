"""Errors of an estimator beside their bounds, over signal-to-noise ratio."""

from typing import TYPE_CHECKING

import numpy as np

from crbeam.errors import InvalidInput
from crbeam.evaluation.estimator_check import LinkCheck
from crbeam.report.style import COLUMN_WIDTH_IN, curve_style, ieee_style

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure

#: Shades of the region below the threshold and of the efficient region.
BELOW_THRESHOLD = "#e4e4e4"
EFFICIENT_REGION = "#e3efe3"


def estimator_figure(check: LinkCheck) -> "matplotlib.figure.Figure":
    """Errors (markers) and root bounds (lines) of each quantity of a link over its ratio, and the failed trials below.

    Grey is the region below the threshold, green the region from which all ratios of error to bound are those of an
    efficient estimator. Bars are 95 % intervals. The scenario's own ratio is a dotted line.
    """
    if not check.points:
        raise InvalidInput("A check must have at least one signal-to-noise ratio, found none.")
    from matplotlib.figure import Figure

    units = list(dict.fromkeys(name.rpartition("_")[2] for name in check.points[0].quantities))
    with ieee_style():
        figure = Figure(figsize=(COLUMN_WIDTH_IN, 1.1 * len(units) + 2.0), layout="constrained")
        panels = figure.subplots(len(units) + 1, 1, sharex=True, height_ratios=[2.0] * len(units) + [1.0])
        drawn = 0
        for axes, unit in zip(panels, units, strict=False):
            drawn += _draw_errors(axes, check, unit, first=drawn)
        _draw_failures(panels[-1], check)
        for axes in panels:
            _draw_regions(axes, check)
        known = {}
        for axes in panels:
            handles, labels = axes.get_legend_handles_labels()
            known |= dict(zip(labels, handles, strict=True))
        figure.legend(list(known.values()), list(known), loc="outside lower center", ncols=2)
        panels[0].set_title(
            "lines: root bounds; markers: errors. Below the threshold a bounded\n"
            "search may beat the bound, which holds for unbiased estimates",
            fontsize=6.5,
        )
    return figure


def _draw_errors(axes: "matplotlib.axes.Axes", check: LinkCheck, unit: str, *, first: int) -> int:
    """Errors as markers with intervals, bounds as lines, in styles from the first on; how many there are."""
    names = [name for name in check.points[0].quantities if name.endswith(f"_{unit}")]
    snr_db = np.array([point.snr_db for point in check.points])
    for index, name in enumerate(names):
        rows = [point.quantities[name] for point in check.points]
        style = curve_style(index + first)
        words = name.removesuffix(f"_{unit}").replace("_", " ")
        bounds = np.array([row.root_bound for row in rows])
        ends = np.array([[row.ratio.value - row.ratio.low, row.ratio.high - row.ratio.value] for row in rows]).T
        axes.plot(snr_db, bounds, color=style["color"], linestyle=style["linestyle"])
        axes.errorbar(
            snr_db,
            [row.rmse for row in rows],
            yerr=ends * bounds,
            color=style["color"],
            marker=style["marker"],
            linestyle="none",
            markerfacecolor="white",
            markeredgewidth=0.7,
            elinewidth=0.6,
            label=words,
        )
    axes.set_yscale("log")
    axes.set_ylabel(f"error ({unit.replace('mps', 'm/s')})")
    axes.grid(visible=True)
    return len(names)


def _draw_failures(axes: "matplotlib.axes.Axes", check: LinkCheck) -> None:
    snr_db = [point.snr_db for point in check.points]
    rates = [point.failure_rate for point in check.points]
    ends = np.array([[rate.value - rate.low, rate.high - rate.value] for rate in rates]).T
    axes.errorbar(
        snr_db, [rate.value for rate in rates], yerr=ends, color="black", marker="o", linestyle="-", elinewidth=0.6
    )
    axes.set(ylim=(-0.05, 1.05), ylabel="failed", xlabel=f"{check.snr_name} (dB)")
    axes.grid(visible=True)


def _draw_regions(axes: "matplotlib.axes.Axes", check: LinkCheck) -> None:
    """Shade where the check found trials to fail, and where it found the estimator efficient."""
    left, right = axes.get_xlim()
    threshold_db, efficient_db = check.threshold_snr_db, check.efficient_snr_db
    axes.axvspan(left, right if threshold_db is None else threshold_db, color=BELOW_THRESHOLD, lw=0.0, zorder=-2)
    axes.axvspan(left, left, color=BELOW_THRESHOLD, lw=0.0, label="below the threshold")
    if efficient_db is not None:
        axes.axvspan(efficient_db, right, color=EFFICIENT_REGION, lw=0.0, zorder=-2, label="efficient")
    axes.axvline(check.own_snr_db, color="black", linestyle=":", linewidth=0.8, label="scenario's own")
    axes.set_xlim(left, right)
