"""Means of a study's realisations along one of its axes."""

from collections.abc import Hashable
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from crbeam.errors import InvalidInput
from crbeam.report.style import COLOURS, LINES, curve_style, ieee_style, legend_columns, new_axes
from crbeam.studies.intervals import means

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure
    import xarray

CONFIDENCE = 0.95
#: Most curves that can be told apart.
MOST_CURVES = len(COLOURS) * 2
#: Ratio of the largest to the smallest mean from which the axis is logarithmic.
_LOGARITHMIC_FROM = 6.0
#: The same for the values of the axis of the study.
_LOGARITHMIC_AXIS_FROM = 30.0
_REALISATION = "realisation"


def study_figure(
    results: "xarray.Dataset", metric: str, *, along: str | None = None, confidence: float = CONFIDENCE
) -> "matplotlib.figure.Figure":
    """Mean of a metric over the realisations along one axis of a study, with its confidence interval as a bar.

    One curve for each combination of the other axes. Cases without the metric are left out of the mean; a point of
    which no case has it is left out of the curve.

    Args:
        results: of a study, from `read_results`; a part of them (`isel`, `sel`) if there are too many curves.
        metric: a variable of the results, without the dimension `target`.
        along: the axis; by default the weight if it varies, else the first axis of numbers that does.
        confidence: of the intervals (Student's).

    Raises:
        InvalidInput: there is no such metric or axis, or there are too many curves.
    """
    array = _metric(results, metric)
    axis = _axis(array, along)
    others = [name for name in array.dims if name not in (_REALISATION, axis)]
    ordered = array.transpose(*others, axis, _REALISATION)
    n_curves = int(np.prod(ordered.shape[:-2]))
    if n_curves > MOST_CURVES:
        raise InvalidInput(
            f"A figure must have at most {MOST_CURVES} curves, found {n_curves}; select some, for example with "
            f"`results.isel({others[-1]}=[0, 1])`."
        )
    found = means(ordered.values, confidence)
    with ieee_style():
        figure, axes = new_axes(2.6)
        for number, place in enumerate(product(*(range(array.sizes[name]) for name in others))):
            width = np.where(np.isfinite(found.half_width[place]), found.half_width[place], 0.0)
            style = curve_style(number % len(COLOURS), number // len(COLOURS) * 3 % len(LINES), marker=number)
            label = _label(array, others, place)
            bars = {"yerr": width, "elinewidth": 0.6, "capsize": 1.5, "markerfacecolor": "white"}
            axes.errorbar(array[axis].values, found.mean[place], label=label, **{**bars, **style})
        if n_curves > 1:
            labels = axes.get_legend_handles_labels()[1]
            figure.legend(loc="outside lower center", ncols=legend_columns(labels))
        axes.set(
            xlabel=f"{axis}{_in_brackets(array[axis].attrs)}",
            ylabel=f"mean {_words(metric)}{_in_brackets(array.attrs)}",
        )
        axes.grid(visible=True)
        if _is_wide(found.mean, _LOGARITHMIC_FROM):
            _make_logarithmic(axes)
        if array[axis].dtype.kind == "i":
            axes.set_xticks(array[axis].values)
        elif _is_wide(array[axis].values, _LOGARITHMIC_AXIS_FROM):
            axes.set_xscale("log")
    return figure


def _make_logarithmic(axes: "matplotlib.axes.Axes") -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _metric(results: "xarray.Dataset", metric: str) -> "xarray.DataArray":
    plain = [
        str(name) for name, part in results.data_vars.items() if part.dtype.kind == "f" and "target" not in part.dims
    ]
    if metric not in plain:
        raise InvalidInput(f"The metric must be one of {', '.join(plain)}, found `{metric}`.")
    return results[metric]


def _axis(array: "xarray.DataArray", along: str | None) -> Hashable:
    """The axis to draw along, whose values are numbers."""
    numeric = [name for name in array.dims if name != _REALISATION and array[name].dtype.kind in "if"]
    if along is not None and along not in numeric:
        raise InvalidInput(f"The axis must be one of {', '.join(map(str, numeric))}, found `{along}`.")
    varying = [name for name in ("weight", *numeric) if name in array.dims and array.sizes[name] > 1]
    return along if along is not None else next(iter(varying), "weight")


def _label(array: "xarray.DataArray", others: list[Hashable], place: tuple[int, ...]) -> str:
    """What tells a curve from the others."""
    parts = []
    for name, index in zip(others, place, strict=True):
        value = array[name].values[index]
        if array.sizes[name] > 1:
            is_number = isinstance(value, int | float | np.number)
            parts.append(f"{name} {value:g}{_unit(array[name].attrs)}" if is_number else str(value))
    return ", ".join(parts)


def _words(metric: str) -> str:
    """A metric in words: `monostatic.user_position_m` is the user position, monostatic."""
    link, dot, quantity = metric.rpartition(".")
    words = quantity.rpartition("_")[0] if dot else quantity
    return words.replace("_", " ") + (f", {link}" if link else "")


def _in_brackets(attributes: dict[str, Any]) -> str:
    unit = _unit(attributes).strip()
    return f" ({unit})" if unit else ""


def _unit(attributes: dict[str, Any]) -> str:
    unit = attributes.get("units", "1")
    return "" if unit == "1" else f" {unit}"


def _is_wide(values: np.ndarray, ratio: float) -> bool:
    known = values[np.isfinite(values)]
    return bool(known.size and known.min() > 0.0 and known.max() > ratio * known.min())
