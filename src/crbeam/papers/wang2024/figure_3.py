"""Bound against the number of transmit antennas.

Reference: wang2024 Fig. 3.

Deviation: the paper does not say at what rate; here every receiver has 0.5 bit/s/Hz, in the drop of the preset.
"""

from pathlib import Path

from crbeam.papers.runs import PaperRun
from crbeam.papers.wang2024.gathering import ANTENNA_RATE, antenna_override
from crbeam.papers.wang2024.group_panels import save_group_figure
from crbeam.papers.wang2024.scenes import group_value

TITLE = "Bound against the number of transmit antennas"
ANTENNAS = (10, 12, 14, 16, 18, 20)


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""

    def value(group: str, reading: str, antennas: float) -> float:
        return group_value(group, reading, 0, ANTENNA_RATE, antenna_override(int(antennas)))

    axes = {"xlabel": "transmit antennas", "xticks": ANTENNAS}
    return save_group_figure(run, "wang2024_figure_3", ANTENNAS, value, axes)
