"""Bounds and runtime of every design against the share of sensing, medians over random scenes.

Reference: hamrouni2026 Fig. 5.

Deviation: the joint optimum is drawn as the reference curve. Baselines are drawn with their own share of the symbols
and, without markers, with all of them. Medians, since the worst scenes rule means. Full BP knows its targets ten times
worse than the others and more, beyond the axis of (c) and (g). A scene in which some design does not exist, because
the numbers do not determine a velocity any more, is left out.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from crbeam.papers.hamrouni2026.draws import (
    JOINT,
    POSITIONING,
    POSITIONING_ALL,
    SENSING,
    SENSING_ALL,
    SEPARATE,
    SEQUENTIAL,
    SHARED,
    TRACE,
    Outcomes,
    in_common,
    outcomes,
)
from crbeam.papers.hamrouni2026.looks import LABELS, STYLES, logarithmic, medians
from crbeam.papers.hamrouni2026.runtimes import TIMED, runtimes_s, shares_for
from crbeam.papers.hamrouni2026.scenes import GAINS
from crbeam.papers.runs import PaperRun
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.figures.split import STAR

TITLE = "Bounds and runtime of every design against the share of sensing"
#: What the panels show, with its title, its unit, and the methods that have it.
_SENSES = (SENSING, SENSING_ALL)
_POSITIONS = (POSITIONING, POSITIONING_ALL)
_PANELS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "user_position_m": ("UE PEB", "m", (*_SENSES, *_POSITIONS, SEPARATE, SHARED, JOINT)),
    "user_velocity_mps": ("UE VEB", "m/s", (*_POSITIONS, SEPARATE, SHARED, JOINT)),
    "target_position_m": ("PT PEB", "m", (*_SENSES, *_POSITIONS, SEPARATE, SHARED, JOINT)),
}
_X_AXIS = {"xlim": (0.0, 1.0), "xticks": (0.0, 0.5, 1.0), "xlabel": "share of sensing"}


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    found = {gains: in_common(outcomes(run, gains, TRACE)) for gains in GAINS}
    times = {gains: runtimes_s(gains, full=run.full) for gains in GAINS}
    panels = []
    for gains in GAINS:
        panels += [_bound_panel(gains, quantity, found[gains]) for quantity in _PANELS]
        panels.append(_time_panel(gains, times[gains], full=run.full))
    legend = {LABELS[name]: style for name, style in STYLES.items()}
    mark = {"best share": {**STAR, "color": "black", "markerfacecolor": "black"}}
    figure = panels_figure(panels, {**legend, **mark}, columns=4, height_in=4.4, shared="none", legend_columns=4)
    stem = run.out_dir / "hamrouni2026_figure_5"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), _records(found, times, full=run.full))]


def best_share(outcome: Outcomes) -> float:
    """The share with the least median loss."""
    return outcome.shares[int(np.nanargmin(medians(outcome.loss)))]


def _bound_panel(gains: str, quantity: str, found: Mapping[str, Outcomes]) -> Panel:
    title, unit, methods = _PANELS[quantity]
    curves, stars = [], []
    for name in methods:
        x, y = np.array(found[name].shares), medians(getattr(found[name], quantity))
        if len(x) == 1:
            x, y = np.array([0.0, 1.0]), np.repeat(y, 2)
        curves.append(PanelCurve(x, y, STYLES[name]))
        if name in SEQUENTIAL:
            place = found[name].at(best_share(found[name]))
            colour = STYLES[name]["color"]
            stars.append(PanelCurve(x[[place]], y[[place]], {**STAR, "color": colour, "markerfacecolor": colour}))
    axes = {**_X_AXIS, **logarithmic(curves, f"median root bound ({unit})")}
    if quantity == "target_position_m":
        shown = np.concatenate([curve.y for name, curve in zip(methods, curves, strict=True) if name not in _POSITIONS])
        axes |= {**logarithmic([PanelCurve(shown, shown, {})], axes["ylabel"])}
        axes["ylim"] = (0.85 * np.nanmin(shown), 1.15 * np.nanmax(shown))
    return Panel(f"{title}, {gains}", [*curves, *stars], (), axes)


def _time_panel(gains: str, times: Mapping[str, np.ndarray], *, full: bool) -> Panel:
    x = np.array(shares_for(full=full))
    curves = [PanelCurve(x, 1e3 * medians(values), STYLES[name]) for name, values in times.items()]
    return Panel(f"runtime, {gains}", curves, (), {**_X_AXIS, **logarithmic(curves, "median time of a design (ms)")})


def _records(
    found: Mapping[str, Mapping[str, Outcomes]], times: Mapping[str, Mapping[str, np.ndarray]], *, full: bool
) -> list[dict[str, str | float | None]]:
    rows: list[dict[str, str | float | None]] = []
    for gains, methods in found.items():
        for name, outcome in methods.items():
            columns = {key: medians(getattr(outcome, key)) for key in ("loss", *_PANELS)}
            for place, fraction in enumerate(outcome.shares):
                numbers = {f"median_{key}": _known(values[place]) for key, values in columns.items()}
                rows.append({"gains": gains, "method": name, "share": fraction, **numbers, "median_seconds": None})
        for name in TIMED:
            middle = medians(times[gains][name])
            for place, fraction in enumerate(shares_for(full=full)):
                rows.append({"gains": gains, "method": name, "share": fraction, "median_seconds": float(middle[place])})
    return rows


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
