"""Claims of zhang2025 on beampatterns, algorithms, identifiability and complexity."""

from collections.abc import Sequence

import numpy as np

from crbeam.papers.claims import Claim, Finding, NotMeasured, Verdict, found
from crbeam.papers.wording import listed
from crbeam.papers.zhang2025.measurements import AMPLITUDES, BEAMPATTERN_METHODS, TIMED_TARGETS, Measurements

#: Outer iterations after which the alternating algorithm is said to have saturated.
ITERATIONS = 6
#: Share of the whole reduction that may then be left.
SATURATED = 0.01
#: Relative pattern error up to which two beampatterns match closely, and up to which they have the same shape.
CLOSE = 0.1
ALIKE = 0.6
#: Exponent of the number of antennas in the time of the search that counts as little: a program in the whole
#: covariance matrix has their square in variables alone.
EXPONENT = 1.0


def _user_advantage_db(data: Measurements, reading: str, method: str, weight: float) -> float:
    """Power towards the user over the largest power towards a target."""
    curve = data.end(reading, 3, method)
    power_w = curve.directed_power_w[curve.at(weight)]
    return float(10.0 * np.log10(power_w[0] / max(power_w[1:])))


def _user_is_strongest(
    data: Measurements, weight: float, assumed: Sequence[str], reasons: dict[Verdict, str]
) -> Finding:
    readings, words = {}, []
    for reading in assumed:
        advantages = {method: _user_advantage_db(data, reading, method, weight) for method in BEAMPATTERN_METHODS}
        readings |= {f"{method} ({reading})": advantage > 0.0 for method, advantage in advantages.items()}
        words.append(f"{reading}: " + ", ".join(f"{method} {value:+.1f} dB" for method, value in advantages.items()))
    return found(readings, f"power towards the user over the strongest target: {'; '.join(words)}", reasons)


def _monostatic_beams(data: Measurements) -> Finding:
    reasons = {
        Verdict.REPRODUCED: "The user is the weakest echo, and the sum of bounds is governed by its largest term."
    }
    return _user_is_strongest(data, 0.0, AMPLITUDES, reasons)


def _bistatic_beams(data: Measurements) -> Finding:
    reason = (
        "With physical amplitudes (root of the cross section) bounces are weaker than the line of sight and need the "
        "power; with the printed ones they are stronger. The paper's figures may be those of the printed ones."
    )
    reasons = {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason}
    return _user_is_strongest(data, 1.0, (*AMPLITUDES, "reversed orientation"), reasons)


def saturation(trace: Sequence[float]) -> int:
    """Outer iterations until at most `SATURATED` of the whole reduction is left."""
    values = np.asarray(trace, dtype=float)
    left = values - values[-1]
    return int(np.argmax(left <= SATURATED * left[0]))


def _few_iterations(data: Measurements) -> Finding:
    if isinstance(data.descents, str):
        raise NotMeasured(data.descents)
    readings, counts, ends = {}, [], []
    for weight, traces in data.descents.items():
        needed = [saturation(trace) for trace in traces]
        monotone = all(np.all(np.diff(trace) <= 1e-12 * trace[0]) for trace in traces)
        readings[f"weight {weight:g}"] = monotone and max(needed) <= ITERATIONS
        counts += needed
        ends.append(f"{min(trace[-1] for trace in traces):.4f} to {max(trace[-1] for trace in traces):.4f}")
    saturated = sum(count <= ITERATIONS for count in counts)
    measured = (
        f"outer iterations needed: median {np.median(counts):.0f}, largest {max(counts)}; within {ITERATIONS} of them "
        f"{saturated} of {len(counts)} starts saturate, from the eigenvectors of the blend and from random beams (seed "
        f"{data.seed}, shared by the weights); relative mismatch that starts reach at weights "
        f"{listed(data.descents)}: {', '.join(ends)}"
    )
    reasons = {
        Verdict.REPRODUCED: "The first phase step, a quasi-Newton method, does most of the work.",
        Verdict.REPRODUCED_IN_PART: "Some starts creep along flat valleys.",
        Verdict.NOT_REPRODUCED: "Some starts creep along flat valleys.",
    }
    return found(readings, measured, reasons)


def _codewords_match(data: Measurements) -> Finding:
    if isinstance(data.pattern_errors, str):
        raise NotMeasured(data.pattern_errors)
    worst, best = max(data.pattern_errors), min(data.pattern_errors)
    readings = {"a close match": worst <= CLOSE, "the same shape": worst <= ALIKE}
    reason = (
        "The entries of a derivative codeword grow towards the ends of the array; constant moduli cannot. Several "
        "starts of the imitation come no nearer. Responses themselves have constant modulus and need no imitation."
    )
    reasons = {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason}
    measured = f"relative error of amplitude patterns of the K + 1 derivative codewords {best:.2f} to {worst:.2f}"
    return found(readings, measured, reasons)


def _one_target_is_enough(data: Measurements) -> Finding:
    without, one = data.information[0], data.information[1]
    readings = {"not without a target": not without.is_identified, "with one target": one.is_identified}
    words = [f"K = {k}: rank {part.rank} of {part.unknowns} unknowns" for k, part in data.information.items()]
    reasons = {
        Verdict.REPRODUCED: "A path gives five real numbers (departure, arrival, delay, gain); without a target five "
        "meet six unknowns, with one target ten meet ten.",
    }
    return found(readings, "; ".join(words), reasons)


def _targets_govern_complexity(data: Measurements) -> Finding:
    antennas = sorted(data.efforts)
    efforts = [data.efforts[count] for count in antennas]
    exponent = float(np.polyfit(np.log(antennas), np.log([effort.search_seconds for effort in efforts]), 1)[0])
    readings = {
        "2K + 2 dimensions": all(effort.dimensions == 2 * TIMED_TARGETS + 2 for effort in efforts),
        "time of the search": exponent <= EXPONENT,
    }
    words = [
        f"{count} antennas: {effort.dimensions} dimensions, search {1e3 * effort.search_seconds:.1f} ms, whole "
        f"design {1e3 * effort.seconds:.1f} ms"
        for count, effort in zip(antennas, efforts, strict=True)
    ]
    reasons = {
        Verdict.REPRODUCED: "Information sees the covariance only through the span of 2K + 2 vectors; what grows with "
        "the antennas is the certificate in the full space. The mismatch schemes have closed forms, so their "
        "rows of Table I no longer matter.",
        Verdict.REPRODUCED_IN_PART: "Times depend on the machine and on what else it does.",
        Verdict.NOT_REPRODUCED: "The exact reduction to the span of 2K + 2 vectors does not work.",
    }
    growth = f"time of the search grows with the antennas to the power {exponent:.1f}"
    return found(readings, f"K = {TIMED_TARGETS}, {growth}; {'; '.join(words)}", reasons)


CLAIMS: tuple[Claim[Measurements], ...] = (
    Claim(
        10,
        "For monostatic sensing all schemes send the strongest beam towards the user.",
        "Fig. 4 (e) to (h), section VII-C.2",
        "K = 3, weight 0: more power towards the user than towards any target",
        _monostatic_beams,
    ),
    Claim(
        11,
        "For bistatic positioning all schemes send strong beams towards the user.",
        "Fig. 4 (a) to (d), section VII-C.2",
        "K = 3, weight 1: more power towards the user than towards any target",
        _bistatic_beams,
    ),
    Claim(
        12,
        "Algorithm 1 saturates within six iterations.",
        "Fig. 2, section VII-C.1",
        f"monotone, at most {SATURATED:.0%} of the reduction left after {ITERATIONS} outer iterations, every start",
        _few_iterations,
    ),
    Claim(
        13,
        "Analog codewords closely match the beampatterns of the digital ones.",
        "Fig. 3, section VII-C.2",
        f"relative pattern error at most {CLOSE:g}; at most {ALIKE:g} for the same shape",
        _codewords_match,
    ),
    Claim(
        14,
        "Bistatic positioning needs at least one target.",
        "section VII-C.3",
        "user position unidentifiable for K = 0, identifiable for K = 1",
        _one_target_is_enough,
    ),
    Claim(
        15,
        "Complexity of the digital schemes is governed by K, not by the number of antennas.",
        "Table I, section VI-B",
        f"2K + 2 dimensions for any array; time of the search grows with antennas to the power {EXPONENT:g} at most",
        _targets_govern_complexity,
    ),
)
