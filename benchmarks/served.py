"""Time of designs that serve users: ours against the conic program, reduced, and with all antennas."""

import warnings
from functools import partial

from benchmarks.timing import median_seconds
from crbeam import DesignProblem, design_problem, method_named, read_scenario
from crbeam.testing.conic_service import conic_service_bound

#: Antennas of the main array; the conic program with all antennas is run up to the largest that it survives.
ANTENNAS = (16, 32, 64)
LARGEST_UNREDUCED = 16
#: How many times faster than the reduced conic program the library means to be with 64 antennas: well within reach by
#: assembling that program without a modelling layer, and with an interior-point method of its own.
WITHIN_REACH, AMBITIOUS = 1.9, 10.0


def _problem(n_antennas: int) -> DesignProblem:
    """Four users at 10 dB, an aperture of 0.5 m."""
    spacing = 0.7412535448847822 * 63 / (n_antennas - 1)
    array = [f"stations.main.transmit_array.elements={n_antennas}", f"stations.main.transmit_array.spacing={spacing}"]
    return design_problem(read_scenario("li2024", overrides=array))


def _row(n_antennas: int) -> dict[str, float]:
    problem, method = _problem(n_antennas), method_named("digital")
    row = {"digital_s": median_seconds(partial(method.solve, problem)), "gap": method.solve(problem).gap or 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        row["reduced_s"] = median_seconds(partial(conic_service_bound, problem, reduced=True))
        if n_antennas <= LARGEST_UNREDUCED:
            row["all_antennas_s"] = median_seconds(partial(conic_service_bound, problem), repeats=1)
    return row


def report() -> dict[int, dict[str, float]]:
    """Print the table and return its numbers."""
    print("\nusers served: digital against CVXPY + Clarabel, 4 users at 10 dB")
    print(f"{'antennas':>8} {'ours ms':>9} {'gap':>8} {'reduced ms':>11} {'ratio':>7} {'all ms':>9} {'ratio':>7}")
    numbers = {}
    for n_antennas in ANTENNAS:
        row = numbers[n_antennas] = _row(n_antennas)
        ours_s = row["digital_s"]
        line = f"{n_antennas:8d} {1e3 * ours_s:9.1f} {row['gap']:8.1e} {1e3 * row['reduced_s']:11.0f} "
        line += f"{row['reduced_s'] / ours_s:6.1f}x"
        if "all_antennas_s" in row:
            line += f" {1e3 * row['all_antennas_s']:9.0f} {row['all_antennas_s'] / ours_s:6.0f}x"
        print(line)
    ratio = numbers[ANTENNAS[-1]]["reduced_s"] / numbers[ANTENNAS[-1]]["digital_s"]
    print(f"{ANTENNAS[-1]} antennas: {ratio:.1f}x (within reach {WITHIN_REACH}x, ambitious {AMBITIOUS:g}x)")
    return numbers
