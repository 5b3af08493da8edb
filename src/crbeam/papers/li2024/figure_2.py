"""Objective and constraint violation of the downlink algorithm over its outer loops.

Reference: li2024 Fig. 2.

Deviation: see `convergence`; and beside it the descent over phases, with the proven bound.
"""

from pathlib import Path

from crbeam.papers.li2024.convergence_figure import convergence_figure
from crbeam.papers.runs import PaperRun

TITLE = "Convergence in the downlink: penalty dual decomposition and descent over phases"


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    return convergence_figure(run, "2", "downlink", "Algorithm 2, corrected", "outer loop")
