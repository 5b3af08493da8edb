"""The progress bar of a search for the best design."""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from crbeam.design.progress import watched_by

#: Digits of the gap at which the bar is full: the tolerance of searches.
DIGITS = 4.0


@contextmanager
def bounds_on_terminal(describe: Callable[[float], str]) -> Iterator[None]:
    """Draws a bar with the best objective and the proven bound on standard error, if that is a terminal.

    It appears when a search reports for the first time; methods without a search show nothing.

    Args:
        describe: an objective in words, such as `29.74 dBm`.
    """
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        *(
            TextColumn("search"),
            BarColumn(),
            TextColumn("best {task.fields[best]}, no better than"),
        ),
        *(TextColumn("{task.fields[bound]}, gap {task.fields[gap]}"), TimeElapsedColumn()),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    with ExitStack() as shown:

        def report(best: float, lower_bound: float) -> None:
            if not bar.tasks:
                shown.enter_context(bar)
                bar.add_task("search", total=DIGITS, best="none yet", bound="", gap="")
            gap = 1.0 if math.isinf(best) else max(1.0 - lower_bound / best, 0.0)
            bar.update(
                bar.tasks[0].id,
                completed=min(-math.log10(max(gap, 1e-300)), DIGITS),
                best="none yet" if math.isinf(best) else describe(best),
                bound=describe(lower_bound),
                gap="unknown" if math.isinf(best) else f"{gap:.1e}",
            )

        with watched_by(report):
            yield
