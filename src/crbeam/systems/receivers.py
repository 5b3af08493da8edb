"""Receivers of one transmitter: their places, echoes of the target, direct channels, prices.

Places, and scattered waves of direct channels, come from the scenario or from its seed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.information.delay_doppler import MovingEcho, PulseTrain
from crbeam.propagation import Paths
from crbeam.propagation.paths import Motion
from crbeam.propagation.responses import steering_response
from crbeam.scenario import SPEED_OF_LIGHT_MPS, Multistatic, Receivers, Scenario, Station, UniformLinearArray

#: Purposes of the random streams of a seed.
_PLACE_DRAWS, _SCATTER_DRAWS = 1, 2
TARGET = "target[0]"


@dataclass(frozen=True)
class Listener:
    """What hears the echo: a receiver, or the transmitter itself.

    Attributes:
        link: name of the observation.
        position_m: place.
        array: antennas.
        orientation_rad: of the array.
    """

    link: str
    position_m: tuple[float, float]
    array: UniformLinearArray
    orientation_rad: float


def receivers_of(scenario: Scenario) -> Receivers:
    """The receivers of a scenario."""
    assert scenario.receivers is not None
    return scenario.receivers


def multistatic_of(scenario: Scenario) -> Multistatic:
    """The target's motion and what is made of its echo."""
    assert scenario.multistatic is not None
    return scenario.multistatic


def transmitter_of(scenario: Scenario) -> tuple[str, Station]:
    """Name and station of the transmitter."""
    ((name, station),) = scenario.stations.items()
    return name, station


def receiver_positions_m(scenario: Scenario) -> Float[np.ndarray, "receiver 2"]:
    """Place of every receiver.

    Drawn ones are uniform in distance and in direction about the transmitter, with random numbers of their own, so that
    more receivers leave the first ones where they are.

    Reference: wang2024 section VI-A.
    """
    receivers = receivers_of(scenario)
    if receivers.positions_m is not None:
        return np.array(receivers.positions_m, dtype=float).reshape(-1, 2)
    centre_m = np.array(transmitter_of(scenario)[1].position_m)
    return np.array([centre_m + _drawn_offset_m(scenario, index) for index in range(receivers.count or 0)])


def _drawn_offset_m(scenario: Scenario, index: int) -> Float[np.ndarray, "2"]:
    generator = _generator(scenario, _PLACE_DRAWS, index)
    distance_m = generator.uniform(*receivers_of(scenario).distance_m)
    direction = generator.uniform(0.0, 2.0 * np.pi)
    return distance_m * np.array([np.cos(direction), np.sin(direction)])


def _generator(scenario: Scenario, purpose: int, item: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(scenario.seed or 0, spawn_key=(purpose, item)))


def listeners(scenario: Scenario) -> tuple[Listener, ...]:
    """Everything that hears the echo on some link, selected or not: receivers first."""
    name, station = transmitter_of(scenario)
    receivers = receivers_of(scenario)
    found = []
    for link_name, link in scenario.links.items():
        if link.receiver == name:
            found.append(Listener(link_name, station.position_m, station.receive_array, station.orientation_rad))
        else:
            places = receiver_positions_m(scenario).tolist()
            pairs = zip(receivers.names, places, strict=True)
            found = [*(Listener(each, (x, y), receivers.array, 0.0) for each, (x, y) in pairs), *found]
    return tuple(found)


def sensing_links(scenario: Scenario, links: Iterable[str]) -> tuple[str, ...]:
    """Those of all listeners' links that count together: selected receivers, and the transmitter if it listens."""
    receivers = receivers_of(scenario)
    silent = {name for number, name in enumerate(receivers.names) if number not in receivers.sensing}
    return tuple(link for link in links if link not in silent)


def echo_paths(scenario: Scenario, listener: Listener) -> Paths:
    """The one path over the target to a listener, with its Doppler shift.

    Its amplitude is `sqrt(reflection) L^(-exponent / 2)` with the length L of both legs together, or their product.

    Reference: wang2024 eqs. (3), (50), (51).
    """
    _, station = transmitter_of(scenario)
    target_m = np.array(scenario.targets.positions_m[0], dtype=float)
    transmitter_m, receiver_m = np.array(station.position_m), np.array(listener.position_m)
    out_m, back_m = target_m - transmitter_m, target_m - receiver_m
    legs_m = np.array([np.hypot(*out_m), np.hypot(*back_m)])
    return Paths(
        link=listener.link,
        transmitter_m=transmitter_m,
        receiver_m=receiver_m,
        vertex_m=target_m[None],
        vertex_names=(TARGET,),
        departure_rad=np.arctan2(out_m[1:], out_m[:1]),
        arrival_rad=np.arctan2(back_m[1:], back_m[:1]),
        delay_s=np.array([legs_m.sum() / SPEED_OF_LIGHT_MPS]),
        gain=np.array([np.sqrt(multistatic_of(scenario).reflection * echo_loss(scenario, legs_m))], dtype=complex),
        motion=Motion(
            np.array(multistatic_of(scenario).target_velocity_mps), scenario.waveform.wavelength_m, mover=TARGET
        ),
    )


def echo_loss(scenario: Scenario, legs_m: Float[np.ndarray, "2"]) -> float:
    """Path loss eta of an echo with these two legs, a number below 1 beyond one metre.

    Reference: wang2024 section II.
    """
    length = legs_m.sum() if multistatic_of(scenario).echo_loss == "sum_of_legs" else legs_m.prod()
    return float(length**-scenario.propagation.path_loss_exponent)


def moving_echo(scenario: Scenario, listener: Listener, paths: Paths) -> MovingEcho:
    """The echo over the path to a listener as the listener sees it, with noise and clutter."""
    name, station = transmitter_of(scenario)
    transmit = departure_vectors(station, paths.departure_rad)[:, 0]
    receive = _response(listener.array, paths.arrival_rad - listener.orientation_rad)
    noise_w = scenario.noise_power_w + multistatic_of(scenario).clutter_power_w
    return MovingEcho(listener.link, name, transmit, receive, complex(paths.gain[0]), noise_w)


def departure_vectors(station: Station, azimuth_rad: Float[np.ndarray, " path"]) -> Complex[np.ndarray, "tx path"]:
    """Transmit vectors of plane waves that leave in global directions: channels are `a_r a_t^T`, `t = conj(a)`."""
    array = station.transmit_array
    return steering_response(array.positions_wavelengths, azimuth_rad - station.orientation_rad)[0].conj()


def pulse_train(scenario: Scenario) -> PulseTrain:
    """The block of symbols."""
    given_s = multistatic_of(scenario).symbol_duration_s
    duration_s = 0.5 / scenario.waveform.bandwidth_hz if given_s is None else given_s
    return PulseTrain(multistatic_of(scenario).pulse, scenario.waveform.symbols_per_slot, duration_s)


def _response(array: UniformLinearArray, angle_rad: Float[np.ndarray, " path"]) -> Complex[np.ndarray, " antenna"]:
    return steering_response(array.positions_wavelengths, angle_rad)[0][:, 0]


def direct_channels(scenario: Scenario) -> Complex[np.ndarray, "receiver rx tx"]:
    """Channel from the transmitter to every receiver, who receives `H x`.

    `sqrt(eta) (sqrt(a / (1 + a)) a_r a_t^T + sqrt(1 / (1 + a)) N)` with the Rician factor a and independent complex
    Gaussian entries N, or the line of sight `sqrt(eta) a_r a_t^T` alone. Both responses are those towards the direction
    from transmitter to receiver.

    Reference: wang2024 section III.

    Deviation: the paper has a Rician factor among its numbers but no formula that uses it.
    """
    receivers, (_, station) = receivers_of(scenario), transmitter_of(scenario)
    offset_m = receiver_positions_m(scenario) - np.array(station.position_m)
    direction = np.arctan2(offset_m[:, 1], offset_m[:, 0])
    amplitude = np.hypot(offset_m[:, 0], offset_m[:, 1]) ** (-0.5 * scenario.propagation.path_loss_exponent)
    transmit = steering_response(station.transmit_array.positions_wavelengths, direction - station.orientation_rad)[0]
    receive = steering_response(receivers.array.positions_wavelengths, direction)[0]
    channels = np.einsum("rk,tk->krt", receive, transmit)
    factor = receivers.rician_factor
    if factor is not None:
        scattered = np.stack([_scattered(scenario, index, channels.shape[1:]) for index in range(len(channels))])
        channels = np.sqrt(factor / (1.0 + factor)) * channels + np.sqrt(1.0 / (1.0 + factor)) * scattered
    return amplitude[:, None, None] * channels


def _scattered(scenario: Scenario, index: int, shape: tuple[int, ...]) -> Complex[np.ndarray, "rx tx"]:
    generator = _generator(scenario, _SCATTER_DRAWS, index)
    return np.sqrt(0.5) * (generator.standard_normal(shape) + 1j * generator.standard_normal(shape))
