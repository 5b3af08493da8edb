"""Bounds of user and targets along a drive."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from crbeam.evaluation.drive import Drive
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import curve_style

if TYPE_CHECKING:
    import matplotlib.figure

#: What each policy is called in a legend.
LABELS: dict[str, str] = {
    "redesigned": "redesigned with prediction",
    "memoryless": "redesigned without",
    "kept": "beams of the start",
    "isotropic": "isotropic",
}
_QUANTITIES = {
    "user position": ("user_position_m", "root bound (m)"),
    "user velocity": ("user_velocity_mps", "root bound (m/s)"),
    "targets": ("target_position_m", "root bound (m)"),
}
#: Ticks within each decade, from few to many, and how many an axis should have at least.
_STEPS = ((1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0))
LEAST_TICKS = 3


def drive_figure(drive: Drive) -> "matplotlib.figure.Figure":
    """Root bounds of position and velocity of the user, and of the targets, over time, a curve for each policy.

    A bound that does not exist yet is left out; so is the panel of the targets if there are none.
    """
    panels = []
    for title, (attribute, label) in _QUANTITIES.items():
        rows = {policy: _numbers(getattr(curve, attribute)) for policy, curve in drive.curves.items()}
        known = np.concatenate([row[np.isfinite(row)] for row in rows.values()])
        if not known.size:
            continue
        curves = [PanelCurve(drive.time_s, row, _style(policy)) for policy, row in rows.items()]
        scale = {"yscale": "log", "yticks": _ticks(float(known.min()), float(known.max()))}
        panels.append(Panel(title, curves, axes={**scale, "xlabel": "time (s)", "ylabel": label}))
    legend = {LABELS[policy]: _style(policy) for policy in drive.curves}
    return panels_figure(panels, legend, columns=len(panels), height_in=2.3, shared="none")


def _style(policy: str) -> dict:
    return curve_style(list(LABELS).index(policy))


def _numbers(values: tuple[float | None, ...]) -> Float[np.ndarray, " interval"]:
    return np.array([np.nan if value is None else value for value in values])


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers over a range: powers of ten, with as many between them as make at least three."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks: list[float] = []
    for steps in _STEPS:
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        if sum(low <= tick <= high for tick in ticks) >= LEAST_TICKS:
            break
    return ticks
