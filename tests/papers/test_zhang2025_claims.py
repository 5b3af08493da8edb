"""Claims as checks: what the paper says gives `reproduced`, and altered data turn every verdict."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from crbeam.design.methods import method_named
from crbeam.errors import InvalidInput
from crbeam.evaluation import tradeoff
from crbeam.evaluation.error_statistics import expectation, share
from crbeam.interfaces.command_line import app
from crbeam.papers import reproduction
from crbeam.papers.claims import (
    Claim,
    Finding,
    NotMeasured,
    Sampling,
    Verdict,
    claim_records,
    claims_markdown,
    found,
    reproduce,
    sampling_words,
    verdict_on,
    write_claims,
)
from crbeam.papers.wording import change_range, changes, listed
from crbeam.papers.zhang2025 import gathering
from crbeam.papers.zhang2025.claims import CLAIMS
from crbeam.papers.zhang2025.curves import WEIGHTS, scenario_with
from crbeam.papers.zhang2025.measurements import (
    AMPLITUDES,
    ANALOG,
    BEAMPATTERN_METHODS,
    FAMILIES,
    PHASES,
    RANDOM_ROOT,
    READINGS,
    ROOT_DRAWS,
    ROOT_NAMES,
    STARTS,
    Curve,
    Effort,
    Front,
    Measurements,
    StateInformation,
    front_excess,
)
from crbeam.papers.zhang2025.transmission_claims import saturation

REPRODUCED, IN_PART, NOT, NOT_TESTABLE = Verdict
COUNTS = (1, 2, 3)


# ---------------------------------------------------------------- the framework


@pytest.mark.parametrize(
    ("readings", "verdict"),
    [
        ({"a": True, "b": True}, REPRODUCED),
        ({"a": True, "b": False}, IN_PART),
        ({"a": False, "b": False}, NOT),
        ({}, NOT_TESTABLE),
    ],
)
def test_a_verdict_follows_from_the_readings(readings, verdict):
    assert verdict_on(readings) is verdict
    finding = found(readings, "numbers", {verdict: "because"})
    assert finding.verdict is verdict
    assert finding.reason.endswith("because")
    assert dict(finding.readings) == readings


def test_verdicts_have_the_words_of_the_table():
    words = ["reproduced", "reproduced in part", "not reproduced", "not testable"]
    assert [verdict.words for verdict in Verdict] == words
    assert all(verdict.value.endswith(".") for verdict in Verdict)


def test_parts_that_fail_are_listed_by_reading():
    readings = {"a (x)": False, "b (x)": False, "c (y)": False, "d": False, "e (x)": True}
    assert found(readings, "", {}).reason == "Not met for a, b (x); c (y); d."


def above(limit):
    def check(data):
        if data is None:
            raise NotMeasured("there is no number")
        return found({"only": data > limit}, f"{data:g}", {}, sampling=Sampling(9, 1, "it (m)", (data - 1, data + 1)))

    return Claim(1, "It is | large.", "Fig. 1", f"above {limit}", check)


def test_checks_get_the_data_and_missing_data_are_not_testable():
    verdicts = [reproduce([above(3.0)], data)[0][1].verdict for data in (4.0, 2.0, None)]
    assert verdicts == [REPRODUCED, NOT, NOT_TESTABLE]
    assert reproduce([above(3.0)], None)[0][1].reason == "there is no number"


def test_records_and_table_carry_everything(tmp_path):
    results = reproduce([above(3.0)], 4.0)
    (record,) = claim_records(results)
    assert record == {
        "number": 1,
        "statement": "It is | large.",
        "where": "Fig. 1",
        "expected": "above 3.0",
        "measured": "4",
        "verdict": "reproduced",
        "reason": "",
        "readings": {"only": True},
        "samples": 9,
        "seed": 1,
        "quantity": "it (m)",
        "interval": [3.0, 5.0],
    }
    lines = claims_markdown(results).splitlines()
    assert {line.count("|") for line in lines[:3]} == {7}
    assert "95 % interval of it (m): 3 to 5 (n = 9, seed 1)" in lines[2]
    assert sampling_words(Finding("", REPRODUCED, "")) == ""
    page, document = write_claims(tmp_path, "some2025", results)
    assert page.read_text().startswith("# Claims of some2025")
    assert json.loads(document.read_text()) == {"paper": "some2025", "claims": [record]}


def test_intervals_cover_and_miss_as_often_as_they_say(rng):
    found = [expectation(rng.normal(1.0, 2.0, 8)) for _ in range(600)]
    assert 0.92 <= np.mean([each.low <= 1.0 <= each.high for each in found]) <= 0.975
    narrow = [abs(each.value - 1.0) <= 0.6 * (each.high - each.value) for each in found]
    assert np.mean(narrow) < 0.9
    shares = [share(int(rng.binomial(12, 0.7)), 12) for _ in range(200)]
    assert np.mean([each.low <= 0.7 <= each.high for each in shares]) >= 0.93
    for wrong in (lambda: expectation(np.ones(1)), lambda: share(3, 2), lambda: share(0, 0), lambda: share(-1, 2)):
        with pytest.raises(InvalidInput):
            wrong()


def test_words_of_numbers():
    assert listed([0.08738, 12.0]) == "0.0874, 12"
    assert changes([0.0123, -0.5]) == "+1.2%, -50.0%"
    assert change_range([0.02, -0.01, 0.0]) == "-1.0% to +2.0%"


# ---------------------------------------------------------------- data in which everything is as the paper says


def hyperbola(weights, size_m2, excess=0.0):
    """Points of the front `X Y = size^2`, root bounds larger by a relative excess."""
    weight = np.array(weights)
    optimum = 2.0 * size_m2 * np.sqrt(weight * (1.0 - weight))
    ratio = np.sqrt((1.0 - weight) / weight)
    roots = (1.0 + excess) * np.sqrt([size_m2 * ratio, size_m2 / ratio])
    objective = weight * roots[0] ** 2 + (1.0 - weight) * roots[1] ** 2
    return curve_of(weights, objective, optimum, roots[0], roots[1])


def curve_of(weights, objective, optimum, positioning_m, sensing_m, power_w=(4.0, 1.0, 2.0, 1.0)):
    columns = [tuple(float(value) for value in column) for column in (objective, optimum, positioning_m, sensing_m)]
    return Curve(tuple(weights), *columns, (power_w,) * len(weights))


def ends_of(bistatic_m, monostatic_m):
    return curve_of((1.0, 0.0), (bistatic_m**2, monostatic_m**2), (0.0, 0.0), (bistatic_m, 1.0), (1.0, monostatic_m))


def excesses(n_targets):
    """Relative excess of each scheme over the front of its family."""
    wbf = 0.01 + 0.01 * n_targets
    roots = dict.fromkeys(ROOT_NAMES.values(), wbf)
    return {"fdb-wcrb": 0.0, "fdb-wcm": 0.01, **roots, "cpa-wcrb": 0.0, "cpa-wcm": 0.01, "cpa-wbf": wbf}


def fused_curve():
    step = np.array(WEIGHTS)
    return curve_of(WEIGHTS, step, step, 0.015 - 1e-4 * step, 0.03 + 1e-4 * step)


def ideal():
    """Measurements in which every claim holds."""
    size = {"fdb": 0.01, "cpa": 0.01 * 1.1**2}
    curves, fronts, ends, draws = {}, {}, {}, {}
    for reading in READINGS:
        for k in COUNTS:
            for method, excess in excesses(k).items():
                curves[reading, k, method] = hyperbola(WEIGHTS, size[method[:3]], excess)
            for family in FAMILIES:
                bound = hyperbola(WEIGHTS, size[family]).lower_bound_m2
                fronts[reading, k, family] = Front(WEIGHTS, bound)
            ends[reading, k, "fdb-wcrb"] = ends_of(0.1 - 0.01 * k, 0.1 + 0.01 * k)
        ends |= {(reading, 3, method): ends_of(0.07, 0.13) for method in BEAMPATTERN_METHODS}
        curves[reading, 3, "fusion"] = fused_curve()
    for reading in AMPLITUDES:
        curves |= {
            (reading, 3, ANALOG[0]): hyperbola(WEIGHTS, 0.01, 0.3),
            (reading, 3, ANALOG[1]): hyperbola(WEIGHTS, 0.01, 0.4),
        }
    for k in COUNTS:
        draws[PHASES, k, "fdb-wcrb"] = tuple(phase_draw(k, draw) for draw in range(6))
        draws[ROOT_DRAWS, k, RANDOM_ROOT] = tuple(
            hyperbola(WEIGHTS, 0.01, 0.01 + 0.02 * k + 1e-3 * draw) for draw in range(5)
        )
    draws[PHASES, 3, "cpa-wcrb"] = tuple(phase_draw(3, draw, 1.1 + 1e-3 * draw) for draw in range(6))
    draws[STARTS, 3, ANALOG[0]] = tuple(hyperbola((0.1, 0.5, 0.9), 0.01, 0.3 + 1e-3 * draw) for draw in range(4))
    information = {0: StateInformation(6, 5, False), 1: StateInformation(10, 10, True)}
    efforts = {antennas: Effort(8, 0.005, 0.01) for antennas in (16, 32, 64)}
    traces = ((1.0, 0.3, 0.21, 0.2, 0.2), (0.9, 0.25, 0.2005, 0.2))
    return Measurements(
        curves, fronts, ends, draws, 7, {0.1: traces, 0.9: traces}, (0.05, 0.06), information, efforts, (0.1, 0.2, 0.15)
    )


def phase_draw(n_targets, draw, factor=1.0):
    bistatic, monostatic = 0.1 - 0.01 * n_targets + 1e-3 * (draw % 3), 0.1 + 0.01 * n_targets + 1e-4 * draw
    middle = 0.01 * factor**2
    objective = (monostatic**2, middle, bistatic**2)
    return curve_of((0.0, 0.5, 1.0), objective, (0.0, 0.0, 0.0), (1.0, 0.1, bistatic), (monostatic, 0.1, 1.0))


IDEAL = ideal()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.number)
def test_data_as_the_paper_says_reproduce_it(claim):
    finding = claim.check(IDEAL)
    assert finding.verdict is REPRODUCED, finding
    assert finding.readings
    assert (finding.interval is None) == (finding.samples is None) == (finding.seed is None)
    if finding.interval is not None:
        assert finding.interval[0] <= finding.interval[1]
        assert finding.quantity


# ---------------------------------------------------------------- altered data


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


# ---------------------------------------------------------------- measuring


def test_excess_over_a_front():
    front = Front(WEIGHTS, hyperbola(WEIGHTS, 0.01).lower_bound_m2)
    np.testing.assert_allclose(front_excess(hyperbola(WEIGHTS, 0.01), front), 0.0, atol=1e-12)
    np.testing.assert_allclose(front_excess(hyperbola(WEIGHTS, 0.01, 0.07), front), 0.07, atol=1e-12)
    away = curve_of((0.5,), (0.5,), (0.0,), (1.0,), (0.01 / 0.9,))
    assert front_excess(away, front)[0] > 0.04


def test_a_curve_in_numbers_is_that_of_the_designs():
    scenario = scenario_with(3)
    curve = gathering.curve_numbers(scenario, tradeoff(scenario, [method_named("fdb-wcrb")], (0.0, 0.5)))
    assert curve.objective_m2[1] == pytest.approx(0.0118383125, rel=1e-6)
    assert np.all(curve.gap <= 1e-6)
    assert curve.bounds_m[1] == pytest.approx((0.08426203, 0.1287499), rel=1e-5)
    assert int(np.argmax(curve.directed_power_w[0])) == 0
    assert curve.only((0.5,)).bounds_m[0] == pytest.approx(curve.bounds_m[1])
    with pytest.raises(NotMeasured, match=r"weight 0\.3"):
        curve.at(0.3)


def test_missing_bounds_and_failed_designs_are_named():
    scenario = scenario_with(1)
    (point,) = tradeoff(scenario, [method_named("fdb-wcrb")], (0.0,))
    with pytest.raises(NotMeasured, match="does not exist"):
        _ = gathering.curve_numbers(scenario, [point]).bounds_m
    with pytest.raises(NotMeasured, match=r"fdb-wcrb failed at weight 0: no such luck"):
        gathering.curve_numbers(scenario, [replace(point, design=InvalidInput("no such luck"), evaluation=None)])


def test_draws_differ_and_repeat():
    first, second = (gathering._seeded_draws(2, RANDOM_ROOT, (0.2, 0.6), 2) for _ in range(2))
    assert first == second
    assert first[0].objective_m2 != first[1].objective_m2
    phases = gathering._phase_draws(1, "fdb-wcrb", 2)
    assert phases[0].objective_m2 != phases[1].objective_m2
    assert phases == gathering._phase_draws(1, "fdb-wcrb", 2)


def test_saturation_counts_outer_iterations():
    assert saturation((1.0, 0.5, 0.2, 0.2)) == 2
    assert saturation((1.0, 0.2, 0.2)) == 1
    assert saturation(np.linspace(1.0, 0.0, 11)) == 10


@pytest.mark.slow
def test_random_scenes_differ_and_repeat(monkeypatch):
    schemes = {"analog-wcrb": "analog-wcrb:starts=1,max_iterations=20", "analog-fdb": "analog-fdb:starts=1"}
    monkeypatch.setattr(gathering, "method_named", lambda key: method_named(str(schemes.get(key, key))))
    decreases = gathering._analog_decreases(2)
    assert decreases[0] != decreases[1]
    assert min(decreases) > 0.0
    assert decreases == gathering._analog_decreases(2)


def test_observations_without_a_target_lack_one_number():
    assert gathering._state_information(0) == StateInformation(6, 5, False)
    assert gathering._state_information(1) == StateInformation(10, 10, True)


def small_gather(*, full, report):
    assert not full
    report("everything")
    return IDEAL


@pytest.mark.slow
def test_the_verb_writes_the_table_and_reports_a_failed_claim_without_an_error(tmp_path, monkeypatch):
    papers = {"zhang2025": reproduction.PaperClaims((*CLAIMS[:1], above_nothing()), small_gather)}
    monkeypatch.setattr(reproduction, "_PAPERS", papers)
    monkeypatch.setattr(reproduction, "figures", lambda: {"zhang2025": {"3": "Codewords"}})
    result = CliRunner().invoke(app, ["reproduce", "zhang2025", "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    document = json.loads(result.stdout)
    assert set(document) == {"paper", "claims", "files"}
    assert [claim["verdict"] for claim in document["claims"]] == ["reproduced", "not reproduced"]
    names = {file.rsplit("/", 1)[1] for file in document["files"]}
    assert names == {
        "zhang2025_figure_3.pdf",
        "zhang2025_figure_3.png",
        "zhang2025_figure_3.csv",
        "claims.md",
        "claims.json",
    }
    assert json.loads((tmp_path / "claims.json").read_text())["claims"] == document["claims"]
    monkeypatch.setattr(reproduction, "make_figure", lambda *_, **__: [])
    words = CliRunner().invoke(app, ["reproduce", "zhang2025", "--out", str(tmp_path)])
    assert words.exit_code == 0
    assert "not reproduced" in words.stdout
    assert words.stderr.splitlines() == ["crbeam: figure 3", "crbeam: claims: everything"]


def above_nothing():
    return Claim(2, "Never.", "nowhere", "never", lambda _: found({"only": False}, "nothing", {}))


def test_an_unknown_paper_is_bad_input():
    result = CliRunner().invoke(app, ["reproduce", "zhang2024"])
    assert result.exit_code == 2
    assert "one of zhang2025, found `zhang2024`" in result.stderr


#: Verdicts of our conventions; those in part depend on what the paper leaves open.
VERDICTS = {3: IN_PART, 4: NOT, 7: IN_PART, 11: IN_PART, 13: IN_PART}


@pytest.mark.slow
def test_the_paper_made_again(tmp_path):
    command = [
        str(Path(sys.executable).with_name("crbeam")),
        "reproduce",
        "zhang2025",
        "--out",
        str(tmp_path),
        "--json",
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    verdicts = {claim["number"]: claim["verdict"] for claim in document["claims"]}
    assert verdicts == {number: VERDICTS.get(number, REPRODUCED).words for number in range(1, 17)}
    assert {f"zhang2025_figure_{number}.png" for number in range(2, 7)} <= {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / "claims.md").read_text().count("\n| ") == 18
    page = (Path(__file__).parents[2] / "docs" / "papers" / "zhang2025.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.partition("## Claims")[2].splitlines() if re.match(r"\| \d+ \|", line)]
    assert {int(row[0].strip("| ")): row[4] for row in rows} == verdicts
