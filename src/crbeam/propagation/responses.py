"""Far-field responses of antenna arrays."""

import numpy as np
from jaxtyping import Complex, Float

#: Sine of the angle from an element's direction below which its response does not change with the angle: at the end
#: of a line array, rounding of pi would otherwise pass for information.
LEVER_ROUNDING = 1e-15


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
    lever = y * cosine - x * sine
    lever = np.where(np.abs(lever) > LEVER_ROUNDING * np.hypot(x, y), lever, 0.0)
    return response, 2j * np.pi * lever * response
