"""Claims as checks: what the paper says gives `reproduced`, and altered data turn every verdict."""

from dataclasses import replace

import numpy as np
import pytest
from tests.papers.ideal_measurements import COUNTS, IDEAL, curve_of, hyperbola

from crbeam.papers.claims import Verdict, reproduce
from crbeam.papers.zhang2025.claims import CLAIMS
from crbeam.papers.zhang2025.curves import WEIGHTS
from crbeam.papers.zhang2025.measurements import (
    AMPLITUDES,
    ANALOG,
    PHASES,
    RANDOM_ROOT,
    READINGS,
    ROOT_DRAWS,
    ROOT_NAMES,
    Effort,
    Front,
    Measurements,
    front_excess,
)
from crbeam.papers.zhang2025.transmission_claims import saturation

REPRODUCED, IN_PART, NOT, NOT_TESTABLE = Verdict


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.number)
def test_data_as_the_paper_says_reproduce_it(claim):
    finding = claim.check(IDEAL)
    assert finding.verdict is REPRODUCED, finding
    assert finding.readings
    assert (finding.interval is None) == (finding.samples is None) == (finding.seed is None)
    if finding.interval is not None:
        assert finding.interval[0] <= finding.interval[1]
        assert finding.quantity


def altered(table, change, *, keys=lambda _: True):
    """A table with some of its entries changed."""
    return {key: change(value) if keys(key) else value for key, value in table.items()}


def curves_of(data, method, change, *, readings=tuple(READINGS), counts=COUNTS):
    chosen = {(reading, k, method) for reading in readings for k in counts}
    return replace(data, curves=altered(data.curves, change, keys=chosen.__contains__))


def scaled(factor):
    """A curve whose root bounds are larger by a factor."""

    def change(curve):
        return replace(
            curve,
            objective_m2=tuple(factor**2 * value for value in curve.objective_m2),
            positioning_m=tuple(factor * value for value in curve.positioning_m),
            sensing_m=tuple(factor * value for value in curve.sensing_m),
        )

    return change


def at_one_weight(factor, weight=0.5):
    """A curve whose root bounds are larger by a factor at one weight only."""

    def change(curve):
        whole = scaled(factor)(curve)
        place = curve.at(weight)

        def mixed(name):
            old, new = getattr(curve, name), getattr(whole, name)
            return (*old[:place], new[place], *old[place + 1 :])

        return replace(curve, **{name: mixed(name) for name in ("objective_m2", "positioning_m", "sensing_m")})

    return change


def powers(*power_w):
    return lambda curve: replace(curve, directed_power_w=(power_w,) * len(curve.weights))


def fused(change):
    return lambda data: curves_of(data, "fusion", change, readings=("default",))


def three_targets_as_one(data):
    ends = {**data.ends, ("default", 3, "fdb-wcrb"): data.ends["default", 1, "fdb-wcrb"]}
    return replace(data, ends=ends)


def mirrored_targets(data):
    """As if one target were three, in every reading and draw."""
    ends = {(reading, 4 - k if method == "fdb-wcrb" else k, method): c for (reading, k, method), c in data.ends.items()}
    draws = {
        (kind, 4 - k if (kind, method) == (PHASES, "fdb-wcrb") else k, method): c
        for (kind, k, method), c in data.draws.items()
    }
    return replace(data, ends=ends, draws=draws)


def phases_the_other_way(data):
    draws = {**data.draws, (PHASES, 3, "fdb-wcrb"): data.draws[PHASES, 1, "fdb-wcrb"]}
    return replace(data, draws=draws)


def growing(curve):
    """A fused curve without a trade-off: both bounds grow."""
    return replace(curve, positioning_m=curve.positioning_m[::-1])


def wide(curve):
    """A fused curve that is far from a point."""
    return replace(curve, positioning_m=tuple(0.05 - 0.045 * weight for weight in curve.weights))


def uncertified(curve):
    return replace(curve, lower_bound_m2=tuple(0.9 * value for value in curve.lower_bound_m2))


def slow_trace(trace):
    return tuple(np.linspace(trace[0], trace[-1], 19))


def rising_trace(trace):
    return (*trace[:1], trace[0] * 1.2, *trace[1:])


def descents(change):
    return lambda data: replace(
        data, descents={0.1: tuple(change(trace) for trace in data.descents[0.1]), 0.9: data.descents[0.9]}
    )


def random_roots(change):
    def alter(data):
        keys = {(ROOT_DRAWS, k, RANDOM_ROOT) for k in COUNTS}
        return replace(data, draws=altered(data.draws, lambda c: tuple(map(change, c)), keys=keys.__contains__))

    return alter


def every_root_equal(data):
    """Beamformer mismatch of every root as good as covariance mismatch at K = 1, 2, 3."""
    for method in ROOT_NAMES.values():
        for reading in READINGS:
            for k in COUNTS:
                curves = {**data.curves, (reading, k, method): data.curves[reading, k, "fdb-wcm"]}
                data = replace(data, curves=curves)
    return random_roots(lambda curve: hyperbola(curve.weights, 0.01, 0.01))(data)


def fields_of(name, change, keys=lambda _: True):
    return lambda data: replace(data, **{name: altered(getattr(data, name), change, keys=keys)})


def bad_for_all(data):
    return replace(data, ends=altered(data.ends, powers(1.0, 4.0, 1.0, 1.0)))


def of_one_method(curve):
    return lambda data: replace(
        data, ends={**data.ends, ("default", 3, "analog-fdb"): curve(IDEAL.ends["default", 3, "analog-fdb"])}
    )


ALTERATIONS = [
    (1, three_targets_as_one, IN_PART),
    (1, phases_the_other_way, IN_PART),
    (1, mirrored_targets, NOT),
    (2, lambda data: curves_of(data, "fdb-wcm", scaled(0.9), readings=("default",)), IN_PART),
    (2, lambda data: curves_of(data, "cpa-wcrb", uncertified), IN_PART),
    (2, lambda data: replace(data, curves=altered(data.curves, uncertified)), NOT),
    (3, lambda data: curves_of(data, "cpa-wbf", at_one_weight(0.9), readings=("default",)), IN_PART),
    (3, random_roots(scaled(0.9)), IN_PART),
    (
        3,
        lambda data: random_roots(scaled(0.8))(
            replace(data, curves=altered(data.curves, scaled(2.0), keys=lambda key: key[2].endswith("-wcm")))
        ),
        NOT,
    ),
    (4, lambda data: curves_of(data, "fdb-wbf", scaled(1.1), counts=(1,)), IN_PART),
    (4, every_root_equal, NOT),
    (5, lambda data: curves_of(data, "fdb-wcm", at_one_weight(1.1), readings=("default",)), IN_PART),
    (
        5,
        lambda data: replace(data, curves=altered(data.curves, scaled(1.2), keys=lambda key: key[2].endswith("-wcm"))),
        NOT,
    ),
    (6, lambda data: curves_of(data, "cpa-wcrb", at_one_weight(0.8), readings=("default",)), IN_PART),
    (
        6,
        lambda data: replace(data, draws={**data.draws, (PHASES, 3, "cpa-wcrb"): data.draws[PHASES, 3, "fdb-wcrb"]}),
        IN_PART,
    ),
    (7, lambda data: curves_of(data, ANALOG[0], at_one_weight(1.5), readings=("default",)), IN_PART),
    (7, lambda data: curves_of(data, ANALOG[0], scaled(1.5), readings=AMPLITUDES), NOT),
    (8, lambda data: curves_of(data, ANALOG[1], at_one_weight(0.5), readings=("default",)), IN_PART),
    (8, lambda data: curves_of(curves_of(data, ANALOG[0], scaled(0.5)), ANALOG[1], scaled(0.5)), NOT),
    (9, fused(scaled(20.0)), IN_PART),
    (9, fused(wide), IN_PART),
    (9, fused(growing), IN_PART),
    (10, of_one_method(powers(1.0, 1.5, 0.1, 0.1)), IN_PART),
    (10, bad_for_all, NOT),
    (11, of_one_method(powers(1.0, 0.1, 0.1, 1.5)), IN_PART),
    (11, bad_for_all, NOT),
    (12, descents(slow_trace), IN_PART),
    (12, descents(rising_trace), IN_PART),
    (
        12,
        lambda data: replace(data, descents=altered(data.descents, lambda traces: tuple(map(slow_trace, traces)))),
        NOT,
    ),
    (13, lambda data: replace(data, pattern_errors=(0.05, 0.5)), IN_PART),
    (13, lambda data: replace(data, pattern_errors=(0.05, 0.9)), NOT),
    (14, fields_of("information", lambda part: replace(part, is_identified=True)), IN_PART),
    (14, fields_of("information", lambda part: replace(part, is_identified=not part.is_identified)), NOT),
    (15, fields_of("efforts", lambda part: replace(part, dimensions=64), keys=lambda count: count == 64), IN_PART),
    (16, lambda data: replace(data, analog_decreases=(0.1, 0.11, 0.12, 0.13, 0.14, 0.15, -0.001)), IN_PART),
    (16, lambda data: replace(data, analog_decreases=(0.5, 0.0)), IN_PART),
    (16, lambda data: replace(data, analog_decreases=(0.1, -0.1, 0.01)), NOT),
    (15, lambda data: replace(data, efforts={n: Effort(n * n, 1e-4 * n * n, 1.0) for n in data.efforts}), NOT),
]


@pytest.mark.parametrize(("number", "change", "verdict"), ALTERATIONS)
def test_altered_data_turn_the_verdict(number, change, verdict):
    (claim,) = [claim for claim in CLAIMS if claim.number == number]
    finding = claim.check(change(IDEAL))
    assert finding.verdict is verdict, finding
    assert finding.measured != claim.check(IDEAL).measured or finding.readings != claim.check(IDEAL).readings


def test_every_claim_has_an_alteration_and_a_number():
    numbers = [claim.number for claim in CLAIMS]
    assert numbers == list(range(1, 17))
    assert {number for number, _, _ in ALTERATIONS} == set(numbers)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.number)
def test_without_its_data_a_claim_is_not_testable(claim):
    reason = "the method failed"
    empty = Measurements({}, {}, {}, {}, 7, reason, reason, IDEAL.information, IDEAL.efforts, reason)
    (result,) = reproduce([claim], empty)
    expected = REPRODUCED if claim.number in (14, 15) else NOT_TESTABLE
    assert result[1].verdict is expected


def test_excess_over_a_front():
    front = Front(WEIGHTS, hyperbola(WEIGHTS, 0.01).lower_bound_m2)
    np.testing.assert_allclose(front_excess(hyperbola(WEIGHTS, 0.01), front), 0.0, atol=1e-12)
    np.testing.assert_allclose(front_excess(hyperbola(WEIGHTS, 0.01, 0.07), front), 0.07, atol=1e-12)
    away = curve_of((0.5,), (0.5,), (0.0,), (1.0,), (0.01 / 0.9,))
    assert front_excess(away, front)[0] > 0.04


def test_saturation_counts_outer_iterations():
    assert saturation((1.0, 0.5, 0.2, 0.2)) == 2
    assert saturation((1.0, 0.2, 0.2)) == 1
    assert saturation(np.linspace(1.0, 0.0, 11)) == 10
