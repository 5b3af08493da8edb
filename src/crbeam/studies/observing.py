"""Whoever wants to know how a run of a study is going, and how long it will take."""

import time
from typing import Protocol


class Observer(Protocol):
    """Whoever wants to know how a run is going."""

    def started(self, cases: int, done: int, failed: int) -> None:
        """A run begins: cases of the whole study, and those in the store."""
        ...

    def expected(self, seconds: float) -> None:
        """How long the rest will take, judged by the first batches."""
        ...

    def progressed(self, cases: int, failed: int) -> None:
        """A batch was stored."""
        ...


class Silence:
    """An observer that keeps quiet."""

    def started(self, cases: int, done: int, failed: int) -> None:
        """Nothing."""

    def expected(self, seconds: float) -> None:
        """Nothing."""

    def progressed(self, cases: int, failed: int) -> None:
        """Nothing."""


class TimeEstimate:
    """Tells an observer once, when every worker has had its first batches, how long the rest will take."""

    def __init__(self, observer: Observer, cases: int) -> None:
        self._observer, self._cases, self._done, self._batches = observer, cases, 0, 0
        self._begin_s, self._told = time.monotonic(), False

    def note(self, cases: int, capacity: int) -> None:
        """Some cases are done, by a place of that capacity."""
        self._done, self._batches = self._done + cases, self._batches + 1
        if self._told or self._batches < capacity or self._done == self._cases:
            return
        elapsed_s = time.monotonic() - self._begin_s
        self._observer.expected(elapsed_s / self._done * (self._cases - self._done))
        self._told = True


def duration_words(seconds: float) -> str:
    """A time in words, to two digits."""
    for size, unit in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2.0 * size:
            return f"{seconds / size:.2g} {unit}" if seconds / size < 100 else f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
