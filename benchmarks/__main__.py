"""Time of a certified design, as a ratio to the conic reference in the same run.

One BLAS thread (the Makefile sets it). Every time is a median of five. `fdb-wcrb` runs to a certified gap of 1e-6;
`conic-wcrb` at Clarabel's default tolerances, counted only if its repaired objective is within 1e-6 of the certified
lower bound. Times are whole calls from the design problem to the graded design, preparation and certificate included.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from crbeam import Design, DesignProblem, design_problem, method_named
from crbeam.scenario import Scenario
from crbeam.testing import random_scenario

SEED = 20250
REPEATS = 5
#: What the NumPy implementation is expected to reach: (single, batch of 200) by number of targets.
TARGETS = {1: (11, 80), 3: (25, 80), 8: (550, 550)}
NEXT = {1: (None, 120), 3: (40, 120), 8: (800, 800)}


def median_seconds(call: Callable[[], object]) -> float:
    """Median time of five calls."""
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def problems_with(n_targets: int, count: int) -> list[DesignProblem]:
    """Problems of random scenarios with 16 antennas and 1024 subcarriers, at weight 0.5."""
    rng = np.random.default_rng([SEED, n_targets])
    scenarios = [
        random_scenario(rng, n_targets=n_targets, n_antennas=16, subcarriers=1024, plain=True) for _ in range(count)
    ]
    return [design_problem(scenario, weight=0.5) for scenario in scenarios]


def conic_seconds(problems: list[DesignProblem], bounds: list[float]) -> tuple[float, float, int]:
    """Median whole call and median of Clarabel's own time over the counted problems, and how many were excluded."""
    conic = method_named("conic-wcrb")
    whole, own = [], []
    for problem, lower_bound in zip(problems, bounds, strict=True):
        begin = time.perf_counter()
        design = conic.solve(problem)
        elapsed = time.perf_counter() - begin
        if design.objective - lower_bound <= 1e-6 * design.objective:
            whole.append(elapsed)
            own.append(float(design.details["solver_seconds"]))
    return statistics.median(whole), statistics.median(own), len(problems) - len(whole)


def ratio_row(n_targets: int) -> dict[str, float]:
    """Single design and batch of 200 against the conic reference for one number of targets."""
    fast = method_named("fdb-wcrb")
    problems = problems_with(n_targets, 200)
    designs = fast.solve_many(problems)
    solved = [design for design in designs if isinstance(design, Design)]
    bounds = [design.lower_bound or 0.0 for design in solved]
    few = problems[:REPEATS]
    conic_seconds(few[:1], bounds[:1])
    conic, clarabel, excluded = conic_seconds(few, bounds[:REPEATS])
    single = statistics.median(median_seconds(lambda problem=problem: fast.solve(problem)) for problem in few)
    batch = median_seconds(lambda: fast.solve_many(problems)) / len(problems)
    return {
        "targets": n_targets,
        "conic_ms": 1e3 * conic,
        "clarabel_ms": 1e3 * clarabel,
        "conic_excluded": excluded,
        "single_ms": 1e3 * single,
        "batch_ms": 1e3 * batch,
        "single_ratio": conic / single,
        "batch_ratio": conic / batch,
        "single_ratio_to_clarabel": clarabel / single,
        "worst_gap": max(design.gap or 0.0 for design in solved),
        "not_certified": sum((design.gap or 0.0) > 1e-6 for design in solved) + len(designs) - len(solved),
    }


def antenna_row(n_antennas: int) -> dict[str, float]:
    """One design of the same scene with more antennas: a statement about computation, not about physics."""
    from crbeam import read_scenario

    scenario: Scenario = read_scenario("zhang2025", overrides=[f"stations.bs.transmit_array.elements={n_antennas}"])
    problem = design_problem(scenario, weight=0.5)
    fast = method_named("fdb-wcrb")
    return {"antennas": n_antennas, "single_ms": 1e3 * median_seconds(lambda: fast.solve(problem))}


def main() -> None:
    """Print the table, and write it as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    arguments = parser.parse_args()
    print("conic-wcrb / fdb-wcrb, medians of 5, seed", SEED)
    rows = [ratio_row(n_targets) for n_targets in TARGETS]
    for row in rows:
        single, batch = TARGETS[int(row["targets"])]
        next_single, next_batch = NEXT[int(row["targets"])]
        print(
            f"K={row['targets']:.0f}: conic {row['conic_ms']:.0f} ms (Clarabel itself {row['clarabel_ms']:.0f} ms, "
            f"{row['conic_excluded']:.0f} of {REPEATS} excluded); single {row['single_ms']:.2f} ms = "
            f"{row['single_ratio']:.0f}x (target {single}x, next {next_single}x); batch of 200 "
            f"{row['batch_ms']:.2f} ms = {row['batch_ratio']:.0f}x (target {batch}x, next {next_batch}x); "
            f"worst gap {row['worst_gap']:.1e}, not certified {row['not_certified']:.0f} of 200"
        )
    antennas = [antenna_row(n_antennas) for n_antennas in (16, 1024)]
    for row in antennas:
        print(f"{row['antennas']:.0f} antennas: single {row['single_ms']:.2f} ms")
    print(f"1024 against 16 antennas: {antennas[1]['single_ms'] / antennas[0]['single_ms']:.2f} times the time")
    if arguments.json:
        arguments.json.write_text(json.dumps({"seed": SEED, "rows": rows, "antennas": antennas}, indent=2))


if __name__ == "__main__":
    main()
