"""What a waveform is too wide for: responses at the carrier alone, and delays that are left out."""

from collections.abc import Mapping

import numpy as np

from crbeam.information import InformationMap
from crbeam.scenario import SPEED_OF_LIGHT_MPS, Scenario, UniformLinearArray
from crbeam.systems.antenna_limits import isotropic_at_full_power
from crbeam.units import format_quantity

#: Bandwidth times aperture over c from which on responses change over the band: at its edges a beam in line with the
#: array has lost a tenth of its amplitude at 0.5.
SQUINT = 0.25
#: Share of a root bound below which what delays would leave of it is worth a word.
MATERIAL = 0.9


def squint_cautions(scenario: Scenario) -> list[str]:
    """A sentence on responses that change over the band, if they do."""
    name, aperture_m = max(_apertures_m(scenario).items(), key=lambda each: each[1])
    ratio = scenario.waveform.bandwidth_hz * aperture_m / SPEED_OF_LIGHT_MPS
    if ratio < SQUINT:
        return []
    return [
        f"Bandwidth x aperture / c is {ratio:.3g} ({_band(scenario)}, {aperture_m:.3g} m of {name}): waves take up to "
        f"{ratio:.3g} of the inverse bandwidth to pass the array, but responses here are those of the carrier at "
        f"all frequencies. Beams squint at the edges of the band, which is left out; well below "
        f"{SQUINT:g} it can be ignored."
    ]


def _band(scenario: Scenario) -> str:
    return format_quantity(scenario.waveform.bandwidth_hz, "frequency")


def _apertures_m(scenario: Scenario) -> dict[str, float]:
    """Length of every array of a scenario, by what has it."""
    arrays: dict[str, UniformLinearArray] = {}
    for name, station in scenario.stations.items():
        arrays[f"station `{name}`"] = max(station.transmit_array, station.receive_array, key=_length)
    if scenario.user is not None:
        arrays["the user"] = scenario.user.array
    if scenario.receivers is not None:
        arrays["the receivers"] = scenario.receivers.array
    return {name: _length(array) * scenario.waveform.wavelength_m for name, array in arrays.items()}


def _length(array: UniformLinearArray) -> float:
    return (array.elements - 1) * array.spacing_wavelengths


def delays_left_out(
    scenario: Scenario,
    maps: Mapping[str, InformationMap],
    counted: Mapping[str, InformationMap],
    rms_bandwidth_hz: float,
) -> list[str]:
    """A sentence on what delays would tell of the target of a network that leaves them out, if it is much.

    Args:
        scenario: the world.
        maps: what each choice of listeners tells.
        counted: the same with delays.
        rms_bandwidth_hz: with which they count.
    """
    without_m, with_m = _target_bound_m(scenario, maps), _target_bound_m(scenario, counted)
    if with_m >= MATERIAL * without_m:
        return []
    return [
        f"The bandwidth of {_band(scenario)} enters the noise alone: delays tell nothing here. Under isotropic "
        f"transmission they would lower the root bound of the target from {without_m:.3g} m to {with_m:.3g} m. Set "
        f"`network.rms_bandwidth`, for a flat band {format_quantity(rms_bandwidth_hz, 'frequency', digits=4)}, to have "
        "them count."
    ]


def range_of_delay(scenario: Scenario, information: InformationMap) -> list[str]:
    """A sentence on the range that a delay would tell, if `c / (2 bandwidth)` is finer than what curved waves tell."""
    told = information.at(isotropic_at_full_power(scenario, information.antennas))
    resolution_m = SPEED_OF_LIGHT_MPS / (2.0 * scenario.waveform.bandwidth_hz)
    is_told = told.is_identifiable(["target_range[0]"])
    bound_m = told.root_bound(["target_range[0]"]) if is_told else np.inf
    if resolution_m > bound_m:
        return []
    known = f"bound the range to {bound_m:.3g} m under isotropic transmission" if is_told else "do not tell the range"
    return [
        f"The bandwidth of {_band(scenario)} enters the noise alone: every symbol is one sample of one narrow band. A "
        f"delay would resolve the range to c / (2 bandwidth) = {resolution_m:.3g} m, while the curved waves that are "
        f"used {known}; a receiver that measures delays can do better than these bounds."
    ]


def _target_bound_m(scenario: Scenario, maps: Mapping[str, InformationMap]) -> float:
    """Least root bound of the target at isotropic transmission, over who listens; infinite if nobody knows."""
    found = [np.inf]
    for information in maps.values():
        told = information.at(isotropic_at_full_power(scenario, information.antennas))
        if told.is_identifiable(["target_position[0]"]):
            found.append(told.root_bound(["target_position[0]"]))
    return min(found)
