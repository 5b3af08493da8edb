"""Claims of xu2023: what the paper says gives `reproduced`, and altered data turn every verdict."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.papers.ideal_xu2023 import CHOICES, IDEAL, choice_of, drops_of, fading_of, powers

from crbeam.design.methods import method_named
from crbeam.papers.claims import NotMeasured, Verdict, reproduce
from crbeam.papers.xu2023 import drop_claims, proofs, scenes
from crbeam.papers.xu2023.choices import Choice
from crbeam.papers.xu2023.claims import CLAIMS
from crbeam.papers.xu2023.curves import average_dbm, distribution
from crbeam.papers.xu2023.draws import Drops, Powers
from crbeam.papers.xu2023.enumeration import Enumeration, enumeration
from crbeam.papers.xu2023.proofs import Appendix, RankOne
from crbeam.papers.xu2023.scenes import (
    ALGORITHM,
    EXACT,
    FITTED,
    LOSSES,
    ROUNDED,
    SCHEME_1,
    SCHEME_2,
    SCHEME_3,
    SENSING_LIMITED,
)

REPRODUCED, IN_PART, NOT, NOT_TESTABLE = Verdict
NEAREST_BEST = (27.0, 30.0, 31.0, 28.0)


def check(number, data):
    ((_, finding),) = reproduce([claim for claim in CLAIMS if claim.number == number], data)
    return finding


def with_fading(losses=tuple(LOSSES), **changed):
    return replace(IDEAL, fading={**IDEAL.fading, **{name: fading_of(**changed) for name in losses}})


def with_drops(change):
    return replace(IDEAL, drops=Drops(IDEAL.drops.ratios_db, {**IDEAL.drops.powers, **change}))


def with_choices(**changed):
    return replace(IDEAL, choices={losses: {**CHOICES, **changed} for losses in LOSSES})


def never_lost():
    """Scheme 2 in the same drops at every SINR, its gap growing."""
    return {SCHEME_2: powers((40.0, 45.0, 50.0))}


def test_claims_are_numbered():
    assert [claim.number for claim in CLAIMS] == list(range(1, 14))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.number)
def test_data_as_the_paper_says_reproduce_it(claim):
    finding = claim.check(IDEAL)
    assert finding.verdict is REPRODUCED, finding
    assert finding.readings
    assert finding.measured
    assert (finding.interval is None) == (finding.samples is None) == (finding.seed is None)
    if finding.interval is not None:
        assert finding.interval[0] <= finding.interval[1]


def all_stations(level):
    return dict.fromkeys(ALGORITHM.values(), powers(level))


ALTERED = [
    (1, replace(IDEAL, appendix=Appendix(1.0, 1.0, 0.3)), IN_PART),
    (1, replace(IDEAL, appendix=Appendix(1.01, 0.9, 0.3)), NOT),
    (2, replace(IDEAL, rank_one=RankOne(1e-3, 1e-14, -1e-16, 20)), IN_PART),
    (2, replace(IDEAL, rank_one=RankOne(1e-3, 1e-14, -1e-3, 20)), NOT),
    (3, with_fading((SENSING_LIMITED,), receivers_dbm=NEAREST_BEST), IN_PART),
    (3, with_fading(nearest_receiver=50.0), IN_PART),
    (3, with_choices(exact=choice_of(29.7, "bs2", ("bs1",) * 5)), IN_PART),
    (
        3,
        replace(
            with_fading(receivers_dbm=NEAREST_BEST, nearest_receiver=29.8),
            choices={losses: {**CHOICES, EXACT: choice_of(29.7, "bs1", ("bs2",) * 5)} for losses in LOSSES},
        ),
        NOT,
    ),
    (4, with_fading((SENSING_LIMITED,), receivers_dbm=NEAREST_BEST), IN_PART),
    (4, with_fading(receivers_dbm=NEAREST_BEST), NOT),
    (5, with_choices(**{ALGORITHM["nearest"]: choice_of(29.7, trace=(2.0, 3.0))}), IN_PART),
    (6, with_fading(**{ALGORITHM["nearest"].replace("-", "_"): 40.0}), IN_PART),
    (6, with_fading(**{name.replace("-", "_"): np.nan for name in ALGORITHM.values()}), NOT),
    (7, with_drops({SCHEME_1: powers((29.0, 36.5, 41.0))}), IN_PART),
    (8, with_drops({SCHEME_1: powers((35.0, 38.0, 41.0))}), NOT),
    (9, with_drops(never_lost()), NOT),
    (10, with_drops({SCHEME_3: powers((29.0, 36.0, np.nan))}), IN_PART),
    (10, with_drops({SCHEME_3: powers((29.0, np.nan, np.nan))}), NOT),
    (11, with_drops(never_lost()), IN_PART),
    (11, with_drops({EXACT: powers((np.nan, 34.0, 38.0))}), IN_PART),
    (12, replace(IDEAL, enumeration=Enumeration(24, 0.5, 0.51, 3)), IN_PART),
    (12, with_drops({EXACT: powers((30.0, 34.0, 38.0), 1e-2)}), IN_PART),
    (13, with_fading((FITTED,), relax_and_round=31.0), IN_PART),
    (13, with_fading(relax_and_round=31.0), NOT),
]


@pytest.mark.parametrize(
    ("number", "data", "verdict"), ALTERED, ids=[f"{number}-{n}" for n, (number, _, _) in enumerate(ALTERED)]
)
def test_altered_data_turn_the_verdict(number, data, verdict):
    finding = check(number, data)
    assert finding.verdict is verdict, finding


def test_every_claim_is_altered():
    assert {number for number, _, _ in ALTERED} == {claim.number for claim in CLAIMS}


def test_what_was_not_measured_is_not_testable():
    nothing = powers((np.nan,) * 3)
    assert check(8, with_drops({SCHEME_1: nothing})).verdict is NOT_TESTABLE
    assert check(9, with_drops({SCHEME_2: nothing})).verdict is NOT_TESTABLE
    assert check(10, with_drops({SCHEME_3: nothing})).verdict is NOT_TESTABLE
    assert check(13, with_fading(relax_and_round=np.nan)).verdict is NOT_TESTABLE
    assert check(3, replace(IDEAL, choices={})).verdict is NOT_TESTABLE
    untraced = with_choices(**{name: Choice(problem="Infeasible") for name in ALGORITHM.values()})
    assert check(5, untraced).verdict is NOT_TESTABLE


def test_failures_are_no_proof_that_nothing_is_feasible():
    failed = Powers(np.array([[1.0], [np.nan], [np.nan]]), np.ones((3, 1)), np.array([[False], [True], [False]]))
    assert failed.failed == 1
    assert failed.infeasible_share(0).value == 0.5
    with pytest.raises(NotMeasured):
        Powers(np.full((1, 1), np.nan), np.ones((1, 1)), np.zeros((1, 1), dtype=bool)).infeasible_share(0)


def test_averages_leave_out_what_is_infeasible_and_distributions_do_not():
    power_w = np.array([[1e-3], [3e-3], [np.nan]])
    assert average_dbm(power_w) == pytest.approx(10.0 * np.log10(2.0))
    curve = distribution(power_w[:, 0], {})
    assert curve.y[-1] == pytest.approx(2.0 / 3.0)
    gaps = drop_claims.gaps_db(drops_of(), SCHEME_1)
    assert gaps[drop_claims.BY_DROP] == pytest.approx([2.0, 2.5, 3.0])
    assert gaps[drop_claims.ALWAYS] == pytest.approx([2.0, 2.5, 3.0])


def test_the_algorithm_meets_the_first_of_the_draws():
    few, many = scenes.algorithm_study(full=False), scenes.fading_study(FITTED, full=False)
    assert few.random == many.random
    assert few.scenario == many.scenario
    assert few.axes.realisations < many.axes.realisations
    drops = scenes.drops_study(full=True)
    assert drops.axes.realisations == 60
    asked = (*ALGORITHM.values(), EXACT, ROUNDED, SCHEME_1, SCHEME_2, SCHEME_3)
    assert set(asked) == {*many.axes.method, *few.axes.method}, "studies write names in their shortest form"
    assert set(drops.axes.method) < set(asked)
    assert method_named(ALGORITHM["relaxation"]).start == "relaxation"
    assert ROUNDED in many.axes.method


def test_recovered_beams_leave_what_the_user_hears():
    rng = np.random.default_rng(5)
    half = rng.standard_normal((6, 6)) + 1j * rng.standard_normal((6, 6))
    covariance, channel = half @ half.conj().T, rng.standard_normal(6) + 1j * rng.standard_normal(6)
    beam = proofs.recovered_beam(covariance, channel)
    assert abs(channel.conj() @ beam) ** 2 == pytest.approx(np.real(channel.conj() @ covariance @ channel))
    assert np.linalg.eigvalsh(covariance - np.outer(beam, beam.conj()))[0] >= -1e-12
    eigenvalues, vectors = np.linalg.eigh(covariance)
    wrong = np.sqrt(eigenvalues[-1]) * vectors[:, -1]
    assert abs(channel.conj() @ wrong) ** 2 < 0.99 * np.real(channel.conj() @ covariance @ channel)


@pytest.mark.slow
def test_derivations_theorem_and_enumeration_in_the_setting_of_figure_2():
    found = proofs.appendix()
    assert found.finite_differences == pytest.approx(1.0, abs=1e-7)
    assert found.printed == pytest.approx(1.0, abs=1e-9)
    assert found.ranging < 0.5
    part = proofs.rank_one()
    assert part.second < 1e-12
    assert part.change < 1e-10
    small = enumeration()
    assert small.programs == 24
    assert small.searched < small.programs
    assert small.exact_w == pytest.approx(small.power_w, rel=1e-4)


def test_the_page_has_every_claim_with_a_verdict():
    page = (Path(__file__).parents[2] / "docs" / "papers" / "xu2023.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.partition("## Claims")[2].splitlines() if re.match(r"\| \d+ \|", line)]
    assert [int(row[0].strip("| ")) for row in rows] == [claim.number for claim in CLAIMS]
    by_number = {claim.number: claim for claim in CLAIMS}
    for row in rows:
        claim = by_number[int(row[0].strip("| "))]
        assert (row[1], row[2]) == (f"{claim.statement} ({claim.where})", claim.expected)
        assert row[4] in {verdict.words for verdict in Verdict}
