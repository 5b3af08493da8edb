"""Far-field responses of antenna arrays."""

import numpy as np
from jaxtyping import Complex, Float


def steering_response(
    positions_wavelengths: Float[np.ndarray, "antenna 2"], angle_rad: Float[np.ndarray, " path"]
) -> tuple[Complex[np.ndarray, "antenna path"], Complex[np.ndarray, "antenna path"]]:
    """Response of an array to plane waves and its derivative with respect to the angle.

    `a_n(angle) = exp(2j pi r_n . u)` with `u = (cos angle, sin angle)` and element positions `r_n` in wavelengths,
    all in the array's own frame. For a half-wavelength line along x this is `exp(j pi nu_n cos(angle))`.

    Reference: zhang2025 eq. (3).
    """
    x, y = positions_wavelengths[:, :1], positions_wavelengths[:, 1:]
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    response = np.exp(2j * np.pi * (x * cosine + y * sine))
    return response, 2j * np.pi * (y * cosine - x * sine) * response
