"""The progress bar of a study."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from crbeam.studies.observing import Observer, Silence, duration_words


@contextmanager
def progress_on_terminal(*, quiet: bool = False) -> Iterator[Observer]:
    """An observer that draws a bar on standard error if that is a terminal, and keeps quiet otherwise."""
    if quiet or not sys.stderr.isatty():
        yield Silence()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("cases")),
        *(TextColumn("{task.fields[failed]} failed"), TextColumn("{task.fields[rate]}"), TimeRemainingColumn()),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield Bar(bar)


class Bar:
    """Cases done, failed, their rate, the time left."""

    def __init__(self, bar: Any) -> None:
        self._bar, self._task, self._failed, self._new = bar, None, 0, 0

    def started(self, cases: int, done: int, failed: int) -> None:
        """Draw the bar with what the store has."""
        self._failed = failed
        self._task = self._bar.add_task("study", total=cases, completed=done, failed=failed, rate="")
        if done:
            self._bar.console.print(f"{done} of {cases} cases are stored already.")

    def expected(self, seconds: float) -> None:
        """Say how long the rest will take."""
        self._bar.console.print(f"About {duration_words(seconds)} to go. The run may be interrupted and started again.")

    def progressed(self, cases: int, failed: int) -> None:
        """Move on."""
        self._failed, self._new = self._failed + failed, self._new + cases
        self._bar.update(self._task, advance=cases, failed=self._failed)
        elapsed = self._bar.tasks[0].elapsed
        if elapsed:
            self._bar.update(self._task, rate=f"{self._new / elapsed:.3g}/s")
