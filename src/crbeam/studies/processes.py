"""Worker processes on this machine.

A worker is a Python interpreter of its own with one BLAS thread, which reads jobs from its standard input and writes
records to its standard output. It ends when its input does: so none is left behind when this process is killed.
"""

import os
import pickle
import queue
import struct
import subprocess
import sys
import threading
from typing import IO

from crbeam.studies.backends import Outcome
from crbeam.studies.computing import CaseRecord, Job

#: One thread for every linear algebra library: the matrices are tiny, and each core has a worker of its own.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
_LENGTH = struct.Struct("!Q")
#: Seconds that an idle worker is given to end by itself.
_GRACE_S = 5.0


def send(stream: IO[bytes], message: object) -> None:
    """Write a message with its length in front."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def receive(stream: IO[bytes]) -> object:
    """Read a message; raises EOFError when the other side has ended."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    data = stream.read(_LENGTH.unpack(head)[0])
    if len(data) < _LENGTH.unpack(head)[0]:
        raise EOFError
    return pickle.loads(data)


class ProcessBackend:
    """Worker processes on this machine, each with a thread here that talks to it."""

    def __init__(self, workers: int) -> None:
        self.name = f"{workers} processes"
        self._inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._workers = [_Worker(self._inbox, self._outcomes, self._closing) for _ in range(workers)]
        for worker in self._workers:
            worker.start()

    def capacity(self) -> int:
        """One job in work and one waiting for each worker."""
        return 2 * len(self._workers)

    def submit(self, job: Job) -> None:
        """Hand a job to the next idle worker."""
        self._inbox.put(job)

    def wait(self) -> list[Outcome]:
        """Outcomes so far, at least one."""
        outcomes = [self._next()]
        while not self._outcomes.empty():
            outcomes.append(self._outcomes.get())
        return outcomes

    def close(self) -> None:
        """End all workers; what they work on is lost."""
        self._closing.set()
        for worker in self._workers:
            self._inbox.put(None)
            worker.stop()
        for worker in self._workers:
            worker.join()

    def _next(self) -> Outcome:
        """The next outcome; looks up now and then so that Ctrl-C is heard on every system."""
        while True:
            try:
                return self._outcomes.get(timeout=1.0)
            except queue.Empty:
                continue


class _Worker(threading.Thread):
    """A thread that feeds one worker process, and starts another if that one dies."""

    def __init__(
        self,
        inbox: "queue.SimpleQueue[Job | None]",
        outcomes: "queue.SimpleQueue[Outcome]",
        closing: threading.Event,
    ) -> None:
        super().__init__(daemon=True)
        self._inbox, self._outcomes, self._closing = inbox, outcomes, closing
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def run(self) -> None:
        """Pass jobs on until there are no more."""
        while not self._closing.is_set():
            job = self._inbox.get()
            if job is None:
                break
            self._outcomes.put(Outcome(job, self._computed(job)))
        self._end()

    def stop(self) -> None:
        """Kill the process in the middle of a job; let an idle one end by itself."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()

    def _computed(self, job: Job) -> list[CaseRecord] | None:
        process = self._running()
        if process is None or process.stdin is None or process.stdout is None:
            return None
        try:
            send(process.stdin, job)
            records = receive(process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            self._end()
            return None
        return records if isinstance(records, list) else None

    def _running(self) -> "subprocess.Popen[bytes] | None":
        """The process, started if there is none."""
        with self._lock:
            if self._closing.is_set():
                return None
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "crbeam.studies.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env={
                        **os.environ,
                        **ONE_THREAD,
                        "PYTHONPATH": os.pathsep.join(part or os.getcwd() for part in sys.path),
                    },
                    start_new_session=True,
                )
            return self._process

    def _end(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                continue
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
