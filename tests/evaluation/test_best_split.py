"""The best share of sensing, by search and by one convex program."""

import json
from functools import lru_cache

import numpy as np
import pytest
from typer.testing import CliRunner

from crbeam.design.methods import method_named
from crbeam.errors import InvalidInput
from crbeam.evaluation.best_split import Split, best_split
from crbeam.interfaces.command_line import app
from crbeam.report.figures.log_ticks import round_ticks
from crbeam.report.figures.split import split_figure
from crbeam.scenario import read_scenario

SMALL = (
    "stations.bs.transmit_array.elements=16",
    "user.array.elements=8",
    "waveform.subcarriers=64",
    "waveform.slots=4",
    "waveform.symbols_per_slot=25",
    "propagation.path_loss_exponent=2",
    "propagation.shadowing_deviation=0 dB",
    "protocol.message_symbols=2",
    "targets.count=2",
)
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
JOINT, SHARED, SEPARATE = "joint-sequential", "shared-sequential", "separate-sequential"


SETTINGS = [word for text in SMALL for word in ("--set", text)]
COMMAND = ["split", "hamrouni2026", *SETTINGS, "--method", JOINT, "--shares", "0.2:0.8:3"]


@lru_cache(maxsize=16)
def split(
    method: str, *overrides: str, shares: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9), refine: bool = True
) -> Split:
    return best_split(scenario(*overrides), method_named(method), shares, refine=refine)


def scenario(*overrides: str):
    return read_scenario("hamrouni2026", overrides=[*SMALL, *overrides])


@pytest.mark.slow
@pytest.mark.parametrize("method", [JOINT, SHARED, SEPARATE])
def test_the_search_ends_at_a_share_that_is_best_among_its_neighbours(method):
    found = split(method)
    assert found.best is not None
    assert not found.is_one_program
    assert 0.1 < found.best.share < 0.95
    # 98 symbols are shared: the shares of a symbol more or less, and of some more.
    around = [round(found.best.share * 98) / 98 + step / 98 for step in (-6, -3, -2, -1, 0, 1, 2, 3, 6)]
    others = split(method, shares=tuple(around), refine=False)
    assert found.best.loss <= min(point.loss for point in others.points) * (1.0 + 2e-3)
    given = {round(share * 98) / 98 for share in SHARES}
    assert found.best.loss < min(point.loss for point in found.points if point.share in given)
    assert found.is_refined
    assert not found.is_at_end


def test_one_program_finds_the_best_share_of_interleaved_symbols():
    free = split(JOINT, "protocol.order=interleaved")
    assert free.is_one_program
    assert free.best is not None
    shares = tuple(free.best.share + step for step in (-0.02, -0.01, 0.0, 0.01, 0.02))
    grid = split(JOINT, "protocol.order=interleaved", shares=shares, refine=False)
    losses = np.array([point.loss for point in grid.points])
    assert int(np.argmin(losses)) == 2
    assert free.best.loss == pytest.approx(losses[2], rel=2e-6)
    assert losses[0] > losses[2] * (1.0 + 1e-5)
    position_m = free.bounds(free.best)["user_position_m"]
    assert position_m is not None
    assert grid.bounds(grid.points[2])["user_position_m"] == pytest.approx(position_m, rel=1e-2)


@pytest.mark.slow
def test_shared_beams_leave_their_energies_no_choice():
    """The wrong way: equal energies of both blocks would always give the share one half."""
    fast = ("protocol.order=interleaved", "requirements.user_velocity=0.1 m/s")
    found, joint = split(SHARED, *fast), split(JOINT, *fast)
    assert not found.is_one_program
    assert joint.is_one_program
    assert found.best is not None
    assert joint.best is not None
    assert found.best.share < 0.4
    assert joint.best.loss <= found.best.loss * (1.0 + 2e-6)


@pytest.mark.slow
def test_a_longer_message_costs():
    losses = [split(JOINT, f"protocol.message_symbols={length}").best for length in (2, 40, 80)]
    values = [each.loss for each in losses if each is not None]
    assert values == sorted(values)
    assert values[2] > 2.0 * values[0]


def test_bounds_are_those_of_the_observations_that_judge():
    found = split("full-ms", refine=False)
    assert found.link == "monostatic_stage"
    bounds = found.bounds(found.points[0])
    assert bounds["user_velocity_mps"] is None
    assert bounds["user_position_m"] is not None
    # All of the information is proportional to the number of symbols: 10 of 98, then 88 of them.
    last = found.bounds(found.points[-1])["user_position_m"]
    assert last is not None
    assert bounds["user_position_m"] == pytest.approx(last * np.sqrt(88 / 10), rel=1e-3)


def test_shares_without_a_design_are_kept_with_their_reason():
    found = split(SEPARATE, shares=(0.0, 0.5, 1.0), refine=False)
    assert [np.isfinite(point.loss) for point in found.points] == [False, True, False]
    assert found.best is found.points[1]
    assert found.bounds(found.points[0]) == dict.fromkeys(("user_position_m", "user_velocity_mps", "target_position_m"))
    nothing = split(SEPARATE, shares=(0.0, 1.0))
    assert nothing.best is None


def test_shares_of_contiguous_symbols_are_whole_numbers_of_them():
    """98 symbols: 0.5 and 0.503 are both 49 of them. Interleaved symbols have shares of any size."""
    wanted = (0.5, 0.503, 0.51, 0.3)
    found = split("full-ms", shares=wanted, refine=False)
    assert [point.share for point in found.points] == [29 / 98, 49 / 98, 50 / 98]
    any_size = split("full-ms", "protocol.order=interleaved", shares=wanted, refine=False)
    assert [point.share for point in any_size.points] == sorted(wanted)


EASY = (
    "requirements.loss=hinge2",
    "requirements.user_position=1 m",
    "requirements.target_position=1 m",
    "requirements.user_velocity=1000 m/s",
    "stations.bs.total_power=30 dBm",
)


def test_shares_without_loss_are_told_apart_by_the_weighted_bound():
    """The wrong way: the first of all shares that meet the thresholds."""
    found = split("full-bp", *EASY, shares=(0.9, 0.3, 0.6), refine=False)
    assert [point.loss for point in found.points] == [0.0, 0.0, 0.0]
    assert found.without_loss == 3
    assert found.best is found.points[0]
    assert found.is_at_end
    later = split(JOINT, *EASY, shares=(0.05, 0.5, 0.95), refine=False)
    assert later.without_loss == 3
    assert later.best is later.points[1]
    assert later.best.rank[1] < later.points[0].rank[1]
    assert not later.is_at_end


@pytest.mark.parametrize(
    ("overrides", "shares", "expected", "never"),
    [
        (
            (),
            "0.5",
            "of the given shares; it is at the end of the given shares, a better one may lie beyond",
            "refined",
        ),
        ((), "0.05:0.3:3", "on a refined grid; it is at the end of the given shares", "tie"),
        (EASY, "0.05,0.5,0.95", "shares tie at 0, this one has the least sum of squared", "at the end"),
    ],
)
def test_the_verb_claims_no_more_than_was_found(overrides, shares, expected, never):
    settings = [word for override in overrides for word in ("--set", override)]
    run = CliRunner().invoke(app, [*COMMAND[:-1], shares, *settings])
    assert run.exit_code == 0, run.stderr
    last = run.stdout.splitlines()[-1]
    assert expected in last
    assert never not in last


def test_what_has_no_split_is_refused():
    with pytest.raises(InvalidInput, match="system hamrouni2026"):
        best_split(read_scenario("zhang2025"), method_named("fdb-wcrb"), [0.5])
    with pytest.raises(InvalidInput, match="judged by links"):
        best_split(scenario(), method_named("p1-weighted"), [0.5])
    with pytest.raises(InvalidInput, match=r"between 0 and 1, found 1\.5"):
        best_split(scenario(), method_named(JOINT), [0.5, 1.5])


def test_the_figure_marks_the_best_share():
    splits = [split(JOINT, refine=False), split("full-ms", refine=False)]
    figure = split_figure(splits)
    assert [axes.get_title()[4:] for axes in figure.axes] == [
        "loss",
        "user position",
        "user velocity",
        "target position",
    ]
    stars = [[line for line in axes.lines if line.get_marker() == "*"] for axes in figure.axes]
    assert [len(each) for each in stars] == [2, 2, 1, 2]
    best = splits[0].best
    assert best is not None
    assert float(np.asarray(stars[0][0].get_xdata())[0]) == best.share
    assert float(np.asarray(stars[0][0].get_ydata())[0]) == best.loss


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ((0.9, 1200.0), [1.0, 10.0, 100.0, 1000.0]),
        ((0.9, 11.0), [1.0, 2.0, 5.0, 10.0]),
        ((0.11, 0.35), [0.15, 0.2, 0.3]),
        ((0.049, 0.056), [0.05]),
        ((np.nan, -1.0), []),
    ],
)
def test_ticks_are_round_and_enough(values, ticks):
    assert round_ticks(values) == ticks


@pytest.mark.slow
def test_the_verb_prints_every_share_and_the_best(tmp_path):
    run = CliRunner().invoke(app, [*COMMAND, "--out", str(tmp_path), "--json"])
    assert run.exit_code == 0, run.stderr
    document = json.loads(run.stdout)
    assert set(document) == {"scenario", "best", "points", "errors", "files"}
    assert document["errors"] == {}
    (best,) = [point for point in document["points"] if point["best"]]
    found = {"share": best["share"], "one_program": False, "refined": True, "at_end": False, "without_loss": 0}
    assert document["best"] == {JOINT: found}
    assert best["objective"] == min(point["objective"] for point in document["points"])
    assert best["gap"] <= 1e-6
    assert {point["share"] for point in document["points"]} > {20 / 98, 49 / 98, 78 / 98}
    assert {path.name for path in tmp_path.iterdir()} == {"split.csv", "split.pdf", "split.png"}


def test_the_verb_tells_the_best_share_in_words():
    run = CliRunner().invoke(app, [*COMMAND, "--set", "protocol.order=interleaved"])
    assert run.exit_code == 0, run.stderr
    (best,) = [line for line in run.stdout.splitlines() if line.startswith("*")]
    assert f"{JOINT}: best share {float(best.split()[2]):.4f}, by one convex program" in run.stdout


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["zhang2025"], 2, "hamrouni2026"),
        (["hamrouni2026", "--shares", "0:1"], 2, "A:B:N"),
        (["hamrouni2026", "--shares", "0.5,2"], 2, "between 0 and 1"),
        (["hamrouni2026", "--method", SEPARATE, "--shares", "0:1:2"], 3, "must determine"),
    ],
)
def test_mistakes_have_their_exit_status(words, status, message):
    run = CliRunner().invoke(app, ["split", *words])
    assert run.exit_code == status, run.stdout
    assert message in run.stderr
