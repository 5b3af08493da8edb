"""How far a search for the best design has come, for whoever wants to watch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Called with the objective of the best design so far (infinite without one) and the proven lower bound.
Watcher = Callable[[float, float], None]

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Within this context searches report both their bounds whenever one of them may have changed."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def report_bounds(best: float, lower_bound: float) -> None:
    """Tell the watcher, if there is one."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher(best, lower_bound)
