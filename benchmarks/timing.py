"""What the benchmarks share: medians of five and random problems."""

import statistics
import time
from collections.abc import Callable

import numpy as np

from crbeam import DesignMethod, DesignProblem, design_problem
from crbeam.testing import random_scenario

SEED = 20250
REPEATS = 5


def median_seconds(call: Callable[[], object], *, repeats: int = REPEATS) -> float:
    """Median time of some calls."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def problems_with(
    n_targets: int, count: int, *, n_antennas: int = 16, method: DesignMethod | None = None
) -> list[DesignProblem]:
    """Problems of random scenarios with 1024 subcarriers, at weight 0.5, with the constraints of a method."""
    rng = np.random.default_rng([SEED, n_targets])
    scenarios = [
        random_scenario(rng, n_targets=n_targets, n_antennas=n_antennas, subcarriers=1024, plain=True)
        for _ in range(count)
    ]
    return [design_problem(scenario, weight=0.5, method=method) for scenario in scenarios]
