"""Where a transmission sends its power."""

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.systems import World, system_of


def beampattern_w(
    scenario: World,
    station: str,
    covariance: Complex[np.ndarray, "tx tx"],
    azimuths_rad: Float[np.ndarray, " angle"],
    *,
    distance_m: float | None = None,
) -> Float[np.ndarray, " angle"]:
    """Equivalent isotropically radiated power of a station over global azimuth, per subcarrier, summed over slots.

    `p(g) = t(g)^H R t(g)` in watt, with the transmit vector t of the scenario's information maps (`transmit_vectors`)
    for an array of isotropic elements. Its share of the power `tr R` is the gain towards that azimuth.

    Args:
        scenario: the world; or its system.
        station: name of the one that transmits.
        covariance: of one of its blocks, watt per subcarrier, summed over slots.
        azimuths_rad: counter-clockwise from x.
        distance_m: where waves are curved: distance from the station at which the power is, by default that of the
            target (`pattern_distance_m`).

    Reference: zhang2025 Fig. 4.
    """
    towards = np.stack([np.cos(azimuths_rad), np.sin(azimuths_rad)], axis=1)
    at_m = pattern_distance_m(scenario) if distance_m is None else distance_m
    return _power_w(scenario, station, covariance, towards * (1.0 if at_m is None else at_m))


def pattern_distance_m(scenario: World) -> float | None:
    """Distance from the station at which a pattern over azimuth is taken; None where waves are plane."""
    return next((range_m for _, range_m in system_of(scenario).polar_targets().values()), None)


def beampattern_plane_w(
    scenario: World,
    station: str,
    covariance: Complex[np.ndarray, "tx tx"],
    *,
    x_m: Float[np.ndarray, " column"],
    y_m: Float[np.ndarray, " row"],
    is_received: bool = False,
) -> Float[np.ndarray, "row column"]:
    """Power over the plane around a station, per subcarrier, summed over slots.

    The radiated power p of `beampattern_w` towards each point, at its distance d where waves are curved; or the power
    that an isotropic antenna there receives in free space, `p (wavelength / (4 pi d))^2`, in watt. Distances below a
    wavelength count as one wavelength: nearer, the formulas do not hold.

    Args:
        scenario: the world; or its system.
        station: name of the one that transmits.
        covariance: of one of its blocks, watt per subcarrier, summed over slots.
        x_m: grid of the first coordinate.
        y_m: grid of the second coordinate.
        is_received: the power that is received in place of that which is radiated.

    Reference: zhang2025 Fig. 4.
    """
    world = system_of(scenario).scenario
    place_m, wavelength_m = world.stations[station].position_m, world.waveform.wavelength_m
    east_m, north_m = np.meshgrid(x_m - place_m[0], y_m - place_m[1])
    distance_m, azimuth_rad = np.maximum(np.hypot(east_m, north_m), wavelength_m), np.arctan2(north_m, east_m)
    offsets_m = distance_m[..., None] * np.stack([np.cos(azimuth_rad), np.sin(azimuth_rad)], axis=-1)
    power_w = _power_w(scenario, station, covariance, offsets_m.reshape(-1, 2))
    power_w = power_w.reshape(azimuth_rad.shape)
    return power_w * (wavelength_m / (4.0 * np.pi * distance_m)) ** 2 if is_received else power_w


def _power_w(
    scenario: World,
    station: str,
    covariance: Complex[np.ndarray, "tx tx"],
    offsets_m: Float[np.ndarray, "point 2"],
) -> Float[np.ndarray, " point"]:
    """`t^H R t` for the transmit vector of each point."""
    vectors = system_of(scenario).transmit_vectors(station, offsets_m)
    n_tx = len(vectors)
    if covariance.shape != (n_tx, n_tx):
        raise InvalidInput(
            f"A covariance must have the shape {(n_tx, n_tx)} for the {n_tx} antennas of `{station}`, but it has "
            f"{covariance.shape}."
        )
    return np.maximum(np.sum(vectors.conj() * (covariance @ vectors), axis=0).real, 0.0)
