"""Options that several verbs of the command line share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from crbeam.errors import CrbeamError, InvalidInput, InvalidScenario, SolverFailed
from crbeam.evaluation.experiment import Experiment, read
from crbeam.scenario import locate

#: Most designs of one trade-off curve.
MOST_WEIGHTS = 10_000

ScenarioArgument = Annotated[str, typer.Argument(metavar="SCENARIO", help="A preset's name or a YAML file.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change a field, such as targets.count=1; may be repeated."),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Write results and figures into this directory.")
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", help="Draw all path phases, and what a method draws, from this seed.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
CovarianceOption = Annotated[
    str, typer.Option("--covariance", metavar="isotropic|FILE", help="The transmission: isotropic, or a design's file.")
]


@contextmanager
def reported_errors() -> Iterator[None]:
    """Turn errors into a message on standard error and the exit status that the error tree assigns."""
    try:
        yield
    except CrbeamError as error:
        typer.echo(f"crbeam: {error}", err=True)
        raise typer.Exit(error.exit_status) from None
    except OSError as error:
        typer.echo(f"crbeam: cannot read or write {error.filename or 'a file'}: {error.strerror}.", err=True)
        raise typer.Exit(InvalidInput.exit_status) from None
    except MemoryError:
        typer.echo("crbeam: the input asks for more memory than there is; use fewer antennas or points.", err=True)
        raise typer.Exit(InvalidInput.exit_status) from None
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        typer.echo(f"crbeam: numbers must stay within double precision, but a computation failed: {error}", err=True)
        raise typer.Exit(SolverFailed.exit_status) from None


@contextmanager
def experiment_of(source: str, overrides: list[str] | None, seed: int | None) -> Iterator[Experiment]:
    """The experiment of a verb's arguments; errors become messages and exit statuses (`reported_errors`).

    Errors that physics finds in the scenario after reading are given the file and line, or the override, that they are
    about.
    """
    with reported_errors():
        try:
            yield read(source, *(overrides or ()), seed=seed)
        except InvalidScenario as error:
            raise locate(error, source, overrides or (), seed) from None


def parse_weights(text: str) -> list[float]:
    """Weights from `A:B:N` (N values from A to B) or `A,B,C`.

    Raises:
        InvalidInput: anything else, or a weight outside 0 to 1.
    """
    try:
        if ":" in text:
            first, last, count = text.split(":")
            if not 1 <= int(count) <= MOST_WEIGHTS:
                raise ValueError
            weights = [float(weight) for weight in np.linspace(float(first), float(last), int(count))]
        else:
            weights = [float(weight) for weight in text.split(",")]
    except ValueError:
        raise InvalidInput(
            f"Weights must be `A:B:N` (such as 0:1:11, N at most {MOST_WEIGHTS}) or a list `0,0.5,1`, found `{text}`."
        ) from None
    if not all(0.0 <= weight <= 1.0 for weight in weights):
        raise InvalidInput(f"Weights must be between 0 and 1, found `{text}`.")
    return weights
