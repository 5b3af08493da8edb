"""Panels of the metric of groups of receivers along one axis: as printed, and as a position bound."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crbeam.papers.runs import PaperRun
from crbeam.papers.wang2024.looks import GROUP_STYLES, logarithmic
from crbeam.papers.wang2024.scenes import GROUPS, POSITIONED, PRINTED
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure

U_LABEL, POSITION_LABEL = r"U as printed ($10^{-3}$)", "position error bound (mm)"

#: Metric of a group under a reading at a value of the axis.
Value = Callable[[str, str, float], float]


def shown(reading: str, value: float) -> float:
    """A metric as the panels show it: U in thousandths, a squared position bound as its root in mm."""
    return 1e3 * (value if reading == PRINTED else np.sqrt(value))


def save_group_figure(
    run: PaperRun, stem: str, x: Sequence[float], value: Value, axes: Mapping[str, Any]
) -> list[Path]:
    """Paths of a figure (PDF, PNG) with both panels and its data (CSV).

    Args:
        run: where it goes.
        stem: name of the files.
        x: values of the axis.
        value: metric of a group under a reading there.
        axes: keywords of the x axis.
    """
    found = {
        (reading, group): np.array([shown(reading, value(group, reading, each)) for each in x])
        for reading in (PRINTED, POSITIONED)
        for group in GROUPS
    }
    panels = []
    for reading, title, label in (
        (PRINTED, "sum (17), as printed", U_LABEL),
        (POSITIONED, "position, corrected", POSITION_LABEL),
    ):
        curves = [
            PanelCurve(np.array(x, dtype=float), found[reading, group], GROUP_STYLES[group])
            for group in GROUPS
            if np.isfinite(found[reading, group]).any()
        ]
        panels.append(Panel(title, curves, axes={**axes, **logarithmic(curves, label)}))
    legend = {group: GROUP_STYLES[group] for group in GROUPS}
    figure = panels_figure(panels, legend, columns=2, height_in=2.5, shared="none")
    records = [
        {"reading": reading, "group": group, "x": each, "value": None if not np.isfinite(number) else float(number)}
        for (reading, group), numbers in found.items()
        for each, number in zip(x, numbers, strict=True)
    ]
    path = run.out_dir / stem
    return [*save_figure(figure, path), write_csv(path.with_suffix(".csv"), records)]
