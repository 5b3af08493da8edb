"""The pictures that go with a result: which figures to draw of it, and where to save them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from crbeam.design import Design
from crbeam.evaluation import EstimatorCheck, Evaluation, PositionErrorMap, TradeoffPoint
from crbeam.evaluation.beampattern import beampattern_plane_w, beampattern_w, pattern_distance_m
from crbeam.evaluation.error_map import scene_grid_m
from crbeam.information import Transmission
from crbeam.report.estimator_table import estimator_table
from crbeam.report.figures import (
    beampattern_figure,
    beampattern_plane_figure,
    error_map_figure,
    estimator_figure,
    scene_figure,
    scene_objects,
    tradeoff_figure,
)
from crbeam.report.style import save_figure
from crbeam.report.tables import tradeoff_table, write_csv
from crbeam.scenario import Scenario
from crbeam.systems import System, World, station_of_block, system_of

#: Points of a beampattern over angle.
ANGLES = 1441
#: Points of a beampattern over the plane, along each axis.
PLANE_POINTS = 181


def scene_picture(directory: Path, scenario: World, evaluation: Evaluation, design: Design | None = None) -> list[Path]:
    """The scene from above, with error ellipses of each link: `scene_LINK.pdf` and `.png`.

    Where a design chooses who listens, only what these stations hear is drawn.
    """
    system = system_of(scenario)
    listeners = set(system.service(design).listeners)
    heard = [link for link in evaluation.links if not listeners or _receivers(system.scenario, link) == listeners]
    return [
        file
        for link in heard
        for file in save_figure(scene_figure(system, evaluation, design=design, link=link), directory / f"scene_{link}")
    ]


def _receivers(scenario: Scenario, link: str) -> set[str]:
    """Who hears a link, or several together, whose names are joined by a plus."""
    return {scenario.links[part].receiver for part in link.split("+") if part in scenario.links}


def design_pictures(
    directory: Path,
    scenario: World,
    design: Design,
    evaluation: Evaluation,
    *,
    others: Mapping[str, Transmission] | None = None,
) -> list[Path]:
    """Scene with error ellipses, beampattern over angle and over the plane of every block, as PDF and PNG.

    A block that sends nothing has no beampattern.

    Args:
        directory: where the files go.
        scenario: the world of the design, or its system.
        design: what to draw.
        evaluation: its bounds.
        others: further transmissions to draw in the beampattern over angle, by label.
    """
    system = system_of(scenario)
    files = scene_picture(directory, system, evaluation, design)
    transmissions = {**(others or {}), design.method: design.covariances}
    for block, covariance in design.covariances.items():
        if not np.any(covariance):
            continue
        suffix = f"_{block.replace('/', '_')}" if len(design.blocks) > 1 else ""
        station = station_of_block(block)
        chosen = {label: sent[block] for label, sent in transmissions.items()}
        files += _beampattern(directory / f"beampattern{suffix}", system, station, chosen)
        files += _beampattern_plane(directory / f"beampattern_plane{suffix}", system, station, covariance)
    return files


def _beampattern(stem: Path, system: System, name: str, covariances: Mapping[str, np.ndarray]) -> list[Path]:
    """Radiated power over the half circle with the objects, or over the full one if they are all around.

    Where waves are curved it is the power at the distance of the target, which the label says.
    """
    directions = _directions_rad(system, name)
    azimuths = np.exp(1j * np.array(list(directions.values())))
    middle = np.angle(np.mean(azimuths))
    half = np.pi / 2.0 if np.all(np.real(azimuths * np.exp(-1j * middle)) > 0.0) else np.pi
    angles = np.linspace(middle - half, middle + half, ANGLES)
    patterns = {label: beampattern_w(system, name, sent, angles) for label, sent in covariances.items()}
    figure = beampattern_figure(angles, patterns, directions_rad=directions, distance_m=pattern_distance_m(system))
    return save_figure(figure, stem)


def _directions_rad(system: System, station: str) -> dict[str, float]:
    x, y = system.scenario.stations[station].position_m
    return {
        item.name: float(np.arctan2(item.position_m[1] - y, item.position_m[0] - x))
        for item in scene_objects(system)
        if "station" not in item.kind
    }


def _beampattern_plane(stem: Path, system: System, name: str, covariance: np.ndarray) -> list[Path]:
    x_m, y_m = scene_grid_m(system, points=PLANE_POINTS, margin=0.12)
    power_w = beampattern_plane_w(system, name, covariance, x_m=x_m, y_m=y_m)
    return save_figure(beampattern_plane_figure(x_m, y_m, power_w, objects=scene_objects(system)), stem)


def tradeoff_pictures(directory: Path, points: Sequence[TradeoffPoint]) -> list[Path]:
    """The trade-off curve as PDF and PNG, with its numbers as CSV; no picture where no point has both bounds."""
    is_drawn = any(point.bounds_m is not None for point in points)
    figure = save_figure(tradeoff_figure(points), directory / "tradeoff") if is_drawn else []
    return [*figure, write_csv(directory / "tradeoff.csv", tradeoff_table(points))]


def estimator_pictures(directory: Path, check: EstimatorCheck) -> list[Path]:
    """Errors and bounds of each link as PDF and PNG, with their numbers as CSV."""
    figures = [
        file
        for name, link in check.links.items()
        for file in save_figure(estimator_figure(link), directory / f"estimator_{name}")
    ]
    return [*figures, write_csv(directory / "estimator.csv", estimator_table(check))]


def map_pictures(directory: Path, scenario: World, error_map: PositionErrorMap) -> list[Path]:
    """The map of the position error bound as PDF and PNG, with its numbers as CSV."""
    stem = directory / f"map_{error_map.link}"
    figure = save_figure(error_map_figure(error_map, objects=scene_objects(scenario)), stem)
    records = [
        {"x_m": float(x), "y_m": float(y), error_map.quantity: float(error_map.root_bound_m[row, column])}
        for row, y in enumerate(error_map.y_m)
        for column, x in enumerate(error_map.x_m)
        if error_map.is_identifiable[row, column]
    ]
    return [*figure, write_csv(stem.with_suffix(".csv"), records)]
