"""A Dask cluster gives the same results, also when a worker dies."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from tests.studies.small_studies import assert_same_results, crbeam, stored_cases

from crbeam import InvalidInput
from crbeam.studies import read_study, run_study
from crbeam.studies.cluster import ClusterFault, DaskBackend, parse_slurm, slurm_cluster
from crbeam.studies.store import reading
from crbeam.studies.summary import recomputed_cases

STUDY = """\
scenario: zhang2025
axes: {weight: 0.05:0.95:10, realisations: 100}
random:
  seed: 5
  phases: true
  fields: {targets.positions: {uniform: [[-15 m, 8 m], [15 m, 25 m]], apart: 2 m}}
batch_cases: 20
"""
NEEDED = "distributed is not installed: pip install 'crbeam[cluster]'"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers, each a process of its own, over loopback: address and workers."""
    pytest.importorskip("distributed", reason=NEEDED)
    address = f"tcp://127.0.0.1:{free_port()}"
    environment = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3", "OMP_NUM_THREADS": "1"}
    python = [sys.executable, "-m"]
    commands = [
        [*python, "distributed.cli.dask_scheduler", "--host", address, "--no-dashboard", "--no-show"],
        *[
            [*python, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
            for _ in range(2)
        ],
    ]
    log = (tmp_path / "dask.log").open("w", encoding="utf-8")
    processes = [
        subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log) for command in commands
    ]
    try:
        yield address, processes[1:]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()
        log.close()


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_gives_the_results_of_this_process(cluster, tmp_path):
    address, workers = cluster
    study, store, reference = (tmp_path / name for name in ("study.yaml", "cluster.sqlite", "serial.sqlite"))
    study.write_text(STUDY, encoding="utf-8")
    command = [sys.executable, "-c", "from crbeam.interfaces.command_line import main; main()", "study", "run"]
    with subprocess.Popen(
        [*command, str(study), "--store", str(store), "--scheduler", address], stderr=subprocess.PIPE, text=True
    ) as run:
        while stored_cases(store) < 200 and run.poll() is None:
            time.sleep(0.02)
        assert run.poll() is None, "the run ended before a worker could be killed"
        os.kill(workers[0].pid, signal.SIGKILL)
        workers[0].wait()
        assert stored_cases(store) < 1000, "the worker was killed after the end"
        assert run.stderr is not None
        errors = run.stderr.read()
    assert run.returncode == 0, errors
    assert run_study(read_study(study), reference, workers=1).failed == 0
    assert_same_results(store, reference)
    with reading(store) as connection:
        assert recomputed_cases(connection) == 0
        hosts = connection.execute("SELECT count(*) FROM cases WHERE status = 'failed'").fetchone()
    assert hosts == (0,)


@pytest.mark.slow
def test_a_batch_that_kills_every_worker_comes_back_as_lost(cluster, tmp_path, monkeypatch):
    """With one worker left that is killed while it computes, and none allowed to fail, Dask gives the batch up."""
    from tests.studies.small_studies import small_study

    from crbeam.studies.cases import batches
    from crbeam.studies.computing import Job
    from crbeam.studies.planning import Plan

    address, _ = cluster
    backend = DaskBackend(address)
    try:
        study = small_study()
        job = Job(study, next(batches(study)), Plan.of(study).columns)
        backend.submit(job)
        (outcome,) = backend.wait()
        assert outcome.records is not None
        assert len(outcome.records) == 6

        class Killed:
            status = "error"

            @staticmethod
            def exception():
                return killed_worker(job)

        future = Killed()
        backend._jobs[future] = job
        assert backend._outcome(future).records is None
    finally:
        backend.close()


def killed_worker(job):
    from distributed.scheduler import KilledWorker

    return KilledWorker("batch", None, 3)


def test_an_address_where_nobody_answers_is_explained(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason=NEEDED)
    monkeypatch.setattr("crbeam.studies.cluster.CONNECT_S", 0.5)
    study = tmp_path / "study.yaml"
    study.write_text("scenario: zhang2025\n", encoding="utf-8")
    with pytest.raises(ClusterFault, match=r"must answer at `tcp://127\.0\.0\.1:"):
        DaskBackend(f"tcp://127.0.0.1:{free_port()}")


def test_without_the_extra_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.setitem(sys.modules, "distributed.scheduler", None)
    with pytest.raises(ClusterFault, match=r"pip install 'crbeam\[cluster\]'"):
        DaskBackend("tcp://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(ClusterFault, match="dask-jobqueue"):
        slurm_cluster(parse_slurm(""))


def test_options_of_slurm():
    assert parse_slurm("") == {"jobs": 1, "cores": 1, "memory": "2GB", "walltime": "01:00:00"}
    assert parse_slurm("jobs=10,cores=8,queue=long")["cores"] == 8
    for wrong in ("jobs", "jobs=0", "nodes=3", "memory="):
        with pytest.raises(InvalidInput, match="SLURM"):
            parse_slurm(wrong)


@pytest.mark.slow
def test_a_slurm_job_has_one_process_with_one_thread_on_each_core():
    pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed: pip install 'crbeam[cluster]'")
    cluster = slurm_cluster(parse_slurm("jobs=3,cores=4,memory=8GB,walltime=02:00:00,queue=long,account=radar"))
    try:
        script = cluster.job_script()
    finally:
        cluster.close()
    for line in ("#SBATCH -p long", "#SBATCH -A radar", "--cpus-per-task=4", "#SBATCH -t 02:00:00"):
        assert line in script
    assert "--nthreads 1 " in script
    assert "--nworkers 4 " in script
    assert crbeam("study", "run", "--help").returncode == 0
