"""Claims of hamrouni2026 on sequences of sensing and positioning, and on the joint optimum, which it leaves out."""

from collections.abc import Mapping

import numpy as np

from crbeam.evaluation.error_statistics import share
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
from crbeam.papers.hamrouni2026.findings import sampled, unless_reproduced
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
#: The baselines by what symbols they have.
_BASELINES = {"own symbols": (SENSING, POSITIONING), "all symbols": (SENSING_ALL, POSITIONING_ALL)}
_NAMES: Mapping[str, str] = dict(zip(QUANTITIES, ("loss", "UE PEB", "UE VEB", "PT PEB"), strict=True))
_BOUNDS = QUANTITIES[1:]
_POSITIONS = ("user_position_m", "target_position_m")


def _centimetres(data: Measurements) -> Finding:
    readings, words, samplings = {}, [], []
    for gains in GAINS:
        for name in (SHARED, SEPARATE):
            part, outcome = data.preset[gains][name], data.outcome(gains, TRACE, name)
            worst_m = max(part.user_position_m, part.target_position_m)
            readings[f"{name} (preset at about 25 m, {gains})"] = worst_m <= CENTIMETRES_M
            user_m, target_m = (_best_median(outcome, quantity) for quantity in _POSITIONS)
            readings[f"{name} (random scenes, {gains})"] = max(user_m, target_m) <= CENTIMETRES_M
            words.append(
                f"{name} ({gains}): preset {part.user_position_m:.3g} m and {part.target_position_m:.3g} m, random "
                f"scenes {user_m:.3g} m and {target_m:.3g} m"
            )
            samples = outcome.of("user_position_m", 0.8)
            samplings.append(sampled(data.seed, samples, f"the median UE PEB (m) of {name} ({gains}, share 0.8)"))
    reason = (
        "With an exponent of 3.5 and 8 dB of shadowing, as listed, bounds at -20 dBm are metres at 25 m and more "
        "beyond. Centimetres need free space and a user that is near."
    )
    measured = "user and targets, best share, medians of random scenes: " + "; ".join(words)
    return found(readings, measured, unless_reproduced(reason), sampling=samplings[0])


def _best_median(outcome: Outcomes, quantity: str) -> float:
    """Least median over the shares."""
    return min(known_median(outcome.of(quantity, fraction)) for fraction in outcome.shares)


def _shared_beats_separate(data: Measurements) -> Finding:
    readings, words, samplings = {}, [], []
    for gains, loss in CASES:
        for fraction in COMPARED_SHARES:
            part = data.comparisons[gains, loss, fraction]
            readings[f"share {fraction:g} ({gains}, {loss})"] = min(part.better[name].value for name in _BOUNDS) > 0.5
            shown = "/".join(f"{100.0 * part.better[name].value:.0f}" for name in QUANTITIES)
            tied = f", {part.tied} first stages tied" if part.tied else ""
            words.append(f"{gains}, {loss}, share {fraction:g}: {shown} %{tied}")
            first = part.better["user_position_m"]
            quantity = f"the share of scenes with a better UE PEB ({gains}, {loss}, share {fraction:g})"
            samplings.append(Sampling(part.scenes, data.seed, quantity, (first.low, first.high)))
    names = "/".join(_NAMES[name] for name in QUANTITIES)
    reason = (
        "Shared beams are a restriction of the joint problem, separate ones a greedy point of it, so neither is better "
        "in general. Information of the stages just adds, with gains of their own: nothing is coherent between them. "
        "Shared beams win in loss where thresholds leave the first stage undecided: it then returns any beams that "
        "meet them."
    )
    measured = f"scenes where shared is better in {names}: {'; '.join(words)}"
    return found(readings, measured, unless_reproduced(reason), sampling=samplings[1])


def _sequences_beat_baselines(data: Measurements) -> Finding:
    readings, words, samplings = {}, [], []
    for gains in GAINS:
        for name in (SHARED, SEPARATE):
            for kind, baselines in _BASELINES.items():
                worst = {quantity: _worst_ratio(data, gains, name, baselines, quantity) for quantity in _BOUNDS}
                readings |= {f"{_NAMES[key]} of {name} ({gains}, {kind})": value < 1.0 for key, value in worst.items()}
                shown = ", ".join(f"{_NAMES[quantity]} {value:.3g}" for quantity, value in worst.items())
                words.append(f"{name} ({gains}, {kind}): {shown}")
            ours, other = (data.outcome(gains, TRACE, method) for method in (name, POSITIONING))
            samples = ratios(ours.of("user_velocity_mps", 0.5), other.of("user_velocity_mps", 0.5))
            samplings.append(
                sampled(data.seed, samples, f"the median ratio of VEB of {name} to full BP ({gains}, share 0.5)")
            )
    reason = (
        "The stages of a sequence have the symbols of the baselines, but other beams: its loss weighs positions, in "
        "units of the requirements, far more than velocity, which positioning alone then knows better. With all "
        "symbols a baseline has more than its part."
    )
    measured = "median ratio to the better baseline, at the worst of the shares 0.2, 0.5, 0.8: " + "; ".join(words)
    return found(readings, measured, unless_reproduced(reason), sampling=samplings[0])


def _worst_ratio(data: Measurements, gains: str, name: str, baselines: tuple[str, str], quantity: str) -> float:
    """Largest median ratio to a baseline over the compared shares; sensing does not know the velocity."""
    ours, methods = data.outcome(gains, TRACE, name), baselines[1:] if quantity == "user_velocity_mps" else baselines
    return max(
        _median_ratio(ours, data.outcome(gains, TRACE, method), quantity, fraction)
        for method in methods
        for fraction in COMPARED_SHARES
    )


def _median_ratio(ours: Outcomes, other: Outcomes, quantity: str, fraction: float) -> float:
    return known_median(ratios(ours.of(quantity, fraction), other.of(quantity, fraction)))


def _prior_helps_targets(data: Measurements) -> Finding:
    readings, words, samplings = {}, [], []
    for gains in GAINS:
        alone = data.outcome(gains, TRACE, POSITIONING)
        undetermined = float(np.mean(~np.isfinite(alone.target_position_m)))
        readings[f"targets undetermined without the prior ({gains})"] = undetermined > 0.5
        for name in (SHARED, SEPARATE):
            ours = data.outcome(gains, TRACE, name)
            samples = ratios(alone.of("target_position_m", 0.5), ours.of("target_position_m", 0.5))
            readings[f"{name} clearly better ({gains})"] = median(samples).low >= CLEARLY
            words.append(f"PT PEB of full BP over {name} ({gains}, share 0.5): median {median(samples).value:.3g}")
            samplings.append(sampled(data.seed, samples, f"that median ({name}, {gains})"))
        words.append(f"targets undetermined by full BP ({gains}): {undetermined:.0%}")
    reason = (
        "The prior helps by much, but positioning alone determines the targets too; its beams are chosen for the user."
    )
    return found(readings, "; ".join(words), unless_reproduced(reason), sampling=samplings[0])


def _sensing_by_share(data: Measurements) -> Finding:
    readings, words = {}, []
    for gains in GAINS:
        outcome = data.outcome(gains, TRACE, SENSING)
        values = np.array([known_median(outcome.of("user_position_m", fraction)) for fraction in outcome.shares])
        exponent = float(np.polyfit(np.log(outcome.shares), np.log(values), 1)[0])
        readings[gains] = abs(exponent + 0.5) <= EXPONENT_ERROR
        words.append(f"PEB of full MS, median of {len(outcome.loss)} scenes, grows as share^{exponent:.4f} ({gains})")
    reasons = {Verdict.REPRODUCED: "Information is proportional to the number of symbols."}
    return found(readings, "; ".join(words), reasons)


def _shared_is_faster(data: Measurements) -> Finding:
    readings, words, samplings = {}, [], []
    for gains in GAINS:
        times = data.runtimes_s[gains]
        samples = np.median(times[SEPARATE] / times[SHARED], axis=1)
        readings[gains] = median(samples).value > 1.0
        shown = ", ".join(f"{name} {1e3 * known_median(values.ravel()):.1f} ms" for name, values in times.items())
        words.append(f"{gains}: {shown}; separate over shared x{median(samples).value:.2f}")
        samplings.append(sampled(data.seed, samples, f"the median of that ratio over scenes ({gains})"))
    reasons = {Verdict.REPRODUCED: "It is one problem with one covariance instead of two, one after the other."}
    return found(readings, "; ".join(words), reasons, sampling=samplings[0])


def _interior_share(data: Measurements) -> Finding:
    readings, words, samplings = {}, [], []
    for gains in GAINS:
        for name in SEQUENTIAL:
            outcome = data.outcome(gains, TRACE, name)
            complete = outcome.loss[np.isfinite(outcome.loss).all(axis=1)]
            places = np.argmin(complete, axis=1)
            is_inside = (places > 0) & (places < complete.shape[1] - 1)
            inside = share(int(is_inside.sum()), len(places))
            readings[f"{name} ({gains})"] = inside.value > 0.5
            middle = float(np.median(np.array(outcome.shares)[places]))
            words.append(
                f"{name} ({gains}): median best share {middle:.2f}, inside in {inside.value:.0%} of the scenes"
            )
            quantity = f"the share of scenes with the best share inside ({name}, {gains})"
            samplings.append(Sampling(len(places), data.seed, quantity, (inside.low, inside.high)))
    reasons = {Verdict.REPRODUCED: "Velocity needs few symbols of positioning, positions gain from many of sensing."}
    return found(readings, "; ".join(words), reasons, sampling=samplings[0])


def _joint_is_best(data: Measurements) -> Finding:
    readings, words, samplings = {}, [], []
    for gains, loss in CASES:
        for fraction in COMPARED_SHARES:
            part = data.comparisons[gains, loss, fraction]
            for name, values in part.excess.items():
                readings[f"{name}, share {fraction:g} ({gains}, {loss})"] = bool(np.min(values) >= 1.0 - GAPS)
        excess = data.comparisons[gains, loss, 0.5].excess
        shown = [
            f"{name} x{median(values).value:.3g} (90th percentile x{np.quantile(values, 0.9):.3g})"
            for name, values in excess.items()
        ]
        words.append(f"{gains}, {loss}: {', '.join(shown)}")
        quantity = f"the median of {SHARED} over joint ({gains}, {loss}, share 0.5)"
        samplings.append(sampled(data.seed, excess[SHARED], quantity))
    reasons = {Verdict.REPRODUCED: "Both are feasible points of the joint problem, whose global optimum is certified."}
    measured = f"median loss over that of the joint optimum at share 0.5: {'; '.join(words)}"
    return found(readings, measured, reasons, sampling=samplings[0])


def _joint_is_prohibitive(data: Measurements) -> Finding:
    readings, words = {}, []
    for gains in GAINS:
        times = {name: known_median(values.ravel()) for name, values in data.runtimes_s[gains].items()}
        factor = times[JOINT] / times[SHARED]
        readings[gains] = factor >= PROHIBITIVE
        joint = data.outcome(gains, TRACE, JOINT)
        gap = float(np.nanmax(1.0 - joint.lower_bound / joint.loss))
        words.append(
            f"joint {1e3 * times[JOINT]:.1f} ms, x{factor:.2f} shared, x{times[JOINT] / times[SEPARATE]:.2f} separate, "
            f"certified gap at most {gap:.1g} ({gains})"
        )
    reason = (
        "Information is linear in the covariances of both stages, and the loss convex in them together: one convex "
        "program, no bilevel search."
    )
    return found(readings, "; ".join(words), unless_reproduced(reason))


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
