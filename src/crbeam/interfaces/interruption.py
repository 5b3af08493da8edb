"""What Ctrl-C does to verbs that may be started again."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

#: Exit status after Ctrl-C, as shells have it.
INTERRUPTED = 130


@contextmanager
def interruptible(kept: str = "") -> Iterator[None]:
    """Turn Ctrl-C into a message on standard error, with what is kept, and the exit status that shells expect."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"crbeam: interrupted.{f' {kept}' if kept else ''}", err=True)
        raise typer.Exit(INTERRUPTED) from None
