"""Far-field responses of antenna arrays."""

import numpy as np
from jaxtyping import Complex, Float

#: Sine of the angle from an element's direction below which its response does not change with the angle: at the end
#: of a line array, rounding of pi would otherwise pass for information.
LEVER_ROUNDING = 1e-15


def lever(
    positions: Float[np.ndarray, "antenna 2"], angle_rad: Float[np.ndarray, " path"]
) -> Float[np.ndarray, "antenna path"]:
    """Distance `y cos(angle) - x sin(angle)` of each element from the line towards a direction, in units of positions.

    Exactly 0 for an element on that line, where rounding of the angle leaves a distance of some 1e-16.
    """
    x, y = positions[:, :1], positions[:, 1:]
    across = y * np.cos(angle_rad) - x * np.sin(angle_rad)
    return np.where(np.abs(across) > LEVER_ROUNDING * np.hypot(x, y), across, 0.0)


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
    return response, 2j * np.pi * lever(positions_wavelengths, angle_rad) * response
