"""Bounds as tables, with units that suit them."""

import csv
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crbeam.design import Design
from crbeam.evaluation import Evaluation
from crbeam.evaluation.tradeoff import TradeoffPoint, pareto_optimal
from crbeam.files import write_atomically

if TYPE_CHECKING:
    import rich.table

#: Symbol of each unit suffix, and the prefixes with which it is written, from large to small.
_UNITS: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "m": ("m", {"": 1.0, "c": 1e-2, "m": 1e-3, "µ": 1e-6}),
    "mps": ("m/s", {"": 1.0, "c": 1e-2, "m": 1e-3}),
    "rad": ("rad", {"": 1.0, "m": 1e-3, "µ": 1e-6}),
    "s": ("s", {"": 1.0, "m": 1e-3, "µ": 1e-6, "n": 1e-9, "p": 1e-12}),
}
_MISSING = "not identifiable"


@dataclass(frozen=True)
class BoundRow:
    """Root bound of one quantity of one link under several transmissions.

    Attributes:
        link: name of the link, or `fused`.
        quantity: name with its unit, such as `user_position_m` or `target_positions_m[0]`.
        values: SI value by label of the transmission; None where the quantity is not identifiable.
    """

    link: str
    quantity: str
    values: Mapping[str, float | None]

    @property
    def words(self) -> str:
        """The quantity in words, without its unit."""
        name, index = self.quantity.removesuffix("]").partition("[")[::2]
        stem = name.rpartition("_")[0].replace("_", " ")
        return f"{stem.removesuffix('s')} {index}" if index else stem

    @property
    def unit(self) -> str:
        """Unit of the values: the suffix of the quantity."""
        return self.quantity.partition("[")[0].rpartition("_")[2]


def bounds_table(evaluations: Mapping[str, Evaluation]) -> list[BoundRow]:
    """Rows of all root bounds, link by link, with one value for each labelled evaluation."""
    found: dict[tuple[str, str], dict[str, float | None]] = {}
    for label, evaluation in evaluations.items():
        for link in evaluation.links.values():
            for quantity, value in _scalars(link.quantities):
                found.setdefault((link.name, quantity), {})[label] = value
    return [
        BoundRow(link, quantity, {label: values.get(label) for label in evaluations})
        for (link, quantity), values in found.items()
    ]


def _scalars(quantities: Mapping[str, Any]) -> Iterable[tuple[str, float | None]]:
    """Quantities one by one; lists get an index from 0."""
    for name, value in quantities.items():
        if isinstance(value, tuple):
            yield from ((f"{name}[{index}]", part) for index, part in enumerate(value))
        else:
            yield name, value


def _suited_units(rows: Sequence[BoundRow]) -> dict[str, tuple[str, float]]:
    """Symbol and SI size of the unit that suits the typical value of each kind of quantity, the same in all rows."""
    suited = {}
    for unit in dict.fromkeys(row.unit for row in rows):
        known = [value for row in rows if row.unit == unit for value in row.values.values() if value]
        typical = math.exp(sum(map(math.log, known)) / len(known)) if known else 1.0
        symbol, prefixes = _UNITS.get(unit, (unit, {"": 1.0}))
        prefix, size = next(((p, s) for p, s in prefixes.items() if typical >= s), list(prefixes.items())[-1])
        suited[unit] = (prefix + symbol, size)
    return suited


def _lines(rows: Sequence[BoundRow]) -> list[list[str]]:
    """Cells of each row."""
    units = _suited_units(rows)
    lines = []
    for row in rows:
        symbol, size = units[row.unit]
        values = [_MISSING if value is None else _digits(value / size) for value in row.values.values()]
        lines.append([row.link, row.words, symbol, *values])
    return lines


def _digits(value: float) -> str:
    """A number with four significant digits, without an exponent from 0.001 to 9999."""
    if value == 0.0 or not 1e-3 <= abs(value) < 1e4:
        return f"{value:.3e}" if value else "0"
    return f"{value:.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"


def _header(rows: Sequence[BoundRow]) -> list[str]:
    return ["link", "root bound of", "unit", *(rows[0].values if rows else ())]


def markdown_table(rows: Sequence[BoundRow]) -> str:
    """The rows as a Markdown table, in units that suit them."""
    header = _header(rows)
    lines = [header, ["---"] * 3 + ["---:"] * (len(header) - 3), *_lines(rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def rich_table(rows: Sequence[BoundRow], *, title: str | None = None) -> "rich.table.Table":
    """The rows as a table for a terminal, in units that suit them; a link's name is written once."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=None if title is None else Text(title))
    for index, name in enumerate(_header(rows)):
        table.add_column(Text(name), justify="right" if index > 2 else "left")
    previous = None
    for link, *cells in _lines(rows):
        if previous not in (None, link):
            table.add_section()
        table.add_row(*(Text(cell) for cell in ("" if link == previous else link, *cells)))
        previous = link
    return table


def bound_records(rows: Sequence[BoundRow]) -> list[dict[str, Any]]:
    """The rows as plain records in SI units, for `write_csv`; nothing stands where a bound does not exist."""
    return [{"link": row.link, "quantity": row.quantity, **row.values} for row in rows]


def tradeoff_table(points: Sequence[TradeoffPoint]) -> list[dict[str, Any]]:
    """Records of a trade-off curve: method, weight, objective, lower bound, gap, status and root bounds in metres.

    Objectives in m^2 are called `objective_m2` and `lower_bound_m2`, others `objective` and `lower_bound`.
    Root bounds are those of the links in `judged_by`: the user's of the first, all positions of the second, or both of
    all links (`fused`). `pareto_optimal` tells whether no transmission is better in both criteria, see there. Nothing
    (None) stands where a bound does not exist; a point without a design has the error's name as its status.
    """
    pairs = zip(points, pareto_optimal(points), strict=True)
    units = {point.design.objective_unit for point in points if isinstance(point.design, Design)}
    suffix = "_m2" if units <= {"m^2"} else ""
    return [{**_tradeoff_record(point, suffix), "pareto_optimal": is_best} for point, is_best in pairs]


def _tradeoff_record(point: TradeoffPoint, suffix: str) -> dict[str, Any]:
    design = point.design
    record: dict[str, Any] = {"method": point.method, "weight": point.weight}
    if isinstance(design, Design):
        record |= {
            "status": design.status.key,
            f"objective{suffix}": design.objective,
            f"lower_bound{suffix}": design.lower_bound,
            "gap": design.gap,
        }
    else:
        values = {f"objective{suffix}": None, f"lower_bound{suffix}": None, "gap": None}
        record |= {"status": type(design).__name__, **values}
    record |= {"user_position_m": point.positioning_m, "all_positions_m": point.sensing_m}
    record["judged_by"] = " and ".join(dict.fromkeys(point.links))
    for quantity in ("user_position_m", "all_positions_m"):
        fused = None if point.evaluation is None else point.evaluation.links.get("fused")
        record[f"fused_{quantity}"] = None if fused is None else fused.quantities.get(quantity)
    return record


def write_csv(path: str | os.PathLike[str], records: Sequence[Mapping[str, Any]]) -> Path:
    """Path of a CSV file with the records' keys as header and all digits of their numbers; None is left empty.

    Raises:
        InvalidInput: the file cannot be written there.
    """
    columns = list(dict.fromkeys(key for record in records for key in record))

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(dict(record) for record in records)

    return write_atomically(path, write)
