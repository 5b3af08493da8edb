"""Figures of wang2024, small, with what is read from them."""

import csv

import pytest

from crbeam.papers import figures, make_figure
from crbeam.papers.wang2024 import FIGURES, drops, estimates, figure_2, figure_3, figure_4, figure_5


def rows_of(files):
    with files[-1].open() as file:
        return list(csv.DictReader(file))


def values(rows, column="value", **wanted):
    found = [row[column] for row in rows if all(row[key] == value for key, value in wanted.items())]
    return [float(value) for value in found if value]


def test_every_figure_has_a_title():
    assert tuple(figures()["wang2024"]) == ("2", "3", "4", "5", "6", "7", "selection") == tuple(FIGURES)


@pytest.mark.slow
def test_figure_2(tmp_path, monkeypatch):
    monkeypatch.setattr(figure_2, "RATES", (1.0, 7.5))
    rows = rows_of(make_figure("wang2024", 2, tmp_path))
    for group in ("monostatic", "one receiver", "two receivers", "five receivers"):
        low, high = values(rows, reading="as printed", group=group)
        assert low < high, "rates cost accuracy"
    assert values(rows, reading="position", group="monostatic") == []
    five, two = (values(rows, reading="position", group=f"{n} receivers") for n in ("five", "two"))
    assert five[0] < two[0]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "module", "antennas"), [(3, figure_3, (10, 20)), (4, figure_4, (2, 12))])
def test_figures_3_and_4(tmp_path, monkeypatch, number, module, antennas):
    monkeypatch.setattr(module, "ANTENNAS", antennas)
    rows = rows_of(make_figure("wang2024", number, tmp_path))
    for group in ("monostatic", "one receiver"):
        few, many = values(rows, reading="as printed", group=group)
        assert few / many == pytest.approx(antennas[1] / antennas[0], rel=0.05)


@pytest.mark.slow
def test_figure_5(tmp_path, monkeypatch):
    monkeypatch.setattr(figure_5, "RATES", (0.5,))
    rows = rows_of(make_figure("wang2024", 5, tmp_path))
    for reading in ("as printed", "position"):
        for budget in ("100.0", "200.0"):
            (best,) = values(rows, reading=reading, budget_m=budget, rule="exact")
            for rule in ("linkage", "k-means"):
                assert best <= values(rows, reading=reading, budget_m=budget, rule=rule)[0] * (1 + 1e-4)


def test_figure_6(tmp_path):
    rows = rows_of(make_figure("wang2024", 6, tmp_path))
    printed, corrected = (
        [values(rows, reading=reading, pulse=pulse, rule="linkage") for pulse in ("cosine", "sinc")]
        for reading in ("as printed", "corrected")
    )
    assert printed[1][0] / printed[0][0] == pytest.approx(2.06, abs=0.01)
    assert corrected[1][0] < corrected[0][0], "sinc tells more about delays"
    assert values(rows, reading="as printed", pulse="cosine", rule="k-means")[-1] == pytest.approx(printed[0][-1])


@pytest.mark.slow
def test_figure_7(tmp_path, monkeypatch):
    monkeypatch.setattr(estimates, "QUICK_TRIALS", 3)
    monkeypatch.setattr(estimates, "OFFSETS_DB", (-30.0, 0.0))
    estimates.estimates.cache_clear()
    rows = rows_of(make_figure("wang2024", 7, tmp_path))
    estimates.estimates.cache_clear()
    assert {row["group"] for row in rows} == set(estimates.COMPARED)
    roots = values(rows, "root_bound", group="two receivers", quantity="target_position_m")
    assert roots[0] / roots[1] == pytest.approx(10.0**1.5)
    assert max(values(rows, "rmse", group="two receivers", quantity="target_position_m")) < 1.0


@pytest.mark.slow
def test_the_figure_of_rules(tmp_path, monkeypatch):
    monkeypatch.setattr(drops, "DROPS", (2, 200))
    rows = rows_of(make_figure("wang2024", "selection", tmp_path))
    assert {row["rule"] for row in rows} == set(drops.RULES)
    assert min(values(rows, "excess")) >= -1e-4
