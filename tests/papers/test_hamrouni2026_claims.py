"""Claims of hamrouni2026 as checks: what the paper says gives `reproduced`, and altered data turn every verdict."""

from dataclasses import replace

import numpy as np
import pytest
from tests.papers.ideal_hamrouni2026 import (
    IDEAL,
    SPREAD,
    by_method,
    by_speed,
    by_targets,
    comparison_of,
    motion_bounds,
    outcomes_of,
)

from crbeam.papers.claims import NotMeasured, Verdict, reproduce
from crbeam.papers.hamrouni2026.claims import CLAIMS
from crbeam.papers.hamrouni2026.comparisons import CASES, UNDECIDED, compare, median
from crbeam.papers.hamrouni2026.draws import (
    HINGE,
    JOINT,
    SEPARATE,
    SEQUENTIAL,
    SHARED,
    TRACE,
)
from crbeam.papers.hamrouni2026.gathering import HEADINGS
from crbeam.papers.hamrouni2026.measurements import Accuracy, Ranks
from crbeam.papers.hamrouni2026.mobility import BISTATIC, EXTENDED, SNAPSHOT
from crbeam.papers.hamrouni2026.scenes import GAINS

REPRODUCED, IN_PART, NOT, NOT_TESTABLE = Verdict
ALL_GAINS: tuple[str, ...] = tuple(GAINS)


def check(number, data):
    return next(claim for claim in CLAIMS if claim.number == number).check(data)


def test_claims_are_numbered():
    assert [claim.number for claim in CLAIMS] == list(range(1, 19))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.number)
def test_data_as_the_paper_says_reproduce_it(claim):
    finding = claim.check(IDEAL)
    assert finding.verdict is REPRODUCED, finding
    assert finding.readings
    assert finding.measured
    assert (finding.interval is None) == (finding.samples is None) == (finding.seed is None)
    if finding.interval is not None:
        assert finding.interval[0] <= finding.interval[1]
        assert finding.quantity


def motion(change, *, gains=ALL_GAINS):
    """Bounds by number of targets with some changed: `change` is of the number of targets."""
    table = {key: change(key[1]) if key[0] in gains else value for key, value in IDEAL.by_targets.items()}
    return replace(IDEAL, by_targets=table)


def methods(*, gains=ALL_GAINS, **changed):
    """Outcomes of the trace loss with some methods changed, under some gains."""
    whole = {name.replace("_", "-"): value for name, value in changed.items()}
    table = {
        key: {**value, **whole} if key[0] in gains and key[1] == TRACE else value
        for key, value in IDEAL.outcomes.items()
    }
    return replace(IDEAL, outcomes=table)


def compared(change, *, cases=CASES):
    """Comparisons with the outcomes of some methods changed."""
    changed = {**by_method(), **change}
    table = {
        key: comparison_of(changed, key[2]) if key[:2] in cases else value for key, value in IDEAL.comparisons.items()
    }
    return replace(IDEAL, comparisons=table)


def beams(task, powers, *, gains=ALL_GAINS):
    table = {key: powers if key[1] == task and key[0] in gains else value for key, value in IDEAL.beams.items()}
    return replace(IDEAL, beams=table)


def times(**changed):
    whole = {name.replace("_", "-"): np.outer(SPREAD, np.full(3, value)) for name, value in changed.items()}
    return replace(IDEAL, runtimes_s={gains: {**table, **whole} for gains, table in IDEAL.runtimes_s.items()})


def at_rest(k):
    """Nothing depends on the number of targets, and positioning is bad."""
    del k
    return motion_bounds(1.0, 0.3, 9.0, 3.0, 1.0)


def slow_positioning(k):
    """Positioning hardly knows the velocity."""
    whole = by_targets(k)
    return replace(whole, velocity_mps={**whole.velocity_mps, BISTATIC: 9.0 * SPREAD})


METRES = outcomes_of(1.0, 1.0, 1.0, 1.0)
ALTERED = [
    (1, replace(IDEAL, sensing={heading: Ranks(5, 0, 20, (0,)) for heading in HEADINGS}), NOT),
    (1, replace(IDEAL, sensing={**IDEAL.sensing, HEADINGS[1]: Ranks(5, 1, 20, (0,))}), IN_PART),
    (2, replace(IDEAL, positioning={**IDEAL.positioning, 1: Ranks(5, 0, 12, (0,))}), IN_PART),
    (2, replace(motion(at_rest), positioning={**IDEAL.positioning, 1: Ranks(5, 4, 12, (0,))}), NOT),
    (3, motion(at_rest), NOT),
    (3, motion(at_rest, gains=("Table II",)), IN_PART),
    (4, motion(at_rest), NOT),
    (4, motion(at_rest, gains=("free space",)), IN_PART),
    (5, motion(at_rest), NOT),
    (
        5,
        motion(lambda k: replace(by_targets(k), velocity_mps={**by_targets(k).velocity_mps, BISTATIC: 9.0 * SPREAD})),
        IN_PART,
    ),
    (6, motion(at_rest), NOT),
    (6, motion(at_rest, gains=("Table II",)), IN_PART),
    (7, replace(IDEAL, moving=dict.fromkeys(IDEAL.moving, at_rest(1))), NOT),
    (
        7,
        replace(IDEAL, moving={key: by_speed(5.0 if key[1] == "all slots" else key[2]) for key in IDEAL.moving}),
        IN_PART,
    ),
    (8, replace(IDEAL, preset={gains: dict.fromkeys(SEQUENTIAL, Accuracy(0.5, 1.0, 2.0)) for gains in GAINS}), IN_PART),
    (
        8,
        replace(
            methods(
                shared_sequential=outcomes_of(1.0, 1.0, 1.0, 1.0), separate_sequential=outcomes_of(1.0, 1.0, 1.0, 1.0)
            ),
            preset={gains: dict.fromkeys(SEQUENTIAL, Accuracy(0.5, 0.05, 2.0)) for gains in GAINS},
        ),
        NOT,
    ),
    (9, compared({SHARED: outcomes_of(1.3, 0.04, 0.04, 0.07)}), NOT),
    (9, compared({SHARED: outcomes_of(1.3, 0.02, 0.04, 0.05)}), NOT),
    (9, compared({SHARED: outcomes_of(1.3, 0.04, 0.04, 0.07)}, cases=[("free space", HINGE)]), IN_PART),
    (10, methods(full_bp=outcomes_of(1.0, 0.3, 0.001, 2.0)), IN_PART),
    (
        10,
        methods(shared_sequential=outcomes_of(1.0, 9.0, 9.0, 9.0), separate_sequential=outcomes_of(1.0, 9.0, 9.0, 9.0)),
        NOT,
    ),
    (11, methods(full_bp=outcomes_of(1.0, 0.3, 0.5, 2.0)), IN_PART),
    (11, methods(full_bp=outcomes_of(1.0, 0.3, 0.5, 0.06)), NOT),
    (12, methods(full_ms=outcomes_of(1.0, 0.05, np.nan, 0.2)), NOT),
    (12, methods(gains=("Table II",), full_ms=outcomes_of(1.0, 0.05, np.nan, 0.2)), IN_PART),
    (13, times(shared_sequential=0.05), NOT),
    (14, beams("sensing", {"user": 5.0, "target 1": 4.5, "target 2": 2.0}), NOT),
    (14, beams("sensing", {"user": 5.0, "target 1": 9.0, "target 2": 2.0}, gains=("Table II",)), IN_PART),
    (15, beams("positioning", {"user": 0.1, "target 1": 4.5, "target 2": 2.0}), IN_PART),
    (15, beams("positioning", {"user": 5.0, "target 1": 4.5, "target 2": 2.0}), NOT),
    (16, methods(joint_sequential=outcomes_of(1.0, 0.01, 0.01, 0.04, (0.5, 0.8, 0.95))), IN_PART),
    (17, times(joint_sequential=0.02), NOT),
    (18, compared({SEPARATE: outcomes_of(0.99, 0.03, 0.03, 0.06)}), IN_PART),
    (18, compared({JOINT: outcomes_of(1.3, 0.03, 0.03, 0.06)}), NOT),
    (18, compared({SHARED: outcomes_of(1.0 - 1e-5, 0.02, 0.02, 0.05)}, cases=[("free space", UNDECIDED)]), IN_PART),
]


@pytest.mark.parametrize(
    ("number", "data", "verdict"),
    ALTERED,
    ids=[f"{number}-{verdict.name}-{n}" for n, (number, _, verdict) in enumerate(ALTERED)],
)
def test_altered_data_turn_the_verdict(number, data, verdict):
    finding = check(number, data)
    assert finding.verdict is verdict, finding


def test_every_claim_is_altered():
    assert {number for number, _, _ in ALTERED} == {claim.number for claim in CLAIMS}


def test_what_was_not_measured_is_not_testable():
    nothing = replace(IDEAL, outcomes={}, by_targets={key: empty() for key in IDEAL.by_targets})
    verdicts = {claim.number: finding.verdict for claim, finding in reproduce(CLAIMS, nothing)}
    assert {number for number, verdict in verdicts.items() if verdict is NOT_TESTABLE} >= {
        2,
        3,
        4,
        5,
        6,
        8,
        10,
        11,
        12,
        16,
    }


def empty():
    nothing = np.full(3, np.nan)
    return type(by_targets(1))(nothing, nothing, dict.fromkeys((BISTATIC, SNAPSHOT, EXTENDED), nothing))


def values(loss, others=1.0):
    return {"loss": np.array(loss), **{name: others * np.ones(len(loss)) for name in list(IDEAL_NAMES)}}


IDEAL_NAMES = ("user_position_m", "user_velocity_mps", "target_position_m")


def test_scenes_in_which_all_thresholds_are_met_do_not_count_in_the_loss():
    found = {JOINT: values([0.0, 1.0, 1.0]), SHARED: values([0.0, 1.5, np.nan], 0.5), SEPARATE: values([0.0, 2.0, 3.0])}
    part = compare(found)
    assert part.better["loss"].value == 1.0
    assert part.better["user_position_m"].value == 1.0
    assert part.scenes == 2
    np.testing.assert_allclose(part.excess[SHARED], [1.5])
    np.testing.assert_allclose(part.excess[SEPARATE], [2.0])
    with pytest.raises(NotMeasured, match="tells the designs apart"):
        compare({name: values([0.0, 0.0]) for name in SEQUENTIAL})


def test_the_interval_of_a_median_contains_it_as_often_as_it_says():
    rng = np.random.default_rng(3)
    draws = rng.exponential(size=(2000, 20))
    intervals = [median(row) for row in draws]
    hits = np.mean([each.low <= np.log(2.0) <= each.high for each in intervals])
    assert 0.95 <= hits <= 0.985
    narrow = np.mean([np.sort(row)[8] <= np.log(2.0) <= np.sort(row)[11] for row in draws])
    assert narrow < 0.9
    with pytest.raises(NotMeasured):
        median(np.array([1.0, np.nan]))
