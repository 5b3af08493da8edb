"""What single antennas of stations may send, as constraints and in what is sent isotropically."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Complex

from crbeam.design import AntennaPower, PowerBudget, isotropic_covariances
from crbeam.information import Transmission
from crbeam.scenario import Scenario


def station_of_block(block: str) -> str:
    """Name of the station that transmits a block: the block is named after it, a stage or slot behind a slash."""
    return block.partition("/")[0]


def antenna_limits(
    scenario: Scenario, antennas: Mapping[str, int], budgets: Iterable[PowerBudget]
) -> tuple[AntennaPower, ...]:
    """The `power_per_antenna` of the station of each block, where it is below the block's budget; see there.

    Args:
        scenario: the world.
        antennas: number of antennas of each block.
        budgets: of the blocks; a limit that no antenna could reach by them is none.
    """
    found = []
    for budget in budgets:
        for block in budget.blocks:
            most_w = scenario.antenna_power_per_subcarrier_w(station_of_block(block))
            if most_w < budget.power_per_subcarrier_w:
                found.append(AntennaPower(block, np.full(antennas[block], most_w)))
    return tuple(found)


def isotropic_at_full_power(scenario: Scenario, antennas: Mapping[str, int]) -> Transmission:
    """Identity in every block, each at the full power of its station, or as much of it as its antennas may send."""
    budgets = [PowerBudget((block,), scenario.power_per_subcarrier_w(station_of_block(block))) for block in antennas]
    return isotropic_covariances(antennas, budgets, antenna_limits(scenario, antennas, budgets))


def most_power_w(vector: Complex[np.ndarray, " tx"], budget: PowerBudget, limits: Sequence[AntennaPower]) -> float:
    """Largest `t^H R t` of one block within its budget and the limits of its antennas, watt per subcarrier.

    One beam has it, with powers of antennas in proportion to `|t_n|^2`, or less where one has reached its limit:
    `(sum_n |t_n| sqrt(p_n))^2`.
    """
    gains, left_w = np.abs(vector), budget.power_per_subcarrier_w
    most_w = next((part.powers_w for part in limits if part.block in budget.blocks), None)
    if most_w is None:
        return left_w * float(np.sum(gains**2))
    powers_w, is_free = np.zeros(len(gains)), gains > 0.0
    while np.any(is_free):
        share_w = left_w * gains**2 / np.sum(gains[is_free] ** 2)
        is_full = is_free & (share_w >= most_w)
        if not np.any(is_full):
            powers_w[is_free] = share_w[is_free]
            break
        powers_w[is_full] = most_w[is_full]
        left_w, is_free = left_w - float(np.sum(most_w[is_full])), is_free & ~is_full
    return float(np.sum(gains * np.sqrt(powers_w)) ** 2)
