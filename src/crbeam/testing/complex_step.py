"""Channels and their Fisher information from first principles, for comparison.

Nothing here is computed by the library: element positions, combiner, noise power, path parameters and channel matrices
are written out once more from the plain entries of the scenario, and differentiated by complex steps,
`df/dx = Im f(x + ih) / h`, exact to rounding. Complex channels `g exp(j phase)` are stepped through the real functions
cosine and sine of their (complexified) phase.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Inexact

from crbeam.errors import InvalidInput
from crbeam.scenario import AnalogCombiner, Scenario, UniformLinearArray

_STEP = 1e-30
_LIGHT_MPS = 299792458.0


@dataclass(frozen=True)
class LinkState:
    """True values of everything unknown in one link, and how they are stored.

    Attributes:
        values: bistatic: user position, orientation, targets, clock bias, gains (real, imaginary by path);
            monostatic: user position, targets, gains.
        n_targets: number of targets.
        is_bistatic: whether the user receives.
    """

    values: Float[np.ndarray, " parameter"]
    n_targets: int
    is_bistatic: bool


def link_state(scenario: Scenario, link: str) -> LinkState:
    """True state of a link of a scenario of the system zhang2025.

    Reference: zhang2025 section VII-A.
    """
    if scenario.seed is not None or scenario.propagation.paths_file is not None:
        raise InvalidInput(
            "A reference channel needs listed (or zero) phases and target positions, not a seed or file."
        )
    is_bistatic = scenario.links[link].receiver == "user"
    user_m = np.array(scenario.user.position_m)
    targets_m = np.array(scenario.targets.positions_m, dtype=float).reshape(-1, 2)
    gain = _gains(scenario, link, is_bistatic)
    gains = np.stack([np.real(gain), np.imag(gain)], axis=1).ravel()
    if not is_bistatic:
        return LinkState(np.concatenate([user_m, targets_m.ravel(), gains]), len(targets_m), False)
    angle, clock = [scenario.user.orientation_rad], [scenario.user.clock_bias_s]
    return LinkState(np.concatenate([user_m, angle, targets_m.ravel(), clock, gains]), len(targets_m), True)


def _gains(scenario: Scenario, link: str, is_bistatic: bool) -> Complex[np.ndarray, " path"]:
    station_m = np.array(next(iter(scenario.stations.values())).position_m)
    user_m = np.array(scenario.user.position_m)
    targets_m = np.array(scenario.targets.positions_m, dtype=float).reshape(-1, 2)
    wavelength_m = _LIGHT_MPS / scenario.waveform.carrier_frequency_hz
    power = 1.0 if scenario.propagation.rcs_amplitude == "as_printed" else 0.5
    out_m = np.linalg.norm(targets_m - station_m, axis=1)
    if is_bistatic:
        back_m = np.linalg.norm(targets_m - user_m, axis=1)
        bounce = np.array(scenario.targets.bistatic_rcs_m2) ** power / (out_m * back_m)
        direct = wavelength_m / (4 * np.pi * np.linalg.norm(user_m - station_m))
        amplitude = np.concatenate([[direct], wavelength_m * bounce / (4 * np.pi) ** 1.5])
    else:
        user_distance_m = np.linalg.norm(user_m - station_m)
        distance_m = np.concatenate([[user_distance_m], out_m])
        rcs_m2 = np.concatenate([[scenario.user.rcs_m2], np.array(scenario.targets.monostatic_rcs_m2).ravel()])
        amplitude = wavelength_m * rcs_m2**power / ((4 * np.pi) ** 1.5 * distance_m**2)
    phases = (scenario.propagation.phases_rad or {}).get(link, np.zeros(len(amplitude)))
    return amplitude * np.exp(1j * np.asarray(phases))


def _length(vector: Inexact[np.ndarray, "2"]) -> complex:
    return np.sqrt(vector[0] ** 2 + vector[1] ** 2)


def _azimuth(vector: Inexact[np.ndarray, "2"]) -> complex:
    """Azimuth by the half-angle formula, which is analytic in the coordinates, about the direction of the real part."""
    about = float(np.arctan2(np.real(vector[1]), np.real(vector[0])))
    cosine, sine = np.cos(about), np.sin(about)
    along, across = cosine * vector[0] + sine * vector[1], cosine * vector[1] - sine * vector[0]
    return about + 2.0 * np.arctan(across / (_length(vector) + along))


def _elements(array: UniformLinearArray) -> Float[np.ndarray, "element 2"]:
    """Element positions in wavelengths, one by one."""
    positions = []
    for n in range(array.elements):
        step = n if array.reference == "first" else n - 0.5 * (array.elements - 1)
        along = array.spacing_wavelengths * step
        positions.append([along, 0.0] if array.axis == "x" else [0.0, along])
    return np.array(positions)


def _combining_vectors(combiner: AnalogCombiner, elements: int) -> Complex[np.ndarray, "rx chain"]:
    """Phase shifts of each chain, of no particular size: information does not depend on it."""
    if combiner.phases_rad is not None:
        return np.array([[np.exp(1j * phase) for phase in chain] for chain in combiner.phases_rad]).T
    beams = combiner.dft_beams or ()
    return np.array([[np.exp(2j * np.pi * n * beam / elements) for beam in beams] for n in range(elements)])


def path_parameters(
    scenario: Scenario, state: LinkState, values: Inexact[np.ndarray, " parameter"]
) -> Inexact[np.ndarray, "row path"]:
    """Departure, local arrival, delay, real and imaginary gain (rows) of each path, for complexified state values."""
    station = next(iter(scenario.stations.values()))
    station_m, user_m = np.array(station.position_m), values[:2]
    start = 3 if state.is_bistatic else 2
    targets_m = values[start : start + 2 * state.n_targets].reshape(-1, 2)
    gains = values[values.size - 2 * (state.n_targets + 1) :].reshape(-1, 2)
    rows = []
    for index in range(state.n_targets + 1):
        point_m = user_m if index == 0 else targets_m[index - 1]
        out = point_m - station_m
        departure = _azimuth(out) - station.orientation_rad
        if not state.is_bistatic:
            rows.append([departure, departure, 2.0 * _length(out) / _LIGHT_MPS, *gains[index]])
            continue
        source_m = station_m if index == 0 else point_m
        length_m = _length(out) if index == 0 else _length(out) + _length(point_m - user_m)
        arrival = _azimuth(source_m - user_m) + scenario.user.orientation_sign * values[2]
        clock_s = values[start + 2 * state.n_targets]
        rows.append([departure, arrival, length_m / _LIGHT_MPS + clock_s, *gains[index]])
    return np.array(rows).T


def jacobian_by_complex_step(scenario: Scenario, link: str) -> Float[np.ndarray, "path_parameter parameter"]:
    """Derivative of departures, arrivals, delays (by kind) and gains (by path) with respect to the state."""
    state = link_state(scenario, link)
    columns = []
    for index in range(state.values.size):
        values = state.values.astype(complex)
        values[index] += 1j * _STEP
        slope = np.imag(path_parameters(scenario, state, values)) / _STEP
        columns.append(np.concatenate([slope[:3].ravel(), slope[3:].T.ravel()]))
    return np.array(columns).T


def _channel_parts(
    scenario: Scenario, state: LinkState, rows: Inexact[np.ndarray, "row path"]
) -> tuple[Inexact[np.ndarray, "subcarrier rx tx"], Inexact[np.ndarray, "subcarrier rx tx"]]:
    """Real and imaginary part of `H_m = sum_k g_k a_rx a_tx^H exp(-2j pi m df tau_k)`, each complexified."""
    station, waveform = next(iter(scenario.stations.values())), scenario.waveform
    transmit = _elements(station.transmit_array)
    receive = _elements(scenario.user.array if state.is_bistatic else station.receive_array)
    index = waveform.first_subcarrier + np.arange(waveform.subcarriers)
    tone_hz = index * (waveform.bandwidth_hz / waveform.subcarriers)
    real = imaginary = 0.0
    for departure, arrival, delay_s, gain_real, gain_imaginary in rows.T:
        away = transmit @ np.array([np.cos(departure), np.sin(departure)])
        back = receive @ np.array([np.cos(arrival), np.sin(arrival)])
        cycles = back[None, :, None] - away[None, None, :] - (tone_hz * delay_s)[:, None, None]
        cosine, sine = np.cos(2 * np.pi * cycles), np.sin(2 * np.pi * cycles)
        real = real + gain_real * cosine - gain_imaginary * sine
        imaginary = imaginary + gain_real * sine + gain_imaginary * cosine
    return np.asarray(real), np.asarray(imaginary)


def information_by_complex_step(
    scenario: Scenario, link: str, covariance: Complex[np.ndarray, "tx tx"]
) -> Float[np.ndarray, "parameter parameter"]:
    """`(2 P / noise) sum_m Re tr(D_j R D_i^H)` with `D_i = dH_m/dx_i` by complex steps, over every subcarrier.

    With an analog combiner W the derivative is `W^H D` and the noise covariance `noise W^H W`.

    Reference: zhang2025 eq. (6).
    """
    state = link_state(scenario, link)
    derivatives = []
    for index in range(state.values.size):
        values = state.values.astype(complex)
        values[index] += 1j * _STEP
        real, imaginary = _channel_parts(scenario, state, path_parameters(scenario, state, values))
        derivatives.append((np.imag(real) + 1j * np.imag(imaginary)) / _STEP)
    slopes = np.array(derivatives)
    left = slopes
    if state.is_bistatic and scenario.user.combiner is not None:
        combiner = _combining_vectors(scenario.user.combiner, scenario.user.array.elements)
        slopes = combiner.conj().T @ slopes
        left = np.linalg.solve(combiner.conj().T @ combiner, slopes)
    seen = (slopes @ covariance).reshape(len(slopes), -1)
    tone_spacing_hz = scenario.waveform.bandwidth_hz / scenario.waveform.subcarriers
    noise_power_w = scenario.noise.figure * scenario.noise.density_w_per_hz * tone_spacing_hz
    scale = 2.0 * scenario.waveform.symbols_per_slot / noise_power_w
    return scale * np.real(left.reshape(len(slopes), -1).conj() @ seen.T)
