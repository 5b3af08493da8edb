"""Random draws as studies: each draw is the design of its scene, and what was drawn is kept and gone on with."""

import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from tests.studies.small_studies import assert_same_results, stored_cases

from crbeam.design.methods import method_named
from crbeam.evaluation import tradeoff
from crbeam.papers.claims import NotMeasured
from crbeam.papers.runs import STUDIES_FOLDER, paper_run
from crbeam.papers.zhang2025 import draws, gathering
from crbeam.papers.zhang2025.draws import DRAWS, SCENES, SEED, analog_decreases, drawn, drawn_curves
from crbeam.papers.zhang2025.measurements import ANALOG, PHASES, RANDOM_ROOT, ROOT_DRAWS
from crbeam.studies import summarise
from crbeam.studies.realisations import method_stream
from crbeam.studies.scenes import scene
from crbeam.systems import design_problem, design_problems

FEW = (0.2, 0.6)


@pytest.fixture
def smaller(monkeypatch):
    """Makes a kind of draws smaller."""

    def change(kind, **changes):
        monkeypatch.setitem(draws.DRAWS, kind, replace(DRAWS[kind], **changes))

    return change


def quick(tmp_path, kind):
    with paper_run(tmp_path) as run:
        return drawn(run, kind)


@pytest.mark.slow
def test_a_draw_of_phases_is_the_curve_of_its_scene(tmp_path, smaller):
    smaller(PHASES, methods=("fdb-wcrb",), counts=(2, 2), n_targets=(1, 2))
    curves = drawn_curves(quick(tmp_path, PHASES), 2, "fdb-wcrb")
    study = DRAWS[PHASES].study(full=False)
    for draw, curve in enumerate(curves):
        scenario = scene(study, (1,), draw)
        points = tradeoff(scenario, [method_named("fdb-wcrb")], curve.weights)
        expected = gathering.curve_numbers(scenario, points)
        np.testing.assert_allclose(curve.objective_m2, expected.objective_m2, rtol=1e-9)
        np.testing.assert_allclose(curve.lower_bound_m2, expected.lower_bound_m2, rtol=1e-5)
        assert curve.bounds_m[1] == pytest.approx(expected.bounds_m[1], rel=1e-9)
    assert curves[0].objective_m2 != curves[1].objective_m2
    assert [scene(study, (0,), draw).seed for draw in range(2)] == [scene(study, (1,), draw).seed for draw in range(2)]


def test_a_bound_that_does_not_exist_is_none(tmp_path, smaller):
    """One target, sensing alone: the user cannot be positioned."""
    smaller(PHASES, methods=("fdb-wcrb",), counts=(1, 1), n_targets=(1,))
    (curve,) = drawn_curves(quick(tmp_path, PHASES), 1, "fdb-wcrb")
    assert curve.positioning_m[curve.at(0.0)] is None
    assert curve.positioning_m[curve.at(0.5)] > 0.0


def test_a_draw_of_square_roots_has_its_own_stream(tmp_path, smaller):
    smaller(ROOT_DRAWS, weights=(FEW, FEW), counts=(2, 2), n_targets=(2,))
    results = quick(tmp_path, ROOT_DRAWS)
    curves = drawn_curves(results, 2, RANDOM_ROOT)
    study = DRAWS[ROOT_DRAWS].study(full=False)
    method = method_named(RANDOM_ROOT)
    problems = design_problems(scene(study, (0,), 0), FEW, method=method)
    for draw, curve in enumerate(curves):
        designs = method.solve_many(problems, seeds=[method_stream(study.random, draw)] * len(FEW))
        np.testing.assert_allclose(curve.objective_m2, [design.objective for design in designs], rtol=1e-9)
    assert curves[0].objective_m2 != curves[1].objective_m2
    assert drawn_curves(quick(tmp_path, ROOT_DRAWS), 2, RANDOM_ROOT) == curves


def test_missing_designs_are_named(tmp_path, smaller):
    smaller(ROOT_DRAWS, weights=(FEW, FEW), counts=(2, 2), n_targets=(2,))
    results = quick(tmp_path, ROOT_DRAWS)
    for name in ("objective", "lower_bound"):
        broken = results.copy(deep=True)
        broken[name][0] = np.nan
        with pytest.raises(NotMeasured, match=f"2 of 4 values of {name} are missing"):
            drawn_curves(broken, 2, RANDOM_ROOT)


@pytest.mark.slow
def test_decreases_are_those_against_the_better_scheme(tmp_path, smaller):
    names = ("analog-wcrb:starts=1,max_iterations=20", "analog-fdb:starts=1", "analog-cpa")
    smaller(SCENES, methods=names, counts=(2, 2))
    decreases = analog_decreases(quick(tmp_path, SCENES))
    study = DRAWS[SCENES].study(full=False)
    assert tuple(DRAWS[SCENES].methods[1:]) != ANALOG, "the small ones are in use"
    for draw, decrease in enumerate(decreases):
        scenario, seed = scene(study, (0,), draw), method_stream(study.random, draw)
        objective = [
            method.solve(design_problem(scenario, weight=0.5, method=method), seed=seed).objective
            for method in map(method_named, names)
        ]
        assert decrease == pytest.approx(1.0 - objective[0] / min(objective[1:]), rel=1e-6)
    assert decreases[0] != decreases[1]
    assert min(decreases) > 0.0


def test_the_seed_of_all_draws_is_the_one_that_is_reported():
    assert {kind.study(full=full).random.seed for kind in DRAWS.values() for full in (False, True)} == {SEED}


@pytest.mark.slow
def test_only_a_full_run_keeps_its_studies_and_goes_on_with_them(tmp_path, smaller):
    smaller(ROOT_DRAWS, weights=(FEW, FEW), counts=(1, 2), n_targets=(1,), batch_cases=1)
    quick(tmp_path, ROOT_DRAWS)
    assert not list(tmp_path.iterdir())
    told = []
    for _ in range(2):
        with paper_run(tmp_path, full=True, report=told.append) as run:
            results = drawn(run, ROOT_DRAWS)
    assert results.sizes["realisation"] == 2
    assert told[0] == "study square-roots: 4 cases"
    assert told[-1] == "study square-roots: 4 cases, 4 of them stored already"
    assert len(list((tmp_path / STUDIES_FOLDER).glob("*.sqlite"))) == 1
    smaller(ROOT_DRAWS, weights=(FEW, FEW[:1]), counts=(1, 2), n_targets=(1,))
    with paper_run(tmp_path, full=True, report=told.append) as run:
        drawn(run, ROOT_DRAWS)
    assert told[-1] == "study square-roots: 2 cases", "a study that differs has a store of its own"
    assert len(list((tmp_path / STUDIES_FOLDER).glob("*.sqlite"))) == 2


#: The command with fewer random square roots, in smaller batches.
SMALLER = """\
import sys
from dataclasses import replace
from crbeam.interfaces.command_line import main
from crbeam.papers.zhang2025 import draws

if __name__ == "__main__":
    kind = draws.DRAWS[draws.ROOT_DRAWS]
    draws.DRAWS[draws.ROOT_DRAWS] = replace(kind, weights=(draws.WEIGHTS,) * 2, counts=(40, 40), batch_cases=20)
    main()
"""


def stopped(words, folder, sent):
    """Run the command until it has added something to its store, then send it a signal; status and what it said."""
    before = most_stored(folder)
    run = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while most_stored(folder) == before and run.poll() is None:
        time.sleep(0.02)
    assert run.poll() is None, "the study was too short to be stopped"
    run.send_signal(sent)
    _, said = run.communicate(timeout=60)
    return run.returncode, said


def most_stored(folder):
    return max([stored_cases(store) for store in folder.glob("*.sqlite")], default=0)


@pytest.mark.slow
def test_a_full_figure_that_is_interrupted_and_killed_goes_on(tmp_path):
    script = tmp_path / "smaller.py"
    script.write_text(SMALLER, encoding="utf-8")
    out, whole = tmp_path / "out", tmp_path / "whole"
    command = [sys.executable, str(script), "figure", "zhang2025", "remark-3", "--full", "--out"]
    folder = out / STUDIES_FOLDER
    status, said = stopped([*command, str(out)], folder, signal.SIGINT)
    assert status == 130
    assert said.splitlines()[0] == "crbeam: study square-roots: 1560 cases"
    assert f"{folder} keeps the draws that were finished; run again to go on." in said.splitlines()[-1]
    status, said = stopped([*command, str(out)], folder, signal.SIGKILL)
    assert status == -signal.SIGKILL
    assert "of them stored already" in said
    kept = most_stored(folder)
    assert kept < 1560
    for place in (out, whole):
        last = subprocess.run([*command, str(place)], capture_output=True, text=True, timeout=300, check=True)
        assert "may be interrupted and started again" in last.stderr
    (store,), (reference,) = ((place / STUDIES_FOLDER).glob("*.sqlite") for place in (out, whole))
    assert_same_results(store, reference)
    summary = summarise(store)
    assert (summary.done, summary.recomputed, summary.sessions) == (1560, 0, 3)
    name = "zhang2025_remark_3.csv"
    assert (out / name).read_bytes() == (whole / name).read_bytes()
