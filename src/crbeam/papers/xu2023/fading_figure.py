"""Which station is selected, and what the schemes cost, over draws of the channels in the setting of Fig. 2.

Reference: xu2023 Table II.

Deviation: the paper has one draw, and does not give the losses; both readings are shown.
"""

from pathlib import Path
from typing import Any

import numpy as np

from crbeam.papers.runs import PaperRun
from crbeam.papers.xu2023.curves import bars, distribution, unmarked
from crbeam.papers.xu2023.draws import Fading, fading
from crbeam.papers.xu2023.levels import level_dbm
from crbeam.papers.xu2023.looks import LABELS, STYLES
from crbeam.papers.xu2023.scenes import ALGORITHM, LOSSES, SCHEME_1, SCHEME_2, SCHEME_3, STATIONS
from crbeam.papers.xu2023.table_2 import PRINTED_GAP_DB
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import LINES

TITLE = "Selected stations and excess power over draws of the channels"
COMPARED = (SCHEME_1, SCHEME_2, SCHEME_3, *ALGORITHM.values())
_LISTENS: dict[str, dict[str, Any]] = {
    name: {"color": "black", "linestyle": LINES[place]} for place, name in enumerate(STATIONS)
}
_PRINTED: dict[str, Any] = {"color": "#c4c4c4", "linestyle": "-", "marker": "", "linewidth": 2.5}
_SHARE = {"ylim": (-0.05, 1.05), "ylabel": "share of draws"}


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    found = {losses: fading(run, losses) for losses in LOSSES}
    panels = [panel for losses, part in found.items() for panel in _panels(losses, part)]
    legend = {f"{name} listens": {**style, "marker": ""} for name, style in _LISTENS.items()}
    legend |= {LABELS[name]: unmarked(STYLES[name]) for name in COMPARED}
    legend[f"printed gap, {PRINTED_GAP_DB:g} dB"] = _PRINTED
    figure = panels_figure(panels, legend, columns=3, height_in=4.6, shared="none", legend_columns=4)
    stem = run.out_dir / "xu2023_fading"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), _records(found))]


def _panels(losses: str, found: Fading) -> list[Panel]:
    least = [
        distribution(level_dbm(found.receivers.power_w[:, place]), _LISTENS[name])
        for place, name in enumerate(STATIONS)
    ]
    excess = [distribution(found.excess_db(name), STYLES[name]) for name in COMPARED if name in found.powers]
    excess.insert(0, PanelCurve(np.full(2, PRINTED_GAP_DB), np.array([0.0, 1.0]), _PRINTED))
    shares = [found.selection(name) for name in STATIONS]
    numbers = range(1, len(STATIONS) + 1)
    points = bars(numbers, shares, {"color": "black", "linestyle": "none", "marker": "o"})
    names: dict[str, Any] = {"xlabel": "number of the selected station", "xticks": numbers, "xlim": (0.5, 4.5)}
    return [
        Panel(f"least power, {losses}", least, axes={**_SHARE, "xlabel": "power (dBm)"}),
        Panel(f"schemes, {losses}", excess, axes={**_SHARE, "xlabel": "excess over the optimum (dB)"}),
        Panel(f"selection, {losses}", points, axes={**_SHARE, **names}),
    ]


def _records(found: dict[str, Fading]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for losses, part in found.items():
        for name, powers in part.powers.items():
            for draw, (power_w, bound_w) in enumerate(
                zip(powers.power_w[:, 0], powers.lower_bound_w[:, 0], strict=True)
            ):
                rows.append(_record(losses, draw, name, "", float(power_w), float(bound_w)))
        receivers = part.receivers
        for draw, place in np.ndindex(receivers.power_w.shape):
            power_w, bound_w = float(receivers.power_w[draw, place]), float(receivers.lower_bound_w[draw, place])
            rows.append(_record(losses, draw, "exact", STATIONS[place], power_w, bound_w))
    return rows


def _record(losses: str, draw: int, method: str, listens: str, power_w: float, bound_w: float) -> dict[str, Any]:
    known = np.isfinite(power_w)
    return {
        "losses": losses,
        "draw": draw,
        "method": method,
        "only_listener": listens,
        "power_dbm": float(level_dbm(power_w)) if known else None,
        "gap_db": float(10.0 * np.log10(power_w / bound_w)) if known else None,
    }
