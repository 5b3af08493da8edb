"""Measurements of hamrouni2026 in which everything is as the paper says."""

import numpy as np

from crbeam.papers.hamrouni2026.beams import POSITIONING as POSITIONING_BEAMS
from crbeam.papers.hamrouni2026.beams import READINGS
from crbeam.papers.hamrouni2026.beams import SENSING as SENSING_BEAMS
from crbeam.papers.hamrouni2026.comparisons import CASES, QUANTITIES, compare
from crbeam.papers.hamrouni2026.draws import (
    COMPARED_SHARES,
    JOINT,
    LOSSES,
    POSITIONING,
    POSITIONING_ALL,
    SENSING,
    SENSING_ALL,
    SEPARATE,
    SEQUENTIAL,
    SHARED,
    Outcomes,
)
from crbeam.papers.hamrouni2026.gathering import HEADINGS
from crbeam.papers.hamrouni2026.measurements import Accuracy, Measurements, Ranks
from crbeam.papers.hamrouni2026.mobility import (
    BISTATIC,
    EXTENDED,
    N_TARGETS,
    RULES,
    SNAPSHOT,
    SPEEDS_MPS,
    MotionBounds,
)
from crbeam.papers.hamrouni2026.scenes import GAINS

SCENES = 9
SHARES = (0.05, 0.2, 0.5, 0.8, 0.95)
#: Values of different scenes.
SPREAD = 1.0 + 0.01 * np.arange(SCENES)


def motion_bounds(positioning_m, sensing_m, positioning_mps, snapshot_mps, extended_mps):
    velocity = {BISTATIC: positioning_mps, SNAPSHOT: snapshot_mps, EXTENDED: extended_mps}
    return MotionBounds(
        positioning_m * SPREAD, sensing_m * SPREAD, {name: value * SPREAD for name, value in velocity.items()}
    )


def by_targets(k):
    return motion_bounds(10.0 if k == 1 else 0.1, 0.2 + 0.1 * k, 0.1, 3.0 + 0.3 * k, 1.0 + 0.5 * k)


def by_speed(speed_mps):
    return motion_bounds(0.1, 0.2, 0.05, 3.0 + 0.1 * speed_mps, 1.0 + 0.1 * speed_mps)


def outcomes_of(loss, user_m, velocity_mps, target_m, shares=SHARES):
    """The same values times a parabola over the shares for the loss, times the spread over the scenes."""
    curve = 1.0 + (np.array(shares) - 0.5) ** 2
    grid = np.outer(SPREAD, np.ones(len(shares)))
    nothing = np.full_like(grid, np.nan)
    return Outcomes(
        shares, np.outer(SPREAD, loss * curve), nothing, user_m * grid, velocity_mps * grid, target_m * grid, grid, grid
    )


def by_method():
    sensing = outcomes_of(1.0, 0.05, np.nan, 0.2)
    share = np.array(SHARES) ** -0.5
    sensing.user_position_m[:] *= share
    positioning = outcomes_of(1.0, 0.3, 0.5, 2.0)
    positioning.target_position_m[4:] = np.nan
    joint = outcomes_of(1.0, 0.01, 0.01, 0.04)
    joint.lower_bound[:] = joint.loss
    return {
        JOINT: joint,
        SHARED: outcomes_of(1.1, 0.02, 0.02, 0.05),
        SEPARATE: outcomes_of(1.2, 0.03, 0.03, 0.06),
        SENSING: sensing,
        POSITIONING: positioning,
        SENSING_ALL: outcomes_of(1.0, 0.05, np.nan, 0.2, (1.0,)),
        POSITIONING_ALL: outcomes_of(1.0, 0.3, 0.5, 2.0, (1.0,)),
    }


def comparison_of(methods, fraction, tied=0):
    values = {
        method: {"loss": part.of("loss", fraction)} | {name: part.of(name, fraction) for name in QUANTITIES[1:]}
        for method, part in methods.items()
        if method in SEQUENTIAL
    }
    return compare(values, tied=tied)


def ideal():
    """Measurements in which every claim holds."""
    methods = by_method()
    targets = {f"target {number}": power for number, power in enumerate((2.0, 3.0, 4.0, 9.0), start=1)}
    beams = {}
    for gains in GAINS:
        beams |= {(gains, SENSING_BEAMS, name): {"user": 20.0, **targets} for name in READINGS[SENSING_BEAMS]}
        beams |= {(gains, POSITIONING_BEAMS, name): {"user": 1.0, **targets} for name in READINGS[POSITIONING_BEAMS]}
    times = {JOINT: 1.0, SHARED: 0.01, SEPARATE: 0.03, SENSING: 0.01, POSITIONING: 0.01}
    return Measurements(
        {heading: Ranks(5, 5, 20, (1,)) for heading in HEADINGS},
        {0: Ranks(5, 5, 8, (2,)), 1: Ranks(5, 5, 12, (1,)), 2: Ranks(5, 0, 16, (0,))},
        {(gains, k): by_targets(k) for gains in GAINS for k in N_TARGETS},
        {(gains, rule, speed): by_speed(speed) for gains in GAINS for rule in RULES for speed in SPEEDS_MPS},
        {(gains, loss): methods for gains in GAINS for loss in LOSSES},
        {(*case, fraction): comparison_of(methods, fraction) for case in CASES for fraction in COMPARED_SHARES},
        {gains: {name: Accuracy(0.5, 0.02, 0.05) for name in SEQUENTIAL} for gains in GAINS},
        beams,
        {gains: {name: np.outer(SPREAD, np.full(3, value)) for name, value in times.items()} for gains in GAINS},
        7,
    )


IDEAL = ideal()
