"""Position and velocity of a moving target from what the matched filters of several receivers found."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput, SolverFailed
from crbeam.estimation.matched_filter import DelayDoppler
from crbeam.estimation.matching import Failure, strays
from crbeam.estimation.multistatic_fix import MultistaticObservations, least_squares_fix
from crbeam.estimation.pulse_receiver import LineArray, PulseReceiver
from crbeam.scenario import SPEED_OF_LIGHT_MPS

#: Directions of departure at which places that explain one delay are tried, and how many of the best are starts.
DIRECTIONS, STARTS = 720, 6
#: Least length of an echo beyond that of the direct way.
_LEAST_DETOUR_M = 1e-3


@dataclass(frozen=True, eq=False)
class TargetFix:
    """Where receivers together find a target.

    Attributes:
        position_m: its place.
        velocity_mps: its velocity.
        has_converged: whether all searches ended where they should.
    """

    position_m: Float[np.ndarray, "2"]
    velocity_mps: Float[np.ndarray, "2"]
    has_converged: bool


def observations(receivers: Sequence[PulseReceiver], found: Sequence[DelayDoppler]) -> MultistaticObservations:
    """What receivers found, with the errors that their information promises."""
    covariances = [np.linalg.inv(each.information) for each in found]
    errors = np.sqrt([np.diagonal(each) for each in covariances])
    return MultistaticObservations(
        transmitter_m=receivers[0].transmitter.place_m,
        receivers_m=np.stack([each.receiver.place_m for each in receivers]),
        delay_s=np.array([each.delay_s for each in found]),
        doppler_hz=np.array([each.doppler_hz for each in found]),
        delay_error_s=errors[:, 0],
        doppler_error_hz=errors[:, 1],
        wavelength_m=receivers[0].wavelength_m,
        correlation=np.array([each[0, 1] for each in covariances]) / errors.prod(axis=1),
    )


def locate_target(
    receivers: Sequence[PulseReceiver], found: Sequence[DelayDoppler], *, heading_rad: float | None = None
) -> TargetFix:
    """Position and velocity that explain delays and Doppler shifts at all receivers best.

    The least-squares fix starts from several places that explain the delays. Two delays have two places in common, and
    with an unknown heading each has a velocity that explains both Doppler shifts. So places are compared by what is
    left of the fix and by how well the gains of beams and antennas suit an echo from there, `b z t^H F`, which tells
    directions roughly. The fix itself uses delays and Doppler shifts only, as its bound does.

    Args:
        receivers: two or more.
        found: what each found.
        heading_rad: global direction in which the target is known to move; None is an unknown one.

    Raises:
        InvalidInput: there is one receiver only.
    """
    if len(receivers) < 2:
        raise InvalidInput(f"At least two receivers must sense to locate a target, found {len(receivers)}.")
    observed = observations(receivers, found)
    best, least = None, np.inf
    for start_m in likely_places_m(observed):
        fix = _fix(observed, start_m, heading_rad)
        cost = observed.misfit(fix.position_m, fix.velocity_mps)
        cost += sum(direction_misfit(*pair, fix.position_m) for pair in zip(receivers, found, strict=True))
        if cost < least:
            best, least = fix, cost
    assert best is not None
    return TargetFix(
        best.position_m, best.velocity_mps, best.has_converged and all(each.has_converged for each in found)
    )


def _fix(observed: MultistaticObservations, start_m: Float[np.ndarray, "2"], heading_rad: float | None) -> TargetFix:
    try:
        return TargetFix(*least_squares_fix(observed, start_m, heading_rad=heading_rad), True)
    except (SolverFailed, np.linalg.LinAlgError):
        return TargetFix(start_m, np.zeros(2), False)


def likely_places_m(observed: MultistaticObservations) -> Float[np.ndarray, "place 2"]:
    """Places that explain one delay exactly and the others as well as any nearby, best first.

    In each direction from the transmitter there is one place with the length L of an echo to a receiver at distance d,
    `(L^2 - d^2) / (2 L - 2 d cos a)` away. Along this ellipse, of the receiver that is least eccentric, the other
    lengths are compared.

    Reference: wang2024 eq. (51).
    """
    base_m = observed.receivers_m - observed.transmitter_m
    apart_m = np.hypot(*base_m.T)
    lengths_m = np.maximum(SPEED_OF_LIGHT_MPS * observed.delay_s, apart_m + _LEAST_DETOUR_M)
    first = int(np.argmin(apart_m / lengths_m))
    angles = 2.0 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    towards = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    distance_m = (lengths_m[first] ** 2 - apart_m[first] ** 2) / (2.0 * (lengths_m[first] - towards @ base_m[first]))
    offsets_m = distance_m[:, None] * towards
    back_m = np.linalg.norm(offsets_m[:, None] - base_m, axis=-1)
    mismatch_m = np.sum(np.abs(distance_m[:, None] + back_m - lengths_m), axis=1)
    is_least = (mismatch_m <= np.roll(mismatch_m, 1)) & (mismatch_m <= np.roll(mismatch_m, -1))
    order = np.argsort(np.where(is_least, mismatch_m, np.inf), kind="stable")[: min(STARTS, int(is_least.sum()))]
    return observed.transmitter_m + offsets_m[order]


def direction_misfit(receiver: PulseReceiver, found: DelayDoppler, place_m: Float[np.ndarray, "2"]) -> float:
    """How much less of an echo's gains a place explains than free gains do: chi-square at the true one.

    `2 (|B|^2 - |tr G^H B|^2 / |G|^2)` with the gains B of beams and antennas that were found and those G of an echo
    from the place, both in units in which the errors of B are independent.
    """
    gains, expected = found.gains @ found.root, receiver.beam_gains(place_m) @ found.root
    explained = abs(np.vdot(expected, gains)) ** 2 / np.sum(np.abs(expected) ** 2)
    return 2.0 * float(np.sum(np.abs(gains) ** 2) - explained)


def fix_failure(receivers: Sequence[PulseReceiver], found: TargetFix, truth: TargetFix) -> Failure | None:
    """Why a fix counts as failed; None if it does not.

    A delay that it implies may be wrong by one symbol, a Doppler shift by one over the duration of the block; the
    directions from and to the arrays by one over their length in wavelengths in the cosine to their line, on the right
    side of it.
    """
    for each in receivers:
        (length_m, rate_mps), (true_m, true_mps) = _length_and_rate(each, found), _length_and_rate(each, truth)
        late = abs(length_m - true_m) / SPEED_OF_LIGHT_MPS > each.train.symbol_duration_s
        if late or abs(rate_mps - true_mps) / each.wavelength_m > 1.0 / each.block_s:
            return Failure.LOST_PATH
    arrays = (receivers[0].transmitter, *(each.receiver for each in receivers))
    if any(_is_elsewhere(array, found.position_m, truth.position_m) for array in arrays):
        return Failure.WRONG_LOBE
    return None if found.has_converged else Failure.NOT_CONVERGED


def _length_and_rate(receiver: PulseReceiver, fix: TargetFix) -> tuple[float, float]:
    """Length of the echo over a target, and how fast it grows."""
    legs_m = fix.position_m - np.stack([receiver.transmitter.place_m, receiver.receiver.place_m])
    sizes_m = np.linalg.norm(legs_m, axis=1)
    return float(sizes_m.sum()), float(np.sum(legs_m @ fix.velocity_mps / sizes_m))


def _is_elsewhere(array: LineArray, place_m: Float[np.ndarray, "2"], truth_m: Float[np.ndarray, "2"]) -> bool:
    """Whether a place is in another cell, or on another side, of an array than the true one."""
    away_m = np.stack([place_m, truth_m]) - array.place_m
    angles = np.arctan2(away_m[:, 1], away_m[:, 0]) - array.orientation_rad
    line = array.positions_wavelengths[-1] - array.positions_wavelengths[0]
    axis_rad = float(np.arctan2(line[1], line[0]))
    return any(bool(each[0]) for each in strays(angles[:1], angles[1:], array.positions_wavelengths, axis_rad))
