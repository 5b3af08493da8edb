"""Look of the figures: one column of an IEEE paper, readable in grey."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from crbeam.files import write_atomically

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure

COLUMN_WIDTH_IN = 3.5
PNG_DPI = 300

#: Ordered by luminance, from dark to light: distinct in grey print.
COLOURS = ("#000000", "#2b2b8c", "#b3202c", "#1f8a70", "#e07b1a", "#9fb83a")
LINES: tuple[Any, ...] = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P")
NO_MARKER = -1

#: Colour map over the plane: its luminance rises from end to end.
COLOUR_MAP = "cividis"

_PARAMETERS: dict[Any, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.titlesize": 8.0,
    "legend.fontsize": 7.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "axes.linewidth": 0.5,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.linewidth": 0.3,
    "grid.color": "#cccccc",
    "lines.linewidth": 0.9,
    "lines.markersize": 3.0,
    "patch.linewidth": 0.6,
    "hatch.linewidth": 0.4,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "legend.columnspacing": 1.2,
    "legend.labelspacing": 0.35,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.unicode_minus": True,
    "pdf.fonttype": 42,
    "savefig.dpi": PNG_DPI,
    "text.usetex": False,
}


@contextmanager
def ieee_style() -> Iterator[None]:
    """Style of a single IEEE column (3.5 in wide, 8 pt) inside a `with`; the caller's own settings come back after."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_PARAMETERS)
        yield


def curve_style(colour: int, line: int | None = None, *, marker: int | None = None) -> dict[str, Any]:
    """Colour, line and marker of a curve; line and marker follow the colour's number unless told otherwise."""
    line = colour if line is None else line
    marker = colour if marker is None else marker
    return {
        "color": COLOURS[colour % len(COLOURS)],
        "linestyle": LINES[line % len(LINES)],
        "marker": "" if marker == NO_MARKER else MARKERS[marker % len(MARKERS)],
    }


def colour_bar_ends(below: bool, above: bool) -> Literal["neither", "both", "min", "max"]:
    """Which ends of a colour bar are pointed: those beyond which there are values."""
    if below:
        return "both" if above else "min"
    return "max" if above else "neither"


def legend_columns(labels: Iterable[str]) -> int:
    """How many columns of a legend with these labels fit below a figure, at most three."""
    widest_points = max((34.0 + 3.3 * len(label) for label in labels), default=1.0)
    return max(1, min(3, int(72.0 * COLUMN_WIDTH_IN / widest_points)))


def new_axes(height_in: float) -> tuple["matplotlib.figure.Figure", "matplotlib.axes.Axes"]:
    """A figure of one column's width with one pair of axes, outside any global state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(COLUMN_WIDTH_IN, height_in), layout="constrained")
    return figure, figure.add_subplot()


def save_figure(figure: "matplotlib.figure.Figure", path_stem: str | os.PathLike[str]) -> list[Path]:
    """Paths of a figure's vector file (PDF) and its picture (PNG, 300 dpi), named `path_stem` with the endings added.

    The same figure gives the same bytes: no dates are written.

    Raises:
        InvalidInput: the files cannot be written there.
    """
    name = f"crbeam {version('crbeam')}"
    metadata: dict[str, dict[str, str | None]] = {
        "pdf": {"Creator": name, "CreationDate": None},
        "png": {"Software": name},
    }
    stem = Path(path_stem)
    paths = []
    with ieee_style():
        for ending, entries in metadata.items():
            target = stem.with_name(f"{stem.name}.{ending}")
            paths.append(
                write_atomically(
                    target, lambda temporary, e=ending, m=entries: figure.savefig(temporary, format=e, metadata=m)
                )
            )
    return paths
