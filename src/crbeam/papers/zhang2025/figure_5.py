"""Trade-off between bistatic positioning and monostatic sensing for one, two and three targets.

Reference: zhang2025 Fig. 5.

Deviation: weights run from 0.01 to 0.99 instead of 0 to 1. At weight 0 the best transmission for monostatic sensing can
have rank one, which leaves bistatic positioning unidentifiable (K = 1), and at weight 1 the monostatic bound is not
pinned, so both ends would leave the Pareto front.

Deviation: curves are those of the physical echo amplitude, proportional to the root of the radar cross section; the
paper prints the cross section itself.

Deviation: the axis of bistatic positioning ends where the compared curves do. With one target the mismatch schemes go
on to several metres at small weights; the data beside the picture have all points.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crbeam.papers.runs import PaperRun
from crbeam.papers.zhang2025.curves import N_TARGETS, curve, weights_for
from crbeam.papers.zhang2025.looks import (
    BISTATIC_LABEL,
    MONOSTATIC_LABEL,
    PARADIGMS,
    paradigm_of,
    target_style,
    tradeoff_curve,
)
from crbeam.report import save_figure, tradeoff_table, write_csv
from crbeam.report.figures.panels import Panel, panels_figure

TITLE = "Trade-off of bistatic positioning and monostatic sensing, every scheme, K = 1, 2, 3"
PANELS = {
    "digital FDB": ("fdb-wbf", "fdb-wcm", "fdb-wcrb"),
    "digital CPA": ("cpa-wbf", "cpa-wcm", "cpa-wcrb"),
    "analog FDB: the paper's (WCM) and ours (WCRB)": ("analog-fdb", "analog-wcrb"),
    "analog CPA": ("analog-cpa",),
}
AXES = {
    "xscale": "log",
    "yscale": "log",
    "xlim": (0.067, 0.25),
    "ylim": (0.098, 0.24),
    "xticks": (0.07, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25),
    "yticks": (0.1, 0.12, 0.15, 0.2),
    "xlabel": BISTATIC_LABEL,
    "ylabel": MONOSTATIC_LABEL,
}


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    panels = [_panel(title, names, full=run.full) for title, names in PANELS.items()]
    figure = panels_figure(panels, _legend(), columns=2, height_in=5.2)
    records = []
    for n_targets in N_TARGETS:
        names = [name for panel in PANELS.values() for name in panel]
        curves = [curve(n_targets, name, weights_for(name, full=run.full)) for name in names]
        points = [point for points in curves for point in points]
        records += [{"targets": n_targets, **record} for record in tradeoff_table(points)]
    stem = run.out_dir / "zhang2025_figure_5"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), records)]


def _panel(title: str, names: Sequence[str], *, full: bool) -> Panel:
    curves = [
        tradeoff_curve(
            curve(n_targets, name, weights_for(name, full=full)), target_style(index, PARADIGMS[paradigm_of(name)])
        )
        for name in names
        for index, n_targets in enumerate(N_TARGETS)
    ]
    return Panel(title, curves, axes=AXES)


def _legend() -> dict[str, dict[str, Any]]:
    lines = {name: {"color": "black", "linestyle": line} for name, line in PARADIGMS.items()}
    return {**lines, **{f"$K = {count}$": target_style(index, "none") for index, count in enumerate(N_TARGETS)}}
