"""Figures of several panels."""

import numpy as np
import pytest

from crbeam.errors import InvalidInput
from crbeam.report import SceneObject
from crbeam.report.figures.panels import DOUBLE_WIDTH_IN, MOST_MARKERS, Panel, PanelCurve, panels_figure
from crbeam.report.figures.plane_panels import plane_panels_figure

STYLE = {"color": "black", "marker": "o"}


def curve(n=5):
    return PanelCurve(np.arange(1.0, n + 1.0), np.arange(1.0, n + 1.0) ** 2, STYLE)


def test_panels_have_letters_notes_and_one_legend():
    panels = [Panel("first", [curve()], [("here", 2.0, 4.0)]), Panel("second", [curve()], axes={"xlim": (0.0, 9.0)})]
    figure = panels_figure(panels, {"a line": STYLE}, columns=2, height_in=2.0, shared="none")
    assert figure.get_size_inches()[0] == pytest.approx(DOUBLE_WIDTH_IN)
    assert [axes.get_title() for axes in figure.axes] == ["(a) first", "(b) second"]
    assert [text.get_text() for text in figure.axes[0].texts] == ["here"]
    assert figure.axes[1].get_xlim() == (0.0, 9.0)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a line"]


def test_rows_share_their_axes_and_are_labelled_outside():
    panels = [Panel(str(n), [curve()], axes={"xlabel": "x", "ylabel": "y"}) for n in range(4)]
    axes = panels_figure(panels, {}, columns=2, height_in=3.0).axes
    assert [part.get_xlabel() for part in axes] == ["", "", "x", "x"]
    assert [part.get_ylabel() for part in axes] == ["y", "", "y", ""]


def test_points_that_are_not_numbers_interrupt_the_line():
    x, y = np.array([1.0, np.nan, 3.0]), np.array([1.0, 2.0, 3.0])
    line = panels_figure([Panel("", [PanelCurve(x, y, STYLE)])], {}, columns=1, height_in=2.0).axes[0].lines[0]
    np.testing.assert_array_equal(np.isnan(np.asarray(line.get_xdata(), dtype=float)), [False, True, False])


def test_fine_curves_have_few_markers():
    line = panels_figure([Panel("", [curve(100)])], {}, columns=1, height_in=2.0).axes[0].lines[0]
    every = line.get_markevery()
    assert isinstance(every, int)
    assert 100 / every <= MOST_MARKERS


def test_logarithmic_axes_have_plain_numbers():
    axes = {"yscale": "log", "yticks": (1.0, 10.0), "ylim": (0.5, 20.0)}
    drawn = panels_figure([Panel("", [curve()], axes=axes)], {}, columns=1, height_in=2.0)
    drawn.draw_without_rendering()
    assert drawn.axes[0].get_yscale() == "log"
    assert drawn.axes[0].get_xscale() == "linear"
    assert [label.get_text() for label in drawn.axes[0].get_yticklabels()] == ["1", "10"]


def test_no_panels_are_refused():
    with pytest.raises(InvalidInput, match="At least one panel"):
        panels_figure([], {}, columns=1, height_in=2.0)
    with pytest.raises(InvalidInput, match="At least one panel"):
        plane_panels_figure(np.arange(2.0), np.arange(2.0), {}, objects=[], label="", limits_db=(0.0, 1.0), columns=1)


def test_maps_share_their_colours_and_mark_the_objects():
    objects = [
        SceneObject("bs", "station", (0.0, 0.0)),
        SceneObject("p1", "target", (1.0, 1.0)),
        SceneObject("p2", "target", (2.0, 1.0)),
    ]
    x_m, y_m = np.arange(4.0), np.arange(3.0)
    values = {name: np.full((3, 4), level) for name, level in (("low", -30.0), ("high", 3.0))}
    figure = plane_panels_figure(
        x_m, y_m, values, objects=objects, label="gain (dB)", limits_db=(-20.0, 5.0), columns=2
    )
    low, high = figure.axes[:2]
    assert [low.get_title(), high.get_title()] == ["(a) low", "(b) high"]
    assert low.collections[0].get_clim() == high.collections[0].get_clim() == (-20.0, 5.0)
    assert figure.axes[2].get_ylabel() == "gain (dB)"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["station", "target"]
    assert [text.get_text() for text in low.texts] == ["p1", "p2"]
