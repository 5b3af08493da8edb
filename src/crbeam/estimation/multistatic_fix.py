"""Where a moving target is, from delays, Doppler shifts and directions of arrival at several receivers."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput, SolverFailed
from crbeam.scenario import SPEED_OF_LIGHT_MPS

#: Relative size of the steps at which the least-squares fix ends, and the most of them.
_CONVERGED, _MAX_STEPS = 1e-12, 200
#: Relative determinant below which two Doppler shifts do not tell the direction.
_DEGENERATE = 1e-12


@dataclass(frozen=True)
class DopplerFix:
    """A target located by two receivers from Doppler shifts, delays and directions of arrival.

    Attributes:
        position_m: mean of the places that the two receivers find.
        departure_rad: direction from the transmitter to the target, from the heading.
        speed_mps: along the heading.
        mismatch_m: distance of the two places; 0 for exact observations.
        other_mismatch_m: the same for the mirrored direction, which was refused.
    """

    position_m: tuple[float, float]
    departure_rad: float
    speed_mps: float
    mismatch_m: float
    other_mismatch_m: float


def doppler_direction(
    doppler_hz: Float[np.ndarray, "2"], arrival_rad: Float[np.ndarray, "2"], carrier_frequency_hz: float
) -> tuple[float, float]:
    """Cosine of the direction of departure, and the speed, from the Doppler shifts at two receivers.

    From `f_k = -s f0 (cos th + cos phi_k) / (1 + s cos phi_k)` with s = v / c, linear in s and `s cos th`:
    `s (f0 + f_k) cos phi_k + f0 s cos th = -f_k`. Angles are from the heading, which must be known.

    Raises:
        InvalidInput: the receivers see the target under equal cosines, or it does not move.

    Reference: wang2024 eq. (49), eq. (52).

    Deviation: (52) has the direction on both sides once its abbreviations are resolved, and neither of its two printed
    forms returns it. The sign of the direction is not observable from Doppler shifts.
    """
    f0 = carrier_frequency_hz
    slopes = (1.0 + doppler_hz / f0) * np.cos(arrival_rad)
    apart = float(slopes[0] - slopes[1])
    if abs(apart) < _DEGENERATE:
        raise InvalidInput("Two receivers must see the target under directions of different cosines, but do not.")
    ratio = float((doppler_hz[1] - doppler_hz[0]) / f0) / apart
    if ratio == 0.0:
        raise InvalidInput("The target must move for Doppler shifts to tell its direction, but both shifts are equal.")
    product = -float(doppler_hz[0]) / f0 - ratio * float(slopes[0])
    return product / ratio, ratio * SPEED_OF_LIGHT_MPS


def distance_from_departure_m(length_m: float, baseline_m: float, angle_rad: float) -> float:
    """Distance of the target from a receiver: `(L^2 + d^2 - 2 L d cos a) / (2 L - 2 d cos a)`.

    Args:
        length_m: L, both legs of the echo.
        baseline_m: d, from transmitter to receiver.
        angle_rad: a at the transmitter, between target and receiver.

    Reference: wang2024 eq. (93).

    Deviation: (53) and (94) leave out `d^2`.
    """
    along = baseline_m * np.cos(angle_rad)
    return float((length_m**2 + baseline_m**2 - 2.0 * length_m * along) / (2.0 * length_m - 2.0 * along))


def fix_from_arrival_m(
    length_m: float,
    arrival_rad: float,
    transmitter_m: Float[np.ndarray, "2"],
    receiver_m: Float[np.ndarray, "2"],
) -> Float[np.ndarray, "2"]:
    """Place of the target from one receiver's delay and direction of arrival, without Doppler shifts.

    At the distance `(L^2 - d^2) / (2 L - 2 d cos b)`, b being the angle at the receiver between target and transmitter.

    Reference: wang2024 eq. (51), eq. (54).

    Deviation: Remark 3.1 says that a receiver needs the direction of departure; delay and direction of arrival suffice.
    """
    back_m = transmitter_m - receiver_m
    towards = np.array([np.cos(arrival_rad), np.sin(arrival_rad)])
    distance_m = (length_m**2 - back_m @ back_m) / (2.0 * (length_m - back_m @ towards))
    return receiver_m + distance_m * towards


def fix_from_dopplers(
    lengths_m: Float[np.ndarray, "2"],
    direction: tuple[float, float],
    arrival_rad: Float[np.ndarray, "2"],
    transmitter_m: Float[np.ndarray, "2"],
    receivers_m: Float[np.ndarray, "2 2"],
    *,
    heading_rad: float = 0.0,
) -> DopplerFix:
    """Target from two receivers, by the direction of departure that Doppler shifts tell up to its sign.

    The sign is that with which both receivers find the target at nearly one place.

    Args:
        lengths_m: both legs of each echo.
        direction: cosine of the departure from the heading, and the speed, of `doppler_direction`.
        arrival_rad: global direction of arrival at each receiver.
        transmitter_m: place of the transmitter.
        receivers_m: places of the receivers.
        heading_rad: global direction in which the target moves.

    Reference: wang2024 eqs. (53), (54), (55).

    Deviation: the paper does not resolve the sign.
    """
    cosine, speed_mps = direction
    half = float(np.arccos(np.clip(cosine, -1.0, 1.0)))
    found = []
    for departure in (half, -half):
        places_m = []
        for length_m, arrival, receiver_m in zip(lengths_m, arrival_rad, receivers_m, strict=True):
            base_m = receiver_m - transmitter_m
            angle = departure + heading_rad - np.arctan2(base_m[1], base_m[0])
            distance_m = distance_from_departure_m(float(length_m), float(np.hypot(*base_m)), float(angle))
            places_m.append(receiver_m + distance_m * np.array([np.cos(arrival), np.sin(arrival)]))
        mean_m = np.mean(places_m, axis=0)
        found.append((float(np.hypot(*(places_m[0] - places_m[1]))), departure, (float(mean_m[0]), float(mean_m[1]))))
    (mismatch_m, departure, position_m), (other_m, _, _) = sorted(found)
    return DopplerFix(position_m, departure, speed_mps, mismatch_m, other_m)


@dataclass(frozen=True, eq=False)
class MultistaticObservations:
    """Delays and Doppler shifts of one target at several receivers, with the accuracy of each.

    Attributes:
        transmitter_m: place of the transmitter.
        receivers_m: places of the receivers.
        delay_s: observed delays.
        doppler_hz: observed Doppler shifts.
        delay_error_s: root-mean-square error of each delay.
        doppler_error_hz: root-mean-square error of each Doppler shift.
        wavelength_m: of the carrier.
        correlation: coefficient between the errors of delay and Doppler shift of each receiver; None is 0.
    """

    transmitter_m: Float[np.ndarray, "2"]
    receivers_m: Float[np.ndarray, "receiver 2"]
    delay_s: Float[np.ndarray, " receiver"]
    doppler_hz: Float[np.ndarray, " receiver"]
    delay_error_s: Float[np.ndarray, " receiver"]
    doppler_error_hz: Float[np.ndarray, " receiver"]
    wavelength_m: float
    correlation: Float[np.ndarray, " receiver"] | None = None

    def misfit(self, position_m: Float[np.ndarray, "2"], velocity_mps: Float[np.ndarray, "2"]) -> float:
        """Weighed sum of squares of what a position and a velocity leave unexplained: chi-square at the true ones."""
        residuals, _ = _residuals(self, np.concatenate([position_m, velocity_mps]))
        return float(residuals @ residuals)


def least_squares_fix(
    observed: MultistaticObservations, start_m: Float[np.ndarray, "2"], *, heading_rad: float | None = None
) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    """Position and velocity of the target that explain all delays and Doppler shifts best, weighed by their errors.

    Levenberg-Marquardt steps from a first place, such as that of `fix_from_arrival_m`, and the velocity that suits it.

    Args:
        observed: what the receivers found.
        start_m: the first place.
        heading_rad: global direction in which the target is known to move, so that only its speed is not; it may be
            negative. None is an unknown one.

    Raises:
        SolverFailed: no convergence, as for places on the line between transmitter and receivers.
    """
    motion = np.eye(2) if heading_rad is None else np.array([[np.cos(heading_rad)], [np.sin(heading_rad)]])
    freedom = np.block([[np.eye(2), np.zeros((2, motion.shape[1]))], [np.zeros((2, 2)), motion]])
    _, slopes = _residuals(observed, np.array([*start_m, 0.0, 0.0]))
    count = len(observed.delay_s)
    rates = observed.doppler_hz / observed.doppler_error_hz
    speeds = np.linalg.lstsq((slopes @ freedom)[count:, 2:] * _correlated(observed)[:, None], rates, rcond=None)[0]
    state, damping = np.array([*start_m, *motion @ speeds]), 1e-3
    residuals, slopes = _residuals(observed, state)
    for _ in range(_MAX_STEPS):
        free = slopes @ freedom
        normal = free.T @ free
        damped = normal + damping * np.diag(np.diagonal(normal))
        step = freedom @ np.linalg.solve(damped, free.T @ residuals)
        after, next_slopes = _residuals(observed, state + step)
        if after @ after <= residuals @ residuals:
            state, residuals, slopes, damping = state + step, after, next_slopes, 0.1 * damping
            if np.all(np.abs(step) <= _CONVERGED * (1.0 + np.abs(state))):
                return state[:2], state[2:]
        elif damping > 1e12:
            return state[:2], state[2:]
        else:
            damping *= 10.0
    raise SolverFailed(
        "The position fix must converge, but did not; start it nearer the target.", status="no convergence"
    )


def _correlated(observed: MultistaticObservations) -> Float[np.ndarray, " receiver"]:
    """Share of each Doppler error that the delay error does not tell, `sqrt(1 - r^2)`."""
    found = observed.correlation
    return np.ones(len(observed.delay_s)) if found is None else np.sqrt(1.0 - found**2)


def _residuals(
    observed: MultistaticObservations, state: np.ndarray
) -> tuple[Float[np.ndarray, " observation"], Float[np.ndarray, "observation 4"]]:
    """Observed less expected, in units of the errors and made independent, and the slopes of what is expected."""
    place_m, velocity = state[:2], state[2:]
    legs_m = np.stack(
        [np.broadcast_to(place_m - observed.transmitter_m, observed.receivers_m.shape), place_m - observed.receivers_m]
    )
    sizes_m = np.linalg.norm(legs_m, axis=-1, keepdims=True)
    units = legs_m / sizes_m
    towards = units.sum(axis=0)
    turning = ((velocity - units * (units @ velocity)[..., None]) / sizes_m).sum(axis=0)
    delay = (sizes_m.sum(axis=(0, 2)) / SPEED_OF_LIGHT_MPS, towards / SPEED_OF_LIGHT_MPS, np.zeros_like(towards))
    doppler = (
        -(towards @ velocity) / observed.wavelength_m,
        -turning / observed.wavelength_m,
        -towards / observed.wavelength_m,
    )
    parts = (
        (observed.delay_s, delay, observed.delay_error_s),
        (observed.doppler_hz, doppler, observed.doppler_error_hz),
    )
    residuals = [(found - expected[0]) / error for found, expected, error in parts]
    slopes = [np.hstack(expected[1:]) / error[:, None] for _, expected, error in parts]
    if observed.correlation is not None:
        left = _correlated(observed)
        residuals[1] = (residuals[1] - observed.correlation * residuals[0]) / left
        slopes[1] = (slopes[1] - observed.correlation[:, None] * slopes[0]) / left[:, None]
    return np.concatenate(residuals), np.concatenate(slopes)
