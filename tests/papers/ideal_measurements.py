"""Measurements of zhang2025 in which everything is as the paper says."""

import numpy as np

from crbeam.papers.zhang2025.curves import WEIGHTS
from crbeam.papers.zhang2025.measurements import (
    AMPLITUDES,
    ANALOG,
    BEAMPATTERN_METHODS,
    FAMILIES,
    PHASES,
    RANDOM_ROOT,
    READINGS,
    ROOT_DRAWS,
    ROOT_NAMES,
    STARTS,
    Curve,
    Effort,
    Front,
    Measurements,
    StateInformation,
)

COUNTS = (1, 2, 3)


def hyperbola(weights, size_m2, excess=0.0):
    """Points of the front `X Y = size^2`, root bounds larger by a relative excess."""
    weight = np.array(weights)
    optimum = 2.0 * size_m2 * np.sqrt(weight * (1.0 - weight))
    ratio = np.sqrt((1.0 - weight) / weight)
    roots = (1.0 + excess) * np.sqrt([size_m2 * ratio, size_m2 / ratio])
    objective = weight * roots[0] ** 2 + (1.0 - weight) * roots[1] ** 2
    return curve_of(weights, objective, optimum, roots[0], roots[1])


def curve_of(weights, objective, optimum, positioning_m, sensing_m, power_w=(4.0, 1.0, 2.0, 1.0)):
    columns = [tuple(float(value) for value in column) for column in (objective, optimum, positioning_m, sensing_m)]
    return Curve(tuple(weights), *columns, (power_w,) * len(weights))


def ends_of(bistatic_m, monostatic_m):
    return curve_of((1.0, 0.0), (bistatic_m**2, monostatic_m**2), (0.0, 0.0), (bistatic_m, 1.0), (1.0, monostatic_m))


def excesses(n_targets):
    """Relative excess of each scheme over the front of its family."""
    wbf = 0.01 + 0.01 * n_targets
    roots = dict.fromkeys(ROOT_NAMES.values(), wbf)
    return {"fdb-wcrb": 0.0, "fdb-wcm": 0.01, **roots, "cpa-wcrb": 0.0, "cpa-wcm": 0.01, "cpa-wbf": wbf}


def fused_curve():
    step = np.array(WEIGHTS)
    return curve_of(WEIGHTS, step, step, 0.015 - 1e-4 * step, 0.03 + 1e-4 * step)


def ideal():
    """Measurements in which every claim holds."""
    size = {"fdb": 0.01, "cpa": 0.01 * 1.1**2}
    curves, fronts, ends, draws = {}, {}, {}, {}
    for reading in READINGS:
        for k in COUNTS:
            for method, excess in excesses(k).items():
                curves[reading, k, method] = hyperbola(WEIGHTS, size[method[:3]], excess)
            for family in FAMILIES:
                bound = hyperbola(WEIGHTS, size[family]).lower_bound_m2
                fronts[reading, k, family] = Front(WEIGHTS, bound)
            ends[reading, k, "fdb-wcrb"] = ends_of(0.1 - 0.01 * k, 0.1 + 0.01 * k)
        ends |= {(reading, 3, method): ends_of(0.07, 0.13) for method in BEAMPATTERN_METHODS}
        curves[reading, 3, "fusion"] = fused_curve()
    for reading in AMPLITUDES:
        curves |= {
            (reading, 3, ANALOG[0]): hyperbola(WEIGHTS, 0.01, 0.3),
            (reading, 3, ANALOG[1]): hyperbola(WEIGHTS, 0.01, 0.4),
        }
    for k in COUNTS:
        draws[PHASES, k, "fdb-wcrb"] = tuple(phase_draw(k, draw) for draw in range(6))
        draws[ROOT_DRAWS, k, RANDOM_ROOT] = tuple(
            hyperbola(WEIGHTS, 0.01, 0.01 + 0.02 * k + 1e-3 * draw) for draw in range(5)
        )
    draws[PHASES, 3, "cpa-wcrb"] = tuple(phase_draw(3, draw, 1.1 + 1e-3 * draw) for draw in range(6))
    draws[STARTS, 3, ANALOG[0]] = tuple(hyperbola((0.1, 0.5, 0.9), 0.01, 0.3 + 1e-3 * draw) for draw in range(4))
    information = {0: StateInformation(6, 5, False), 1: StateInformation(10, 10, True)}
    efforts = {antennas: Effort(8, 0.005, 0.01) for antennas in (16, 32, 64)}
    traces = ((1.0, 0.3, 0.21, 0.2, 0.2), (0.9, 0.25, 0.2005, 0.2))
    return Measurements(
        curves, fronts, ends, draws, 7, {0.1: traces, 0.9: traces}, (0.05, 0.06), information, efforts, (0.1, 0.2, 0.15)
    )


def phase_draw(n_targets, draw, factor=1.0):
    bistatic, monostatic = 0.1 - 0.01 * n_targets + 1e-3 * (draw % 3), 0.1 + 0.01 * n_targets + 1e-4 * draw
    middle = 0.01 * factor**2
    objective = (monostatic**2, middle, bistatic**2)
    return curve_of((0.0, 0.5, 1.0), objective, (0.0, 0.0, 0.0), (1.0, 0.1, bistatic), (monostatic, 0.1, 1.0))


IDEAL = ideal()
