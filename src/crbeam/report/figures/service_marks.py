"""Roles of stations, who serves whom, and what stations radiate, on a map."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from crbeam.design import Design
from crbeam.evaluation.beampattern import beampattern_w
from crbeam.scenario import Scenario
from crbeam.systems import Service, station_of_block
from crbeam.units import db_to_ratio, ratio_to_db

if TYPE_CHECKING:
    import matplotlib.axes

#: Decibels from the centre of a lobe to the tip of the strongest, its length as a share of the scene, and its points.
LOBE_RANGE_DB, LOBE_SHARE, LOBE_ANGLES = 20.0, 0.3, 1081
#: Points of a line that names should not cover.
LINE_POINTS = 25
_LOBE: dict[str, Any] = {"facecolor": "#dbe4f0", "edgecolor": "#2b2b8c", "linewidth": 0.35, "zorder": 1.5}
_SERVES: dict[str, Any] = {"color": "#1f8a70", "linestyle": (0, (4, 2)), "linewidth": 0.8, "zorder": 3}


def lobe_outlines_m(scenario: Scenario, design: Design, extent_m: float) -> dict[str, Float[np.ndarray, "angle 2"]]:
    """Outline of what each station radiates whose strongest direction is above the floor, by its name.

    The distance from the station is the radiated power of all its blocks in dB over a floor, which is 20 dB below the
    strongest of all stations; that one is as long as a share of the extent. Where waves are curved it is the power at
    the distance of the target.
    """
    azimuths_rad = np.linspace(0.0, 2.0 * np.pi, LOBE_ANGLES)
    radiated: dict[str, np.ndarray] = {}
    for block, covariance in design.covariances.items():
        name = station_of_block(block)
        power_w = beampattern_w(scenario, name, covariance, azimuths_rad)
        radiated[name] = radiated.get(name, np.zeros(LOBE_ANGLES)) + power_w
    strongest_w = max((float(power_w.max()) for power_w in radiated.values()), default=0.0)
    towards = np.stack([np.cos(azimuths_rad), np.sin(azimuths_rad)], axis=1)
    found = {}
    for name, power_w in radiated.items():
        if power_w.max() <= db_to_ratio(-LOBE_RANGE_DB) * strongest_w:
            continue
        shares = np.maximum(power_w / strongest_w, db_to_ratio(-LOBE_RANGE_DB))
        length_m = LOBE_SHARE * extent_m * (1.0 + np.asarray(ratio_to_db(shares)) / LOBE_RANGE_DB)
        found[name] = np.array(scenario.stations[name].position_m) + length_m[:, None] * towards
    return found


def draw_lobes(axes: "matplotlib.axes.Axes", outlines_m: dict[str, Float[np.ndarray, "angle 2"]]) -> None:
    """Draw the outlines, with one entry in the legend."""
    label = f"radiated power, {LOBE_RANGE_DB:g} dB to the longest tip"
    for place, (name, outline_m) in enumerate(outlines_m.items()):
        axes.fill(*outline_m.T, label=f"_lobes of {name}" if place else label, **_LOBE)


def draw_service(
    axes: "matplotlib.axes.Axes", scenario: Scenario, service: Service
) -> list[Float[np.ndarray, "point 2"]]:
    """Draw a line from each served user to every station that serves it; points along these lines."""
    pairs = [(user, station) for user, stations in service.served_by.items() for station in stations]
    lines = []
    for place, (user, station) in enumerate(pairs):
        line_m = np.linspace(scenario.stations[station].position_m, service.places_m[user], LINE_POINTS)
        axes.plot(*line_m[[0, -1]].T, label=f"_{station} serves {user}" if place else "serves", **_SERVES)
        lines.append(line_m)
    return lines
