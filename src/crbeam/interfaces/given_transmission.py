"""The transmission that a verb is given: isotropic, or that of a design's file."""

from crbeam.evaluation.given_transmission import GivenTransmission
from crbeam.systems import System

ISOTROPIC = "isotropic"


def given_transmission(system: System, source: str) -> GivenTransmission:
    """The isotropic transmission at full power for `isotropic`, else that of a file, with what its design chose.

    Raises:
        InvalidInput: there is no such file, or it does not fit to the scenario.
    """
    if source == ISOTROPIC:
        return GivenTransmission(system.isotropic_transmission())
    from crbeam.report import read_design

    return read_design(source, system)
