"""The framework of claims: verdicts follow from readings, and tables carry everything."""

import json

import numpy as np
import pytest

from crbeam.errors import InvalidInput
from crbeam.evaluation.error_statistics import expectation, share
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

REPRODUCED, IN_PART, NOT, NOT_TESTABLE = Verdict


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
