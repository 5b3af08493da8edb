"""Claims of wang2024 on the selection of receivers, pulses and beams, section IV, Fig. 5, Fig. 6."""

import numpy as np

from crbeam.evaluation.error_statistics import expectation
from crbeam.papers.claims import Claim, Finding, Sampling, Verdict, found
from crbeam.papers.wang2024.drops import BUDGET_M, K_MEANS, LINKAGE, NEAREST, RULES
from crbeam.papers.wang2024.gathering import BUDGETS_M, SCA_RATE, SCA_RECEIVERS
from crbeam.papers.wang2024.measurements import Measurements, known
from crbeam.papers.wang2024.scenes import COSINE, SINC

#: Relative difference that counts as rounding.
ROUNDING = 1e-9
#: Share of drops in which a rule must be optimal to solve the problem.
NEARLY_ALWAYS = 0.95
SMALL_SIZES = (2, 3, 4)
_UNLESS = (Verdict.REPRODUCED_IN_PART, Verdict.NOT_REPRODUCED)


def larger_budget(data: Measurements) -> Finding:
    """A larger budget, a lower bound."""
    low, high = BUDGETS_M
    readings, words = {}, []
    for rule in (LINKAGE, K_MEANS):
        ratios = known(data.rules.by_budget[rule, high] / data.rules.by_budget[rule, low])
        readings[rule] = bool(np.all(ratios <= 1.0 + ROUNDING) and np.any(ratios < 1.0 - ROUNDING))
        words.append(f"{rule}: U falls to {np.median(ratios):.2f} (median), never above {ratios.max():.2f}")
    return found(readings, "; ".join(words), {})


def linkage_against_k_means(data: Measurements) -> Finding:
    """Linkage against k-means within the same budget."""
    readings, words, last = {}, [], np.zeros(2)
    for budget_m in BUDGETS_M:
        ratios = known(data.rules.by_budget[LINKAGE, budget_m] / data.rules.by_budget[K_MEANS, budget_m])
        better, worse = np.mean(ratios < 1.0 - ROUNDING), np.mean(ratios > 1.0 + ROUNDING)
        readings[f"every drop ({budget_m:g} m)"] = bool(worse == 0.0)
        readings[f"on average ({budget_m:g} m)"] = bool(np.mean(np.log(ratios)) < 0.0)
        words.append(
            f"{budget_m:g} m: better in {better:.0%} of drops, worse in {worse:.0%}, mean ratio {ratios.mean():.3f}"
        )
        last = ratios
    interval = expectation(last)
    sampling = Sampling(
        last.size, 0, f"U by linkage over k-means within {BUDGETS_M[-1]:g} m", (interval.low, interval.high)
    )
    reason = "Neither rule knows how far from the target the others are; which is better depends on the drop."
    return found(readings, "; ".join(words), dict.fromkeys(_UNLESS, reason), sampling=sampling)


def message_power(data: Measurements) -> Finding:
    """K-means leaves more power to messages."""
    shares = {rule: data.rules.message_share[rule, BUDGET_M] for rule in (LINKAGE, K_MEANS)}
    differences = known(shares[K_MEANS] - shares[LINKAGE])
    interval = expectation(differences)
    words = f"mean shares {', '.join(f'{known(share).mean():.3f} by {rule}' for rule, share in shares.items())}"
    quantity = "the difference of the shares, k-means less linkage"
    sampling = Sampling(differences.size, 0, quantity, (interval.low, interval.high))
    reason = (
        "With the best beams every receiver gets just the rate it asks for, whoever senses; a rule of selection does "
        "not shift power to messages."
    )
    return found({"mean": interval.low > 0.0}, words, dict.fromkeys(_UNLESS, reason), sampling=sampling)


def small_groups(data: Measurements) -> Finding:
    """Linkage against k-means with few receivers."""
    readings, words = {}, []
    for size in SMALL_SIZES:
        ratios = data.rules.by_size[LINKAGE, COSINE][:, size - 1] / data.rules.by_size[K_MEANS, COSINE][:, size - 1]
        readings[f"at most {size} (on average)"] = bool(np.mean(np.log(ratios)) < 0.0)
        readings[f"at most {size} (every drop)"] = bool(np.all(ratios <= 1.0 + ROUNDING))
        words.append(
            f"at most {size}: mean ratio {ratios.mean():.3f}, worse in {np.mean(ratios > 1.0 + ROUNDING):.0%} of drops"
        )
    reason = (
        "Without a budget the receivers nearest to the target are the best of their number; neither rule takes them."
    )
    return found(readings, "; ".join(words), dict.fromkeys(_UNLESS, reason))


def all_receivers(data: Measurements) -> Finding:
    """With all receivers both rules agree."""
    differences = np.abs(data.rules.by_size[LINKAGE, COSINE][:, -1] / data.rules.by_size[K_MEANS, COSINE][:, -1] - 1.0)
    return found({"all": bool(differences.max() <= ROUNDING)}, f"largest difference {differences.max():.1g}", {})


def pulses(data: Measurements) -> Finding:
    """Cosine against sinc."""
    readings, words = {}, []
    for name, values in (("as printed", data.rules.by_size), ("corrected", data.rules.corrected_by_size)):
        ratios = np.concatenate([(values[rule, SINC] / values[rule, COSINE]).ravel() for rule in (LINKAGE, K_MEANS)])
        readings[name] = bool(ratios.min() > 1.0)
        words.append(f"{name}: U with sinc is {ratios.min():.4g} to {ratios.max():.4g} times that with cosine")
    reason = (
        "The printed advantage comes from a coupling between delay and Doppler shift that does not exist for real "
        "pulses, and from the Doppler information of a single pulse. Corrected, sinc tells slightly more about delays, "
        "and Doppler bounds are alike."
    )
    return found(readings, "; ".join(words), dict.fromkeys(_UNLESS, reason))


def algorithm_one(data: Measurements) -> Finding:
    """Algorithm I against the optimum."""
    readings, words = {}, []
    for rate, drops in data.rules.drops.items():
        for rule in RULES:
            optimal, mean = drops.optimal_share(rule), drops.mean_excess(rule)
            if rule == LINKAGE:
                readings[f"rate {rate:g}"] = optimal.value >= NEARLY_ALWAYS
            words.append(
                f"rate {rate:g}, {rule}: optimal in {optimal.value:.0%} ({optimal.low:.0%} to {optimal.high:.0%}), "
                f"mean excess {mean.value:.1%} ({mean.low:.1%} to {mean.high:.1%}), "
                f"largest {drops.excess(rule).max():.0%}, {int(drops.feasible.sum())} drops"
            )
    first = next(iter(data.rules.drops.values()))
    optimal = first.optimal_share(LINKAGE)
    sampling = Sampling(
        int(first.feasible.sum()), 0, "how often linkage is optimal without rates", (optimal.low, optimal.high)
    )
    reason = (
        f"A tree of 19 groups leaves out most of the 1023 sets. Taking the receivers nearest to the target "
        f"({NEAREST}) is simpler and better."
    )
    return found(readings, "; ".join(words), dict.fromkeys(_UNLESS, reason), sampling=sampling)


def successive_approximation(data: Measurements) -> Finding:
    """The approximation of the rates is suboptimal."""
    loss, gap = data.approximation.loss, data.approximation.gap
    readings = {"loss beyond the certified gap": bool(loss.max() > gap.max())}
    words = (
        f"power on the target lost against the certified optimum: mean {loss.mean():.1e}, largest {loss.max():.1e}; "
        f"largest gap of the optimum {gap.max():.0e}; never negative: {'yes' if loss.min() >= -gap.max() else 'no'}"
    )
    return found(readings, words, {})


CLAIMS: tuple[Claim[Measurements], ...] = (
    Claim(
        8,
        "The bound of both rules falls when the budget rises from 100 m to 200 m",
        "Fig. 5",
        "never larger, and smaller in some drops",
        larger_budget,
    ),
    Claim(
        9,
        "Minimax linkage outperforms k-means at the same budget",
        "Fig. 5",
        "never worse (every drop), smaller geometric mean (on average)",
        linkage_against_k_means,
    ),
    Claim(
        10,
        "K-means has more power for messages than linkage",
        "Fig. 5",
        f"the mean difference is positive beside 0.5 bit/s/Hz within {BUDGET_M:g} m",
        message_power,
    ),
    Claim(
        11,
        "With few receivers linkage has a lower bound than k-means",
        "Fig. 6",
        "smaller geometric mean (on average), never worse (every drop)",
        small_groups,
    ),
    Claim(12, "With all receivers both rules agree", "Fig. 6", "the same U in every drop", all_receivers),
    Claim(13, "A cosine pulse always outperforms a sinc pulse", "Fig. 6", "a smaller U in every drop and size", pulses),
    Claim(
        14,
        "Minimax linkage solves the selection problem",
        "section IV, Algorithm I",
        f"the optimum in at least {NEARLY_ALWAYS:.0%} of drops, each set with its best beams, within {BUDGET_M:g} m",
        algorithm_one,
    ),
    Claim(
        15,
        "Successive convex approximation gives a suboptimal solution",
        "Proposition 4.1",
        f"less power on the target than the certified optimum, {SCA_RECEIVERS} receivers at {SCA_RATE:g} bit/s/Hz",
        successive_approximation,
    ),
)
