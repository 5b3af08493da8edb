"""Measurements with which every claim of xu2023 holds, and parts to alter them with."""

import numpy as np

from crbeam.papers.xu2023.choices import Choice
from crbeam.papers.xu2023.draws import Drops, Fading, Powers
from crbeam.papers.xu2023.enumeration import Enumeration
from crbeam.papers.xu2023.measurements import Measurements
from crbeam.papers.xu2023.proofs import Appendix, RankOne
from crbeam.papers.xu2023.scenes import ALGORITHM, EXACT, LOSSES, ROUNDED, SCHEME_1, SCHEME_2, SCHEME_3

#: Spread of the draws around their middle, in dB.
SPREAD_DB = np.linspace(-1.0, 1.0, 5)[:, None]
RATIOS_DB = (4.0, 8.0, 12.0)


def powers(levels_dbm, gap=1e-6, *, spread_db=SPREAD_DB):
    """Powers with middle levels along the points; what is not a number is infeasible."""
    power_w = 10.0 ** ((np.atleast_1d(np.array(levels_dbm, dtype=float)) + spread_db - 30.0) / 10.0)
    return Powers(power_w, power_w * (1.0 - gap), ~np.isfinite(power_w))


def fading_of(receivers_dbm=(38.7, 29.7, 36.0, 37.0), **changed):
    """Draws in which the second station is the best; methods by name with a level."""
    levels = {EXACT: 29.7, ROUNDED: 29.7, SCHEME_1: 38.7, SCHEME_2: 44.0, SCHEME_3: np.nan}
    levels |= dict.fromkeys(ALGORITHM.values(), 29.75)
    levels |= {name.replace("_", "-"): level for name, level in changed.items()}
    return Fading(
        {name: powers(level, 1e-3 if name == ROUNDED else 1e-6) for name, level in levels.items()},
        powers(receivers_dbm),
    )


def drops_of(**changed):
    """Random places, in which scheme 2 loses its worst drops on the way."""
    levels = {
        EXACT: (30.0, 34.0, 38.0),
        SCHEME_1: (32.0, 36.5, 41.0),
        SCHEME_2: (44.0, 47.0, 50.0),
        SCHEME_3: (43.0, np.nan, np.nan),
        ALGORITHM["relaxation"]: (30.0, 34.0, 38.0),
    }
    levels |= {name.replace("_", "-").replace("--", ":"): level for name, level in changed.items()}
    found = {name: powers(level) for name, level in levels.items()}
    shrinking = found[SCHEME_2].power_w * 10.0 ** (-np.array([0.0, 0.1, 0.2]) * 2.0)
    known = np.array([[True] * 3, [True] * 3, [True, True, False], [True, False, False], [False] * 3])
    lost = np.where(known, shrinking, np.nan)
    found[SCHEME_2] = Powers(lost, lost, ~known) if "random_choice" not in changed else found[SCHEME_2]
    return Drops(RATIOS_DB, found)


def choice_of(power_dbm, receiver="bs2", served=("bs1", "bs1", "bs3", "bs3", "bs4"), trace=(3.0, 2.0, 2.0)):
    power_w = 10.0 ** ((power_dbm - 30.0) / 10.0)
    return Choice(receiver, served, power_w, 0.999 * power_w, 0.0, trace, {"programs": 4, "ended": "converged"})


CHOICES = {
    EXACT: choice_of(29.7),
    SCHEME_1: choice_of(38.7, "bs1", ("bs4", "bs2", "bs3", "bs3", "bs4")),
    **{name: choice_of(29.7) for name in ALGORITHM.values()},
}

IDEAL = Measurements(
    seed=1,
    appendix=Appendix(1.0, 1.0, 1.0),
    rank_one=RankOne(1e-16, 1e-14, -1e-16, 20),
    choices={losses: CHOICES for losses in LOSSES},
    fading={losses: fading_of() for losses in LOSSES},
    drops=drops_of(),
    enumeration=Enumeration(24, 0.5, 0.5, 3),
)
