"""How the schemes of zhang2025 look in its figures: a line for each paradigm, a colour and a marker for each group."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from crbeam.evaluation import TradeoffPoint
from crbeam.papers.zhang2025.curves import SCHEMES
from crbeam.report.figures.panels import PanelCurve
from crbeam.report.style import COLOURS, LINES, MARKERS

#: Names of the methods in legends.
LABELS: Mapping[str, str] = {
    "fdb-wcrb": "FDB-WCRB",
    "fdb-wbf": "FDB-WBF",
    "fdb-wcm": "FDB-WCM",
    "cpa-wcrb": "CPA-WCRB",
    "cpa-wbf": "CPA-WBF",
    "cpa-wcm": "CPA-WCM",
    "analog-fdb": "analog FDB",
    "analog-wcrb": "analog WCRB (ours)",
    "analog-cpa": "analog CPA",
    "fusion": "Fusion",
}

#: Lines of the paradigms: weighted bound, mismatch of beamformers, mismatch of covariances.
PARADIGMS: Mapping[str, Any] = {"WCRB": LINES[0], "WBF": LINES[1], "WCM": LINES[2]}

#: Weights at which curves have markers, the same on all.
MARKED_WEIGHTS = (0.1, 0.3, 0.5, 0.7, 0.9)

BISTATIC_LABEL = "root bound of the user, bistatic (m)"
MONOSTATIC_LABEL = "root bound of all positions, monostatic (m)"


def paradigm_of(method_name: str) -> str:
    """What a scheme compromises on; the paper's analog schemes follow covariances."""
    ending = method_name.partition(":")[0].rpartition("-")[2].upper()
    return ending if ending in PARADIGMS else "WCRB" if method_name == "fusion" else "WCM"


def scheme_style(method_name: str) -> dict[str, Any]:
    """Colour and marker of the scheme's group with the line of its paradigm."""
    group = next(index for index, names in enumerate(SCHEMES.values()) if method_name in names)
    return {
        "color": COLOURS[group],
        "marker": MARKERS[group],
        "linestyle": PARADIGMS[paradigm_of(method_name)],
    }


def target_style(index: int, line: Any) -> dict[str, Any]:
    """Colour and marker of a number of targets, by its place among those compared."""
    return {"color": COLOURS[index], "marker": MARKERS[index], "linestyle": line}


def bounds_m(points: Sequence[TradeoffPoint]) -> Float[np.ndarray, "point 2"]:
    """Root bounds of positioning and of sensing of every point; not numbers where they do not both exist."""
    pairs = [point.bounds_m or (np.nan, np.nan) for point in points]
    return np.array(pairs, dtype=float).reshape(-1, 2)


def tradeoff_curve(points: Sequence[TradeoffPoint], style: Mapping[str, Any]) -> PanelCurve:
    """Root bound of sensing over that of positioning, with markers at `MARKED_WEIGHTS`."""
    x, y = bounds_m(points).T
    marked = [index for index, point in enumerate(points) if point.weight in MARKED_WEIGHTS]
    return PanelCurve(x, y, {**style, "markevery": marked})
