"""How well positioning, and two echoes some time apart, know the user's velocity in random scenes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from crbeam.design import Design
from crbeam.design.methods import method_named
from crbeam.errors import Unidentifiable
from crbeam.evaluation.drive_scenes import scenes_of_drive
from crbeam.evaluation.two_snapshots import (
    DEFAULT_INTERVAL_S,
    extended_velocity_bound_mps,
    snapshot_velocity_bound_mps,
)
from crbeam.information import Transmission
from crbeam.papers.hamrouni2026.draws import POSITIONING_ALL, SENSING_ALL
from crbeam.papers.hamrouni2026.scenes import random_scenes, with_speed
from crbeam.scenario import Scenario
from crbeam.systems import design_problem, link_map

#: Random scenes of a quick figure, of a full one; the same law and seed as in all others.
COUNTS, SPEED_COUNTS = (40, 200), (20, 200)
N_TARGETS = (1, 2, 3, 4)
SPEEDS_MPS = (5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
#: Names of the rules which symbols count, with what the scenario calls them.
RULES: Mapping[str, str] = {"all slots": "ignored", "effective slots": "inverse_speed"}
BISTATIC, SNAPSHOT, EXTENDED = "bistatic", "snapshot", "extended"
ESTIMATORS = (BISTATIC, SNAPSHOT, EXTENDED)


@dataclass(frozen=True, eq=False)
class MotionBounds:
    """Root bounds in random scenes, each link with beams of its own that are best for it alone.

    Sensing steers its beams anew for its second observation. What does not exist is not a number.

    Attributes:
        bistatic_position_m: of the user, by positioning.
        monostatic_position_m: of the user, by one observation of sensing.
        velocity_mps: by positioning, by `snapshot` and by `extended` sensing.
    """

    bistatic_position_m: Float[np.ndarray, " scene"]
    monostatic_position_m: Float[np.ndarray, " scene"]
    velocity_mps: Mapping[str, Float[np.ndarray, " scene"]]


@lru_cache(maxsize=64)
def bounds_by_targets(gains: str, n_targets: int, *, full: bool = False) -> MotionBounds:
    """Bounds with so many targets; the same users whatever their number."""
    return motion_bounds(random_scenes(gains, COUNTS[int(full)], n_targets=n_targets))


@lru_cache(maxsize=64)
def bounds_by_speed(gains: str, rule: str, speed_mps: float, *, full: bool = False) -> MotionBounds:
    """Bounds with four targets at one speed; the same scenes and headings at each.

    Args:
        gains: a key of `GAINS`.
        rule: a key of `RULES`.
        speed_mps: of the user.
        full: more scenes.
    """
    scenes = random_scenes(gains, SPEED_COUNTS[int(full)], n_targets=N_TARGETS[-1])
    return motion_bounds([with_speed(_with_rule(scene, rule), speed_mps) for scene in scenes])


def _with_rule(scenario: Scenario, rule: str) -> Scenario:
    assert scenario.protocol is not None
    protocol = scenario.protocol.model_copy(update={"coherence": RULES[rule]})
    return scenario.model_copy(update={"protocol": protocol})


def motion_bounds(scenes: Sequence[Scenario]) -> MotionBounds:
    """Bounds of several scenes with every symbol of the interval, their designs made together."""
    later = [scenes_of_drive(scene, intervals=2, period_s=DEFAULT_INTERVAL_S)[1] for scene in scenes]
    sensing, positioning = _best([*scenes, *later], SENSING_ALL), _best(scenes, POSITIONING_ALL)
    now, then = sensing[: len(scenes)], sensing[len(scenes) :]
    velocity = {
        BISTATIC: [
            _root_bound(scene, "bistatic", "user_velocity", best)
            for scene, best in zip(scenes, positioning, strict=True)
        ],
        SNAPSHOT: [_from_echoes(snapshot_velocity_bound_mps, *each) for each in zip(scenes, now, then, strict=True)],
        EXTENDED: [_from_echoes(extended_velocity_bound_mps, *each) for each in zip(scenes, now, then, strict=True)],
    }
    return MotionBounds(
        np.array(
            [
                _root_bound(scene, "bistatic", "user_position", best)
                for scene, best in zip(scenes, positioning, strict=True)
            ]
        ),
        np.array(
            [_root_bound(scene, "monostatic", "user_position", best) for scene, best in zip(scenes, now, strict=True)]
        ),
        {name: np.array(values) for name, values in velocity.items()},
    )


def _best(scenes: Sequence[Scenario], name: str) -> list[Transmission | None]:
    """Best covariance of a link alone in each scene; None where no transmission determines what is asked for.

    Raises:
        CrbeamError: a design failed in another way.
    """
    method, found = method_named(name), []
    for design in method.solve_many([design_problem(scene, method=method) for scene in scenes]):
        if not isinstance(design, Design | Unidentifiable):
            raise design
        found.append(design.covariances if isinstance(design, Design) else None)
    return found


def _root_bound(scenario: Scenario, link: str, parameter: str, covariances: Transmission | None) -> float:
    if covariances is None:
        return np.nan
    information = link_map(scenario, link).at(covariances)
    # Position and velocity together may be determined where rounding leaves one of them open.
    return information.root_bound([parameter]) if information.is_identifiable([parameter]) else np.nan


def _from_echoes(
    bound: Callable[..., float],
    scenario: Scenario,
    first: Transmission | None,
    second: Transmission | None,
) -> float:
    return np.nan if first is None or second is None else bound(scenario, first, later=second)
