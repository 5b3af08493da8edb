"""What one receiver of a train of pulses knows of an echo before it listens, and the samples that it gets."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.information.delay_doppler import PulseTrain
from crbeam.information.pulses import pulse_value
from crbeam.propagation.responses import steering_response
from crbeam.scenario import SPEED_OF_LIGHT_MPS

#: Samples of a symbol. Three would do: with no fewer, sums over samples of the squares of the smooth pulse and of its
#: slope are the integrals, wherever the samples lie, so that samples tell about a delay what the signal tells.
SAMPLES = 4
#: Fastest target that is looked for.
MOST_SPEED_MPS = 1e3


@dataclass(frozen=True, eq=False)
class LineArray:
    """An array at a place.

    Attributes:
        place_m: where it is.
        positions_wavelengths: of its antennas, in its own frame.
        orientation_rad: of the frame.
    """

    place_m: Float[np.ndarray, "2"]
    positions_wavelengths: Float[np.ndarray, "antenna 2"]
    orientation_rad: float

    def response_towards(self, point_m: Float[np.ndarray, "2"]) -> Complex[np.ndarray, " antenna"]:
        """Response to plane waves from a point."""
        away_m = point_m - self.place_m
        angle_rad = np.arctan2(away_m[1:], away_m[:1]) - self.orientation_rad
        return steering_response(self.positions_wavelengths, angle_rad)[0][:, 0]


@dataclass(frozen=True, eq=False)
class PulseReceiver:
    """What a receiver knows of the echo of a pulse train: everything but delay, Doppler shift, and gains.

    It samples `y(t) = b z (t^H x(s - tau)) exp(2j pi f s) + noise` from the arrival of the direct wave on, for two
    blocks: an echo is no earlier, and is looked for if it is less than one block later. Directions are not known, so
    that every beam has any gain at every antenna.

    Attributes:
        name: of the link.
        train: the pulses.
        beams: what is sent in sqrt(watt), one independent stream of symbols for each column.
        transmitter: its array.
        receiver: its array.
        wavelength_m: of the carrier.
        noise_power_w: of one antenna over one symbol duration, with clutter.
    """

    name: str
    train: PulseTrain
    beams: Complex[np.ndarray, "tx beam"]
    transmitter: LineArray
    receiver: LineArray
    wavelength_m: float
    noise_power_w: float

    @property
    def earliest_delay_s(self) -> float:
        """Delay of the direct wave."""
        away_m = self.receiver.place_m - self.transmitter.place_m
        return float(np.hypot(*away_m)) / SPEED_OF_LIGHT_MPS

    @property
    def block_s(self) -> float:
        """Duration of the train, within which echoes are looked for after the direct wave."""
        return self.train.symbols * self.train.symbol_duration_s

    @property
    def largest_doppler_hz(self) -> float:
        """Doppler shifts up to this one are looked for: that of the fastest target, less than half the symbol rate."""
        return min(2.0 * MOST_SPEED_MPS / self.wavelength_m, 0.5 / self.train.symbol_duration_s)

    @property
    def n_samples(self) -> int:
        """Number of samples at each antenna."""
        return 2 * self.train.symbols * SAMPLES

    @property
    def n_antennas(self) -> int:
        """Number of receive antennas."""
        return len(self.receiver.positions_wavelengths)

    def with_noise(self, noise_power_w: float) -> "PulseReceiver":
        """The same receiver in other noise."""
        return replace(self, noise_power_w=noise_power_w)

    def beam_gains(self, point_m: Float[np.ndarray, "2"]) -> Complex[np.ndarray, "antenna beam"]:
        """Gain of each beam at each antenna for an echo of gain 1 from a point: `z t^H F`."""
        transmit = self.transmitter.response_towards(point_m)
        return np.outer(self.receiver.response_towards(point_m), transmit @ self.beams)


def draw_symbols(receiver: PulseReceiver, generator: np.random.Generator) -> Complex[np.ndarray, "beam symbol"]:
    """Independent complex Gaussian symbols of unit power, a sequence for each beam.

    Reference: wang2024 section II.
    """
    parts = generator.standard_normal((2, receiver.beams.shape[1], receiver.train.symbols))
    return np.sqrt(0.5) * (parts[0] + 1j * parts[1])


def sampling(delay_symbols: float) -> tuple[int, Float[np.ndarray, " sample"]]:
    """First sample of an echo that comes so many symbols after the direct wave, and when each symbol is sampled.

    All symbols are sampled at the same times, which are from 0 to 1.
    """
    first = int(np.ceil(delay_symbols * SAMPLES - 1e-9))
    return first, (first + np.arange(SAMPLES)) / SAMPLES - delay_symbols


def mean_pulses(
    receiver: PulseReceiver,
    symbols: Complex[np.ndarray, "beam symbol"],
    delay_s: float,
    doppler_hz: float,
    gains: Complex[np.ndarray, "antenna beam"],
) -> Complex[np.ndarray, "antenna sample"]:
    """Noise-free samples of an echo, in units of the noise of a sample.

    Args:
        receiver: who listens.
        symbols: what is sent.
        delay_s: of the echo.
        doppler_hz: its shift, of phase 0 at the centre of the echo.
        gains: of each beam at each antenna, without noise (`PulseReceiver.beam_gains`, times that of the echo).
    """
    train, duration_s = receiver.train, receiver.train.symbol_duration_s
    first, u = sampling((delay_s - receiver.earliest_delay_s) / duration_s)
    time_s = (np.arange(train.symbols)[:, None] + u - train.centre) * duration_s
    wave = pulse_value(train.pulse, u) * np.exp(2j * np.pi * doppler_hz * time_s)
    echo = (gains @ symbols)[:, :, None] * wave / np.sqrt(receiver.noise_power_w * SAMPLES)
    samples = np.zeros((receiver.n_antennas, receiver.n_samples), dtype=complex)
    samples[:, first : first + train.symbols * SAMPLES] = echo.reshape(receiver.n_antennas, -1)
    return samples
