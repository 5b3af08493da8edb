"""Figures of zhang2025, small, with their claims."""

import csv

import numpy as np
import pytest

from crbeam.errors import InvalidInput
from crbeam.papers import figures, make_figure
from crbeam.papers.zhang2025 import figure_5


def test_what_does_not_exist_is_refused_with_what_does():
    assert 5 in figures()["zhang2025"]
    with pytest.raises(InvalidInput, match="one of zhang2025, found `zhang2024`"):
        make_figure("zhang2024", 5, ".")
    with pytest.raises(InvalidInput, match=r"one of 5 \(Trade-off.*found 4"):
        make_figure("zhang2025", 4, ".")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure_5, "WEIGHTS", (0.01, 0.5, 0.99))
        paths = make_figure("zhang2025", None, tmp_path_factory.mktemp("figures"))
    assert [path.name for path in paths] == [f"zhang2025_figure_5.{ending}" for ending in ("pdf", "png", "csv")]
    with paths[2].open(newline="") as file:
        return list(csv.DictReader(file))


def column(records, name, **wanted):
    chosen = [row for row in records if all(row[key] == str(value) for key, value in wanted.items())]
    return np.array([float(row[name]) for row in chosen])


def claims(records) -> dict[str, bool]:
    """Verdicts on what the paper reads from its figure 5."""
    bp, ms = "bistatic_user_position_m", "monostatic_all_positions_m"
    everywhere = [{"method": method, "targets": k} for method in ("fdb-wcrb", "cpa-wcrb") for k in (1, 2, 3)]
    return {
        "more targets help bistatic positioning": bool(
            np.all(np.diff(column(records, bp, method="fdb-wcrb", weight=0.99)) < 1e-3)
        ),
        "more targets hurt monostatic sensing": bool(
            np.all(np.diff(column(records, ms, method="fdb-wcrb", weight=0.01)) > 0.0)
        ),
        "one is traded against the other": all(
            np.all(np.diff(column(records, bp, **curve)) < 0.0) and np.all(np.diff(column(records, ms, **curve)) > 0.0)
            for curve in everywhere
        ),
        "full-dimensional beats codebook": all(
            np.all(
                column(records, "objective_m2", method="fdb-wcrb", targets=k)
                < column(records, "objective_m2", method="cpa-wcrb", targets=k)
            )
            for k in (1, 2, 3)
        ),
    }


def test_figure_5_shows_what_the_paper_claims(records):
    assert all(claims(records).values()), claims(records)
    assert np.all(column(records, "gap") <= 1e-6)


def test_figure_5_meets_the_reference_values(records):
    np.testing.assert_allclose(
        column(records, "objective_m2", method="fdb-wcrb", weight=0.5),
        [0.0116751872, 0.0110148061, 0.0118383125],
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        ("more targets help bistatic positioning", "bistatic_user_position_m"),
        ("more targets hurt monostatic sensing", "monostatic_all_positions_m"),
        ("one is traded against the other", "monostatic_all_positions_m"),
        ("full-dimensional beats codebook", "objective_m2"),
    ],
)
def test_altered_data_turn_the_verdict(records, claim, name):
    altered = [{**row, name: str(1.0 / float(row[name]))} for row in records]
    if claim == "more targets help bistatic positioning":
        altered = [{**row, name: str(float(row["targets"]))} for row in records]
    assert not claims(altered)[claim]
