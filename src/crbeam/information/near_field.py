"""Information maps of places seen by the curvature of waves: echoes between arrays, pilots of a user."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Inexact

from crbeam.information.information_map import Contribution, InformationMap
from crbeam.information.parameters import ParameterLayout
from crbeam.propagation.near_field import DistanceDifferences, NearFieldResponse, polar_jacobian

#: What is unknown of a path gain: both its parts, or its phase alone.
GainNuisance = Literal["complex", "phase"]


@dataclass(frozen=True)
class Echo:
    """A link over point targets with known budget.

    Attributes:
        link: its name, in front of its gains.
        block: the transmit covariance that it sees.
        gains: complex gain of the path over each target.
        snapshots: number of observed symbols.
        noise_power_w: of one receive antenna on one symbol.
        nuisance: what is unknown of the gains.
    """

    link: str
    block: str
    gains: tuple[complex, ...]
    snapshots: int
    noise_power_w: float
    nuisance: GainNuisance = "complex"


def echo_information(
    echo: Echo,
    *,
    transmit: NearFieldResponse,
    receive: NearFieldResponse,
    projector: Inexact[np.ndarray, "rx rx"] | None = None,
) -> InformationMap:
    """Information about angle, range and gain of every target of an echo link.

    The observation is `Y = sum_k gain_k z_k a_k^T X + noise` with the receive response z, the transmit response a and
    `X X^H = T R` over T snapshots, so that the transmit vectors of the map are `conj(a)`. Both responses are functions
    of the same angle and range, whence two terms for each of these.

    Unknown: `target_angle[k]`, `target_range[k]` and `LINK/gain[k]` (real and imaginary part) or `LINK/phase[k]`.
    Assumed known: noise power, arrays, number of targets, moduli of the gains if only phases are unknown.

    Args:
        echo: names, gains, snapshots, noise.
        transmit: responses of the transmitting array, a column for each target.
        receive: responses of the receiving array.
        projector: Q of an analog combiner at the receiver.

    Reference: li2024 eq. (73), eq. (76), eq. (77), eq. (78), eq. (79), eq. (80), eq. (81).

    Deviation: the second row of (77) repeats the derivative with respect to the angle; it is that of the range. The
    echo matrix (8) lacks a transpose on its second factor.
    """
    layout = echo_layout(echo)
    terms: list[_Term] = []
    for target, gain in enumerate(echo.gains):
        sent, seen = _of_target(transmit, target), _of_target(receive, target)
        for word, slot in (("target_angle", 1), ("target_range", 2)):
            column = layout[f"{word}[{target}]"].start
            terms += [_Term(seen[slot], sent[0], gain, column), _Term(seen[0], sent[slot], gain, column)]
        first = layout[_gain_name(echo, target)].start
        factors = (1j * gain,) if echo.nuisance == "phase" else (1.0 + 0j, 1j)
        terms += [_Term(seen[0], sent[0], factor, first + part) for part, factor in enumerate(factors)]
    terms = [term for term in terms if term.receive.any() and term.transmit.any()]
    factor = np.array([term.factor for term in terms])
    jacobian = np.zeros((len(terms), layout.size))
    jacobian[np.arange(len(terms)), [term.parameter for term in terms]] = 1.0
    contribution = Contribution(
        block=echo.block,
        receiver=echo.link,
        transmit=np.stack([term.transmit for term in terms], axis=1).conj(),
        receive=np.stack([term.receive for term in terms], axis=1),
        gram=2.0 * echo.snapshots / echo.noise_power_w * np.outer(factor.conj(), factor),
        jacobian=jacobian,
        projector=projector,
    )
    return InformationMap(layout, (contribution,))


@dataclass(frozen=True, eq=False)
class _Term:
    """A rank-one piece `factor z a^T` of the derivative with respect to one parameter."""

    receive: np.ndarray
    transmit: np.ndarray
    factor: complex
    parameter: int


def _of_target(response: NearFieldResponse, target: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return response.value[:, target], response.angle_slope[:, target], response.range_slope[:, target]


def _gain_name(link: "Echo | UserPilots", target: int) -> str:
    return f"{link.link}/{'phase' if link.nuisance == 'phase' else 'gain'}[{target}]"


def _gain_size(link: "Echo | UserPilots") -> int:
    return 1 if link.nuisance == "phase" else 2


def echo_layout(echo: Echo) -> ParameterLayout:
    """Unknowns of an echo link: all angles, all ranges, all gains."""
    targets = range(len(echo.gains))
    return ParameterLayout.of(
        {f"target_angle[{target}]": 1 for target in targets}
        | {f"target_range[{target}]": 1 for target in targets}
        | {_gain_name(echo, target): _gain_size(echo) for target in targets}
    )


def position_information(
    information: InformationMap, places: Mapping[str, tuple[float, float]], *, orientation_rad: float = 0.0
) -> InformationMap:
    """The same information about positions in place of angles and ranges.

    Args:
        information: map of `echo_information` or `pilot_information`, or several added.
        places: angle (rad) and range (m) of each object, in the frame of the array, by its name: `target[0]` stands for
            `target_angle[0]` and `target_range[0]`, which become `target_position[0]`.
        orientation_rad: global direction of the frame's x axis.
    """
    old = information.layout
    polar = {name: [_named(name, word) for word in ("angle", "range")] for name in places}
    replaced = {part for pair in polar.values() for part in pair}
    others = {name: old[name].stop - old[name].start for name in old if name not in replaced}
    new = ParameterLayout.of({_named(name, "position"): 2 for name in places} | others)
    jacobian = np.zeros((old.size, new.size))
    for name, (angle_rad, range_m) in places.items():
        block = polar_jacobian(angle_rad + orientation_rad, range_m)
        jacobian[old.indices(polar[name]), new[_named(name, "position")]] = block
    for name, size in others.items():
        jacobian[old[name], new[name]] = np.eye(size)
    return information.change_parameters(jacobian, new)


def _named(name: str, quantity: str) -> str:
    """Parameter of an object: `target_angle[0]` of `target[0]`."""
    word, bracket, index = name.partition("[")
    return f"{word}_{quantity}{bracket}{index}"


@dataclass(frozen=True, eq=False)
class UserPilots:
    """Pilots that a single-antenna user sends on a grid of subcarriers.

    Attributes:
        link: name, in front of the unknown phase or gain.
        carrier_frequency_hz: of the carrier.
        wavelength_m: of the carrier; with the carrier it gives the speed of light.
        frequency_hz: of the subcarriers, relative to the carrier.
        noise_power_w: of one antenna on one subcarrier and symbol.
        nuisance: what is unknown of the common gain.
    """

    link: str
    carrier_frequency_hz: float
    wavelength_m: float
    frequency_hz: Float[np.ndarray, " subcarrier"]
    noise_power_w: float
    nuisance: GainNuisance = "complex"


def pilot_information(
    pilots: UserPilots,
    *,
    carrier: DistanceDifferences,
    delay: DistanceDifferences,
    amplitudes: Float[np.ndarray, " antenna"] | None = None,
) -> InformationMap:
    """Information of an array about the place of a user that sends pilots, from their phases alone.

    On subcarrier m antenna n observes `g_n exp(-j phase_nm)` with
    `phase_nm = k (d_n - r) + 2 pi f_m (d'_n / c + clock_bias) - common phase`. The distances d that turn the carrier
    and the distances d' that delay may follow different models: `spherical` for both is exact, for the delay a
    difference of zero is a delay that all antennas share. The map has one block, `user`, with one antenna, whose
    covariance is the power on a subcarrier, summed over symbols.

    Unknown: `user_angle`, `user_range`, `clock_bias` and `LINK/phase[0]`, or `LINK/gain[0]` relative to the true gain.
    Assumed known: noise power, array, amplitudes, whose change with the place is not used.

    Args:
        pilots: waveform and noise.
        carrier: `d_n - r`, one column.
        delay: `d'_n - r`, one column.
        amplitudes: moduli `g_n` of the channel; 1 by default.
    """
    layout = ParameterLayout.of(
        {"user_angle": 1, "user_range": 1, "clock_bias": 1, _gain_name(pilots, 0): _gain_size(pilots)}
    )
    wavenumber = 2.0 * np.pi / pilots.wavelength_m
    ones = np.ones(len(carrier.angle_slope))
    #: Slope of the phase at each antenna, whether it grows with the frequency of the subcarrier, and its parameter.
    phases = [
        (wavenumber * carrier.angle_slope[:, 0], False, 0),
        (wavenumber / pilots.carrier_frequency_hz * delay.angle_slope[:, 0], True, 0),
        (wavenumber * carrier.range_slope[:, 0], False, 1),
        (wavenumber / pilots.carrier_frequency_hz * (1.0 + delay.range_slope[:, 0]), True, 1),
        (2.0 * np.pi * ones, True, 2),
        (-ones, False, layout.size - 1),
    ]
    terms = [(-1j * slope, grows, parameter) for slope, grows, parameter in phases if slope.any()]
    if pilots.nuisance == "complex":
        terms.append((ones + 0j, False, 3))
    functions = np.stack([pilots.frequency_hz if grows else np.ones_like(pilots.frequency_hz) for _, grows, _ in terms])
    jacobian = np.zeros((len(terms), layout.size))
    jacobian[np.arange(len(terms)), [parameter for _, _, parameter in terms]] = 1.0
    strength = ones if amplitudes is None else amplitudes
    contribution = Contribution(
        block="user",
        receiver=pilots.link,
        transmit=np.ones((1, len(terms)), dtype=complex),
        receive=np.stack([strength * slope for slope, _, _ in terms], axis=1),
        gram=(2.0 / pilots.noise_power_w * functions @ functions.T).astype(complex),
        jacobian=jacobian,
    )
    return InformationMap(layout, (contribution,))
