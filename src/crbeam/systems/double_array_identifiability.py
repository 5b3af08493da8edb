"""Whether any transmission of a double array determines what a design is asked for, judged as bounds are."""

from collections.abc import Sequence

import numpy as np

from crbeam.errors import Unidentifiable
from crbeam.information import InformationMap
from crbeam.information.information import REMEDY
from crbeam.information.near_field import position_information
from crbeam.propagation.near_field import LINE_TOLERANCE, rayleigh_distance_m
from crbeam.propagation.responses import lever
from crbeam.scenario import Scenario
from crbeam.systems.antenna_limits import isotropic_at_full_power
from crbeam.systems.double_array import antenna_positions_m, double_array, serving_station, wave_model

TARGET, ANGLE, RANGE = "target[0]", "target_angle[0]", "target_range[0]"
#: Distance in Rayleigh distances of the larger array from which an unknown range is laid to plane waves.
FAR_AWAY = 10.0


def require_identifiable(scenario: Scenario, information: InformationMap, requested: Sequence[str]) -> None:
    """Refuse to design for parameters that no transmission determines.

    An isotropic transmission sees every direction that any other sees, so that what it leaves open no design closes.
    Where angle and range both count, their position must be determined too, as bounds report it: metres along and
    across, which a range without digits beside the angle spoils.

    Args:
        scenario: the world.
        information: about angle and range of the target with a chain for each antenna.
        requested: those of them that count.

    Raises:
        Unidentifiable: with the likely cause.
    """
    arrays = double_array(scenario)
    isotropic = isotropic_at_full_power(scenario, information.antennas)
    maps = [(information, tuple(requested))]
    if {ANGLE, RANGE} <= set(requested):
        place = {TARGET: (arrays.angle_rad, arrays.range_m)}
        maps.append((position_information(information, place), ("target_position[0]",)))
    for each, names in maps:
        try:
            each.at(isotropic).bound(names)
        except Unidentifiable as error:
            raise Unidentifiable(error.names, direction=error.direction, remedy=_remedy(scenario)) from None


def _remedy(scenario: Scenario) -> str:
    """What to do, with the likely cause: a target in line with an array, or too far for curved waves."""
    arrays, name = double_array(scenario), serving_station(scenario)
    station = scenario.stations[name]
    positions_m = antenna_positions_m(scenario, station)
    across_m = float(np.max(np.abs(lever(positions_m, np.array([arrays.angle_rad - station.orientation_rad])))))
    length_m = float(np.max(np.hypot(*positions_m.T)))
    if across_m <= LINE_TOLERANCE * length_m:
        return (
            f"The target lies in line with the antennas of `{name}`, where neither its angle nor its range changes how "
            f"waves differ from antenna to antenna: move it, or turn the array (`stations.{name}.orientation`)."
        )
    rayleigh_m = rayleigh_distance_m(positions_m, scenario.waveform.wavelength_m)
    if wave_model(scenario, name) == "far":
        return "Plane waves (`sensing.serving_model: far`) do not tell a range: choose `spherical` or `fresnel`."
    if arrays.range_m > FAR_AWAY * rayleigh_m:
        return (
            f"The target is {arrays.range_m:.4g} m away, {arrays.range_m / rayleigh_m:.3g} times the Rayleigh distance "
            f"{rayleigh_m:.4g} m of `{name}`: waves over the array are plane, and tell its angle but not its range. "
            "Move it nearer, lengthen the array, or ask for the angle alone (`sensing.range_weight: 0`)."
        )
    return REMEDY
