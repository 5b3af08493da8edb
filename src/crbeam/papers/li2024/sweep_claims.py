"""Claims of li2024 on bounds over the users' SINR and the number of chains, Fig. 5 and Fig. 6."""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput
from crbeam.evaluation.error_statistics import expectation
from crbeam.papers.claims import Claim, Finding, NotMeasured, Sampling, Verdict, found
from crbeam.papers.li2024.draws import SEED, SINR_DB, Outcomes, Size, Sweep
from crbeam.papers.li2024.measurements import Measurements
from crbeam.papers.wording import change_range, listed

#: Relative change that is none: that of local optima and of rounding.
SAME = 1e-3
#: Relative difference of a comparison of two designs that is rounding.
ROUNDING = 1e-4
#: Relative loss of a hybrid design up to which it approaches a digital one.
CLOSE = 0.05
#: Gap of hybrid designs that proves them good, and the ratio up to which it is looked at.
SMALL_GAP, MODERATE_DB = 0.05, 10.0

Values = Callable[[Outcomes], Float[np.ndarray, "draw value"]]
KINDS: dict[str, Callable[[Sweep], Outcomes]] = {
    "digital": lambda each: each.digital,
    "hybrid": lambda each: each.hybrid,
}
_RANGE: Values = lambda part: part.range_m  # noqa: E731
_ANGLE: Values = lambda part: part.angle_rad  # noqa: E731


def size_words(size: Size) -> str:
    """`64x16`."""
    return f"{size[0]}x{size[1]}"


def _sweeps(data: Measurements, direction: str) -> Iterator[tuple[str, Sweep]]:
    if direction not in data.sweeps:
        raise NotMeasured(f"No designs in random channels were made in the {direction}.")
    for size, sweep in data.sweeps[direction].items():
        yield size_words(size), sweep


def sampled(values: Float[np.ndarray, " draw"], quantity: str) -> Sampling | None:
    """What draws say about an expectation; None if fewer than two have a value."""
    known = values[np.isfinite(values)]
    try:
        interval = expectation(known)
    except InvalidInput:
        return None
    return Sampling(known.size, SEED, quantity, (interval.low, interval.high))


def growth(part: Outcomes, value: Values) -> Float[np.ndarray, " draw"]:
    """Relative change from the lowest to the highest ratio, in the channels that have designs at both."""
    values = value(part)
    known = np.isfinite(values[:, 0]) & np.isfinite(values[:, -1])
    if not known.any():
        raise NotMeasured("There is no channel with designs at the lowest and the highest ratio.")
    return values[known, -1] / values[known, 0] - 1.0


def falls(part: Outcomes, value: Values) -> int:
    """In how many channels some step up of the ratio lowers the bound by more than rounding."""
    values = value(part)
    steps = values[:, 1:] / values[:, :-1]
    return int(np.sum(np.any(steps < 1.0 - SAME, axis=1)))


def _growing(direction: str, value: Values, reason: str) -> Callable[[Measurements], Finding]:
    def check(data: Measurements) -> Finding:
        readings, words, last = {}, [], np.zeros(0)
        for name, sweep in _sweeps(data, direction):
            for kind, part_of in KINDS.items():
                part = part_of(sweep)
                last = growth(part, value)
                readings[f"{name} {kind}"] = bool(np.median(last) > SAME) and not falls(part, value)
                words.append(
                    f"{name} {kind}: {change_range(last)}, median {np.median(last):+.1%}, falling somewhere in "
                    f"{falls(part, value)} of {sweep.draws} channels"
                )
        measured = f"change from {SINR_DB[0]:g} to {SINR_DB[-1]:g} dB, {'; '.join(words)}"
        reasons = {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason}
        return found(readings, measured, reasons, sampling=sampled(last, "the change of the last"))

    return check


def against_far(near: Outcomes, far: Outcomes) -> tuple[Float[np.ndarray, " case"], Float[np.ndarray, " case"]]:
    """Range bounds of far-field designs over those of near-field ones, and by how much users miss their ratios, in dB.

    Over all channels and ratios for which both are made; the ratios are those of the worst user in truth.
    """
    shared = [level for level in near.values if level in far.values]
    pairs = [(near.at(level), far.at(level)) for level in shared]
    ratios = np.concatenate([there.range_m / here.range_m for here, there in pairs], axis=1)
    missed_db = np.concatenate([there.values[0] - there.worst_sinr_db for _, there in pairs], axis=1)
    known = np.isfinite(ratios)
    if not known.any():
        raise NotMeasured("There is no channel with near-field and far-field designs.")
    return ratios[known], np.maximum(missed_db[known], 0.0)


def rescued(near: Outcomes, far: Outcomes) -> tuple[np.ndarray, int]:
    """Bounds, over those of near-field designs, of far-field designs raised until users get what they need.

    Returns:
        The ratios of range bounds, in cases in which raising helps; and the number of all cases.
    """
    ratios, cases = [], 0
    for place, needed_db in enumerate(near.values):
        for draw in np.flatnonzero(np.isfinite(near.range_m[:, place])):
            cases += 1
            able = (np.array(far.values) >= needed_db) & (far.worst_sinr_db[draw] >= needed_db - 1e-5)
            if able.any():
                ratios.append(np.nanmin(far.objective[draw, able]) / near.objective[draw, place])
    return np.sqrt(ratios), cases


def _outperforms(direction: str) -> Callable[[Measurements], Finding]:
    def check(data: Measurements) -> Finding:
        readings, words, last = {}, [], np.zeros(0)
        for name, sweep in _sweeps(data, direction):
            for kind, near, far in (
                ("digital", sweep.digital, sweep.far_digital),
                ("hybrid", sweep.hybrid, sweep.far_hybrid),
            ):
                last, missed_db = against_far(near, far)
                readings[f"{name} {kind} (SINR as the design believes)"] = bool(np.all(last >= 1.0 - ROUNDING))
                words.append(
                    f"{name} {kind}: range bounds of far over near {last.min():.3f} to {last.max():.3f}, near better "
                    f"or equal in {np.sum(last >= 1.0 - ROUNDING)} of {last.size}, far misses a user's SINR in "
                    f"{np.sum(missed_db > 1e-3)} of {missed_db.size} by {np.median(missed_db):.0f} dB in the median"
                )
            ratios, cases = rescued(sweep.digital, sweep.far_digital)
            readings[f"{name} digital (SINR as it is)"] = bool(np.all(ratios >= 1.0 - ROUNDING))
            cost = f", at {change_range(ratios - 1.0)}" if ratios.size else ""
            words.append(f"{name}: raised requirements rescue {ratios.size} of {cases} digital far designs{cost}")
        return found(readings, "; ".join(words), _OUTPERFORMS, sampling=sampled(last, "the last ratio"))

    return check


_OUTPERFORMS: dict[Verdict, str] = dict.fromkeys(
    (Verdict.REPRODUCED_IN_PART, Verdict.NOT_REPRODUCED),
    "With the ratios that each design believes in, two worlds are compared: plane-wave channels are sometimes easier "
    "to serve. In truth nearly all far-field designs leave users far below what they need; those that can be raised "
    "are never better, since they are among the designs that near-field knowledge chooses from.",
)


def by_chains(sweep: Sweep, value: Values) -> Float[np.ndarray, "draw value"]:
    """Values from the fewest chains to a digital array, of the channels that have all of them."""
    parts = [value(sweep.by_chain)[:, ::-1], value(sweep.digital.at(MODERATE_DB))]
    values = np.concatenate(parts, axis=1)
    complete = values[np.all(np.isfinite(values), axis=1)]
    if not complete.size:
        raise NotMeasured("There is no channel with a design for each number of chains.")
    return complete


def _chains(direction: str) -> Callable[[Measurements], Finding]:
    def check(data: Measurements) -> Finding:
        readings, words, last = {}, [], np.zeros(0)
        for name, sweep in _sweeps(data, direction):
            counts = [int(int(name.partition("x")[0]) / each) for each in sweep.by_chain.values[::-1]]
            for quantity, value in (("range", _RANGE), ("angle", _ANGLE)):
                values = by_chains(sweep, value)
                readings[f"{name} {quantity}"] = bool(np.all(np.diff(values, axis=1) <= ROUNDING * values[:, 1:]))
                last = values[:, 0] / values[:, -1] - 1.0
                excess = np.median(values[:, :-1] / values[:, -1:] - 1.0, axis=0)
                words.append(
                    f"{name} {quantity}, {', '.join(map(str, counts))} chains over digital: "
                    f"{', '.join(f'{each:+.1%}' for each in excess)} (median of {len(values)} channels)"
                )
        reason = (
            "The weighted sum of both variances falls with every doubling of the chains. The angle has a small part in "
            "it and is a by-product: where the range gains, it may lose."
        )
        reasons = {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason}
        return found(readings, "; ".join(words), reasons, sampling=sampled(last, "the largest excess of the last"))

    return check


def _lower(data: Measurements) -> Finding:
    readings, words = {}, []
    last = np.zeros(0)
    for direction in data.sweeps:
        for name, sweep in _sweeps(data, direction):
            ratio = sweep.hybrid.objective / sweep.digital.objective
            last = ratio[np.isfinite(ratio)]
            readings[f"{direction} {name}"] = bool(last.size) and bool(np.all(last >= 1.0 - 1e-6))
            words.append(f"{direction} {name} {listed((last.min(initial=np.inf), last.max(initial=0.0)), 4)}")
    if not readings:
        raise NotMeasured("No designs in random channels were made.")
    reasons = {Verdict.NOT_REPRODUCED: "It is a theorem; an exception would be a defect of ours."}
    reasons[Verdict.REPRODUCED_IN_PART] = reasons[Verdict.NOT_REPRODUCED]
    measured = f"objective of hybrid over digital, least and largest: {'; '.join(words)}"
    return found(readings, measured, reasons, sampling=sampled(last, "the last"))


def _approaches(data: Measurements) -> Finding:
    readings, words, last = {}, [], np.zeros(0)
    for direction in data.sweeps:
        for name, sweep in _sweeps(data, direction):
            excess = np.sqrt(sweep.hybrid.objective / sweep.digital.objective) - 1.0
            medians = [
                float(np.median(column[np.isfinite(column)])) if np.isfinite(column).any() else np.nan
                for column in excess.T
            ]
            readings[f"{direction} {name}"] = medians[0] <= CLOSE
            unserved = int(
                np.sum(~np.isfinite(sweep.hybrid.objective[:, -1]) & np.isfinite(sweep.digital.objective[:, -1]))
            )
            words.append(
                f"{direction} {name} {', '.join(f'{each:+.1%}' for each in medians)}, and at the last {unserved} of "
                f"{sweep.draws} channels are served by digital designs only"
            )
            last = excess[:, 0]
    if not readings:
        raise NotMeasured("No designs in random channels were made.")
    reason = "With few chains beside the users, serving them takes degrees of freedom that the target then lacks."
    reasons = {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason}
    measured = f"median excess of the position error at {listed(SINR_DB)} dB: {'; '.join(words)}"
    return found(readings, measured, reasons, sampling=sampled(last, "the excess of the last at the lowest ratio"))


def _proven(data: Measurements) -> Finding:
    readings, words, last = {}, [], np.zeros(0)
    for direction in data.sweeps:
        for name, sweep in _sweeps(data, direction):
            gaps = 1.0 - sweep.hybrid.lower_bound / sweep.hybrid.objective
            moderate = gaps[:, [level <= MODERATE_DB for level in sweep.hybrid.values]]
            last = moderate[:, -1]
            readings[f"{direction} {name}"] = bool(np.all(moderate[np.isfinite(moderate)] <= SMALL_GAP))
            high = gaps[:, -1][np.isfinite(gaps[:, -1])]
            words.append(
                f"{direction} {name}: up to {MODERATE_DB:g} dB at most {np.nanmax(moderate):.1e}, at "
                f"{SINR_DB[-1]:g} dB in the median {np.median(high) if high.size else np.nan:.1e}"
            )
    if not readings:
        raise NotMeasured("No designs in random channels were made.")
    reason = (
        "In the downlink the bound does not know that the users, too, are served through the sub-arrays; that shows at "
        "high ratios."
    )
    reasons = {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason}
    return found(
        readings, f"gaps of the objective: {'; '.join(words)}", reasons, sampling=sampled(last, "the last gap")
    )


_CHEAP = (
    "Serving costs little below 15 dB: least power for it is a few per cent of the budget, and digital arrays hardly "
    "feel it. Hybrid arrays with few chains do."
)
_BYPRODUCT = "The weighted sum is nearly all range. The angle is a by-product, and light on users tells some of it."
_FLAT = (
    "A digital combiner suppresses the users, whatever their ratios, as long as they can be met at all; only few "
    "chains have to be shared out between users and target."
)

CLAIMS: tuple[Claim[Measurements], ...] = (
    Claim(
        7,
        "In the downlink the range bound grows with the QoS of users.",
        "Fig. 5 (b), Remark 1",
        f"median growth from {SINR_DB[0]:g} to {SINR_DB[-1]:g} dB above {SAME:.1%}, and no channel in which it falls",
        _growing("downlink", _RANGE, _CHEAP),
    ),
    Claim(
        8,
        "In the downlink the angle bound grows with the QoS of users.",
        "Fig. 5 (a), Remark 1",
        "the same for the angle",
        _growing("downlink", _ANGLE, _BYPRODUCT),
    ),
    Claim(
        9,
        "In the downlink near-field designs always outperform far-field ones.",
        "Fig. 5 (a), (b)",
        "range bound of the near-field design at most that of the far-field design in every channel",
        _outperforms("downlink"),
    ),
    Claim(
        10,
        "In the downlink both bounds fall with the number of RF chains.",
        "Fig. 5 (c)",
        "falling from each number of chains to the next, in every channel",
        _chains("downlink"),
    ),
    Claim(
        11,
        "In the uplink the bounds grow with the QoS of users.",
        "Fig. 6 (a), (b), Remark 2",
        f"median growth of the range bound from {SINR_DB[0]:g} to {SINR_DB[-1]:g} dB above {SAME:.1%}, and no channel "
        "in which it falls",
        _growing("uplink", _RANGE, _FLAT),
    ),
    Claim(
        12,
        "In the uplink near-field designs outperform far-field ones.",
        "Fig. 6 (a), (b)",
        "range bound of the near-field design at most that of the far-field design in every channel",
        _outperforms("uplink"),
    ),
    Claim(
        13,
        "In the uplink both bounds fall with the number of RF chains.",
        "Fig. 6 (c)",
        "falling from each number of chains to the next, in every channel",
        _chains("uplink"),
    ),
    Claim(
        14,
        "Fully digital arrays give a lower bound on hybrid ones.",
        "section V-B",
        "objective of the hybrid design at least that of the digital one, everywhere",
        _lower,
    ),
    Claim(
        15,
        "Hybrid arrays approach digital ones when the QoS is not stringent.",
        "abstract, section VI",
        f"median excess of the position error at most {CLOSE:.0%} at the lowest ratio",
        _approaches,
    ),
    Claim(
        21,
        "Beyond the paper: hybrid designs are proven to be near the best.",
        "the method `hybrid`, not in the paper",
        f"gap to the proven bound at most {SMALL_GAP:.0%} in every channel up to {MODERATE_DB:g} dB",
        _proven,
    ),
)
