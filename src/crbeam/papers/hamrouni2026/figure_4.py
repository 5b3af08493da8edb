"""Velocity bounds against speed with four targets, with all slots and with the effective ones.

Reference: hamrouni2026 Fig. 4.

Deviation: the paper does not define its effective slots; see `effective_slots`. The panels with all slots show what
motion itself does.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from crbeam.papers.hamrouni2026.looks import ESTIMATOR_LABELS, ESTIMATOR_STYLES, logarithmic, medians
from crbeam.papers.hamrouni2026.mobility import ESTIMATORS, RULES, SNAPSHOT, SPEEDS_MPS, MotionBounds, bounds_by_speed
from crbeam.papers.hamrouni2026.scenes import GAINS, preset_scene
from crbeam.papers.runs import PaperRun
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.systems.symbol_schedule import effective_slots

TITLE = "Velocity bounds against speed, with and without the rule of effective slots"
_TITLES = {"all slots": "all slots", "effective slots": r"$L_\mathrm{eff}$ slots"}


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    bounds = {
        (gains, rule, speed): bounds_by_speed(gains, rule, speed, full=run.full)
        for gains in GAINS
        for rule in RULES
        for speed in SPEEDS_MPS
    }
    panels = [
        _panel(gains, rule, [bounds[gains, rule, speed] for speed in SPEEDS_MPS]) for gains in GAINS for rule in RULES
    ]
    legend = {ESTIMATOR_LABELS[name]: ESTIMATOR_STYLES[name] for name in ESTIMATORS}
    figure = panels_figure(panels, legend, columns=4, height_in=2.4, shared="none")
    stem = run.out_dir / "hamrouni2026_figure_4"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), _records(bounds))]


def slots_that_count(speed_mps: float) -> int:
    """Effective slots of the preset's protocol at a speed."""
    scenario = preset_scene("free space")
    assert scenario.protocol is not None
    return effective_slots(scenario.waveform.slots, speed_mps, scenario.protocol.reference_speed_mps)


def _panel(gains: str, rule: str, bounds: list[MotionBounds]) -> Panel:
    rows = {name: medians(np.stack([each.velocity_mps[name] for each in bounds], axis=1)) for name in ESTIMATORS}
    curves = [PanelCurve(np.array(SPEEDS_MPS), row, ESTIMATOR_STYLES[name]) for name, row in rows.items()]
    notes = [
        (str(slots_that_count(speed)), speed - 2.0, 1.12 * float(value))
        for speed, value in zip(SPEEDS_MPS, rows[SNAPSHOT], strict=True)
    ]
    axes = {"xlabel": "speed (m/s)", "xticks": SPEEDS_MPS, "xlim": (1.5, 33.5)}
    label = "median root bound (m/s)"
    if rule == "all slots":
        return Panel(f"{gains}, {_TITLES[rule]}", curves, (), {**axes, **logarithmic(curves, label)})
    highest = 2.0 * max(float(np.max(row)) for row in rows.values())
    lowest = 0.8 * min(float(np.min(row)) for row in rows.values())
    return Panel(
        f"{gains}, {_TITLES[rule]}", curves, notes, {**axes, **logarithmic(curves, label), "ylim": (lowest, highest)}
    )


def _records(bounds: Mapping[tuple[str, str, float], MotionBounds]) -> list[dict[str, str | float | None]]:
    return [
        {
            "gains": gains,
            "rule": rule,
            "speed_mps": speed,
            "slots": slots_that_count(speed) if rule == "effective slots" else slots_that_count(0.0),
            "estimator": name,
            "median_velocity_mps": float(medians(values[:, None])[0]),
            "scenes": int(np.isfinite(values).sum()),
        }
        for (gains, rule, speed), each in bounds.items()
        for name, values in each.velocity_mps.items()
    ]
