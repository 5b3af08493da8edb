"""How long one design takes, serially, with one BLAS thread.

Reference: hamrouni2026 Fig. 5.

Deviation: the paper times its own programs. Here all methods run on the same engine, one problem after the other; the
time includes neither the making of the problem nor the grading of the design.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from crbeam.design.methods import method_named
from crbeam.errors import CrbeamError
from crbeam.papers.hamrouni2026.draws import POSITIONING, SENSING, SEQUENTIAL
from crbeam.papers.hamrouni2026.scenes import random_scenes
from crbeam.scenario import Scenario
from crbeam.systems import design_problem

TIMED = (*SEQUENTIAL, SENSING, POSITIONING)
SHARES = (0.2, 0.5, 0.8)
FULL_SHARES = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
#: Random scenes of a quick run, of a full one.
COUNTS = (8, 40)


def shares_for(*, full: bool) -> tuple[float, ...]:
    """Shares of sensing at which times are taken."""
    return FULL_SHARES if full else SHARES


@lru_cache(maxsize=4)
def runtimes_s(gains: str, *, full: bool = False) -> Mapping[str, Float[np.ndarray, "scene share"]]:
    """Wall-clock time of one design by method; not a number where there is no design."""
    scenes = random_scenes(gains, COUNTS[int(full)])
    return {
        name: np.array([[_seconds(scene, name, share) for share in shares_for(full=full)] for scene in scenes])
        for name in TIMED
    }


def _seconds(scenario: Scenario, name: str, share: float) -> float:
    assert scenario.protocol is not None
    method = method_named(name)
    protocol = scenario.protocol.model_copy(update={"sensing_share": share})
    problem = design_problem(scenario.model_copy(update={"protocol": protocol}), method=method)
    try:
        return method.solve(problem).seconds
    except CrbeamError:
        return np.nan
