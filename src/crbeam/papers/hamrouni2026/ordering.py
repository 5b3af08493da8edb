"""Shared against separate beams, and both against the joint optimum, in random scenes.

Reference: hamrouni2026 section IV.

Deviation: the paper compares shared and separate beams only. The joint optimum, which it calls prohibitive, is the
reference here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from crbeam.papers.hamrouni2026.comparisons import CASES, QUANTITIES, Comparison, comparisons, median
from crbeam.papers.hamrouni2026.draws import COMPARED_SHARES, SEPARATE, SHARED, TRACE
from crbeam.papers.hamrouni2026.looks import LABELS, STYLES
from crbeam.papers.hamrouni2026.scenes import GAINS
from crbeam.papers.runs import PaperRun
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import curve_style

TITLE = "Shared against separate beams in random scenes, and both against the joint optimum"
_LABELS = dict(zip(QUANTITIES, ("loss", "user position", "user velocity", "target positions"), strict=True))
_STYLES = {name: {**curve_style(place), "linestyle": ""} for place, name in enumerate(QUANTITIES)}
#: Distance of the points of one share from one another.
_STEP = 0.035


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    found = comparisons(run)
    panels = [_panel(gains, loss, found) for gains, loss in CASES] + [_excess_panel(found)]
    methods = {f"{LABELS[name]} over joint": STYLES[name] for name in (SHARED, SEPARATE)}
    legend = {**{_LABELS[name]: _STYLES[name] for name in QUANTITIES}, **methods}
    figure = panels_figure(panels, legend, columns=3, height_in=4.2, shared="none")
    stem = run.out_dir / "hamrouni2026_ordering"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), records(found))]


def _panel(gains: str, loss: str, found: Mapping[tuple[str, str, float], Comparison]) -> Panel:
    curves = [PanelCurve(np.array([0.0, 1.0]), np.array([50.0, 50.0]), {"color": "#777777", "linewidth": 0.6})]
    for place, name in enumerate(QUANTITIES):
        x = np.array(COMPARED_SHARES) + _STEP * (place - 1.5)
        parts = [found[gains, loss, fraction].better[name] for fraction in COMPARED_SHARES]
        curves.append(_bars(x, 100.0 * np.array([[part.low, part.high] for part in parts]), _STYLES[name]))
        curves.append(PanelCurve(x, 100.0 * np.array([part.value for part in parts]), _STYLES[name]))
    axes = {
        "xlim": (0.0, 1.0),
        "ylim": (-4.0, 104.0),
        "xticks": COMPARED_SHARES,
        "xlabel": "share of sensing",
        "ylabel": "shared beats separate (%)",
    }
    return Panel(f"{gains}, {loss}", curves, (), axes)


def _bars(x: np.ndarray, ends: np.ndarray, style: Mapping[str, Any]) -> PanelCurve:
    """Vertical bars as one curve with gaps."""
    gaps = np.full(len(x), np.nan)
    line = {"color": style["color"], "linestyle": "-", "marker": "", "linewidth": 0.7}
    return PanelCurve(np.stack([x, x, gaps], axis=1).ravel(), np.column_stack([ends, gaps]).ravel(), line)


def _excess_panel(found: Mapping[tuple[str, str, float], Comparison]) -> Panel:
    curves = []
    for method, offset in ((SHARED, -_STEP), (SEPARATE, _STEP)):
        for gains, shift in zip(GAINS, (-_STEP / 3.0, _STEP / 3.0), strict=True):
            medians = [median(found[gains, TRACE, fraction].excess[method]) for fraction in COMPARED_SHARES]
            x = np.array(COMPARED_SHARES) + offset + shift
            style = {**STYLES[method], "linestyle": "-" if gains == "free space" else ":"}
            curves.append(_bars(x, np.array([[each.low, each.high] for each in medians]), style))
            curves.append(PanelCurve(x, np.array([each.value for each in medians]), style))
    axes = {"xlim": (0.0, 1.0), "xticks": COMPARED_SHARES, "xlabel": "share of sensing", "ylabel": "loss over joint"}
    return Panel("trace: free space (solid), Table II", curves, (), axes)


def records(found: Mapping[tuple[str, str, float], Comparison]) -> list[dict[str, Any]]:
    """A record for each case and share: shares of scenes, excess over the joint optimum, with 95 % intervals."""
    rows = []
    for (gains, loss, fraction), each in found.items():
        row: dict[str, Any] = {
            "gains": gains,
            "loss": loss,
            "share": fraction,
            "scenes": each.scenes,
            "tied": each.tied,
        }
        for name, part in each.better.items():
            row |= {f"shared_better_{name}": part.value, f"{name}_low": part.low, f"{name}_high": part.high}
        for method, values in each.excess.items():
            middle = median(values)
            row |= {
                f"{method}_over_joint": middle.value,
                f"{method}_low": middle.low,
                f"{method}_high": middle.high,
                f"{method}_90th": float(np.quantile(values, 0.9)),
                f"{method}_least": float(values.min()),
            }
        rows.append(row)
    return rows
