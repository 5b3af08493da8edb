"""Bounds of the user's position and velocity against the number of targets.

Reference: hamrouni2026 Fig. 3.

Deviation: medians beside means. With one target positioning is determined, but often so badly that a mean says little.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from crbeam.papers.hamrouni2026.looks import ESTIMATOR_LABELS, ESTIMATOR_STYLES, averages, logarithmic, medians
from crbeam.papers.hamrouni2026.mobility import BISTATIC, ESTIMATORS, N_TARGETS, MotionBounds, bounds_by_targets
from crbeam.papers.hamrouni2026.scenes import GAINS
from crbeam.papers.runs import PaperRun
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import curve_style

TITLE = "Position and velocity bounds against the number of targets"
MONOSTATIC_LABEL = "MS, one observation"
MONOSTATIC_STYLE = curve_style(1)
_AVERAGES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {"median": medians, "mean": averages}


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    bounds = {(gains, k): bounds_by_targets(gains, k, full=run.full) for gains in GAINS for k in N_TARGETS}
    panels = [
        _panel(gains, quantity, [bounds[gains, k] for k in N_TARGETS])
        for gains in GAINS
        for quantity in ("position", "velocity")
    ]
    legend = {
        ESTIMATOR_LABELS[BISTATIC]: ESTIMATOR_STYLES[BISTATIC],
        MONOSTATIC_LABEL: MONOSTATIC_STYLE,
        **{ESTIMATOR_LABELS[name]: ESTIMATOR_STYLES[name] for name in ESTIMATORS[1:]},
        "median": {"color": "black", "linestyle": "-"},
        "mean": {"color": "black", "linestyle": ":"},
    }
    figure = panels_figure(panels, legend, columns=4, height_in=2.4, shared="none")
    stem = run.out_dir / "hamrouni2026_figure_3"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), _records(bounds))]


def _panel(gains: str, quantity: str, bounds: list[MotionBounds]) -> Panel:
    curves = []
    for average, line in (("mean", ":"), ("median", "-")):
        for name, style in _styles(quantity).items():
            values = np.stack([_values(each, quantity, name) for each in bounds], axis=1)
            curves.append(
                PanelCurve(np.array(N_TARGETS, dtype=float), _AVERAGES[average](values), {**style, "linestyle": line})
            )
    unit = "m" if quantity == "position" else "m/s"
    axes = {"xlabel": "number of targets", "xticks": N_TARGETS, **logarithmic(curves, f"root bound ({unit})")}
    return Panel(f"{quantity}, {gains}", curves, (), axes)


def _styles(quantity: str) -> Mapping[str, Mapping]:
    if quantity == "velocity":
        return ESTIMATOR_STYLES
    return {BISTATIC: ESTIMATOR_STYLES[BISTATIC], MONOSTATIC_LABEL: MONOSTATIC_STYLE}


def _values(bounds: MotionBounds, quantity: str, name: str) -> Float[np.ndarray, " scene"]:
    if quantity == "velocity":
        return bounds.velocity_mps[name]
    return bounds.bistatic_position_m if name == BISTATIC else bounds.monostatic_position_m


def _records(bounds: Mapping[tuple[str, int], MotionBounds]) -> list[dict[str, str | float | None]]:
    records = []
    for (gains, k), each in bounds.items():
        rows = {
            "bistatic_position_m": each.bistatic_position_m,
            "monostatic_position_m": each.monostatic_position_m,
            **{f"{name}_velocity_mps": values for name, values in each.velocity_mps.items()},
        }
        for name, values in rows.items():
            known = values[np.isfinite(values)]
            numbers = {"median": float(np.median(known)), "mean": float(known.mean())}
            records.append({"gains": gains, "targets": k, "quantity": name, "scenes": known.size, **numbers})
    return records
