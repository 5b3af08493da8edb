"""Bound against the number of antennas of every receiver.

Reference: wang2024 Fig. 4.

Deviation: as in the figure of transmit antennas, every receiver has 0.5 bit/s/Hz, in the drop of the preset.
"""

from pathlib import Path

from crbeam.papers.runs import PaperRun
from crbeam.papers.wang2024.gathering import ANTENNA_RATE
from crbeam.papers.wang2024.group_panels import save_group_figure
from crbeam.papers.wang2024.scenes import group_value

TITLE = "Bound against the number of receive antennas"
ANTENNAS = (2, 4, 6, 8, 10, 12)


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""

    def value(group: str, reading: str, antennas: float) -> float:
        return group_value(group, reading, 0, ANTENNA_RATE, receive_antennas=int(antennas))

    axes = {"xlabel": "antennas of each receiver", "xticks": ANTENNAS}
    return save_group_figure(run, "wang2024_figure_4", ANTENNAS, value, axes)
