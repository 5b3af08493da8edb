"""Running a study: hand out batches, store what comes back, go on where an earlier run ended."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from crbeam.errors import InvalidInput
from crbeam.studies.backends import Backend, Outcome, SerialBackend, WorkerLost
from crbeam.studies.cases import Batch, Grid, batches, rounds
from crbeam.studies.computing import FAILED, Job, failed_records
from crbeam.studies.observing import Observer, Silence, TimeEstimate
from crbeam.studies.planning import Plan
from crbeam.studies.stopping import is_precise
from crbeam.studies.store import Store, open_store
from crbeam.studies.study import Study

#: How often a batch is handed out before it counts as failed, if each time its worker is lost.
MOST_ATTEMPTS = 3


@dataclass(frozen=True)
class RunSummary:
    """What a run of a study did.

    Attributes:
        file: the store.
        cases: number of cases of the whole study.
        done: cases in the store, failed ones included.
        failed: cases in the store that failed.
        computed: cases that this run added.
        stopped_after: realisations after which the stopping rule ended the study; None if it did not.
        seconds: wall-clock time of this run.
    """

    file: Path
    cases: int
    done: int
    failed: int
    computed: int
    stopped_after: int | None
    seconds: float


def run_study(
    study: Study,
    store: str | os.PathLike[str],
    *,
    workers: int | None = None,
    backend: Callable[[], Backend] | None = None,
    observer: Observer | None = None,
) -> RunSummary:
    """Compute what a store does not have yet of a study.

    Results do not depend on where they are computed, nor on how often the run was interrupted: cases go in batches
    that depend on the study only, and every finished batch is stored at once.

    Args:
        study: what to compute.
        store: file that keeps the results; made if it does not exist.
        workers: processes on this machine; by default one for each core that this process may use, and for one worker
            this process itself.
        backend: makes another place to compute, such as `cluster.DaskBackend`, in place of `workers`.
        observer: is told how the run goes.

    Raises:
        StoreFault: the store is in use, damaged, full, or of another study.
        InvalidInput: the number of workers is not at least 1.
    """
    begin = time.monotonic()
    plan = Plan.of(study)
    processes = available_cores() if workers is None else workers
    place = _Lazy(backend if backend is not None else _local(processes))
    watcher = observer or Silence()
    try:
        where = "cluster" if backend is not None else f"{processes} processes"
        with open_store(store, plan, backend=where) as open_file:
            done, failed = _counts(open_file)
            watcher.started(Grid.of(study).n_cases, done, failed)
            stopped_after = _run_rounds(_Run(plan, open_file, place, watcher))
            final, failed = _counts(open_file)
    finally:
        place.close()
    cases = Grid.of(study).n_cases
    return RunSummary(Path(store), cases, final, failed, final - done, stopped_after, time.monotonic() - begin)


def available_cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _local(workers: int) -> Callable[[], Backend]:
    if workers < 1:
        raise InvalidInput(f"The number of workers must be at least 1, found {workers}.")
    if workers == 1:
        return SerialBackend
    from crbeam.studies.processes import ProcessBackend

    return lambda: ProcessBackend(workers)


class _Lazy:
    """A backend that is made when the first batch needs it."""

    def __init__(self, make: Callable[[], Backend]) -> None:
        self._make, self._backend = make, None

    def get(self) -> Backend:
        if self._backend is None:
            self._backend = self._make()
        return self._backend

    def close(self) -> None:
        if self._backend is not None:
            self._backend.close()


@dataclass(frozen=True, eq=False)
class _Run:
    """What a run works with."""

    plan: Plan
    store: Store
    place: _Lazy
    observer: Observer


def _counts(store: Store) -> tuple[int, int]:
    """Cases in the store, and how many of them failed."""
    query = "SELECT count(*), coalesce(sum(status = ?), 0) FROM cases"
    done, failed = store.connection.execute(query, (FAILED,)).fetchone()
    return int(done), int(failed)


def _run_rounds(run: _Run) -> int | None:
    """All rounds until the stopping rule is met; the number of realisations by then, None if it never is."""
    study, finished = run.plan.study, run.store.finished_batches()
    done, _ = _counts(run.store)
    estimate = TimeEstimate(run.observer, Grid.of(study).n_cases - done)
    run.store.remember("stopped_after", None)
    ends = rounds(study)
    for index, members in groupby(batches(study), key=lambda batch: batch.round):
        _run_batches(run, (batch for batch in members if batch.number not in finished), estimate)
        stop = ends[index][1]
        if stop < study.axes.realisations and is_precise(run.store.connection, run.plan, stop):
            run.store.remember("stopped_after", stop)
            return stop
    return None


def _run_batches(run: _Run, pending: Iterator[Batch], estimate: TimeEstimate) -> None:
    """Compute and store some batches, in any order."""
    again: deque[Batch] = deque()
    attempts: dict[int, list[int]] = {}
    in_work, upcoming = 0, _next(again, pending)
    while upcoming is not None or in_work:
        place = run.place.get()
        while upcoming is not None and in_work < place.capacity():
            attempts.setdefault(upcoming.number, []).append(run.store.begin(upcoming.number))
            place.submit(Job(run.plan.study, upcoming, run.plan.columns))
            in_work, upcoming = in_work + 1, _next(again, pending)
        for outcome in place.wait():
            in_work -= 1
            batch = outcome.job.batch
            if _is_settled(run, outcome, attempts[batch.number]):
                del attempts[batch.number]
                estimate.note(len(batch.cases), place.capacity())
            else:
                again.append(batch)
        upcoming = upcoming or _next(again, pending)


def _next(again: deque[Batch], pending: Iterator[Batch]) -> Batch | None:
    """The next batch to hand out: one whose worker was lost, or a new one."""
    return again.popleft() if again else next(pending, None)


def _is_settled(run: _Run, outcome: Outcome, attempts: list[int]) -> bool:
    """Store the records of an outcome; False if its batch is to be tried again instead."""
    batch, records = outcome.job.batch, outcome.records
    if records is None:
        run.store.lose(attempts[-1])
        if len(attempts) < MOST_ATTEMPTS:
            return False
        error = WorkerLost(
            f"A worker must live until its batch is done, but {len(attempts)} workers were lost over batch "
            f"{batch.number}, each with all {len(batch.cases)} cases of it. Look for what kills them (memory, say)."
        )
        records = failed_records(outcome.job, error)
    run.store.commit(batch.number, attempts[-1], records)
    run.observer.progressed(len(records), sum(record.status == FAILED for record in records))
    return True
