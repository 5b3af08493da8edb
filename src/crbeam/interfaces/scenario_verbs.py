"""Verbs that take a scenario."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from crbeam.design import Design, DesignProblem
from crbeam.design.network.choices import is_network
from crbeam.errors import CrbeamError, InvalidInput, Unidentifiable
from crbeam.evaluation import (
    Evaluation,
    TradeoffPoint,
    evaluate,
    pareto_optimal,
    position_error_map,
    tradeoff,
    worthless_cautions,
)
from crbeam.evaluation.error_map import scene_grid_m
from crbeam.information.information import REMEDY
from crbeam.interfaces.design_progress import bounds_on_terminal
from crbeam.interfaces.options import (
    CovarianceOption,
    JsonOption,
    OutOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    errors_naming,
    load_scenario,
    parse_weights,
    reported_errors,
)
from crbeam.interfaces.output import (
    design_document,
    design_summary,
    evaluation_document,
    links_document,
    objective_words,
    print_cautions,
    print_design,
    print_files,
    print_json,
    print_power,
    print_tradeoff,
    print_users,
)
from crbeam.scenario import Scenario, scenario_document
from crbeam.systems import (
    block_sets,
    cautions,
    covariances_of_blocks,
    default_method,
    design_problem,
    isotropic_transmission,
    scene_cautions,
    served_sinr,
    settled,
)

WeightOption = Annotated[
    float | None,
    typer.Option("--weight", help="Weight of bistatic positioning, 0 to 1; by default 0.5, of both stages together 1."),
]


def _transmission(scenario: Scenario, covariance: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Covariances and the names of their blocks."""
    isotropic = isotropic_transmission(scenario)
    if covariance == "isotropic":
        return np.stack(list(isotropic.values())), tuple(isotropic)
    from crbeam.report import read_transmission

    return read_transmission(covariance, block_sets(scenario), len(next(iter(isotropic.values()))))


def bound(
    source: ScenarioArgument,
    covariance: CovarianceOption = "isotropic",
    overrides: SetOption = None,
    out: OutOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bounds of everything that each link can tell, for a given transmission."""
    with reported_errors(), errors_naming(source, overrides, seed):
        scenario = load_scenario(source, overrides, seed)
        evaluation = evaluate(scenario, *_transmission(scenario, covariance))
        print_cautions([*scene_cautions(scenario), *worthless_cautions(scenario, evaluation)])
        files = [] if out is None else _write_bounds(out, scenario, covariance, evaluation)
        if as_json:
            print_json({**evaluation_document(scenario, evaluation), "files": [str(file) for file in files]})
        else:
            _print_table({covariance: evaluation})
            print_files(files)
        reasons = [f"{name}: {link.reason}" for name, link in evaluation.links.items() if link.reason]
        if reasons:
            for reason in reasons:
                typer.echo(f"crbeam: {reason}", err=True)
            raise typer.Exit(Unidentifiable.exit_status)


def _write_bounds(out: Path, scenario: Scenario, label: str, evaluation: Evaluation) -> list[Path]:
    from crbeam.report import bounds_table, write_csv
    from crbeam.report.pictures import scene_picture
    from crbeam.report.tables import bound_records

    table = write_csv(out / "bounds.csv", bound_records(bounds_table({label: evaluation})))
    return [table, *scene_picture(out, scenario, evaluation)]


def _print_table(evaluations: dict[str, Evaluation]) -> None:
    from rich.console import Console

    from crbeam.report import bounds_table, rich_table

    Console().print(rich_table(bounds_table(evaluations)))


def design(
    source: ScenarioArgument,
    method_key: Annotated[
        str | None, typer.Option("--method", help="A name that `crbeam methods` lists; by default one that fits.")
    ] = None,
    weight: WeightOption = None,
    overrides: SetOption = None,
    out: OutOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """One certified design: what to transmit, and a proof of how good it is."""
    from crbeam.design.methods import method_named

    with reported_errors(), errors_naming(source, overrides, seed):
        scenario = load_scenario(source, overrides, seed)
        method = method_named(method_key or default_method(scenario))
        problem = design_problem(scenario, weight=weight, method=method)
        with bounds_on_terminal(objective_words(scenario)):
            result = method.solve(problem, seed=np.random.SeedSequence(seed or 0))
        scenario = settled(scenario, result)
        before = evaluate(scenario, problem.isotropic(), problem.blocks)
        after = evaluate(scenario, result.covariances, problem.blocks, networks=result.analog)
        weight = _weight(problem)
        print_cautions([*cautions(scenario, result), *worthless_cautions(scenario, after)])
        files = [] if out is None else _write_design(out, scenario, result, after, problem)
        if as_json:
            print_json(design_document(scenario, result, after, weight=weight, files=files))
        else:
            print_design(result, files)
            print_power(scenario, result)
            print_users(served_sinr(scenario, result))
            _print_table({"isotropic": before, result.method: after})


def _weight(problem: DesignProblem) -> float | None:
    """Weight of bistatic positioning, where there is one."""
    if len(problem.criteria) < 2 or is_network(problem):
        return None
    return problem.criteria[0].weight


def _write_design(
    out: Path, scenario: Scenario, result: Design, evaluation: Evaluation, problem: DesignProblem
) -> list[Path]:
    from crbeam.report import write_design
    from crbeam.report.pictures import design_pictures

    files = write_design(out, scenario, result, evaluation, weight=_weight(problem))
    isotropic = {"isotropic": problem.isotropic()}
    return [*files, *design_pictures(out, scenario, result, evaluation, others=isotropic)]


def tradeoff_curve(
    source: ScenarioArgument,
    method_keys: Annotated[list[str] | None, typer.Option("--method", help="A method; may be repeated.")] = None,
    weights: Annotated[str, typer.Option("--weights", metavar="A:B:N", help="Weights of bistatic positioning.")] = (
        "0:1:11"
    ),
    overrides: SetOption = None,
    out: OutOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """A whole curve of designs between bistatic positioning and monostatic sensing."""
    from crbeam.design.methods import method_named

    with reported_errors(), errors_naming(source, overrides, seed):
        scenario = load_scenario(source, overrides, seed)
        methods = [method_named(key) for key in method_keys or [default_method(scenario)]]
        points = tradeoff(scenario, methods, parse_weights(weights), seed=seed or 0)
        files: list[Path] = []
        if out is not None:
            from crbeam.report.pictures import tradeoff_pictures

            files = tradeoff_pictures(out, points)
        if as_json:
            print_json(_tradeoff_document(scenario, points, files))
        else:
            print_tradeoff(points)
            print_files(files)
        errors = [(point, point.design) for point in points if isinstance(point.design, CrbeamError)]
        for point, error in errors:
            typer.echo(f"crbeam: {point.method} at weight {point.weight:g}: {error}", err=True)
        if errors:
            raise typer.Exit(errors[0][1].exit_status)


def _tradeoff_document(scenario: Scenario, points: list[TradeoffPoint], files: list[Path]) -> dict:
    rows = []
    for point, is_best in zip(points, pareto_optimal(points), strict=True):
        if isinstance(point.design, Design) and point.evaluation is not None:
            summary = {**design_summary(point.design, weight=point.weight), "pareto_optimal": is_best}
            rows.append({**summary, "links": links_document(point.evaluation)})
        else:
            rows.append({"method": point.method, "weight": point.weight, "error": str(point.design)})
    return {"scenario": scenario_document(scenario), "points": rows, "files": [str(file) for file in files]}


def error_map(
    source: ScenarioArgument,
    covariance: CovarianceOption = "isotropic",
    link: Annotated[
        str | None, typer.Option("--link", help="The link whose observations count; by default the first.")
    ] = None,
    resolution: Annotated[int, typer.Option("--resolution", help="Grid points along each axis.", min=2, max=2000)] = 61,
    overrides: SetOption = None,
    out: OutOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """The user's position error bound over the plane, for a given transmission."""
    with reported_errors(), errors_naming(source, overrides, seed):
        scenario = load_scenario(source, overrides, seed)
        if out is None and not as_json:
            raise InvalidInput("A map must go somewhere: give --out DIR for the picture or --json for the numbers.")
        x_m, y_m = scene_grid_m(scenario, points=resolution, margin=0.2)
        transmission = covariances_of_blocks(scenario, *_transmission(scenario, covariance))
        result = position_error_map(scenario, transmission, x_m=x_m, y_m=y_m, link=link or next(iter(scenario.links)))
        if not result.is_identifiable.any():
            raise Unidentifiable(["user_position"], direction={"user_position": 1.0}, remedy=REMEDY)
        files: list[Path] = []
        if out is not None:
            from crbeam.report.pictures import map_pictures

            files = map_pictures(out, scenario, result)
        if as_json:
            rows = [
                [float(value) if seen else None for value, seen in zip(values, row, strict=True)]
                for values, row in zip(result.root_bound_m, result.is_identifiable, strict=True)
            ]
            document = {
                "scenario": scenario_document(scenario),
                "link": result.link,
                "x_m": x_m.tolist(),
                "y_m": y_m.tolist(),
            }
            print_json({**document, result.quantity: rows, "files": [str(file) for file in files]})
        else:
            print_files(files)


def applicable_methods(source: str, overrides: list[str] | None, seed: int | None) -> dict[str, str | None]:
    """For each method, why it does not apply to a scenario; None if it does."""
    from crbeam.design.methods import METHODS

    scenario = load_scenario(source, overrides, seed)
    reasons: dict[str, str | None] = {}
    for key, kind in METHODS.items():
        method = kind()
        try:
            reasons[key] = method.why_not(design_problem(scenario, method=method))
        except CrbeamError as error:  # among them a scenario without what the method needs
            reasons[key] = str(error)
    return reasons
