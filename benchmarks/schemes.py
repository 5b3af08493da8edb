"""Time of the schemes of zhang2025: closed forms against their conic programs, and growth with K and N_B."""

from collections.abc import Callable

import numpy as np

from benchmarks.timing import REPEATS, SEED, median_seconds, problems_with
from crbeam import CrbeamError, DesignProblem, method_named
from crbeam.design.guides import Guide, guides_of
from crbeam.design.methods.mismatch import MismatchMethod
from crbeam.design.mismatch import hermitian_root, word_factors
from crbeam.evaluation.improvement import Improvement, improvement
from crbeam.testing.conic_mismatch import (
    conic_amplitude_mismatch,
    conic_beamformer_mismatch,
    conic_covariance_mismatch,
    conic_power_mismatch,
)

#: The schemes of the paper's Table I, and ours.
SCHEMES = (
    "fdb-wcrb",
    "cpa-wcrb",
    "fdb-wbf",
    "cpa-wbf",
    "fdb-wcm",
    "cpa-wcm",
    "fusion",
    "analog-fdb",
    "analog-cpa",
    "analog-wcrb",
)
SEED_SEQUENCE = np.random.SeedSequence(0)
#: Scenes over which analog schemes are compared.
SCENES = 20
#: Numbers of targets at 16 antennas, and of antennas at three targets.
TARGETS = (1, 2, 3, 5, 7)
ANTENNAS = (16, 32, 64, 128)


def _columns(problem: DesignProblem) -> np.ndarray:
    """Distinct transmit vectors of a problem."""
    parts = [part for criterion in problem.criteria for part in criterion.map.contributions]
    rows = {row.tobytes(): row for part in parts for row in np.ascontiguousarray(part.transmit.T)}
    return np.stack(list(rows.values()), axis=1)


def _programs(problem: DesignProblem, guides: tuple[Guide, ...]) -> dict[str, Callable[[], object]]:
    """The paper's program of each mismatch scheme."""
    power_w = problem.budgets[0].power_per_subcarrier_w
    shares = [guide.share for guide in guides]
    covariances = [next(iter(guide.covariances.values())) for guide in guides]
    if not problem.codebooks:
        columns = _columns(problem)
        basis = np.linalg.svd(columns, full_matrices=False)[0]
        roots = [basis @ hermitian_root(basis.conj().T @ matrix @ basis) for matrix in covariances]
        return {
            "fdb-wbf": lambda: conic_beamformer_mismatch(columns, roots, shares, power_w),
            "fdb-wcm": lambda: conic_covariance_mismatch(columns, covariances, shares, power_w),
        }
    words = problem.codebooks[problem.blocks[0]].unit_codewords
    amplitudes = [word_factors(words, matrix) for matrix in covariances]
    return {
        "cpa-wbf": lambda: conic_amplitude_mismatch(words, amplitudes, shares, power_w),
        "cpa-wcm": lambda: conic_power_mismatch(words, covariances, shares, power_w),
    }


def closed_form_rows(n_targets: int = 3) -> list[dict[str, float | str]]:
    """Median time of each closed form, guides given, against its conic program on the same problems."""
    rows = []
    for keys in (("fdb-wbf", "fdb-wcm"), ("cpa-wbf", "cpa-wcm")):
        problems = problems_with(n_targets, REPEATS, method=method_named(keys[0]))
        guides = [found for found in guides_of(problems) if not isinstance(found, CrbeamError)]
        for key in keys:
            method = method_named(key)
            assert isinstance(method, MismatchMethod)
            pairs = list(zip(problems, guides, strict=True))
            programs = [_programs(*pair)[key] for pair in pairs]
            programs[0]()
            closed = (
                median_seconds(lambda m=method, p=pairs: [m.propose_guided(*pair, None, SEED_SEQUENCE) for pair in p])
                / REPEATS
            )
            conic = float(np.median([median_seconds(program, repeats=1) for program in programs]))
            rows.append({"scheme": key, "targets": n_targets, "closed_ms": 1e3 * closed, "conic_ms": 1e3 * conic})
    return rows


def scheme_ms(key: str, n_targets: int, n_antennas: int) -> float:
    """Median time of a whole design, guides, certificate and grading included, over three random scenes."""
    method = method_named(key)
    problems = problems_with(n_targets, 3, n_antennas=n_antennas, method=method)
    return 1e3 * float(
        np.median([median_seconds(lambda p=problem: method.solve(p), repeats=1) for problem in problems])
    )


def growth(sizes: tuple[int, ...], times: list[float]) -> float:
    """Exponent p of the power law `time ~ size^p` that fits best."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def analog_improvement() -> Improvement:
    """By how much `analog-wcrb` is below the better of the paper's analog schemes, on random scenes."""
    methods = [method_named(key) for key in ("analog-wcrb", "analog-fdb", "analog-cpa")]
    problems = problems_with(2, SCENES, method=methods[0])
    seeds = [np.random.SeedSequence([SEED, number]) for number in range(SCENES)]
    return improvement(problems, methods[0], methods[1:], seeds=seeds)


def report() -> dict[str, object]:
    """Print all tables; their numbers."""
    rows = closed_form_rows()
    for row in rows:
        ratio = float(row["conic_ms"]) / float(row["closed_ms"])
        print(
            f"{row['scheme']:8} K=3: closed form {row['closed_ms']:.3f} ms, conic program {row['conic_ms']:.1f} ms = "
            f"{ratio:.0f}x"
        )
    print("time of a whole design (ms); last column: exponent p of time ~ size^p")
    table = []
    for label, sizes in (("K", TARGETS), ("N_B", ANTENNAS)):
        print(f"{label:12}" + "".join(f"{size:9}" for size in sizes) + "        p")
        for key in SCHEMES:
            times = [scheme_ms(key, *((size, 16) if label == "K" else (3, size))) for size in sizes]
            exponent = growth(sizes, times)
            print(f"{key:12}" + "".join(f"{each:9.2f}" for each in times) + f"{exponent:9.2f}", flush=True)
            table.append({"scheme": key, "axis": label, "sizes": sizes, "ms": times, "exponent": exponent})
    better = analog_improvement()
    steepest = max(float(design.details["phase_gradient"]) for design in better.designs)
    print(f"analog-wcrb against analog-fdb and analog-cpa: {better}; least decrease {better.decreases.min():.1%},")
    print(f"largest phase gradient {steepest:.1e} of the objective")
    analog = {"decreases": better.decreases.tolist(), "interval": better.interval, "phase_gradient": steepest}
    return {"closed_forms": rows, "scaling": table, "analog": analog}
