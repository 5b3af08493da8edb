"""Verbs about studies."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from crbeam.errors import InvalidInput
from crbeam.interfaces.interruption import interruptible
from crbeam.interfaces.options import JsonOption, OutOption, SetOption, reported_errors
from crbeam.interfaces.output import print_files, print_json
from crbeam.interfaces.study_progress import progress_on_terminal
from crbeam.studies import RunSummary, StudySummary, read_study, run_study

app = typer.Typer(
    name="study",
    help="Many designs: run, resume, look at and export them.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_STORE_SUFFIX = ".sqlite"
_MOST_ROWS = 60

StudyArgument = Annotated[str, typer.Argument(metavar="STUDY", help="A study's YAML file.")]
StoredArgument = Annotated[str, typer.Argument(metavar="STUDY", help="A study's YAML file, or its store.")]
StoreOption = Annotated[
    Path | None, typer.Option("--store", metavar="FILE", help="The store; by default STUDY with the ending .sqlite.")
]


def store_of(source: str, store: Path | None) -> Path:
    """The store of a study: as given, or beside the study's file."""
    return store if store is not None else Path(source).with_suffix(_STORE_SUFFIX)


@app.command()
def run(
    source: StudyArgument,
    store: StoreOption = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes on this machine; by default one for each core.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDRESS", help="A Dask scheduler, such as tcp://host:8786.")
    ] = None,
    slurm: Annotated[
        str | None, typer.Option("--slurm", metavar="OPTIONS", help="Workers on SLURM: jobs=10,cores=8,memory=16GB,...")
    ] = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute what the store does not have yet; may be interrupted at any time and run again."""
    with reported_errors():
        file = store_of(source, store)
        study = read_study(source, overrides=overrides or ())
        backend = _backend(workers, scheduler, slurm)
        kept = f"{file} keeps what was finished; run again to go on."
        with interruptible(kept), progress_on_terminal(quiet=as_json) as observer:
            summary = run_study(study, file, workers=workers, backend=backend, observer=observer)
        if as_json:
            print_json({**asdict(summary), "file": str(summary.file)})
        else:
            _print_run(summary)


def _backend(workers: int | None, scheduler: str | None, slurm: str | None) -> Callable[[], Any] | None:
    """What makes the cluster that was asked for; None for processes on this machine."""
    if sum(option is not None for option in (workers, scheduler, slurm)) > 1:
        raise InvalidInput("At most one of --workers, --scheduler and --slurm must be given, found several.")
    if scheduler is None and slurm is None:
        return None
    from crbeam.studies.cluster import DaskBackend, parse_slurm, slurm_backend

    if scheduler is not None:
        return lambda: DaskBackend(scheduler)
    parse_slurm(slurm or "")
    return lambda: slurm_backend(slurm or "")


def _print_run(summary: RunSummary) -> None:
    kept = summary.done - summary.computed
    earlier = f", {kept} kept from before" if kept else ""
    typer.echo(
        f"{summary.file}: {summary.done} of {summary.cases} cases, {summary.failed} failed; "
        f"{summary.computed} computed in {summary.seconds:.1f} s{earlier}"
    )
    if summary.stopped_after is not None:
        typer.echo(f"  stopped after {summary.stopped_after} realisations: every mean is known as well as asked for")


@app.command()
def show(
    source: StoredArgument,
    store: StoreOption = None,
    metric: Annotated[list[str] | None, typer.Option("--metric", help="Whose means to show; may be repeated.")] = None,
    along: Annotated[str | None, typer.Option("--along", metavar="AXIS", help="Axis of the figures.")] = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a study has shown so far: means with confidence intervals, failures by reason; with --out, figures."""
    from crbeam.studies.summary import summarise

    with reported_errors():
        summary = summarise(store_of(source, store), metrics=metric or ())
        files = [] if out is None else _pictures(out, summary, along)
        if as_json:
            print_json({**asdict(summary), "file": str(summary.file), "files": [str(file) for file in files]})
            return
        from crbeam.interfaces.study_tables import summary_lines

        for line in summary_lines(summary, most_rows=_MOST_ROWS):
            typer.echo(line)
        print_files(files)


def _pictures(out: Path, summary: StudySummary, along: str | None) -> list[Path]:
    """A figure of each metric that the summary shows, unless it is that of one target."""
    from crbeam.report import save_figure, study_figure
    from crbeam.studies.results import read_results

    results = read_results(summary.file)
    metrics = [name for name in summary.points[0].mean if "[" not in name]
    return [
        file
        for name in metrics
        for file in save_figure(
            study_figure(results, name, along=along, confidence=summary.confidence),
            out / f"mean_{name.replace('.', '_')}",
        )
    ]


@app.command()
def export(
    source: StoredArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.")],
    file_format: Annotated[
        str | None, typer.Option("--format", metavar="nc|csv|mat", help="By default the ending of --out.")
    ] = None,
    store: StoreOption = None,
    host_fields: Annotated[
        bool, typer.Option("--host-fields", help="Also the time of each design, and in CSV the host.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """The results as NetCDF, CSV or a MATLAB file."""
    from crbeam.studies.exports import export_results

    with reported_errors():
        chosen = file_format if file_format is not None else out.suffix.removeprefix(".")
        file = export_results(store_of(source, store), out, chosen, host_fields=host_fields)
        if as_json:
            print_json({"file": str(file)})
        else:
            typer.echo(f"wrote {file}")
