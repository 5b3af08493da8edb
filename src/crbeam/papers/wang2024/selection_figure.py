"""How far rules of selection are from the optimum, over random drops.

Not in the paper, which compares its rule with k-means only. Each curve is the share of drops in which the bound exceeds
the optimum by at most so much; every set comes with its best beams, within a budget of 200 m.
"""

from pathlib import Path

import numpy as np

from crbeam.papers.runs import PaperRun
from crbeam.papers.wang2024.drops import BUDGET_M, RULES, WORSE, SelectionDrops, selection_drops
from crbeam.papers.wang2024.looks import RULE_NAMES, RULE_STYLES
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure

#: Excesses below the first are optimal up to certified gaps.
TICKS_PERCENT = (100.0 * WORSE, 1.0, 10.0, 100.0, 1000.0)
TITLE = "Rules of selection against the optimum over random drops"


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    drops = selection_drops(run)
    panels = [_panel(each) for each in drops.values()]
    legend = {RULE_NAMES[rule]: _style(rule) for rule in RULES}
    figure = panels_figure(panels, legend, columns=len(panels), height_in=2.4)
    path = run.out_dir / "wang2024_selection"
    records = [
        {"rate_bps_hz": rate, "budget_m": BUDGET_M, "drop": int(drop), "rule": rule, "excess": float(excess)}
        for rate, each in drops.items()
        for rule in RULES
        for drop, excess in zip(np.flatnonzero(each.feasible), each.excess(rule), strict=True)
    ]
    return [*save_figure(figure, path), write_csv(path.with_suffix(".csv"), records)]


def _style(rule: str) -> dict[str, object]:
    return {**RULE_STYLES[rule], "marker": "", "drawstyle": "steps-post"}


def _panel(drops: SelectionDrops) -> Panel:
    curves = []
    for rule in RULES:
        excess = np.sort(100.0 * np.maximum(drops.excess(rule), WORSE))
        x = np.append(excess, TICKS_PERCENT[-1])
        y = np.append(np.arange(1, excess.size + 1) / excess.size, 1.0)
        curves.append(PanelCurve(x, y, _style(rule)))
    words = "without rates" if drops.rate_bps_hz == 0.0 else f"rates of {drops.rate_bps_hz:g} bit/s/Hz"
    axes = {
        "xlabel": "excess of the bound (%)",
        "xscale": "log",
        "xticks": TICKS_PERCENT,
        "xlim": (TICKS_PERCENT[0], TICKS_PERCENT[-1]),
        "ylabel": "share of drops",
        "ylim": (0.0, 1.03),
    }
    return Panel(f"{words}, {int(drops.feasible.sum())} drops", curves, axes=axes)
