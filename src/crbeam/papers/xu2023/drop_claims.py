"""Claims of xu2023 on random places of users and target, Fig. 3 and Fig. 4."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from crbeam.evaluation.error_statistics import expectation, share
from crbeam.papers.claims import Claim, Finding, NotMeasured, Sampling, Verdict, found
from crbeam.papers.wording import listed
from crbeam.papers.xu2023.curves import always_feasible, average_dbm, average_gap_db
from crbeam.papers.xu2023.draws import Drops, excess_db
from crbeam.papers.xu2023.levels import levels_words
from crbeam.papers.xu2023.measurements import Measurements, finite
from crbeam.papers.xu2023.scenes import ALGORITHM, EXACT, SCHEME_1, SCHEME_2, SCHEME_3, SCHEMES

#: Excess in dB that rounding and the certified gap explain.
TIE_DB = 1e-3
#: Difference of infeasible shares that is big.
BIG = 0.25
NAMES = {SCHEME_1: "scheme 1", SCHEME_2: "scheme 2", SCHEME_3: "scheme 3"}
#: How a gap is averaged: between averages over what is feasible, as printed; drop by drop; over drops always feasible.
AS_PRINTED, BY_DROP, ALWAYS = "averages as printed", "drop by drop", "drops feasible at every SINR"


def _outperforms(data: Measurements) -> Finding:
    readings, words = {}, []
    for name, short in NAMES.items():
        least = float(np.min(finite(excess_db(data.drops.powers, name).ravel())))
        readings[f"{short} (exact)"] = least >= -TIE_DB
        words.append(f"{short} over exact: at least {least:+.2f} dB")
    algorithm = excess_db(data.drops.powers, ALGORITHM["relaxation"])
    for name, short in NAMES.items():
        over = excess_db(data.drops.powers, name)[: len(algorithm)] - algorithm
        known = over[np.isfinite(over)]
        if known.size:
            readings[f"{short} (Algorithm 1 from the relaxation)"] = bool(np.min(known) >= -TIE_DB)
            words.append(f"{short} over Algorithm 1: at least {np.min(known):+.2f} dB")
    ratios = listed(data.drops.ratios_db)
    averages = [
        f"{_short(name)} {levels_words(average_dbm(data.drops.powers[name].power_w))}" for name in (EXACT, *SCHEMES)
    ]
    measured = f"{'; '.join(words)}; averages in dBm at {ratios} dB: {', '.join(averages)}"
    reasons = {Verdict.REPRODUCED: "The choices of every scheme are among those that the optimum is taken over."}
    return found(readings, measured, reasons)


def _short(name: str) -> str:
    return NAMES.get(name, name)


def gaps_db(found_drops: Drops, name: str) -> dict[str, Float[np.ndarray, " point"]]:
    """Average excess of a scheme over the optimum along the ratios of the users, averaged in several ways."""
    powers = found_drops.powers
    return {
        AS_PRINTED: average_dbm(powers[name].power_w) - average_dbm(powers[EXACT].power_w),
        BY_DROP: average_gap_db(found_drops, name),
        ALWAYS: average_gap_db(found_drops, name, always_feasible(found_drops, name)),
    }


def _slope_finding(data: Measurements, name: str, reasons: Mapping[Verdict, str], *, grows: bool) -> Finding:
    readings, words = {}, []
    for reading, values in gaps_db(data.drops, name).items():
        known = np.isfinite(values)
        if known.sum() < 2:
            words.append(f"{reading}: in too few drops")
            continue
        ends = values[known][[0, -1]]
        readings[reading] = bool(ends[1] > ends[0] + TIE_DB) if grows else bool(ends[1] < ends[0] - TIE_DB)
        words.append(
            f"{reading}: {levels_words(values[known])} dB at {listed(np.array(data.drops.ratios_db)[known])} dB"
        )
    if not readings:
        raise NotMeasured(f"{NAMES[name]} is feasible at one ratio of the users at most.")
    steady = always_feasible(data.drops, name)
    counted = f"{NAMES[name]} is feasible at every SINR in {int(steady.sum())} of {len(steady)} drops"
    return found(readings, f"{'; '.join(words)}; {counted}", reasons, sampling=_growth(data, name))


def _growth(data: Measurements, name: str) -> Sampling | None:
    """Change of the gap from the lowest to the highest ratio, over the drops that are feasible at both."""
    values = excess_db(data.drops.powers, name)
    change = values[:, -1] - values[:, 0]
    known = change[np.isfinite(change)]
    if known.size < 2:
        return None
    interval = expectation(known)
    quantity = f"the mean change of the gap of {NAMES[name]} from the lowest to the highest SINR (dB)"
    return Sampling(len(known), data.seed, quantity, (interval.low, interval.high))


def _gap_1_grows(data: Measurements) -> Finding:
    reasons = {
        Verdict.REPRODUCED: "With higher ratios serving users counts for more, and the nearest station is chosen for "
        "locating.",
    }
    return _slope_finding(data, SCHEME_1, reasons, grows=True)


def _gap_2_shrinks(data: Measurements) -> Finding:
    reason = (
        "Drops in which a random choice is bad become infeasible and leave the average, as the paper says itself; over "
        "the drops that stay the gap need not shrink."
    )
    return _slope_finding(data, SCHEME_2, dict.fromkeys(Verdict, reason), grows=False)


def _gap_3(data: Measurements) -> Finding:
    readings, words = {}, []
    values = excess_db(data.drops.powers, SCHEME_3)
    rates = [data.drops.powers[SCHEME_3].infeasible_share(point) for point in range(len(data.drops.ratios_db))]
    for point, ratio_db in enumerate(data.drops.ratios_db):
        known = values[np.isfinite(values[:, point]), point]
        if known.size:
            readings[f"{ratio_db:g} dB"] = bool(np.mean(known) > TIE_DB)
            words.append(f"{np.mean(known):.2f} dB at {ratio_db:g} dB ({known.size} drops)")
    if not readings:
        raise NotMeasured("One transmitter is feasible in no drop.")
    measured = f"mean excess {', '.join(words)}; infeasible in {listed([rate.value for rate in rates])} of the drops"
    reasons = {Verdict.REPRODUCED: "One station must serve all users, also the farthest, and light the target."}
    known = finite(values[:, 0])
    sampling = None
    if known.size > 1:
        interval = expectation(known)
        words_of = f"the mean excess of scheme 3 at {data.drops.ratios_db[0]:g} dB (dB)"
        sampling = Sampling(len(known), data.seed, words_of, (interval.low, interval.high))
    return found(readings, measured, reasons, sampling=sampling)


def _infeasible(data: Measurements) -> Finding:
    powers, points = data.drops.powers, range(len(data.drops.ratios_db))
    rates = {name: [powers[name].infeasible_share(point).value for point in points] for name in (EXACT, *SCHEMES)}
    readings = {
        f"not below the optimum's ({NAMES[name]})": all(
            rate >= best for rate, best in zip(rates[name], rates[EXACT], strict=True)
        )
        for name in SCHEMES
    }
    readings["never falls with the SINR (all schemes)"] = all(
        later >= earlier - 1e-12 for values in rates.values() for earlier, later in pairwise(values)
    )
    above = max(rate - best for rate, best in zip(rates[SCHEME_2], rates[EXACT], strict=True))
    readings["big gap (scheme 2)"] = above >= BIG
    failed = sum(powers[name].failed for name in rates)
    words = [f"{_short(name)} {listed(values)}" for name, values in rates.items()]
    measured = (
        f"infeasible shares at {listed(data.drops.ratios_db)} dB: {'; '.join(words)}; cases without a design or a "
        f"proof: {failed}"
    )
    decided = powers[SCHEME_2]
    last = share(int(decided.infeasible[:, -1].sum()), len(decided.infeasible))
    quantity = f"the infeasible share of scheme 2 at {data.drops.ratios_db[-1]:g} dB"
    sampling = Sampling(len(decided.infeasible), data.seed, quantity, (last.low, last.high))
    reasons = {
        Verdict.REPRODUCED: "What a scheme can choose, the optimum can too; among all choices there is often one."
    }
    return found(readings, measured, reasons, sampling=sampling)


CLAIMS: tuple[Claim[Measurements], ...] = (
    Claim(
        7,
        "The proposed scheme takes less power than all baselines.",
        "Fig. 3",
        "no baseline below the optimum, or below Algorithm 1 from the relaxation, in any drop where both have a design",
        _outperforms,
    ),
    Claim(
        8,
        "The gap to scheme 1 grows with the SINR that is asked for.",
        "Fig. 3",
        "average gap at the highest SINR above that at the lowest, however it is averaged",
        _gap_1_grows,
    ),
    Claim(
        9,
        "The gap to scheme 2 shrinks with the SINR, since drops become infeasible.",
        "Fig. 3",
        "average gap at the highest SINR below that at the lowest, however it is averaged",
        _gap_2_shrinks,
    ),
    Claim(
        10,
        "Scheme 3, one transmitter, takes more power: the gain of macro-diversity.",
        "Fig. 3",
        "positive average excess over the optimum at every SINR at which it is feasible in some drop",
        _gap_3,
    ),
    Claim(
        11,
        "The proposed scheme is infeasible least often, scheme 2 far more often; infeasibility grows with the SINR.",
        "Fig. 4",
        f"infeasible shares: optimum lowest, none falling with the SINR, scheme 2 at least {BIG:g} above at some SINR",
        _infeasible,
    ),
)
