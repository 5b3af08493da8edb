"""Trade-off between bistatic positioning and monostatic sensing for one, two and three targets.

Reference: zhang2025 Fig. 5 (a) and (b), the digital WCRB curves.

Deviation: weights run from 0.01 to 0.99 instead of 0 to 1. At weight 0 the best transmission for monostatic sensing can
have rank one, which leaves bistatic positioning unidentifiable (K = 1), and at weight 1 the monostatic bound is not
pinned, so both ends would leave the Pareto front.

Deviation: curves are those of the physical echo amplitude, proportional to the root of the radar cross section; the
paper prints the cross section itself.
"""

from pathlib import Path

import numpy as np

from crbeam.design.methods import CodebookWeightedBound, FullDimensionalWeightedBound
from crbeam.evaluation.tradeoff import tradeoff
from crbeam.report import save_figure, tradeoff_figure, tradeoff_table, write_csv
from crbeam.report.style import curve_style
from crbeam.scenario import read_scenario

TITLE = "Trade-off of bistatic positioning and monostatic sensing, digital WCRB, K = 1, 2, 3"
N_TARGETS = (1, 2, 3)
METHODS = {"FDB": FullDimensionalWeightedBound(), "CPA": CodebookWeightedBound()}
WEIGHTS = (0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.99)
FULL_WEIGHTS = tuple(float(weight) for weight in np.unique(np.concatenate([WEIGHTS, np.linspace(0.01, 0.99, 50)])))


def make(out_dir: Path, *, full: bool = False) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    curves, records, styles = {}, [], []
    for colour, n_targets in enumerate(N_TARGETS):
        scenario = read_scenario("zhang2025", overrides=[f"targets.count={n_targets}"])
        for line, (name, method) in enumerate(METHODS.items()):
            points = tradeoff(scenario, [method], FULL_WEIGHTS if full else WEIGHTS)
            curves[f"{name}, $K = {n_targets}$"] = points
            records += [{"targets": n_targets, **record} for record in tradeoff_table(points)]
            styles.append(curve_style(2 * colour, line, marker=colour))
    stem = out_dir / "zhang2025_figure_5"
    figure = tradeoff_figure(curves, styles=styles)
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), records)]
