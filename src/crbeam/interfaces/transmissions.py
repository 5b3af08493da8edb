"""The transmission that a verb is given: isotropic, or of a file."""

from dataclasses import dataclass

from crbeam.information import Transmission
from crbeam.scenario import Scenario
from crbeam.systems import antennas_of_blocks, block_sets, isotropic_transmission, power_cautions

ISOTROPIC = "isotropic"


@dataclass(frozen=True, eq=False)
class GivenTransmission:
    """Covariances that a user gives.

    Attributes:
        covariances: watt per subcarrier, summed over slots.
        cautions: sentences on budgets that they exceed.
    """

    covariances: Transmission
    cautions: tuple[str, ...] = ()


def given_transmission(scenario: Scenario, source: str) -> GivenTransmission:
    """The isotropic transmission at full power for `isotropic`, else that of a file.

    Raises:
        InvalidInput: the file is no covariance file of the scenario's blocks.
    """
    if source == ISOTROPIC:
        return GivenTransmission(isotropic_transmission(scenario))
    from crbeam.report import read_transmission

    covariances = read_transmission(source, [antennas_of_blocks(scenario, blocks) for blocks in block_sets(scenario)])
    return GivenTransmission(covariances, tuple(power_cautions(scenario, covariances)))
