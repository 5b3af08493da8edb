"""Making a paper again: all its figures, and a verdict on each of its claims."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crbeam.errors import InvalidInput
from crbeam.papers import figure_modules
from crbeam.papers.claims import Claim, Finding, reproduce, write_claims
from crbeam.papers.hamrouni2026 import claims as hamrouni2026_claims
from crbeam.papers.hamrouni2026 import gathering as hamrouni2026_gathering
from crbeam.papers.li2024 import claims as li2024_claims
from crbeam.papers.li2024 import gathering as li2024_gathering
from crbeam.papers.runs import PaperRun, Report, paper_run
from crbeam.papers.wang2024 import claims as wang2024_claims
from crbeam.papers.wang2024 import gathering as wang2024_gathering
from crbeam.papers.xu2023 import claims as xu2023_claims
from crbeam.papers.xu2023 import gathering as xu2023_gathering
from crbeam.papers.zhang2025 import claims as zhang2025_claims
from crbeam.papers.zhang2025 import gathering as zhang2025_gathering


@dataclass(frozen=True, eq=False)
class PaperClaims:
    """What a paper claims, and how to measure what its checks need.

    Attributes:
        claims: in the order of the table.
        gather: measures what the checks need.
    """

    claims: tuple[Claim[Any], ...]
    gather: Callable[[PaperRun], Any]


_PAPERS: Mapping[str, PaperClaims] = {
    "zhang2025": PaperClaims(zhang2025_claims.CLAIMS, zhang2025_gathering.gather),
    "hamrouni2026": PaperClaims(hamrouni2026_claims.CLAIMS, hamrouni2026_gathering.gather),
    "li2024": PaperClaims(li2024_claims.CLAIMS, li2024_gathering.gather),
    "xu2023": PaperClaims(xu2023_claims.CLAIMS, xu2023_gathering.gather),
    "wang2024": PaperClaims(wang2024_claims.CLAIMS, wang2024_gathering.gather),
}


@dataclass(frozen=True, eq=False)
class Reproduction:
    """A paper made again.

    Attributes:
        paper: its key.
        results: each claim with what was found.
        files: figures, their data, the table of claims.
    """

    paper: str
    results: tuple[tuple[Claim[Any], Finding], ...]
    files: tuple[Path, ...]


def reproduce_paper(
    paper: str, out_dir: str | os.PathLike[str], *, full: bool = False, report: Report | None = None
) -> Reproduction:
    """All figures of a paper, and its claims with expected and measured values and verdicts, written into a folder.

    Args:
        paper: key of the paper.
        out_dir: folder for the figures, `claims.md` and `claims.json`; made if it does not exist.
        full: finer curves and more draws, which take longer. All studies are then kept in the folder `studies` below
            `out_dir`, where a run that is started again goes on; without it those that take minutes.
        report: told what is being done, and how long studies will take.

    Raises:
        InvalidInput: there is no such paper, or the folder cannot be written.
    """
    if paper not in _PAPERS:
        raise InvalidInput(f"The paper must be one of {', '.join(_PAPERS)}, found `{paper}`.")
    known = _PAPERS[paper]
    with paper_run(out_dir, full=full, report=report) as run:
        results = reproduce(known.claims, known.gather(run))
        claims = write_claims(run.out_dir, paper, results)
        files: list[Path] = []
        for number, module in figure_modules(paper).items():
            run.report(f"figure {number}")
            files += module.make(run)
    return Reproduction(paper, tuple(results), (*files, *claims))
