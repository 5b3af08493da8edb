"""Verbs about the library itself and its inputs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from crbeam.errors import InvalidInput
from crbeam.files import write_atomically
from crbeam.interfaces.options import JsonOption, OutOption, SeedOption, SetOption, experiment_of, reported_errors
from crbeam.interfaces.output import print_json
from crbeam.interfaces.scenario_verbs import applicable_methods
from crbeam.scenario import list_presets, scenario_json_schema
from crbeam.units import parse_quantity


def _print_version(wanted: bool) -> None:
    if wanted:
        import crbeam as package

        typer.echo(f"crbeam {package.__version__}")
        raise typer.Exit()


def crbeam(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Bounds and certified designs for networks that communicate, position and sense."""


def presets(as_json: JsonOption = False) -> None:
    """The scenarios that come with the library."""
    titles = list_presets()
    if as_json:
        print_json({"presets": titles})
        return
    for name, title in titles.items():
        typer.echo(f"{name:12} {title}")


def schema(as_json: JsonOption = True) -> None:  # noqa: ARG001
    """The JSON schema of a scenario file, for editors that complete and check YAML; always JSON."""
    print_json(scenario_json_schema())


def methods(
    source: Annotated[str | None, typer.Argument(metavar="[SCENARIO]", help="Say which methods apply to it.")] = None,
    overrides: SetOption = None,
    out: OutOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """The design methods, and for a scenario why one does not apply."""
    from crbeam.design.methods import METHODS

    reasons: dict[str, str | None] = {}
    if source is not None:
        with experiment_of(source, overrides, seed) as experiment:
            reasons = applicable_methods(experiment)
    with reported_errors():
        rows = {
            key: {"summary": kind.summary, **({"why_not": reasons[key]} if source else {})}
            for key, kind in METHODS.items()
        }
        if out is not None:
            write_atomically(
                out / "methods.json", lambda file: file.write_text(json.dumps({"methods": rows}, indent=2))
            )
        if as_json:
            print_json({"methods": rows})
            return
        for key, kind in METHODS.items():
            typer.echo(f"{key:12} {kind.summary}" + (f" -- not here: {reasons[key]}" if reasons.get(key) else ""))


def doctor(as_json: JsonOption = False) -> None:
    """Whether this installation works: versions, solver, ray tracer."""
    from crbeam.interfaces.doctor import examine

    findings = examine()
    if as_json:
        print_json({name: {"works": ok, "message": message} for name, (ok, _, message) in findings.items()})
    else:
        for name, (ok, is_needed, message) in findings.items():
            mark = "ok" if ok else "MISSING" if is_needed else "optional"
            typer.echo(f"{mark:8} {name}: {message}")
    if any(is_needed and not ok for ok, is_needed, _ in findings.values()):
        raise typer.Exit(1)


def _point(text: str, option: str) -> tuple[float, float, float]:
    try:
        x, y, z = (parse_quantity(_number(part.strip()), "length") for part in text.split(","))
    except ValueError:
        raise InvalidInput(f"{option} must be X,Y,Z in metres, such as 62,35,4, found `{text}`.") from None
    return x, y, z


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def trace(
    scene: Annotated[str, typer.Argument(metavar="SCENE", help="A scene that comes with the ray tracer: munich, ...")],
    transmitter: Annotated[str, typer.Option("--transmitter", metavar="X,Y,Z", help="Base station, in metres.")],
    receiver: Annotated[str, typer.Option("--receiver", metavar="X,Y,Z", help="User, in metres, at the same height.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Path file to write (NetCDF).")],
    frequency: Annotated[str, typer.Option("--frequency", help="Carrier frequency.")] = "28GHz",
    seed: Annotated[int, typer.Option("--seed", help="Of the tracer's ray directions.")] = 1,
    height_tolerance: Annotated[float, typer.Option("--height-tolerance", help="Off-plane bounces dropped, m.")] = 0.5,
    array_axis: Annotated[
        str | None, typer.Option("--array-axis", help="Azimuth of the station's line array: keep what it resolves.")
    ] = None,
    min_separation: Annotated[float, typer.Option("--min-separation", help="Of departure cosines.")] = 1.5 / 16,
    max_cosine: Annotated[float, typer.Option("--max-cosine", help="Departures nearer to end-fire dropped.")] = 0.95,
    as_json: JsonOption = False,
) -> None:
    """Ray-trace a site into a path file (needs the extra `trace`)."""
    from crbeam.propagation.path_file import write_path_file
    from crbeam.propagation.ray_tracing import ArrayResolution, ray_trace

    with reported_errors():
        resolution = None
        if array_axis is not None:
            resolution = ArrayResolution(parse_quantity(_number(array_axis), "angle"), min_separation, max_cosine)
        paths = ray_trace(
            scene,
            transmitter_m=_point(transmitter, "--transmitter"),
            receiver_m=_point(receiver, "--receiver"),
            carrier_frequency_hz=parse_quantity(_number(frequency), "frequency"),
            seed=seed,
            height_tolerance_m=height_tolerance,
            resolution=resolution,
        )
        write_path_file(out, paths)
        dropped = {reason: int(count) for reason, count in paths.provenance.dropped.items()}
        if as_json:
            print_json({"file": str(out), "paths": len(paths.gain), "dropped": dropped})
            return
        typer.echo(f"wrote {out}: line of sight and {len(paths.gain) - 1} bounces")
        for vertex in paths.vertex_m[1:]:
            typer.echo("  bounce at " + ", ".join(f"{coordinate:.4f} m" for coordinate in vertex))
        for reason, count in dropped.items():
            typer.echo(f"  dropped {count}: {reason}")
