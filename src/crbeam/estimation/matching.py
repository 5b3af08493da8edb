"""Which estimate belongs to which object, and whether a trial failed."""

from collections.abc import Mapping, Sequence
from enum import Enum
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float

from crbeam.estimation.link_model import LinkModel, wrapped
from crbeam.estimation.position_fix import StateEstimate
from crbeam.estimation.prediction import State, predict


class Failure(Enum):
    """Why a trial counts as failed; the value is the sentence that reports show."""

    NOT_CONVERGED = "The search for the maximum of the likelihood did not end in one."
    LOST_PATH = "A path that the estimate implies is outside the cell of delay, arrival and Doppler of the true one."
    WRONG_LOBE = "A path leaves in another beam lobe, or lies on another side of an array, than the true one."


def matched(models: Sequence[LinkModel], estimate: StateEstimate, truth: State) -> StateEstimate:
    """The estimate with its objects named as in the truth.

    No observation says which echo is which target. Estimated objects are assigned to true ones so that the squared
    distances have the least sum. By links to the user alone or together with echoes, the user is known as the receiver
    and targets are assigned; by echoes alone the user is one of the objects, and each estimate may be exchanged for its
    mirror image about the line of the station's array, which echoes do not tell from it.
    """
    from scipy.optimize import linear_sum_assignment

    to_user = [model for model in models if not model.is_monostatic]
    model = (to_user or models)[0]
    names = [name for name in model.names.vertices if name is not None]
    if not names:
        return estimate
    true_m = np.stack([np.asarray(truth[name]) for name in names])
    found_m = np.stack([estimate.state[name] for name in names])
    images_m = np.stack([found_m] if to_user or model.tells_sides else [found_m, _mirrored_m(model, found_m)])
    cost = np.sum((true_m[None, :, None] - images_m[:, None]) ** 2, axis=-1)
    rows, columns = linear_sum_assignment(cost.min(axis=0))
    image = cost[:, rows, columns].argmin(axis=0)
    positions_m = {names[row]: images_m[side, column] for side, row, column in zip(image, rows, columns, strict=True)}
    return StateEstimate({**estimate.state, **positions_m}, estimate.has_converged)


def _mirrored_m(model: LinkModel, position_m: Float[np.ndarray, "object 2"]) -> Float[np.ndarray, "object 2"]:
    """Positions mirrored about the line of the station's transmit array."""
    angle_rad = model.station_orientation_rad + model.transmit_axis_rad
    axis = np.array([np.cos(angle_rad), np.sin(angle_rad)])
    away_m = position_m - model.station_m
    return model.station_m + 2.0 * np.outer(away_m @ axis, axis) - away_m


def failure_of(models: Sequence[LinkModel], estimate: StateEstimate, truth: State) -> Failure | None:
    """Why a matched estimate counts as failed; None if it does not.

    The paths that the estimate implies must lie within one resolution cell of the true ones: one over the bandwidth in
    delay, one over the duration in Doppler shift, one over the length of the array in wavelengths in the cosine to the
    array's line, on the right side of it.
    """
    lost, strayed = False, False
    for model in models:
        both = predict(model, estimate.state), predict(model, truth)
        if both[0] is None or both[1] is None:
            return Failure.LOST_PATH
        found, true = both[0][0], both[1][0]
        delay = np.abs(wrapped(found.delay_s - true.delay_s, model.delay_period_s)) * model.bandwidth_hz > 1.0
        arrival, arrival_side = strays(
            found.arrival_rad, true.arrival_rad, model.receive_positions_wavelengths, model.receive_axis_rad
        )
        departure, departure_side = strays(
            found.departure_rad, true.departure_rad, model.transmit_positions_wavelengths, model.transmit_axis_rad
        )
        shift_hz = wrapped(found.doppler_hz - true.doppler_hz, model.doppler_period_hz)
        lost |= bool(np.any(delay | arrival | (np.abs(shift_hz) * model.duration_s > 1.0)))
        strayed |= bool(np.any(departure | arrival_side | departure_side))
    if lost:
        return Failure.LOST_PATH
    if strayed:
        return Failure.WRONG_LOBE
    return None if estimate.has_converged else Failure.NOT_CONVERGED


def strays(
    found_rad: Float[np.ndarray, " path"],
    true_rad: Float[np.ndarray, " path"],
    positions_wavelengths: Float[np.ndarray, "antenna 2"],
    axis_rad: float,
) -> tuple[Bool[np.ndarray, " path"], Bool[np.ndarray, " path"]]:
    """Whether angles are outside the cell of the true ones, and whether they are on the other side of the array."""
    spacing = [float(np.linalg.norm(b - a)) for a, b in pairwise(positions_wavelengths)]
    cell = 1.0 / (sum(spacing) + np.mean(spacing)) if spacing else 2.0
    apart = np.abs(np.cos(found_rad - axis_rad) - np.cos(true_rad - axis_rad)) > cell
    found_sine, true_sine = np.sin(found_rad - axis_rad), np.sin(true_rad - axis_rad)
    other_side = (found_sine * true_sine < 0.0) & (np.abs(found_sine - true_sine) > np.sqrt(2.0 * cell))
    return apart, other_side


def state_errors(models: Sequence[LinkModel], estimate: State, truth: State) -> Mapping[str, Float[np.ndarray, "..."]]:
    """Estimate minus truth: the orientation modulo a turn, the clock bias modulo the period of delays.

    Delays that differ by one over the subcarrier spacing leave the same phases, so nothing tells them apart.
    """
    periods: dict[str | None, float] = {}
    for model in models:
        periods |= {model.names.orientation: 2.0 * np.pi, model.names.clock: model.delay_period_s}
    return {
        name: wrapped(np.atleast_1d(value - truth[name]), periods.get(name, np.inf)) for name, value in estimate.items()
    }
