"""Figure 4 of li2024, small, with what is read from it."""

import csv

import pytest

from crbeam.papers import figures, make_figure
from crbeam.papers.li2024 import figure_4, gathering, positioning
from crbeam.papers.li2024.measurements import ANGLE, AS_DESIGNED, JOINT, LIT, MUSIC, RANGE, TWO_STAGE


def test_the_figure_is_listed():
    assert figures()["li2024"]["4"] == figure_4.TITLE


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(positioning, "SNR_DB", (10.0, 20.0))
    monkeypatch.setattr(positioning, "QUICK_TRIALS", 4)
    positioning.checks.cache_clear()
    yield
    positioning.checks.cache_clear()


@pytest.mark.slow
def test_errors_and_bounds_are_those_of_the_checks(small, tmp_path):
    files = make_figure("li2024", 4, tmp_path)
    assert [file.name for file in files] == [f"li2024_figure_4.{ending}" for ending in ("pdf", "png", "csv")]
    with files[2].open() as file:
        rows = list(csv.DictReader(file))
    found = {
        (row["direction"], row["design"], row["method"], float(row["snr_db"]), row["quantity"]): row for row in rows
    }
    assert len(found) == len(rows) == len(positioning.CHECKS) * 2 * 3

    def ratio(*key):
        return float(found[key]["rmse"]) / float(found[key]["root_bound"])

    for quantity in (ANGLE, RANGE):
        assert 0.3 < ratio("downlink", LIT, JOINT, 20.0, quantity) < 2.0
        assert 0.3 < ratio("uplink", LIT, MUSIC, 20.0, quantity) < 2.0
        assert ratio("uplink", LIT, TWO_STAGE, 20.0, quantity) > 10.0
        bounds = [float(found["uplink", LIT, JOINT, snr_db, quantity]["root_bound"]) for snr_db in (10.0, 20.0)]
        assert bounds[0] == pytest.approx(bounds[1] * 10.0**0.5)
    assert ratio("downlink", AS_DESIGNED, TWO_STAGE, 20.0, ANGLE) > 1000.0
    assert (
        gathering.positioning(full=False).check("uplink", LIT, JOINT)
        is positioning.checks(full=False)["uplink", LIT, JOINT]
    )
