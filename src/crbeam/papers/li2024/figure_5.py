"""Bounds of angle and range in the downlink over the least SINR and the number of chains.

Reference: li2024 Fig. 5.

Deviation: see `sweep_figure`.
"""

from pathlib import Path

from crbeam.papers.li2024.sweep_figure import sweep_figure
from crbeam.papers.runs import PaperRun

TITLE = "Downlink: bounds over the users' SINR and the number of chains"


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    return sweep_figure(run, "5", "downlink")
