"""Amplitudes of paths: free space, or another exponent of the distance."""

import numpy as np
from jaxtyping import Float

_FOUR_PI = 4.0 * np.pi


def line_of_sight_amplitude(wavelength_m: float, distance_m: float, *, exponent: float = 2.0) -> float:
    """Amplitude `wavelength / (4 pi) d^(-n/2)` with d in metres; `wavelength / (4 pi d)` in free space, n = 2.

    Reference: zhang2025 section VII-A; hamrouni2026 Table II.
    """
    return wavelength_m / _FOUR_PI * distance_m ** (-exponent / 2.0)


def bounce_amplitude(
    wavelength_m: float,
    first_m: Float[np.ndarray, " path"],
    second_m: Float[np.ndarray, " path"],
    rcs_m2: Float[np.ndarray, " path"],
    *,
    exponent: float = 2.0,
    as_printed: bool = False,
) -> Float[np.ndarray, " path"]:
    """Amplitude over a point scatterer, `sqrt(rcs) wavelength / (4 pi)^1.5 (d1 d2)^(-n/2)`; n = 2 in free space.

    Reference: zhang2025 section VII-A; hamrouni2026 Table II.

    Deviation: the paper prints the radar cross section itself in place of its square root, which has the wrong
    dimension and makes reflections stronger than the line of sight; `as_printed` returns that.
    """
    factor = rcs_m2 if as_printed else np.sqrt(rcs_m2)
    return factor * wavelength_m / _FOUR_PI**1.5 * (first_m * second_m) ** (-exponent / 2.0)
