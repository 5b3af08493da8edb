"""How methods and estimators look in the figures of hamrouni2026."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from crbeam.papers.hamrouni2026.draws import (
    JOINT,
    POSITIONING,
    POSITIONING_ALL,
    SENSING,
    SENSING_ALL,
    SEPARATE,
    SHARED,
)
from crbeam.papers.hamrouni2026.mobility import BISTATIC, EXTENDED, SNAPSHOT
from crbeam.report.figures.log_ticks import round_ticks
from crbeam.report.figures.panels import PanelCurve
from crbeam.report.style import NO_MARKER, curve_style

#: Names of the methods in legends.
LABELS: Mapping[str, str] = {
    JOINT: "joint optimum (ours)",
    SHARED: "shared",
    SEPARATE: "separate",
    SENSING: "full MS",
    POSITIONING: "full BP",
    SENSING_ALL: "full MS, all symbols",
    POSITIONING_ALL: "full BP, all symbols",
}
STYLES: Mapping[str, Mapping[str, Any]] = {
    JOINT: curve_style(0),
    SHARED: curve_style(1),
    SEPARATE: curve_style(2),
    SENSING: curve_style(3),
    POSITIONING: curve_style(4),
    SENSING_ALL: {**curve_style(3, 3, marker=NO_MARKER), "linewidth": 0.7},
    POSITIONING_ALL: {**curve_style(4, 3, marker=NO_MARKER), "linewidth": 0.7},
}
ESTIMATOR_LABELS: Mapping[str, str] = {BISTATIC: "BP", SNAPSHOT: "snapshot MS", EXTENDED: "extended MS"}
ESTIMATOR_STYLES: Mapping[str, Mapping[str, Any]] = {
    BISTATIC: curve_style(0),
    SNAPSHOT: curve_style(2),
    EXTENDED: curve_style(3),
}


def medians(values: Float[np.ndarray, "scene point"]) -> Float[np.ndarray, " point"]:
    """Median over the scenes that have a value; not a number where none has."""
    return np.array([np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in values.T])


def averages(values: Float[np.ndarray, "scene point"]) -> Float[np.ndarray, " point"]:
    """Mean over the scenes that have a value; not a number where none has."""
    return np.array([row[np.isfinite(row)].mean() if np.isfinite(row).any() else np.nan for row in values.T])


def logarithmic(curves: Sequence[PanelCurve], label: str) -> dict[str, Any]:
    """A logarithmic y axis with round ticks over the range of some curves."""
    ticks = round_ticks(float(value) for curve in curves for value in curve.y)
    return {"yscale": "log", "yticks": ticks, "ylabel": label}
