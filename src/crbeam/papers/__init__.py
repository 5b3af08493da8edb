"""Figures of the published papers, made again on the public API."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from crbeam.errors import InvalidInput
from crbeam.papers import hamrouni2026, li2024, wang2024, xu2023, zhang2025
from crbeam.papers.runs import Report, paper_run

_PAPERS: Mapping[str, Mapping[str, ModuleType]] = {
    "zhang2025": zhang2025.FIGURES,
    "hamrouni2026": hamrouni2026.FIGURES,
    "li2024": li2024.FIGURES,
    "xu2023": xu2023.FIGURES,
    "wang2024": wang2024.FIGURES,
}


def figures() -> dict[str, dict[str, str]]:
    """Title of every figure that can be made, by paper and by its number or name there."""
    return {paper: {number: module.TITLE for number, module in made.items()} for paper, made in _PAPERS.items()}


def make_figure(
    paper: str,
    number: str | int | None,
    out_dir: str | os.PathLike[str],
    *,
    full: bool = False,
    report: Report | None = None,
) -> list[Path]:
    """Paths of the files of a figure (PNG, PDF and its data as CSV), or of all figures of a paper without a number.

    Args:
        paper: key of the paper.
        number: of the figure in the paper, or its name if it has no number there (`remark-3`); None for all.
        out_dir: folder for the files, made if it does not exist.
        full: finer curves and more draws, which take longer. All studies are then kept in the folder `studies` below
            `out_dir`, where a run that is started again goes on; without it those that take minutes.
        report: told how long studies will take.

    Raises:
        InvalidInput: there is no such paper or figure.
    """
    made = figure_modules(paper)
    if number is not None and str(number) not in made:
        exist = ", ".join(f"{key} ({module.TITLE})" for key, module in made.items())
        raise InvalidInput(f"The figure of {paper} must be one of {exist}, found {number}.")
    chosen = list(made.values()) if number is None else [made[str(number)]]
    with paper_run(out_dir, full=full, report=report) as run:
        return [path for module in chosen for path in module.make(run)]


def figure_modules(paper: str) -> Mapping[str, ModuleType]:
    """Modules of a paper's figures by number or name; each has a `TITLE` and makes its files with `make(run)`.

    Raises:
        InvalidInput: there is no such paper.
    """
    if paper not in _PAPERS:
        raise InvalidInput(f"The paper must be one of {', '.join(_PAPERS)}, found `{paper}`.")
    return _PAPERS[paper]


__all__ = ["figure_modules", "figures", "make_figure"]
