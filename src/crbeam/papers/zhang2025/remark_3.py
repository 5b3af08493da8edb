"""What the choice of the guides' square root does to the mismatch of beamformers.

The guides of `fdb-wbf` are beamformers F with `F F^H = V`, and any unitary matrix from the right gives others. The root
of the weighted bound, relative to the least possible, is drawn over the weight for each choice of F, beside that of the
mismatch of covariances, which needs no choice.

Reference: zhang2025 Remark 3.

Deviation: the paper has no such figure; it takes one choice without naming it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from crbeam.design import Design
from crbeam.design.methods import method_named
from crbeam.papers.zhang2025.curves import FULL_WEIGHTS, N_TARGETS, WEIGHTS, scenario_with
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import COLOURS, LINES, MARKERS
from crbeam.systems import design_problems

TITLE = "Mismatch of beamformers by choice of the square root, against mismatch of covariances"
SEEDS, FULL_SEEDS = tuple(range(10)), tuple(range(50))

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


def make(out_dir: Path, *, full: bool = False) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    weights, seeds = (FULL_WEIGHTS, FULL_SEEDS) if full else (WEIGHTS, SEEDS)
    panels, records = [], []
    for n_targets in N_TARGETS:
        curves = []
        for method_name, seed, style in _runs(seeds):
            excess = root_excess(n_targets, method_name, weights, seed)
            curves.append(PanelCurve(np.array(weights), 100.0 * excess, style))
            records += [
                {
                    "targets": n_targets,
                    "method": method_name,
                    "seed": seed,
                    "weight": weight,
                    "root_excess": float(value),
                }
                for weight, value in zip(weights, excess, strict=True)
            ]
        panels.append(Panel(f"$K = {n_targets}$", curves, axes=AXES))
    legend = {label: style for label, (_, style) in STYLES.items()}
    legend[f"{len(seeds)} random unitaries"] = _RANDOM
    figure = panels_figure(panels, legend, columns=3, height_in=2.5)
    stem = out_dir / "zhang2025_remark_3"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), records)]


AXES = {
    "xlabel": r"weight $\alpha$ of bistatic positioning",
    "ylabel": "root bound above FDB-WCRB (%)",
    "xlim": (0.0, 1.0),
    "ylim": (0.03, 2000.0),
    "yscale": "log",
    "yticks": (0.1, 1.0, 10.0, 100.0, 1000.0),
}


def _runs(seeds: Sequence[int]) -> list[tuple[str, int | None, dict[str, Any]]]:
    """Name of the method, seed and style of each curve; random ones first, so that they lie below."""
    random: list[tuple[str, int | None, dict[str, Any]]] = [("fdb-wbf:root=random", seed, _RANDOM) for seed in seeds]
    return [*random, *((name, None, style) for name, style in STYLES.values())]


def root_excess(
    n_targets: int, method_name: str, weights: Sequence[float], seed: int | None = None
) -> Float[np.ndarray, " weight"]:
    """How far the root of a method's weighted bound is above the root of its certified lower bound, relative to it.

    Args:
        n_targets: the first so many targets of section VII-A.
        method_name: key, with options if wanted.
        weights: of bistatic positioning.
        seed: of the method's randomness, the same at all weights.
    """
    method = method_named(method_name)
    problems = design_problems(scenario_with(n_targets), weights, method=method)
    seeds = None if seed is None else [np.random.SeedSequence(seed) for _ in problems]
    designs = method.solve_many(problems, seeds=seeds)
    known = [
        (design.objective, design.lower_bound)
        if isinstance(design, Design) and design.lower_bound is not None
        else (np.nan, np.nan)
        for design in designs
    ]
    objective, lower_bound = np.array(known).T
    return np.sqrt(objective / lower_bound) - 1.0
