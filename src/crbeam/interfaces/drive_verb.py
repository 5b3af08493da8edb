"""The verb that follows a moving user over many intervals."""

from pathlib import Path
from typing import Annotated, Any

import typer

from crbeam.errors import InvalidInput
from crbeam.evaluation.drive import CONSTANTS, POLICIES, Drive, DriveCurve, DrivePlan, drive
from crbeam.interfaces.options import (
    JsonOption,
    OutOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    experiment_of,
)
from crbeam.interfaces.output import print_result
from crbeam.scenario import Scenario, scenario_document
from crbeam.units import parse_quantity

_TARGETS = "target_position_m"
#: Columns of the printed table: name of the bound, heading, unit.
_COLUMNS = (("user_position_m", "user", "m  "), ("user_velocity_mps", "velocity", "m/s"), (_TARGETS, "targets", "m  "))
_ROUNDING = "rounding"
#: Most intervals of one drive.
MOST_INTERVALS = 10_000

IntervalsOption = Annotated[
    int, typer.Option("--intervals", min=1, max=MOST_INTERVALS, help="Number of coherent intervals.")
]
PeriodOption = Annotated[
    str, typer.Option("--period", metavar="TIME", help="From one interval to the next, such as `100 ms`.")
]
AccelerationOption = Annotated[
    float,
    typer.Option(
        "--acceleration",
        min=0.0,
        help="Spectral density of the user's unknown acceleration, m^2/s^3; 0 is a constant velocity.",
    ),
]
PolicyOption = Annotated[
    list[str] | None,
    typer.Option("--policy", help=f"{', '.join(POLICIES)}; may be repeated. By default all."),
]
ConstantOption = Annotated[
    list[str] | None,
    typer.Option("--constant", help=f"{' or '.join(CONSTANTS)}: known to be the same in all intervals."),
]


def drive_along(
    source: ScenarioArgument,
    intervals: IntervalsOption = 20,
    period: PeriodOption = "100 ms",
    acceleration: AccelerationOption = 1.0,
    policies: PolicyOption = None,
    constants: ConstantOption = None,
    overrides: SetOption = None,
    out: OutOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bounds along a drive: what earlier intervals told is a prior of the next, for which beams are redesigned."""
    with experiment_of(source, overrides, seed) as experiment:
        scenario = experiment.scenario
        plan = DrivePlan(intervals, _period_s(period), acceleration, tuple(constants or ()))
        result = drive(scenario, plan, policies=policies or POLICIES)
        files = [] if out is None else _write(out, result)
        print_result(lambda: drive_document(scenario, result), lambda: print_drive(result), files, as_json=as_json)


def _period_s(text: str) -> float:
    try:
        return parse_quantity(text, "time")
    except InvalidInput as error:
        raise InvalidInput(f"--period: {error}") from None


def _write(out: Path, result: Drive) -> list[Path]:
    from crbeam.report.figures.drive import drive_figure
    from crbeam.report.style import save_figure
    from crbeam.report.tables import write_csv

    return [write_csv(out / "drive.csv", drive_records(result)), *save_figure(drive_figure(result), out / "drive")]


def drive_records(result: Drive) -> list[dict[str, Any]]:
    """A record for each policy and interval, in SI units; None where a bound does not exist."""
    return [
        {"policy": policy, "time_s": time_s, "x_m": x_m, "y_m": y_m, **row}
        for policy, curve in result.curves.items()
        for time_s, (x_m, y_m), row in zip(
            result.time_s.tolist(), result.position_m.tolist(), _rows(curve), strict=True
        )
    ]


def _rows(curve: DriveCurve) -> list[dict[str, float | None]]:
    columns = {
        "user_position_m": curve.user_position_m,
        "user_velocity_mps": curve.user_velocity_mps,
        "target_position_m": curve.target_position_m,
        "gap": tuple(None if design is None else design.gap for design in curve.designs),
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def drive_document(scenario: Scenario, result: Drive) -> dict[str, Any]:
    """What `drive --json` prints, without files."""
    plan = result.plan
    return {
        "scenario": scenario_document(scenario),
        "period_s": plan.period_s,
        "acceleration_density_m2_per_s3": plan.acceleration_density_m2_per_s3,
        "constants": list(plan.constants),
        "time_s": result.time_s.tolist(),
        "position_m": result.position_m.tolist(),
        "policies": {policy: _curve_document(curve) for policy, curve in result.curves.items()},
    }


def _curve_document(curve: DriveCurve) -> dict[str, Any]:
    rows = _rows(curve)
    return {
        **{name: [row[name] for row in rows] for name in rows[0]},
        "unidentifiable": [list(each.unidentifiable) for each in curve.posteriors],
    }


def print_drive(result: Drive) -> None:
    """A line for each policy and interval; no column for targets where there are none."""
    shown = [column for column in _COLUMNS if column[0] != _TARGETS or result.scenes[0].targets.count]
    typer.echo(f"policy        time       {''.join(f'{word:15}' for _, word, _ in shown)} gap")
    records, known = drive_records(result), set()
    lines = []
    for record in records:
        cells = [_cell(record[name], unit, is_known=(record["policy"], name) in known) for name, _, unit in shown]
        known |= {(record["policy"], name) for name, _, _ in shown if record[name] is not None}
        gap = "" if record["gap"] is None else f"{record['gap']:.1e}"
        lines.append(f"{record['policy']:11}  {record['time_s']:6.3f} s  {'  '.join(cells)}  {gap}".rstrip())
    typer.echo("\n".join(lines))
    if any(_ROUNDING in line for line in lines):
        typer.echo(
            f"{_ROUNDING}: known from earlier intervals, but the interval tells another direction so well that double "
            "precision loses this one."
        )


def _cell(value: float | None, unit: str, *, is_known: bool) -> str:
    """A bound; what earlier intervals told cannot cease to be known, but can be lost in rounding."""
    if value is not None:
        return f"{value:9.4g} {unit}"
    return f"{_ROUNDING if is_known else 'not ident.':13}"
