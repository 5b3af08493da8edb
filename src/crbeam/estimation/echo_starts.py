"""States of the scene that explain echoes and the paths of a link to the user together."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.estimation.link_model import LinkModel, mirrored_rad, wrapped, wrapped_rad
from crbeam.estimation.path_estimates import PathEstimates, alike_arrivals
from crbeam.estimation.prediction import user_names, with_velocity
from crbeam.scenario import SPEED_OF_LIGHT_MPS

#: Explanations handed on, and how much more squared misfit than the best they may have.
MOST_STARTS = 3
MOST_EXCESS = 40.0


@dataclass(frozen=True, eq=False)
class _Echoes:
    """Objects that echo: places on both sides of the array's line, or twice the same, and their precision."""

    places_m: Float[np.ndarray, "side object 2"]
    variance_m2: Float[np.ndarray, " object"]


def starts_from_echoes(
    model: LinkModel, estimates: PathEstimates, echo_model: LinkModel, echoes: PathEstimates
) -> list[dict[str, np.ndarray]]:
    """States in which each echo is the user or bounces one of the user's paths, best first.

    With one echo taken as the user, each other one predicts a detour and an arrival beside the line of sight, on either
    side of the station's array; they are assigned to the paths of the link to the user at least squared misfit, in
    units of its variance. Departures play no part, so beams that do not tell directions apart do no harm.
    """
    from scipy.optimize import linear_sum_assignment

    objects = _echoes(echo_model, echoes)
    side = 0 if model.user_side > 0 else 1
    alike = alike_arrivals(model, estimates, 0)
    found = []
    for user in range(len(objects.variance_m2)):
        others = np.delete(np.arange(len(objects.variance_m2)), user)
        for sight in zip(alike.angle_rad, alike.variance, strict=True):
            misfit = _misfit(model, estimates, objects, (side, user), sight)[:, others]
            rows, columns = linear_sum_assignment(misfit.min(axis=0))
            sides = misfit[:, rows, columns].argmin(axis=0)
            bounces_m = np.zeros((len(others), 2))
            bounces_m[columns] = objects.places_m[sides, others[rows]]
            loss = float(misfit[sides, rows, columns].sum())
            found.append((loss, objects.places_m[side, user], float(sight[0]), bounces_m))
    found.sort(key=lambda each: each[0])
    near = [each for each in found if each[0] <= found[0][0] + MOST_EXCESS]
    return [_as_state(model, estimates, *each[1:]) for each in near[:MOST_STARTS]]


def _echoes(model: LinkModel, estimates: PathEstimates) -> _Echoes:
    distance_m = 0.5 * SPEED_OF_LIGHT_MPS * estimates.parameters.delay_s
    angles_rad = estimates.parameters.arrival_rad
    mirror_rad = angles_rad if model.tells_sides else mirrored_rad(angles_rad, model.transmit_axis_rad)
    both_rad = np.stack([angles_rad, mirror_rad])
    global_rad = both_rad + model.station_orientation_rad
    variance = estimates.variances
    return _Echoes(
        places_m=model.station_m + distance_m[:, None] * np.stack([np.cos(global_rad), np.sin(global_rad)], axis=-1),
        variance_m2=distance_m**2 * variance[1] + (0.5 * SPEED_OF_LIGHT_MPS) ** 2 * variance[2],
    )


def _misfit(
    model: LinkModel, estimates: PathEstimates, objects: _Echoes, user: tuple[int, int], sight: tuple[float, float]
) -> Float[np.ndarray, "side object bounce"]:
    """Squared misfit of each object as the bounce of each path, in units of its variance.

    With a given arrival of the line of sight and its variance.
    """
    user_m, user_variance_m2 = objects.places_m[user], objects.variance_m2[user[1]]
    parameters, variance = estimates.parameters, estimates.variances
    to_user_m, back_m = objects.places_m - user_m, model.station_m - user_m
    second_m = np.maximum(np.hypot(to_user_m[..., 0], to_user_m[..., 1]), 1e-9)
    first_m = np.hypot(*np.moveaxis(objects.places_m - model.station_m, -1, 0))
    detour_m = first_m + second_m - np.hypot(*back_m)
    beside_rad = np.arctan2(to_user_m[..., 1], to_user_m[..., 0]) - np.arctan2(back_m[1], back_m[0])
    arrival_rad = sight[0] + beside_rad
    place_variance_m2 = (objects.variance_m2 + user_variance_m2)[None, :, None]
    seen_m = SPEED_OF_LIGHT_MPS * ((parameters.delay_s[1:] - parameters.delay_s[0]) % model.delay_period_s)
    seen_variance_m2 = SPEED_OF_LIGHT_MPS**2 * (variance[2, 1:] + variance[2, 0])
    by_delay = (detour_m[..., None] - seen_m) ** 2 / (seen_variance_m2 + 4.0 * place_variance_m2)
    by_arrival = np.empty_like(by_delay)
    for bounce in range(by_delay.shape[-1]):
        alike = alike_arrivals(model, estimates, 1 + bounce)
        turn_rad = wrapped_rad(arrival_rad[..., None] - alike.angle_rad)
        place_variance = (place_variance_m2[..., 0] / second_m**2)[..., None]
        by_arrival[..., bounce] = np.min(turn_rad**2 / (alike.variance + sight[1] + place_variance), axis=-1)
    return by_delay + by_arrival


def _as_state(
    model: LinkModel,
    estimates: PathEstimates,
    user_m: Float[np.ndarray, "2"],
    sight_rad: float,
    bounces_m: Float[np.ndarray, "bounce 2"],
) -> dict[str, np.ndarray]:
    """State with the user and the bounces at given places; all else from the paths of the link to the user."""
    names = model.names
    receiver, orientation, clock = user_names(model)
    back_m = model.station_m - user_m
    clock_s = estimates.parameters.delay_s[:1] - np.hypot(*back_m) / SPEED_OF_LIGHT_MPS
    turn_rad = wrapped_rad(np.array([sight_rad - np.arctan2(back_m[1], back_m[0])]))
    targets = [name for name in names.vertices if name is not None]
    state = {
        receiver: user_m,
        orientation: names.orientation_sign * turn_rad,
        clock: wrapped(clock_s, model.delay_period_s),
        **dict(zip(targets, bounces_m, strict=True)),
    }
    return with_velocity(model, state, estimates.parameters.doppler_hz)
