"""What the listening array of a double array knows of the echo, and what the echo truly is."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex

from crbeam.design.beamformers import beamformers_from_covariance
from crbeam.estimation.near_field_model import EchoArray, EchoModel
from crbeam.scenario import Scenario, Station
from crbeam.systems.double_array import (
    DoubleArray,
    antenna_positions_m,
    sensing_of,
    serving_station,
    wave_model,
)


@dataclass(frozen=True)
class TrueEcho:
    """What an estimator of the echo has to find.

    Attributes:
        station_m: place of both arrays.
        angle_rad: global direction of the target.
        range_m: its distance.
        strength: of the echo in an observation in units of the noise, `gain sqrt(snapshots / noise power)`.
        is_modulus_known: whether only the phase of the strength is unknown.
        sensing_snr: power gain of the echo from one antenna to another, times transmit power over noise power.
    """

    station_m: tuple[float, float]
    angle_rad: float
    range_m: float
    strength: complex
    is_modulus_known: bool
    sensing_snr: float


def true_echo(scenario: Scenario, arrays: DoubleArray) -> TrueEcho:
    """The echo of a scenario, whose arrays are given.

    Reference: li2024 section V.
    """
    waveform = scenario.waveform
    snapshots = waveform.symbols_per_slot * waveform.subcarriers
    power_w = scenario.power_per_subcarrier_w(arrays.transmitter)
    return TrueEcho(
        scenario.stations[arrays.transmitter].position_m,
        arrays.angle_rad,
        arrays.range_m,
        arrays.gain * np.sqrt(snapshots / scenario.noise_power_w),
        sensing_of(scenario).unknown_gain == "phase",
        abs(arrays.gain) ** 2 * power_w / scenario.noise_power_w,
    )


def echo_model(
    scenario: Scenario,
    arrays: DoubleArray,
    covariance: Complex[np.ndarray, "tx tx"],
    *,
    network: Complex[np.ndarray, "rx chain"] | None = None,
) -> EchoModel:
    """The link of a double array as the array that listens knows it.

    In the uplink the users' data are taken as decoded and removed.

    Args:
        scenario: the world.
        arrays: its arrays.
        covariance: of the transmission; all its eigenbeams are sent at once.
        network: analog combiner of the listening array; None is one chain for each antenna.
    """
    return EchoModel(
        name=arrays.link,
        wavelength_m=scenario.waveform.wavelength_m,
        transmit=_array(scenario, arrays.transmitter),
        receive=_array(scenario, arrays.receiver),
        beams=beamformers_from_covariance(covariance).matrix,
        facing_rad=_facing_rad(scenario.stations[serving_station(scenario)], arrays.angle_rad),
        combiner=None if network is None else np.linalg.qr(network)[0],
    )


def _array(scenario: Scenario, name: str) -> EchoArray:
    """An array of the scenario along the global axes."""
    station = scenario.stations[name]
    cosine, sine = np.cos(station.orientation_rad), np.sin(station.orientation_rad)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    return EchoArray(antenna_positions_m(scenario, station) @ turn, wave_model(scenario, name))


def _facing_rad(station: Station, target_rad: float) -> float:
    """Global direction perpendicular to a line array, on the side of its line on which the target is known to be."""
    ahead_rad = station.orientation_rad + (0.0 if station.transmit_array.axis == "y" else np.pi / 2.0)
    return ahead_rad if np.cos(target_rad - ahead_rad) >= 0.0 else ahead_rad + np.pi
