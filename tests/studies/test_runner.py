"""Where and how often a study is run does not change its results; what fails is recorded."""

import os
import signal
import subprocess
import time

import numpy as np
import pytest
from tests.studies.small_studies import (
    COMMAND,
    assert_same_results,
    execute,
    rows,
    small_scenario,
    small_study,
    stored_cases,
)

from crbeam import InvalidInput
from crbeam.design.methods.baselines import Uniform
from crbeam.studies import run_study
from crbeam.studies.backends import Outcome, SerialBackend
from crbeam.studies.computing import Job, compute
from crbeam.studies.processes import ProcessBackend
from crbeam.studies.results import read_results
from crbeam.studies.summary import summarise


class Recorder:
    """An observer that remembers."""

    def __init__(self):
        self.calls = []

    def started(self, cases, done, failed):
        self.calls.append(("started", cases, done, failed))

    def expected(self, seconds):
        self.calls.append(("expected", seconds))

    def progressed(self, cases, failed):
        self.calls.append(("progressed", cases, failed))


class LosesWorkers(SerialBackend):
    """A place whose worker is lost some times over one batch."""

    def __init__(self, batch, times):
        super().__init__()
        self.batch, self.times = batch, times

    def wait(self):
        job = self._jobs.popleft()
        if job.batch.number == self.batch and self.times:
            self.times -= 1
            return [Outcome(job, None)]
        return [Outcome(job, compute(job))]


class Backwards(SerialBackend):
    """A place that finishes later jobs first."""

    def capacity(self):
        return 3

    def wait(self):
        job = self._jobs.pop()
        return [Outcome(job, compute(job))]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    file = tmp_path_factory.mktemp("reference") / "study.sqlite"
    run_study(small_study(), file, workers=1)
    return file


@pytest.mark.parametrize(
    "place",
    [
        pytest.param({"workers": 2}, marks=pytest.mark.slow),
        {"backend": Backwards},
        {"backend": lambda: LosesWorkers(1, 2)},
    ],
)
def test_the_place_does_not_matter(tmp_path, reference, place):
    summary = run_study(small_study(), tmp_path / "study.sqlite", **place)
    assert (summary.cases, summary.done, summary.failed, summary.computed) == (12, 12, 0, 12)
    assert_same_results(tmp_path / "study.sqlite", reference)


def test_another_result_would_be_noticed(tmp_path, reference):
    """The wrong variant: one value in its last digit."""
    file = tmp_path / "study.sqlite"
    run_study(small_study(), file, workers=1)
    (value,) = execute(file, "SELECT metric_0 FROM cases WHERE number = 5")[0]
    execute(file, "UPDATE cases SET metric_0 = ? WHERE number = 5", float(np.nextafter(value, 1.0)))
    with pytest.raises(AssertionError):
        assert_same_results(file, reference)


def test_an_interrupted_run_goes_on(tmp_path, reference):
    class Breaks(SerialBackend):
        def wait(self):
            if self._jobs[0].batch.number == 1:
                raise KeyboardInterrupt
            return super().wait()

    file = tmp_path / "study.sqlite"
    with pytest.raises(KeyboardInterrupt):
        run_study(small_study(), file, backend=Breaks)
    assert len(rows(file)) == 6
    observer = Recorder()
    summary = run_study(small_study(), file, workers=1, observer=observer)
    assert (summary.done, summary.computed) == (12, 6)
    assert observer.calls == [("started", 12, 6, 0), ("progressed", 6, 0)]
    assert_same_results(file, reference)
    assert execute(file, "SELECT batch, outcome FROM attempts ORDER BY id") == [
        (0, "committed"),
        (1, None),
        (1, "committed"),
    ]


def test_an_observer_hears_how_long_it_takes(tmp_path):
    observer = Recorder()
    run_study(small_study(batch_cases=2), tmp_path / "study.sqlite", workers=1, observer=observer)
    kinds = [call[0] for call in observer.calls]
    assert kinds[0] == "started"
    assert kinds.count("progressed") == 6
    (expected,) = [call[1] for call in observer.calls if call[0] == "expected"]
    assert expected > 0.0


@pytest.mark.slow
def test_a_batch_that_kills_its_workers_is_recorded_as_failed(tmp_path):
    file = tmp_path / "study.sqlite"
    summary = run_study(small_study(), file, backend=lambda: LosesWorkers(0, 3))
    assert (summary.done, summary.failed) == (12, 6)
    assert {row for row in rows(file, columns="batch, status, error")} == {
        (0, "failed", "WorkerLost"),
        (1, "optimal", None),
    }
    outcomes = execute(file, "SELECT outcome FROM attempts WHERE batch = 0 ORDER BY id")
    assert outcomes == [("lost",), ("lost",), ("committed",)]
    identities = dict(rows(file, columns="number, identity"))
    run_study(small_study(), tmp_path / "other.sqlite", workers=1)
    assert identities == dict(rows(tmp_path / "other.sqlite", columns="number, identity"))


def workers_of(parent):
    """Process numbers of the worker processes that a process has started."""
    listing = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    fields = [line.split(None, 2) for line in listing.splitlines()[1:]]
    return [int(pid) for pid, owner, command in fields if int(owner) == parent and "studies.worker" in command]


@pytest.mark.slow
def test_a_killed_worker_process_is_replaced(tmp_path):
    study = small_study(axes={"weight": "0.05:0.95:10", "realisations": 40}, batch_cases=40)
    file, reference = tmp_path / "study.sqlite", tmp_path / "reference.sqlite"
    killed = []

    class Kills(Recorder):
        def progressed(self, cases, failed):
            super().progressed(cases, failed)
            if len(killed) < 2:
                victim = workers_of(os.getpid())[0]
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)

    summary = run_study(study, file, backend=lambda: ProcessBackend(2), observer=Kills())
    assert len(killed) == 2
    assert (summary.done, summary.failed) == (400, 0)
    assert workers_of(os.getpid()) == []
    run_study(study, reference, workers=1)
    assert_same_results(file, reference)


def test_a_number_of_workers_that_is_none_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="at least 1, found 0"):
        run_study(small_study(), tmp_path / "study.sqlite", workers=0)


@pytest.mark.slow
def test_a_run_that_is_killed_leaves_no_worker_behind(tmp_path):
    study = tmp_path / "study.yaml"
    study.write_text("scenario: zhang2025\naxes: {weight: 0.05:0.95:10, realisations: 3000}\nrandom: {phases: true}\n")
    store = tmp_path / "study.sqlite"
    run = subprocess.Popen([*COMMAND, "study", "run", str(study), "--workers", "2"])
    try:
        wait_for(lambda: stored_cases(store) > 0)
        workers = workers_of(run.pid)
        assert len(workers) == 2
    finally:
        run.kill()
        run.wait()
    wait_for(lambda: not any(is_running(worker) for worker in workers))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_a_run_at_once_and_in_order(tmp_path, workers):
    study = tmp_path / "study.yaml"
    study.write_text("scenario: zhang2025\naxes: {weight: 0.05:0.95:10, realisations: 3000}\nrandom: {phases: true}\n")
    store = tmp_path / "study.sqlite"
    command = [*COMMAND, "study", "run", str(study), "--workers", str(workers)]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: stored_cases(store) > 0)
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=60)
    finally:
        run.kill()
        run.wait()
    assert run.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert {file.name for file in tmp_path.iterdir()} == {"study.yaml", "study.sqlite", "study.sqlite.lock"}


def is_running(process):
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


MIXED = {
    "axes": {
        "weight": [0.5],
        "realisations": 2,
        "method": ["fdb-wcrb", "uniform"],
        "fields": {
            "targets": {"field": "targets.count", "values": [0, 2]},
            "beams": {"field": "user.combiner.dft_beams", "values": [[0, 1], [0, 9]]},
        },
    },
    "random": {
        "seed": 1,
        "fields": {"targets.positions": {"uniform": [["0 m", "10 m"], ["4 m", "14 m"]], "apart": "4 m"}},
    },
    "batch_cases": 50,
}


def test_a_study_with_cases_that_fail_completes_and_says_why(tmp_path, monkeypatch):
    """Unidentifiable, invalid, infeasible cases, and a method that breaks down in one: everything else is computed."""
    original = Uniform.propose_many

    def breaks_for_one(self, problems, *, starts, seeds):
        if len(problems) > 1:
            raise FloatingPointError("somewhere in the batch")
        if problems[0].directions["bs"].shape[1] == 3 and not seeds[0].spawn_key[0]:
            raise ZeroDivisionError("in this one")
        return original(self, problems, starts=starts, seeds=seeds)

    monkeypatch.setattr(Uniform, "propose_many", breaks_for_one)
    file = tmp_path / "study.sqlite"
    study = small_study(**MIXED)
    summary = run_study(study, file, workers=1)
    assert summary.done == summary.cases == 16
    found = {
        (realisation, method, targets, beams): (status, error)
        for (number, status, error) in rows(file, columns="number, status, error")
        for realisation, method, targets, beams, _ in [np.unravel_index(number, (2, 2, 2, 2, 1))]
    }
    for (realisation, method, targets, beams), (status, error) in found.items():
        if targets == 0 and beams == 0:
            assert error == "Unidentifiable"
        elif beams == 1:
            assert error in ("InvalidScenario", "Infeasible")
        elif error is None:
            assert status in ("optimal", "feasible")
        else:
            assert error == "Infeasible" or (error == "ZeroDivisionError" and method == 1 and realisation == 0)
    shown = summarise(file)
    assert shown.failed == summary.failed == sum(failure.count for failure in shown.failures)
    reasons = {failure.error: failure.reason for failure in shown.failures}
    assert set(reasons) >= {"Unidentifiable", "InvalidScenario", "ZeroDivisionError"}
    assert "add a path (a target)" in reasons["Unidentifiable"]
    assert "column number from 0 to 3" in reasons["InvalidScenario"]
    assert reasons["ZeroDivisionError"] == "ZeroDivisionError: in this one"


def test_an_infeasible_case_is_recorded(tmp_path):
    fields = {"targets.positions": {"uniform": [["0 m", "10 m"], ["4 m", "14 m"]], "apart": "4 m"}}
    file = tmp_path / "study.sqlite"
    axes = {"fields": {"targets": {"field": "targets.count", "values": [1, 3]}}, "realisations": 6}
    summary = run_study(small_study(axes=axes, random={"fields": fields}), file, workers=1)
    (failure,) = summarise(file).failures
    assert failure.error == "Infeasible"
    assert 0 < failure.count == summary.failed < 12
    assert "4 m apart" in failure.reason


RULE = {"metric": "objective", "relative_half_width": 0.25, "confidence": 0.9, "every": 3}
MANY = {"axes": {"weight": [0.2, 0.8], "realisations": 300}, "stop": RULE, "batch_cases": 4}


@pytest.mark.slow
def test_a_study_stops_when_its_means_are_known_whatever_happens_to_it(tmp_path):
    files = [tmp_path / f"{name}.sqlite" for name in ("serial", "backwards", "interrupted")]
    summaries = [run_study(small_study(**MANY), files[0], workers=1)]
    summaries.append(run_study(small_study(**MANY), files[1], backend=Backwards))

    class Breaks(SerialBackend):
        def wait(self):
            if self._jobs[0].batch.number == 3:
                raise KeyboardInterrupt
            return super().wait()

    with pytest.raises(KeyboardInterrupt):
        run_study(small_study(**MANY), files[2], backend=Breaks)
    summaries.append(run_study(small_study(**MANY), files[2], workers=1))
    stopped = {summary.stopped_after for summary in summaries}
    assert len(stopped) == 1
    (after,) = stopped
    assert after is not None
    assert 3 < after < 300
    assert after % 3 == 0
    for file in files[1:]:
        assert_same_results(file, files[0])
    dataset = read_results(files[0])
    assert dataset.sizes["realisation"] == after
    shown = summarise(files[0])
    assert shown.stopped_early
    for point in shown.points:
        mean = point.mean["objective"]
        assert mean["half_width"] <= 0.25 * mean["mean"]
    earlier = dataset.isel(realisation=slice(0, after - 3))["objective"].values
    from crbeam.studies.intervals import means

    before = means(np.moveaxis(earlier, 0, -1), 0.9)
    assert np.any(before.half_width > 0.25 * before.mean), "it would have stopped a round earlier"
    assert run_study(small_study(**MANY), files[0], workers=1).computed == 0


def test_a_rule_that_is_never_met_does_not_end_the_study(tmp_path):
    rule = {**RULE, "relative_half_width": 1e-6}
    summary = run_study(
        small_study(**{**MANY, "stop": rule, "axes": {"realisations": 7}}), tmp_path / "s.sqlite", workers=1
    )
    assert summary.stopped_after is None
    assert summary.done == 7


def test_jobs_can_be_sent_anywhere():
    import pickle

    from crbeam.studies.cases import batches
    from crbeam.studies.planning import Plan

    study = small_study(scenario=small_scenario("targets.count=1"))
    job = Job(study, next(batches(study)), Plan.of(study).columns)
    assert compute(pickle.loads(pickle.dumps(job)))[0].values == compute(job)[0].values
