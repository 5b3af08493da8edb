"""The verb that shares out symbols between sensing and positioning."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from crbeam.design import Design, DesignMethod
from crbeam.errors import CrbeamError, InvalidInput
from crbeam.evaluation.best_split import Split, SplitPoint, best_split
from crbeam.interfaces.options import (
    JsonOption,
    OutOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    experiment_of,
)
from crbeam.interfaces.output import print_result
from crbeam.scenario import Scenario, scenario_document

#: Most shares of one curve.
MOST_SHARES = 1000
DEFAULT_METHODS = ("joint-sequential", "shared-sequential", "separate-sequential")

MethodsOption = Annotated[
    list[str] | None,
    typer.Option("--method", metavar="M", help=f"May be repeated; by default {', '.join(DEFAULT_METHODS)}."),
]
SharesOption = Annotated[
    str,
    typer.Option(
        "--shares", metavar="A:B:N", help="Shares of sensing to begin with: N from A to B, or a list `0.2,0.5`."
    ),
]


def split(
    source: ScenarioArgument,
    methods: MethodsOption = None,
    shares: SharesOption = "0.05:0.95:10",
    overrides: SetOption = None,
    out: OutOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Loss and bounds against the share of the symbols that sensing gets, with the best share of each method."""
    with experiment_of(source, overrides, seed) as experiment:
        scenario, wanted = experiment.scenario, _parse_shares(shares)
        chosen = [experiment.method(name) for name in dict.fromkeys(methods or DEFAULT_METHODS)]
        splits, failures = _splits(scenario, chosen, wanted)
        files = [] if out is None else _write(out, splits)
        errors = {name: str(error) for name, error in failures.items()}
        print_result(
            lambda: {**split_document(scenario, splits), "errors": errors},
            lambda: print_splits(splits),
            files,
            as_json=as_json,
        )
        for name, error in failures.items():
            typer.echo(f"crbeam: {name}: {error}", err=True)
        if failures:
            raise typer.Exit(next(iter(failures.values())).exit_status)


def _parse_shares(text: str) -> list[float]:
    """Shares from `A:B:N` (N values from A to B) or `A,B,C`."""
    try:
        if ":" in text:
            first, last, count = text.split(":")
            if not 1 <= int(count) <= MOST_SHARES:
                raise ValueError
            return [float(share) for share in np.linspace(float(first), float(last), int(count))]
        return [float(share) for share in text.split(",")]
    except ValueError:
        raise InvalidInput(
            f"Shares must be `A:B:N` (such as 0.05:0.95:10, N at most {MOST_SHARES}) or a list `0.2,0.5`, found "
            f"`{text}`."
        ) from None


def _splits(
    scenario: Scenario, methods: list[DesignMethod], shares: list[float]
) -> tuple[list[Split], dict[str, CrbeamError]]:
    """Splits of the methods that have a design at some share, and by name why others have none.

    Raises:
        CrbeamError: no method has a design.
    """
    splits: list[Split] = []
    failures: dict[str, CrbeamError] = {}
    for method in methods:
        try:
            found = best_split(scenario, method, shares)
        except CrbeamError as error:
            failures[method.name] = error
            continue
        first = found.points[0].design
        if found.best is None and not isinstance(first, Design):
            failures[method.name] = first
        else:
            splits.append(found)
    if not splits:
        raise next(iter(failures.values()))
    return splits, failures


def split_records(splits: list[Split]) -> list[dict[str, Any]]:
    """A record for each method and share, in SI units; None where something does not exist."""
    return [_record(each, point) for each in splits for point in each.points]


def _record(each: Split, point: SplitPoint) -> dict[str, Any]:
    design, place = point.design, {"method": each.method, "share": point.share, "best": point is each.best}
    certificate = {"status": type(design).__name__, "objective": None, "lower_bound": None, "gap": None}
    if isinstance(design, Design):
        certificate = {
            "status": design.status.key,
            "objective": design.objective,
            "lower_bound": design.lower_bound,
            "gap": design.gap,
        }
    return {**place, **certificate, **each.bounds(point)}


def split_document(scenario: Scenario, splits: list[Split]) -> dict[str, Any]:
    """What `split --json` prints, without files."""
    best = {
        each.method: {
            "share": each.best.share,
            "one_program": each.is_one_program,
            "refined": each.is_refined,
            "at_end": each.is_at_end,
            "without_loss": each.without_loss,
        }
        for each in splits
        if each.best
    }
    return {
        "scenario": scenario_document(scenario),
        "best": best,
        "points": split_records(splits),
    }


def _write(out: Path, splits: list[Split]) -> list[Path]:
    from crbeam.report.figures.split import split_figure
    from crbeam.report.style import save_figure
    from crbeam.report.tables import write_csv

    return [*save_figure(split_figure(splits), out / "split"), write_csv(out / "split.csv", split_records(splits))]


def print_splits(splits: list[Split]) -> None:
    """A line for each method and share; a star marks the best share of each method."""
    width = max([12, *(len(each.method) for each in splits)])
    typer.echo(f"  {'method':{width}}   share         loss       user       velocity        targets  gap")
    for record in split_records(splits):
        head = f"{'*' if record['best'] else ' '} {record['method']:{width}}  {record['share']:6.4f}"
        if record["objective"] is None:
            typer.echo(f"{head}  no design: {record['status']}")
            continue
        cells = [
            "not ident.   " if record[name] is None else f"{record[name]:9.4g} {unit}"
            for name, unit in (("user_position_m", "m  "), ("user_velocity_mps", "m/s"), ("target_position_m", "m  "))
        ]
        gap = "no bound" if record["gap"] is None else f"{record['gap']:.1e}"
        typer.echo(f"{head}  {record['objective']:11.6g}  {'  '.join(cells)}  {gap}")
    for each in splits:
        if each.best is not None:
            typer.echo(f"{each.method}: best share {each.best.share:.4f}, {_how(each)}")


def _how(each: Split) -> str:
    """How the best share was found, and what that leaves open."""
    if each.is_one_program:
        words = "by one convex program"
    elif each.is_refined:
        words = "on a refined grid"
    else:
        words = "of the given shares"
    if each.is_at_end:
        words += "; it is at the end of the given shares, a better one may lie beyond"
    if each.without_loss > 1:
        which = "all shares tie" if each.without_loss == len(each.points) else f"{each.without_loss} shares tie"
        words += f"; {which} at 0, this one has the least sum of squared ratios of bounds to requirements"
    return words
