"""Trials over receivers of pulses: what they have in common, and the bounds of what they estimate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.estimation import Failure, simulate
from crbeam.estimation.matched_filter import DelayDoppler, matched_filter
from crbeam.estimation.multistatic_fix import fix_from_arrival_m
from crbeam.estimation.pulse_receiver import PulseReceiver, draw_symbols, mean_pulses
from crbeam.estimation.target_fix import TargetFix, fix_failure, locate_target
from crbeam.evaluation.estimator_trials import Subjects, Trial, failure_index, quantities_of
from crbeam.evaluation.one_receiver import one_receiver_bounds
from crbeam.information import ParameterLayout
from crbeam.information.transmission import Covariances
from crbeam.scenario import SPEED_OF_LIGHT_MPS
from crbeam.systems import World
from crbeam.systems.pulse_receivers import TruePulseEcho, pulse_receivers, require_in_span, true_pulse_echo
from crbeam.systems.receivers import multistatic_of
from crbeam.systems.wang2024 import FUSED, POSITION, SPEED, VELOCITY, Wang2024

PulseMethod = Literal["two-stage", "arrival"]
_ECHO = ParameterLayout.of({"delay": 1, "doppler": 1})


@dataclass(frozen=True, eq=False)
class PulseSetting:
    """All that trials of one receiver, or of several together, have in common.

    Attributes:
        receivers: who listens, in the noise of the scenario.
        echoes: what each truly hears.
        streams: a number for each, by which its noise is drawn; all hear the same symbols.
        target: true position and velocity.
        heading_rad: direction in which the target is known to move; None is an unknown one.
        arrival_rad: direction from which the echo is known to come, for one receiver that locates by it; else None.
        seed: of symbols and noise.
    """

    receivers: tuple[PulseReceiver, ...]
    echoes: tuple[TruePulseEcho, ...]
    streams: tuple[int, ...]
    target: TargetFix
    heading_rad: float | None
    arrival_rad: float | None
    seed: int

    @property
    def layout(self) -> ParameterLayout:
        """Delay and Doppler shift of a receiver; position, and velocity or speed, of the target otherwise."""
        if self.arrival_rad is not None:
            return ParameterLayout.of({POSITION: 2} if self.heading_rad is None else {POSITION: 2, SPEED: 1})
        if len(self.receivers) == 1:
            return _ECHO
        return ParameterLayout.of({POSITION: 2, VELOCITY: 2} if self.heading_rad is None else {POSITION: 2, SPEED: 1})

    def trial(self, noise_factor: float) -> Trial:
        """One trial in noise of so many times the power of the scenario's."""
        receivers = tuple(each.with_noise(each.noise_power_w * noise_factor) for each in self.receivers)
        gains = [
            echo.gain * each.beam_gains(self.target.position_m)
            for each, echo in zip(receivers, self.echoes, strict=True)
        ]
        return partial(_trial, self, receivers, gains)


def _trial(
    setting: PulseSetting,
    receivers: Sequence[PulseReceiver],
    gains: Sequence[Complex[np.ndarray, "..."]],
    code: int,
    number: int,
) -> tuple[Float[np.ndarray, " parameter"], int]:
    """Errors and failure of one trial."""

    def generator(stream: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence([setting.seed, code, number], spawn_key=(stream,)))

    symbols = draw_symbols(receivers[0], generator(0))
    found = []
    for each, echo, gain, stream in zip(receivers, setting.echoes, gains, setting.streams, strict=True):
        mean = mean_pulses(each, symbols, echo.delay_s, echo.doppler_hz, gain)
        found.append(matched_filter(each, symbols, simulate(mean, generator(1 + stream))))
    if setting.arrival_rad is not None:
        return _judged_by_arrival(setting, receivers[0], found[0])
    if len(found) == 1:
        errors = np.array([found[0].delay_s, found[0].doppler_hz])
        errors = errors - [setting.echoes[0].delay_s, setting.echoes[0].doppler_hz]
        return errors, failure_index(_echo_failure(receivers[0], found[0], errors))
    fix = locate_target(receivers, found, heading_rad=setting.heading_rad)
    return _state_errors(setting, fix), failure_index(fix_failure(receivers, fix, setting.target))


def _state_errors(setting: PulseSetting, fix: TargetFix) -> Float[np.ndarray, " parameter"]:
    """Errors of position and velocity, or of the speed along a known heading."""
    away, astray = fix.position_m - setting.target.position_m, fix.velocity_mps - setting.target.velocity_mps
    if setting.heading_rad is None:
        return np.concatenate([away, astray])
    return np.array([*away, np.cos(setting.heading_rad) * astray[0] + np.sin(setting.heading_rad) * astray[1]])


def _judged_by_arrival(
    setting: PulseSetting, receiver: PulseReceiver, found: DelayDoppler
) -> tuple[Float[np.ndarray, " parameter"], int]:
    """Errors and failure of one receiver that knows the direction of arrival."""
    assert setting.arrival_rad is not None
    ends_m = (receiver.transmitter.place_m, receiver.receiver.place_m)
    place_m = fix_from_arrival_m(SPEED_OF_LIGHT_MPS * found.delay_s, setting.arrival_rad, *ends_m)
    wrong = np.array([found.delay_s - setting.echoes[0].delay_s, found.doppler_hz - setting.echoes[0].doppler_hz])
    failure = failure_index(_echo_failure(receiver, found, wrong))
    if setting.heading_rad is None:
        return place_m - setting.target.position_m, failure
    heading = np.array([np.cos(setting.heading_rad), np.sin(setting.heading_rad)])
    legs_m = place_m - np.stack(ends_m)
    slope = np.sum(legs_m @ heading / np.linalg.norm(legs_m, axis=1))
    fix = TargetFix(place_m, -found.doppler_hz * receiver.wavelength_m / slope * heading, found.has_converged)
    return _state_errors(setting, fix), failure


def _echo_failure(receiver: PulseReceiver, found: DelayDoppler, errors: Float[np.ndarray, "2"]) -> Failure | None:
    """Why the estimate of a delay and a Doppler shift counts as failed; None if it does not."""
    if abs(errors[0]) > receiver.train.symbol_duration_s or abs(errors[1]) > 1.0 / receiver.block_s:
        return Failure.LOST_PATH
    return None if found.has_converged else Failure.NOT_CONVERGED


def symbol_snr_db(scenario: World) -> dict[str, float]:
    """Energy of a symbol at an antenna over the noise density, under isotropic transmission, by link.

    That of all that sense together is the mean over their antennas.
    """
    system = Wang2024.of(scenario)
    scenario = system.scenario
    power_w = scenario.power_per_subcarrier_w(next(iter(scenario.stations)))
    ratios, antennas = {}, {}
    for link, each in system.listeners().items():
        noise_w = scenario.noise_power_w + multistatic_of(scenario).clutter_power_w
        ratios[link] = abs(true_pulse_echo(system.paths()[link]).gain) ** 2 * power_w / noise_w
        antennas[link] = each.array.elements
    sensing = system.sensing_links()
    if sensing:
        ratios[FUSED] = np.average([ratios[each] for each in sensing], weights=[antennas[each] for each in sensing])
    return {link: float(10.0 * np.log10(ratio)) for link, ratio in ratios.items()}


def multistatic_subjects(scenario: World, covariances: Covariances, *, method: PulseMethod, seed: int) -> Subjects:
    """Every receiver of a scenario by itself, and all that sense together.

    Args:
        scenario: the world, or its system.
        covariances: the transmission, one block.
        method: `two-stage`: receivers tell delay and Doppler shift, and together locate the target; `arrival`: each
            locates it alone, by its delay and the known direction of arrival.
        seed: of symbols and noise.

    Raises:
        InvalidInput: an echo is outside what receivers look for, or bounds of the scenario do not suit its pulses.
    """
    system = Wang2024.of(scenario)
    (covariance,) = system.completed(covariances).values()
    receivers = pulse_receivers(system, covariance)
    echoes = {link: true_pulse_echo(paths) for link, paths in system.paths().items()}
    for link, each in receivers.items():
        require_in_span(each, echoes[link])
    state, options = system.true_state(), multistatic_of(system.scenario)
    velocity = np.array(options.target_velocity_mps, dtype=float)
    target = TargetFix(np.asarray(state[POSITION]), velocity, True)
    heading_rad = float(np.arctan2(velocity[1], velocity[0])) if options.heading == "known" else None
    numbers = {link: number for number, link in enumerate(receivers)}
    groups: dict[str, tuple[str, ...]] = {link: (link,) for link in receivers}
    apart = _why_not_together(system, method)
    if apart is None:
        groups[FUSED] = system.sensing_links()
    settings = {
        name: PulseSetting(
            receivers=tuple(receivers[link] for link in group),
            echoes=tuple(echoes[link] for link in group),
            streams=tuple(numbers[link] for link in group),
            target=target,
            heading_rad=heading_rad,
            arrival_rad=float(system.paths()[group[0]].arrival_rad[0]) if method == "arrival" else None,
            seed=seed,
        )
        for name, group in groups.items()
    }
    return Subjects(
        method,
        settings,
        {name: ratio for name, ratio in symbol_snr_db(system).items() if name in settings},
        lambda names: _root_bounds(system, covariance, {name: settings[name] for name in names}),
        snr_name="SNR of a symbol at an antenna",
        absent={} if apart is None else {FUSED: apart},
    )


def _why_not_together(system: Wang2024, method: PulseMethod) -> str | None:
    """Why the receivers that sense do not locate the target together, in a sentence; None if they do."""
    if method == "arrival":
        return "With the method `arrival` every receiver locates the target by itself; use two-stage for `fused`."
    if multistatic_of(system.scenario).metric == "shared":
        return (
            "With the shared metric `fused` is about a delay and a Doppler shift that no two receivers really have in "
            "common, so that there is nothing to estimate; set `multistatic.metric=position`."
        )
    found = system.sensing_links()
    if len(found) > 1:
        return None
    return f"`fused` needs two that sense, found {', '.join(found) or 'none'}; let another receiver sense."


def _root_bounds(
    system: Wang2024, covariance: Complex[np.ndarray, "tx tx"], settings: Mapping[str, PulseSetting]
) -> dict[str, dict[str, float]]:
    """Root bounds of what receivers, or all together, estimate, in the noise of the scenario."""
    maps, bounds = system.link_maps(), {}
    for name, setting in settings.items():
        if setting.arrival_rad is not None:
            bounds[name] = one_receiver_bounds(system, covariance, name)
            continue
        information = maps[name].at(dict.fromkeys(maps[name].blocks, covariance))
        prefix = f"{name}/" if setting.layout.names == _ECHO.names else ""
        bounds[name] = {
            key: information.root_bound([prefix + each for each in names])
            for key, names in quantities_of(setting.layout).items()
        }
    return bounds


def require_pulse_method(method: str) -> PulseMethod:
    """The method, if it is one for pulses.

    Raises:
        InvalidInput: it is not.
    """
    if method in ("two-stage", "arrival"):
        return method
    raise InvalidInput(f"Echoes of pulses are estimated by two-stage or arrival; found `{method}`.")
