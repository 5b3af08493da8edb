"""The transmission that a verb is given: isotropic, or of a file."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex

from crbeam.scenario import Scenario
from crbeam.systems import block_sets, isotropic_transmission, power_cautions

ISOTROPIC = "isotropic"


@dataclass(frozen=True, eq=False)
class GivenTransmission:
    """Covariances that a user gives.

    Attributes:
        covariances: watt per subcarrier, summed over slots.
        blocks: their names.
        cautions: sentences on budgets that they exceed.
    """

    covariances: Complex[np.ndarray, "block tx tx"]
    blocks: tuple[str, ...]
    cautions: tuple[str, ...] = ()


def given_transmission(scenario: Scenario, source: str) -> GivenTransmission:
    """The isotropic transmission at full power for `isotropic`, else that of a file.

    Raises:
        InvalidInput: the file is no covariance file of the scenario's blocks.
    """
    isotropic = isotropic_transmission(scenario)
    if source == ISOTROPIC:
        return GivenTransmission(np.stack(list(isotropic.values())), tuple(isotropic))
    from crbeam.report import read_transmission

    covariances, blocks = read_transmission(source, block_sets(scenario), len(next(iter(isotropic.values()))))
    return GivenTransmission(covariances, blocks, tuple(power_cautions(scenario, covariances, blocks)))
