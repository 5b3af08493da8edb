"""The user's velocity from two monostatic observations some time apart.

One observation tells the radial speed only, by its Doppler shift. Two of them, between which the user moves on, tell
the whole velocity: by the difference of two positions (`snapshot_velocity_bound_mps`), or by positions and Doppler
shifts in two directions (`extended_velocity_bound_mps`).
"""

import numpy as np

from crbeam.errors import InvalidInput
from crbeam.evaluation.constant_velocity import ConstantVelocity
from crbeam.evaluation.moved_user import with_user_after
from crbeam.information import Information
from crbeam.information.transmission import Covariances
from crbeam.linalg import one_blas_thread
from crbeam.scenario import USER, Scenario
from crbeam.systems.hamrouni2026 import Hamrouni2026

#: Time between both observations, for which the literature gives no value.
DEFAULT_INTERVAL_S = 0.1


def snapshot_velocity_bound_mps(
    scenario: Scenario,
    covariances: Covariances,
    interval_s: float = DEFAULT_INTERVAL_S,
    *,
    later: Covariances | None = None,
) -> float:
    """Root bound of the velocity as the difference of two positions over the time between them.

    `sqrt(tr C_1 + tr C_2) / interval`, with the position bounds C of two observations in which the user stands still:
    at its place, and at `place + interval velocity`. Unknown in each: positions of user and targets, gains. Assumed
    known: that there is no Doppler shift, as if it had been removed without loss.

    Args:
        scenario: the world at the first observation, of the system hamrouni2026.
        covariances: what the station transmits in the first observation.
        interval_s: time between the observations.
        later: what it transmits in the second; None is the same.

    Raises:
        InvalidInput: there is no velocity, no echo, or no time between the observations.
        Unidentifiable: an observation does not determine the user's position.

    Reference: hamrouni2026 section IV.

    Deviation: the paper leaves the time between the observations open; here it is 0.1 s unless given.
    """
    first, second = _observations(scenario, (covariances, later), interval_s, is_moving=False)
    bounds = (np.trace(each.bound(["user_position"])) for each in (first, second))
    return float(np.sqrt(sum(bounds)) / interval_s)


def extended_velocity_bound_mps(
    scenario: Scenario,
    covariances: Covariances,
    interval_s: float = DEFAULT_INTERVAL_S,
    *,
    later: Covariances | None = None,
) -> float:
    """Root bound of a constant velocity from positions and Doppler shifts in two observations.

    The sum of both equivalent informations about (position, velocity), that of the first observation taken to the
    second by `p' = p + interval v`. Unknown in each: position and velocity of the user, positions of targets, gains.
    Targets may move between the observations: nothing about them is carried over.

    Not above `snapshot_velocity_bound_mps` but for what coupling between paths costs an observation that does not know
    the Doppler shift.

    Args:
        scenario: the world at the first observation, of the system hamrouni2026.
        covariances: what the station transmits in the first observation.
        interval_s: time between the observations.
        later: what it transmits in the second; None is the same.

    Raises:
        InvalidInput: there is no velocity, no echo, or no time between the observations.
        Unidentifiable: both observations together do not determine the velocity.

    Reference: hamrouni2026 section IV.
    """
    first, second = _observations(scenario, (covariances, later), interval_s, is_moving=True)
    names = ("user_position", "user_velocity")
    carried = ConstantVelocity(interval_s, 0.0).predicted(first.equivalent(names))
    return (carried + second.equivalent(names)).root_bound(["user_velocity"])


def _observations(
    scenario: Scenario, sent: tuple[Covariances, Covariances | None], interval_s: float, *, is_moving: bool
) -> tuple[Information, Information]:
    """What the station's echoes tell now and an interval later, with or without Doppler shifts."""
    if not (np.isfinite(interval_s) and interval_s > 0.0):
        raise InvalidInput(f"The time between two observations must be positive and finite, found {interval_s} s.")
    if scenario.user.velocity_mps is None or scenario.protocol is None:
        raise InvalidInput("Two observations must be of a scenario of the system hamrouni2026, whose user moves.")
    first, second = sent
    with one_blas_thread():
        return (
            _echo_information(scenario, first, is_moving=is_moving),
            _echo_information(_later(scenario, interval_s), first if second is None else second, is_moving=is_moving),
        )


def _echo_information(scenario: Scenario, covariances: Covariances, *, is_moving: bool) -> Information:
    """Information about the state from all symbols of one interval."""
    link = next(name for name, link in scenario.links.items() if link.receiver != USER)
    system = Hamrouni2026(scenario)
    return (system.link_map(link) if is_moving else system.still_map(link)).at(covariances)


def _later(scenario: Scenario, interval_s: float) -> Scenario:
    """The scenario after the user has driven on; phases and shadowing of its paths stay.

    Raises:
        InvalidInput: the paths were recorded for one user position, or the user comes to a station or a target.
    """
    if scenario.propagation.paths_file is not None:
        raise InvalidInput(
            "Two observations are of two user positions, but this scenario's paths were recorded for one; give target "
            "positions in place of propagation.paths_file to use the analytic tracer."
        )
    return with_user_after(scenario, interval_s, when="at the second observation")
