"""Where a scene passes the limits of what bounds of a double array tell."""

import numpy as np

from crbeam.propagation.near_field import (
    GratingAlias,
    grating_aliases,
    least_fresnel_range_m,
    near_field_response,
)
from crbeam.scenario import Scenario
from crbeam.systems.double_array import DoubleArray, antenna_positions_m, wave_model

#: Product of the correlations of both arrays' responses from which two places look the same.
SAME = 0.99


def limit_cautions(scenario: Scenario, arrays: DoubleArray) -> list[str]:
    """Sentences on a target too near for the model of its waves, and on places that look like its own."""
    return [*_fresnel_cautions(scenario, arrays), *_alias_cautions(scenario, arrays)]


def same_places(scenario: Scenario, arrays: DoubleArray) -> list[GratingAlias]:
    """Grating aliases of the target that both arrays take for it, in global angles; the correlation is the product."""
    found = []
    for station in scenario.stations.values():
        positions_m, turn_rad = antenna_positions_m(scenario, station), station.orientation_rad
        if len(positions_m) < 2:
            continue
        for alias in grating_aliases(
            positions_m, arrays.angle_rad - turn_rad, arrays.range_m, wavelength_m=scenario.waveform.wavelength_m
        ):
            angle_rad = alias.angle_rad + turn_rad
            both = float(
                np.prod(
                    [_correlation(scenario, arrays, name, (angle_rad, alias.range_m)) for name in scenario.stations]
                )
            )
            if both > SAME:
                found.append(GratingAlias(angle_rad, alias.range_m, both))
    return found


def _fresnel_cautions(scenario: Scenario, arrays: DoubleArray) -> list[str]:
    range_m, wavelength_m = arrays.range_m, scenario.waveform.wavelength_m
    found = []
    for name, station in scenario.stations.items():
        least_m = least_fresnel_range_m(antenna_positions_m(scenario, station), wavelength_m)
        if wave_model(scenario, name) == "fresnel" and range_m < least_m:
            found.append(
                f"The target is {range_m:.3g} m from `{name}`, whose waves follow the Fresnel model: it holds from "
                f"{least_m:.3g} m on, 0.62 sqrt(D^3 / wavelength) with the aperture D. Set the model to spherical "
                "(`sensing.serving_model`, `sensing.sensing_model`)."
            )
    return found


def _alias_cautions(scenario: Scenario, arrays: DoubleArray) -> list[str]:
    places = same_places(scenario, arrays)
    if not places:
        return []
    nearest = places[0]
    return [
        f"A target at {np.degrees(nearest.angle_rad):.1f} deg and {nearest.range_m:.4g} m looks the same to both "
        f"arrays (correlation {nearest.correlation:.4f}): where one has antennas too far apart, the other has too few. "
        "The bound holds near the true position and does not know; an estimator finds one of the two. Give the other "
        "array more antennas, or put antennas half a wavelength apart."
    ]


def _correlation(scenario: Scenario, arrays: DoubleArray, name: str, place: tuple[float, float]) -> float:
    """Modulus of the normalised inner product of a station's responses to the target and to another place.

    The place is given by its global direction in rad and its distance in m.
    """
    station, (angle_rad, range_m) = scenario.stations[name], place
    responses = near_field_response(
        antenna_positions_m(scenario, station),
        np.array([arrays.angle_rad, angle_rad]) - station.orientation_rad,
        np.array([arrays.range_m, range_m]),
        wavelength_m=scenario.waveform.wavelength_m,
        model=wave_model(scenario, name),
    ).value
    return float(np.abs(responses[:, 0].conj() @ responses[:, 1])) / len(responses)
