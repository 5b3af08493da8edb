"""What every receiver of a multistatic scenario knows of the echo, and what the echo truly is."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex

from crbeam.design.beamformers import beamformers_from_covariance
from crbeam.errors import InvalidInput
from crbeam.estimation.pulse_receiver import MOST_SPEED_MPS, LineArray, PulseReceiver
from crbeam.information.pulses import pulse_moments
from crbeam.propagation import Paths
from crbeam.propagation.jacobians import doppler_shifts_hz
from crbeam.scenario import Scenario
from crbeam.systems.receivers import multistatic_of, pulse_train, transmitter_of
from crbeam.systems.wang2024 import Wang2024

#: Fewest symbols for each beam: gains take their share of what the symbols tell.
SYMBOLS_PER_BEAM = 8
#: Most complex numbers that the grid of one receiver works on.
MOST_NUMBERS = 2**23


@dataclass(frozen=True)
class TruePulseEcho:
    """What an estimator of an echo has to find.

    Attributes:
        delay_s: of the echo.
        doppler_hz: its shift.
        gain: of the echo, from one antenna to another.
    """

    delay_s: float
    doppler_hz: float
    gain: complex


def true_pulse_echo(paths: Paths) -> TruePulseEcho:
    """The echo over the path to a listener.

    Reference: wang2024 eqs. (3), (50), (51).
    """
    return TruePulseEcho(float(paths.delay_s[0]), float(doppler_shifts_hz(paths)[0]), complex(paths.gain[0]))


def pulse_receivers(system: Wang2024, covariance: Complex[np.ndarray, "tx tx"]) -> dict[str, PulseReceiver]:
    """Every listener of a scenario as it knows itself, by link.

    Args:
        system: of the scenario.
        covariance: of all streams together; its eigenbeams are sent, with independent symbols.

    Raises:
        InvalidInput: the pulse jumps, there are too few symbols for the beams, or too many numbers.
    """
    scenario = system.scenario
    _require_smooth(scenario)
    _, station = transmitter_of(scenario)
    beams = beamformers_from_covariance(covariance).matrix
    transmitter = LineArray(
        np.array(station.position_m, dtype=float),
        station.transmit_array.positions_wavelengths,
        station.orientation_rad,
    )
    found = {}
    for link, each in system.listeners().items():
        place_m = np.array(each.position_m, dtype=float)
        found[link] = PulseReceiver(
            name=link,
            train=pulse_train(scenario),
            beams=beams,
            transmitter=transmitter,
            receiver=LineArray(place_m, each.array.positions_wavelengths, each.orientation_rad),
            wavelength_m=scenario.waveform.wavelength_m,
            noise_power_w=system.moving_echo(link).noise_power_w,
        )
        _require_manageable(found[link])
    return found


def require_in_span(receiver: PulseReceiver, echo: TruePulseEcho) -> None:
    """Refuse echoes that are later or faster than any that a receiver looks for.

    Raises:
        InvalidInput: with the limit, what was found, and what to change.
    """
    late_s = echo.delay_s - receiver.earliest_delay_s
    if late_s >= receiver.block_s:
        raise InvalidInput(
            f"Echoes must come less than one block of {receiver.block_s:.6g} s after the direct wave, but that of link "
            f"`{receiver.name}` comes {late_s:.6g} s after it; set waveform.symbols_per_slot higher."
        )
    if abs(echo.doppler_hz) >= receiver.largest_doppler_hz:
        raise InvalidInput(
            f"Doppler shifts must be less than {receiver.largest_doppler_hz:.6g} Hz, that of a target at "
            f"{MOST_SPEED_MPS:g} m/s or half the symbol rate, but that of link `{receiver.name}` is "
            f"{echo.doppler_hz:.6g} Hz; set multistatic.target_velocity or multistatic.symbol_duration lower."
        )


def _require_smooth(scenario: Scenario) -> None:
    options = multistatic_of(scenario)
    if options.formulas == "as_printed":
        raise InvalidInput(
            "Estimates are compared with bounds, which the printed formulas are not; set "
            "multistatic.formulas=corrected."
        )
    if pulse_moments(options.pulse).jumps:
        raise InvalidInput(
            f"Estimates must be of pulses without jumps, found `{options.pulse}`: bounds leave out what a jump tells, "
            f"so that errors may be smaller. Set multistatic.pulse=sine_squared."
        )


def _require_manageable(receiver: PulseReceiver) -> None:
    symbols, beams = receiver.train.symbols, receiver.beams.shape[1]
    if symbols < SYMBOLS_PER_BEAM * beams:
        raise InvalidInput(
            f"There must be at least {SYMBOLS_PER_BEAM} symbols for each beam, which has gains of its own, found "
            f"{symbols} symbols and {beams} beams. Set waveform.symbols_per_slot higher, or send fewer beams."
        )
    count = receiver.n_samples * beams * receiver.n_antennas
    if count > MOST_NUMBERS:
        raise InvalidInput(
            f"An estimate must not handle more than {MOST_NUMBERS} numbers at a time, but link `{receiver.name}` has "
            f"{count}: {receiver.n_samples} samples of {symbols} symbols, {receiver.n_antennas} antennas, {beams} "
            "beams. Set waveform.symbols_per_slot lower; a longer multistatic.symbol_duration keeps the duration."
        )
