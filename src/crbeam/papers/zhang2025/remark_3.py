"""What the choice of the guides' square root does to the mismatch of beamformers.

The guides of `fdb-wbf` are beamformers F with `F F^H = V`, and any unitary matrix from the right gives others. The root
of the weighted bound, relative to the least possible, is drawn over the weight for each choice of F, beside that of the
mismatch of covariances, which needs no choice.

Reference: zhang2025 Remark 3.

Deviation: the paper has no such figure; it takes one choice without naming it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from crbeam.design import Design
from crbeam.design.methods import method_named
from crbeam.papers.runs import PaperRun
from crbeam.papers.zhang2025.curves import scenario_with
from crbeam.papers.zhang2025.draws import drawn
from crbeam.papers.zhang2025.measurements import RANDOM_ROOT, ROOT_DRAWS
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import COLOURS, LINES, MARKERS
from crbeam.systems import design_problems

if TYPE_CHECKING:
    import xarray

TITLE = "Mismatch of beamformers by choice of the square root, against mismatch of covariances"

_RANDOM = {"color": "#b0b0b0", "linewidth": 0.5, "linestyle": "-"}
#: Methods without randomness, by label.
STYLES: dict[str, tuple[str, dict[str, Any]]] = {
    "Hermitian root": ("fdb-wbf", {"color": COLOURS[0], "marker": MARKERS[0], "linestyle": LINES[1]}),
    "Cholesky factor": (
        "fdb-wbf:root=cholesky",
        {"color": COLOURS[1], "marker": MARKERS[1], "linestyle": LINES[3]},
    ),
    "aligned roots": (
        "fdb-wbf:root=procrustes",
        {"color": COLOURS[2], "marker": MARKERS[2], "linestyle": LINES[2]},
    ),
    "FDB-WCM": ("fdb-wcm", {"color": COLOURS[3], "marker": "", "linestyle": LINES[0], "linewidth": 1.4}),
}


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    results = drawn(run, ROOT_DRAWS)
    weights = tuple(results["weight"].to_numpy().tolist())
    panels, records = [], []
    for n_targets in results["n_targets"].to_numpy().tolist():
        random = [
            (RANDOM_ROOT, draw, excess, _RANDOM) for draw, excess in enumerate(random_excesses(results, n_targets))
        ]
        chosen = [(name, None, root_excess(n_targets, name, weights), style) for name, style in STYLES.values()]
        curves = [*random, *chosen]  # random ones first, so that they lie below
        panels.append(_panel(n_targets, weights, [(excess, style) for *_, excess, style in curves]))
        records += [
            {"targets": n_targets, "method": name, "draw": draw, "weight": weight, "root_excess": float(value)}
            for name, draw, excess, _ in curves
            for weight, value in zip(weights, excess, strict=True)
        ]
    legend = {label: style for label, (_, style) in STYLES.items()}
    legend[f"{results.sizes['realisation']} random unitaries"] = _RANDOM
    figure = panels_figure(panels, legend, columns=3, height_in=2.5)
    stem = run.out_dir / "zhang2025_remark_3"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), records)]


AXES = {
    "xlabel": r"weight $\alpha$ of bistatic positioning",
    "ylabel": "root bound above FDB-WCRB (%)",
    "xlim": (0.0, 1.0),
    "ylim": (0.03, 2000.0),
    "yscale": "log",
    "yticks": (0.1, 1.0, 10.0, 100.0, 1000.0),
}


def _panel(n_targets: int, weights: Sequence[float], curves: Sequence[tuple[np.ndarray, dict[str, Any]]]) -> Panel:
    panel_curves = [PanelCurve(np.array(weights), 100.0 * excess, style) for excess, style in curves]
    return Panel(f"$K = {n_targets}$", panel_curves, axes=AXES)


def random_excesses(results: "xarray.Dataset", n_targets: int) -> Float[np.ndarray, "draw weight"]:
    """The same as `root_excess` for each draw of a study of random square roots; not a number where a design failed."""
    part = results.sel(n_targets=n_targets, design_method=RANDOM_ROOT)
    objective, lower_bound = (
        part[name].transpose("realisation", "weight").to_numpy() for name in ("objective", "lower_bound")
    )
    return np.sqrt(objective / lower_bound) - 1.0


def root_excess(n_targets: int, method_name: str, weights: Sequence[float]) -> Float[np.ndarray, " weight"]:
    """How far the root of a method's weighted bound is above the root of its certified lower bound, relative to it.

    Args:
        n_targets: the first so many targets of section VII-A.
        method_name: key, with options if wanted.
        weights: of bistatic positioning.
    """
    method = method_named(method_name)
    designs = method.solve_many(design_problems(scenario_with(n_targets), weights, method=method))
    known = [
        (design.objective, design.lower_bound)
        if isinstance(design, Design) and design.lower_bound is not None
        else (np.nan, np.nan)
        for design in designs
    ]
    objective, lower_bound = np.array(known).T
    return np.sqrt(objective / lower_bound) - 1.0
