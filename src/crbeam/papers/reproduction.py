"""Making a paper again: all its figures, and a verdict on each of its claims."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crbeam.errors import InvalidInput
from crbeam.papers import figures, make_figure
from crbeam.papers.claims import Claim, Finding, reproduce, write_claims
from crbeam.papers.zhang2025 import gathering
from crbeam.papers.zhang2025.claims import CLAIMS

Report = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class PaperClaims:
    """What a paper claims, and how to measure what its checks need.

    Attributes:
        claims: in the order of the table.
        gather: measures, given whether finely (`full`) and whom to tell what is being measured (`report`).
    """

    claims: tuple[Claim[Any], ...]
    gather: Callable[..., Any]


_PAPERS: Mapping[str, PaperClaims] = {"zhang2025": PaperClaims(CLAIMS, gathering.gather)}


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
        full: finer curves and more draws, which take longer.
        report: told what is being done.

    Raises:
        InvalidInput: there is no such paper, or the folder cannot be written.
    """
    if paper not in _PAPERS:
        raise InvalidInput(f"The paper must be one of {', '.join(_PAPERS)}, found `{paper}`.")
    tell = report or (lambda _: None)
    files: list[Path] = []
    for number in figures()[paper]:
        tell(f"figure {number}")
        files += make_figure(paper, number, out_dir, full=full)
    known = _PAPERS[paper]
    data = known.gather(full=full, report=lambda what: tell(f"claims: {what}"))
    results = reproduce(known.claims, data)
    return Reproduction(paper, tuple(results), (*files, *write_claims(Path(out_dir), paper, results)))
