"""Claims of hamrouni2026 on sequences of sensing and positioning, and on what the paper leaves out: the joint optimum."""

import numpy as np

from crbeam.papers.claims import Claim, Finding, Sampling, Verdict, found
from crbeam.papers.hamrouni2026.comparisons import CASES, QUANTITIES, median
from crbeam.papers.hamrouni2026.draws import (
    COMPARED_SHARES,
    JOINT,
    POSITIONING,
    POSITIONING_ALL,
    SENSING,
    SENSING_ALL,
    SEPARATE,
    SEQUENTIAL,
    SHARED,
    TRACE,
    Outcomes,
)
from crbeam.papers.hamrouni2026.measurements import Measurements, known_median, ratios
from crbeam.papers.hamrouni2026.scenes import GAINS

#: Accuracy that counts as centimetres.
CENTIMETRES_M = 0.1
#: Improvement of the targets by the prior that counts.
CLEARLY = 2.0
#: Largest deviation of the exponent of the sensing bound from -1/2.
EXPONENT_ERROR = 0.01
#: Time of the joint design over that of the others from which it counts as prohibitive.
PROHIBITIVE = 10.0
#: Rounding, and certified gaps, of losses.
GAPS = 3e-6
_NAMES = dict(zip(QUANTITIES, ("loss", "UE PEB", "UE VEB", "PT PEB"), strict=True))
_BOUNDS = QUANTITIES[1:]


def _centimetres(data: Measurements) -> Finding:
    readings, words = {}, []
    for gains in GAINS:
        for name in (SHARED, SEPARATE):
            part = data.preset[gains][name]
            worst_m = max(part.user_position_m, part.target_position_m)
            readings[f"{name} (preset at about 25 m, {gains})"] = worst_m <= CENTIMETRES_M
            outcome = data.outcome(gains, TRACE, name)
            user_m, target_m = (
                _best_median(outcome, quantity) for quantity in ("user_position_m", "target_position_m")
            )
            readings[f"{name} (random scenes, {gains})"] = max(user_m, target_m) <= CENTIMETRES_M
            words.append(
                f"{name} ({gains}): preset {part.user_position_m:.3g} m and {part.target_position_m:.3g} m, random "
                f"scenes {user_m:.3g} m and {target_m:.3g} m"
            )
    reason = (
        "With an exponent of 3.5 and 8 dB of shadowing, as listed, bounds at -20 dBm are metres at 25 m and more "
        "beyond. Centimetres need free space and a user that is near."
    )
    measured = "user and targets, best share, medians of random scenes: " + "; ".join(words)
    return found(readings, measured, {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason})


def _best_median(outcome: Outcomes, quantity: str) -> float:
    """Least median over the shares."""
    return min(known_median(outcome.of(quantity, fraction)) for fraction in outcome.shares)


def _shared_beats_separate(data: Measurements) -> Finding:
    readings, words, sampling = {}, [], None
    for gains, loss in CASES:
        for fraction in COMPARED_SHARES:
            part = data.comparisons[gains, loss, fraction]
            bounds = [part.better[name] for name in _BOUNDS]
            readings[f"share {fraction:g} ({gains}, {loss})"] = min(each.value for each in bounds) > 0.5
            shown = "/".join(f"{100.0 * part.better[name].value:.0f}" for name in QUANTITIES)
            tied = f", {part.tied} first stages tied" if part.tied else ""
            words.append(f"{gains}, {loss}, share {fraction:g}: {shown} %{tied}")
            first = part.better[_BOUNDS[0]]
            quantity = f"the share of scenes with a better {_NAMES[_BOUNDS[0]]} ({gains}, {loss}, share {fraction:g})"
            sampling = sampling or Sampling(part.scenes, data.seed, quantity, (first.low, first.high))
    names = "/".join(_NAMES[name] for name in QUANTITIES)
    reason = (
        "Shared beams are a restriction of the joint problem, separate ones a greedy point of it, so neither is better "
        "in general. Information of the stages just adds, with gains of their own: nothing is coherent between them. "
        "Shared beams win in loss where thresholds leave the first stage undecided: it then returns any beams that meet "
        "them."
    )
    reasons = dict.fromkeys((Verdict.REPRODUCED_IN_PART, Verdict.NOT_REPRODUCED), reason)
    return found(readings, f"scenes where shared is better in {names}: {'; '.join(words)}", reasons, sampling=sampling)


def _sequences_beat_baselines(data: Measurements) -> Finding:
    readings, words = {}, []
    for gains in GAINS:
        for name in (SHARED, SEPARATE):
            ours = data.outcome(gains, TRACE, name)
            for kind, sensing, positioning in (
                ("own symbols", SENSING, POSITIONING),
                ("all symbols", SENSING_ALL, POSITIONING_ALL),
            ):
                baselines = {
                    _NAMES["user_position_m"]: ("user_position_m", (sensing, positioning)),
                    _NAMES["user_velocity_mps"]: ("user_velocity_mps", (positioning,)),
                    _NAMES["target_position_m"]: ("target_position_m", (sensing, positioning)),
                }
                parts = []
                for label, (quantity, methods) in baselines.items():
                    worst = max(
                        _median_ratio(ours, data.outcome(gains, TRACE, method), quantity, fraction)
                        for method in methods
                        for fraction in COMPARED_SHARES
                    )
                    readings[f"{label} of {name} ({gains}, {kind})"] = worst < 1.0
                    parts.append(f"{label} {worst:.3g}")
                words.append(f"{name} ({gains}, {kind}): {', '.join(parts)}")
    reason = (
        "A baseline with its own symbols is part of the sequence. One with all symbols has more of them: for the "
        "velocity, which positioning determines, those count more than the prior."
    )
    measured = "median ratio to the better baseline, at the worst of the shares 0.2, 0.5, 0.8: " + "; ".join(words)
    return found(readings, measured, {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason})


def _median_ratio(ours: Outcomes, other: Outcomes, quantity: str, fraction: float) -> float:
    return known_median(ratios(ours.of(quantity, fraction), other.of(quantity, fraction)))


def _prior_helps_targets(data: Measurements) -> Finding:
    readings, words, sampling = {}, [], None
    for gains in GAINS:
        alone = data.outcome(gains, TRACE, POSITIONING)
        undetermined = float(np.mean(~np.isfinite(alone.target_position_m)))
        readings[f"targets undetermined without the prior ({gains})"] = undetermined > 0.5
        for name in (SHARED, SEPARATE):
            gain = median(
                ratios(
                    alone.of("target_position_m", 0.5), data.outcome(gains, TRACE, name).of("target_position_m", 0.5)
                )
            )
            readings[f"{name} clearly better ({gains})"] = gain.low >= CLEARLY
            words.append(f"PT PEB of full BP over {name} ({gains}, share 0.5): median {gain.value:.3g}")
            sampling = sampling or Sampling(len(alone.loss), data.seed, f"that median ({gains})", (gain.low, gain.high))
        words.append(f"targets undetermined by full BP ({gains}): {undetermined:.0%}")
    reason = (
        "The prior helps by much, but positioning alone determines the targets too; its beams are chosen for the user."
    )
    return found(readings, "; ".join(words), {Verdict.REPRODUCED_IN_PART: reason}, sampling=sampling)


def _sensing_by_share(data: Measurements) -> Finding:
    readings, words = {}, []
    for gains in GAINS:
        outcome = data.outcome(gains, TRACE, SENSING)
        values = np.array([known_median(outcome.of("user_position_m", fraction)) for fraction in outcome.shares])
        exponent = float(np.polyfit(np.log(outcome.shares), np.log(values), 1)[0])
        readings[gains] = abs(exponent + 0.5) <= EXPONENT_ERROR
        words.append(f"PEB of full MS grows as share^{exponent:.4f} ({gains})")
    reasons = {Verdict.REPRODUCED: "Information is proportional to the number of symbols."}
    return found(readings, "; ".join(words), reasons)


def _shared_is_faster(data: Measurements) -> Finding:
    readings, words, sampling = {}, [], None
    for gains in GAINS:
        times = data.runtimes_s[gains]
        middle = median((times[SEPARATE] / times[SHARED]).mean(axis=1))
        readings[gains] = middle.value > 1.0
        shown = ", ".join(f"{name} {1e3 * known_median(values.ravel()):.1f} ms" for name, values in times.items())
        words.append(f"{gains}: {shown}; separate over shared x{middle.value:.2f}")
        quantity = f"the median of that ratio ({gains})"
        sampling = sampling or Sampling(len(times[SHARED]), data.seed, quantity, (middle.low, middle.high))
    reasons = {Verdict.REPRODUCED: "It is one problem with one covariance instead of two, one after the other."}
    return found(readings, "; ".join(words), reasons, sampling=sampling)


def _interior_share(data: Measurements) -> Finding:
    readings, words = {}, []
    for gains in GAINS:
        for name in SEQUENTIAL:
            outcome = data.outcome(gains, TRACE, name)
            complete = outcome.loss[np.isfinite(outcome.loss).all(axis=1)]
            places = np.argmin(complete, axis=1)
            inside = float(np.mean((places > 0) & (places < complete.shape[1] - 1)))
            readings[f"{name} ({gains})"] = inside > 0.5
            middle = float(np.median(np.array(outcome.shares)[places]))
            words.append(f"{name} ({gains}): median best share {middle:.2f}, inside in {inside:.0%} of the scenes")
    reasons = {Verdict.REPRODUCED: "Velocity needs few symbols of positioning, positions gain from many of sensing."}
    return found(readings, "; ".join(words), reasons)


def _joint_is_best(data: Measurements) -> Finding:
    readings, words, sampling = {}, [], None
    for gains, loss in CASES:
        for fraction in COMPARED_SHARES:
            part = data.comparisons[gains, loss, fraction]
            for name, values in part.excess.items():
                readings[f"{name}, share {fraction:g} ({gains}, {loss})"] = bool(np.min(values) >= 1.0 - GAPS)
        part = data.comparisons[gains, loss, 0.5]
        shown = {name: median(values) for name, values in part.excess.items()}
        tails = {name: float(np.quantile(values, 0.9)) for name, values in part.excess.items()}
        text = ", ".join(f"{name} x{shown[name].value:.3g} (90th percentile x{tails[name]:.3g})" for name in shown)
        words.append(f"{gains}, {loss}: {text}")
        middle = shown[SHARED]
        quantity = f"the median of {SHARED} over joint ({gains}, {loss}, share 0.5)"
        sampling = sampling or Sampling(part.scenes, data.seed, quantity, (middle.low, middle.high))
    reasons = {Verdict.REPRODUCED: "Both are feasible points of the joint problem, whose global optimum is certified."}
    measured = f"median loss over that of the joint optimum at share 0.5: {'; '.join(words)}"
    return found(readings, measured, reasons, sampling=sampling)


def _joint_is_prohibitive(data: Measurements) -> Finding:
    readings, words = {}, []
    for gains in GAINS:
        times = {name: known_median(values.ravel()) for name, values in data.runtimes_s[gains].items()}
        factor = times[JOINT] / times[SHARED]
        readings[gains] = factor >= PROHIBITIVE
        gaps = [1.0 - part.lower_bound / part.loss for part in _joint_outcomes(data, gains)]
        largest = max(float(np.nanmax(gap)) for gap in gaps)
        words.append(
            f"joint {1e3 * times[JOINT]:.1f} ms, x{factor:.2f} shared, x{times[JOINT] / times[SEPARATE]:.2f} separate, "
            f"certified gap at most {largest:.1g} ({gains})"
        )
    reason = (
        "Information is linear in the covariances of both stages, and the loss convex in them together: one convex "
        "program, no bilevel search."
    )
    return found(readings, "; ".join(words), {Verdict.NOT_REPRODUCED: reason})


def _joint_outcomes(data: Measurements, gains: str) -> list[Outcomes]:
    return [data.outcome(gains, TRACE, JOINT)]


CLAIMS: tuple[Claim[Measurements], ...] = (
    Claim(
        8,
        "User and targets are known to centimetres.",
        "Fig. 5, section IV-C",
        f"root bounds of user and targets at most {CENTIMETRES_M:g} m at the best share",
        _centimetres,
    ),
    Claim(
        9,
        "Shared beams are better than separate ones in the positions of user and targets and in velocity.",
        "Fig. 5 (a) to (c), section IV-C",
        "better in all three bounds in more than half of the random scenes",
        _shared_beats_separate,
    ),
    Claim(
        10,
        "Both sequences are better than sensing alone and positioning alone.",
        "Fig. 5, section IV-C",
        "median ratio to each baseline below 1 at the shares 0.2, 0.5, 0.8",
        _sequences_beat_baselines,
    ),
    Claim(
        11,
        "The prior makes the targets known to the user, which positioning alone does not.",
        "Fig. 5 (c), section IV-C",
        f"undetermined by positioning alone; bound at least {CLEARLY:g} times smaller with the prior",
        _prior_helps_targets,
    ),
    Claim(
        12,
        "Sensing alone degrades with its share.",
        "Fig. 5, section IV-C",
        f"PEB proportional to share^-0.5, exponent within {EXPONENT_ERROR:g}",
        _sensing_by_share,
    ),
    Claim(
        13,
        "Shared beams take less time to compute than separate ones.",
        "Fig. 5 (d), section IV-C",
        "median ratio of the times above 1 (serial, one thread)",
        _shared_is_faster,
    ),
    Claim(
        16,
        "There is a best share of sensing between 0 and 1.",
        "Fig. 5, section IV-C",
        "least loss inside the range of shares in more than half of the random scenes",
        _interior_share,
    ),
    Claim(
        17,
        "Solving for both beams at once is computationally prohibitive.",
        "section III",
        f"joint design at least {PROHIBITIVE:g} times as long as the shared one",
        _joint_is_prohibitive,
    ),
    Claim(
        18,
        "Beyond the paper: the joint optimum is never worse than shared or separate beams.",
        "joint-sequential, not in the paper",
        "loss of shared and of separate beams at least that of the joint optimum, within gaps, in every scene",
        _joint_is_best,
    ),
)
