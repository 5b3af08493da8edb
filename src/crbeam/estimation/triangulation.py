"""Where user and targets are, in closed form, from the paths of a link to the user."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from crbeam.estimation.link_model import LinkModel, mirrored_rad, wrapped, wrapped_rad
from crbeam.estimation.observations import PathParameters
from crbeam.estimation.path_estimates import PathEstimates, alike_arrivals
from crbeam.estimation.prediction import user_names, with_velocity
from crbeam.scenario import SPEED_OF_LIGHT_MPS

#: Starts that are handed on, and how much more chi-square than the best they may have.
MOST_STARTS = 6
MOST_EXCESS = 40.0
#: Distances of the user that are tried in each explanation of the line of sight.
MOST_DISTANCES = 256
#: Loss of a path that fits no explanation of the user's distance.
UNFIT = 1e6


@dataclass(frozen=True, eq=False)
class _Readings:
    """What a path may mean: its departure in one of several lobes, either side of both arrays.

    Attributes:
        departure_rad: local angles at the station.
        arrival_rad: local angles at the user.
        arrival_variance: of these.
        loss: twice the loss of log-likelihood against the best.
    """

    departure_rad: Float[np.ndarray, " reading"]
    arrival_rad: Float[np.ndarray, " reading"]
    arrival_variance: Float[np.ndarray, " reading"]
    loss: Float[np.ndarray, " reading"]


class _Sight(NamedTuple):
    """One reading of the line of sight."""

    departure_rad: float
    arrival_rad: float
    arrival_variance: float
    loss: float


@dataclass(frozen=True, eq=False)
class BistaticStart:
    """A state of the scene that explains the paths of a link to the user.

    Attributes:
        state: positions, orientation, clock bias.
        loss: chi-square distance from the estimated paths, roughly.
        paths: the path parameters in that explanation: lobes and sides are chosen.
    """

    state: dict[str, np.ndarray]
    loss: float
    paths: PathParameters


def triangulate(model: LinkModel, estimates: PathEstimates) -> list[BistaticStart]:
    """States that explain the estimated paths, best first; none if no reading of the paths makes triangles.

    Seen from the station, a bounce leaves by the angle a beside the line of sight, and it arrives at the user by b on
    the same side. With the distance r of the user, the detour is `r (cos((a - b)/2) / cos((a + b)/2) - 1)`, which is
    c times the difference of two delays: neither orientation nor clock bias enter, and each path yields r. A line
    array does not tell its two sides apart, and few beams do not tell all departures apart, so each path has several
    readings; the right ones agree on r.

    The earliest path is taken as the line of sight, on the known side of the station's array.

    Reference: theory/estimation#triangulation.
    """
    readings = [_readings(model, estimates, path) for path in range(model.n_paths)]
    first = readings[0]
    on_side = np.sign(wrapped_rad(first.departure_rad - model.transmit_axis_rad)) == model.user_side
    starts = []
    for index in np.nonzero(on_side)[0]:
        angles = first.departure_rad[index], first.arrival_rad[index]
        sight = _Sight(*angles, first.arrival_variance[index], first.loss[index])
        starts += _explanations(model, estimates, sight, readings[1:])
    starts.sort(key=lambda start: start[0])
    kept = [start for start in starts if start[0] <= starts[0][0] + MOST_EXCESS]
    return [_as_start(model, estimates, *start) for start in kept[:MOST_STARTS]]


def _readings(model: LinkModel, estimates: PathEstimates, path: int) -> _Readings:
    lobes = estimates.lobes[path]
    departure_rad = np.concatenate([lobes.departure_rad, mirrored_rad(lobes.departure_rad, model.transmit_axis_rad)])
    arrivals = alike_arrivals(model, estimates, path)
    loss = 2.0 * np.tile(lobes.deficit, 2)
    count, times = len(arrivals.angle_rad), len(departure_rad)
    return _Readings(
        np.repeat(departure_rad, count),
        np.tile(arrivals.angle_rad, times),
        np.tile(arrivals.variance, times),
        np.repeat(loss, count),
    )


@dataclass(frozen=True, eq=False)
class _Bounce:
    """Readings of one bounce beside a given line of sight that are triangles.

    `detour` is the detour in units of the user's distance, `slack` the variance of what the angles make of it.
    """

    reading: Int[np.ndarray, " reading"]
    detour: Float[np.ndarray, " reading"]
    slack: Float[np.ndarray, " reading"]
    loss: Float[np.ndarray, " reading"]
    length_m: float
    length_variance_m2: float

    def loss_at(
        self, distance_m: Float[np.ndarray, " distance"]
    ) -> tuple[Float[np.ndarray, " distance"], Int[np.ndarray, " distance"]]:
        """Least loss over the readings at distances of the user, and the reading that has it."""
        if not len(self.reading):
            return np.full(len(distance_m), UNFIT), np.full(len(distance_m), -1)
        misfit = self.length_m - np.outer(distance_m, self.detour)
        variance = self.length_variance_m2 + np.outer(distance_m**2, self.slack)
        loss = misfit**2 / variance + np.log(variance / variance.min()) + self.loss
        best = np.argmin(loss, axis=1)
        return np.minimum(loss[np.arange(len(best)), best], UNFIT), self.reading[best]


def _bounce(model: LinkModel, estimates: PathEstimates, sight: _Sight, path: int, readings: _Readings) -> _Bounce:
    variances = estimates.variances
    a = wrapped_rad(readings.departure_rad - sight.departure_rad)
    b = -wrapped_rad(readings.arrival_rad - sight.arrival_rad)
    half_sum, half_difference = 0.5 * (a + b), 0.5 * (a - b)
    cosine = np.cos(half_sum)
    valid = np.nonzero((a * b > 0.0) & (np.abs(a + b) < np.pi - 1e-6))[0]
    a, b, cosine, half_difference = a[valid], b[valid], cosine[valid], half_difference[valid]
    by_departure, by_arrival = 0.5 * np.sin(b) / cosine**2, 0.5 * np.sin(a) / cosine**2
    delays_s = estimates.parameters.delay_s
    return _Bounce(
        reading=valid,
        detour=np.cos(half_difference) / cosine - 1.0,
        slack=by_departure**2 * (variances[0, 0] + variances[0, path])
        + by_arrival**2 * (sight.arrival_variance + readings.arrival_variance[valid]),
        loss=readings.loss[valid],
        length_m=SPEED_OF_LIGHT_MPS * float((delays_s[path] - delays_s[0]) % model.delay_period_s),
        length_variance_m2=SPEED_OF_LIGHT_MPS**2 * float(variances[2, 0] + variances[2, path]),
    )


_Explanation = tuple[float, float, PathParameters]


def _explanations(
    model: LinkModel, estimates: PathEstimates, sight: _Sight, readings: list[_Readings]
) -> list[_Explanation]:
    """Loss, user's distance and readings of the few best explanations with one reading of the line of sight."""
    bounces = [_bounce(model, estimates, sight, 1 + index, each) for index, each in enumerate(readings)]
    distance_m = _distances_m(bounces)
    if not len(distance_m):
        return []
    judged = [bounce.loss_at(distance_m) for bounce in bounces]
    loss = sight.loss + np.sum([each[0] for each in judged], axis=0)
    chosen = np.stack([each[1] for each in judged])
    best = np.argsort(loss, kind="stable")
    _, unique = np.unique(chosen[:, best], axis=1, return_index=True)
    return [
        (float(loss[index]), float(distance_m[index]), _read(estimates, sight, readings, chosen[:, index]))
        for index in best[np.sort(unique)][:MOST_STARTS]
    ]


def _distances_m(bounces: list[_Bounce]) -> Float[np.ndarray, " distance"]:
    """Distances of the user that single readings yield, of the paths that yield the most precise ones."""
    found = []
    for bounce in bounces:
        distance_m = bounce.length_m / np.maximum(bounce.detour, 1e-300)
        spread = np.sqrt(bounce.length_variance_m2 + distance_m**2 * bounce.slack) / np.maximum(bounce.detour, 1e-300)
        is_place = (distance_m > 0.0) & (distance_m < 1e6)
        found.append((np.median(spread[is_place]) if is_place.any() else np.inf, distance_m[is_place]))
    found.sort(key=lambda each: each[0])
    return np.concatenate([np.zeros(0), *(distance_m for _, distance_m in found)])[:MOST_DISTANCES]


def _read(
    estimates: PathEstimates,
    sight: _Sight,
    readings: list[_Readings],
    chosen: Int[np.ndarray, " bounce"],
) -> PathParameters:
    angles = [sight[:2]] + [
        (each.departure_rad[index], each.arrival_rad[index]) for each, index in zip(readings, chosen, strict=True)
    ]
    departure_rad, arrival_rad = np.array(angles).T
    return PathParameters(departure_rad, arrival_rad, estimates.parameters.delay_s, estimates.parameters.doppler_hz)


def _as_start(
    model: LinkModel, estimates: PathEstimates, loss: float, distance_m: float, paths: PathParameters
) -> BistaticStart:
    """Positions from angles and the user's distance; orientation and clock bias from the line of sight.

    The velocity, if it is unknown, is that which fits the Doppler shifts best.
    """
    names = model.names
    receiver, orientation, clock = user_names(model)
    global_rad = paths.departure_rad + model.station_orientation_rad
    direction = np.stack([np.cos(global_rad), np.sin(global_rad)], axis=1)
    clock_s = wrapped(paths.delay_s[:1] - distance_m / SPEED_OF_LIGHT_MPS, model.delay_period_s)
    turn_rad = wrapped_rad(paths.arrival_rad[:1] - (global_rad[:1] + np.pi))
    state = {
        receiver: model.station_m + distance_m * direction[0],
        orientation: names.orientation_sign * turn_rad,
        clock: clock_s,
    }
    for path, name in enumerate(names.vertices):
        if name is not None:
            state[name] = _bounce_point_m(model, estimates, state[receiver], paths, path)
    return BistaticStart(with_velocity(model, state, paths.doppler_hz), loss, paths)


def _bounce_point_m(
    model: LinkModel, estimates: PathEstimates, user_m: Float[np.ndarray, "2"], paths: PathParameters, path: int
) -> Float[np.ndarray, "2"]:
    """Where a path bounces: on the ellipse of its length, in the direction that the more precise of its angles says.

    Seen from one focus, at the angle b beside the other one at the distance r, a point of the ellipse of length L is
    `(L^2 - r^2) / (2 (L - r cos b))` away.
    """
    sight_m = user_m - model.station_m
    distance_m = float(np.hypot(*sight_m))
    detour_m = SPEED_OF_LIGHT_MPS * float((paths.delay_s[path] - paths.delay_s[0]) % model.delay_period_s)
    length_m = distance_m + detour_m
    from_station = estimates.variances[0, path] < estimates.variances[1, path]
    if from_station:
        focus_m, towards_m = model.station_m, sight_m
        beside_rad = paths.departure_rad[path] - paths.departure_rad[0]
    else:
        focus_m, towards_m = user_m, -sight_m
        beside_rad = paths.arrival_rad[path] - paths.arrival_rad[0]
    gap_m = max(length_m - distance_m * np.cos(beside_rad), 1e-3 * length_m)
    angle_rad = np.arctan2(towards_m[1], towards_m[0]) + beside_rad
    away_m = 0.5 * detour_m * (length_m + distance_m) / gap_m
    return focus_m + away_m * np.array([np.cos(angle_rad), np.sin(angle_rad)])
