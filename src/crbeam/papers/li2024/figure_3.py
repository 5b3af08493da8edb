"""Objective of the uplink algorithm over its updates of the network.

Reference: li2024 Fig. 3.

Deviation: see `convergence`; and beside it the descent over phases, with the proven bound.
"""

from pathlib import Path

from crbeam.papers.li2024.convergence_figure import convergence_figure
from crbeam.papers.runs import PaperRun

TITLE = "Convergence in the uplink: alternating optimisation and descent over phases"


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    return convergence_figure(run, "3", "uplink", "Algorithm 6, corrected", "update of the network")
