"""What the command line prints: JSON objects and tables."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import typer

from crbeam.design import Design
from crbeam.evaluation import Evaluation, TradeoffPoint, pareto_optimal
from crbeam.scenario import Scenario, scenario_document
from crbeam.systems import System
from crbeam.systems.xu2023 import NEGLIGIBLE
from crbeam.units import watt_to_dbm


def links_document(evaluation: Evaluation) -> dict[str, Any]:
    """`{link: {quantity: value, "unidentifiable": [names]}}`."""
    return {
        name: {
            **{key: list(value) if isinstance(value, tuple) else value for key, value in link.quantities.items()},
            "unidentifiable": list(link.unidentifiable),
        }
        for name, link in evaluation.links.items()
    }


def print_cautions(sentences: Iterable[str]) -> None:
    """What bounds do not tell, on standard error."""
    for sentence in sentences:
        typer.echo(f"crbeam: {sentence}", err=True)


def evaluation_document(system: System, evaluation: Evaluation, cautions: Sequence[str]) -> dict[str, Any]:
    """What `bound --json` prints, without files."""
    return {
        "scenario": scenario_document(system.scenario),
        "links": links_document(evaluation),
        "cautions": list(cautions),
    }


def design_document(
    system: System, design: Design, evaluation: Evaluation, cautions: Sequence[str], *, weight: float | None
) -> dict[str, Any]:
    """What `design --json` prints, without files; `power_w` is the transmit power over all subcarriers and slots.

    Stages that follow each other count in it for their shares of the time.
    """
    return {
        **evaluation_document(system, evaluation, cautions),
        **design_summary(design, weight=weight),
        **users_document(system.served_sinr(design)),
        **selection_document(design),
        **network_document(design),
        "power_w": design.power_w * system.scenario.waveform.subcarriers,
        **_power_levels(system.scenario, design),
    }


def network_document(design: Design) -> dict[str, Any]:
    """`{"analog": {PORT: {"phases_rad": [[phase]], "digital_real": [[part]], "digital_imag": [[part]]}}}`.

    Phases are by chain and then by its antennas; the digital part has a row for each chain. Empty without hybrid
    arrays.
    """
    found = {}
    for port, network in design.analog.items():
        columns = [column[column != 0.0] for column in network.T]
        digital = design.digital[port]
        found[port] = {
            "phases_rad": [np.angle(column).tolist() for column in columns],
            "digital_real": np.real(digital).tolist(),
            "digital_imag": np.imag(digital).tolist(),
        }
    return {"analog": found} if found else {}


def selection_document(design: Design) -> dict[str, Any]:
    """`{"selected": [names], "cost_m": sum of their prices}`; empty where no receivers were selected."""
    return {"selected": list(design.selected), "cost_m": design.details["cost_m"]} if design.selected else {}


def _power_levels(scenario: Scenario, design: Design) -> dict[str, float | int | None]:
    """Power and effort of a network's design: `power_dbm`, `programs`, and `gap_db` where power is minimised."""
    if scenario.network is None:
        return {}
    power_dbm, programs = watt_to_dbm(design.power_w * scenario.waveform.subcarriers), design.details.get("programs")
    found = {"power_dbm": float(power_dbm), "programs": None if programs is None else int(programs)}
    if scenario.network.minimises_power:
        least_w = design.lower_bound or 0.0
        found["gap_db"] = _level_db(design.objective / least_w) if least_w > 0.0 else None
    return found


def print_power(scenario: Scenario, design: Design) -> None:
    """A line on power, gap and effort where a network is designed."""
    levels = _power_levels(scenario, design)
    if levels:
        gap_db = levels.get("gap_db")
        gap = "" if gap_db is None else f", at most {gap_db:.2g} dB above the least"
        programs = levels["programs"]
        effort = "" if programs is None else f"; {programs} convex programs"
        typer.echo(f"  power {levels['power_dbm']:.4f} dBm{gap}{effort}")


def objective_words(scenario: Scenario) -> Callable[[float], str]:
    """How objectives of a scenario's designs are written: dBm of the power of all subcarriers, or plain numbers."""
    if scenario.network is None or not scenario.network.minimises_power:
        return "{:.6g}".format
    return lambda power_w: (
        f"{watt_to_dbm(power_w * scenario.waveform.subcarriers):.3f} dBm" if power_w > 0.0 else "no power"
    )


def users_document(sinr: Mapping[str, float]) -> dict[str, Any]:
    """`{"users": {name: {"sinr_db": value, "rate_bps_hz": value}}}`; empty without served users."""
    if not sinr:
        return {}
    rows = {name: {"sinr_db": _level_db(ratio), "rate_bps_hz": math.log2(1.0 + ratio)} for name, ratio in sinr.items()}
    return {"users": rows}


def _level_db(ratio: float) -> float | None:
    return 10.0 * math.log10(ratio) if ratio > 0.0 else None


def print_users(sinr: Mapping[str, float]) -> None:
    """A line for each served user."""
    for name, row in users_document(sinr).get("users", {}).items():
        level = "no signal" if row["sinr_db"] is None else f"SINR {row['sinr_db']:.2f} dB"
        typer.echo(f"  {name}: {level}, {row['rate_bps_hz']:.3f} bit/s/Hz")


def design_summary(design: Design, *, weight: float | None) -> dict[str, Any]:
    """Method, certificate and effort of a design."""
    return {
        "method": design.method,
        "weight": weight,
        "status": design.status.key,
        "objective": design.objective,
        "objective_unit": design.objective_unit,
        "lower_bound": design.lower_bound,
        "gap": design.gap,
        "bound_note": design.bound_note,
        "beamforming_loss": design.beamforming_loss,
        "iterations": design.iterations,
        "seconds": design.seconds,
    }


def print_json(document: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    typer.echo(json.dumps(document, allow_nan=False, indent=2))


def print_design(design: Design) -> None:
    """The certificate in words."""
    gap = "no lower bound is known" if design.gap is None else f"gap {design.gap:.2e}"
    bound = "" if design.lower_bound is None else f", lower bound {design.lower_bound:.9g}"
    typer.echo(f"{design.method}: {design.status.key}. {design.status.value}")
    typer.echo(f"  objective {design.objective:.9g}{bound}, {gap} ({design.bound_note})")
    least_w = (NEGLIGIBLE if "programs" in design.details else 0.0) * design.power_w
    beams = ", ".join(
        f"{block}: {np.count_nonzero(np.sum(np.abs(part.matrix) ** 2, axis=0) > least_w)}"
        for block, part in design.beamformers.items()
    )
    typer.echo(f"  beams {beams}; {design.iterations} iterations, {design.seconds:.3f} s")
    if design.selected:
        typer.echo(f"  selected {', '.join(design.selected)} for {design.details['cost_m']:.6g} m")
    sentence = _loss_sentence(design)
    if sentence:
        typer.echo(f"  {sentence}")


def print_result(
    document: Callable[[], Mapping[str, Any]], show: Callable[[], None], files: Sequence[Path], *, as_json: bool
) -> None:
    """What a verb found: one JSON object with its files, or what is shown and then the files.

    Args:
        document: makes the JSON object, without files.
        show: prints the result for people.
        files: what was written.
        as_json: which of both is wanted.
    """
    if as_json:
        print_json({**document(), "files": [str(file) for file in files]})
    else:
        show()
        print_files(files)


def _loss_sentence(design: Design) -> str:
    """What the beams make of the objective; empty where they are exact."""
    loss = design.beamforming_loss
    if loss is None:
        return "fewer slots than beams: the beams that fit leave the objective undetermined; use more slots"
    if loss == 0.0:
        return ""
    change = f"{abs(loss):.2%} {'worse' if loss > 0.0 else 'better'}"
    if design.slot_beams:
        return f"one beam a slot, {design.details['sequence']}: the objective is {change} than that of the covariance"
    return f"fewer slots than beams: the objective of the beams is {change}"


def print_files(files: Sequence[Path]) -> None:
    """Where the results are."""
    for file in files:
        typer.echo(f"wrote {file}")


def print_tradeoff(points: Sequence[TradeoffPoint]) -> None:
    """A line for each design of a trade-off curve; a star marks those that are Pareto-optimal."""
    width = max([12, *(len(point.method) for point in points)])
    if any(point.weight is not None for point in points):
        typer.echo("  * Pareto-optimal: no transmission that these methods may choose from is better in both criteria")
    typer.echo(f"  {'method':{width}}  weight           user  all positions  gap      judged by")
    for point, is_best in zip(points, pareto_optimal(points), strict=True):
        weight = "     -" if point.weight is None else f"{point.weight:6.3f}"
        head = f"{'*' if is_best else ' '} {point.method:{width}}  {weight}"
        if not isinstance(point.design, Design):
            typer.echo(f"{head}  no design: {type(point.design).__name__}")
            continue
        none = "not ident.   "
        cells = [none if value is None else f"{value:11.6g} m" for value in (point.positioning_m, point.sensing_m)]
        if not point.has_user:
            cells[0] = "          -  "
        gap = "no bound" if point.design.gap is None else f"{point.design.gap:.1e}"
        links = ", ".join(dict.fromkeys(point.links))
        typer.echo(f"{head}  {cells[0]}  {cells[1]}  {gap:7}  {links}")
