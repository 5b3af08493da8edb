"""The bar of a search for the best design: on a terminal both bounds, elsewhere nothing."""

import io
import sys

from crbeam.design.progress import report_bounds
from crbeam.interfaces.design_progress import bounds_on_terminal


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def shown(monkeypatch, stream, pairs):
    """What a search with these bounds writes."""
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "160")
    with bounds_on_terminal("{:.2f} W".format):
        for best, bound in pairs:
            report_bounds(best, bound)
    return stream.getvalue()


def test_both_bounds_are_shown_on_a_terminal(monkeypatch):
    text = shown(monkeypatch, Terminal(), [(float("inf"), 1.5), (3.0, 1.5), (2.0, 1.9)])
    assert "best 2.00 W" in text
    assert "no better than 1.90 W" in text
    assert "gap 5.0e-02" in text


def test_nothing_is_shown_elsewhere_or_without_a_search(monkeypatch):
    assert shown(monkeypatch, io.StringIO(), [(2.0, 1.9)]) == ""
    assert shown(monkeypatch, Terminal(), []) == ""
