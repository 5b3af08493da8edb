"""Time of a certified design, as a ratio to the conic reference in the same run.

`fdb-wcrb` runs to a certified gap of 1e-6; `conic-wcrb` at Clarabel's default tolerances, counted only if its repaired
objective is within 1e-6 of the certified lower bound. Times are whole calls from the design problem to the graded
design, preparation and certificate included.
"""

import statistics
import time

import numpy as np

from benchmarks.timing import REPEATS, median_seconds, problems_with
from crbeam import Design, DesignProblem, design_problem, design_problems, method_named, read_scenario

#: What the NumPy implementation is expected to reach: (single, batch of 200) by number of targets.
TARGETS = {1: (11, 80), 3: (25, 80), 8: (550, 550)}
NEXT = {1: (None, 120), 3: (40, 120), 8: (800, 800)}
#: Expected ratio for a curve of that many weights with three targets, and the next.
CURVE_WEIGHTS = 101
CURVE_TARGETS = (120, 180)


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
    scenario = read_scenario("zhang2025", overrides=[f"stations.bs.transmit_array.elements={n_antennas}"])
    problem = design_problem(scenario, weight=0.5)
    fast = method_named("fdb-wcrb")
    return {"antennas": n_antennas, "single_ms": 1e3 * median_seconds(lambda: fast.solve(problem))}


def curve_row() -> dict[str, float]:
    """A trade-off curve of the preset against the conic reference at five of its weights."""
    scenario = read_scenario("zhang2025")
    weights = np.linspace(0.01, 0.99, CURVE_WEIGHTS)
    problems = design_problems(scenario, weights.tolist())
    fast = method_named("fdb-wcrb")
    designs = [design for design in fast.solve_many(problems) if isinstance(design, Design)]
    few = range(0, CURVE_WEIGHTS, CURVE_WEIGHTS // (REPEATS - 1))
    chosen, bounds = [problems[index] for index in few], [designs[index].lower_bound or 0.0 for index in few]
    conic_seconds(chosen[:1], bounds[:1])
    conic, clarabel, excluded = conic_seconds(chosen, bounds)
    curve = median_seconds(lambda: fast.solve_many(design_problems(scenario, weights.tolist()))) / CURVE_WEIGHTS
    return {
        "weights": CURVE_WEIGHTS,
        "conic_ms": 1e3 * conic,
        "clarabel_ms": 1e3 * clarabel,
        "conic_excluded": excluded,
        "curve_ms": 1e3 * curve,
        "ratio": conic / curve,
        "not_certified": sum((design.gap or 0.0) > 1e-6 for design in designs) + CURVE_WEIGHTS - len(designs),
    }


def report() -> dict[str, object]:
    """Print all rows; their numbers."""
    print("conic-wcrb / fdb-wcrb, medians of", REPEATS)
    rows = []
    for n_targets, (target, batch_target) in TARGETS.items():
        row = ratio_row(n_targets)
        rows.append(row)
        next_single, next_batch = NEXT[n_targets]
        print(
            f"K={n_targets}: conic {row['conic_ms']:.0f} ms (Clarabel itself {row['clarabel_ms']:.0f} ms, "
            f"{row['conic_excluded']:.0f} of {REPEATS} excluded); single {row['single_ms']:.2f} ms = "
            f"{row['single_ratio']:.0f}x (target {target}x, next {next_single}x); batch of 200 "
            f"{row['batch_ms']:.2f} ms = {row['batch_ratio']:.0f}x (target {batch_target}x, next {next_batch}x); "
            f"worst gap {row['worst_gap']:.1e}, not certified {row['not_certified']:.0f} of 200"
        )
    curve = curve_row()
    print(
        f"curve of {CURVE_WEIGHTS} weights, K=3: conic {curve['conic_ms']:.0f} ms, {curve['conic_excluded']:.0f} of "
        f"{REPEATS} excluded; {curve['curve_ms']:.2f} ms a design, maps included = {curve['ratio']:.0f}x (target "
        f"{CURVE_TARGETS[0]}x, next {CURVE_TARGETS[1]}x); not certified {curve['not_certified']:.0f}"
    )
    antennas = [antenna_row(n_antennas) for n_antennas in (16, 1024)]
    for row in antennas:
        print(f"{row['antennas']:.0f} antennas: single {row['single_ms']:.2f} ms")
    print(f"1024 against 16 antennas: {antennas[1]['single_ms'] / antennas[0]['single_ms']:.2f} times the time")
    return {"rows": rows, "curve": curve, "antennas": antennas}
