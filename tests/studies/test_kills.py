"""A study that is killed again and again ends with the results of one that was not, and computes nothing twice."""

import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from tests.studies.small_studies import COMMAND, assert_same_results, crbeam, execute, stored_cases

from crbeam.studies.store import reading
from crbeam.studies.summary import recomputed_cases

EXAMPLE = Path(__file__).parents[2] / "examples" / "studies" / "random_targets.yaml"


def killed(study, store, delay_s):
    """Start a run, kill it without warning after some seconds of work; whether it was still running."""
    before = stored_cases(store)
    run = subprocess.Popen([*COMMAND, "study", "run", str(study), "--store", str(store)], start_new_session=True)
    try:
        while stored_cases(store) == before and run.poll() is None:
            time.sleep(0.02)
        time.sleep(delay_s)
    finally:
        was_running = run.poll() is None
        run.kill()
        run.wait()
    return was_running


def unfinished(store):
    """Batches that were handed out and never stored, so far."""
    return execute(store, "SELECT count(*) FROM attempts WHERE outcome IS NULL")[0][0]


def killed_and_finished(study, store, *, kills, longest_s, seed):
    """Kill runs at random moments, then let one finish; what the last one printed."""
    rng = np.random.default_rng(seed)
    stored = [0]
    for delay_s in rng.uniform(0.0, longest_s, size=kills):
        assert killed(study, store, float(delay_s)), "the study was too short to be killed so often"
        stored.append(stored_cases(store))
        assert stored[-1] > stored[-2], "every run adds something"
    assert unfinished(store) > 0, "at least one kill hit a batch in work"
    last = crbeam("study", "run", str(study), "--store", str(store))
    assert last.returncode == 0, last.stderr
    assert f"{stored[-1]} kept from before" in last.stdout
    return last.stdout


def assert_computed_once(store, cases):
    """Every case is there, and none was computed again after it was stored."""
    with reading(store) as connection:
        assert connection.execute("SELECT count(*) FROM cases").fetchone() == (cases,)
        assert recomputed_cases(connection) == 0
        twice = "SELECT batch FROM attempts WHERE outcome = 'committed' GROUP BY batch HAVING count(*) > 1"
        assert connection.execute(twice).fetchall() == []


@pytest.mark.slow
def test_a_study_survives_ten_kills(tmp_path):
    """Part of the example study, killed ten times at random moments."""
    study, store, reference = (tmp_path / name for name in ("study.yaml", "killed.sqlite", "whole.sqlite"))
    text = EXAMPLE.read_text(encoding="utf-8")
    assert "realisations: 3000" in text
    study.write_text(text.replace("realisations: 3000", "realisations: 150") + "\nbatch_cases: 10\n", encoding="utf-8")
    begin = time.perf_counter()
    alone = crbeam("study", "run", str(study), "--store", str(reference), "--workers", "1")
    seconds = time.perf_counter() - begin
    assert alone.returncode == 0, alone.stderr
    printed = killed_and_finished(study, store, kills=10, longest_s=0.02 * seconds, seed=2)
    assert_same_results(store, reference)
    assert_computed_once(store, 1_500)
    (tmp_path / "report.txt").write_text(f"alone {seconds:.0f} s; {printed}")
