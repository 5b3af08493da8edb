"""Trade-off between the bound and the rate of every receiver, monostatic to multistatic.

Reference: wang2024 Fig. 2.

Deviation: the paper does not say what its communication rate is. Here it is the least rate that every one of the ten
receivers has, in the first drop in which all can have 7.5 bit/s/Hz; that is possible in few drops. One receiver, or the
transmitter alone, does not locate the target, so that the right panel has no curve for them.
"""

from functools import lru_cache
from itertools import count
from pathlib import Path

from crbeam.papers.runs import PaperRun
from crbeam.papers.wang2024.group_panels import save_group_figure
from crbeam.papers.wang2024.scenes import N_RECEIVERS, can_be_served, group_value

TITLE = "Bound against the rate of every receiver, monostatic to multistatic"
HIGHEST_RATE = 7.5
RATES = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, HIGHEST_RATE)
FULL_RATES = (0.5, 1.0, 2.0, 3.0, 4.0, 4.5, 5.0, 5.5, 6.0, 6.25, 6.5, 6.75, 7.0, 7.15, 7.3, 7.4, HIGHEST_RATE)


@lru_cache(maxsize=1)
def servable_seed() -> int:
    """The first drop in which every receiver can have the highest rate."""
    return next(seed for seed in count() if can_be_served(N_RECEIVERS, HIGHEST_RATE, seed))


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    seed = servable_seed()

    def value(group: str, reading: str, rate_bps_hz: float) -> float:
        return group_value(group, reading, seed, rate_bps_hz)

    axes = {"xlabel": "least rate of all receivers (bit/s/Hz)"}
    return save_group_figure(run, "wang2024_figure_2", FULL_RATES if run.full else RATES, value, axes)
