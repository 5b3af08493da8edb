"""What a receiver learns about the delay and the Doppler shift of an echo from a train of pulses.

The receiver observes `y(t) = b z (t^H x(s - tau)) exp(2j pi f s) + noise`, where s is the time from the centre of the
block, b a complex gain, z and t the receive and transmit vectors of the echo, and x a train of M pulses that carries
independent symbols with covariance R. All symbols are known.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Complex

from crbeam.errors import InvalidInput
from crbeam.information.information import Information
from crbeam.information.information_map import Contribution, InformationMap
from crbeam.information.parameters import ParameterLayout
from crbeam.information.pulses import PulseName, pulse_moments

GainKnowledge = Literal["unknown", "known"]


@dataclass(frozen=True)
class PulseTrain:
    """A block of symbols, each with a pulse of its own.

    Attributes:
        pulse: its shape.
        symbols: how many there are, M.
        symbol_duration_s: duration of one.
    """

    pulse: PulseName
    symbols: int
    symbol_duration_s: float

    def __post_init__(self) -> None:
        if self.symbols < 1 or not self.symbol_duration_s > 0.0:
            raise InvalidInput(
                f"A pulse train must have at least one symbol of positive duration, found {self.symbols} of "
                f"{self.symbol_duration_s} s."
            )

    @property
    def delay_energy(self) -> float:
        """`E int |dx/dt|^2 dt` in symbol durations, for symbols of unit power: `M int g'^2`."""
        return self.symbols * pulse_moments(self.pulse).slope_energy

    def doppler_energy(self, origin: float) -> float:
        """`E int (t - origin)^2 |x|^2 dt`, for symbols of unit power, all times in symbol durations from the beginning.

        `sum_m (m^2 + 2 m f1 + f2) - 2 o sum_m (m + f1) + M o^2` for m = 0..M-1, with the mean f1 and the mean square f2
        of the time within a pulse.
        """
        moments, m = pulse_moments(self.pulse), np.arange(self.symbols, dtype=float)
        offset = m - origin
        return float(np.sum(offset**2 + 2.0 * offset * moments.mean + moments.mean_square))

    @property
    def centre(self) -> float:
        """Centre of the block's energy, `(M - 1) / 2 + f1`, in symbol durations from the beginning."""
        return 0.5 * (self.symbols - 1) + pulse_moments(self.pulse).mean


@dataclass(frozen=True, eq=False)
class MovingEcho:
    """An echo as one receiver sees it.

    Attributes:
        link: name of the observation, in front of its parameters.
        block: the transmit covariance that lights the target.
        transmit: t (`conj(a)` for an array response a).
        receive: z.
        gain: b.
        noise_power_w: of one antenna over one symbol duration: density times its inverse, with clutter.
    """

    link: str
    block: str
    transmit: Complex[np.ndarray, " tx"]
    receive: Complex[np.ndarray, " rx"]
    gain: complex
    noise_power_w: float


def delay_doppler_information(
    echo: MovingEcho, train: PulseTrain, *, gain: GainKnowledge = "unknown", origin: float | None = None
) -> InformationMap:
    """Information about delay and Doppler shift of an echo, averaged over the symbols.

    Per unit of `|b|^2 |z|^2 t^H R t / noise`, with T the symbol duration:
    `I_tau = 2 M int g'^2 / T^2`, `I_f = 8 pi^2 T^2 sum_m int (m + u - o)^2 g^2`, no coupling between delay and Doppler.

    Parameters: `LINK/delay` in s, `LINK/doppler` in Hz, and `LINK/gain` (real and imaginary part) if it is unknown.
    Assumed known: symbols, angles. Unknown angles would not change the bounds: with independent symbols nothing that
    multiplies the waveform by a constant is coupled to delay, nor to the Doppler shift about the centre of the block.

    Args:
        echo: the echo.
        train: what is sent.
        gain: whether the complex gain is unknown.
        origin: time, in symbols from the beginning, at which the phase of the gain is taken; None is the centre of the
            block, about which gain and Doppler shift are not coupled. Bounds with an unknown gain do not depend on it.

    Reference: wang2024 eqs. (9), (12), (13), (14), (15), (16).

    Deviation: the printed information has the path loss twice, a factor `1 + alpha` of a Rician model that the paper
    does not define, the Doppler shift of one pulse M times in place of that of the whole train (a factor of some 2.7e6
    at M = 1024), and a coupling between delay and Doppler shift that is 0 for real pulses. It assumes that the complex
    gain is known. Pulses that jump at an edge tell more than this: the jump is left out.
    """
    layout, phases = _layout(echo.link, gain)
    time = train.centre if origin is None else origin
    duration = train.symbol_duration_s
    gram = np.zeros((layout.size, layout.size), dtype=complex)
    gram[0, 0] = train.delay_energy / duration**2
    gram[1, 1] = (2.0 * np.pi * duration) ** 2 * train.doppler_energy(time)
    if len(phases):
        drift = 2j * np.pi * duration * train.symbols * (train.centre - time)
        gram[1, 2:] = np.conj(drift) * phases
        gram[2:, 1] = np.conj(gram[1, 2:])
        gram[2:, 2:] = train.symbols * np.outer(phases.conj(), phases)
    factors = np.concatenate([[echo.gain, echo.gain], np.ones(len(phases))])
    gram = 2.0 / echo.noise_power_w * np.outer(factors.conj(), factors) * gram
    return InformationMap(layout, (_contribution(echo, gram, np.eye(layout.size)),))


def printed_information(
    echo: MovingEcho, train: PulseTrain, *, path_loss: float, rician_factor: float
) -> InformationMap:
    """Delay and Doppler information of an echo as the paper prints it, for its parameters in s and in 1 / symbol.

    With `Y = |b|^2 |z|^2 t^H R t`, `B = 1 / (2 T)` and `c = eta M / ((1 + alpha) noise)`: `4 B F_g c Y` for the delay,
    `64 pi^2 B^3 F_tg c Y` for the Doppler shift, `16 pi B^2 F_tgdot c Y` between them.

    Parameters: `LINK/delay` in s and `LINK/doppler` in Hz, though (13) to (16) mix the units: the Doppler shift per
    symbol is converted, and what (13) means as a delay in seconds is taken as such.

    Args:
        echo: the echo.
        train: what is sent.
        path_loss: eta, which the paper multiplies by once more.
        rician_factor: alpha.

    Reference: wang2024 eqs. (13), (14), (15), (16).
    """
    layout, _ = _layout(echo.link, "known")
    moments, duration = pulse_moments(train.pulse), train.symbol_duration_s
    bandwidth = 0.5 / duration
    iota = 4.0 * bandwidth * moments.slope_energy / duration
    chi = 64.0 * np.pi**2 * bandwidth**3 * moments.mean_square * duration**3
    varsigma = 16.0 * np.pi * bandwidth**2 * moments.slope_moment * duration
    per_symbol = np.diag([1.0, duration])
    gram = per_symbol @ np.array([[iota, varsigma], [varsigma, chi]], dtype=complex) @ per_symbol
    scale = path_loss * train.symbols * abs(echo.gain) ** 2 / ((1.0 + rician_factor) * echo.noise_power_w)
    return InformationMap(layout, (_contribution(echo, scale * gram, np.eye(2)),))


def shared_parameters(information: InformationMap, link: str) -> InformationMap:
    """The same information under the names `delay` and `doppler`, so that those of several receivers add up.

    Every receiver has a delay and a Doppler shift of its own. To add their information is what (17) does; it is the
    bound of nothing unless all receivers see the same delay and the same Doppler shift.

    Reference: wang2024 eq. (17).
    """
    return information.renamed({f"{link}/{word}": word for word in ("delay", "doppler")})


def normalised_trace(information: Information, symbol_duration_s: float) -> float:
    """The metric U: bounds of `delay` and `doppler` added up, in symbol durations and in shifts per symbol.

    Reference: wang2024 eq. (17), eq. (18).

    Deviation: the paper adds the variance of a delay in s^2 to that of a number without unit. With the symbol duration
    as the unit of both, the sum has one unit.
    """
    delay, doppler = np.diagonal(information.bound(("delay", "doppler")))
    return float(delay / symbol_duration_s**2 + doppler * symbol_duration_s**2)


def printed_trace(information: Information, symbol_duration_s: float) -> float:
    """U with its mixed units, as printed: the delay in s^2, the Doppler shift per symbol.

    Reference: wang2024 eq. (18).
    """
    delay, doppler = np.diagonal(information.bound(("delay", "doppler")))
    return float(delay + doppler * symbol_duration_s**2)


def _layout(link: str, gain: GainKnowledge) -> tuple[ParameterLayout, Complex[np.ndarray, " phase"]]:
    """Parameters, and the factors of the gain's real and imaginary part if it is unknown."""
    unknown = gain == "unknown"
    sizes = {f"{link}/delay": 1, f"{link}/doppler": 1} | ({f"{link}/gain": 2} if unknown else {})
    return ParameterLayout.of(sizes), np.array([1.0, 1j] if unknown else [], dtype=complex)


def _contribution(echo: MovingEcho, gram: np.ndarray, jacobian: np.ndarray) -> Contribution:
    terms = len(gram)
    return Contribution(
        block=echo.block,
        receiver=echo.link,
        transmit=np.repeat(echo.transmit[:, None], terms, axis=1),
        receive=np.repeat(echo.receive[:, None], terms, axis=1),
        gram=gram,
        jacobian=jacobian,
    )
