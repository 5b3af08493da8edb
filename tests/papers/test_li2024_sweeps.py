"""Claims of li2024 on hybrid arrays: what the paper says gives `reproduced`, altered data turn every verdict."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from tests.papers.ideal_li2024 import converged, convergence, outcomes, sweep, sweeps, with_sweep

from crbeam.papers import figures, make_figure
from crbeam.papers.claims import Verdict, reproduce
from crbeam.papers.li2024 import convergence as convergence_module
from crbeam.papers.li2024 import convergence_claims, draws, gathering, sweep_claims, sweep_figure
from crbeam.papers.li2024.claims import CLAIMS
from crbeam.papers.li2024.draws import FAR_DB, RAISED_DB, SINR_DB, SIZES
from crbeam.papers.li2024.measurements import Measurements, Positioning
from crbeam.papers.runs import PaperRun
from crbeam.studies import Study
from crbeam.studies.scenes import scene

REPRODUCED, IN_PART, NOT, NOT_TESTABLE = Verdict
NOTHING = Positioning(1, {}, 0.0, {})
IDEAL = Measurements(NOTHING, convergence(), sweeps(), 1e-12)
HYBRID_CLAIMS = {claim.number: claim for claim in (*convergence_claims.CLAIMS, *sweep_claims.CLAIMS)}
LARGE, SMALL = SIZES


def verdict(number, data):
    ((_, finding),) = reproduce([HYBRID_CLAIMS[number]], data)
    return finding.verdict


def altered(direction="downlink", size=LARGE, **changes):
    return replace(IDEAL, sweeps=with_sweep(IDEAL.sweeps, direction, size, **changes))


def everywhere(**changes):
    changed = replace(sweep(), **changes)
    return replace(IDEAL, sweeps={way: dict.fromkeys(SIZES, changed) for way in draws.DIRECTIONS})


def with_convergence(direction, **changes):
    return replace(IDEAL, convergence={**IDEAL.convergence, direction: converged(**changes)})


FLAT = outcomes(SINR_DB, np.ones(len(SINR_DB)))
FALLING = replace(sweep().hybrid, angle_rad=sweep().hybrid.angle_rad[:, ::-1])
BETTER_FAR = outcomes(FAR_DB, 0.9 * np.ones(len(FAR_DB)), worst_sinr_db=np.asarray(FAR_DB) - 15.0)
SERVING_FAR = outcomes(RAISED_DB, 0.9 * np.ones(len(RAISED_DB)))
REVERSED_CHAINS = replace(sweep().by_chain, range_m=sweep().by_chain.range_m[:, ::-1])
LOOSE = replace(sweep().hybrid, lower_bound=0.5 * sweep().hybrid.objective)
COSTLY = outcomes(SINR_DB, 1.2 * sweep().digital.range_m[0])
BELOW = replace(sweep().hybrid, objective=0.9 * sweep().digital.objective)


@pytest.mark.parametrize("claim", HYBRID_CLAIMS.values(), ids=lambda claim: claim.number)
def test_data_as_the_paper_says_reproduce_it(claim):
    finding = claim.check(IDEAL)
    assert finding.verdict is REPRODUCED, finding
    assert finding.readings


@pytest.mark.parametrize(
    ("number", "data", "expected"),
    [
        (2, with_convergence("downlink", violations=(1e-1, 1e-2, 9e-4)), IN_PART),
        (2, with_convergence("downlink", violations=(1e-1, 9e-2)), NOT),
        (3, with_convergence("uplink", published=(2.0, 1.5)), NOT),
        (3, with_convergence("uplink", published=tuple(np.linspace(2.0, 1.0, 30))), NOT),
        (16, replace(IDEAL, four_parameter_error=0.1), NOT),
        (17, with_convergence("uplink", polished=0.9), IN_PART),
        (7, altered(digital=FLAT), IN_PART),
        (7, everywhere(digital=FLAT, hybrid=FLAT), NOT),
        (8, altered(hybrid=FALLING), IN_PART),
        (9, altered(far_hybrid=BETTER_FAR), IN_PART),
        (9, altered(far_digital=SERVING_FAR), IN_PART),
        (10, altered(by_chain=REVERSED_CHAINS), IN_PART),
        (11, altered("uplink", digital=FLAT), IN_PART),
        (12, altered("uplink", far_hybrid=BETTER_FAR), IN_PART),
        (13, altered("uplink", SMALL, by_chain=REVERSED_CHAINS), IN_PART),
        (14, altered(hybrid=BELOW), IN_PART),
        (15, altered("uplink", hybrid=COSTLY), IN_PART),
        (15, everywhere(hybrid=COSTLY), NOT),
        (21, altered(hybrid=LOOSE), IN_PART),
    ],
)
def test_altered_data_turn_the_verdict(number, data, expected):
    assert verdict(number, data) is expected


@pytest.mark.parametrize("number", HYBRID_CLAIMS)
def test_what_was_not_measured_is_not_testable(number):
    assert verdict(number, Measurements(NOTHING)) is NOT_TESTABLE


def test_all_claims_are_in_the_table():
    assert set(HYBRID_CLAIMS) <= {claim.number for claim in CLAIMS}


def test_far_designs_count_once_their_users_get_what_they_need():
    """Raised by 12 dB they serve; so 15 dB more of a requirement than the list has cannot be rescued."""
    near, far = sweep().digital, sweep().far_digital
    ratios, cases = sweep_claims.rescued(near, far)
    assert cases == near.range_m.size
    rescued_at = [level for level in SINR_DB if level + 12.0 <= RAISED_DB[-1]]
    assert ratios.size == len(rescued_at) * len(near.range_m)
    first = 1.1 * (1.0 + 0.01 * min(level for level in RAISED_DB if level >= 12.0))
    assert ratios[0] == pytest.approx(first)


def test_two_forms_of_the_bound_agree():
    assert gathering.four_parameter_error() < 1e-9


def test_studies_draw_the_same_channels_for_every_design():
    """Over waves, ratios and methods; the users of one size are those of the other."""
    made = {
        (size, kind): study for size in SIZES for kind, study in draws.studies("downlink", size, full=False).items()
    }
    places = {
        key: scene(study, (0,) * len(study.axes.fields), 3).seed
        for key, study in made.items()
        if isinstance(study, Study)
    }
    assert len(set(places.values())) == 1
    assert made[LARGE, "far"].axes.fields["waves"].values == ("far",)
    assert made[LARGE, "near"].axes.method == ("digital", draws.HYBRID["downlink"])
    small = scene(made[SMALL, "chains"], (0, 1), 0)
    assert small.served_users.antennas_per_chain == draws.OTHER_PER_CHAIN[1]
    assert small.stations["main"].transmit_array.elements == 32


def test_expected_time_is_told_before_anything_else():
    assert "640 designs" in draws.expected_words(full=False)
    assert "8000 designs" in draws.expected_words(full=True)


@pytest.mark.parametrize("number", ["5", "6"])
def test_figures_over_ratios(number, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_figure, "sweeps", lambda _, direction: IDEAL.sweeps[direction])
    files = make_figure("li2024", number, tmp_path)
    assert [file.name for file in files] == [f"li2024_figure_{number}.{ending}" for ending in ("pdf", "png", "csv")]
    with files[2].open() as file:
        rows = list(csv.DictReader(file))
    assert {row["design"] for row in rows if row["antennas"] == "64"} == {
        "fully digital",
        "hybrid",
        "hybrid, designed for plane waves",
        "fully digital, designed for plane waves",
        "hybrid over antennas per chain",
    }
    for row in rows:
        assert float(row["lower_bound_m2"]) <= float(row["objective_m2"])


@pytest.mark.parametrize("number", ["2", "3"])
def test_figures_of_convergence(number, tmp_path, monkeypatch):
    from crbeam.papers.li2024 import convergence_figure

    monkeypatch.setattr(convergence_figure, "convergence", lambda _, direction: IDEAL.convergence[direction])
    files = make_figure("li2024", number, tmp_path)
    with files[2].open() as file:
        rows = list(csv.DictReader(file))
    violations = [float(row["violation"]) for row in rows if row["violation"]]
    assert violations == [1e-1, 1e-3, 5e-5]
    assert number in figures()["li2024"]


def test_what_was_measured_is_kept(tmp_path, monkeypatch):
    calls = []

    def measured(direction, *, full):
        calls.append((direction, full))
        return converged()

    monkeypatch.setattr(convergence_module, "measured", measured)
    run = PaperRun(tmp_path, tmp_path / "studies")
    first = convergence_module.convergence(run, "uplink")
    assert convergence_module.convergence(run, "uplink") == first == converged()
    assert calls == [("uplink", False)]


@pytest.mark.slow
def test_published_algorithms_beside_the_descent(monkeypatch, tmp_path):
    """With few loops: the proven bound is below everything that a network reaches, and the descent is near it."""
    monkeypatch.setattr(convergence_module, "PUBLISHED", {"downlink": ("pdd-downlink:max_outer=2",) * 2})
    found = convergence_module.convergence(PaperRun(tmp_path, tmp_path), "downlink")
    assert found.digital < found.lower_bound <= min(found.polished, *found.reached) * (1.0 + 1e-9)
    assert found.polished <= found.reached[0]
    assert found.reached[1] < 1.02 * found.lower_bound
    assert len(found.violations) == 2


@pytest.mark.slow
def test_designs_in_random_channels(monkeypatch, tmp_path):
    monkeypatch.setattr(draws, "COUNTS", (2, 2))
    monkeypatch.setattr(draws, "HYBRID", {"uplink": "hybrid:starts=1"})
    run = PaperRun(tmp_path, tmp_path)
    found = draws.sweep(run, "uplink", (32, 4))
    assert found.draws == 2
    assert found.by_chain.values == (2.0, 4.0, 8.0)
    ratio = found.hybrid.objective / found.digital.objective
    assert np.all(ratio[np.isfinite(ratio)] >= 1.0 - 1e-6)
    assert np.any(np.isfinite(ratio))
    assert list((tmp_path / "studies").glob("uplink-32x4-near-*.sqlite"))
