"""Convergence of alternating power and phase steps.

The mismatch of covariances (23a), relative to its value without transmission, after each outer iteration of Algorithm 1
from several starts. The horizontal line is the part that no transmission can undercut, as the two guides differ. Below,
the same as excess over the least mismatch that any start has reached.

Reference: zhang2025 Fig. 2.

Deviation: the paper shows one start at one weight; the result depends on the start.
"""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from crbeam.design.analog.mismatch import MismatchResult, MismatchSettings, analog_mismatch
from crbeam.design.guides import guides_of
from crbeam.design.methods import method_named
from crbeam.errors import CrbeamError
from crbeam.papers.runs import PaperRun
from crbeam.papers.zhang2025.curves import scenario_with
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import COLOURS, LINES, MARKERS
from crbeam.systems import design_problem

TITLE = "Convergence of the analog FDB design, K = 3, for three weights and several starts"
N_TARGETS = 3
WEIGHTS = (0.1, 0.5, 0.9)
STARTS, FULL_STARTS = 6, 20
ITERATIONS = 8

_BEST: dict[str, Any] = {"color": COLOURS[0], "linewidth": 1.5, "marker": MARKERS[0], "zorder": 4}
_OTHER: dict[str, Any] = {"color": "#8a8a8a", "linewidth": 0.6, "marker": ".", "markersize": 2.0}
_AXIS: dict[str, Any] = {
    "xlabel": "outer iteration",
    "xlim": (-0.3, ITERATIONS + 0.3),
    "xticks": range(0, ITERATIONS + 1, 2),
}
_FLOOR: dict[str, Any] = {"color": COLOURS[2], "linestyle": LINES[1], "marker": ""}


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    results = {weight: convergence(weight, FULL_STARTS if run.full else STARTS) for weight in WEIGHTS}
    panels = [_panel(weight, result) for weight, result in results.items()]
    panels += [_excess_panel(weight, result) for weight, result in results.items()]
    records = [
        {"weight": weight, "start": start, "iteration": iteration, "relative_mismatch": value, "floor": _floor(result)}
        for weight, result in results.items()
        for start, trace in enumerate(result.traces)
        for iteration, value in enumerate(trace)
    ]
    legend = {"best start": _BEST, "other starts": _OTHER, "least possible for any transmission": _FLOOR}
    figure = panels_figure(panels, legend, columns=3, height_in=3.9, shared="row")
    stem = run.out_dir / "zhang2025_figure_2"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), records)]


@lru_cache(maxsize=16)
def convergence(weight: float, starts: int) -> MismatchResult:
    """What Algorithm 1 does at a weight from so many starts; a start ends when an iteration gains less than 1e-6.

    Raises:
        CrbeamError: the guides do not exist.
    """
    problem = design_problem(scenario_with(N_TARGETS), weight=weight, method=method_named("analog-fdb"))
    guides = guides_of([problem])[0]
    if isinstance(guides, CrbeamError):
        raise guides
    settings = MismatchSettings(starts=starts, threshold=1e-6, max_iterations=ITERATIONS)
    return analog_mismatch(problem, guides, seed=np.random.SeedSequence(0), settings=settings)


def _floor(result: MismatchResult) -> float:
    return result.target.spread / result.target.size


def _curves(result: MismatchResult, *, excess: bool) -> list[PanelCurve]:
    """Traces of all starts, the best on top; the excess in percent ends where it is 0."""
    ordered = sorted(result.traces, key=lambda trace: -trace[-1])
    least = ordered[-1][-1]
    styles: Iterable[dict[str, Any]] = [*([_OTHER] * (len(ordered) - 1)), _BEST]
    curves = []
    for trace, style in zip(ordered, styles, strict=True):
        values = np.array(trace)
        if excess:
            values = np.where(values > least, 100.0 * (values / least - 1.0), np.nan)
        curves.append(PanelCurve(np.arange(len(trace), dtype=float), values, style))
    return curves


def _panel(weight: float, result: MismatchResult) -> Panel:
    floor = PanelCurve(np.array([0.0, ITERATIONS]), np.full(2, _floor(result)), _FLOOR)
    axes = {**_AXIS, "ylabel": "relative mismatch", "ylim": (0.0, 1.1)}
    return Panel(rf"$\alpha = {weight:g}$", [floor, *_curves(result, excess=False)], axes=axes)


def _excess_panel(weight: float, result: MismatchResult) -> Panel:
    axes = {
        **_AXIS,
        "ylabel": "above the best (%)",
        "yscale": "log",
        "yticks": (0.01, 0.1, 1.0, 10.0, 100.0),
        "ylim": (0.003, 700.0),
    }
    return Panel(rf"$\alpha = {weight:g}$, excess", _curves(result, excess=True), axes=axes)
