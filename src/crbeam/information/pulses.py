"""Transmit pulses that fill one symbol, and the moments on which delay and Doppler information depend.

A pulse is a real function g of the time u within a symbol, in symbol durations from 0 to 1, with unit mean power:
`int_0^1 g(u)^2 du = 1`.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput

PulseName = Literal["sine_squared", "cosine", "sinc"]
PULSES: tuple[PulseName, ...] = ("sine_squared", "cosine", "sinc")
#: Nodes of the quadrature: exact to rounding for these smooth functions.
_NODES = 64


@dataclass(frozen=True)
class PulseMoments:
    """Moments of a pulse over one symbol, in symbol durations.

    Attributes:
        slope_energy: `int g'(u)^2 du`, by which delays are seen; jumps at the edges are left out.
        mean: `int u g(u)^2 du`.
        mean_square: `int u^2 g(u)^2 du`.
        slope_moment: `int u g(u) g'(u) du`; -1/2 for every pulse that ends at 0.
        edges: g at the beginning and at the end of the symbol.
    """

    slope_energy: float
    mean: float
    mean_square: float
    slope_moment: float
    edges: tuple[float, float]

    @property
    def jumps(self) -> bool:
        """Whether the pulse jumps at an edge; `slope_energy` then is a lower limit: a sharp jump has no finite one."""
        return max(abs(edge) for edge in self.edges) > 1e-9


def pulse_value(pulse: PulseName, u: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """g(u) for u from 0 to 1: `sqrt(8/3) sin(pi u)^2`, `sqrt(2) cos(pi u / 2)`, `sqrt(pi / A) sin(pi u) / (pi u)`.

    A is the integral of `sin(t)^2 / t^2` from 0 to pi. The first begins and ends at 0; the others begin with a jump.

    Raises:
        InvalidInput: there is no such pulse.
    """
    match pulse:
        case "sine_squared":
            return np.sqrt(8.0 / 3.0) * np.sin(np.pi * u) ** 2
        case "cosine":
            return np.sqrt(2.0) * np.cos(np.pi * u / 2.0)
        case "sinc":
            return _sinc_amplitude() * np.sinc(u)
        case _:
            raise InvalidInput(f"The pulse must be one of {', '.join(PULSES)}, found `{pulse}`.")


def pulse_slope(pulse: PulseName, u: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """dg/du for u from 0 to 1, without jumps at the edges."""
    match pulse:
        case "sine_squared":
            return np.sqrt(8.0 / 3.0) * np.pi * np.sin(2.0 * np.pi * u)
        case "cosine":
            return -np.sqrt(2.0) * np.pi / 2.0 * np.sin(np.pi * u / 2.0)
        case "sinc":
            x = np.pi * u
            small = np.abs(x) < 1e-4
            safe = np.where(small, 1.0, x)
            slope = np.where(small, -x / 3.0, (safe * np.cos(safe) - np.sin(safe)) / safe**2)
            return _sinc_amplitude() * np.pi * slope
        case _:
            raise InvalidInput(f"The pulse must be one of {', '.join(PULSES)}, found `{pulse}`.")


@cache
def pulse_moments(pulse: PulseName) -> PulseMoments:
    """Moments of a pulse, by Gauss-Legendre quadrature.

    Reference: wang2024 section III.
    """
    u, weights = _quadrature()
    value, slope = pulse_value(pulse, u), pulse_slope(pulse, u)
    first, last = pulse_value(pulse, np.array([0.0, 1.0])).tolist()
    return PulseMoments(
        slope_energy=float(weights @ slope**2),
        mean=float(weights @ (u * value**2)),
        mean_square=float(weights @ (u**2 * value**2)),
        slope_moment=float(weights @ (u * value * slope)),
        edges=(first, last),
    )


@cache
def _sinc_amplitude() -> float:
    """`sqrt(pi / A)`, which gives the sinc pulse unit power."""
    u, weights = _quadrature()
    return float(1.0 / np.sqrt(weights @ np.sinc(u) ** 2))


@cache
def _quadrature() -> tuple[Float[np.ndarray, " node"], Float[np.ndarray, " node"]]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return 0.5 * (nodes + 1.0), 0.5 * weights
