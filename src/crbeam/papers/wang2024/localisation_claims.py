"""Claims of wang2024 on locating the target, section V and Fig. 7."""

import numpy as np

from crbeam.evaluation.estimator_check import LinkCheck
from crbeam.papers.claims import Claim, Finding, Sampling, Verdict, found
from crbeam.papers.wang2024.estimates import COMPARED, THREE, links_of
from crbeam.papers.wang2024.measurements import Measurements
from crbeam.papers.wang2024.places import PRINTED_XI
from crbeam.papers.wang2024.scenes import BI, MONO, TWO

#: Errors up to which a formula returns the place, and the share of geometries in which it must.
ANGLE_RAD, DISTANCE_M, ALWAYS = 1e-3, 1e-3, 0.99
#: Interval that the ratio of error to bound must meet at the two highest powers.
APPROACHES = (0.95, 1.10)
_UNLESS = (Verdict.REPRODUCED_IN_PART, Verdict.NOT_REPRODUCED)


def printed_direction(data: Measurements) -> Finding:
    """The direction by (52)."""
    shares = {name: float(np.mean(errors <= ANGLE_RAD)) for name, errors in data.places.printed_direction_rad.items()}
    readings = {PRINTED_XI: shares[PRINTED_XI] >= ALWAYS}
    words = "; ".join(f"{name}: right in {share:.0%} of geometries" for name, share in shares.items())
    corrected = float(np.mean(data.places.direction_rad <= ANGLE_RAD))
    sign = float(np.mean(data.places.sign_found))
    words += f"; corrected (up to the sign): {corrected:.0%}, sign from a second receiver: {sign:.0%}"
    reason = (
        "The abbreviations of (52) differ from those of its proof, which contain the direction asked for; with these, "
        "known beforehand, (86) is right, and (87) is its reciprocal. The sign of the direction is not observable."
    )
    return found(readings, words, dict.fromkeys(_UNLESS, reason))


def printed_distance(data: Measurements) -> Finding:
    """The distance by (53)."""
    printed, corrected = data.places.printed_distance_m, data.places.distance_m
    words = (
        f"(53): right in {np.mean(printed <= DISTANCE_M):.0%} of geometries, median error {np.median(printed):.3g} m; "
        f"(93): {np.mean(corrected <= DISTANCE_M):.0%}"
    )
    readings = {"(53)": float(np.mean(printed <= DISTANCE_M)) >= ALWAYS}
    return found(readings, words, dict.fromkeys(_UNLESS, "(53) and (94) leave out a square that (93) has."))


def needs_departure(data: Measurements) -> Finding:
    """One receiver by itself."""
    errors = data.places.alone_m
    words = (
        f"largest error of one receiver by delay and direction of arrival {errors.max():.1g} m, without Doppler shift"
    )
    readings = {"one receiver does not locate": float(np.mean(errors <= DISTANCE_M)) < ALWAYS}
    reason = "Delay and direction of arrival at one receiver determine the place; the ellipse meets the line once."
    return found(readings, words, dict.fromkeys(_UNLESS, reason))


def approaches_the_bound(data: Measurements) -> Finding:
    """Matched filters against their bounds."""
    readings, words = {}, []
    for group in COMPARED:
        check = data.estimates.check(group, links_of(group)[0])
        for quantity in check.points[0].quantities:
            ratios = [point.quantities[quantity].ratio for point in check.points]
            limits = [point.quantities[quantity].jointly_at_most for point in check.points]
            readings[f"above, {quantity} ({group})"] = min(limits) >= APPROACHES[0]
            meets = [each.high >= APPROACHES[0] and each.low <= APPROACHES[1] for each in ratios[-2:]]
            readings[f"approached, {quantity} ({group})"] = all(meets)
            words.append(f"{group}, {quantity}: {ratios[0].value:.3g} to {ratios[-1].value:.3g} bounds")
    trials, seed = _trials(data.estimates.check(BI, links_of(BI)[0])), data.estimates.seed
    last = data.estimates.check(TWO, links_of(TWO)[0]).points[-1].quantities["target_position_m"].ratio
    sampling = Sampling(
        trials, seed, "error of the position over its bound, two receivers, full power", (last.low, last.high)
    )
    return found(readings, "; ".join(words), {}, sampling=sampling)


def above_the_printed_bound(data: Measurements) -> Finding:
    """Doppler errors against the printed bound."""
    readings, words = {}, []
    for group in (MONO, BI):
        points = data.estimates.check(group, links_of(group)[0]).points
        errors = np.array([point.quantities["doppler_hz"].rmse for point in points])
        ratios = errors / data.estimates.printed_doppler_hz[group]
        readings[group] = bool(ratios.min() >= 1.0)
        words.append(f"{group}: errors are {ratios.min():.1e} to {ratios.max():.1e} times the printed root bound")
    reason = (
        "The printed Doppler information is that of single pulses; the train of 1024 tells some 10^6 times more. No "
        "unbiased estimator would be below a true bound."
    )
    return found(readings, "; ".join(words), dict.fromkeys(_UNLESS, reason))


def _trials(check: LinkCheck) -> int:
    return check.points[-1].trials


def more_receivers_estimate_better(data: Measurements) -> Finding:
    """Errors by number of receivers over power."""
    estimates = data.estimates

    def roots(group: str, quantity: str) -> np.ndarray:
        points = estimates.check(group, links_of(group)[0]).points
        return np.array([point.quantities[quantity].root_bound for point in points])

    powers = {group: estimates.power_dbm[group] for group in COMPARED}
    same = all(np.allclose(powers[group], powers[MONO]) for group in COMPARED)
    pairs = [(BI, MONO, "delay_s"), (BI, MONO, "doppler_hz"), (THREE, TWO, "target_position_m")]
    readings = {
        f"{first} below {second}, {quantity}": bool(same and np.all(roots(first, quantity) < roots(second, quantity)))
        for first, second, quantity in pairs
    }
    ratios = [roots(first, quantity)[-1] / roots(second, quantity)[-1] for first, second, quantity in pairs]
    words = "; ".join(
        f"{quantity}: {first} has {ratio:.3g} times the bound of {second}"
        for (first, second, quantity), ratio in zip(pairs, ratios, strict=True)
    )
    words += "; neither the transmitter nor one receiver alone locates the target from delay and Doppler shift"
    return found(readings, words, {})


CLAIMS: tuple[Claim[Measurements], ...] = (
    Claim(
        16,
        "Doppler shifts and directions of arrival at two receivers give the direction of departure in closed form",
        "Proposition 5.1, eq. (52)",
        f"(52) right to {ANGLE_RAD:g} rad in {ALWAYS:.0%} of random geometries, from exact observations",
        printed_direction,
    ),
    Claim(
        17,
        "The delay and this direction give the distance of the target",
        "Proposition 5.1, eq. (53)",
        f"(53) right to {1e3 * DISTANCE_M:g} mm in {ALWAYS:.0%} of random geometries, with the true direction",
        printed_distance,
    ),
    Claim(
        18,
        "A receiver needs the direction of departure besides its delay and direction of arrival",
        "Remark 3.1",
        "without it one receiver does not find the target",
        needs_departure,
    ),
    Claim(
        19,
        "Errors of the matched filter are above the bound, and approach it at high power",
        "Fig. 7",
        f"no ratio to the corrected bound certainly (95 %, jointly) below {APPROACHES[0]:g}; its interval meets "
        f"{APPROACHES[0]:g} to {APPROACHES[1]:g} at the two highest powers",
        approaches_the_bound,
    ),
    Claim(
        20,
        "Errors of the matched filter are above the bound of Proposition 3.1",
        "Fig. 7, eq. (14)",
        "Doppler errors at no power below the root of the printed bound",
        above_the_printed_bound,
    ),
    Claim(
        21,
        "Multistatic sensing outperforms monostatic and bistatic at every power",
        "Fig. 7",
        "smaller bounds at every power in the drop of the preset",
        more_receivers_estimate_better,
    ),
)
