"""How a paper is made again: how finely, into which folder, and from which studies."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from crbeam.studies import Study, read_results, run_study
from crbeam.studies.observing import duration_words
from crbeam.studies.planning import Plan

if TYPE_CHECKING:
    import xarray

#: Folder of the stores of studies, in the folder of the results.
STUDIES_FOLDER = "studies"
_MARK = 12

Report = Callable[[str], None]


def silence(_: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class PaperRun:
    """One making of a paper's figures and claims.

    Attributes:
        out_dir: folder for the files.
        studies_dir: folder for the stores of studies.
        full: finer curves and more draws, which take longer.
        report: told what is being done, and how long studies will take.
        workers: processes for the studies that are kept; by default one for each core.
    """

    out_dir: Path
    studies_dir: Path
    full: bool = False
    report: Report = silence
    workers: int | None = None

    @property
    def kept_dir(self) -> Path:
        """Folder for what is kept even of a quick run."""
        return self.out_dir / STUDIES_FOLDER

    def results(self, name: str, study: Study, *, is_long: bool = False) -> "xarray.Dataset":
        """Results of a study, after computing what its store does not have yet.

        The store's name ends in a mark of what the study describes: one that has changed gets a new store. A full
        run, and every run of a long study, starts processes and tells how long it will take; what it has computed is
        kept. Other studies of a quick run are short.

        Args:
            name: of the study, for the store and the reports.
            study: what to compute.
            is_long: whether it takes minutes even in a quick run.

        Raises:
            StoreFault: another run is using the store, or it is damaged.
        """
        folder = self.kept_dir if is_long else self.studies_dir
        store = folder / f"{name}-{Plan.of(study).fingerprint[:_MARK]}.sqlite"
        if self.full or is_long:
            run_study(study, store, workers=self.workers, observer=_Announcer(name, self.report))
        else:
            run_study(study, store, workers=1)
        return read_results(store)


@contextmanager
def paper_run(
    out_dir: str | os.PathLike[str], *, full: bool = False, report: Report | None = None, workers: int | None = None
) -> Iterator[PaperRun]:
    """A run whose studies are kept in the folder of its results if it is a full one; otherwise only long ones are.

    Args:
        out_dir: folder for the files, made if it does not exist.
        full: finer curves and more draws, which take longer.
        report: told what is being done.
        workers: processes for the studies that are kept; by default one for each core.
    """
    out, tell = Path(out_dir), report or silence
    if full:
        yield PaperRun(out, out / STUDIES_FOLDER, full=True, report=tell, workers=workers)
        return
    with TemporaryDirectory() as folder:
        yield PaperRun(out, Path(folder), report=tell, workers=workers)


class _Announcer:
    """Tells in words how a run of a study begins."""

    def __init__(self, name: str, report: Report) -> None:
        self._name, self._report = name, report

    def started(self, cases: int, done: int, failed: int) -> None:
        """Say how much there is to do."""
        stored = f", {done} of them stored already" if done else ""
        failures = f" ({failed} failed)" if failed else ""
        self._report(f"study {self._name}: {cases} cases{stored}{failures}")

    def expected(self, seconds: float) -> None:
        """Say how long the rest will take."""
        words = duration_words(seconds)
        self._report(f"study {self._name}: about {words} to go; may be interrupted and started again")

    def progressed(self, cases: int, failed: int) -> None:
        """Nothing."""
