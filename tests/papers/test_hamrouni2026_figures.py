"""Figures of hamrouni2026, small, with what is read from each of them."""

import csv
from collections import defaultdict

import numpy as np
import pytest

from crbeam.information import Transmission
from crbeam.papers import figures, make_figure
from crbeam.papers.claims import reproduce
from crbeam.papers.hamrouni2026 import (
    allocation,
    beams,
    draws,
    figure_4,
    figure_5,
    gathering,
    mobility,
    ordering,
    runtimes,
    tied_stage,
)
from crbeam.papers.hamrouni2026.claims import CLAIMS
from crbeam.papers.hamrouni2026.draws import JOINT, SEPARATE, SHARED
from crbeam.papers.hamrouni2026.scenes import random_scenes, random_study
from crbeam.papers.runs import paper_run
from crbeam.studies.scenes import scene

FIGURES = ("2", "3", "4", "5", "allocation", "ordering")


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def small():
    """Few scenes, which figures and claims share; what was computed of others is forgotten, before and after."""
    cached = (
        mobility.bounds_by_targets,
        mobility.bounds_by_speed,
        runtimes.runtimes_s,
        tied_stage.undecided,
        allocation.split_of,
    )
    for function in cached:
        function.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mobility, "COUNTS", (4, 4))
        patch.setattr(mobility, "SPEED_COUNTS", (3, 3))
        patch.setattr(draws, "COUNTS", (3, 3))
        patch.setattr(tied_stage, "COUNTS", (3, 3))
        patch.setattr(runtimes, "COUNTS", (2, 2))
        patch.setattr(allocation, "SHARES", (0.3, 0.6, 0.9))
        yield
    for function in cached:
        function.cache_clear()


def test_the_figures_of_the_paper_and_two_more():
    assert tuple(figures()["hamrouni2026"]) == FIGURES


@pytest.mark.slow
def test_positioning_gives_the_user_little_power(tmp_path):
    files = make_figure("hamrouni2026", 2, tmp_path)
    assert [file.suffix for file in files] == [".pdf", ".png", ".csv"]
    table = rows(files[-1])
    named = {row["object"]: row for row in table if row["object"]}
    assert list(named) == ["user", "target 1", "target 2", "target 3", "target 4"]
    assert [float(row["azimuth_rad"]) for row in named.values()] == pytest.approx(np.deg2rad([90, 150, 120, 60, 30]))
    column = "positioning, ratios to requirements, free space (dB)"
    levels_db = {name: float(row[column]) for name, row in named.items()}
    assert levels_db["user"] < max(levels_db.values()) - 6.0
    sensing = [float(row["sensing, positions only, free space (dB)"]) for row in named.values()]
    assert max(sensing) - min(sensing) < 2.0


def test_the_power_of_a_design_is_that_of_its_pattern():
    design = next(iter(beams.designs().values()))
    sines = np.linspace(-1.0, 1.0, 4001)
    pattern = beams.gains_over_azimuth(design, np.arccos(sines))
    assert np.trapezoid(pattern, sines) / 2.0 == pytest.approx(1.0, rel=1e-2)


def test_fewer_slots_count_for_faster_users():
    assert [figure_4.slots_that_count(speed) for speed in (0.0, *mobility.SPEEDS_MPS)] == [16, 16, 8, 5, 4, 3, 2]


def test_sensing_never_determines_the_velocity_and_positioning_needs_a_target():
    sensing = gathering.sensing_ranks(random_scenes("free space", 3))
    assert all(part.undetermined == 3 and part.missing == (1,) for part in sensing.values())
    ranks = {k: gathering.positioning_ranks(random_scenes("free space", 3, n_targets=k)) for k in (0, 1)}
    assert ranks[0].undetermined == 3
    assert ranks[1] == gathering.Ranks(3, 0, 12, (0,))


@pytest.mark.slow
def test_velocity_figures(tmp_path, small):
    by_targets = rows(make_figure("hamrouni2026", 3, tmp_path)[-1])
    assert {(row["gains"], row["targets"]) for row in by_targets} == {
        (gains, str(k)) for gains in ("free space", "Table II") for k in mobility.N_TARGETS
    }
    by_speed = rows(make_figure("hamrouni2026", 4, tmp_path)[-1])
    curves = defaultdict(list)
    for row in by_speed:
        curves[row["gains"], row["rule"], row["estimator"]].append(float(row["median_velocity_mps"]))
    for gains in ("free space", "Table II"):
        flat = curves[gains, "all slots", mobility.SNAPSHOT]
        assert max(flat) < 1.2 * min(flat)
        assert (
            curves[gains, "all slots", mobility.EXTENDED][-1] < 0.7 * curves[gains, "all slots", mobility.EXTENDED][0]
        )
        assert curves[gains, "effective slots", mobility.SNAPSHOT][-1] > 2.0 * flat[0]


@pytest.fixture
def run(small, tmp_path, monkeypatch):
    """One run whose studies serve claims and figures."""
    monkeypatch.setattr(draws, "SHARES", draws.COMPARED_SHARES)
    monkeypatch.setattr(gathering, "RANK_SCENES", 2)
    with paper_run(tmp_path, workers=1) as whole:
        yield whole


@pytest.mark.slow
def test_claims_and_figures_of_the_share(run):
    verdicts = {claim.number: finding.verdict.words for claim, finding in reproduce(CLAIMS, gathering.gather(run))}
    assert set(verdicts) == set(range(1, 19))
    # Those that follow from laws whatever the scenes.
    assert {number: verdicts[number] for number in (1, 12, 14, 15, 17, 18)} == {
        1: "reproduced",
        12: "reproduced",
        14: "not reproduced",
        15: "reproduced in part",
        17: "not reproduced",
        18: "reproduced",
    }
    by_share = rows(figure_5.make(run)[-1])
    losses = {(row["gains"], row["method"], row["share"]): row["median_loss"] for row in by_share if row["median_loss"]}
    for gains in ("free space", "Table II"):
        for share in ("0.2", "0.5", "0.8"):
            joint = float(losses[gains, JOINT, share])
            assert joint <= float(losses[gains, SHARED, share]) * (1.0 + 1e-6)
            assert joint <= float(losses[gains, SEPARATE, share]) * (1.0 + 1e-6)
    timed = [float(row["median_seconds"]) for row in by_share if row["median_seconds"]]
    assert len(timed) == 2 * len(runtimes.TIMED) * len(runtimes.SHARES)
    assert min(timed) > 0.0
    order = rows(ordering.make(run)[-1])
    assert len(order) == 15
    for row in order:
        assert float(row[f"{SHARED}_least"]) >= 1.0 - 3e-6
        assert float(row[f"{SEPARATE}_least"]) >= 1.0 - 3e-6
        assert float(row["user_position_m_low"]) <= float(row["shared_better_user_position_m"])


@pytest.mark.slow
def test_the_message_costs_symbols(tmp_path, small, monkeypatch):
    monkeypatch.setattr(allocation, "MESSAGES", (1, 1500))
    monkeypatch.setattr(allocation, "SHOWN_MESSAGES", (1, 1500))
    table = rows(make_figure("hamrouni2026", "allocation", tmp_path)[-1])
    best = {
        (row["gains"], row["variant"], int(row["message_symbols"])): float(row["loss"])
        for row in table
        if row["best"] == "True"
    }
    assert len(best) == 2 * len(allocation.VARIANTS) * 2
    for gains in ("free space", "Table II"):
        names = {length: {name: best[gains, name, length] for name in allocation.VARIANTS} for length in (1, 1500)}
        assert all(names[1500][name] > 5.0 * names[1][name] for name in allocation.VARIANTS)
        # Interleaved symbols have the whole interval for Doppler shifts.
        assert names[1][allocation.INTERLEAVED] <= min(names[1].values()) * (1.0 + 1e-6)
        assert allocation.loss_of_positioning_alone(gains) > names[1][allocation.INTERLEAVED]


def test_a_position_that_matrices_lose_to_rounding_has_its_bound():
    """One target almost in line with the user. A QR factorisation of every derivative agrees, with fewer samples."""
    fields = {"n_targets": {"field": "targets.count", "values": [1]}}
    scenario = scene(random_study("Table II", axes={"fields": fields}), (0,), 114)
    bounds = mobility.motion_bounds([scenario])
    assert bounds.bistatic_position_m == pytest.approx([2013.7748], rel=1e-3)
    assert np.isfinite(bounds.velocity_mps[mobility.BISTATIC]).all()


def test_a_position_that_is_not_determined_has_no_bound():
    scenario = random_scenes("free space", 1, n_targets=1)[0]
    silent = Transmission.silent({"bs": 64})
    assert np.isnan(mobility._root_bound(scenario, "bistatic", "user_position", silent))
    assert np.isnan(mobility._root_bound(scenario, "bistatic", "user_position", None))
