"""Figures and table of xu2023 from measurements with known numbers, and studies that run at all."""

import csv

import numpy as np
import pytest
from tests.papers.ideal_xu2023 import IDEAL, RATIOS_DB

from crbeam.papers import figures, make_figure
from crbeam.papers.runs import paper_run
from crbeam.papers.xu2023 import FIGURES, choices, draws, fading_figure, figure_3, figure_4, scenes, table_2
from crbeam.papers.xu2023.choices import Choice
from crbeam.papers.xu2023.scenes import EXACT, FITTED, SCHEME_1, SCHEME_2, SCHEME_3, SENSING_LIMITED


@pytest.fixture
def known(monkeypatch):
    """Figures that draw the ideal measurements."""
    for module in (figure_3, figure_4):
        monkeypatch.setattr(module, "drops", lambda _: IDEAL.drops)
    monkeypatch.setattr(fading_figure, "fading", lambda _, losses: IDEAL.fading[losses])
    found = {**IDEAL.choices[FITTED], SCHEME_3: Choice(problem="Infeasible")}
    monkeypatch.setattr(table_2, "choices", lambda _: found)


def rows_of(files):
    path = next(file for file in files if file.suffix == ".csv")
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_all_figures_are_listed():
    assert set(figures()["xu2023"]) == set(FIGURES) == {"2", "3", "4", "table-2", "fading"}


@pytest.mark.slow
def test_averages_and_gaps_over_the_ratio(known, tmp_path):
    files = make_figure("xu2023", 3, tmp_path)
    assert {file.suffix for file in files} == {".pdf", ".png", ".csv"}
    rows = {(row["method"], float(row["minimum_sinr_db"])): row for row in rows_of(files)}
    assert [float(rows[SCHEME_1, ratio]["average_excess_db"]) for ratio in RATIOS_DB] == pytest.approx([2.0, 2.5, 3.0])
    assert rows[SCHEME_3, 8.0]["average_power_dbm"] == ""
    assert rows[SCHEME_2, 12.0]["feasible"] == "2"
    assert rows[SCHEME_2, 12.0]["always_feasible"] == "2"


@pytest.mark.slow
def test_infeasible_shares_have_their_intervals(known, tmp_path):
    rows = {(row["method"], float(row["minimum_sinr_db"])): row for row in rows_of(make_figure("xu2023", 4, tmp_path))}
    assert float(rows[SCHEME_2, 12.0]["infeasible"]) == pytest.approx(0.6)
    assert float(rows[SCHEME_2, 12.0]["infeasible_low"]) < 0.6 < float(rows[SCHEME_2, 12.0]["infeasible_high"])
    assert float(rows[EXACT, 12.0]["infeasible"]) == 0.0


@pytest.mark.slow
def test_draws_of_the_channels(known, tmp_path):
    rows = rows_of(make_figure("xu2023", "fading", tmp_path))
    own = [row for row in rows if row["losses"] == SENSING_LIMITED and row["only_listener"] == "bs2"]
    assert [float(row["power_dbm"]) for row in own] == pytest.approx([28.7, 29.2, 29.7, 30.2, 30.7])
    assert all(float(row["gap_db"]) < 1e-4 for row in own)


def test_the_table_says_who_listens_at_what_power(known, tmp_path):
    files = make_figure("xu2023", "table-2", tmp_path)
    rows = [row for row in rows_of(files) if row["losses"] == FITTED]
    exact, nearest = rows[0], next(row for row in rows if row["method"].startswith("scheme 1"))
    assert (exact["listens"], exact["printed: listens"], float(exact["printed: power (dBm)"])) == ("bs2", "bs2", 29.7)
    assert float(nearest["over exact (dB)"]) == pytest.approx(9.0)
    assert next(row for row in rows if row["method"].startswith("scheme 3"))["listens"] == "infeasible"
    text = next(file for file in files if file.suffix == ".md").read_text(encoding="utf-8")
    assert text.count("\n") == 2 + 2 * len(rows)
    assert "| 38.70 |" in text


@pytest.mark.slow
def test_studies_give_the_same_draws_to_every_method(monkeypatch, tmp_path):
    """One draw of the channels, one drop of two users, without the paper's algorithm."""
    users = "network.user_positions=[[-30 m, 80 m], [20 m, 130 m]]"
    monkeypatch.setattr(scenes, "LOSSES", {FITTED: (users,)})
    monkeypatch.setattr(scenes, "FADINGS", (1, 1))
    monkeypatch.setattr(scenes, "DROPS", (1, 1))
    monkeypatch.setattr(scenes, "RATIOS_DB", ((8.0,), (8.0,)))
    monkeypatch.setattr(draws, "algorithm_study", lambda *, full: scenes.fading_study(FITTED, full=full))
    monkeypatch.setattr(draws, "algorithm_drops_study", scenes.drops_study)
    with paper_run(tmp_path, workers=1) as run:
        fading, drops = draws.fading(run, FITTED), draws.drops(run)
    exact = fading.powers[EXACT]
    assert fading.selected != ("bs1",)
    assert exact.power_w[0, 0] == pytest.approx(fading.receivers.power_w[0].min(), rel=1e-4)
    assert fading.powers[SCHEME_1].power_w[0, 0] == pytest.approx(fading.receivers.power_w[0, 0], rel=1e-4)
    assert exact.gap_db[0, 0] < 1e-3
    assert drops.ratios_db == (8.0,)
    scheme_1_w = drops.powers[SCHEME_1].power_w
    assert np.all(scheme_1_w >= drops.powers[EXACT].power_w * (1.0 - 1e-4))


@pytest.mark.slow
def test_the_map_of_the_preset(tmp_path):
    rows = {row["name"]: row for row in rows_of(make_figure("xu2023", 2, tmp_path))}
    assert [name for name, row in rows.items() if row["role"] == "listens"] == ["bs2"]
    assert float(rows["bs2"]["power_w"]) == 0.0
    assert rows["served_user[0]"]["role"] == rows["served_user[1]"]["role"] == "served by bs1"


def test_a_choice_without_a_design_says_why(monkeypatch):
    monkeypatch.setattr(choices, "METHODS", (SCHEME_3,))
    choices.choices.cache_clear()
    (found,) = choices.choices(FITTED).values()
    choices.choices.cache_clear()
    assert found.problem == "Infeasible"
    assert np.isnan(found.power_w)
