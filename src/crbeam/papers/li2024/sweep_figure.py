"""Bounds of digital and hybrid designs over the least SINR and the number of chains, in random channels.

Deviation: medians over channels, since a few crowded ones dominate means. Beside the paper's curves: the proven bound
on every hybrid design, what users of far-field designs truly get, and the gap.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from crbeam.papers.li2024.draws import SINR_DB, SIZES, Outcomes, Size, Sweep, sweeps
from crbeam.papers.runs import PaperRun
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import NO_MARKER, curve_style

_DIGITAL, _HYBRID = curve_style(0, 0, marker=0), curve_style(2, 0, marker=1)
_PROVEN, _FAR = curve_style(3, 3, marker=NO_MARKER), curve_style(1, 1, marker=2)
_NEEDED = {"color": "#777777", "linestyle": (0, (1, 2)), "linewidth": 0.8, "marker": ""}
_OTHER_SIZE = {"linestyle": "--", "marker": "D"}
LEGEND = {
    "fully digital": _DIGITAL,
    "hybrid": _HYBRID,
    "proven bound of hybrid designs": _PROVEN,
    "hybrid, designed for plane waves": _FAR,
    "SINR that users need": _NEEDED,
}
_RATIO_AXIS = {"xlabel": "least SINR (dB)", "xticks": SINR_DB}

#: Position error bounds come from the objective, which is what the proven bound is about.
_QUANTITIES: Mapping[str, Callable[[Outcomes], Float[np.ndarray, "draw value"]]] = {
    "position error bound (m)": lambda part: np.sqrt(part.objective),
    "angle bound (mrad)": lambda part: 1e3 * part.angle_rad,
}


def sweep_figure(run: PaperRun, number: str, direction: str) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    found = sweeps(run, direction)
    panels = [
        panel
        for label, value in _QUANTITIES.items()
        for panel in (
            *(_over_ratio(size, found[size], label, value) for size in SIZES),
            _over_chains(found, label, value),
        )
    ]
    panels += [*(_truly(size, found[size]) for size in SIZES), _gaps(found)]
    figure = panels_figure(panels, LEGEND, columns=3, height_in=5.7, shared="none", legend_columns=3)
    stem = run.out_dir / f"li2024_figure_{number}"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), _records(found))]


def served(sweep: Sweep) -> np.ndarray:
    """Channels in which both kinds of designs serve the users at every ratio; all of them if there is none."""
    both = np.isfinite(sweep.digital.objective) & np.isfinite(sweep.hybrid.objective)
    complete = np.all(both, axis=1)
    return complete if complete.any() else np.ones(len(both), dtype=bool)


def medians(values: Float[np.ndarray, "draw value"]) -> Float[np.ndarray, " value"]:
    """Median over the draws that have a value; not a number where none has."""
    return np.array(
        [np.median(column[np.isfinite(column)]) if np.isfinite(column).any() else np.nan for column in values.T]
    )


def _name(size: Size) -> str:
    return f"{size[0]} and {size[1]} antennas"


def _over_ratio(size: Size, sweep: Sweep, label: str, value: Callable) -> Panel:
    keep, levels_db = served(sweep), np.array(SINR_DB)
    curves = [
        PanelCurve(np.array(part.values), medians(value(part)[keep]), style)
        for part, style in ((sweep.far_hybrid, _FAR), (sweep.hybrid, _HYBRID), (sweep.digital, _DIGITAL))
    ]
    if label.startswith("position"):
        curves.insert(1, PanelCurve(levels_db, medians(np.sqrt(sweep.hybrid.lower_bound)[keep]), _PROVEN))
    title = f"{_name(size)}\n({keep.sum()} of {sweep.draws} channels)"
    return Panel(title, curves, axes={**_RATIO_AXIS, "ylabel": label})


def _chain_counts(size: Size, sweep: Sweep) -> np.ndarray:
    """Chains from few to all."""
    return np.array([*(size[0] / each for each in sweep.by_chain.values[::-1]), float(size[0])])


def _over_chains(found: Mapping[Size, Sweep], label: str, value: Callable) -> Panel:
    curves = []
    for index, (size, sweep) in enumerate(found.items()):
        digital = sweep.digital.at(10.0)
        keep = np.all(np.isfinite(sweep.by_chain.objective), axis=1) & np.isfinite(digital.objective[:, 0])
        counts = _chain_counts(size, sweep)
        look = _OTHER_SIZE if index else {}
        ends = [value(sweep.by_chain)[:, ::-1], value(digital)]
        if label.startswith("position"):
            proven = np.concatenate([np.sqrt(sweep.by_chain.lower_bound)[:, ::-1], np.sqrt(digital.objective)], axis=1)
            curves.append(PanelCurve(counts, medians(proven[keep]), _PROVEN))
        curves.append(PanelCurve(counts, medians(np.concatenate(ends, axis=1)[keep]), {**_HYBRID, **look}))
    axes = {
        "xlabel": "chains (the most: fully digital)",
        "xscale": "log",
        "xticks": (4, 8, 16, 32, 64),
        "ylabel": label,
    }
    return Panel(f"at 10 dB; solid: {_name(SIZES[0])},\ndashed: {_name(SIZES[1])}", curves, axes=axes)


def _truly(size: Size, sweep: Sweep) -> Panel:
    keep, levels_db = served(sweep), np.array(SINR_DB)
    curves = [PanelCurve(levels_db, levels_db, _NEEDED)]
    curves += [
        PanelCurve(np.array(part.values), medians(part.worst_sinr_db[keep]), style)
        for part, style in ((sweep.far_hybrid, _FAR), (sweep.hybrid, _HYBRID), (sweep.digital, _DIGITAL))
    ]
    return Panel(_name(size), curves, axes={**_RATIO_AXIS, "ylabel": "true SINR of worst user (dB)"})


def _gaps(found: Mapping[Size, Sweep]) -> Panel:
    curves = []
    for index, sweep in enumerate(found.values()):
        gaps = 100.0 * (1.0 - sweep.hybrid.lower_bound / sweep.hybrid.objective)[served(sweep)]
        curves.append(PanelCurve(np.array(SINR_DB), medians(gaps), {**_HYBRID, **(_OTHER_SIZE if index else {})}))
    title = f"solid: {_name(SIZES[0])},\ndashed: {_name(SIZES[1])}"
    return Panel(title, curves, axes={**_RATIO_AXIS, "ylabel": "gap of the objective (%)"})


def _records(found: Mapping[Size, Sweep]) -> list[dict[str, Any]]:
    kinds = {
        "fully digital": ("digital", False),
        "hybrid": ("hybrid", False),
        "hybrid, designed for plane waves": ("far_hybrid", False),
        "fully digital, designed for plane waves": ("far_digital", False),
        "hybrid over antennas per chain": ("by_chain", True),
    }
    return [
        {
            "antennas": size[0],
            "assisting_antennas": size[1],
            "design": kind,
            "least_sinr_db": 10.0 if is_chain else value,
            "antennas_per_chain": value if is_chain else (1 if "digital" in kind else 4),
            "channel": draw,
            "objective_m2": part.objective[draw, place],
            "lower_bound_m2": part.lower_bound[draw, place],
            "angle_rad": part.angle_rad[draw, place],
            "range_m": part.range_m[draw, place],
            "worst_sinr_db": part.worst_sinr_db[draw, place],
        }
        for size, sweep in found.items()
        for kind, (name, is_chain) in kinds.items()
        for part in [getattr(sweep, name)]
        for place, value in enumerate(part.values)
        for draw in range(sweep.draws)
        if np.isfinite(part.objective[draw, place])
    ]
