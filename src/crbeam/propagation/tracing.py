"""Paths of a scenario's links: analytic in free space, or from a recorded path file."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidScenario
from crbeam.propagation.gains import bounce_amplitude, line_of_sight_amplitude
from crbeam.propagation.path_file import RecordedPaths, read_path_file
from crbeam.propagation.paths import Motion, Paths
from crbeam.propagation.responses import steering_response
from crbeam.scenario import SPEED_OF_LIGHT_MPS, USER, Link, Scenario, UniformLinearArray

#: Largest distance between a position of the scenario and of its path file.
POSITION_TOLERANCE_M = 1e-3
#: Word in the seeds of shadowing that sets them apart from those of phases.
SHADOWING_STREAM = 100
#: Correlation of two paths' signatures above which a link cannot tell them apart.
RESOLVABLE_CORRELATION = 0.5


def trace_paths(scenario: Scenario) -> dict[str, Paths]:
    """Paths of every link of the scenario, by link name.

    A link to the user has the line of sight and one bounce over each target, with the user's clock bias in the
    delay; a link back to its own station has the round trip to the user and to each target. The phases of a link's
    paths are those that the scenario lists; else those of its path file, which has them for the link to the user; else
    uniform draws from its seed, a stream for links to the user and one for links back; else zero. Shadowing is that
    which the scenario lists, else drawn from the seed in the same way, else none; recorded paths have their own gains.

    Raises:
        InvalidScenario: the scenario contradicts its path file, or a path cannot be told from another.
    """
    recorded = None if scenario.propagation.paths_file is None else read_path_file(scenario.propagation.paths_file)
    targets_m = scenario_targets_m(scenario, recorded)
    result = {}
    for name, link in scenario.links.items():
        is_bistatic = link.receiver == USER
        if is_bistatic:
            paths = _bistatic_paths(scenario, name, link, targets_m, recorded)
        else:
            paths = _monostatic_paths(scenario, name, link, targets_m)
        if recorded is not None:
            require_resolvable(paths, scenario)
        stream = None if is_bistatic and recorded is not None else int(not is_bistatic)
        paths = _with_shadowing(paths, scenario, stream=stream)
        result[name] = _with_phases(paths, scenario, stream=stream)
    return result


def scenario_targets_m(scenario: Scenario, recorded: RecordedPaths | None) -> Float[np.ndarray, "target 2"]:
    """Positions of the targets: those of the scenario, or the bounce points of its path file."""
    if recorded is None:
        return np.array(scenario.targets.positions_m, dtype=float).reshape(-1, 2)
    _check_against_file(scenario, recorded)
    return recorded.scatterer_m[: scenario.targets.count]


def _check_against_file(scenario: Scenario, recorded: RecordedPaths) -> None:
    file = str(scenario.propagation.paths_file)
    station_name = next(iter(scenario.stations))
    pairs = (
        (f"stations.{station_name}.position", scenario.stations[station_name].position_m, recorded.transmitter_m),
        ("user.position", scenario.user.position_m, recorded.receiver_m),
    )
    for field, position, recorded_position in pairs:
        if np.hypot(*(np.asarray(position) - recorded_position[:2])) > POSITION_TOLERANCE_M:
            x, y = recorded_position[:2]
            raise InvalidScenario(
                f"must be the position in the path file {file}, [{x:.6g} m, {y:.6g} m], but is {list(position)}; "
                f"write that position or trace the scene again from here.",
                field=field,
            )
    if not np.isclose(scenario.waveform.carrier_frequency_hz, recorded.carrier_frequency_hz, rtol=1e-9):
        raise InvalidScenario(
            f"must be the carrier of the path file {file}, {recorded.carrier_frequency_hz:g} Hz, but is "
            f"{scenario.waveform.carrier_frequency_hz:g} Hz.",
            field="waveform.carrier_frequency",
        )
    n_bounces = len(recorded.vertex_m) - 1
    count = scenario.targets.count
    if count is not None and count > n_bounces:
        raise InvalidScenario(
            f"must be at most the number of bounces in the path file {file}, {n_bounces}, but is {count}.",
            field="targets.count",
        )


def _rcs_m2(value: float | tuple[float, ...], count: int, field: str) -> Float[np.ndarray, " target"]:
    values = np.atleast_1d(np.asarray(value, dtype=float))
    if count == 0:
        return np.zeros(0)
    if values.size not in (1, count):
        raise InvalidScenario(
            f"must be one value or one for each of the {count} targets, but has {values.size} values.", field=field
        )
    return np.broadcast_to(values, (count,)).copy()


def _target_names(targets_m: Float[np.ndarray, "target 2"]) -> tuple[str, ...]:
    return tuple(f"target[{index}]" for index in range(len(targets_m)))


def _azimuth(from_m: Float[np.ndarray, "2"], to_m: Float[np.ndarray, "path 2"]) -> Float[np.ndarray, " path"]:
    displacement = to_m - from_m
    return np.asarray(np.arctan2(displacement[:, 1], displacement[:, 0]))


def _distance(from_m: Float[np.ndarray, "2"], to_m: Float[np.ndarray, "path 2"]) -> Float[np.ndarray, " path"]:
    displacement = to_m - from_m
    return np.asarray(np.hypot(displacement[:, 0], displacement[:, 1]))


def _bistatic_paths(
    scenario: Scenario,
    name: str,
    link: Link,
    targets_m: Float[np.ndarray, "target 2"],
    recorded: RecordedPaths | None,
) -> Paths:
    transmitter_m = np.array(scenario.stations[link.transmitter].position_m, dtype=float)
    receiver_m = np.array(scenario.user.position_m, dtype=float)
    first_m, second_m = _distance(transmitter_m, targets_m), _distance(receiver_m, targets_m)
    direct_m = float(np.hypot(*(receiver_m - transmitter_m)))
    length_m = np.concatenate([[direct_m], first_m + second_m])
    if recorded is None:
        wavelength_m = scenario.waveform.wavelength_m
        bounces = bounce_amplitude(
            wavelength_m,
            first_m,
            second_m,
            _rcs_m2(scenario.targets.bistatic_rcs_m2, len(targets_m), "targets.bistatic_rcs"),
            exponent=scenario.propagation.path_loss_exponent,
            as_printed=scenario.propagation.rcs_amplitude == "as_printed",
        )
        exponent = scenario.propagation.path_loss_exponent
        direct = line_of_sight_amplitude(wavelength_m, direct_m, exponent=exponent)
        gain = np.concatenate([[direct], bounces]).astype(complex)
    else:
        gain = recorded.channel_gain[: 1 + len(targets_m)].astype(complex)
    return Paths(
        link=name,
        transmitter_m=transmitter_m,
        receiver_m=receiver_m,
        vertex_m=np.concatenate([np.full((1, 2), np.nan), targets_m]),
        vertex_names=(None, *_target_names(targets_m)),
        departure_rad=_azimuth(transmitter_m, np.concatenate([receiver_m[None], targets_m])),
        arrival_rad=_azimuth(receiver_m, np.concatenate([transmitter_m[None], targets_m])),
        delay_s=length_m / SPEED_OF_LIGHT_MPS + scenario.user.clock_bias_s,
        gain=gain,
        motion=_motion(scenario, None),
    )


def require_resolvable(paths: Paths, scenario: Scenario) -> None:
    """Refuse paths that a link cannot tell apart.

    Two paths are unresolvable if their signatures over transmit array, receive array and subcarriers correlate by more
    than `RESOLVABLE_CORRELATION`. Information would still be computed, for estimators that know the number of paths.

    Raises:
        InvalidScenario: names the two paths.
    """
    link = scenario.links[paths.link]
    station = scenario.stations[link.transmitter]
    transmit, _ = steering_response(
        station.transmit_array.positions_wavelengths, paths.departure_rad - station.orientation_rad
    )
    array, rotation_rad = receive_array(scenario, paths.link)
    receive, _ = steering_response(array.positions_wavelengths, paths.arrival_rad + rotation_rad)
    frequency_hz = scenario.waveform.subcarrier_indices * scenario.waveform.subcarrier_spacing_hz
    tones = np.exp(-2j * np.pi * np.outer(frequency_hz, paths.delay_s - paths.delay_s[0]))
    correlation = np.ones((paths.n_paths, paths.n_paths))
    for signature in (transmit, receive, tones):
        correlation *= np.abs(signature.conj().T @ signature) / len(signature)
    first, second = np.nonzero(np.triu(correlation > RESOLVABLE_CORRELATION, 1))
    if first.size:
        raise InvalidScenario(
            f"must hold paths that every link can resolve, but in link {paths.link} paths {first[0]} and {second[0]} "
            f"correlate by {correlation[first[0], second[0]]:.2f}; lower targets.count, use more bandwidth or "
            f"antennas, or trace again with a larger separation.",
            field="propagation.paths_file",
        )


def receive_array(scenario: Scenario, link: str) -> tuple[UniformLinearArray, float]:
    """The array that receives a link, and what it adds to global azimuths."""
    end = scenario.links[link]
    if end.receiver == USER:
        return scenario.user.array, scenario.user.orientation_sign * scenario.user.orientation_rad
    station = scenario.stations[end.receiver]
    return station.receive_array, -station.orientation_rad


def _monostatic_paths(scenario: Scenario, name: str, link: Link, targets_m: Float[np.ndarray, "target 2"]) -> Paths:
    station_m = np.array(scenario.stations[link.transmitter].position_m, dtype=float)
    objects_m = np.concatenate([np.array([scenario.user.position_m], dtype=float), targets_m])
    distance_m = _distance(station_m, objects_m)
    amplitude = bounce_amplitude(
        scenario.waveform.wavelength_m,
        distance_m,
        distance_m,
        np.concatenate(
            [[scenario.user.rcs_m2], _rcs_m2(scenario.targets.monostatic_rcs_m2, len(targets_m), "targets.rcs")]
        ),
        exponent=scenario.propagation.path_loss_exponent,
        as_printed=scenario.propagation.rcs_amplitude == "as_printed",
    )
    azimuth = _azimuth(station_m, objects_m)
    return Paths(
        link=name,
        transmitter_m=station_m,
        receiver_m=station_m,
        vertex_m=objects_m,
        vertex_names=("user", *_target_names(targets_m)),
        departure_rad=azimuth,
        arrival_rad=azimuth,
        delay_s=2.0 * distance_m / SPEED_OF_LIGHT_MPS,
        gain=amplitude.astype(complex),
        motion=_motion(scenario, "user"),
    )


def _motion(scenario: Scenario, mover: str | None) -> Motion | None:
    """How the user moves, as the receiver of a link or as an echo; None for a user at rest without a velocity."""
    if scenario.user.velocity_mps is None:
        return None
    return Motion(np.array(scenario.user.velocity_mps, dtype=float), scenario.waveform.wavelength_m, mover)


def _with_shadowing(paths: Paths, scenario: Scenario, *, stream: int | None) -> Paths:
    """Same paths with the shadowing that the scenario lists or draws: power divided by `10^(X / 10)`, X in dB.

    Without a stream the paths are recorded, and shadowed as they were.
    """
    propagation = scenario.propagation
    listed: Mapping[str, tuple[float, ...]] = propagation.shadow_losses or {}
    if stream is None:
        if paths.link in listed:
            raise InvalidScenario(
                f"must be left out for a link whose gains are those of the path file {propagation.paths_file}, but has "
                f"{len(listed[paths.link])} losses.",
                field=f"propagation.shadow_losses.{paths.link}",
            )
        return paths
    if paths.link in listed:
        loss = np.asarray(listed[paths.link], dtype=float)
        if loss.size != paths.n_paths:
            raise InvalidScenario(
                f"must have one loss for each of the {paths.n_paths} paths, but has {loss.size}.",
                field=f"propagation.shadow_losses.{paths.link}",
            )
    elif scenario.seed is not None and propagation.shadowing_deviation != 1.0:
        generator = np.random.default_rng(np.random.SeedSequence([scenario.seed, SHADOWING_STREAM, stream]))
        loss = propagation.shadowing_deviation ** generator.standard_normal(paths.n_paths)
    else:
        return paths
    return replace(paths, gain=paths.gain / np.sqrt(loss))


def _with_phases(paths: Paths, scenario: Scenario, *, stream: int | None) -> Paths:
    """Same paths with the phases that the scenario lists or draws; unchanged if it does neither.

    Without a stream nothing is drawn: the paths have phases of their own.
    """
    listed: Mapping[str, tuple[float, ...]] | None = scenario.propagation.phases_rad
    if listed is not None and paths.link in listed:
        phase = np.asarray(listed[paths.link], dtype=float)
    elif scenario.seed is not None and stream is not None:
        generator = np.random.default_rng(np.random.SeedSequence([scenario.seed, stream]))
        phase = generator.uniform(-np.pi, np.pi, size=paths.n_paths)
    else:
        return paths
    if phase.size != paths.n_paths:
        raise InvalidScenario(
            f"must have one phase for each of the {paths.n_paths} paths, but has {phase.size}.",
            field=f"propagation.phases.{paths.link}",
        )
    return replace(paths, gain=np.abs(paths.gain) * np.exp(1j * phase))
