"""Where a transmission sends its power."""

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.propagation import steering_response


def beampattern_w(
    covariances: Complex[np.ndarray, "block tx tx"],
    positions_wavelengths: Float[np.ndarray, "tx 2"],
    orientation_rad: float,
    angles_rad: Float[np.ndarray, " angle"],
) -> Float[np.ndarray, "block angle"]:
    """Equivalent isotropically radiated power of every block over global azimuth, per subcarrier, summed over slots.

    `p(g) = a(g - orientation)^H R a(g - orientation)` in watt, with the unit-modulus response a of an array of
    isotropic elements. Its share of the power `tr R` is the gain towards that azimuth.

    Args:
        covariances: watt per subcarrier, summed over slots.
        positions_wavelengths: element positions in the array's own frame.
        orientation_rad: global direction of the array's local x axis.
        angles_rad: global azimuths, counter-clockwise from x.

    Reference: zhang2025 Fig. 4.
    """
    n_tx = len(positions_wavelengths)
    if covariances.shape[1:] != (n_tx, n_tx):
        raise InvalidInput(
            f"Argument `covariances` must have shape (block, {n_tx}, {n_tx}) for an array of {n_tx} elements, "
            f"but has shape {covariances.shape}."
        )
    response, _ = steering_response(positions_wavelengths, angles_rad - orientation_rad)
    power_w = np.einsum("na,bnm,ma->ba", response.conj(), covariances, response, optimize=True).real
    return np.maximum(power_w, 0.0)


def beampattern_plane_w(
    covariances: Complex[np.ndarray, "block tx tx"],
    positions_wavelengths: Float[np.ndarray, "tx 2"],
    orientation_rad: float,
    *,
    station_m: tuple[float, float],
    x_m: Float[np.ndarray, " column"],
    y_m: Float[np.ndarray, " row"],
    wavelength_m: float | None = None,
) -> Float[np.ndarray, "block row column"]:
    """Power of every block over the plane around a station, per subcarrier, summed over slots.

    Without a wavelength: the radiated power `p(g)` of `beampattern_w` towards each point. With one: the power that an
    isotropic antenna there receives in free space, `p(g) (wavelength / (4 pi d))^2`, in watt. Distances d below a
    wavelength count as one wavelength: nearer, the formula does not hold.

    Reference: zhang2025 Fig. 4.
    """
    east_m, north_m = np.meshgrid(x_m - station_m[0], y_m - station_m[1])
    azimuth = np.arctan2(north_m, east_m)
    power_w = beampattern_w(covariances, positions_wavelengths, orientation_rad, azimuth.ravel())
    power_w = power_w.reshape(len(covariances), *azimuth.shape)
    if wavelength_m is None:
        return power_w
    distance_m = np.maximum(np.hypot(east_m, north_m), wavelength_m)
    return power_w * (wavelength_m / (4.0 * np.pi * distance_m)) ** 2
