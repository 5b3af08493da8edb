"""Scenes of hamrouni2026: random ones, the symmetric one, and the preset.

Reference: hamrouni2026 section IV, Table II.

Deviation: the paper draws user and targets "within 5 to 100 m from the broadside" and no more. Here distance and
azimuth are uniform, azimuths within 60 degrees of broadside, and objects that the array cannot tell apart are drawn
again. Gains are given by an exponent of 3.5 and 8 dB of shadowing only, from which bounds of metres follow; free space
is the other reading.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crbeam.scenario import Scenario, read_scenario
from crbeam.scenario.reading import scenario_source
from crbeam.studies import Study
from crbeam.studies.scenes import scene

SEED = 20260515
#: Readings of the path gains, by changes of the preset.
GAINS: Mapping[str, tuple[str, ...]] = {
    "free space": ("propagation.path_loss_exponent=2", "propagation.shadowing_deviation=0 dB"),
    "Table II": (),
}
N_ANTENNAS = 64
#: Two objects are told apart if the cosines of their directions differ by a null-to-null beamwidth.
COSINES_APART = 2.0 / N_ANTENNAS
_PLACES = [["5 m", "30 deg"], ["100 m", "150 deg"]]
_PLACE = {"polar": _PLACES, "cosines_apart": COSINES_APART}
#: The law of the random scenes.
LAW: Mapping[str, Any] = {
    "targets.count": {"choice": [2, 3, 4]},
    "user.position": {"polar": _PLACES},
    "user.velocity": {"polar": [["5 m/s", "0 deg"], ["30 m/s", "360 deg"]]},
    "targets.positions": _PLACE,
}
#: Distance of every object of the symmetric scene, and azimuths of its targets; the user is at broadside.
SYMMETRIC_DISTANCE_M = 30.0
SYMMETRIC_AZIMUTHS_DEG = (30.0, 60.0, 120.0, 150.0)


def random_study(gains: str, overrides: Sequence[str] = (), *, axes: Mapping[str, Any], **rest: Any) -> Study:
    """A study of random scenes.

    What an axis varies is not drawn, all else is the same at each of its values.

    Args:
        gains: a key of `GAINS`.
        overrides: further changes of the preset, `path=value`.
        axes: of the study.
        rest: other parts of the study.
    """
    varied = {axis["field"] for axis in axes.get("fields", {}).values()}
    law = {path: distribution for path, distribution in LAW.items() if path not in varied}
    return Study.model_validate(
        {
            "scenario": scenario_source("hamrouni2026", overrides=[*GAINS[gains], *overrides]).value,
            "axes": axes,
            "random": {"seed": SEED, "phases": True, "fields": law},
            **rest,
        }
    )


def random_scenes(gains: str, count: int, *, n_targets: int | None = None) -> list[Scenario]:
    """The first random scenes, of one number of targets if it is given."""
    axes: dict[str, Any] = {"realisations": count}
    if n_targets is not None:
        axes["fields"] = {"n_targets": {"field": "targets.count", "values": [n_targets]}}
    study = random_study(gains, axes=axes)
    choice = () if n_targets is None else (0,)
    return [scene(study, choice, number) for number in range(count)]


def with_speed(scenario: Scenario, speed_mps: float) -> Scenario:
    """The same scene, the user moving in its direction at another speed."""
    assert scenario.user.velocity_mps is not None
    velocity = np.array(scenario.user.velocity_mps)
    x, y = (speed_mps / np.hypot(*velocity) * velocity).tolist()
    return scenario.model_copy(update={"user": scenario.user.model_copy(update={"velocity_mps": (x, y)})})


def symmetric_scene(gains: str = "free space") -> Scenario:
    """User at broadside and targets to both sides, all at the same distance; no shadowing.

    Deviation: the paper shows a symmetric scene without its coordinates; this one has four targets.
    """
    angles = np.deg2rad(SYMMETRIC_AZIMUTHS_DEG)
    places = (SYMMETRIC_DISTANCE_M * np.stack([np.cos(angles), np.sin(angles)], axis=1)).tolist()
    document = scenario_source("hamrouni2026", overrides=[*GAINS[gains], "propagation.shadowing_deviation=0 dB"]).value
    targets = {**document["targets"], "count": len(places), "positions": places}
    user = {**document["user"], "position": [0.0, SYMMETRIC_DISTANCE_M]}
    return Scenario.model_validate({**document, "user": user, "targets": targets})


def preset_scene(gains: str) -> Scenario:
    """The preset, whose objects are about 25 m from the station."""
    return read_scenario("hamrouni2026", overrides=list(GAINS[gains]), seed=SEED)
