"""Time of a certified joint design of two stages, as a ratio to the conic reference in the same run, and of bounds.

`joint-sequential` runs to a certified gap of 1e-6; `conic-wcrb` at Clarabel's default tolerances, counted only if its
repaired objective is within 1e-5 of the certified lower bound. Times are whole calls from the design problem to the
graded design.
"""

import statistics
import time

import numpy as np

from benchmarks.timing import REPEATS, SEED, median_seconds
from crbeam import Design, DesignProblem, design_problem, method_named
from crbeam.linalg import one_blas_thread
from crbeam.systems import isotropic_transmission, link_map, system_of
from crbeam.testing import random_moving_scenario

#: Numbers of targets, and the ratio that is expected of the trace loss.
TARGETS, RATIO = (2, 3, 4), 20
#: Loss of the conic program beside the certified bound up to which it counts.
CONIC_ACCURACY = 1e-5


def joint_problems(n_targets: int, count: int, *, loss: str = "trace", n_antennas: int = 16) -> list[DesignProblem]:
    """Joint problems of random scenes with a moving user and a fixed share of sensing."""
    rng = np.random.default_rng([SEED, n_targets])
    method, problems = method_named("joint-sequential"), []
    for _ in range(count):
        scenario = random_moving_scenario(rng, n_targets=n_targets, n_antennas=n_antennas)
        assert scenario.requirements is not None
        wanted = scenario.requirements.model_copy(update={"loss": loss})
        problems.append(design_problem(scenario.model_copy(update={"requirements": wanted}), method=method))
    return problems


def conic_seconds(problems: list[DesignProblem], bounds: list[float]) -> tuple[float, int]:
    """Median whole call over the problems that count, and how many do not."""
    conic, whole = method_named("conic-wcrb"), []
    for problem, lower_bound in zip(problems, bounds, strict=True):
        begin = time.perf_counter()
        (design,) = conic.solve_many([problem])
        elapsed = time.perf_counter() - begin
        if isinstance(design, Design) and design.objective - lower_bound <= CONIC_ACCURACY * design.objective:
            whole.append(elapsed)
    return statistics.median(whole) if whole else float("nan"), len(problems) - len(whole)


def row(n_targets: int, loss: str) -> dict[str, float | str]:
    """Joint designs by the engine and by the conic reference for one number of targets and one loss."""
    problems = joint_problems(n_targets, REPEATS, loss=loss)
    own = method_named("joint-sequential")
    designs = [own.solve(problem) for problem in problems]
    bounds = [design.lower_bound or 0.0 for design in designs]
    conic_seconds(problems[:1], bounds[:1])
    conic, excluded = conic_seconds(problems, bounds)
    single = statistics.median(median_seconds(lambda problem=problem: own.solve(problem)) for problem in problems)
    return {
        "targets": n_targets,
        "loss": loss,
        "conic_ms": 1e3 * conic,
        "conic_excluded": excluded,
        "single_ms": 1e3 * single,
        "ratio": conic / single,
        "worst_gap": max(design.gap or 0.0 for design in designs),
    }


def largest_bound() -> dict[str, float]:
    """Maps and bounds for 64 antennas, four targets, 16 slots of 100 symbols and 1024 subcarriers, best of several."""
    rng = np.random.default_rng([SEED, 4])
    scenario = random_moving_scenario(rng, n_targets=4, n_antennas=64, subcarriers=1024, slots=16, symbols_per_slot=100)
    covariances = system_of(scenario).completed(isotropic_transmission(scenario))
    names = ("user_position", "user_velocity", *(f"target_position[{index}]" for index in range(4)))

    def bounds() -> None:
        information = link_map(scenario, "posterior").at(covariances)
        for name in names:
            information.root_bound([name])

    def seconds() -> float:
        begin = time.perf_counter()
        bounds()
        return time.perf_counter() - begin

    with one_blas_thread():
        bounds()
        times = [seconds() for _ in range(5 * REPEATS)]
    return {"best_ms": 1e3 * min(times), "median_ms": 1e3 * statistics.median(times)}


def report() -> dict[str, object]:
    """Print all rows; their numbers."""
    bound = largest_bound()
    print(
        f"map and bounds of both stages, N_B = 64, K = 4, L = 16, P = 100, M = 1024: best {bound['best_ms']:.1f} ms, "
        f"median {bound['median_ms']:.1f} ms of {5 * REPEATS}"
    )
    print("conic-wcrb / joint-sequential, medians of", REPEATS)
    rows = []
    for loss in ("trace", "hinge2"):
        for n_targets in TARGETS:
            found = row(n_targets, loss)
            rows.append(found)
            target = f" (target {RATIO}x)" if loss == "trace" else ""
            print(
                f"K={n_targets}, {loss}: conic {found['conic_ms']:.0f} ms ({found['conic_excluded']:.0f} of {REPEATS} "
                f"excluded); joint {found['single_ms']:.1f} ms = {found['ratio']:.0f}x{target}; worst gap "
                f"{found['worst_gap']:.1e}"
            )
    return {"rows": rows, "bound": bound}
