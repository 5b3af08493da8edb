"""Bound against the number of receivers, by rule of selection and pulse, without a budget.

Reference: wang2024 Fig. 6.

Deviation: groups of every size do not exist in a tree or among clusters; here the best group with at most n members
counts. All power is on the target, in the drop of the preset. The right panel has the sum with corrected information:
the delay alone decides there, of which a sinc pulse tells slightly more.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from crbeam.papers.runs import PaperRun
from crbeam.papers.wang2024.group_panels import U_LABEL
from crbeam.papers.wang2024.looks import RULE_NAMES, RULE_STYLES, logarithmic
from crbeam.papers.wang2024.rules import SHOWN_RULES, values_by_size
from crbeam.papers.wang2024.scenes import CORRECTED, COSINE, N_RECEIVERS, PRINTED, SINC
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure

TITLE = "Bound against the number of receivers, by rule of selection and pulse"
_LINES: Mapping[str, Any] = {COSINE: "-", SINC: "--"}
#: Reading with its title, its label, and the factor of what is shown.
_PANELS = (
    (PRINTED, "sum (17), as printed", U_LABEL, 1e3),
    (CORRECTED, "sum (17), corrected", r"U corrected ($10^{-9}$)", 1e9),
)


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    sizes = np.arange(1, N_RECEIVERS + 1)
    panels, records = [], []
    for reading, title, label, factor in _PANELS:
        curves = []
        for pulse in _LINES:
            for rule in SHOWN_RULES:
                values = values_by_size(rule, reading, pulse, 0)
                style = {**RULE_STYLES[rule], "linestyle": _LINES[pulse]}
                curves.append(PanelCurve(sizes.astype(float), factor * values, style))
                records += [
                    {"reading": reading, "pulse": pulse, "rule": rule, "receivers": int(size), "value": float(value)}
                    for size, value in zip(sizes, values, strict=True)
                ]
        axes = {"xlabel": "receivers that sense, at most", "xticks": (1, 2, 4, 6, 8, 10), **logarithmic(curves, label)}
        panels.append(Panel(title, curves, axes=axes))
    legend = {RULE_NAMES[rule]: {**RULE_STYLES[rule], "linestyle": "none"} for rule in SHOWN_RULES}
    legend |= {f"{pulse} pulse": {"color": "black", "linestyle": _LINES[pulse], "marker": ""} for pulse in _LINES}
    figure = panels_figure(panels, legend, columns=2, height_in=2.6, shared="none")
    path = run.out_dir / "wang2024_figure_6"
    return [*save_figure(figure, path), write_csv(path.with_suffix(".csv"), records)]
