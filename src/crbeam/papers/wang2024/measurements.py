"""Numbers on which the claims of wang2024 are judged."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.evaluation.estimator_check import LinkCheck
from crbeam.papers.claims import NotMeasured
from crbeam.papers.wang2024.drops import SelectionDrops


@dataclass(frozen=True, eq=False)
class Groups:
    """The metric of every group of receivers in random drops.

    Attributes:
        without_rates: at full power on the target, by reading and group; infinite where the group does not locate.
        served: share of the drops in which every one of 10 and of 5 receivers can have a rate in bit/s/Hz, by (number
            of receivers, rate).
        by_transmit_antennas: metric as printed beside a rate of 0.5 bit/s/Hz, by group, for 10 and 20 antennas; not a
            number where it is infeasible.
        by_receive_antennas: the same for 2 and 12 antennas, and 4.
    """

    without_rates: Mapping[tuple[str, str], Float[np.ndarray, " drop"]]
    served: Mapping[tuple[int, float], float]
    by_transmit_antennas: Mapping[tuple[str, int], Float[np.ndarray, " drop"]]
    by_receive_antennas: Mapping[tuple[str, int], Float[np.ndarray, " drop"]]


@dataclass(frozen=True, eq=False)
class Rules:
    """Rules of selection.

    Attributes:
        drops: by rate, with a budget of 200 m.
        by_budget: metric as printed by (rule, budget in m), one value for each drop.
        message_share: share of the power in messages under the choice of a rule at (rule, budget in m), beside
            0.5 bit/s/Hz.
        by_size: metric as printed of the best candidate with at most n members, by (rule, pulse), `[drop, n]`.
        corrected_by_size: the same with the corrected information.
    """

    drops: Mapping[float, SelectionDrops]
    by_budget: Mapping[tuple[str, float], Float[np.ndarray, " drop"]]
    message_share: Mapping[tuple[str, float], Float[np.ndarray, " drop"]]
    by_size: Mapping[tuple[str, str], Float[np.ndarray, "drop size"]]
    corrected_by_size: Mapping[tuple[str, str], Float[np.ndarray, "drop size"]]


@dataclass(frozen=True, eq=False)
class Approximation:
    """Successive approximation against the global optimum in lines of sight.

    Attributes:
        loss: power on the target that the approximation gives away, relative, in each drop.
        gap: certified gap of the optimum.
    """

    loss: Float[np.ndarray, " drop"]
    gap: Float[np.ndarray, " drop"]


@dataclass(frozen=True, eq=False)
class Places:
    """Printed and corrected formulas of section V in random geometries, from exact observations.

    Attributes:
        printed_direction_rad: error of (52), with the angle that it needs known beforehand or not, by reading.
        direction_rad: error of the corrected formula, up to the sign.
        printed_distance_m: error of (53).
        distance_m: error of (93).
        sign_found: whether a second receiver tells the sign of the direction.
        alone_m: error of one receiver's fix by delay and direction of arrival.
    """

    printed_direction_rad: Mapping[str, Float[np.ndarray, " geometry"]]
    direction_rad: Float[np.ndarray, " geometry"]
    printed_distance_m: Float[np.ndarray, " geometry"]
    distance_m: Float[np.ndarray, " geometry"]
    sign_found: Float[np.ndarray, " geometry"]
    alone_m: Float[np.ndarray, " geometry"]


@dataclass(frozen=True, eq=False)
class Estimates:
    """Matched filters against bounds over the power budget.

    Attributes:
        seed: of symbols and noise.
        checks: by group, the link of the nearest receiver (or the transmitter), and `fused` where there is a position.
        power_dbm: of the transmitter at each signal-to-noise ratio, by group.
        printed_doppler_hz: root of the printed Doppler bound at each of them, of the same receiver.
    """

    seed: int
    checks: Mapping[str, Mapping[str, LinkCheck]]
    power_dbm: Mapping[str, Float[np.ndarray, " point"]]
    printed_doppler_hz: Mapping[str, Float[np.ndarray, " point"]]

    def check(self, group: str, link: str) -> LinkCheck:
        """One comparison; raises `NotMeasured` if it was not made."""
        found = self.checks.get(group, {}).get(link)
        if found is None:
            raise NotMeasured(f"No estimates were made of {link} with {group}.")
        return found


@dataclass(frozen=True, eq=False)
class Measurements:
    """All that the claims are judged on.

    Attributes:
        groups: bounds of groups of receivers.
        rules: of selection.
        approximation: of the rates.
        places: from exact observations.
        estimates: from noisy ones.
    """

    groups: Groups
    rules: Rules
    approximation: Approximation
    places: Places
    estimates: Estimates


def known(values: Float[np.ndarray, " drop"]) -> Float[np.ndarray, " known"]:
    """Values that exist; raises `NotMeasured` if none does."""
    found = values[np.isfinite(values)]
    if not found.size:
        raise NotMeasured("There is no drop with this value.")
    return found
