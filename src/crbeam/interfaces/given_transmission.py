"""The transmission that a verb is given: isotropic, or that of a design's file."""

import numpy as np

from crbeam.evaluation.transmission import Transmission
from crbeam.interfaces.output import print_cautions
from crbeam.scenario import Scenario
from crbeam.systems import isotropic_transmission, settled

ISOTROPIC = "isotropic"


def given_transmission(scenario: Scenario, source: str) -> tuple[Scenario, Transmission]:
    """The transmission, and the scenario with what its design chose of it; cautions about a file are printed.

    Args:
        scenario: the world.
        source: `isotropic`, or the path of a file.

    Raises:
        InvalidInput: there is no such file, or it does not fit to the scenario.
    """
    if source == ISOTROPIC:
        blocks = isotropic_transmission(scenario)
        return scenario, Transmission(np.stack(list(blocks.values())), tuple(blocks))
    from crbeam.report import read_design

    found = read_design(source, scenario)
    print_cautions(found.cautions)
    return settled(scenario, found.selected), found
