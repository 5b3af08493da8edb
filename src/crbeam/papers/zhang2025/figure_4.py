"""Beampatterns over the plane for positioning alone and for sensing alone.

The power radiated towards each point, relative to that of an isotropic transmission of the same power.

Reference: zhang2025 Fig. 4.

Deviation: echo amplitudes are the physical ones, proportional to the root of the radar cross section. With the printed
ones positioning directs its strongest beam towards the user; with the physical ones the target p_2 gets more.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from crbeam.design import Design
from crbeam.evaluation.beampattern import beampattern_plane_w, beampattern_w
from crbeam.papers.runs import PaperRun
from crbeam.papers.zhang2025.curves import curve, scenario_with
from crbeam.report import SceneObject, save_figure, scene_objects, write_csv
from crbeam.report.figures.plane_panels import plane_panels_figure
from crbeam.units import ratio_to_db

TITLE = "Beampatterns over the plane for weights 1 and 0, digital and analog, K = 3"
N_TARGETS = 3
SCHEMES = {
    "digital FDB": "fdb-wcrb",
    "analog FDB": "analog-fdb",
    "digital CPA": "cpa-wcrb",
    "analog CPA": "analog-cpa",
}
CRITERIA = {"positioning": 1.0, "sensing": 0.0}
POINTS, FULL_POINTS = 161, 481
ANGLES = 721
X_LIMITS_M, Y_LIMITS_M = (-14.0, 14.0), (0.0, 25.0)
LIMITS_DB = (-20.0, 10.0)


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    points = FULL_POINTS if run.full else POINTS
    x_m, y_m = np.linspace(*X_LIMITS_M, points), np.linspace(*Y_LIMITS_M, points)
    scenario = scenario_with(N_TARGETS)
    station = next(iter(scenario.stations))
    panels_db = {
        f"{scheme}, {criterion}": _db(
            beampattern_plane_w(scenario, station, design.covariances[station], x_m=x_m, y_m=y_m) / design.power_w
        )
        for (scheme, criterion), design in designs().items()
    }
    figure = plane_panels_figure(
        x_m,
        y_m,
        panels_db,
        objects=_objects(),
        label="radiated power relative to isotropic (dB)",
        limits_db=LIMITS_DB,
        columns=len(SCHEMES),
    )
    stem = run.out_dir / "zhang2025_figure_4"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), _records())]


def designs() -> dict[tuple[str, str], Design]:
    """Designs by scheme and criterion, criterion by criterion.

    Raises:
        CrbeamError: one of them does not exist.
    """
    weights = tuple(CRITERIA.values())
    found = {}
    for criterion, weight in CRITERIA.items():
        for scheme, name in SCHEMES.items():
            design = curve(N_TARGETS, name, weights)[weights.index(weight)].design
            if not isinstance(design, Design):
                raise design
            found[scheme, criterion] = design
    return found


def gains(angles_rad: Float[np.ndarray, " angle"]) -> dict[tuple[str, str], Float[np.ndarray, " angle"]]:
    """Radiated power over azimuth relative to isotropic, by scheme and criterion."""
    scenario = scenario_with(N_TARGETS)
    station = next(iter(scenario.stations))
    return {
        key: beampattern_w(scenario, station, design.covariances[station], angles_rad) / design.power_w
        for key, design in designs().items()
    }


def _objects() -> list[SceneObject]:
    """The objects with the paper's names of the targets, which count from 1."""
    objects = scene_objects(scenario_with(N_TARGETS))
    targets = [item.name for item in objects if item.kind == "target"]
    symbols = {name: rf"$\mathbf{{p}}_{index + 1}$" for index, name in enumerate(targets)}
    return [replace(item, name=symbols.get(item.name, item.name)) for item in objects]


def object_azimuths_rad() -> dict[str, float]:
    """Azimuths of the user and the targets from the station."""
    scenario = scenario_with(N_TARGETS)
    x, y = next(iter(scenario.stations.values())).position_m
    return {
        item.name: float(np.arctan2(item.position_m[1] - y, item.position_m[0] - x))
        for item in scene_objects(scenario)
        if item.kind != "station"
    }


def _db(ratio: np.ndarray) -> np.ndarray:
    return np.asarray(ratio_to_db(np.maximum(ratio, 1e-12)))


def _records() -> list[Mapping[str, str | float | None]]:
    """Gains in dB over azimuth, first exactly towards the objects."""
    towards = object_azimuths_rad()
    angles_rad = np.concatenate([list(towards.values()), np.linspace(0.0, np.pi, ANGLES)])
    names = [*towards, *([None] * ANGLES)]
    levels_db = {
        f"{scheme}, {criterion} (dB)": _db(values) for (scheme, criterion), values in gains(angles_rad).items()
    }
    return [
        {
            "object": name,
            "azimuth_rad": float(angles_rad[index]),
            **{column: float(values[index]) for column, values in levels_db.items()},
        }
        for index, name in enumerate(names)
    ]
