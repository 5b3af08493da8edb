"""Tables: values in units that suit them."""

import csv
import io

import pytest

from crbeam.errors import SolverFailed
from crbeam.evaluation import evaluate
from crbeam.evaluation.tradeoff import TradeoffPoint
from crbeam.report import BoundRow, bounds_table, markdown_table, rich_table, tradeoff_table, write_csv
from crbeam.report.tables import bound_records
from crbeam.scenario import read_scenario


def test_a_table_has_every_bound_of_every_link(scenario, evaluation, covariances):
    rows = bounds_table({"before": evaluation, "after": evaluate(scenario, 4.0 * covariances)})
    found = {(row.link, row.quantity): row for row in rows}
    assert {link for link, _ in found} == {"bistatic", "monostatic", "fused"}
    row = found["monostatic", "target_positions_m[2]"]
    assert row.values["before"] == evaluation.links["monostatic"].quantities["target_positions_m"][2]
    assert row.values["after"] == pytest.approx(0.5 * row.values["before"])
    assert (row.words, row.unit) == ("target position 2", "m")


def test_units_suit_the_typical_value_and_missing_values_are_said():
    rows = [
        BoundRow("bistatic", "user_position_m", {"a": 0.02345, "b": None}),
        BoundRow("bistatic", "clock_bias_s", {"a": 4.5e-10, "b": 1.25e-9}),
        BoundRow("bistatic", "user_orientation_rad", {"a": 0.0, "b": 1.5e-3}),
        BoundRow("fused", "all_positions_m", {"a": 0.5, "b": 0.00125}),
    ]
    assert markdown_table(rows).splitlines()[2:] == [
        "| bistatic | user position | cm | 2.345 | not identifiable |",
        "| bistatic | clock bias | ps | 450.0 | 1250 |",
        "| bistatic | user orientation | mrad | 0 | 1.500 |",
        "| fused | all positions | cm | 50.00 | 0.1250 |",
    ]
    assert markdown_table([]).startswith("| link |")


def test_a_terminal_table_writes_a_link_once():
    from rich.console import Console

    rows = [BoundRow("bistatic", f"target_positions_m[{n}]", {"[red]": 0.1}) for n in range(2)]
    console = Console(file=io.StringIO(), width=100)
    console.print(rich_table(rows, title="bounds [m]"))
    text = console.file.getvalue()
    assert text.count("bistatic") == 1
    assert "[red]" in text
    assert "bounds [m]" in text


def test_csv_keeps_all_digits_and_leaves_nothing_where_there_is_none(tmp_path, evaluation):
    rows = bounds_table({"uniform": evaluation})
    path = write_csv(tmp_path / "deep" / "bounds.csv", bound_records([*rows, BoundRow("x", "delay_s", {})]))
    with path.open(newline="") as file:
        records = list(csv.DictReader(file))
    assert [float(record["uniform"]) for record in records[:-1]] == [row.values["uniform"] for row in rows]
    assert records[-1]["uniform"] == ""


def test_trade_off_records_keep_points_that_failed(evaluation, design, covariances):
    unlit = evaluate(read_scenario("zhang2025", overrides=["targets.count=0"]), covariances)
    good, failed, without = tradeoff_table(
        [
            TradeoffPoint("m", 0.5, design, evaluation),
            TradeoffPoint("m", 0.6, SolverFailed("no", status="x"), None),
            TradeoffPoint("m", 0.0, design, unlit),
        ]
    )
    assert good["user_position_m"] == evaluation.links["bistatic"].quantities["user_position_m"]
    assert (good["status"], good["gap"]) == ("feasible", pytest.approx(0.1))
    assert (failed["status"], failed["objective_m2"], failed["fused_all_positions_m"]) == ("SolverFailed", None, None)
    assert without["user_position_m"] is None
    assert set(good) == set(failed) == set(without)
