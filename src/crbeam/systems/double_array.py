"""Both arrays of a double array as the target and the served users see them: responses, gains, channels.

Places of users and scatterers, and phases, come from the scenario or from its seed.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.communication.channels import ServedUser, UserPropagation, user_channels
from crbeam.propagation.near_field import NearFieldResponse, WaveModel, near_field_response
from crbeam.propagation.path_loss import LogDistanceLoss
from crbeam.scenario import Scenario, Sensing, ServedUsers, Station

#: Purposes of the random streams of a seed.
_USER_DRAWS, _GAIN_DRAWS = 1, 2


@dataclass(frozen=True, eq=False)
class DoubleArray:
    """Both arrays as the target sees them.

    Attributes:
        link: name of the link.
        transmitter: name of the station that transmits.
        receiver: name of the station that listens.
        angle_rad: global direction of the target.
        range_m: its distance.
        gain: complex gain of the echo.
        transmit: response of the transmitting array.
        receive: response of the listening array.
    """

    link: str
    transmitter: str
    receiver: str
    angle_rad: float
    range_m: float
    gain: complex
    transmit: NearFieldResponse
    receive: NearFieldResponse


def double_array(scenario: Scenario) -> DoubleArray:
    """Both arrays of a scenario, its target and the gain of the echo.

    With a sensing SNR the gain has the modulus `sqrt(snr noise / power)`; else that of the path loss both ways times
    the root of the reflection. Its phase comes from the seed.

    Reference: li2024 eq. (7), eq. (8).
    """
    ((name, link),) = scenario.links.items()
    station = scenario.stations[link.transmitter]
    offset_m = np.subtract(scenario.targets.positions_m[0], station.position_m)
    angle_rad, range_m = float(np.arctan2(offset_m[1], offset_m[0])), float(np.hypot(*offset_m))
    responses = [
        _response(scenario, scenario.stations[each], wave_model(scenario, each), angle_rad, range_m)
        for each in (link.transmitter, link.receiver)
    ]
    gain = _echo_gain(scenario, link.transmitter, range_m)
    return DoubleArray(name, link.transmitter, link.receiver, angle_rad, range_m, gain, *responses)


def sensing_of(scenario: Scenario) -> Sensing:
    """How the target is sensed."""
    assert scenario.sensing is not None
    return scenario.sensing


def serving_station(scenario: Scenario) -> str:
    """The station that serves users; without users the one with the longer array."""
    if scenario.served_users is not None:
        return scenario.served_users.station
    lengths = {
        name: station.transmit_array.elements * station.transmit_array.spacing_wavelengths
        for name, station in scenario.stations.items()
    }
    return max(lengths, key=lengths.__getitem__)


def wave_model(scenario: Scenario, station: str) -> WaveModel:
    """How distances from the antennas of a station depend on places."""
    sensing = sensing_of(scenario)
    return sensing.serving_model if station == serving_station(scenario) else sensing.sensing_model


def antenna_positions_m(scenario: Scenario, station: Station) -> Float[np.ndarray, "antenna 2"]:
    """Antennas of a station relative to its reference point, in the frame of its array."""
    return station.transmit_array.positions_wavelengths * scenario.waveform.wavelength_m


def _response(
    scenario: Scenario, station: Station, model: WaveModel, angle_rad: float, range_m: float
) -> NearFieldResponse:
    return near_field_response(
        antenna_positions_m(scenario, station),
        np.array([angle_rad - station.orientation_rad]),
        np.array([range_m]),
        wavelength_m=scenario.waveform.wavelength_m,
        model=model,
    )


def _echo_gain(scenario: Scenario, transmitter: str, range_m: float) -> complex:
    sensing, users = sensing_of(scenario), scenario.served_users
    if sensing.snr is not None:
        modulus = np.sqrt(sensing.snr * scenario.noise_power_w / scenario.power_per_subcarrier_w(transmitter))
    else:
        loss = _losses(users)[0]
        modulus = np.sqrt(sensing.reflection) * float(loss.amplitude(np.array([range_m]))[0]) ** 2
    phase = 0.0 if scenario.seed is None else _generator(scenario, _GAIN_DRAWS, 0).uniform(0.0, 2.0 * np.pi)
    return complex(modulus * np.exp(1j * phase))


def _generator(scenario: Scenario, purpose: int, item: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(scenario.seed or 0, spawn_key=(purpose, item)))


def _losses(users: ServedUsers | None) -> tuple[LogDistanceLoss, LogDistanceLoss]:
    """Losses of the line of sight and over scatterers; those of New York without users."""
    defaults = ServedUsers(station="main", count=0) if users is None else users
    return (
        LogDistanceLoss(defaults.loss, defaults.loss_exponent),
        LogDistanceLoss(defaults.scattered_loss, defaults.scattered_exponent),
    )


def served_users(scenario: Scenario) -> tuple[ServedUser, ...]:
    """The served users of a scenario in the frame of the array that serves them, with what the seed draws.

    Users and scatterers without a given place are uniform in angle over the sector and in distance over the ring; paths
    over scatterers have uniform phases. Every user has random numbers of its own, so that more users leave the first
    ones where they are.

    Reference: li2024 section V.

    Deviation: the paper does not say over which angles users are uniform; see `served_users.sector`.
    """
    users = scenario.served_users
    if users is None:
        return ()
    station = scenario.stations[users.station]
    facing_rad = 0.0 if station.transmit_array.axis == "y" else np.pi / 2.0
    return tuple(_served_user(scenario, users, station, facing_rad, index) for index in range(users.count or 0))


def _served_user(scenario: Scenario, users: ServedUsers, station: Station, facing_rad: float, index: int) -> ServedUser:
    generator = _generator(scenario, _USER_DRAWS, index)

    def drawn() -> tuple[float, float]:
        angle_rad = facing_rad + generator.uniform(-users.sector_rad, users.sector_rad)
        range_m = generator.uniform(*users.distance_m)
        return float(range_m * np.cos(angle_rad)), float(range_m * np.sin(angle_rad))

    position_m = drawn()
    if users.positions_m is not None:
        offset_m = np.subtract(users.positions_m[index], station.position_m)
        cosine, sine = np.cos(station.orientation_rad), np.sin(station.orientation_rad)
        position_m = (
            float(cosine * offset_m[0] + sine * offset_m[1]),
            float(cosine * offset_m[1] - sine * offset_m[0]),
        )
    scatterers_m = tuple(drawn() for _ in range(users.scatterers))
    phases = (0.0, *generator.uniform(0.0, 2.0 * np.pi, users.scatterers).tolist())
    return ServedUser(position_m, scatterers_m, phases)


def served_channels(scenario: Scenario, *, model: WaveModel | None = None) -> Complex[np.ndarray, "antenna user"]:
    """Channels between the serving array and its users, a column for each.

    Args:
        scenario: the world.
        model: of the waves; by default that of the serving array, `far` for the baseline (72).

    Reference: li2024 eq. (6), eq. (72).
    """
    name = serving_station(scenario)
    losses = _losses(scenario.served_users)
    propagation = UserPropagation(scenario.waveform.wavelength_m, model or wave_model(scenario, name), *losses)
    return user_channels(antenna_positions_m(scenario, scenario.stations[name]), served_users(scenario), propagation)
