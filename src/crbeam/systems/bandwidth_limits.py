"""What a waveform is too wide for: responses at the carrier alone, and delays that are left out."""

import numpy as np

from crbeam.scenario import SPEED_OF_LIGHT_MPS, Scenario, UniformLinearArray
from crbeam.systems import li2024
from crbeam.systems.xu2023 import link_maps as network_maps
from crbeam.units import format_quantity

#: Bandwidth times aperture over c from which on responses change over the band: at its edges a beam in line with the
#: array has lost a tenth of its amplitude at 0.5.
SQUINT = 0.25
#: Share of a root bound below which what delays would leave of it is worth a word.
MATERIAL = 0.9


def bandwidth_cautions(scenario: Scenario) -> list[str]:
    """Sentences on responses that change over the band, and on delays that would tell more than what is used."""
    return [*_squint(scenario), *_left_out_delays(scenario)]


def _squint(scenario: Scenario) -> list[str]:
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


def _left_out_delays(scenario: Scenario) -> list[str]:
    """What delays would tell, where the system leaves them out and they would tell more."""
    if scenario.system == "li2024":
        return _double_array_delays(scenario)
    network = scenario.network
    if network is None or network.rms_bandwidth_hz is not None or scenario.targets.count != 1:
        return []
    flat_hz = scenario.waveform.bandwidth_hz / np.sqrt(12.0)
    counted = scenario.model_copy(update={"network": network.model_copy(update={"rms_bandwidth_hz": flat_hz})})
    without_m, with_m = _network_bound_m(scenario), _network_bound_m(counted)
    if with_m >= MATERIAL * without_m:
        return []
    return [
        f"The bandwidth of {_band(scenario)} enters the noise alone: delays tell nothing here. Under isotropic "
        f"transmission they would lower the root bound of the target from {without_m:.3g} m to {with_m:.3g} m. Set "
        f"`network.rms_bandwidth`, for a flat band {format_quantity(float(flat_hz), 'frequency', digits=4)}, to have "
        "them count."
    ]


def _network_bound_m(scenario: Scenario) -> float:
    """Least root bound of the target at isotropic transmission, over who listens; infinite if nobody knows."""
    found = [np.inf]
    for information in network_maps(scenario).values():
        powers_w = [scenario.power_per_subcarrier_w(block) for block in information.blocks]
        n_tx = information.n_tx
        told = information.at(np.stack([power / n_tx * np.eye(n_tx, dtype=complex) for power in powers_w]))
        if told.is_identifiable(["target_position[0]"]):
            found.append(told.root_bound(["target_position[0]"]))
    return min(found)


def _double_array_delays(scenario: Scenario) -> list[str]:
    """Whether the resolution of a delay, `c / (2 bandwidth)`, is finer than what curved waves tell of the range."""
    information = li2024.polar_map(scenario)
    (block,) = information.blocks
    power_w = scenario.power_per_subcarrier_w(block)
    told = information.at(power_w / information.n_tx * np.eye(information.n_tx, dtype=complex)[None])
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
