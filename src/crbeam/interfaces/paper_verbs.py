"""Verbs that make published results again."""

from pathlib import Path
from typing import Annotated

import typer

from crbeam.interfaces.interruption import interruptible
from crbeam.interfaces.options import JsonOption, reported_errors
from crbeam.interfaces.output import print_files, print_json

FullOption = Annotated[
    bool,
    typer.Option(
        "--full",
        help="Finer curves and more random draws, which take minutes; what was drawn is kept in DIR/studies, where a "
        "run that was interrupted goes on.",
    ),
]


def figure(
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="Such as zhang2025.")],
    number: Annotated[
        str | None, typer.Argument(metavar="[N]", help="Number or name of a figure, such as 5 or remark-3; or all.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Directory for PNG, PDF and data.")] = Path("."),
    full: FullOption = False,
    as_json: JsonOption = False,
) -> None:
    """A figure of a paper: PNG, PDF and its data."""
    from crbeam.papers import make_figure

    with reported_errors(), interruptible(_kept(out, full=full)):
        files = make_figure(paper, number, out, full=full, report=None if as_json else _tell)
        if as_json:
            shown = int(number) if number is not None and number.isdecimal() else number
            print_json({"paper": paper, "figure": shown, "files": [str(file) for file in files]})
            return
        for file in files:
            typer.echo(f"wrote {file}")


def reproduce(
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="Such as zhang2025.")],
    full: FullOption = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Directory of the results; reproduce-PAPER by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """All figures of a paper, and a table of its claims: expected, measured, verdict."""
    from crbeam.papers.claims import claim_records
    from crbeam.papers.reproduction import reproduce_paper

    folder = Path(f"reproduce-{paper}") if out is None else out
    with reported_errors(), interruptible(_kept(folder, full=full)):
        result = reproduce_paper(paper, folder, full=full, report=None if as_json else _tell)
        if as_json:
            files = [str(file) for file in result.files]
            print_json({"paper": paper, "claims": claim_records(result.results), "files": files})
            return
        _print_claims(result.results)
        print_files(result.files)


def _tell(what: str) -> None:
    typer.echo(f"crbeam: {what}", err=True)


def _kept(out: Path, *, full: bool) -> str:
    """What an interrupted run leaves behind, in words."""
    from crbeam.papers.runs import STUDIES_FOLDER

    folder = out / STUDIES_FOLDER
    return f"{folder} keeps the draws that were finished; run again to go on." if full or folder.exists() else ""


def _print_claims(results: tuple) -> None:
    """A table for a terminal of any width: number, verdict, and the rest line by line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from crbeam.papers.claims import Verdict, sampling_words

    styles = {
        Verdict.REPRODUCED: "green",
        Verdict.REPRODUCED_IN_PART: "yellow",
        Verdict.NOT_REPRODUCED: "red",
        Verdict.NOT_TESTABLE: "dim",
    }
    table = Table("#", "verdict", "claim", show_lines=True)
    for claim, finding in results:
        text = Text(f"{claim.statement} ({claim.where})", style="bold")
        measured = "; ".join(filter(None, [finding.measured, sampling_words(finding)]))
        for name, words in {"expected": claim.expected, "measured": measured, "reason": finding.reason}.items():
            if words:
                text.append(f"\n{name}: {words}", style="not bold")
        table.add_row(str(claim.number), Text(finding.verdict.words, style=styles[finding.verdict]), text)
    Console().print(table)
