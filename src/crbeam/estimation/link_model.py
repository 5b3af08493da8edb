"""What an estimator knows of a link: arrays, waveform, beams, noise, number of paths."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.information.state import StateNames, position_parameter
from crbeam.propagation import steering_response
from crbeam.scenario import USER

_STRIDE = 32


@dataclass(frozen=True, eq=False)
class LinkModel:
    """A link as its receiver knows it: everything but the parameters of the paths.

    Attributes:
        name: of the link.
        names: state parameters behind each path; the line of sight, if there is one, comes first.
        station_m: position of the transmitter.
        station_orientation_rad: global direction of the local x axis of the station's arrays.
        transmit_positions_wavelengths: elements of the transmit array, in its frame.
        receive_positions_wavelengths: elements of the receive array, in its frame.
        frequency_hz: frequency of each subcarrier, relative to the carrier, in equal steps.
        pilots: unit-modulus pilot symbols that carry each beam, or what they amount to.
        noise_power_w: of one antenna on one subcarrier.
        beams: beam of each slot that transmits, sqrt(watt per subcarrier).
        combiner: orthonormal basis of what an analog combiner passes on; None if every antenna has its receive chain.
        user_side: side of the station's array on which the user is known to be, 1 for directions between the array's
            axis and half a turn further counter-clockwise, else -1.
        time_s: when each symbol is sent, in equal steps; every symbol carries all beams, each with its share
            `pilots / symbols` of energy. None where nothing moves, and one average stands for all pilots.
        wavelength_m: of the carrier; needed where something moves.
    """

    name: str
    names: StateNames
    station_m: Float[np.ndarray, "2"]
    station_orientation_rad: float
    transmit_positions_wavelengths: Float[np.ndarray, "tx 2"]
    receive_positions_wavelengths: Float[np.ndarray, "rx 2"]
    frequency_hz: Float[np.ndarray, " subcarrier"]
    pilots: float
    noise_power_w: float
    beams: Complex[np.ndarray, "tx beam"]
    combiner: Complex[np.ndarray, "rx chain"] | None = None
    user_side: int = 1
    time_s: Float[np.ndarray, " symbol"] | None = None
    wavelength_m: float | None = None

    def __post_init__(self) -> None:
        if not self.noise_power_w > 0.0:
            raise InvalidInput(f"`noise_power_w` must be positive, found {self.noise_power_w:g}.")
        if self.beams.shape[0] != len(self.transmit_positions_wavelengths) or not self.beams.any():
            raise InvalidInput(
                f"`beams` must have a row for each of the {len(self.transmit_positions_wavelengths)} transmit antennas "
                f"and not be zero, found shape {self.beams.shape}."
            )
        if self.names.velocity is not None and (self.time_s is None or self.wavelength_m is None):
            raise InvalidInput(f"Link `{self.name}` must have symbol times and a wavelength, since something moves.")
        if self.time_s is not None and len(self.time_s) < 2:
            raise InvalidInput(
                f"Link `{self.name}` must have at least two symbols to tell Doppler shifts, found {len(self.time_s)}."
            )

    @property
    def n_paths(self) -> int:
        """Number of paths, which is known."""
        return len(self.names.vertices)

    @property
    def is_monostatic(self) -> bool:
        """Whether the station listens to its own echoes: paths then arrive from where they depart to."""
        return self.names.receiver is None

    @property
    def n_chains(self) -> int:
        """Number of receive chains."""
        return len(self.receive_positions_wavelengths) if self.combiner is None else self.combiner.shape[1]

    @property
    def delay_period_s(self) -> float:
        """Delays that differ by this cannot be told apart: one over the subcarrier spacing."""
        return float(1.0 / (self.frequency_hz[1] - self.frequency_hz[0])) if len(self.frequency_hz) > 1 else np.inf

    @property
    def n_symbols(self) -> int:
        """Number of symbols that are kept apart: 1 where nothing moves."""
        return 1 if self.time_s is None else len(self.time_s)

    @property
    def moving(self) -> tuple[int, ...]:
        """Indices of the paths that have a Doppler shift: all to a user that moves, its echo alone of echoes."""
        if self.names.velocity is None:
            return ()
        if not self.is_monostatic:
            return tuple(range(self.n_paths))
        return tuple(path for path, name in enumerate(self.names.vertices) if name == position_parameter(USER))

    @property
    def doppler_period_hz(self) -> float:
        """Doppler shifts that differ by this cannot be told apart: one over the time between symbols."""
        return np.inf if self.time_s is None else float(1.0 / (self.time_s[1] - self.time_s[0]))

    @property
    def duration_s(self) -> float:
        """Time of all symbols together; 0 where nothing moves."""
        return 0.0 if self.time_s is None else self.n_symbols / self.doppler_period_hz

    @property
    def bandwidth_hz(self) -> float:
        """Band of all subcarriers together."""
        return len(self.frequency_hz) / self.delay_period_s

    @property
    def transmit_axis_rad(self) -> float:
        """Direction of the line on which the transmit elements lie, in the station's frame."""
        return line_axis_rad(self.transmit_positions_wavelengths)

    @property
    def receive_axis_rad(self) -> float:
        """Direction of the line on which the receive elements lie, in the receiver's frame."""
        return line_axis_rad(self.receive_positions_wavelengths)

    @property
    def tells_sides(self) -> bool:
        """Whether echoes tell the two sides of the station's arrays apart: if these lie on different lines."""
        return self.is_monostatic and bool(abs(np.sin(self.transmit_axis_rad - self.receive_axis_rad)) > 1e-9)

    @property
    def amplitude(self) -> float:
        """Factor of the observations that makes the noise of an average of pilots a unit: `sqrt(P / noise_power)`.

        With P pilots behind each beam; if symbols are kept apart, with the share of each.
        """
        return float(np.sqrt(self.pilots / self.n_symbols / self.noise_power_w))

    @cached_property
    def scaled_beams(self) -> Complex[np.ndarray, "tx beam"]:
        """Beams times `amplitude`."""
        return self.beams * self.amplitude

    @cached_property
    def centred_frequency_hz(self) -> Float[np.ndarray, " subcarrier"]:
        """Frequencies relative to their mean; derivatives by delay differ by what the gain takes up."""
        return self.frequency_hz - self.frequency_hz.mean()

    @cached_property
    def centred_time_s(self) -> Float[np.ndarray, " symbol"]:
        """Symbol times relative to their mean; derivatives by Doppler shift differ by what the gain takes up."""
        return np.zeros(1) if self.time_s is None else self.time_s - self.time_s.mean()

    def with_noise(self, noise_power_w: float) -> "LinkModel":
        """The same link in other noise."""
        return replace(self, noise_power_w=noise_power_w)

    def with_beams(self, beams: Complex[np.ndarray, "tx beam"]) -> "LinkModel":
        """The same link with other beams."""
        return replace(self, beams=beams)

    def transmit_side(
        self, departure_rad: Float[np.ndarray, " path"]
    ) -> tuple[Complex[np.ndarray, "beam path"], Complex[np.ndarray, "beam path"]]:
        """What each slot sends towards local angles, `amplitude F^T conj(a)`, and its derivative by the angle."""
        response, slope = steering_response(self.transmit_positions_wavelengths, departure_rad)
        return self.scaled_beams.T @ response.conj(), self.scaled_beams.T @ slope.conj()

    def receive_side(
        self, arrival_rad: Float[np.ndarray, " path"]
    ) -> tuple[Complex[np.ndarray, "chain path"], Complex[np.ndarray, "chain path"]]:
        """Response of the receive chains to waves from local angles, and its derivative by the angle."""
        response, slope = steering_response(self.receive_positions_wavelengths, arrival_rad)
        if self.combiner is None:
            return response, slope
        return self.combiner.conj().T @ response, self.combiner.conj().T @ slope

    def turns(self, doppler_hz: Float[np.ndarray, " path"]) -> Complex[np.ndarray, "symbol path"]:
        """Phases that Doppler shifts leave on the symbols, `exp(2j pi doppler t)`; 1 where nothing moves."""
        if self.time_s is None:
            return np.ones((1, len(doppler_hz)), dtype=complex)
        return np.exp(2j * np.pi * np.outer(self.time_s, doppler_hz))

    def tones(self, delay_s: Float[np.ndarray, " path"]) -> Complex[np.ndarray, "subcarrier path"]:
        """Phases that delays leave on the equally spaced subcarriers, `exp(-2j pi f delay)`.

        As products of `exp` at every `_STRIDE`-th subcarrier and at the first `_STRIDE` of them.
        """
        n = len(self.frequency_hz)
        fine_hz = self.frequency_hz[: min(_STRIDE, n)] - self.frequency_hz[0]
        coarse = np.exp(-2j * np.pi * np.outer(self.frequency_hz[::_STRIDE], delay_s))
        fine = np.exp(-2j * np.pi * np.outer(fine_hz, delay_s))
        return (coarse[:, None, :] * fine[None, :, :]).reshape(-1, len(delay_s))[:n]


def line_axis_rad(positions_wavelengths: Float[np.ndarray, "antenna 2"]) -> float:
    """Direction of the line through the elements of an array, in its own frame; 0 for a single element."""
    span = positions_wavelengths[-1] - positions_wavelengths[0]
    return float(np.arctan2(span[1], span[0]))


def mirrored_rad(angle_rad: Float[np.ndarray, "*batch"], axis_rad: float) -> Float[np.ndarray, "*batch"]:
    """The angle on the other side of a line array's axis that gives the same response, in (-pi, pi]."""
    return wrapped_rad(2.0 * axis_rad - angle_rad)


def folded_rad(angle_rad: Float[np.ndarray, "*batch"], axis_rad: float) -> Float[np.ndarray, "*batch"]:
    """The same angle or its mirror image, whichever lies on side 1: up to half a turn counter-clockwise of the axis."""
    return wrapped_rad(axis_rad + np.abs(wrapped_rad(angle_rad - axis_rad)))


def alike_rad(
    angle_rad: float, positions_wavelengths: Float[np.ndarray, "antenna 2"], cosine_slack: float = 0.0
) -> Float[np.ndarray, " alike"]:
    """All angles with the response of a given one, side 1 of the array first.

    These are the angle and its mirror image, and, if the elements are more than half a wavelength apart, those whose
    cosine to the array's line differs by a multiple of one over their distance (grating lobes). With half a wavelength
    between them a wave along the line looks as one from its other end does: cosines that exceed 1 by no more than
    `cosine_slack`, the accuracy of the given one, stand for the end itself.
    """
    axis_rad = line_axis_rad(positions_wavelengths)
    cosine = np.array([np.cos(angle_rad - axis_rad)])
    if len(positions_wavelengths) > 1:
        step = 1.0 / float(np.linalg.norm(positions_wavelengths[1] - positions_wavelengths[0]))
        most = np.ceil(2.0 / step)
        shifts = np.arange(-most, most + 1.0)
        cosine = cosine + step * shifts
        cosine = cosine[np.abs(cosine) <= 1.0 + cosine_slack * (shifts != 0.0)]
    beside_rad = np.arccos(np.clip(cosine, -1.0, 1.0))
    return wrapped_rad(axis_rad + np.concatenate([beside_rad, -beside_rad]))


def wrapped_rad(angle_rad: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch"]:
    """Angles in [-pi, pi)."""
    return (angle_rad + np.pi) % (2.0 * np.pi) - np.pi


def wrapped(value: Float[np.ndarray, "*batch"], period: float) -> Float[np.ndarray, "*batch"]:
    """Values modulo a period, in [-period / 2, period / 2)."""
    return value if not np.isfinite(period) else (value + 0.5 * period) % period - 0.5 * period
