"""Claims of wang2024 on the bounds of monostatic, bistatic and multistatic sensing, Fig. 2 to 4."""

from collections.abc import Mapping

import numpy as np

from crbeam.evaluation.error_statistics import expectation
from crbeam.papers.claims import Claim, Finding, Sampling, Verdict, found
from crbeam.papers.wang2024.gathering import ANTENNA_RATE
from crbeam.papers.wang2024.measurements import Measurements, known
from crbeam.papers.wang2024.scenes import BI, CORRECTED, FIVE, GROUPS, MONO, POSITIONED, PRINTED, TWO
from crbeam.papers.wording import listed

#: Metric of each group in the paper, and its ratios between numbers of antennas.
PRINTED_VALUES = {MONO: 1.4e-3, BI: 0.74e-3, TWO: 0.52e-3, FIVE: 0.36e-3}
TRANSMIT_RATIOS = {MONO: 1.4 / 0.72, BI: 0.74 / 0.37, TWO: 0.52 / 0.26}
RECEIVE_RATIOS = {MONO: 1.4 / 0.24, BI: 0.74 / 0.12, TWO: 0.52 / 0.087}
PRINTED_RATE = 7.4
#: Largest relative difference from a printed value; of one that comes from unknown places there is none.
CLOSE, RATIO_CLOSE = 0.05, 0.1
#: Least share of the drops that counts as typical, and the shares between which a printed value should lie.
TYPICAL, BETWEEN = 0.5, (5.0, 95.0)
#: Relative difference of reductions from which one is more significant.
MORE = 0.01


def monostatic_value(data: Measurements) -> Finding:
    """The one number of Fig. 2 that does not depend on places."""
    values = {reading: float(data.groups.without_rates[reading, MONO][0]) for reading in (PRINTED, CORRECTED)}
    readings = {name: abs(value / PRINTED_VALUES[MONO] - 1.0) <= CLOSE for name, value in values.items()}
    words = "; ".join(f"U {name} {value:.3g} at full power" for name, value in values.items())
    reason = (
        "Full power on the target gives the least U there can be, so the printed value is out of reach under the "
        "printed formulas, which have the path loss twice. Without one of their factors, or with half of the noise, "
        "several values between 1.2e-3 and 1.4e-3 result; which one was used cannot be told. Corrected, the sum is "
        "some 10^5 times smaller and of another unit."
    )
    return found(readings, words, {Verdict.NOT_REPRODUCED: reason})


def group_values(data: Measurements) -> Finding:
    """The other numbers of Fig. 2, which depend on unknown places."""
    readings, words = {}, []
    for group in (BI, TWO, FIVE):
        low, middle, high = np.percentile(
            known(data.groups.without_rates[PRINTED, group]), [BETWEEN[0], 50.0, BETWEEN[1]]
        )
        readings[group] = bool(low <= PRINTED_VALUES[group] <= high)
        words.append(f"{group}: {middle:.3g}, {low:.3g} to {high:.3g}")
    reason = "The places of the receivers are not given; in random drops the values spread over more than a decade."
    return found(readings, "; ".join(words), dict.fromkeys(Verdict, reason), sampling=_ratio_sampling(data, BI, MONO))


def _ratio_sampling(data: Measurements, group: str, other: str) -> Sampling:
    values = known(data.groups.without_rates[PRINTED, group]) / known(data.groups.without_rates[PRINTED, other])
    interval = expectation(np.log(values))
    ends = (float(np.exp(interval.low)), float(np.exp(interval.high)))
    return Sampling(len(values), 0, f"the geometric mean of U with {group} over {other}", ends)


def ordering(data: Measurements) -> Finding:
    """More receivers, a smaller bound."""
    values = data.groups.without_rates
    pairs = [
        (TWO, MONO, PRINTED),
        (BI, MONO, PRINTED),
        (TWO, BI, PRINTED),
        (FIVE, TWO, PRINTED),
        (FIVE, TWO, POSITIONED),
    ]
    shares = {
        f"{first} below {second} ({reading})": float(np.mean(values[reading, first] < values[reading, second]))
        for first, second, reading in pairs
    }
    readings = {name: share == 1.0 for name, share in shares.items()}
    words = "; ".join(f"{name} in {share:.1%} of drops" for name, share in shares.items())
    reason = (
        "Information adds up, so that more receivers are always better than fewer. A receiver farther from the target "
        "than the transmitter is worse than monostatic sensing."
    )
    return found(readings, words, {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason})


def rates(data: Measurements) -> Finding:
    """Rates of 7.4 bit/s/Hz."""
    served = data.groups.served
    readings = {
        f"{count} receivers": served[count, PRINTED_RATE] >= TYPICAL for count, rate in served if rate == PRINTED_RATE
    }
    words = "; ".join(
        f"{count} receivers with {rate:g} bit/s/Hz: {share:.0%} of drops" for (count, rate), share in served.items()
    )
    reason = (
        "In lines of sight two receivers in nearly one direction, or mirrored at the axis of the array, cannot be told "
        "apart. The paper does not say whose rate its communication rate is."
    )
    return found(readings, words, dict.fromkeys((Verdict.REPRODUCED_IN_PART, Verdict.NOT_REPRODUCED), reason))


def transmit_antennas(data: Measurements) -> Finding:
    """Twice as many transmit antennas, half the bound."""
    values = data.groups.by_transmit_antennas
    ratios = {group: _median_ratio(values[group, 10], values[group, 20]) for group in TRANSMIT_RATIOS}
    readings = {group: abs(ratio / TRANSMIT_RATIOS[group] - 1.0) <= RATIO_CLOSE for group, ratio in ratios.items()}
    words = _ratio_words(ratios, TRANSMIT_RATIOS)
    reason = "Where rates take power, more antennas also separate the receivers better, and the bound falls faster."
    return found(readings, words, dict.fromkeys((Verdict.REPRODUCED_IN_PART, Verdict.NOT_REPRODUCED), reason))


def receive_antennas(data: Measurements) -> Finding:
    """Six times as many receive antennas."""
    values = data.groups.by_receive_antennas
    ratios = {group: _median_ratio(values[group, 2], values[group, 12]) for group in RECEIVE_RATIOS}
    readings = {group: abs(ratio / RECEIVE_RATIOS[group] - 1.0) <= RATIO_CLOSE for group, ratio in ratios.items()}
    words = _ratio_words(ratios, RECEIVE_RATIOS)
    return found(readings, words, {})


def _ratio_words(measured: Mapping[str, float], printed: Mapping[str, float]) -> str:
    beside = f"median ratios {listed(measured.values())} beside {ANTENNA_RATE:g} bit/s/Hz"
    return f"{beside}; printed {listed(printed.values())} ({', '.join(printed)})"


def more_significant(data: Measurements) -> Finding:
    """Receive antennas against transmit antennas, each doubled."""
    receive, transmit = data.groups.by_receive_antennas, data.groups.by_transmit_antennas
    readings, words = {}, []
    for group in GROUPS:
        by_receive = _median_ratio(receive[group, 2], receive[group, 4])
        by_transmit = _median_ratio(transmit[group, 10], transmit[group, 20])
        readings[group] = by_receive > by_transmit * (1.0 + MORE)
        words.append(f"{group}: {by_receive:.3g} (receive) and {by_transmit:.3g} (transmit)")
    reason = (
        "The bound goes with one over the product of both numbers. The paper compares six times as many receive "
        "antennas with twice as many transmit antennas."
    )
    return found(
        readings, "; ".join(words), dict.fromkeys((Verdict.REPRODUCED_IN_PART, Verdict.NOT_REPRODUCED), reason)
    )


def _median_ratio(few: np.ndarray, many: np.ndarray) -> float:
    return float(np.median(known(few / many)))


CLAIMS: tuple[Claim[Measurements], ...] = (
    Claim(
        1,
        "The bound of monostatic sensing is about 1.4e-3",
        "Fig. 2, section VI-B",
        f"U within {CLOSE:.0%} of 1.4e-3 at 10 and 2 antennas",
        monostatic_value,
    ),
    Claim(
        2,
        "Bounds are about 0.74e-3, 0.52e-3 and 0.36e-3 with one, two and five receivers",
        "Fig. 2",
        f"the printed value between the {BETWEEN[0]:g} % and {BETWEEN[1]:g} % points of U as printed over random drops",
        group_values,
    ),
    Claim(
        3,
        "Multistatic sensing consistently outperforms monostatic and bistatic; more receivers, a lower bound",
        "Fig. 2, eqs. (17)-(18)",
        "in every drop",
        ordering,
    ),
    Claim(
        4,
        "Communication rates are 7.41 to 7.48 bit/s/Hz",
        "Fig. 2",
        f"all receivers can have {PRINTED_RATE:g} bit/s/Hz in at least {TYPICAL:.0%} of drops",
        rates,
    ),
    Claim(
        5,
        "From 10 to 20 transmit antennas the bound falls to half",
        "Fig. 3",
        f"median ratio within {RATIO_CLOSE:.0%} of the printed one",
        transmit_antennas,
    ),
    Claim(
        6,
        "From 2 to 12 receive antennas the bound falls by a factor of 6",
        "Fig. 4",
        f"median ratio within {RATIO_CLOSE:.0%} of the printed one",
        receive_antennas,
    ),
    Claim(
        7,
        "Receive antennas have a more significant influence than transmit antennas",
        "Fig. 4",
        "doubling the former lowers the bound more than doubling the latter",
        more_significant,
    ),
)
