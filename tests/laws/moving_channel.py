"""Every pilot of a scene with a moving user, from first principles, and its Fisher information by complex steps.

Nothing of the library's motion, timing or sums is used: the observation is written out over all antennas, subcarriers
and symbols, and differentiated in one piece. Angles and delays come from `crbeam.testing.path_parameters`, which is
independent of the library too.
"""

from collections.abc import Callable

import numpy as np

from crbeam.information import Information, ParameterLayout
from crbeam.linalg import hermitian_part
from crbeam.propagation import trace_paths
from crbeam.scenario import Scenario
from crbeam.systems import true_state
from crbeam.testing import LinkState, path_parameters

STEP = 1e-30
LIGHT_MPS = 299792458.0

#: Beams that each symbol sends, `[tx, beam]`, by number of slot and symbol within it; None where it is not observed.
Beams = Callable[[int, int], np.ndarray | None]


def state_of(scenario: Scenario, link: str) -> dict[str, np.ndarray]:
    """True values of all that is unknown in a link, gains included, by name."""
    is_bistatic = scenario.links[link].receiver == "user"
    known = set() if is_bistatic else {"user_orientation", "clock_bias"}
    state = {name: value for name, value in true_state(scenario).items() if name not in known}
    for path, gain in enumerate(trace_paths(scenario)[link].gain):
        state[f"{link}/gain[{path}]"] = np.array([gain.real, gain.imag])
    return state


def doppler_hz(scenario: Scenario, state: dict[str, np.ndarray], *, is_bistatic: bool) -> np.ndarray:
    """Doppler shift of every path: the rate at which its length shrinks, over the wavelength."""
    wavelength_m = LIGHT_MPS / scenario.waveform.carrier_frequency_hz
    station_m = np.array(next(iter(scenario.stations.values())).position_m)
    targets = [state[name] for name in sorted(state) if name.startswith("target_position")]

    def closing_mps(from_m):
        away = state["user_position"] - from_m
        return -(state["user_velocity"] @ away) / np.sqrt(away @ away)

    if is_bistatic:
        return np.array([closing_mps(source_m) for source_m in (station_m, *targets)]) / wavelength_m
    return np.array([2.0 * closing_mps(station_m), *(0.0 * state["user_velocity"][0] for _ in targets)]) / wavelength_m


def path_values(scenario: Scenario, link: str, state: dict[str, np.ndarray]) -> np.ndarray:
    """Departure, local arrival, delay, real and imaginary gain (rows) of each path."""
    is_bistatic = scenario.links[link].receiver == "user"
    targets = sorted(name for name in state if name.startswith("target_position"))
    gains = sorted(name for name in state if "/gain" in name)
    order = ["user_position", *targets, *gains]
    if is_bistatic:
        order = ["user_position", "user_orientation", *targets, "clock_bias", *gains]
    values = np.concatenate([state[name] for name in order])
    return path_parameters(scenario, LinkState(np.real(values), len(targets), is_bistatic), values)


def symbol_duration_s(scenario: Scenario) -> float:
    """Useful part and cyclic prefix."""
    waveform = scenario.waveform
    return waveform.subcarriers / waveform.bandwidth_hz + waveform.cyclic_prefix_s


def channels(scenario: Scenario, link: str, state: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Real and imaginary part of the channel matrices `[symbol, subcarrier, rx, tx]`, each complexified."""
    is_bistatic = scenario.links[link].receiver == "user"
    station, waveform = next(iter(scenario.stations.values())), scenario.waveform
    transmit = station.transmit_array.positions_wavelengths
    receive = (scenario.user.array if is_bistatic else station.receive_array).positions_wavelengths
    tone_hz = (waveform.first_subcarrier + np.arange(waveform.subcarriers)) * waveform.bandwidth_hz
    tone_hz = tone_hz / waveform.subcarriers
    time_s = symbol_duration_s(scenario) * np.arange(waveform.slots * waveform.symbols_per_slot)
    shifts_hz = doppler_hz(scenario, state, is_bistatic=is_bistatic)
    real = imaginary = 0.0
    for values, shift_hz in zip(path_values(scenario, link, state).T, shifts_hz, strict=True):
        departure, arrival, delay_s, gain_real, gain_imaginary = values
        away = transmit @ np.array([np.cos(departure), np.sin(departure)])
        back = receive @ np.array([np.cos(arrival), np.sin(arrival)])
        over_arrays = back[:, None] - away[None, :]
        over_samples = (shift_hz * time_s)[:, None] - tone_hz * delay_s
        cycles = over_samples[:, :, None, None] + over_arrays
        cosine, sine = np.cos(2 * np.pi * cycles), np.sin(2 * np.pi * cycles)
        real = real + gain_real * cosine - gain_imaginary * sine
        imaginary = imaginary + gain_real * sine + gain_imaginary * cosine
    return np.asarray(real), np.asarray(imaginary)


def moving_information(scenario: Scenario, link: str, beams: Beams) -> Information:
    """`(2 / noise) sum Re(conj(dy/dx_i) dy/dx_j)` over antennas, subcarriers, symbols and the beams that each sends.

    Beams of one symbol stand for observations of their own, so that they add up to a covariance of any rank.
    """
    state = state_of(scenario, link)
    slopes = []
    for name, value in state.items():
        for component in range(value.size):
            stepped = {key: entry.astype(complex) for key, entry in state.items()}
            stepped[name][component] += 1j * STEP
            real, imaginary = channels(scenario, link, stepped)
            slopes.append(_received(scenario, link, (np.imag(real) + 1j * np.imag(imaginary)) / STEP, beams))
    stacked = np.array(slopes)
    matrix = 2.0 / scenario.noise_power_w * np.real(stacked.conj() @ stacked.T)
    return Information(hermitian_part(matrix), ParameterLayout.of({name: value.size for name, value in state.items()}))


def _received(scenario: Scenario, link: str, slope: np.ndarray, beams: Beams) -> np.ndarray:
    """What a change of the channel changes in the observation, behind the user's whitened combiner."""
    combiner = scenario.user.combiner if scenario.links[link].receiver == "user" else None
    if combiner is not None:
        basis, _, _ = np.linalg.svd(combiner.matrix(scenario.user.array.elements), full_matrices=False)
        slope = basis.conj().T @ slope
    parts = []
    for symbol, change in enumerate(slope):
        sent = beams(*divmod(symbol, scenario.waveform.symbols_per_slot))
        if sent is not None:
            parts.append((change @ sent).ravel())
    return np.concatenate(parts) if parts else np.zeros(0, dtype=complex)
