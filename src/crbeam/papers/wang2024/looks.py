"""Names and looks of curves in the figures of wang2024."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from crbeam.papers.wang2024.drops import EXACT, K_MEANS, LINKAGE, NEAREST
from crbeam.papers.wang2024.estimates import THREE
from crbeam.papers.wang2024.scenes import BI, FIVE, MONO, TWO
from crbeam.report.figures.log_ticks import round_ticks
from crbeam.report.figures.panels import PanelCurve
from crbeam.report.style import curve_style

GROUP_STYLES: Mapping[str, dict[str, Any]] = {
    MONO: curve_style(0),
    BI: curve_style(1),
    TWO: curve_style(2),
    FIVE: curve_style(3),
    THREE: curve_style(4),
}
RULE_STYLES: Mapping[str, dict[str, Any]] = {
    LINKAGE: curve_style(2),
    K_MEANS: curve_style(1),
    NEAREST: curve_style(4),
    EXACT: curve_style(0),
}
RULE_NAMES: Mapping[str, str] = {
    LINKAGE: "minimax linkage",
    K_MEANS: "k-means",
    NEAREST: "nearest to the target",
    EXACT: "optimum",
}


#: Room below and above curves, as a share of their range.
MARGIN = 0.05


def logarithmic(curves: list[PanelCurve], label: str) -> dict[str, Any]:
    """Keywords of a logarithmic y axis around curves, with plain ticks."""
    values = np.concatenate([curve.y[np.isfinite(curve.y)] for curve in curves])
    room = float(values.max() / values.min()) ** MARGIN
    low, high = float(values.min()) / room, float(values.max()) * room
    return {"ylabel": label, "yscale": "log", "yticks": round_ticks([low, high]), "ylim": (low, high)}
