"""Power of uplink users with which they reach their ratios where the station does not probe."""

from dataclasses import replace

import numpy as np

from crbeam.communication.sinr import UplinkChannel, echo_tolerance
from crbeam.design.power_need import PowerNeed, level_above_db
from crbeam.design.service_constraints import MinimumUplinkSinr

#: Factor on the users' power that stands for any, and bisections of its logarithm.
ANY_FACTOR, BISECTIONS = 1e12, 60


def user_power_words(service: MinimumUplinkSinr, uplink: UplinkChannel | None = None) -> str:
    """What more power of every user brings: how much suffices, or what they reach at any.

    Ratios grow with the power of all users, towards what their interference leaves.

    Args:
        service: the users and what they require.
        uplink: as their station hears them; by default as it is in the service.
    """
    heard = service.uplink if uplink is None else uplink

    def least(factor: float) -> float:
        louder = replace(heard, user_power_w=factor * heard.user_power_w)
        return float(np.min(echo_tolerance(louder, service.echo).without_echo / service.minimum_sinr))

    low, high = 0.0, float(np.log(ANY_FACTOR))
    if least(ANY_FACTOR) < 1.0:
        missing = level_above_db(1.0 / least(ANY_FACTOR))
        return f"no power of the users suffices, as they disturb one another: at any the worst misses {missing} dB"
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if least(float(np.exp(middle))) >= 1.0 else (middle, high)
    return PowerNeed(float(np.exp(high)), float(np.exp(low))).words(heard.user_power_w)
