"""Errors of the matched filter against the bounds over the power budget.

Reference: wang2024 Fig. 7.

Deviation: the pulse is the smooth one, since the bounds of pulses that jump can be beaten. Delay and Doppler shift have
panels of their own in place of the sum of a time and a frequency, and errors of several receivers are those of the
target's position and velocity. All streams are known. The dotted curve is the bound of the Doppler shift as printed.
"""

from pathlib import Path
from typing import Any

import numpy as np

from crbeam.papers.runs import PaperRun
from crbeam.papers.wang2024.estimates import COMPARED, estimates, links_of
from crbeam.papers.wang2024.looks import GROUP_STYLES, logarithmic
from crbeam.papers.wang2024.measurements import Estimates
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure

TITLE = "Errors of matched filters against the bounds over the power budget"
#: Quantity with title, label and factor of what is shown.
_PANELS = (
    ("delay_s", "delay, one link", "delay error (ps)", 1e12),
    ("doppler_hz", "Doppler shift, one link", "Doppler error (Hz)", 1.0),
    ("target_position_m", "position, several receivers", "position error (m)", 1.0),
    ("target_velocity_mps", "velocity, several receivers", "velocity error (m/s)", 1.0),
)
_PRINTED: dict[str, Any] = {"linestyle": (0, (1, 2)), "marker": ""}


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    found = estimates(full=run.full)
    panels = [_panel(found, *each) for each in _PANELS]
    legend: dict[str, Any] = {
        f"matched filter, {group}": {**GROUP_STYLES[group], "linestyle": "none"} for group in COMPARED
    }
    legend |= {
        "root bound": {"color": "black", "linestyle": "-", "marker": ""},
        "Doppler bound as printed": {"color": "black", **_PRINTED},
    }
    figure = panels_figure(panels, legend, columns=2, height_in=4.6, shared="none", legend_columns=3)
    path = run.out_dir / "wang2024_figure_7"
    return [*save_figure(figure, path), write_csv(path.with_suffix(".csv"), _records(found))]


def _panel(found: Estimates, quantity: str, title: str, label: str, factor: float) -> Panel:
    curves: list[PanelCurve] = []
    for group in COMPARED:
        points = found.check(group, links_of(group)[0]).points
        if quantity not in points[0].quantities:
            continue
        power, style = found.power_dbm[group], GROUP_STYLES[group]
        errors = np.array([point.quantities[quantity].rmse for point in points])
        bounds = np.array([point.quantities[quantity].root_bound for point in points])
        curves.append(PanelCurve(power, factor * bounds, {**style, "marker": "", "linestyle": "-"}))
        curves.append(PanelCurve(power, factor * errors, {**style, "linestyle": "none"}))
        if quantity == "doppler_hz" and group in found.printed_doppler_hz:
            printed = found.printed_doppler_hz[group]
            curves.append(PanelCurve(power, factor * printed, {**style, **_PRINTED}))
    return Panel(title, curves, axes={"xlabel": "power budget (dBm)", **logarithmic(curves, label)})


def _records(found: Estimates) -> list[dict[str, Any]]:
    return [
        {
            "group": group,
            "link": link,
            "power_dbm": float(power),
            "snr_db": point.snr_db,
            "trials": point.trials,
            "failure_rate": point.failure_rate.value,
            "quantity": quantity,
            "rmse": each.rmse,
            "root_bound": each.root_bound,
            "ratio_low": each.ratio.low,
            "ratio_high": each.ratio.high,
        }
        for group in COMPARED
        for link in links_of(group)
        for power, point in zip(found.power_dbm[group], found.check(group, link).points, strict=True)
        for quantity, each in point.quantities.items()
    ]
