"""The summary of a study as text."""

from collections.abc import Iterator

from crbeam.studies.metrics import unit_of_metric
from crbeam.studies.summary import Point, StudySummary


def summary_lines(summary: StudySummary, *, most_rows: int) -> Iterator[str]:
    """Counts, failures by reason, a table of means with intervals."""
    yield from _headline(summary)
    for failure in summary.failures:
        yield f"  {failure.count} x {failure.error}: {failure.reason}"
    if not summary.points:
        return
    yield ""
    yield f"mean over realisations +- half of its {summary.confidence:.0%} interval (number of cases)"
    first = summary.points[0]
    head = [
        *first.values,
        *(f"{name} [{unit_of_metric(name, summary.objective_unit)}]" for name in first.mean),
        "failed",
    ]
    yield from _aligned([head, *(_cells(point) for point in summary.points[:most_rows])])
    if len(summary.points) > most_rows:
        yield f"{len(summary.points) - most_rows} more rows; `crbeam study export` writes them all."


def _headline(summary: StudySummary) -> Iterator[str]:
    yield f"{summary.title or summary.file.stem} ({summary.file})"
    runs = f"{summary.sessions} run{'s' if summary.sessions != 1 else ''}"
    yield (
        f"{summary.done} of {summary.cases} cases in {runs}, {summary.design_seconds:.1f} s of designs; "
        f"{summary.recomputed} computed again after they were stored"
    )
    if summary.stopped_early:
        yield f"stopped after {summary.realisations} realisations: every mean is known as well as asked for"
    yield f"{summary.failed} failed{':' if summary.failed else ''}"


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cells(point: Point) -> list[str]:
    labels = [f"{value:g}" if isinstance(value, float) else str(value) for value in point.values.values()]
    return [*labels, *(_mean(part) for part in point.mean.values()), str(point.failed)]


def _mean(part: dict[str, float | int | None]) -> str:
    if part["mean"] is None:
        return "-"
    width = "" if part["half_width"] is None else f" +- {part['half_width']:.2g}"
    return f"{part['mean']:.5g}{width} ({part['count']})"
