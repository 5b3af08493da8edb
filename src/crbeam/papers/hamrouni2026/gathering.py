"""Measuring what the claims of hamrouni2026 are judged on."""

from collections.abc import Sequence

import numpy as np

from crbeam.errors import CrbeamError
from crbeam.papers.hamrouni2026.allocation import VARIANTS, split_of
from crbeam.papers.hamrouni2026.beams import designs, object_gains
from crbeam.papers.hamrouni2026.comparisons import comparisons
from crbeam.papers.hamrouni2026.draws import LOSSES, SEQUENTIAL, outcomes
from crbeam.papers.hamrouni2026.measurements import Accuracy, Measurements, Ranks
from crbeam.papers.hamrouni2026.mobility import N_TARGETS, RULES, SPEEDS_MPS, bounds_by_speed, bounds_by_targets
from crbeam.papers.hamrouni2026.runtimes import runtimes_s
from crbeam.papers.hamrouni2026.scenes import GAINS, SEED, random_scenes
from crbeam.papers.runs import PaperRun
from crbeam.scenario import Scenario
from crbeam.systems import isotropic_transmission, link_map

#: Eigenvalues of the scaled information below this share of the largest are rounding.
RANK_TOLERANCE = 1e-12
#: Random scenes in which ranks are counted.
RANK_SCENES = 20
#: Headings of the user for which sensing is judged.
HEADINGS = ("any heading", "away from the station")


def gather(run: PaperRun) -> Measurements:
    """All numbers that the claims are judged on; studies come first, as they say how long they will take."""
    run.report("claims: sequential designs in random scenes")
    found = {(gains, loss): outcomes(run, gains, loss) for gains in GAINS for loss in LOSSES}
    run.report("claims: comparisons, also with an undecided first stage")
    compared = comparisons(run)
    run.report("claims: bounds against the number of targets and speed")
    by_targets = {(gains, k): bounds_by_targets(gains, k, full=run.full) for gains in GAINS for k in N_TARGETS}
    by_speed = {
        (gains, rule, speed): bounds_by_speed(gains, rule, speed, full=run.full)
        for gains in GAINS
        for rule in RULES
        for speed in SPEEDS_MPS
    }
    run.report("claims: ranks, the preset, beams, times")
    return Measurements(
        sensing_ranks(random_scenes("free space", RANK_SCENES)),
        {k: positioning_ranks(random_scenes("free space", RANK_SCENES, n_targets=k)) for k in (0, 1, 2)},
        by_targets,
        by_speed,
        found,
        compared,
        {gains: {name: _accuracy(gains, name, full=run.full) for name in SEQUENTIAL} for gains in GAINS},
        {(gains, *key): object_gains(design) for gains in GAINS for key, design in designs(gains).items()},
        {gains: runtimes_s(gains, full=run.full) for gains in GAINS},
        SEED,
    )


def sensing_ranks(scenes: Sequence[Scenario]) -> dict[str, Ranks]:
    """Whether sensing alone determines the velocity, of users with any heading and of those that drive away."""
    return {
        HEADINGS[0]: _ranks(scenes, "monostatic"),
        HEADINGS[1]: _ranks([_driving_away(scene) for scene in scenes], "monostatic"),
    }


def positioning_ranks(scenes: Sequence[Scenario]) -> Ranks:
    """Whether positioning alone determines position and velocity."""
    return _ranks(scenes, "bistatic")


def _driving_away(scenario: Scenario) -> Scenario:
    """The same scene with the user's velocity along its line to the station."""
    assert scenario.user.velocity_mps is not None
    station_m = next(iter(scenario.stations.values())).position_m
    away = np.subtract(scenario.user.position_m, station_m)
    x, y = (np.hypot(*scenario.user.velocity_mps) * away / np.hypot(*away)).tolist()
    return scenario.model_copy(update={"user": scenario.user.model_copy(update={"velocity_mps": (x, y)})})


def _ranks(scenes: Sequence[Scenario], link: str) -> Ranks:
    lost, unknowns, ranks = 0, [], []
    for scene in scenes:
        information = link_map(scene, link).at(isotropic_transmission(scene))
        lost += not information.is_identifiable(["user_position", "user_velocity"])
        scale = np.sqrt(np.diag(information.matrix))
        scale[scale == 0.0] = 1.0
        eigenvalues = np.linalg.eigvalsh(information.matrix / np.outer(scale, scale))
        unknowns.append(information.layout.size)
        ranks.append(int(np.sum(eigenvalues > RANK_TOLERANCE * eigenvalues[-1])))
    missing = np.unique(np.subtract(unknowns, ranks)).tolist()
    return Ranks(len(scenes), lost, max(unknowns), tuple(missing))


def _accuracy(gains: str, name: str, *, full: bool) -> Accuracy:
    """Bounds in the preset with the best share.

    Raises:
        CrbeamError: there is no design at any share.
    """
    variant = next(label for label, (method, order) in VARIANTS.items() if (method, order) == (name, "contiguous"))
    split = split_of(gains, variant, 1, full=full)
    if split.best is None:
        raise next(point.design for point in split.points if isinstance(point.design, CrbeamError))
    bounds = split.bounds(split.best)
    user_m, target_m = bounds["user_position_m"], bounds["target_position_m"]
    assert user_m is not None
    assert target_m is not None
    return Accuracy(split.best.share, user_m, target_m)
