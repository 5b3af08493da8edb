"""Throughput of a study with two worker processes against one, in interleaved pairs.

Each run computes the same study into a new store; the start of the worker processes is part of it.
"""

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.timing import REPEATS
from crbeam.studies import Study, run_study
from crbeam.studies.processes import ProcessBackend

REALISATIONS = 500
TARGET = 1.7


def study() -> Study:
    """Ten weights of zhang2025 in many random scenes."""
    return Study.model_validate(
        {
            "scenario": "zhang2025",
            "axes": {"weight": "0.05:0.95:10", "realisations": REALISATIONS},
            "random": {
                "seed": 2025,
                "phases": True,
                "fields": {"targets.positions": {"uniform": [["-15 m", "8 m"], ["15 m", "25 m"]], "apart": "2 m"}},
            },
            "batch_cases": 100,
        }
    )


def cases_per_second(workers: int) -> float:
    """Throughput of one run with that many worker processes."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        summary = run_study(study(), Path(folder) / "study.sqlite", backend=lambda: ProcessBackend(workers))
        return summary.computed / (time.perf_counter() - begin)


def report() -> dict[str, object]:
    """Print and return the throughputs of interleaved pairs and their median ratio."""
    pairs = [(cases_per_second(1), cases_per_second(2)) for _ in range(REPEATS)]
    ratios = [two / one for one, two in pairs]
    print(f"study of {10 * REALISATIONS} cases, cases per second with one and two workers, {REPEATS} interleaved pairs")
    for (one, two), ratio in zip(pairs, ratios, strict=True):
        print(f"  {one:.0f} and {two:.0f}: {ratio:.2f}x")
    print(f"median {statistics.median(ratios):.2f}x (target {TARGET}x)")
    return {"pairs": pairs, "median_ratio": statistics.median(ratios)}
