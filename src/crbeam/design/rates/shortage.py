"""Power that rates of receivers with several antennas take, where there is too little."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from crbeam.communication.least_power import least_power
from crbeam.communication.mimo import capacity_bps_hz
from crbeam.design.power_need import PowerNeed
from crbeam.design.rates.receivers import ROOM, RateReceiver, forced_shapes, least_powers
from crbeam.errors import Infeasible
from crbeam.units import distinct

#: Logarithm of the largest factor on the power that is tried, and bisections.
MOST_LOG, BISECTIONS = np.log(1e30), 26
#: Relative size of a rate beyond what is possible that counts as rounding.
ROUNDING = 1e-9
#: Steps in which a factor that suffices is looked for, and halvings of the last one.
STEP_DB, MOST_STEPS, HALVINGS = 0.5, 80, 6
#: Relative room that makes up for rounding, and for the last step of the bisection.
MARGIN, LOG_STEP = 1e-9, MOST_LOG / 2**BISECTIONS


def power_for_rates(receivers: Sequence[RateReceiver]) -> PowerNeed:
    """Factors on the power with which all rates are met by one of two ways, and with which they certainly are not.

    No transmission gives any receivers together more than the capacity that they would have as one. Two meet rates:
    one beam for each receiver behind the best filter of its channel, at the least power; beams as many as antennas that
    force interference to zero, at the least powers that meet all rates.
    """
    capacity = _least(lambda factor: _fits(_scaled(receivers, factor)))
    if not np.isfinite(capacity):
        is_blocked = not all(np.any(one.channel) for one in receivers)
        return PowerNeed(np.inf, np.inf if is_blocked else float(np.exp(MOST_LOG)))
    forced = _first(capacity, lambda factor: _is_forced(_scaled(receivers, factor)))
    return PowerNeed(min(forced, _behind_filters(receivers) * (1.0 + MARGIN)), capacity * (1.0 - LOG_STEP))


def _scaled(receivers: Sequence[RateReceiver], factor: float) -> list[RateReceiver]:
    return [replace(one, channel=np.sqrt(factor) * one.channel) for one in receivers]


def _least(holds: Callable[[float], bool]) -> float:
    """Least factor of at least 1 that a growing factor must reach; infinite beyond the largest."""
    if holds(1.0):
        return 1.0
    low, high = 0.0, float(MOST_LOG)
    if not holds(float(np.exp(high))):
        return np.inf
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if holds(float(np.exp(middle))) else (middle, high)
    return float(np.exp(high))


def _first(start: float, holds: Callable[[float], bool]) -> float:
    """First of factors that grow from one on which holds, then halved towards the last that does not; or infinite.

    What holds at a factor may fail by rounding at much larger ones.
    """
    steps = start * 10.0 ** (np.arange(MOST_STEPS) * STEP_DB / 10.0)
    found = next((place for place, factor in enumerate(steps) if holds(float(factor))), None)
    if not found:
        return np.inf if found is None else float(steps[0])
    low, high = float(steps[found - 1]), float(steps[found])
    for _ in range(HALVINGS):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _fits(receivers: Sequence[RateReceiver]) -> bool:
    """Whether no group of receivers, weakest first, asks for more than its capacity."""
    spare = [capacity_bps_hz(one.channel) - one.nats / np.log(2.0) for one in receivers]
    order = np.argsort(np.array(spare), kind="stable")
    if min(spare) < 0.0:
        return False
    for count in range(2, len(receivers) + 1):
        group = [receivers[place] for place in order[:count]]
        capacity = capacity_bps_hz(np.concatenate([one.channel for one in group]))
        if sum(one.nats for one in group) / np.log(2.0) > capacity:
            return False
    return True


def _is_forced(receivers: Sequence[RateReceiver]) -> bool:
    try:
        return least_powers(receivers, forced_shapes(receivers), {}) is not None
    except np.linalg.LinAlgError:
        return False


def _behind_filters(receivers: Sequence[RateReceiver]) -> float:
    filters = [np.linalg.svd(one.channel)[0][:, 0] for one in receivers]
    channels = np.stack([unit.conj() @ one.channel for one, unit in zip(receivers, filters, strict=True)], axis=1)
    ratios = np.expm1(np.array([one.nats for one in receivers]) + ROOM)
    return least_power(channels, ratios, 1.0, budget_w=1.0).power_w


def require_capacity(receivers: Sequence[RateReceiver]) -> None:
    """Refuse rates that are too high even without interference; a quick test, which rates may pass that are too high.

    The sum of rates of any receivers is at most the capacity that they would have as one. Tried are the weakest one,
    the two weakest, and so on.

    Raises:
        Infeasible: with the receiver, or the receivers, that ask for too much, and the power that would do.
    """
    for one in receivers:
        if not np.any(one.channel):
            raise Infeasible(
                f"Every receiver must be reached by the station that serves it, but {one.user} is not: its channel is "
                f"zero, and no power suffices. Unblock its channel, move it, or do not serve it.",
                requirement=f"rate of {one.user}",
                sufficient_power=np.inf,
            )
    alone = [capacity_bps_hz(one.channel) for one in receivers]
    order = np.argsort(np.array(alone) - np.array([one.nats for one in receivers]) / np.log(2.0), kind="stable")
    for place in order:
        _require_rates([receivers[place]], alone[place], receivers)
    for count in range(2, len(receivers) + 1):
        group = [receivers[place] for place in order[:count]]
        _require_rates(group, capacity_bps_hz(np.concatenate([one.channel for one in group])), receivers)


def _require_rates(group: list[RateReceiver], capacity: float, receivers: Sequence[RateReceiver]) -> None:
    asked = sum(one.nats for one in group) / np.log(2.0)
    if asked <= capacity * (1.0 + ROUNDING):
        return
    names = [one.user for one in group]
    wanted, most = distinct(asked, capacity, digits=4)
    if len(group) == 1:
        found = f"{names[0]} asks for {wanted} bit/s/Hz, and has {most} with all power and no interference"
    else:
        found = (
            f"{', '.join(names)} ask for {wanted} bit/s/Hz together, and would have {most} with all power "
            f"if they decoded together"
        )
    raise beyond_the_power(f"Every receiver must have its rate, but {found}", f"rate of {names[-1]}", receivers)


def beyond_the_power(reason: str, requirement: str, receivers: Sequence[RateReceiver]) -> Infeasible:
    """The error for a reason, with the power that would do and the power that would not."""
    need = power_for_rates(receivers)
    return Infeasible(
        f"{reason}: {need.words()}. Lower the rates or raise the power.",
        requirement=requirement,
        sufficient_power=need.sufficient,
        insufficient_power=need.insufficient,
    )
