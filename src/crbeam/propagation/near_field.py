"""Responses of antenna arrays to spherical waves, and to their Fresnel and far-field approximations."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.propagation.responses import lever

#: How the distance to each antenna depends on the place of the point.
WaveModel = Literal["spherical", "fresnel", "far"]
WAVE_MODELS: tuple[WaveModel, ...] = ("spherical", "fresnel", "far")
#: Distance of an antenna from the common line, relative to the aperture, that counts as rounding.
LINE_TOLERANCE = 1e-9
#: Distance from an antenna, relative to the range, below which a point is on it.
CONTACT = 1e-12
#: Distance from an antenna in wavelengths below which it is no point that receives waves.
LEAST_WAVELENGTHS = 0.1
#: Factor of the least range of the Fresnel approximation.
LEAST_FRESNEL = 0.62


@dataclass(frozen=True, eq=False)
class DistanceDifferences:
    """How much farther a point is from each antenna than from the array's reference point.

    Attributes:
        difference_m: `r_n - r`.
        angle_slope: its derivative with respect to the angle, metre per radian.
        range_slope: its derivative with respect to the range.
    """

    difference_m: Float[np.ndarray, "antenna point"]
    angle_slope: Float[np.ndarray, "antenna point"]
    range_slope: Float[np.ndarray, "antenna point"]


@dataclass(frozen=True, eq=False)
class NearFieldResponse:
    """Response of an array to points, relative to its reference point, with derivatives.

    Attributes:
        value: `exp(-j k (r_n - r))`, times the amplitudes if there are any.
        angle_slope: derivative with respect to the angle of the point.
        range_slope: derivative with respect to the range of the point.
    """

    value: Complex[np.ndarray, "antenna point"]
    angle_slope: Complex[np.ndarray, "antenna point"]
    range_slope: Complex[np.ndarray, "antenna point"]


def distance_differences(
    positions_m: Float[np.ndarray, "antenna 2"],
    angle_rad: Float[np.ndarray, " point"],
    range_m: Float[np.ndarray, " point"],
    *,
    model: WaveModel = "spherical",
) -> DistanceDifferences:
    """Distances from each antenna to points at `r (cos angle, sin angle)`, less the distance r from the reference.

    With `along = p . u` and `across = p . u'` for an antenna at p, u towards the point and u' perpendicular to it:
    spherical `r_n - r = -along + across^2 / (r_n + r - along)`, Fresnel `-along + across^2 / (2 r)`, far `-along`.
    In these forms no digits are lost at any range. An antenna that the point lies in line with has `across` exactly 0:
    at the end of a line array neither angle nor range changes any difference.

    Reference: li2024 eq. (2), eq. (4), eq. (5).

    Deviation: the angle of a point in the plane is printed as `tan(y/x)`; it is the arctangent. The last entry of (5)
    has the curvature of that antenna.
    """
    _require_places(range_m, model)
    along, across = _along_and_across(positions_m, angle_rad)
    curvature_m = _curvature_m(along, across, range_m, model)
    if model == "far":
        return DistanceDifferences(-along, -across, np.zeros_like(along))
    if model == "fresnel":
        return DistanceDifferences(curvature_m - along, -across * (1.0 + along / range_m), -curvature_m / range_m)
    distance_m = np.hypot(range_m - along, across)
    if not np.all(distance_m > CONTACT * range_m):
        raise InvalidInput("A point must not lie on an antenna: give a larger range.")
    return DistanceDifferences(curvature_m - along, -range_m * across / distance_m, -curvature_m / distance_m)


def _along_and_across(
    positions_m: Float[np.ndarray, "antenna 2"], angle_rad: Float[np.ndarray, " point"]
) -> tuple[Float[np.ndarray, "antenna point"], Float[np.ndarray, "antenna point"]]:
    """Coordinates of each antenna towards each point and perpendicular to that."""
    x, y = positions_m[:, :1], positions_m[:, 1:]
    return x * np.cos(angle_rad) + y * np.sin(angle_rad), lever(positions_m, angle_rad)


def _curvature_m(
    along: Float[np.ndarray, "antenna point"],
    across: Float[np.ndarray, "antenna point"],
    range_m: Float[np.ndarray, " point"],
    model: WaveModel,
) -> Float[np.ndarray, "antenna point"]:
    """`r_n - r + along`, what the curvature of the wave adds to the distance of a plane one."""
    if model == "far":
        return np.zeros_like(along)
    if model == "fresnel":
        return across**2 / (2.0 * range_m)
    distance_m = np.hypot(range_m - along, across)
    ahead_m = distance_m + range_m - along
    is_ahead = (range_m - along >= 0.0) & (ahead_m > 0.0)
    return np.where(is_ahead, across**2 / np.where(is_ahead, ahead_m, 1.0), distance_m - range_m + along)


def near_field_phases(
    positions_m: Float[np.ndarray, "antenna 2"],
    angle_rad: Float[np.ndarray, " point"],
    range_m: Float[np.ndarray, " point"],
    *,
    wavelength_m: float,
    model: WaveModel = "spherical",
) -> Complex[np.ndarray, "antenna point"]:
    """`exp(-j k (r_n - r))` as in `near_field_response`, without derivatives, which points on an antenna do not have.

    Raises:
        InvalidInput: a range is not positive and finite.
    """
    _require_places(range_m, model)
    along, across = _along_and_across(positions_m, angle_rad)
    difference_m = _curvature_m(along, across, range_m, model) - along
    return np.exp(-2j * np.pi / wavelength_m * difference_m)


def _require_places(range_m: Float[np.ndarray, " point"], model: WaveModel) -> None:
    if model not in WAVE_MODELS:
        raise InvalidInput(f"The wave model must be one of {', '.join(WAVE_MODELS)}, found `{model}`.")
    if not (np.all(np.isfinite(range_m)) and np.all(range_m > 0.0)):
        raise InvalidInput(f"Ranges must be positive and finite, found {np.min(range_m)} m.")


def near_field_response(
    positions_m: Float[np.ndarray, "antenna 2"],
    angle_rad: Float[np.ndarray, " point"],
    range_m: Float[np.ndarray, " point"],
    *,
    wavelength_m: float,
    model: WaveModel = "spherical",
    amplitudes: Float[np.ndarray, "antenna point"] | None = None,
) -> NearFieldResponse:
    """Response of an array to points in its own frame: `exp(-j k (r_n - r))`, and its derivatives.

    The phase `exp(-j k r)` that all antennas share belongs to the gain of the path. The reference point is the origin
    of the positions: the end of a line array if its first element is there. Angles and ranges are those of the points
    seen from it, in the array's own frame (zero along x).

    Args:
        positions_m: antennas relative to the reference point.
        angle_rad: directions of the points.
        range_m: distances of the points from the reference point.
        wavelength_m: of the carrier.
        model: exact distances, their second-order (Fresnel) or first-order (far) approximation.
        amplitudes: of each antenna for each point. They are known and count as constant: what the place of the point
            changes in them is not used as information.

    Raises:
        InvalidInput: a point of the spherical model is within a tenth of a wavelength of an antenna.

    Reference: li2024 eq. (3), eq. (4), eq. (5).
    """
    distances = distance_differences(positions_m, angle_rad, range_m, model=model)
    nearest_m = float(np.min(range_m + distances.difference_m)) if model == "spherical" else np.inf
    if nearest_m < LEAST_WAVELENGTHS * wavelength_m:
        raise InvalidInput(
            f"A point must be at least {LEAST_WAVELENGTHS:g} wavelengths ({LEAST_WAVELENGTHS * wavelength_m:.3g} m) "
            f"from every antenna, found one at {nearest_m:.3g} m: give a larger range."
        )
    wavenumber = 2.0 * np.pi / wavelength_m
    value = np.exp(-1j * wavenumber * distances.difference_m)
    if amplitudes is not None:
        value = amplitudes * value
    return NearFieldResponse(
        value, -1j * wavenumber * distances.angle_slope * value, -1j * wavenumber * distances.range_slope * value
    )


def polar_jacobian(angle_rad: float, range_m: float) -> Float[np.ndarray, "2 2"]:
    """Derivatives of (angle, range) with respect to the position of the point, both in one frame.

    `[[-sin, cos] / r, [cos, sin]]`; rows angle and range, columns x and y.
    """
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[-sine / range_m, cosine / range_m], [cosine, sine]])


def rayleigh_distance_m(positions_m: Float[np.ndarray, "antenna 2"], wavelength_m: float) -> float:
    """Distance `2 D^2 / wavelength` within which the curvature of waves over the aperture D matters."""
    spans_m = positions_m[:, None, :] - positions_m[None, :, :]
    return 2.0 * float(np.max(np.sum(spans_m**2, axis=-1))) / wavelength_m


def aperture_m(positions_m: Float[np.ndarray, "antenna 2"]) -> float:
    """Largest distance between two antennas."""
    return float(np.max(np.linalg.norm(positions_m[:, None, :] - positions_m[None, :, :], axis=-1)))


def least_fresnel_range_m(positions_m: Float[np.ndarray, "antenna 2"], wavelength_m: float) -> float:
    """Distance `0.62 sqrt(D^3 / wavelength)` from which the Fresnel approximation holds over the aperture D."""
    return LEAST_FRESNEL * float(np.sqrt(aperture_m(positions_m) ** 3 / wavelength_m))


@dataclass(frozen=True)
class GratingAlias:
    """A place that a line array with wide spacing can hardly tell from another one.

    Attributes:
        angle_rad: direction of the alias.
        range_m: its distance from the reference point.
        correlation: modulus of the normalised inner product of both exact spherical responses; 1 is no difference.
    """

    angle_rad: float
    range_m: float
    correlation: float


def grating_aliases(
    positions_m: Float[np.ndarray, "antenna 2"], angle_rad: float, range_m: float, *, wavelength_m: float
) -> tuple[GratingAlias, ...]:
    """Aliases of a point for a line array whose spacing d exceeds half a wavelength, nearest range first.

    With the angle counted from broadside, `sin th' = sin th - m wavelength / d` and `r' = r cos^2 th' / cos^2 th`
    for whole m other than 0: the Fresnel responses are the same, the spherical ones correlate as reported. Mirror
    images behind the line, which every line array has, are not listed.

    Raises:
        InvalidInput: the antennas are not on one line through the reference point at equal distances.
    """
    axis_rad, spacing_m = _line(positions_m)
    sine, cosine = np.cos(angle_rad - axis_rad), np.sin(angle_rad - axis_rad)
    if abs(cosine) < LINE_TOLERANCE:
        return ()
    most = int(np.floor((1.0 + abs(sine)) * spacing_m / wavelength_m))
    orders = np.array([order for order in range(-most, most + 1) if order != 0], dtype=float)
    sines = sine - orders * wavelength_m / spacing_m
    sines = sines[np.abs(sines) < 1.0 - LINE_TOLERANCE]
    ranges_m = range_m * (1.0 - sines**2) / cosine**2
    angles_rad = axis_rad + np.sign(cosine) * np.arccos(sines)
    if not sines.size:
        return ()
    here = near_field_response(positions_m, np.array([angle_rad]), np.array([range_m]), wavelength_m=wavelength_m)
    there = near_field_response(positions_m, angles_rad, ranges_m, wavelength_m=wavelength_m)
    correlations = np.abs(here.value[:, 0].conj() @ there.value) / len(positions_m)
    found = [GratingAlias(*map(float, entry)) for entry in zip(angles_rad, ranges_m, correlations, strict=True)]
    return tuple(sorted(found, key=lambda alias: alias.range_m))


def _line(positions_m: np.ndarray) -> tuple[float, float]:
    """Direction and spacing of a uniform line array through the origin."""
    steps_m = np.diff(positions_m, axis=0)
    spacing_m = float(np.linalg.norm(steps_m[0])) if len(steps_m) else 0.0
    aperture_m = spacing_m * len(steps_m)
    is_even = spacing_m > 0.0 and bool(np.all(np.abs(steps_m - steps_m[0]) <= LINE_TOLERANCE * aperture_m))
    axis = steps_m[0] / spacing_m if is_even else np.zeros(2)
    offset_m = positions_m[:, 0] * axis[1] - positions_m[:, 1] * axis[0] if is_even else np.ones(1)
    if not is_even or np.any(np.abs(offset_m) > LINE_TOLERANCE * aperture_m):
        raise InvalidInput(
            "Grating lobes are those of antennas at equal distances on one line through the reference point; "
            "these antennas are not."
        )
    return float(np.arctan2(axis[1], axis[0])), spacing_m
