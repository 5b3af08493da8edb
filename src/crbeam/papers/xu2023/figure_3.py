"""Average power over the least ratio of the users, at random places.

Reference: xu2023 Fig. 3.

Deviation: panel (a) averages watts over the drops in which a method has a design, as the paper does, and panel (b)
compares with the optimum drop by drop: over the same drops, and over those in which the method has a design at every
ratio (dotted), so that no drop leaves the average on the way. The algorithm of the paper, started at the best
relaxation, is in fewer drops and in panel (b) only. Losses are fitted; the paper does not give its own.
"""

from pathlib import Path
from typing import Any

import numpy as np

from crbeam.papers.runs import PaperRun
from crbeam.papers.xu2023.curves import always_feasible, average_dbm, average_gap_db
from crbeam.papers.xu2023.draws import Drops, drops
from crbeam.papers.xu2023.looks import LABELS, STYLES
from crbeam.papers.xu2023.scenes import ALGORITHM, EXACT, SCHEMES
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure

TITLE = "Average power over the least SINR of the users"
COMPARED = (*SCHEMES, ALGORITHM["relaxation"])
_STEADY: dict[str, Any] = {"linestyle": (0, (1, 1)), "marker": "", "linewidth": 1.2}


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    found = drops(run)
    axes: dict[str, Any] = {"xlabel": "least SINR of the users (dB)", "xticks": found.ratios_db}
    legend = {LABELS[name]: STYLES[name] for name in (EXACT, *COMPARED)}
    legend["over drops with a design at every SINR"] = {"color": "black", **_STEADY}
    panels = [
        Panel("each over its feasible drops", _averages(found), axes={**axes, "ylabel": "average power (dBm)"}),
        Panel("drop by drop", _gaps(found), axes={**axes, "ylabel": "average excess over the optimum (dB)"}),
    ]
    figure = panels_figure(panels, legend, columns=2, height_in=2.9, shared="none", legend_columns=3)
    stem = run.out_dir / "xu2023_figure_3"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), _records(found))]


def _averages(found: Drops) -> list[PanelCurve]:
    x = np.array(found.ratios_db)
    return [PanelCurve(x, average_dbm(found.powers[name].power_w), STYLES[name]) for name in (*SCHEMES, EXACT)]


def _gaps(found: Drops) -> list[PanelCurve]:
    x, curves = np.array(found.ratios_db), []
    for name in COMPARED:
        curves.append(PanelCurve(x, average_gap_db(found, name), STYLES[name]))
        steady = average_gap_db(found, name, always_feasible(found, name))
        curves.append(PanelCurve(x, steady, {**STYLES[name], **_STEADY}))
    return curves


def _records(found: Drops) -> list[dict[str, Any]]:
    rows = []
    for name, powers in found.powers.items():
        gaps_db = average_gap_db(found, name)
        steady = always_feasible(found, name)
        steady_db = average_gap_db(found, name, steady)
        average = average_dbm(powers.power_w)
        for place, ratio_db in enumerate(found.ratios_db):
            rows.append(
                {
                    "method": name,
                    "minimum_sinr_db": ratio_db,
                    "drops": len(powers.power_w),
                    "feasible": int(powers.feasible[:, place].sum()),
                    "average_power_dbm": _known(average[place]),
                    "average_excess_db": _known(gaps_db[place]),
                    "always_feasible": int(steady.sum()),
                    "average_excess_of_always_feasible_db": _known(steady_db[place]),
                    "largest_gap_db": _known(_largest(powers.gap_db[:, place])),
                }
            )
    return rows


def _largest(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if known.size else np.nan


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
