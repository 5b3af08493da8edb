"""Claims of hamrouni2026 on velocity, on the number of targets, and on the beams of each link alone."""

from collections.abc import Sequence

import numpy as np

from crbeam.papers.claims import Claim, Finding, Verdict, found
from crbeam.papers.hamrouni2026.beams import POSITIONING, READINGS, SENSING
from crbeam.papers.hamrouni2026.comparisons import median
from crbeam.papers.hamrouni2026.findings import sampled, unless_reproduced
from crbeam.papers.hamrouni2026.gathering import HEADINGS
from crbeam.papers.hamrouni2026.measurements import Measurements, known_mean, known_median, ratios
from crbeam.papers.hamrouni2026.mobility import BISTATIC, ESTIMATORS, EXTENDED, N_TARGETS, RULES, SNAPSHOT, SPEEDS_MPS
from crbeam.papers.hamrouni2026.scenes import GAINS
from crbeam.papers.wording import listed

#: How much worse a bound counts as clearly worse, and as noticeably worse.
CLEARLY, NOTICEABLY = 1.5, 1.05
#: Share of the power towards the objects up to which the user gets little.
LITTLE = 0.1
#: Decibels by which the user's beam has to exceed every other to be the focus.
FOCUS_DB = 1.0


def _velocity_by_sensing(data: Measurements) -> Finding:
    readings = {heading: data.sensing[heading].undetermined == data.sensing[heading].scenes for heading in HEADINGS}
    words = [
        f"{heading}: velocity undetermined in {part.undetermined} of {part.scenes} scenes, rank short by "
        f"{listed(part.missing)}"
        for heading, part in data.sensing.items()
    ]
    reason = (
        "The echo's Doppler shift tells the radial speed only; the column of the tangential velocity is exactly zero, "
        "whatever the heading. So (10), (21) and the covariance that is to be passed on do not exist; the information "
        "matrix is passed on instead."
    )
    return found(readings, "; ".join(words), {Verdict.REPRODUCED: reason})


def _one_target(data: Measurements) -> Finding:
    ranks, words = data.positioning, []
    readings = {"no bound with one target": ranks[1].undetermined == ranks[1].scenes}
    words.append(f"undetermined with 0, 1, 2 targets in {listed(ranks[k].undetermined for k in (0, 1, 2))} scenes")
    samplings = []
    for gains in GAINS:
        one, two = (data.by_targets[gains, k].bistatic_position_m for k in (1, 2))
        medians, means = known_median(one) / known_median(two), known_mean(one) / known_mean(two)
        readings[f"clearly worse with one target ({gains})"] = min(medians, means) >= CLEARLY
        words.append(f"{gains}: PEB with one target over two: of the medians {medians:.3g}, of the means {means:.3g}")
        samplings.append(sampled(data.seed, ratios(one, two), f"the median ratio in a scene ({gains})"))
    reason = (
        "One target suffices by counting (12 numbers for 12 unknowns with gains) and by rank; it is often badly "
        "conditioned."
    )
    return found(readings, "; ".join(words), unless_reproduced(reason), sampling=samplings[0])


def _positioning_surpasses_sensing(data: Measurements) -> Finding:
    readings, words, samplings = {}, [], []
    for gains in GAINS:
        over = []
        for k in N_TARGETS[1:]:
            part = data.by_targets[gains, k]
            over.append(known_median(part.bistatic_position_m) / known_median(part.monostatic_position_m))
            readings[f"{k} targets ({gains})"] = over[-1] < 1.0
            samples = ratios(part.bistatic_position_m, part.monostatic_position_m)
            samplings.append(sampled(data.seed, samples, f"the median ratio in a scene ({k} targets, {gains})"))
        words.append(f"median PEB of positioning over that of sensing, 2 to 4 targets ({gains}): {listed(over)}")
    reason = (
        "Echoes need neither the clock nor the orientation of the user, and the station's array is four times as large."
    )
    return found(readings, "; ".join(words), unless_reproduced(reason), sampling=samplings[0])


def _sensing_degrades(data: Measurements) -> Finding:
    readings, words, samplings = {}, [], []
    for gains in GAINS:
        first, last = (data.by_targets[gains, k].monostatic_position_m for k in (N_TARGETS[0], N_TARGETS[-1]))
        growth = median(ratios(last, first))
        readings[gains] = growth.low > 1.0
        values = [known_median(data.by_targets[gains, k].monostatic_position_m) for k in N_TARGETS]
        words.append(f"median PEB of sensing ({gains}): {listed(values)} m, median growth x{growth.value:.3g}")
        samplings.append(sampled(data.seed, ratios(last, first), f"that growth ({gains})"))
    reasons = {Verdict.REPRODUCED: "The power is shared among more objects."}
    return found(readings, "; ".join(words), reasons, sampling=samplings[0])


def _velocities_by_targets(data: Measurements, gains: str, name: str) -> list[float]:
    return [known_median(data.by_targets[gains, k].velocity_mps[name]) for k in N_TARGETS]


def _growth(data: Measurements, gains: str, name: str) -> np.ndarray:
    """Velocity bound with the most targets over that with one, scene by scene; not a number where one is missing."""
    last, first = (data.by_targets[gains, k].velocity_mps[name] for k in (N_TARGETS[-1], N_TARGETS[0]))
    return last / first


def _two_observations_degrade(data: Measurements) -> Finding:
    readings, words, samplings = {}, [], []
    for gains in GAINS:
        rows = {name: _velocities_by_targets(data, gains, name) for name in ESTIMATORS}
        for name in (SNAPSHOT, EXTENDED):
            growth = _growth(data, gains, name)
            readings[f"{name} degrades ({gains})"] = median(growth).low > 1.0
            samplings.append(sampled(data.seed, growth, f"the median growth of {name} from one to four ({gains})"))
        others = [min(values) for values in zip(rows[SNAPSHOT], rows[EXTENDED], strict=True)]
        readings[f"positioning is best ({gains})"] = bool(np.all(np.less(rows[BISTATIC], others)))
        words += [f"median VEB of {name} ({gains}): {listed(values)} m/s" for name, values in rows.items()]
    reasons = {Verdict.REPRODUCED: "Positioning has Doppler shifts from several directions in one interval."}
    return found(readings, "; ".join(words), reasons, sampling=samplings[0])


def _extended_degrades_more(data: Measurements) -> Finding:
    readings, words, samplings = {}, [], []
    for gains in GAINS:
        growth = {name: _growth(data, gains, name) for name in (SNAPSHOT, EXTENDED)}
        more = growth[EXTENDED] / growth[SNAPSHOT]
        of_medians = {
            name: values[-1] / values[0]
            for name, values in ((name, _velocities_by_targets(data, gains, name)) for name in growth)
        }
        readings[f"growth of the median ({gains})"] = of_medians[EXTENDED] > of_medians[SNAPSHOT]
        readings[f"growth in a scene ({gains})"] = median(more).value >= NOTICEABLY
        words.append(
            f"growth from one to four targets ({gains}): of the median, extended x{of_medians[EXTENDED]:.3g}, snapshot "
            f"x{of_medians[SNAPSHOT]:.3g}; in a scene, that of extended over that of snapshot: median "
            f"{median(more).value:.5g}"
        )
        samplings.append(sampled(data.seed, more, f"that last median ({gains})"))
    reason = (
        "In a scene both grow alike: both are ruled by how well positions across the line of sight are known. Medians "
        "of bounds over scenes grow differently as they are those of different scenes."
    )
    return found(readings, "; ".join(words), unless_reproduced(reason), sampling=samplings[0])


def _speed_degrades(data: Measurements) -> Finding:
    readings, words, samplings = {}, [], []
    for gains in GAINS:
        for rule in RULES:
            rows = {
                name: [known_median(data.moving[gains, rule, speed].velocity_mps[name]) for speed in SPEEDS_MPS]
                for name in ESTIMATORS
            }
            growth = {name: values[-1] / values[0] for name, values in rows.items()}
            for name in (SNAPSHOT, EXTENDED):
                readings[f"{name} ({gains}, {rule})"] = growth[name] >= NOTICEABLY
            lowest = np.min([rows[SNAPSHOT], rows[EXTENDED]], axis=0)
            readings[f"positioning is best ({gains}, {rule})"] = bool(np.all(rows[BISTATIC] < lowest))
            changes = ", ".join(f"{name} x{value:.3g}" for name, value in growth.items())
            words.append(f"median VEB from 5 to 30 m/s ({gains}, {rule}): {changes}")
            ends = [data.moving[gains, rule, speed].velocity_mps[EXTENDED] for speed in (30.0, 5.0)]
            samplings.append(
                sampled(data.seed, ratios(*ends), f"the median growth of extended in a scene ({gains}, {rule})")
            )
    reason = (
        "Speed degrades sensing only through the rule that fewer slots count, which then degrades positioning most. "
        "With all slots the snapshots do not change, and extended sensing improves, as its two directions differ more."
    )
    return found(readings, "; ".join(words), {Verdict.REPRODUCED_IN_PART: reason}, sampling=samplings[0])


def _user_is_the_focus(data: Measurements) -> Finding:
    readings, words = {}, []
    for gains in GAINS:
        for reading in READINGS[SENSING]:
            powers = data.beams[gains, SENSING, reading]
            others = [power for name, power in powers.items() if name != "user"]
            lead_db = float(10.0 * np.log10(powers["user"] / max(others)))
            readings[f"{reading} ({gains})"] = lead_db >= FOCUS_DB
            words.append(f"user over the strongest target, {reading} ({gains}): {lead_db:+.1f} dB")
    reason = (
        "With equal distances and cross sections all objects get nearly the same power, those near end-fire more. "
        "Velocity cannot ask for more: its radial part is known far better than positions, its tangential part not at "
        "all."
    )
    return found(readings, "; ".join(words), unless_reproduced(reason))


def _positioning_lights_targets(data: Measurements) -> Finding:
    readings, words = {}, []
    for gains in GAINS:
        for reading in READINGS[POSITIONING]:
            powers = data.beams[gains, POSITIONING, reading]
            part = powers["user"] / sum(powers.values())
            names = _targets(powers)
            strongest = max(names, key=lambda name: powers[name])
            readings[f"little power to the user ({reading}, {gains})"] = part <= LITTLE
            readings[f"the right-most target is strongest ({reading}, {gains})"] = strongest == names[-1]
            words.append(
                f"{reading} ({gains}): user {part:.1%} of the power towards the objects, strongest {strongest} of "
                f"{len(names)} from the left"
            )
    reason = (
        "The line of sight is strong, so that bounces need the power. Of the targets those beside the user are lit; "
        "which of the two is stronger depends on gains."
    )
    return found(readings, "; ".join(words), {Verdict.REPRODUCED_IN_PART: reason})


def _targets(powers) -> Sequence[str]:
    return [name for name in powers if name != "user"]


CLAIMS: tuple[Claim[Measurements], ...] = (
    Claim(
        1,
        "Sensing from one observation does not determine the velocity of a user that moves sideways.",
        "section IV-B",
        "velocity undetermined in every random scene",
        _velocity_by_sensing,
    ),
    Claim(
        2,
        "With one target positioning is unresolved, two are the minimum.",
        "Fig. 3 (a), section IV-B",
        f"no bound with one target; median and mean PEB with one target at least {CLEARLY:g} times those with two",
        _one_target,
    ),
    Claim(
        3,
        "From two targets on positioning surpasses sensing in the user's position.",
        "Fig. 3 (a), section IV-B",
        "each with its own best beams: lower median PEB with 2, 3 and 4 targets",
        _positioning_surpasses_sensing,
    ),
    Claim(
        4,
        "The position bound of sensing grows with the number of targets.",
        "Fig. 3 (a), section IV-B",
        "ratio of PEB with four targets to that with one above 1 by the interval of its median",
        _sensing_degrades,
    ),
    Claim(
        5,
        "The velocity bounds of snapshot and extended sensing grow with the number of targets; positioning is best.",
        "Fig. 3 (b), section IV-B",
        "growth from one to four targets above 1 by the interval of its median; positioning lowest at each number",
        _two_observations_degrade,
    ),
    Claim(
        6,
        "Extended sensing degrades more with the number of targets than snapshots.",
        "Fig. 3 (b), section IV-B",
        "larger growth of the median from one to four targets; in a scene, median ratio of growths at least "
        f"{NOTICEABLY:g}",
        _extended_degrades_more,
    ),
    Claim(
        7,
        "The velocity bounds of snapshot and extended sensing grow with speed; positioning is best.",
        "Fig. 4, section IV-B",
        f"median at 30 m/s at least {NOTICEABLY:g} times that at 5 m/s; positioning lowest at each speed",
        _speed_degrades,
    ),
    Claim(
        14,
        "Sensing focuses on the user, because of its velocity.",
        "Fig. 2 (a), section IV-A",
        f"at least {FOCUS_DB:g} dB more power towards the user than towards any target",
        _user_is_the_focus,
    ),
    Claim(
        15,
        "Positioning gives the user little power, and the right-most target most.",
        "Fig. 2 (b), section IV-A",
        f"user at most {LITTLE:.0%} of the power towards the objects; strongest beam to the right-most target",
        _positioning_lights_targets,
    ),
)
