"""The results of a study as a labelled dataset."""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crbeam.design import Status
from crbeam.studies.cases import Grid
from crbeam.studies.computing import FAILED
from crbeam.studies.metrics import meaning_of_metric, unit_of_metric
from crbeam.studies.scenario_fields import as_number, field_kind, unit_of_kind
from crbeam.studies.store import FORMAT, SCHEMA_VERSION, metric_column, read_facts, reading
from crbeam.studies.study import Axes, FieldAxis
from crbeam.studies.values import canonical_text

if TYPE_CHECKING:
    import xarray

#: Codes of the variable `status`; a case that is not in the store has the first.
STATUSES = ("missing", FAILED, *(status.key for status in Status))
_ROWS = 5_000


@dataclass(frozen=True)
class StoredStudy:
    """What a store says about its study, without its cases.

    Attributes:
        title: of the study.
        axes: of the study.
        columns: names of the recorded metrics.
        facts: everything else.
        objective_unit: unit of what its designs minimise.
    """

    title: str
    axes: Axes
    columns: tuple[str, ...]
    facts: dict[str, Any]
    objective_unit: str

    @classmethod
    def of(cls, connection: sqlite3.Connection) -> "StoredStudy":
        """The study of an open store."""
        facts = read_facts(connection)
        document = facts["study"]
        axes, columns = Axes.model_validate(document["axes"]), tuple(facts["columns"])
        return cls(document["title"], axes, columns, facts, facts.get("objective_unit", "unknown"))

    @property
    def grid(self) -> Grid:
        """Sizes of the axes."""
        counts = tuple(len(axis.values) for axis in self.axes.fields.values())
        return Grid(self.axes.realisations, len(self.axes.method), counts, len(self.axes.weight))

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the axes, in the order of the cases' numbers."""
        return ("realisation", "design_method", *self.axes.fields, "weight")

    def axis_values(self, name: str) -> tuple[list[Any], str | None]:
        """Values along an axis, and their unit if they are numbers: SI for a scenario field."""
        if name == "realisation":
            return list(range(self.axes.realisations)), "1"
        if name == "design_method":
            return list(self.axes.method), None
        return (list(self.axes.weight), "1") if name == "weight" else field_values(self.axes.fields[name])


def field_values(axis: FieldAxis) -> tuple[list[Any], str | None]:
    """SI values of a scenario field along an axis with their unit; texts without a unit if they are not numbers."""
    kind = field_kind(axis.field)
    numbers = [as_number(kind, value) for value in axis.values]
    if None not in numbers:
        return numbers, unit_of_kind(kind)
    return [value if isinstance(value, str) else canonical_text(value) for value in axis.values], None


def read_results(store: str | os.PathLike[str], *, host_fields: bool = False) -> "xarray.Dataset":
    """Results of a study, also of one that is still running.

    The dimensions are `realisation`, `design_method`, the fields of the study by their axes' names, `weight`;
    quantities of targets have the dimension `target` last. Every metric is a variable with `units`; where a case is
    missing, failed or has no such metric, its value is not a number. `status` says which, `error` the type of the error
    of a failed case (codes, with their meanings as attributes). After a study was stopped early, only the realisations
    that were run are there.

    Args:
        store: the study's file.
        host_fields: also give `seconds`, the wall-clock time of each design, which differs from run to run.

    Raises:
        StoreFault: there is no store at that place, or it is damaged.
    """
    import xarray as xr

    with reading(store) as connection:
        study = StoredStudy.of(connection)
        shape = shape_so_far(study)
        variables = _metric_variables(connection, study, shape)
        variables |= _code_variables(connection, study, shape)
        if host_fields:
            about = {"units": "s", "long_name": "wall-clock time of the design"}
            variables["seconds"] = (study.dimensions, numeric_columns(connection, ["seconds"], shape)["seconds"], about)
    coordinates = {name: _coordinate(study, name, size) for name, size in zip(study.dimensions, shape, strict=True)}
    return xr.Dataset(variables, coordinates, _attributes(study))


def shape_so_far(study: StoredStudy) -> tuple[int, ...]:
    """Sizes of the dimensions, with the realisations up to where the stopping rule ended the study."""
    stopped = study.facts.get("stopped_after")
    return (study.grid.n_realisations if stopped is None else int(stopped), *study.grid.shape[1:])


def numeric_columns(
    connection: sqlite3.Connection, names: Sequence[str], shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Numeric columns of all cases, by name; not a number where there is none."""
    values = {name: np.full(shape, np.nan) for name in names}
    size = int(np.prod(shape))
    query = f"SELECT number, {', '.join(names)} FROM cases WHERE number < ? ORDER BY number"
    for rows in _chunks(connection.execute(query, (size,))):
        part = np.array(rows, dtype=float)
        numbers = part[:, 0].astype(np.int64)
        for place, name in enumerate(names, start=1):
            values[name].reshape(-1)[numbers] = part[:, place]
    return values


def _chunks(cursor: sqlite3.Cursor) -> Iterator[list[Any]]:
    while rows := cursor.fetchmany(_ROWS):
        yield rows


def _metric_variables(
    connection: sqlite3.Connection, study: StoredStudy, shape: tuple[int, ...]
) -> dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, str]]]:
    """Variables of all metrics; items `name[0]`, `name[1]`, ... become one variable with the dimension `target`."""
    items: dict[str, list[int]] = {}
    for index, column in enumerate(study.columns):
        items.setdefault(column.partition("[")[0], []).append(index)
    n_targets = 1 + max([_item(column) for column in study.columns], default=0)
    values = numeric_columns(connection, [metric_column(index) for index in range(len(study.columns))], shape)
    variables = {}
    for name, indices in items.items():
        about = {"units": unit_of_metric(name, study.objective_unit), "long_name": meaning_of_metric(name)}
        if not study.columns[indices[0]].endswith("]"):
            variables[name] = (study.dimensions, values[metric_column(indices[0])], about)
            continue
        stack = np.full((*shape, n_targets), np.nan)
        for index in indices:
            stack[..., _item(study.columns[index])] = values.pop(metric_column(index))
        variables[name] = ((*study.dimensions, "target"), stack, about)
    return variables


def _item(column: str) -> int:
    return int(column.partition("[")[2].removesuffix("]") or 0)


def _code_variables(
    connection: sqlite3.Connection, study: StoredStudy, shape: tuple[int, ...]
) -> dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, Any]]]:
    size = int(np.prod(shape))
    errors = connection.execute("SELECT DISTINCT error FROM cases WHERE error IS NOT NULL AND number < ?", (size,))
    meanings = {"status": STATUSES, "error": ("none", *sorted(name for (name,) in errors))}
    variables = {}
    for name, words in meanings.items():
        codes = np.zeros(size, dtype=np.int8)
        code_of = {word: code for code, word in enumerate(words)}
        query = f"SELECT number, {name} FROM cases WHERE {name} IS NOT NULL AND number < ?"
        for rows in _chunks(connection.execute(query, (size,))):
            numbers, texts = zip(*rows, strict=True)
            codes[list(numbers)] = [code_of[text] for text in texts]
        about = {"flag_values": np.arange(len(words), dtype=np.int8), "flag_meanings": " ".join(words)}
        variables[name] = (study.dimensions, codes.reshape(shape), about)
    return variables


def _coordinate(study: StoredStudy, name: str, size: int) -> Any:
    values, unit = study.axis_values(name)
    about: dict[str, str] = {} if unit is None else {"units": unit}
    if name in study.axes.fields:
        about["field"] = study.axes.fields[name].field
    return (name, values[:size], about)


def _attributes(study: StoredStudy) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "format_version": SCHEMA_VERSION,
        "title": study.title,
        "fingerprint": study.facts["fingerprint"],
        "study": json.dumps(study.facts["description"], sort_keys=True),
    }
