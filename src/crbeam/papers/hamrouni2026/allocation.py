"""Symbols for sensing, for the message, and for positioning: loss against the share of sensing and the message length.

Reference: hamrouni2026 eqs. (16), (17), (20).

Deviation: the paper names the message but gives it no length; here its length varies. The scene is the preset.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from crbeam.design.methods import method_named
from crbeam.evaluation.best_split import Split, best_split
from crbeam.papers.hamrouni2026.draws import JOINT, SEPARATE, SHARED
from crbeam.papers.hamrouni2026.looks import LABELS, STYLES, logarithmic
from crbeam.papers.hamrouni2026.scenes import GAINS, preset_scene
from crbeam.papers.runs import PaperRun
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.figures.split import STAR
from crbeam.report.style import COLOURS, NO_MARKER, curve_style
from crbeam.scenario import Scenario
from crbeam.systems import design_problem

TITLE = "Symbols for sensing, message and positioning, and the best share"
#: Lengths of the message, of 1600 symbols in all.
MESSAGES = (1, 800, 1200, 1500)
SHOWN_MESSAGES = (1, 800, 1500)
SHARES, FULL_SHARES = tuple(np.linspace(0.05, 0.95, 6)), tuple(np.linspace(0.02, 0.98, 25))
INTERLEAVED = "joint, interleaved"
#: Name, method and order of the symbols of each curve.
VARIANTS: Mapping[str, tuple[str, str]] = {
    LABELS[JOINT]: (JOINT, "contiguous"),
    INTERLEAVED: (JOINT, "interleaved"),
    LABELS[SHARED]: (SHARED, "contiguous"),
    LABELS[SEPARATE]: (SEPARATE, "contiguous"),
}
_STYLES: Mapping[str, Mapping[str, Any]] = {
    LABELS[JOINT]: STYLES[JOINT],
    INTERLEAVED: curve_style(5, 0, marker=4),
    LABELS[SHARED]: STYLES[SHARED],
    LABELS[SEPARATE]: STYLES[SEPARATE],
}
_ALONE = "positioning alone, no message"
_ALONE_STYLE = {"color": "#777777", "linestyle": "--", "marker": ""}


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    panels = [panel for gains in GAINS for panel in _panels(gains, full=run.full)]
    stars = {**STAR, "color": "black", "markerfacecolor": "black"}
    legend = {**_STYLES, _ALONE: _ALONE_STYLE, "best share": stars}
    figure = panels_figure(panels, legend, columns=3, height_in=4.3, shared="none", legend_columns=6)
    stem = run.out_dir / "hamrouni2026_allocation"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), _records(full=run.full))]


@lru_cache(maxsize=64)
def split_of(gains: str, variant: str, message_symbols: int, *, full: bool = False) -> Split:
    """Designs of the preset over the share of sensing, with a message of some length."""
    method, order = VARIANTS[variant]
    scenario = _with(preset_scene(gains), order=order, message_symbols=message_symbols)
    return best_split(scenario, method_named(method), FULL_SHARES if full else SHARES)


@lru_cache(maxsize=8)
def loss_of_positioning_alone(gains: str) -> float:
    """Posterior loss if every symbol is for positioning, and there is no message."""
    scenario = _with(preset_scene(gains), sensing_share=0.0, message_symbols=0)
    method = method_named(SHARED)
    return method.solve(design_problem(scenario, method=method)).objective


def _with(scenario: Scenario, **changes: Any) -> Scenario:
    assert scenario.protocol is not None
    return scenario.model_copy(update={"protocol": scenario.protocol.model_copy(update=changes)})


def _panels(gains: str, *, full: bool) -> list[Panel]:
    splits = {
        (variant, length): split_of(gains, variant, length, full=full) for variant in VARIANTS for length in MESSAGES
    }
    lengths = np.array(MESSAGES, dtype=float)
    best = {variant: [_best(splits[variant, length]) for length in MESSAGES] for variant in VARIANTS}
    losses = [PanelCurve(lengths, np.array([loss for _, loss in best[name]]), _STYLES[name]) for name in VARIANTS]
    losses.append(PanelCurve(lengths, np.full(lengths.size, loss_of_positioning_alone(gains)), _ALONE_STYLE))
    shares = [PanelCurve(lengths, np.array([share for share, _ in best[name]]), _STYLES[name]) for name in VARIANTS]
    x_axis = {"xlabel": "symbols of the message, of 1600", "xticks": (1, 400, 800, 1200, 1600), "xlim": (-60, 1660)}
    return [
        _curves_panel(gains, [splits[LABELS[JOINT], length] for length in SHOWN_MESSAGES]),
        Panel(f"best share, {gains}", losses, (), {**x_axis, **logarithmic(losses, "loss at the best share")}),
        Panel(f"best share, {gains}", shares, (), {**x_axis, "ylabel": "best share of sensing", "ylim": (0.0, 1.0)}),
    ]


def _curves_panel(gains: str, splits: Sequence[Split]) -> Panel:
    curves, notes = [], []
    for place, (split, length) in enumerate(zip(splits, SHOWN_MESSAGES, strict=True)):
        points = [point for point in split.points if np.isfinite(point.loss)]
        x, y = np.array([point.share for point in points]), np.array([point.loss for point in points])
        style = {**curve_style(0, place, marker=NO_MARKER), "color": COLOURS[0]}
        curves.append(PanelCurve(x, y, style))
        share, loss = _best(split)
        mark = {**STAR, "color": COLOURS[0], "markerfacecolor": COLOURS[0]}
        curves.append(PanelCurve(np.array([share]), np.array([loss]), mark))
        notes.append((f"message {length}", float(x[-1]), 0.7 * float(y[-1])))
    axes: dict[str, Any] = {"xlim": (0.0, 1.45), "xticks": (0.0, 0.25, 0.5, 0.75, 1.0), "xlabel": "share of sensing"}
    return Panel(f"joint, {gains}", curves, notes, {**axes, **logarithmic(curves, "loss")})


def _best(split: Split) -> tuple[float, float]:
    """Best share and its loss; not numbers where there is no design."""
    return (np.nan, np.nan) if split.best is None else (split.best.share, split.best.loss)


def _records(*, full: bool) -> list[dict[str, str | float | None]]:
    return [
        {
            "gains": gains,
            "variant": variant,
            "message_symbols": length,
            "share": point.share,
            "loss": point.loss if np.isfinite(point.loss) else None,
            "best": point is split.best,
            **split.bounds(point),
        }
        for gains in GAINS
        for variant in VARIANTS
        for length in MESSAGES
        for split in [split_of(gains, variant, length, full=full)]
        for point in split.points
    ]
