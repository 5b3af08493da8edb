"""Claims of li2024 on locating the target, Fig. 4, and one comparison beyond the paper."""

import numpy as np

from crbeam.evaluation.estimator_check import LinkCheck
from crbeam.papers.claims import Claim, Finding, Sampling, Verdict, found
from crbeam.papers.li2024.measurements import (
    ANGLE,
    AS_DESIGNED,
    DIRECTIONS,
    JOINT,
    LIT,
    RANGE,
    TWO_STAGE,
    Measurements,
    from_snr,
)
from crbeam.papers.wording import listed

#: Sensing SNR from which errors are judged, and the ratio to the root bound that is still on it.
JUDGED_DB, ON_BOUND = 0.0, 1.5
#: Sensing SNR from which the downlink's errors are small enough for the bound, a local one, to describe them.
LOCAL_DB = 10.0
#: Difference of a ratio of error to bound from 1 that some hundred trials leave.
ATTAINED = 0.1
#: Relative error of the range with which the target counts as located.
LOCATED = 0.1
#: Range of the target in section V.
RANGE_M = 20.0
#: Relative spread of a criterion over angles that is rounding.
CONSTANT = 1e-6


def _largest_ratio(check: LinkCheck) -> float:
    return max(each[name].ratio.value for each in from_snr(check, JUDGED_DB) for name in (ANGLE, RANGE))


def _ratio_words(check: LinkCheck, least_db: float = JUDGED_DB) -> str:
    ratios = {name: [each[name].ratio.value for each in from_snr(check, least_db)] for name in (ANGLE, RANGE)}
    return f"angle {min(ratios[ANGLE]):.2g} to {max(ratios[ANGLE]):.2g}, range {min(ratios[RANGE]):.2g} to " + (
        f"{max(ratios[RANGE]):.2g} times the root bound"
    )


def _sampling(data: Measurements, check: LinkCheck, words: str) -> Sampling:
    """Interval of the ratio of range error to root bound at the lowest sensing SNR that is judged."""
    point = next(point for point in check.points if point.snr_db >= JUDGED_DB)
    ratio = point.quantities[RANGE].ratio
    quantity = f"error of the range over its root bound at {point.snr_db:g} dB, {words}"
    return Sampling(point.trials, data.positioning.seed, quantity, (ratio.low, ratio.high))


def _downlink(data: Measurements) -> Finding:
    found_by = {light: data.positioning.check("downlink", light, TWO_STAGE) for light in (AS_DESIGNED, LIT)}
    readings = {light: _largest_ratio(check) <= ON_BOUND for light, check in found_by.items()}
    words = "; ".join(f"{light}: {_ratio_words(check)}" for light, check in found_by.items())
    reason = (
        "The design for the bound alone puts a null on the target: the bound, which is local, does not mind, but there "
        "is no echo to search. A floor on the illumination costs a few per cent of the bound."
    )
    reasons = {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason}
    sampling = _sampling(data, found_by[LIT], LIT)
    return found(readings, f"errors from {JUDGED_DB:g} dB on, {words}", reasons, sampling=sampling)


def _uplink(data: Measurements) -> Finding:
    check = data.positioning.check("uplink", LIT, TWO_STAGE)
    points = from_snr(check, JUDGED_DB)
    range_m = max(each[RANGE].rmse for each in points)
    spread = data.positioning.printed_spread
    readings = {
        "as printed": spread > CONSTANT,
        "curvatures confined, target located": range_m <= LOCATED * RANGE_M,
        "curvatures confined, on the bound": _largest_ratio(check) <= ON_BOUND,
    }
    words = (
        f"criterion (49) over all angles varies by {spread:.0e} of its mean; confined to four curvatures, range errors "
        f"from {JUDGED_DB:g} dB on {listed(each[RANGE].rmse for each in points)} m, {_ratio_words(check)}"
    )
    reason = (
        "The printed criterion is the same for every angle, since the vector that it leaves free absorbs it. Confined "
        "to a few curvatures the search works, with a floor of error, because curved responses are cut off."
    )
    reasons = {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason}
    return found(readings, words, reasons, sampling=_sampling(data, check, "curvatures confined"))


def _bounded(data: Measurements) -> Finding:
    readings, words = {}, []
    for (direction, light, method), check in data.positioning.checks.items():
        below = [
            f"{name.split('_')[1]} at {point.snr_db:g} dB"
            for point in check.points
            for name, each in point.quantities.items()
            if name in (ANGLE, RANGE) and each.jointly_at_most < 1.0
        ]
        name = f"{direction} {method} ({light})"
        readings[name] = not below
        if below:
            words.append(f"{name}: {', '.join(below)}")
    reason = (
        "The bound is local and holds for unbiased estimates. With weak illumination most of what tells the angle is "
        "of second order: where errors are large the likelihood bends more than its information says."
    )
    measured = f"significantly below the root bound: {'; '.join(words) or 'nothing'}"
    return found(readings, measured, {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason})


def _one_station(data: Measurements) -> Finding:
    readings, words = {}, []
    for direction in DIRECTIONS:
        known = data.positioning.identifiable[direction]
        readings[f"{direction} (curved waves)"] = known.with_curvature
        readings[f"{direction} (at the stated path loss and powers)"] = known.at_stated_budget < 1.0
        plane = "identifiable" if known.with_plane_waves else "unidentifiable"
        words.append(
            f"{direction}: with plane waves {plane}; at the stated budget the root bound of the range is "
            f"{known.at_stated_budget:.3g} times the range"
        )
    reason = (
        "Curvature over the main array tells the range without a delay. With the stated path loss both ways, "
        "reflection, powers and 100 symbols the sensing SNR is about -65 dB, at which it tells nothing useful."
    )
    reasons = {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason}
    return found(readings, "; ".join(words), reasons)


def _joint(data: Measurements) -> Finding:
    readings, words = {}, []
    for direction in DIRECTIONS:
        points = from_snr(data.positioning.check(direction, LIT, JOINT), LOCAL_DB)
        pooled = {
            name: float(np.sqrt(np.mean([each[name].ratio.value ** 2 for each in points]))) for name in (ANGLE, RANGE)
        }
        readings[direction] = all(abs(ratio - 1.0) <= ATTAINED for ratio in pooled.values())
        words.append(f"{direction} {pooled[ANGLE]:.3g} and {pooled[RANGE]:.3g}")
    reasons = {
        Verdict.REPRODUCED: "It maximises the likelihood in both unknowns, with the gain concentrated out.",
        Verdict.REPRODUCED_IN_PART: "An estimator that misses its bound there would be a defect of ours.",
        Verdict.NOT_REPRODUCED: "An estimator that misses its bound there would be a defect of ours.",
    }
    sampling = _sampling(data, data.positioning.check("downlink", LIT, JOINT), "downlink")
    return found(
        readings, f"errors of angle and range over root bounds: {'; '.join(words)}", reasons, sampling=sampling
    )


CLAIMS: tuple[Claim[Measurements], ...] = (
    Claim(
        1,
        "One station locates a target in angle and distance with limited bandwidth.",
        "abstract, section V-D",
        "one subcarrier: position identifiable; root bound of the range below the range at the stated link budget",
        _one_station,
    ),
    Claim(
        4,
        "In the downlink the two-stage estimator locates the target.",
        "Fig. 4 (a), section V-D",
        f"errors of angle and range at most {ON_BOUND:g} root bounds from {JUDGED_DB:g} dB on",
        _downlink,
    ),
    Claim(
        5,
        "In the uplink the two-stage estimator locates the target.",
        "Fig. 4 (b), section V-D",
        f"the criterion (49) depends on the angle; range errors at most {LOCATED:.0%} of the range, and errors at most "
        f"{ON_BOUND:g} root bounds, from {JUDGED_DB:g} dB on",
        _uplink,
    ),
    Claim(
        6,
        "Errors are lower-bounded by the Cramér-Rao bound.",
        "Fig. 4, section V-D",
        "no error significantly below its root bound at any sensing SNR",
        _bounded,
    ),
    Claim(
        20,
        "Beyond the paper: joint estimates of angle and range attain the bound.",
        "the method `joint`, not in the paper",
        f"root-mean-square ratios of error to root bound from {LOCAL_DB:g} dB on within {ATTAINED:.0%} of 1",
        _joint,
    ),
)
