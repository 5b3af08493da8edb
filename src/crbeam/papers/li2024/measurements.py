"""Numbers on which the claims of li2024 are judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crbeam.estimation.near_field_estimates import NearFieldMethod
from crbeam.evaluation.estimator_check import LinkCheck, QuantityCheck
from crbeam.papers.claims import NotMeasured
from crbeam.papers.li2024.convergence import Convergence
from crbeam.papers.li2024.draws import Size, Sweep

DIRECTIONS = ("downlink", "uplink")
JOINT: NearFieldMethod = "joint"
TWO_STAGE: NearFieldMethod = "two-stage"
MUSIC: NearFieldMethod = "music"
#: Designs for the bound alone, and with a tenth of the largest power on the target at least.
AS_DESIGNED, LIT = "designed for the bound alone", "target illuminated"
ANGLE, RANGE = "target_angle_rad", "target_range_m"

#: Direction, illumination of the target, method.
CheckKey = tuple[str, str, NearFieldMethod]


@dataclass(frozen=True, eq=False)
class Identifiability:
    """What one station tells at one frequency.

    Attributes:
        with_curvature: whether the target's position has a bound.
        with_plane_waves: the same if waves are plane over both arrays.
        at_stated_budget: root bound of the range over the range, with the path loss and the powers that the paper
            states and 100 symbols.
    """

    with_curvature: bool
    with_plane_waves: bool
    at_stated_budget: float


@dataclass(frozen=True, eq=False)
class Positioning:
    """Measured estimates of the target's place.

    Attributes:
        seed: of the noise.
        checks: errors against bounds over the sensing SNR.
        printed_spread: largest less smallest value over all angles of the criterion (49) with a small ridge, over its
            mean.
        identifiable: by direction.
    """

    seed: int
    checks: Mapping[CheckKey, LinkCheck]
    printed_spread: float
    identifiable: Mapping[str, Identifiability]

    def check(self, direction: str, light: str, method: NearFieldMethod) -> LinkCheck:
        """One comparison; raises `NotMeasured` if it was not made."""
        key = (direction, light, method)
        if key not in self.checks:
            raise NotMeasured(f"No estimates were made in the {direction} by {method}, {light}.")
        return self.checks[key]


def from_snr(check: LinkCheck, least_db: float) -> list[Mapping[str, QuantityCheck]]:
    """Errors at all ratios from the given one on; raises `NotMeasured` if there is none."""
    found = [point.quantities for point in check.points if point.snr_db >= least_db]
    if not found:
        raise NotMeasured(f"No sensing SNR of {least_db:g} dB or more was measured.")
    return found


@dataclass(frozen=True, eq=False)
class Measurements:
    """All that the claims are judged on.

    Attributes:
        positioning: estimates of the target's place.
        convergence: published algorithms beside the descent over phases, by direction.
        sweeps: designs in random channels, by direction and size.
        four_parameter_error: largest relative difference between the bound with the gain among the unknowns and the
            inverse of the information without it; None if it was not measured.
    """

    positioning: Positioning
    convergence: Mapping[str, Convergence] = field(default_factory=dict)
    sweeps: Mapping[str, Mapping[Size, Sweep]] = field(default_factory=dict)
    four_parameter_error: float | None = None
