"""Where batches are computed: the protocol, and the simplest place, this process."""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from crbeam.errors import CrbeamError
from crbeam.studies.computing import CaseRecord, Job, compute


class WorkerLost(CrbeamError):
    """A worker ended before it had computed its batch: it was killed, or ran out of memory."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        job: as it was submitted.
        records: of all its cases; None if the worker was lost.
    """

    job: Job
    records: list[CaseRecord] | None


class Backend(Protocol):
    """A place that computes batches. Jobs go in by `submit`; `wait` hands back those that ended."""

    name: str

    def capacity(self) -> int:
        """Number of jobs that keep it busy."""
        ...

    def submit(self, job: Job) -> None:
        """Take a job."""
        ...

    def wait(self) -> list[Outcome]:
        """The outcomes of jobs that have ended since the last call, at least one; blocks until there is one."""
        ...

    def close(self) -> None:
        """Let go of everything, jobs that have not ended included."""
        ...


class SerialBackend:
    """This process, one batch after the other."""

    name = "serial"

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()

    def capacity(self) -> int:
        """One."""
        return 1

    def submit(self, job: Job) -> None:
        """Queue a job."""
        self._jobs.append(job)

    def wait(self) -> list[Outcome]:
        """Compute the next job."""
        job = self._jobs.popleft()
        return [Outcome(job, compute(job))]

    def close(self) -> None:
        """Forget jobs that have not begun."""
        self._jobs.clear()
