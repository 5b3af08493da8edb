"""Trade-off of every scheme with three targets, and of Fusion alone.

Reference: zhang2025 Fig. 6.

Deviation: weights run from 0.01 to 0.99, as in figure 5, and the echo amplitude is the physical one.

Deviation: panel (b) also shows what user and station know together when the transmission is that of `fdb-wcrb`, which
is designed for the two links apart: how much of the gain comes from sharing observations and how much from designing
for it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from crbeam.evaluation import TradeoffPoint
from crbeam.papers.zhang2025.curves import SCHEMES, curve, weights_for
from crbeam.papers.zhang2025.looks import BISTATIC_LABEL, LABELS, MONOSTATIC_LABEL, scheme_style, tradeoff_curve
from crbeam.report import save_figure, tradeoff_table, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import COLOURS, LINES

TITLE = "Trade-off of every scheme, K = 3, and a closer look at Fusion"
N_TARGETS = 3
SHARED_STYLE = {"color": COLOURS[0], "marker": "x", "linestyle": LINES[3]}
LABELS_M = {"xlabel": BISTATIC_LABEL, "ylabel": MONOSTATIC_LABEL}
CLOSER = {
    "xlim": (0.067, 0.22),
    "ylim": (0.12, 0.27),
    "xticks": (0.07, 0.1, 0.15, 0.2),
    "yticks": (0.12, 0.15, 0.2, 0.25),
}
NOTED_WEIGHTS = (0.01, 0.7, 0.9, 0.97, 0.99)


def make(out_dir: Path, *, full: bool = False) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    names = [name for group in SCHEMES.values() for name in group]
    points = {name: curve(N_TARGETS, name, weights_for(name, full=full)) for name in names}
    curves = {name: tradeoff_curve(of_method, scheme_style(name)) for name, of_method in points.items()}
    apart = [part for name, part in curves.items() if name != "fusion"]
    everything = {"xlim": (0.0, 0.22), "ylim": (0.0, 0.27), **LABELS_M}
    figure = panels_figure(
        [
            Panel("all schemes", [*apart, _as_dots(curves["fusion"])], axes=everything),
            Panel("without Fusion", apart, axes=CLOSER | LABELS_M, is_logarithmic=True),
            _closer_look(points["fusion"], points["fdb-wcrb"]),
        ],
        {**{LABELS[name]: scheme_style(name) for name in names}, "FDB-WCRB, shared observations": SHARED_STYLE},
        columns=3,
        height_in=3.1,
        shared=False,
        legend_columns=4,
    )
    stem = out_dir / "zhang2025_figure_6"
    records = tradeoff_table([point for of_method in points.values() for point in of_method])
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), records)]


def _as_dots(curve: PanelCurve) -> PanelCurve:
    """A curve that is nearly a point: without markers, its line is seen as what it is."""
    return PanelCurve(curve.x, curve.y, {**curve.style, "marker": "", "linewidth": 2.0})


def _closer_look(fusion: Sequence[TradeoffPoint], apart: Sequence[TradeoffPoint]) -> Panel:
    """Fused bounds in millimetres of the Fusion designs and of the designs for the links apart."""
    x_mm, y_mm = 1e3 * fused_bounds_m(fusion).T
    noted = [index for index, point in enumerate(fusion) if point.weight in NOTED_WEIGHTS]
    return Panel(
        "Fusion alone",
        [
            PanelCurve(*(1e3 * fused_bounds_m(apart).T), SHARED_STYLE),
            PanelCurve(x_mm, y_mm, scheme_style("fusion")),
        ],
        notes={rf"$\alpha = {fusion[index].weight:g}$": (float(x_mm[index]), float(y_mm[index])) for index in noted},
        axes={"xlabel": "root bound of the user, fused (mm)", "ylabel": "root bound of all positions, fused (mm)"},
    )


def fused_bounds_m(points: Sequence[TradeoffPoint]) -> Float[np.ndarray, "point 2"]:
    """Root bounds of the user and of all positions from the observations of both links together."""
    known = [point.evaluation.links["fused"].quantities for point in points if point.evaluation is not None]
    pairs = [(quantities["user_position_m"], quantities["all_positions_m"]) for quantities in known]
    return np.array(pairs, dtype=float).reshape(-1, 2)
