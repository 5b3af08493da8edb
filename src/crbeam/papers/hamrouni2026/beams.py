"""Beams of sensing and of positioning alone in the symmetric scene."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from crbeam.design import Criterion, Design, DesignProblem
from crbeam.design.methods import method_named
from crbeam.evaluation.beampattern import beampattern_w
from crbeam.papers.hamrouni2026.scenes import symmetric_scene
from crbeam.scenario import Scenario
from crbeam.systems.hamrouni2026 import Hamrouni2026, radial_speed_map

SENSING, POSITIONING = "sensing", "positioning"
#: Readings of the losses: ratios to the requirements, or m^2 and m^2/s^2 added as printed; sensing without velocity, or
#: with the radial speed, all that it determines of it.
REQUIREMENTS, AS_PRINTED = "ratios to requirements", "m^2 + m^2/s^2"
READINGS: Mapping[str, tuple[str, ...]] = {
    SENSING: ("positions only", "with radial speed, m^2 + m^2/s^2"),
    POSITIONING: (REQUIREMENTS, AS_PRINTED),
}
_RADIAL_SPEED, _VELOCITY = "user_radial_speed", "user_velocity"


@lru_cache(maxsize=2)
def designs(gains: str = "free space") -> dict[tuple[str, str], Design]:
    """Best covariance of each link alone, by task and reading of its loss."""
    scenario, method = symmetric_scene(gains), method_named("fdb-wcrb")
    problems = {
        (SENSING, READINGS[SENSING][0]): _problem(scenario, "monostatic", ()),
        (SENSING, READINGS[SENSING][1]): _problem(scenario, "monostatic", (_RADIAL_SPEED,)),
        (POSITIONING, REQUIREMENTS): Hamrouni2026(scenario).design_problem(judged_by="bistatic"),
        (POSITIONING, AS_PRINTED): _problem(scenario, "bistatic", (_VELOCITY,)),
    }
    return {key: method.solve(problem) for key, problem in problems.items()}


def _problem(scenario: Scenario, link: str, speeds: tuple[str, ...]) -> DesignProblem:
    """The sum of position bounds, and of those of speeds, each with weight 1 in SI units.

    Reference: hamrouni2026 eqs. (10), (14).

    Deviation: of the velocity, of which (10) counts both parts, sensing determines the radial one only.
    """
    information = Hamrouni2026(scenario).link_map(link)
    if _RADIAL_SPEED in speeds:
        information = radial_speed_map(scenario, information)
    targets = information.layout.family("target_position") if link == "monostatic" else ()
    weights = dict.fromkeys(("user_position", *targets, *speeds), 1.0)
    whole = Hamrouni2026(scenario).design_problem(judged_by=link)
    return DesignProblem((Criterion(information, weights, link),), whole.constraints, n_slots=whole.n_slots)


def gains_over_azimuth(design: Design, azimuths_rad: Float[np.ndarray, " angle"]) -> Float[np.ndarray, " angle"]:
    """Radiated power relative to isotropic."""
    scenario = symmetric_scene()
    station = next(iter(scenario.stations))
    (covariance,) = design.covariances.values()
    return beampattern_w(scenario, station, covariance, azimuths_rad) / design.power_w


def object_azimuths_rad() -> dict[str, float]:
    """Azimuths from the station: the user, then the targets from the left to the right."""
    scenario = symmetric_scene()
    azimuths = sorted((float(np.arctan2(y, x)) for x, y in scenario.targets.positions_m), reverse=True)
    x, y = scenario.user.position_m
    return {"user": float(np.arctan2(y, x)), **{f"target {n}": angle for n, angle in enumerate(azimuths, start=1)}}


def object_gains(design: Design) -> dict[str, float]:
    """Radiated power relative to isotropic towards each object."""
    azimuths = object_azimuths_rad()
    found = gains_over_azimuth(design, np.array(list(azimuths.values())))
    return dict(zip(azimuths, found.tolist(), strict=True))
