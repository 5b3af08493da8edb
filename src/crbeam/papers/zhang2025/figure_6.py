"""Trade-off of every scheme with three targets, and of Fusion alone.

Reference: zhang2025 Fig. 6.

Deviation: weights run from 0.01 to 0.99, as in figure 5, and the echo amplitude is the physical one.

Deviation: panel (b) looks closer at the schemes without Fusion, and (c) is the paper's (b). It also shows what user and
station know together when the transmission is that of `fdb-wcrb`, which is designed for the two links apart: how much
of the gain comes from sharing observations and how much from designing for it. At weight 0.5 sharing alone divides the
bounds by 4.5 and 3.1; designing for it takes off another 18 %.

The bounds of Fusion are fused ones in every panel, those of the other schemes are of one link each but in (c).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from crbeam.evaluation import TradeoffPoint
from crbeam.papers.runs import PaperRun
from crbeam.papers.zhang2025.curves import SCHEMES, curve, weights_for
from crbeam.papers.zhang2025.looks import (
    BISTATIC_LABEL,
    LABELS,
    MARKED_WEIGHTS,
    MONOSTATIC_LABEL,
    scheme_style,
    tradeoff_curve,
)
from crbeam.report import save_figure, tradeoff_table, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import COLOURS, LINES

TITLE = "Trade-off of every scheme, K = 3, and a closer look at Fusion"
N_TARGETS = 3
SHARED_STYLE = {"color": COLOURS[0], "marker": "x", "linestyle": LINES[3]}
LABELS_M = {"xlabel": BISTATIC_LABEL, "ylabel": MONOSTATIC_LABEL}
CLOSER = {
    "xscale": "log",
    "yscale": "log",
    "xlim": (0.067, 0.22),
    "ylim": (0.12, 0.24),
    "xticks": (0.07, 0.1, 0.15, 0.2),
    "yticks": (0.12, 0.14, 0.16, 0.18, 0.2, 0.22),
}
NOTED_WEIGHTS = (0.01, 0.9, 0.97, 0.99)


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    names = [name for group in SCHEMES.values() for name in group]
    points = {name: curve(N_TARGETS, name, weights_for(name, full=run.full)) for name in names}
    curves = {name: tradeoff_curve(of_method, scheme_style(name)) for name, of_method in points.items()}
    apart = [part for name, part in curves.items() if name != "fusion"]
    everything = {"xlim": (0.0, 0.22), "ylim": (0.0, 0.25), **LABELS_M}
    figure = panels_figure(
        [
            Panel("all schemes", [*apart, _as_dots(curves["fusion"])], axes=everything),
            Panel("without Fusion", apart, axes=CLOSER | LABELS_M),
            _closer_look(points["fusion"], points["fdb-wcrb"]),
        ],
        {**{LABELS[name]: scheme_style(name) for name in names}, "FDB-WCRB, shared observations": SHARED_STYLE},
        columns=3,
        height_in=3.1,
        shared="none",
        legend_columns=4,
    )
    stem = run.out_dir / "zhang2025_figure_6"
    records = tradeoff_table([point for of_method in points.values() for point in of_method])
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), records)]


def _as_dots(curve: PanelCurve) -> PanelCurve:
    """A curve that is nearly a point: without markers, its line is seen as what it is."""
    return PanelCurve(curve.x, curve.y, {**curve.style, "marker": "", "linewidth": 2.0})


def _closer_look(fusion: Sequence[TradeoffPoint], apart: Sequence[TradeoffPoint]) -> Panel:
    """Fused bounds in millimetres of the Fusion designs and of the designs for the links apart."""
    curves, notes = [], []
    for points, style in ((apart, SHARED_STYLE), (fusion, scheme_style("fusion"))):
        bounds_mm = 1e3 * fused_bounds_m(points)
        marked = [i for i, point in enumerate(points) if point.weight in MARKED_WEIGHTS + NOTED_WEIGHTS]
        curves.append(PanelCurve(bounds_mm[:, 0], bounds_mm[:, 1], {**style, "markevery": marked}))
        noted = NOTED_WEIGHTS if points is fusion else NOTED_WEIGHTS[:1] + NOTED_WEIGHTS[-1:]
        notes += [
            (rf"$\alpha = {point.weight:g}$", float(x_mm), float(y_mm))
            for point, (x_mm, y_mm) in zip(points, bounds_mm, strict=True)
            if point.weight in noted
        ]
    axes = {"xlabel": "root bound of the user, fused (mm)", "ylabel": "root bound of all positions, fused (mm)"}
    return Panel("Fusion alone", curves, notes, {**axes, "xlim": (14.0, 21.2), "ylim": (33.0, 46.5)})


def fused_bounds_m(points: Sequence[TradeoffPoint]) -> Float[np.ndarray, "point 2"]:
    """Root bounds of the user and of all positions from the observations of both links together."""
    known = [point.evaluation.links["fused"].quantities for point in points if point.evaluation is not None]
    pairs = [(quantities["user_position_m"], quantities["all_positions_m"]) for quantities in known]
    return np.array(pairs, dtype=float).reshape(-1, 2)
