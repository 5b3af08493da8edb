"""Channels of served users in the near field of an array: line of sight and scatterers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.propagation.near_field import WaveModel, near_field_response
from crbeam.propagation.path_loss import NYC_LINE_OF_SIGHT, NYC_SCATTERED, LogDistanceLoss


@dataclass(frozen=True)
class ServedUser:
    """A single-antenna user and the scatterers that belong to it, in the frame of the array.

    Attributes:
        position_m: place of the user.
        scatterers_m: places of its scatterers.
        phases_rad: extra phase of each path, line of sight first; zero if left out.
    """

    position_m: tuple[float, float]
    scatterers_m: tuple[tuple[float, float], ...] = ()
    phases_rad: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.phases_rad is not None and len(self.phases_rad) != 1 + len(self.scatterers_m):
            raise InvalidInput(
                f"A user with {len(self.scatterers_m)} scatterers has {1 + len(self.scatterers_m)} phases, found "
                f"{len(self.phases_rad)}."
            )


@dataclass(frozen=True)
class UserPropagation:
    """How waves get from the array to its users.

    Attributes:
        wavelength_m: of the carrier.
        model: of the distances from the antennas.
        line_of_sight: loss over the distance to the user.
        scattered: loss over the whole way via a scatterer.
    """

    wavelength_m: float
    model: WaveModel = "fresnel"
    line_of_sight: LogDistanceLoss = NYC_LINE_OF_SIGHT
    scattered: LogDistanceLoss = NYC_SCATTERED


def user_channels(
    positions_m: Float[np.ndarray, "antenna 2"], users: Sequence[ServedUser], propagation: UserPropagation
) -> Complex[np.ndarray, "antenna user"]:
    """Channel of each user, `h = a_0 e(th_0, r_0) + sum_l a_l / sqrt(L) e(th_l, r_l)` over its L scatterers.

    Path gains have the amplitudes of the losses and the phases of the lengths from the array's reference point, `r_0`
    and `r_l + r~_l` with the second leg from scatterer to user, and the extra phases of the user.

    Reference: li2024 eq. (6), eq. (72).

    Deviation: the paper does not say which length enters the loss over a scatterer; it is that of the whole way. With
    the model `far` this is the channel (72) of the far-field baseline, with the same gains.
    """
    columns = [_channel(positions_m, user, propagation) for user in users]
    return np.stack(columns, axis=1) if columns else np.zeros((len(positions_m), 0), dtype=complex)


def _channel(positions_m: np.ndarray, user: ServedUser, propagation: UserPropagation) -> np.ndarray:
    points_m = np.array([user.position_m, *user.scatterers_m], dtype=float)
    ranges_m = np.hypot(points_m[:, 0], points_m[:, 1])
    lengths_m = ranges_m + np.hypot(*(points_m - points_m[0]).T)
    amplitude = np.concatenate(
        [propagation.line_of_sight.amplitude(lengths_m[:1]), propagation.scattered.amplitude(lengths_m[1:])]
    )
    amplitude[1:] /= np.sqrt(max(len(user.scatterers_m), 1))
    phase = np.zeros(len(points_m)) if user.phases_rad is None else np.array(user.phases_rad)
    gains = amplitude * np.exp(1j * (phase - 2.0 * np.pi * lengths_m / propagation.wavelength_m))
    response = near_field_response(
        positions_m,
        np.arctan2(points_m[:, 1], points_m[:, 0]),
        ranges_m,
        wavelength_m=propagation.wavelength_m,
        model=propagation.model,
    )
    return response.value @ gains
