"""Errors of the target's angle and range against their root bounds, over the sensing SNR.

Reference: li2024 Fig. 4.

Deviation: the paper averages over channels; this is one realisation, since the bound hardly depends on the users at
10 dB. The phases of the sub-arrays focus on the target, which is within a few per cent of the fully digital bound here.

Deviation: designs keep a tenth of the largest power on the target. Without this floor (triangles) the downlink design
has a null there, and the estimator finds nothing. The uplink search is ours, since that of the paper cannot work; the
method `joint` is not in the paper.
"""

from pathlib import Path
from typing import Any

import numpy as np

from crbeam.estimation.near_field_estimates import NearFieldMethod
from crbeam.evaluation.estimator_check import LinkCheck
from crbeam.papers.li2024.measurements import ANGLE, AS_DESIGNED, JOINT, LIT, RANGE, TWO_STAGE, CheckKey
from crbeam.papers.li2024.positioning import checks
from crbeam.papers.runs import PaperRun
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import COLOURS, LINES, MARKERS

TITLE = "Errors of the target's place against the bounds, downlink and uplink"
BOUND_LABEL = "root bound"
_BOUND: dict[str, Any] = {"color": COLOURS[0], "linestyle": LINES[0], "marker": ""}
#: Looks of what is compared; later ones lie on top.
STYLES: dict[tuple[str, NearFieldMethod], tuple[str, dict[str, Any]]] = {
    (AS_DESIGNED, TWO_STAGE): (
        "two stages, target in a null",
        {"color": COLOURS[4], "linestyle": LINES[2], "marker": MARKERS[2]},
    ),
    (LIT, TWO_STAGE): ("two stages", {"color": COLOURS[2], "linestyle": LINES[1], "marker": MARKERS[1]}),
    (LIT, JOINT): ("joint", {"color": COLOURS[1], "linestyle": "none", "marker": MARKERS[0]}),
}
#: Unit, factor from SI, and ticks of each quantity.
ROWS = {
    ANGLE: ("angle error (mrad)", 1e3, (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)),
    RANGE: ("range error (m)", 1.0, (0.01, 0.1, 1.0, 10.0, 100.0)),
}


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    found = checks(full=run.full)
    panels = [_panel(found, direction, quantity) for quantity in ROWS for direction in ("downlink", "uplink")]
    legend = {BOUND_LABEL: _BOUND, **{label: style for label, style in reversed(STYLES.values())}}
    figure = panels_figure(panels, legend, columns=2, height_in=4.4, shared="row")
    stem = run.out_dir / "li2024_figure_4"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), _records(found))]


def _panel(found: dict[CheckKey, LinkCheck], direction: str, quantity: str) -> Panel:
    words, factor, ticks = ROWS[quantity]
    curves = []
    for (light, method), (_, style) in STYLES.items():
        check = found.get((direction, light, method))
        if check is not None:
            curves.append(_curve(check, quantity, factor, "rmse", style))
    bound = _curve(found[direction, LIT, JOINT], quantity, factor, "root_bound", _BOUND)
    axes = {
        "xlabel": "sensing SNR (dB)",
        "ylabel": words,
        "yscale": "log",
        "yticks": ticks,
        "ylim": (0.7 * ticks[0], 2.5 * ticks[-1]),
    }
    return Panel(f"{direction}, {words.partition(' ')[0]}", [bound, *curves], axes=axes)


def _curve(check: LinkCheck, quantity: str, factor: float, name: str, style: dict[str, Any]) -> PanelCurve:
    snr_db = np.array([point.snr_db for point in check.points])
    values = np.array([getattr(point.quantities[quantity], name) for point in check.points])
    return PanelCurve(snr_db, factor * values, style)


def _records(found: dict[CheckKey, LinkCheck]) -> list[dict[str, Any]]:
    return [
        {
            "direction": direction,
            "design": light,
            "method": method,
            "snr_db": point.snr_db,
            "trials": point.trials,
            "failure_rate": point.failure_rate.value,
            "quantity": quantity,
            "rmse": each.rmse,
            "root_bound": each.root_bound,
            "ratio_low": each.ratio.low,
            "ratio_high": each.ratio.high,
        }
        for (direction, light, method), check in found.items()
        for point in check.points
        for quantity, each in point.quantities.items()
    ]
