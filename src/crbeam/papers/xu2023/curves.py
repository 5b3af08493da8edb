"""Curves over draws: averages, distributions, shares with their intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from crbeam.evaluation.error_statistics import Interval
from crbeam.papers.xu2023.draws import Drops, excess_db
from crbeam.papers.xu2023.levels import level_dbm
from crbeam.report.figures.panels import PanelCurve

_STEPS = {"drawstyle": "steps-post", "marker": ""}


def average_dbm(power_w: Float[np.ndarray, "draw point"]) -> Float[np.ndarray, " point"]:
    """Mean power over the draws that have a design, in dBm; not a number where none has."""
    known = np.isfinite(power_w)
    with np.errstate(invalid="ignore"):
        return level_dbm(np.where(known, power_w, 0.0).sum(axis=0) / known.sum(axis=0))


def average_gap_db(
    found: Drops, method: str, draws: Bool[np.ndarray, " draw"] | None = None
) -> Float[np.ndarray, " point"]:
    """Mean excess over the optimum in dB, over the drops in which a method has a design, or some of them."""
    gaps_db = excess_db(found.powers, method)
    known = np.isfinite(gaps_db) if draws is None else np.isfinite(gaps_db) & draws[:, None]
    with np.errstate(invalid="ignore"):
        return np.where(known, gaps_db, 0.0).sum(axis=0) / known.sum(axis=0)


def always_feasible(found: Drops, method: str) -> Bool[np.ndarray, " draw"]:
    """The drops in which a method has a design at every ratio of the users."""
    return np.asarray(np.isfinite(excess_db(found.powers, method)).all(axis=1))


def distribution(values: Float[np.ndarray, " draw"], style: Mapping[str, Any]) -> PanelCurve:
    """Share of all draws with at most a value; draws without one never count."""
    known = np.sort(values[np.isfinite(values)])
    x = np.concatenate([known[:1], known])
    y = np.arange(len(x)) / max(len(values), 1)
    return PanelCurve(x, y, {**style, **_STEPS})


def bars(x: Sequence[float | int], intervals: Sequence[Interval], style: Mapping[str, Any]) -> list[PanelCurve]:
    """Points with their intervals as vertical lines."""
    places = np.array(x, dtype=float)
    lines_x = np.stack([places, places, np.full(len(places), np.nan)], axis=1).ravel()
    lines_y = np.array([value for each in intervals for value in (each.low, each.high, np.nan)])
    whiskers = {"color": style["color"], "linestyle": "-", "marker": "", "linewidth": 0.7}
    points = np.array([each.value for each in intervals])
    return [PanelCurve(lines_x, lines_y, whiskers), PanelCurve(places, points, style)]


def unmarked(style: Mapping[str, Any]) -> dict[str, Any]:
    """A style without markers, as the legend shows curves of distributions."""
    return {**style, "marker": ""}
