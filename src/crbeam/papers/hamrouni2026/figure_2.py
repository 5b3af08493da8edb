"""Beam patterns of sensing and of positioning alone, user and targets at equal distances.

Reference: hamrouni2026 Fig. 2.

Deviation: sensing cannot have the velocity in its loss, of which it determines the radial part only; the second curve
has that part in it, in the paper's units.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from crbeam.papers.hamrouni2026.beams import (
    POSITIONING,
    READINGS,
    SENSING,
    designs,
    gains_over_azimuth,
    object_azimuths_rad,
)
from crbeam.papers.hamrouni2026.scenes import GAINS
from crbeam.papers.runs import PaperRun
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import NO_MARKER, curve_style
from crbeam.units import ratio_to_db

TITLE = "Beam patterns of sensing and positioning alone, objects at equal distances"
ANGLES = 2881
FLOOR_DB, TOP_DB = -12.0, 16.0
_TITLES = {SENSING: "monostatic sensing", POSITIONING: "bistatic positioning"}
_DIRECTION = {"color": "#777777", "linestyle": (0, (1, 2)), "linewidth": 0.6, "marker": ""}
_STYLES = (curve_style(0, marker=NO_MARKER), curve_style(2, 1, marker=NO_MARKER))


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    azimuths_rad = np.linspace(0.0, np.pi, ANGLES)
    panels = [_panel(task, gains, azimuths_rad) for gains in GAINS for task in _TITLES]
    legend = {
        "sensing: positions only; positioning: ratios to requirements": _STYLES[0],
        r"m$^2$ + m$^2$/s$^2$ as printed (sensing: with the radial speed)": _STYLES[1],
    }
    figure = panels_figure(panels, legend, columns=2, height_in=3.9)
    stem = run.out_dir / "hamrouni2026_figure_2"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), _records(azimuths_rad))]


def _panel(task: str, gains: str, azimuths_rad: np.ndarray) -> Panel:
    objects = object_azimuths_rad()
    ends_db = np.array([FLOOR_DB, TOP_DB])
    curves = [PanelCurve(np.full(2, np.rad2deg(angle)), ends_db, _DIRECTION) for angle in objects.values()]
    curves += [
        PanelCurve(
            np.rad2deg(azimuths_rad), _db(gains_over_azimuth(designs(gains)[task, reading], azimuths_rad)), style
        )
        for reading, style in zip(READINGS[task], _STYLES, strict=True)
    ]
    names = {name: name.replace("target ", "T") for name in objects}
    notes = [(names[name], float(np.rad2deg(angle)), TOP_DB - 2.5) for name, angle in objects.items()]
    axes = {
        "xlim": (180.0, 0.0),
        "xticks": (180.0, 150.0, 120.0, 90.0, 60.0, 30.0, 0.0),
        "ylim": (FLOOR_DB, TOP_DB),
        "xlabel": "azimuth (deg)",
        "ylabel": "gain over isotropic (dB)",
    }
    return Panel(f"{_TITLES[task]}, {gains}", curves, notes, axes)


def _db(ratio: np.ndarray) -> np.ndarray:
    return np.asarray(ratio_to_db(np.maximum(ratio, 1e-12)))


def _records(azimuths_rad: np.ndarray) -> list[Mapping[str, str | float | None]]:
    """Gains in dB over azimuth, first exactly towards the objects."""
    towards = object_azimuths_rad()
    angles_rad = np.concatenate([list(towards.values()), azimuths_rad])
    names = [*towards, *([None] * ANGLES)]
    levels_db = {
        f"{task}, {reading}, {gains} (dB)": _db(gains_over_azimuth(design, angles_rad))
        for gains in GAINS
        for (task, reading), design in designs(gains).items()
    }
    return [
        {
            "object": name,
            "azimuth_rad": float(angles_rad[place]),
            **{column: float(values[place]) for column, values in levels_db.items()},
        }
        for place, name in enumerate(names)
    ]
