"""What a study has shown so far: counts, failures by reason, means with intervals."""

import os
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crbeam.errors import InvalidInput
from crbeam.studies.computing import FAILED
from crbeam.studies.intervals import Means, means
from crbeam.studies.results import StoredStudy, numeric_columns, shape_so_far
from crbeam.studies.store import metric_column, reading
from crbeam.studies.values import unknown_name

CONFIDENCE = 0.95
_MOST_METRICS = 4
_MOST_REASONS = 50
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class Failure:
    """Failed cases with one reason.

    Attributes:
        error: type of the error.
        reason: message of one of them.
        count: how many have this reason.
    """

    error: str
    reason: str
    count: int


@dataclass(frozen=True)
class Point:
    """A combination of method, field values and weight, over all realisations.

    Attributes:
        values: value along each axis but the realisations, by its name.
        failed: number of realisations that failed.
        mean: mean of each metric with its interval, `{"count", "mean", "half_width", "median"}`; None where it does not
            exist.
    """

    values: dict[str, Any]
    failed: int
    mean: dict[str, dict[str, float | int | None]]


@dataclass(frozen=True)
class StudySummary:
    """What a study has shown so far.

    Attributes:
        title: of the study.
        file: the store.
        cases: number of cases of the whole study.
        done: cases in the store, failed ones included.
        failed: cases in the store that failed.
        recomputed: cases that were handed out again after they were stored; nothing ever should be.
        sessions: number of runs so far.
        design_seconds: wall-clock time of all designs.
        realisations: realisations that the study has, or that were run before it was stopped.
        stopped_early: whether the stopping rule ended the study.
        confidence: of the intervals.
        failures: by type and reason, the most frequent first.
        points: in the order of the cases.
        objective_unit: unit of what the designs minimise.
    """

    title: str
    file: Path
    cases: int
    done: int
    failed: int
    recomputed: int
    sessions: int
    design_seconds: float
    realisations: int
    stopped_early: bool
    confidence: float
    failures: tuple[Failure, ...]
    points: tuple[Point, ...]
    objective_unit: str


def summarise(store: str | os.PathLike[str], *, metrics: Sequence[str] = ()) -> StudySummary:
    """Summary of a store.

    Args:
        store: the study's file.
        metrics: whose means to give; by default those that the study lists, else the objective and the bounds of the
            user's position.

    Raises:
        StoreFault: there is no store at that place, or it is damaged.
        InvalidInput: a metric is none of those that the study records.
    """
    with reading(store) as connection:
        study = StoredStudy.of(connection)
        shape = shape_so_far(study)
        counts = _counts(connection)
        rule = study.facts["study"].get("stop") or {}
        confidence = float(rule.get("confidence", CONFIDENCE))
        found = _means(connection, study, _metrics(study, metrics), shape, confidence)
        return StudySummary(
            title=study.title,
            file=Path(store),
            cases=study.grid.n_cases,
            realisations=shape[0],
            stopped_early=study.facts.get("stopped_after") is not None,
            confidence=confidence,
            failures=_failures(connection),
            points=_points(connection, study, shape, found),
            objective_unit=study.objective_unit,
            **counts,
        )


def recomputed_cases(connection: sqlite3.Connection) -> int:
    """Cases of batches that were handed out again after they had been stored."""
    query = (
        "SELECT count(*) FROM cases WHERE EXISTS "
        "(SELECT 1 FROM attempts WHERE attempts.batch = cases.batch AND attempts.id > cases.attempt)"
    )
    return int(connection.execute(query).fetchone()[0])


def _counts(connection: sqlite3.Connection) -> dict[str, Any]:
    query = "SELECT count(*), coalesce(sum(status = ?), 0), coalesce(sum(seconds), 0.0) FROM cases"
    done, failed, seconds = connection.execute(query, (FAILED,)).fetchone()
    sessions = connection.execute("SELECT count(*) FROM sessions").fetchone()[0]
    return {
        "done": int(done),
        "failed": int(failed),
        "recomputed": recomputed_cases(connection),
        "sessions": int(sessions),
        "design_seconds": float(seconds),
    }


def _failures(connection: sqlite3.Connection) -> tuple[Failure, ...]:
    """Reasons that differ in numbers only count as one."""
    connection.create_function("without_numbers", 1, lambda text: _NUMBER.sub("#", text), deterministic=True)
    query = (
        "SELECT error, min(reason), count(*) AS amount FROM cases WHERE error IS NOT NULL "
        "GROUP BY error, without_numbers(reason) ORDER BY amount DESC, error, 2 LIMIT ?"
    )
    return tuple(Failure(*row) for row in connection.execute(query, (_MOST_REASONS,)))


def _metrics(study: StoredStudy, chosen: Sequence[str]) -> list[str]:
    for name in chosen:
        if name not in study.columns:
            raise InvalidInput(f"{unknown_name('The metric', name, list(study.columns))}.")
    if chosen:
        return list(chosen)
    listed: list[str] = study.facts["study"].get("metrics") or []
    rule: str | None = (study.facts["study"].get("stop") or {}).get("metric")
    usual = [name for name in study.columns if name == "objective" or name.endswith(".user_position_m")]
    wanted: list[str] = [*([rule] if rule else []), *(listed or usual or study.columns)]
    return list(dict.fromkeys(wanted))[:_MOST_METRICS]


def _means(
    connection: sqlite3.Connection, study: StoredStudy, names: list[str], shape: tuple[int, ...], confidence: float
) -> dict[str, Means]:
    columns = {name: metric_column(study.columns.index(name)) for name in names}
    samples = numeric_columns(connection, list(columns.values()), shape)
    return {name: means(np.moveaxis(samples[column], 0, -1), confidence) for name, column in columns.items()}


def _points(
    connection: sqlite3.Connection, study: StoredStudy, shape: tuple[int, ...], found: dict[str, Means]
) -> tuple[Point, ...]:
    n_points = int(np.prod(shape[1:]))
    failed = np.zeros(n_points, dtype=int)
    query = "SELECT number % ?, count(*) FROM cases WHERE status = ? AND number < ? GROUP BY 1"
    for point, count in connection.execute(query, (n_points, FAILED, n_points * shape[0])):
        failed[point] = count
    axes = [(name, study.axis_values(name)[0]) for name in study.dimensions[1:]]
    points = []
    for number in range(n_points):
        place = tuple(int(index) for index in np.unravel_index(number, shape[1:]))
        values = {name: options[index] for (name, options), index in zip(axes, place, strict=True)}
        points.append(Point(values, int(failed[number]), {name: _row(part, place) for name, part in found.items()}))
    return tuple(points)


def _row(found: Means, place: tuple[int, ...]) -> dict[str, float | int | None]:
    def number(values: np.ndarray) -> float | None:
        value = float(values[place])
        return value if np.isfinite(value) else None

    return {
        "count": int(found.count[place]),
        "mean": number(found.mean),
        "half_width": number(found.half_width),
        "median": number(found.median),
    }
