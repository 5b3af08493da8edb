"""How often the requirements cannot be met, over the least ratio of the users, at random places.

Reference: xu2023 Fig. 4.

Deviation: infeasibility is proven for the choices of each method; bars are intervals of 95 %. Panel (b) is not in the
paper: the share of all drops that are served with at most some power, in which drops without a design do not vanish.
"""

from pathlib import Path
from typing import Any

from crbeam.papers.runs import PaperRun
from crbeam.papers.xu2023.curves import bars, distribution
from crbeam.papers.xu2023.draws import Drops, drops
from crbeam.papers.xu2023.levels import level_dbm
from crbeam.papers.xu2023.looks import LABELS, STYLES
from crbeam.papers.xu2023.scenes import EXACT, SCHEMES
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure

TITLE = "How often the requirements cannot be met, over the least SINR of the users"
SHOWN = (*SCHEMES, EXACT)
#: The least ratio of panel (b), and by how much the points of methods are moved apart.
SHOWN_RATIO_DB, APART_DB = 8.0, 0.12


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    found = drops(run)
    rates: dict[str, Any] = {
        "xlabel": "least SINR of the users (dB)",
        "ylabel": "share of infeasible drops",
        "xticks": found.ratios_db,
        "ylim": (-0.05, 1.05),
    }
    served: dict[str, Any] = {"xlabel": "power (dBm)", "ylabel": "share of drops served", "ylim": (-0.05, 1.05)}
    panels = [
        Panel("infeasible drops", _rates(found), axes=rates),
        Panel(f"drops served at {SHOWN_RATIO_DB:g} dB", _served(found), axes=served),
    ]
    legend = {LABELS[name]: STYLES[name] for name in SHOWN}
    figure = panels_figure(panels, legend, columns=2, height_in=2.7, shared="none", legend_columns=4)
    stem = run.out_dir / "xu2023_figure_4"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), _records(found))]


def _rates(found: Drops) -> list[PanelCurve]:
    curves = []
    for place, name in enumerate(SHOWN):
        shift_db = APART_DB * (place - 0.5 * (len(SHOWN) - 1))
        intervals = [found.powers[name].infeasible_share(point) for point in range(len(found.ratios_db))]
        curves += bars([ratio + shift_db for ratio in found.ratios_db], intervals, STYLES[name])
    return curves


def _served(found: Drops) -> list[PanelCurve]:
    point = found.ratios_db.index(SHOWN_RATIO_DB)
    return [distribution(level_dbm(found.powers[name].power_w[:, point]), STYLES[name]) for name in SHOWN]


def _records(found: Drops) -> list[dict[str, Any]]:
    rows = []
    for name, powers in found.powers.items():
        for point, ratio_db in enumerate(found.ratios_db):
            rate = powers.infeasible_share(point)
            numbers = {"infeasible": rate.value, "infeasible_low": rate.low, "infeasible_high": rate.high}
            without = int((~powers.feasible & ~powers.infeasible)[:, point].sum())
            rows.append(
                {
                    "method": name,
                    "minimum_sinr_db": ratio_db,
                    "drops": len(powers.power_w),
                    **numbers,
                    "undecided": without,
                }
            )
    return rows
