"""Verbs that take a scenario."""

from pathlib import Path
from typing import Annotated

import typer

from crbeam.design import Design, DesignProblem
from crbeam.errors import CrbeamError, InvalidInput, Unidentifiable
from crbeam.evaluation import Evaluation, Experiment, PositionErrorMap, TradeoffPoint, pareto_optimal
from crbeam.evaluation.remedies import explained
from crbeam.evaluation.scene_size import size_cautions
from crbeam.information.information import REMEDY
from crbeam.interfaces.design_progress import bounds_on_terminal
from crbeam.interfaces.given_transmission import given_transmission
from crbeam.interfaces.options import (
    CovarianceOption,
    JsonOption,
    OutOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    experiment_of,
    parse_weights,
)
from crbeam.interfaces.output import (
    design_document,
    design_summary,
    evaluation_document,
    links_document,
    objective_words,
    print_cautions,
    print_design,
    print_power,
    print_result,
    print_tradeoff,
    print_users,
)
from crbeam.scenario import Scenario, scenario_document
from crbeam.systems import System

WeightOption = Annotated[
    float | None,
    typer.Option("--weight", help="Weight of bistatic positioning, 0 to 1; by default 0.5, of both stages together 1."),
]


def bound(
    source: ScenarioArgument,
    covariance: CovarianceOption = "isotropic",
    overrides: SetOption = None,
    out: OutOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bounds of everything that each link can tell, for a given transmission."""
    with experiment_of(source, overrides, seed) as experiment:
        given = given_transmission(experiment.system, covariance)
        experiment = experiment.with_selected(given.selected)
        system = experiment.system
        evaluation = experiment.bounds(given)
        cautions = [*system.scene_cautions(), *given.cautions, *size_cautions(system, evaluation)]
        print_cautions(cautions)
        files = [] if out is None else _write_bounds(out, system, covariance, evaluation)
        print_result(
            lambda: evaluation_document(system, evaluation, cautions),
            lambda: _print_table({covariance: evaluation}),
            files,
            as_json=as_json,
        )
        reasons = [link.reason for link in evaluation.links.values() if link.reason]
        if reasons:
            for reason in reasons:
                typer.echo(f"crbeam: {reason}", err=True)
            raise typer.Exit(Unidentifiable.exit_status)


def _write_bounds(out: Path, system: System, label: str, evaluation: Evaluation) -> list[Path]:
    from crbeam.report import bounds_table, write_csv
    from crbeam.report.pictures import scene_picture
    from crbeam.report.tables import bound_records

    table = write_csv(out / "bounds.csv", bound_records(bounds_table({label: evaluation})))
    return [table, *scene_picture(out, system, evaluation)]


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
    with experiment_of(source, overrides, seed) as experiment:
        method = experiment.method(method_key)
        problem = experiment.problem(method=method, weight=weight)
        with bounds_on_terminal(objective_words(experiment.scenario)), explained(experiment.system):
            result = experiment.design(method=method, weight=weight, seed=seed or 0)
        experiment = experiment.with_selected(result.selected)
        system = experiment.system
        before, after = experiment.bounds(problem.isotropic()), experiment.bounds(result)
        cautions = [*system.cautions(result), *size_cautions(system, after)]
        print_cautions(cautions)
        files = [] if out is None else _write_design(out, system, result, after, problem)

        def show() -> None:
            print_design(result)
            print_power(system.scenario, result)
            print_users(system.served_sinr(result))
            _print_table({"isotropic": before, result.method: after})

        used = _weight(system, problem)
        print_result(
            lambda: design_document(system, result, after, cautions, weight=used), show, files, as_json=as_json
        )


def _weight(system: System, problem: DesignProblem) -> float | None:
    """Weight of bistatic positioning, where there is one."""
    return problem.criteria[0].weight if system.has_weights and len(problem.criteria) > 1 else None


def _write_design(
    out: Path, system: System, result: Design, evaluation: Evaluation, problem: DesignProblem
) -> list[Path]:
    from crbeam.report import write_design
    from crbeam.report.pictures import design_pictures

    files = write_design(out, system.scenario, result, evaluation, weight=_weight(system, problem))
    isotropic = {"isotropic": problem.isotropic()}
    return [*files, *design_pictures(out, system, result, evaluation, others=isotropic)]


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
    with experiment_of(source, overrides, seed) as experiment:
        points = experiment.tradeoff(parse_weights(weights), methods=method_keys or (), seed=seed or 0)
        print_cautions(
            f"{point.method} has nothing to weigh, so that weights make no difference: it is one point."
            for point in points
            if point.weight is None and isinstance(point.design, Design)
        )
        files: list[Path] = []
        if out is not None:
            from crbeam.report.pictures import tradeoff_pictures

            files = tradeoff_pictures(out, points)
        print_result(
            lambda: _tradeoff_document(experiment.scenario, points),
            lambda: print_tradeoff(points),
            files,
            as_json=as_json,
        )
        errors = [(point, point.design) for point in points if isinstance(point.design, CrbeamError)]
        for point, error in errors:
            where = "" if point.weight is None else f" at weight {point.weight:g}"
            typer.echo(f"crbeam: {point.method}{where}: {error}", err=True)
        if errors:
            raise typer.Exit(errors[0][1].exit_status)


def _tradeoff_document(scenario: Scenario, points: list[TradeoffPoint]) -> dict:
    rows = []
    for point, is_best in zip(points, pareto_optimal(points), strict=True):
        if isinstance(point.design, Design) and point.evaluation is not None:
            summary = {**design_summary(point.design, weight=point.weight), "pareto_optimal": is_best}
            rows.append({**summary, "links": links_document(point.evaluation)})
        else:
            rows.append({"method": point.method, "weight": point.weight, "error": str(point.design)})
    return {"scenario": scenario_document(scenario), "points": rows}


def error_map(
    source: ScenarioArgument,
    covariance: CovarianceOption = "isotropic",
    link: Annotated[
        str | None,
        typer.Option(
            "--link", help="The link whose observations count; by default the first that determines the position."
        ),
    ] = None,
    resolution: Annotated[int, typer.Option("--resolution", help="Grid points along each axis.", min=2, max=2000)] = 61,
    overrides: SetOption = None,
    out: OutOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """The user's position error bound over the plane, for a given transmission."""
    with experiment_of(source, overrides, seed) as experiment:
        if out is None and not as_json:
            raise InvalidInput("A map must go somewhere: give --out DIR for the picture or --json for the numbers.")
        given = given_transmission(experiment.system, covariance)
        result = experiment.map(given, link=link, grid_m=resolution)
        if not result.is_identifiable.any():
            with explained(experiment.system):
                name = result.parameter
                raise Unidentifiable([name], direction={name: 1.0}, remedy=REMEDY, link=result.link)
        cautions = [*given.cautions, *result.cautions]
        print_cautions(cautions)
        files: list[Path] = []
        if out is not None:
            from crbeam.report.pictures import map_pictures

            files = map_pictures(out, experiment.system, result)
        print_result(
            lambda: {**_map_document(experiment.scenario, result), "cautions": cautions},
            lambda: None,
            files,
            as_json=as_json,
        )


def _map_document(scenario: Scenario, result: PositionErrorMap) -> dict:
    rows = [
        [float(value) if seen else None for value, seen in zip(values, row, strict=True)]
        for values, row in zip(result.root_bound_m, result.is_identifiable, strict=True)
    ]
    return {
        "scenario": scenario_document(scenario),
        "link": result.link,
        "x_m": result.x_m.tolist(),
        "y_m": result.y_m.tolist(),
        result.quantity: rows,
    }


def applicable_methods(experiment: Experiment) -> dict[str, str | None]:
    """For each method, why it does not apply to a scenario; None if it does."""
    from crbeam.design.methods import METHODS

    reasons: dict[str, str | None] = {}
    for key, kind in METHODS.items():
        method = kind()
        try:
            reasons[key] = method.why_not(experiment.problem(method=method))
        except CrbeamError as error:  # among them a scenario without what the method needs
            reasons[key] = str(error)
    return reasons
