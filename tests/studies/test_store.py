"""A store is never damaged, never shared between two writers, never mixed up with another study."""

import resource
import shutil
import sqlite3
import subprocess
import sys

import pytest
from tests.studies.small_studies import assert_same_results, crbeam, execute, rows, small_scenario, small_study

from crbeam.studies import StoreFault, run_study
from crbeam.studies.cases import batches
from crbeam.studies.computing import Job, compute
from crbeam.studies.planning import Plan
from crbeam.studies.results import read_results
from crbeam.studies.store import SCHEMA_VERSION, open_store, reading
from crbeam.studies.summary import recomputed_cases


@pytest.fixture(scope="module")
def study():
    return small_study()


@pytest.fixture(scope="module")
def plan(study):
    return Plan.of(study)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, study):
    """Folder of the store of a finished run."""
    folder = tmp_path_factory.mktemp("finished")
    run_study(study, folder / "study.sqlite", workers=1)
    return folder


@pytest.fixture
def store(tmp_path, finished):
    """A copy of the store, to be done with as a test likes."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path / "study.sqlite"


def test_a_finished_study_is_one_file_with_nothing_to_do(store, study):
    before = store.read_bytes()
    assert {file.name for file in store.parent.iterdir()} == {"study.sqlite", "study.sqlite.lock"}
    assert len(rows(store)) == 12
    summary = run_study(study, store, workers=1)
    assert (summary.computed, summary.done) == (0, 12)
    assert len(before) == store.stat().st_size


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"axes": {"weight": [0.2, 0.5, 0.9], "realisations": 4}}, "`axes.weight` is [0.2,0.5,0.8] in the store"),
        ({"axes": {"weight": [0.2, 0.5, 0.8], "realisations": 5}}, "`axes.realisations` is 4 in the store and 5"),
        (
            {"scenario": small_scenario("noise.figure=9 dB")},
            '`scenario.noise.figure` is "10 dB" in the store and "9 dB"',
        ),
        ({"random": {"seed": 4}}, "`random.seed` is 3"),
        ({"batch_cases": 5}, "`batch_cases` is 6"),
        ({"metrics": ["objective"]}, "`metrics` is"),
    ],
)
def test_a_changed_study_is_refused_with_what_differs(store, change, words):
    before = store.read_bytes()
    with pytest.raises(StoreFault) as caught:
        run_study(small_study(**change), store, workers=1)
    assert words in str(caught.value)
    assert store.read_bytes() == before


def test_a_new_title_is_no_change(store):
    assert run_study(small_study(title="Better words"), store, workers=1).computed == 0


def test_another_version_of_the_library_is_refused(store, study, monkeypatch):
    monkeypatch.setattr("crbeam.__version__", "99.0")
    with pytest.raises(StoreFault, match=r"`crbeam.version` is .* and \"99.0\" in the study"):
        run_study(study, store, workers=1)


@pytest.mark.parametrize("content", [b"weights: [1, 2, 3]\n" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_what_is_not_a_store_is_left_alone(tmp_path, study, content):
    file = tmp_path / "notes.sqlite"
    file.write_bytes(content)
    for use in (lambda: run_study(study, file, workers=1), lambda: read_results(file)):
        with pytest.raises(StoreFault, match="Nothing was changed"):
            use()
    assert file.read_bytes() == content


def test_a_database_of_something_else_is_left_alone(tmp_path, study):
    file = tmp_path / "other.sqlite"
    execute(file, "CREATE TABLE diary (day TEXT)")
    before = file.read_bytes()
    for use in (lambda: run_study(study, file, workers=1), lambda: read_results(file)):
        with pytest.raises(StoreFault, match="database of something else"):
            use()
    assert file.read_bytes() == before


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_a_damaged_store_is_reported_and_left_alone(store, study, damage):
    content = bytearray(store.read_bytes())
    if damage == "cut":
        content = content[: len(content) * 2 // 3]
    else:
        content[4096:] = b"\x5a" * (len(content) - 4096)
    store.write_bytes(bytes(content))
    for use in (lambda: run_study(study, store, workers=1), lambda: read_results(store)):
        with pytest.raises(StoreFault, match="damaged"):
            use()
    assert store.read_bytes() == bytes(content)


def test_a_store_of_a_later_schema_is_refused(store, study):
    execute(store, "UPDATE facts SET value = ? WHERE name = 'schema_version'", str(SCHEMA_VERSION + 1))
    with pytest.raises(StoreFault, match="schema is version 2, not 1"):
        run_study(study, store, workers=1)


def test_an_empty_file_left_by_a_killed_run_is_a_new_store(tmp_path, study):
    file = tmp_path / "study.sqlite"
    file.touch()
    with pytest.raises(StoreFault, match="it is empty"):
        read_results(file)
    assert run_study(study, file, workers=1).done == 12


def test_a_missing_store_and_a_directory_are_explained(tmp_path, study):
    with pytest.raises(StoreFault, match="there is no such file"):
        read_results(tmp_path / "nothing.sqlite")
    with pytest.raises(StoreFault, match="is a directory"):
        run_study(study, tmp_path, workers=1)


def test_a_second_writer_is_refused_and_readers_are_not(tmp_path, study, plan):
    file = tmp_path / "study.sqlite"
    with open_store(file, plan, backend="first") as store:
        batch = next(batches(study))
        store.commit(batch.number, store.begin(batch.number), compute(Job(study, batch, plan.columns)))
        with pytest.raises(StoreFault, match=r"another run is writing to it, process \d+ on"):
            run_study(study, file, workers=1)
        assert int((read_results(file)["status"] > 0).sum()) == 6
    assert run_study(study, file, workers=1).computed == 6


def test_a_second_process_is_refused(tmp_path, plan):
    """The lock holds between processes, and goes with the process that holds it."""
    study_file, file = tmp_path / "study.yaml", tmp_path / "study.sqlite"
    study_file.write_text("scenario: zhang2025\n")
    with open_store(file, plan, backend="first"):
        second = crbeam("study", "run", str(study_file), "--store", str(file))
    assert second.returncode == 2
    assert "another run is writing to it" in second.stderr
    assert "Traceback" not in second.stderr


def store_all(store, jobs):
    for job in jobs:
        store.commit(job.batch.number, store.begin(job.batch.number), compute(job))


@pytest.mark.slow
def test_a_full_disk_keeps_what_was_stored(tmp_path, study, plan):
    """Pages run out in the middle: the batch is rolled back, the earlier ones stay, and the run can go on."""
    file, reference = tmp_path / "study.sqlite", tmp_path / "reference.sqlite"
    small = small_study(axes={"weight": "0.05:0.95:19", "realisations": 6}, batch_cases=19)
    small_plan = Plan.of(small)
    with open_store(file, small_plan, backend="test") as store:
        jobs = [Job(small, batch, small_plan.columns) for batch in batches(small)]
        store.commit(0, store.begin(0), compute(jobs[0]))
        (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
        store.connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        with pytest.raises(StoreFault, match="no space left"):
            store_all(store, jobs[1:])
        store.connection.execute("PRAGMA max_page_count = 1000000")
        kept = store.finished_batches()
    assert 0 in kept
    assert len(kept) < len(jobs)
    summary = run_study(small, file, workers=1)
    assert summary.computed == 19 * (len(jobs) - len(kept))
    run_study(small, reference, workers=1)
    assert_same_results(file, reference)


LIMITED = """\
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
from crbeam.interfaces.command_line import app
app(sys.argv[2:])
"""


@pytest.mark.slow
def test_a_file_that_cannot_grow_is_explained_on_the_command_line(tmp_path):
    """The operating system refuses to write on: exit status 2, a sentence, and a store that goes on later."""
    study_file, file = tmp_path / "study.yaml", tmp_path / "study.sqlite"
    study_file.write_text("scenario: zhang2025\naxes: {weight: 0:1:401, method: uniform}\nbatch_cases: 20\n")
    words = ["study", "run", str(study_file), "--store", str(file), "--workers", "1"]
    command = [sys.executable, "-c", LIMITED, "130000", *words]
    limited = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert limited.returncode == 2, limited.stderr
    assert "kept" in limited.stderr
    assert "Traceback" not in limited.stderr
    stored = len(rows(file))
    assert 0 < stored < 401
    whole = crbeam(*words)
    assert whole.returncode == 0, whole.stderr
    assert f"{401 - stored} computed" in whole.stdout
    with reading(file) as connection:
        assert recomputed_cases(connection) == 0
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 130000


def test_a_committed_case_cannot_be_overwritten(tmp_path, study, plan):
    file = tmp_path / "study.sqlite"
    batch = next(batches(study))
    records = compute(Job(study, batch, plan.columns))
    with open_store(file, plan, backend="test") as store:
        store.commit(0, store.begin(0), records)
        before = rows(file)
        with pytest.raises(StoreFault, match="UNIQUE"):
            store.commit(0, store.begin(0), records)
    assert rows(file) == before


def test_cases_computed_again_are_counted(store):
    """The counter can count: a batch handed out again after it was stored shows."""
    with reading(store) as connection:
        assert recomputed_cases(connection) == 0
    execute(store, "INSERT INTO attempts (batch, session) VALUES (1, 1)")
    with reading(store) as connection:
        assert recomputed_cases(connection) == 6


def test_a_batch_is_stored_whole_or_not_at_all(tmp_path, study, plan):
    file = tmp_path / "study.sqlite"
    records = compute(Job(study, next(batches(study)), plan.columns))
    with open_store(file, plan, backend="test") as store:
        attempt = store.begin(0)
        with pytest.raises(StoreFault):
            store.commit(0, attempt, [*records, records[0]])
        assert store.finished_batches() == set()
    assert rows(file) == []


def test_a_read_sees_one_state(store):
    with reading(store) as connection:
        before = connection.execute("SELECT count(*) FROM cases").fetchone()
        other = sqlite3.connect(store, isolation_level=None, timeout=0.1)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("DELETE FROM cases")
        other.close()
        assert connection.execute("SELECT count(*) FROM cases").fetchone() == before
