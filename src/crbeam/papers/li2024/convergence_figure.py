"""Objective and violation of a published algorithm over its loops, beside the descent over phases.

The first value, that of the start, may lie above the panel.
"""

from pathlib import Path
from typing import Any

import numpy as np

from crbeam.papers.li2024.convergence import Convergence, convergence
from crbeam.papers.runs import PaperRun
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import NO_MARKER, curve_style

_PUBLISHED, _DESCENT = curve_style(2, 1, marker=1), curve_style(0, 0, marker=0)
_BOUND, _DIGITAL = curve_style(3, 3, marker=NO_MARKER), curve_style(4, 2, marker=NO_MARKER)
ACCURACY = 1e-4


def convergence_figure(run: PaperRun, number: str, direction: str, algorithm: str, loops: str) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    found = convergence(run, direction)
    legend = {algorithm: _PUBLISHED, "descent over phases": _DESCENT, "proven bound": _BOUND, "fully digital": _DIGITAL}
    figure = panels_figure(
        [_objective(found, loops), _violation(found)], legend, columns=2, height_in=2.4, shared="none"
    )
    stem = run.out_dir / f"li2024_figure_{number}"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), _records(found, algorithm))]


def _objective(found: Convergence, loops: str) -> Panel:
    steps = max(len(found.published), len(found.descent))
    ends = np.array([1.0, float(steps)])
    lines = [(found.lower_bound, _BOUND), (found.digital, _DIGITAL)]
    curves = [PanelCurve(ends, np.full(2, value**0.5), style) for value, style in lines]
    curves += [_curve(found.descent, _DESCENT), _curve(found.published, _PUBLISHED)]
    highest = max(trace[min(1, len(trace) - 1)] for trace in (found.published, found.descent)) ** 0.5
    lowest = min(found.digital, found.lower_bound, *found.published) ** 0.5
    margin = 0.05 * (highest - lowest)
    axes: dict[str, Any] = {
        "xlabel": f"{loops}, or step of the descent",
        "ylabel": "position error bound (m)",
        "xscale": "log",
        "xticks": [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500) if tick <= steps],
        "ylim": (lowest - margin, highest + margin),
    }
    return Panel("objective", curves, axes=axes)


def _violation(found: Convergence) -> Panel:
    loop = np.arange(1.0, len(found.violations) + 1.0)
    wanted = PanelCurve(np.array([1.0, loop[-1]]), np.full(2, ACCURACY), _BOUND)
    decades = np.floor(np.log10([min(*found.violations, ACCURACY), max(found.violations)]))
    axes = {
        "xlabel": "loop of penalty and multiplier",
        "xticks": loop[:: -(-len(loop) // 8)],
        "ylabel": "violation",
        "yscale": "log",
        "yticks": 10.0 ** np.arange(decades[0], decades[1] + 2.0),
    }
    curves = [wanted, PanelCurve(loop, np.array(found.violations), _PUBLISHED)]
    return Panel("copy against product", curves, [("wanted", 1.0, ACCURACY)], axes)


def _curve(trace: tuple[float, ...], style: dict[str, Any]) -> PanelCurve:
    steps = np.arange(1.0, len(trace) + 1.0)
    return PanelCurve(steps, np.sqrt(trace), {**style, "markevery": _places(len(trace))})


def _places(count: int) -> list[int]:
    """Markers evenly over a logarithmic axis."""
    return sorted({round(place) - 1 for place in np.geomspace(1.0, count, 10)})


def _records(found: Convergence, algorithm: str) -> list[dict[str, Any]]:
    traces = {algorithm: found.published, "descent over phases": found.descent}
    rows: list[dict[str, Any]] = [
        {"series": name, "step": step, "objective_m2": value, "violation": None}
        for name, trace in traces.items()
        for step, value in enumerate(trace, 1)
    ]
    rows += [
        {"series": f"{algorithm}, violation", "step": step, "objective_m2": None, "violation": value}
        for step, value in enumerate(found.violations, 1)
    ]
    single = {
        f"{algorithm}, behind its last network": found.reached[0],
        "descent over phases, behind its last network": found.reached[1],
        f"{algorithm}, descent from its last network": found.polished,
        "proven bound": found.lower_bound,
        "fully digital": found.digital,
    }
    return rows + [
        {"series": name, "step": None, "objective_m2": value, "violation": None} for name, value in single.items()
    ]
