"""What the appendix of xu2023 derives and its theorem states, in numbers of the optimum of Fig. 2."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design import Design
from crbeam.design.methods import method_named
from crbeam.information import Transmission
from crbeam.information.network import TARGET
from crbeam.papers.xu2023.scenes import EXACT, SEED, preset_scene
from crbeam.propagation.responses import steering_response
from crbeam.scenario import Scenario
from crbeam.systems import design_problem, link_map
from crbeam.systems.xu2023 import Xu2023, echo_gains, network_of, station_view, user_channel

#: Flat band with which a delay is looked at.
FLAT_BAND_HZ = 20e6
#: Covariances of full rank that rank one is recovered from.
RECOVERIES = 20
_STEP_M, _GAIN_STEP = 1e-3, 1e-3


@dataclass(frozen=True)
class Appendix:
    """The squared bound of the position, derived in several ways, as ratios to that of the library.

    Attributes:
        finite_differences: from differences of the noise-free echoes.
        printed: from the matrices (29) to (39), with the printed derivative of the delay in metres.
        ranging: with what a delay tells in truth, at a flat band.
    """

    finite_differences: float
    printed: float
    ranging: float


@dataclass(frozen=True)
class RankOne:
    """Beams of rank one in place of covariances of full rank.

    Attributes:
        second: largest second eigenvalue over the first of what serves a user in the designs.
        change: largest relative change of power, bound and ratios of the users by recovering beams.
        least: least eigenvalue of what is added to the covariance that serves nobody, relative to the largest.
        count: number of covariances that were recovered from.
    """

    second: float
    change: float
    least: float
    count: int


@lru_cache(maxsize=2)
def optimum() -> tuple[Scenario, Design]:
    """The setting of Fig. 2 with one draw of the channels, and its optimum."""
    scenario = preset_scene()
    return scenario, method_named(EXACT).solve(design_problem(scenario))


def appendix() -> Appendix:
    """Bounds of the position under the optimal covariances.

    Reference: xu2023 eq. (7), eq. (29)-(39).
    """
    scenario, design = optimum()
    (receiver,), _ = Xu2023(scenario).roles(design)
    sent = design.covariances.only(name for name in design.blocks if name != receiver)
    bound_m2 = float(np.trace(link_map(scenario, receiver).at(sent).bound([TARGET])))
    network = network_of(scenario).model_copy(update={"rms_bandwidth_hz": FLAT_BAND_HZ / np.sqrt(12.0)})
    ranging = scenario.model_copy(update={"network": network})
    ranging_m2 = float(np.trace(link_map(ranging, receiver).at(sent).bound([TARGET])))
    return Appendix(
        differences_bound_m2(scenario, receiver, sent) / bound_m2,
        printed_bound_m2(scenario, receiver, sent) / bound_m2,
        ranging_m2 / bound_m2,
    )


def _responses(scenario: Scenario, name: str, place_m: Float[np.ndarray, "2"]) -> tuple[np.ndarray, np.ndarray]:
    """Response and its derivative by the two coordinates of the target."""
    station = scenario.stations[name]
    offset_m = place_m - np.array(station.position_m)
    angle_rad = np.arctan2(offset_m[1], offset_m[0]) - station.orientation_rad
    response, slope = steering_response(station.transmit_array.positions_wavelengths, np.array([angle_rad]))
    gradient = np.array([-offset_m[1], offset_m[0]]) / float(offset_m @ offset_m)
    return response[:, 0], slope * gradient


def differences_bound_m2(scenario: Scenario, receiver: str, sent: Transmission) -> float:
    """Bound of the position from differences of `alpha G X^(1/2)` by position and gains."""
    gains = echo_gains(scenario, receiver)
    roots = {name: _root(each) for name, each in sent.items()}
    scale = max(abs(gain) for gain in gains.values())
    parts = [value / scale for name in sent for value in (gains[name].real, gains[name].imag)]
    true = np.array([*scenario.targets.positions_m[0], *parts])

    def echoes(unknown: np.ndarray) -> np.ndarray:
        heard = _responses(scenario, receiver, unknown[:2])[0]
        parts = []
        for place, (name, half) in enumerate(roots.items()):
            gain = scale * complex(*unknown[2 + 2 * place : 4 + 2 * place])
            parts.append(gain * np.outer(heard, _responses(scenario, name, unknown[:2])[0].conj() @ half))
        return np.concatenate([part.ravel() for part in parts])

    steps = np.array([_STEP_M, _STEP_M, *[_GAIN_STEP] * (len(true) - 2)])
    jacobian = np.stack([_difference(echoes, true, place, step) for place, step in enumerate(steps)], axis=1)
    fisher = _per_noise(scenario) * np.real(jacobian.conj().T @ jacobian)
    return _position_bound_m2(fisher)


def _root(covariance: Complex[np.ndarray, "tx tx"]) -> Complex[np.ndarray, "tx tx"]:
    """B with `B B^H` the covariance."""
    eigenvalues, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(eigenvalues, 0.0))


def _difference(function: Callable[[np.ndarray], np.ndarray], at: np.ndarray, place: int, step: float) -> np.ndarray:
    """Derivative by one unknown, to the fourth order of the step."""
    shift = np.zeros(len(at))
    shift[place] = step
    near = function(at + shift) - function(at - shift)
    far = function(at + 2.0 * shift) - function(at - 2.0 * shift)
    return (8.0 * near - far) / (12.0 * step)


def printed_bound_m2(scenario: Scenario, receiver: str, sent: Transmission) -> float:
    """Bound of the position from the matrices as printed.

    The derivative of the delay, which the paper takes without its unit of time, enters in metres.

    Reference: xu2023 eq. (7), eq. (29)-(39).
    """
    gains, place_m = echo_gains(scenario, receiver), np.array(scenario.targets.positions_m[0])
    heard, heard_slopes = _responses(scenario, receiver, place_m)
    count = len(sent)
    positions, mixed, powers = np.zeros((2, 2)), np.zeros((2, 2 * count)), np.zeros(count)
    for index, (name, covariance) in enumerate(sent.items()):
        lit, slopes = _responses(scenario, name, place_m)
        whole = np.outer(heard, lit.conj())
        away = station_view(scenario, receiver).away + station_view(scenario, name).away
        tilted = [
            np.outer(heard_slopes[:, i], lit.conj()) + np.outer(heard, slopes[:, i].conj()) - away[i] * whole
            for i in range(2)
        ]
        gain = gains[name]
        powers[index] = np.trace(whole @ covariance @ whole.conj().T).real
        for i in range(2):
            with_gain = gain.conjugate() * np.trace(whole @ covariance @ tilted[i].conj().T)
            mixed[i, index], mixed[i, count + index] = with_gain.real, (1j * with_gain).real
            for j in range(2):
                positions[i, j] += abs(gain) ** 2 * np.trace(tilted[j] @ covariance @ tilted[i].conj().T).real
    schur = positions - (mixed / np.tile(powers, 2)) @ mixed.T
    return float(np.trace(np.linalg.inv(_per_noise(scenario) * schur)))


def _per_noise(scenario: Scenario) -> float:
    """`2 L / noise`."""
    waveform = scenario.waveform
    return 2.0 * waveform.symbols_per_slot * waveform.subcarriers / scenario.noise_power_w


def _position_bound_m2(fisher: Float[np.ndarray, "unknown unknown"]) -> float:
    schur = fisher[:2, :2] - fisher[:2, 2:] @ np.linalg.solve(fisher[2:, 2:], fisher[2:, :2])
    return float(np.trace(np.linalg.inv(schur)))


def rank_one() -> RankOne:
    """Rank of what serves users in the optimum, and beams recovered from covariances of full rank.

    Reference: xu2023 section III, Theorem 1.

    Deviation: the paper states it for optimal covariances. The beams `W h / sqrt(h^H W h)`, with what is left of W
    added to the covariance that serves nobody, work for any.
    """
    scenario, design = optimum()
    streams = [sent for name, sent in design.stream_covariances.items() if name.startswith("to ")]
    eigenvalues = [np.linalg.eigvalsh(each) for sent in streams for each in sent.values() if np.any(each)]
    second = max(float(values[-2] / values[-1]) for values in eigenvalues)
    rng = np.random.default_rng(SEED)
    changes, leasts = [], []
    for _ in range(RECOVERIES):
        change, least = _recovered(scenario, design, rng)
        changes.append(change)
        leasts.append(least)
    return RankOne(second, max(changes), min(leasts), RECOVERIES)


def recovered_beam(
    covariance: Complex[np.ndarray, "tx tx"], channel: Complex[np.ndarray, " tx"]
) -> Complex[np.ndarray, " tx"]:
    """`W h / sqrt(h^H W h)`: the user hears the same power of it, and W less its covariance has no negative part."""
    heard = covariance @ channel
    return heard / np.sqrt(np.real(channel.conj() @ heard))


def _recovered(scenario: Scenario, design: Design, rng: np.random.Generator) -> tuple[float, float]:
    """Change of everything that counts by recovery from covariances of full rank, and the least eigenvalue left."""
    _, served = Xu2023(scenario).roles(design)
    silent, rest = Transmission.silent(design.covariances.antennas), design.covariances
    streams = {}
    for user, (station,) in served.items():
        n_tx = rest.antennas[station]
        parts = rng.standard_normal((2, n_tx, n_tx))
        half = parts[0] + 1j * parts[1]
        streams[user] = silent.replaced({station: design.power_w * half @ half.conj().T})
    before = _figures(scenario, design, streams, rest)
    least = np.inf
    for index, (user, (station,)) in enumerate(served.items()):
        covariance = streams[user][station]
        beam = recovered_beam(covariance, user_channel(scenario, station, index))
        left = covariance - np.outer(beam, beam.conj())
        least = min(least, float(np.linalg.eigvalsh(left)[0]) / float(np.linalg.eigvalsh(covariance)[-1]))
        streams[user] = silent.replaced({station: np.outer(beam, beam.conj())})
        rest = rest.replaced({station: rest[station] + left})
    after = _figures(scenario, design, streams, rest)
    return float(np.max(np.abs(after / before - 1.0))), least


def _figures(scenario: Scenario, design: Design, streams: dict[str, Transmission], rest: Transmission) -> np.ndarray:
    """Power, squared bound of the position, and the ratio of every user."""
    (receiver,), _ = Xu2023(scenario).roles(design)
    total = Transmission.sum_of([rest, *streams.values()])
    bound_m2 = float(np.trace(link_map(scenario, receiver).at(total).bound([TARGET])))
    found = [total.power_w, bound_m2]
    for index, sent in enumerate(streams.values()):
        wanted, heard = 0.0, network_of(scenario).user_noise_w
        for name, own in sent.items():
            channel = user_channel(scenario, name, index)
            wanted += float(np.real(channel.conj() @ own @ channel))
            heard += float(np.real(channel.conj() @ total[name] @ channel))
        found.append(wanted / (heard - wanted))
    return np.array(found)
