"""Bound against the rate of every receiver, by rule of selection and budget.

Reference: wang2024 Fig. 5.

Deviation: every choice comes with the beams that are best for it; the paper does not say with which beams receivers
are selected. The optimum over all sets is added. The drop is that of the preset, whose receivers can have 2 bit/s/Hz.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from crbeam.design.methods import method_named
from crbeam.errors import CrbeamError
from crbeam.papers.runs import PaperRun
from crbeam.papers.wang2024.drops import EXACT, K_MEANS, LINKAGE
from crbeam.papers.wang2024.gathering import BUDGETS_M
from crbeam.papers.wang2024.group_panels import POSITION_LABEL, U_LABEL, shown
from crbeam.papers.wang2024.looks import RULE_NAMES, RULE_STYLES, logarithmic
from crbeam.papers.wang2024.scenes import POSITIONED, PRINTED, scene, value_under, with_rate
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.systems import design_problem, system_of

TITLE = "Bound against the rate of every receiver, by rule of selection and budget"
RATES, FULL_RATES = (0.1, 0.75, 1.5, 2.0), (0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25)
SHOWN = (K_MEANS, LINKAGE, EXACT)
_LINES: Mapping[float, Any] = {100.0: "--", 200.0: "-"}


@lru_cache(maxsize=1024)
def selected_value(rule: str, reading: str, budget_m: float, rate_bps_hz: float) -> float:
    """Metric of what a rule selects within a budget beside a rate; not a number where it has no design."""
    scenario = with_rate(scene(reading, f"receivers.cost_budget={budget_m:g} m"), rate_bps_hz)
    try:
        design = method_named(rule).solve(design_problem(scenario))
    except CrbeamError:
        return np.nan
    return value_under(system_of(scenario).with_selected(design.selected).scenario, design.covariances)


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    rates = FULL_RATES if run.full else RATES
    found = {
        (reading, budget_m, rule): _curve(rule, reading, budget_m, rates)
        for reading in (PRINTED, POSITIONED)
        for budget_m in BUDGETS_M
        for rule in SHOWN
    }
    panels = []
    for reading, title, label in (
        (PRINTED, "sum (17), as printed", U_LABEL),
        (POSITIONED, "position, corrected", POSITION_LABEL),
    ):
        curves = [
            PanelCurve(np.array(rates), values, {**RULE_STYLES[rule], "linestyle": _LINES[budget_m]})
            for (of, budget_m, rule), values in found.items()
            if of == reading
        ]
        axes = {"xlabel": "least rate of all receivers (bit/s/Hz)", **logarithmic(curves, label)}
        panels.append(Panel(title, curves, axes=axes))
    legend = {RULE_NAMES[rule]: {**RULE_STYLES[rule], "linestyle": "none"} for rule in SHOWN}
    legend |= {f"budget {each:g} m": {"color": "black", "linestyle": _LINES[each], "marker": ""} for each in BUDGETS_M}
    figure = panels_figure(panels, legend, columns=2, height_in=2.6, shared="none")
    path = run.out_dir / "wang2024_figure_5"
    records = [
        {"reading": reading, "budget_m": budget_m, "rule": rule, "rate_bps_hz": rate, "value": _known(value)}
        for (reading, budget_m, rule), values in found.items()
        for rate, value in zip(rates, values, strict=True)
    ]
    return [*save_figure(figure, path), write_csv(path.with_suffix(".csv"), records)]


def _curve(rule: str, reading: str, budget_m: float, rates: tuple[float, ...]) -> Float[np.ndarray, " rate"]:
    return np.array([shown(reading, selected_value(rule, reading, budget_m, rate)) for rate in rates])


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
