"""The verb that checks estimators against bounds."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer

from crbeam.design import Design
from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.evaluation.estimator_check import (
    Estimator,
    EstimatorCheck,
    LinkCheck,
    SnrCheck,
    TrialPlan,
    check_estimator,
)
from crbeam.evaluation.transmission import Transmission
from crbeam.interfaces.given_transmission import given_transmission
from crbeam.interfaces.interruption import interruptible
from crbeam.interfaces.options import (
    JsonOption,
    OutOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    errors_naming,
    load_scenario,
    reported_errors,
)
from crbeam.interfaces.output import print_cautions, print_files, print_json
from crbeam.scenario import Scenario, scenario_document
from crbeam.systems import (
    default_method,
    design_problem,
    link_models,
    polar_targets,
    scene_cautions,
    settled,
    wang2024,
)
from crbeam.systems.li2024 import darkness_cautions, with_illumination
from crbeam.systems.receiver_choice import alone

#: Most signal-to-noise ratios of one check.
MOST_RATIOS = 1000
#: Weight of bistatic positioning in the design that is checked by default.
DEFAULT_WEIGHT = 0.5

DesignOption = Annotated[
    str | None,
    typer.Option(
        "--design",
        metavar="isotropic|FILE",
        help="The transmission: a design's file, or isotropic; by default the design of fdb-wcrb at weight 0.5, or for "
        "near-field echoes that of digital, for several receivers that which `crbeam design` takes.",
    ),
]
SnrOption = Annotated[
    str | None,
    typer.Option(
        "--snr-db",
        metavar="A:B:N",
        help="Signal-to-noise ratios per antenna and subcarrier (of near-field echoes: sensing SNRs); a comma adds "
        "more, `own` is the scenario's. "
        "By default own-20 to own+25 in steps of 5 dB.",
    ),
]
LinkOption = Annotated[
    list[str] | None, typer.Option("--link", help="A link, or `fused`; may be repeated. By default all.")
]
MethodOption = Annotated[
    Literal["direct", "two-stage", "sequential", "joint", "music", "arrival"] | None,
    typer.Option(
        "--method",
        help="direct: on the state; two-stage: by path parameters; sequential: with what echoes tell as a prior. Of "
        "near-field echoes joint: angle and range together; two-stage: the angle first; music. Of pulses at several "
        "receivers two-stage: delays and Doppler shifts first; arrival: each receiver alone, by its delay and the "
        "known direction of arrival. By default direct, joint or two-stage.",
    ),
]
IlluminationOption = Annotated[
    float | None,
    typer.Option(
        "--illumination",
        metavar="SHARE",
        help="Least power at the target of a near-field echo in the default design, as a share of the largest; by "
        "default that of the scenario, or 0.1 if it has none.",
    ),
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes; by default as many as there are cores.")
]


def estimate(
    source: ScenarioArgument,
    design: DesignOption = None,
    snr_db: SnrOption = None,
    trials: Annotated[int, typer.Option("--trials", min=2, max=10**7, help="Trials at each ratio.")] = 200,
    method: MethodOption = None,
    links: LinkOption = None,
    noise_seed: Annotated[int, typer.Option("--noise-seed", min=0, help="Seed of the noise.")] = 1,
    workers: WorkersOption = None,
    illumination: IlluminationOption = None,
    overrides: SetOption = None,
    out: OutOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Whether maximum-likelihood estimates reach the bounds, by random trials over signal-to-noise ratio."""
    with reported_errors(), errors_naming(source, overrides, seed), interruptible():
        scenario, given = _transmission(load_scenario(source, overrides, seed), design, illumination, links)
        print_cautions(scene_cautions(scenario))
        print_cautions(darkness_cautions(scenario, given.covariances[0]) if polar_targets(scenario) else ())
        result = check_estimator(
            scenario,
            given.covariances,
            plan=TrialPlan(parse_ratios(snr_db), trials, noise_seed, workers or os.cpu_count() or 1),
            links=links,
            estimator=Estimator(method),
            on_progress=None if as_json else _progress,
            networks=given.networks,
        )
        files: list[Path] = []
        if out is not None:
            from crbeam.report.pictures import estimator_pictures

            files = estimator_pictures(out, result)
        if as_json:
            print_json(estimate_document(scenario, result, files))
        else:
            print_check(result)
            print_files(files)


def parse_ratios(text: str | None) -> tuple[float | Literal["own"], ...] | None:
    """Ratios from `A:B:N`, from a list `A,B,own`, or from both, such as `-20:20:9,own`.

    Raises:
        InvalidInput: anything else.
    """
    if text is None:
        return None
    ratios: list[float | Literal["own"]] = []
    try:
        for part in text.split(","):
            if part.strip() == "own":
                ratios.append("own")
            elif ":" in part:
                first, last, count = part.split(":")
                if not 1 <= int(count) <= MOST_RATIOS:
                    raise ValueError
                ratios += np.linspace(float(first), float(last), int(count)).tolist()
            else:
                ratios.append(float(part))
    except ValueError:
        raise InvalidInput(
            f"Signal-to-noise ratios must be `A:B:N` (such as -20:20:9, N at most {MOST_RATIOS}), a list such as "
            f"`-10,own,10`, or both with commas between, found `{text}`."
        ) from None
    return tuple(ratios)


def _transmission(
    scenario: Scenario, design: str | None, illumination: float | None, links: Sequence[str] | None
) -> tuple[Scenario, Transmission]:
    """The transmission, and the scenario with what their design chose of it, such as the receivers that sense."""
    if illumination is not None and (design is not None or not polar_targets(scenario)):
        raise InvalidInput("A least illumination goes with the default design of a near-field echo only.")
    if scenario.network is not None:
        link_models(scenario, {})  # a network has none, which this says
    if design is not None:
        return given_transmission(scenario, design)
    scenario, found = _designed(scenario, illumination, links)
    transmission = Transmission(found.covariances, found.blocks, found.analog, found.selected)
    return settled(scenario, found.selected), transmission


def _designed(scenario: Scenario, illumination: float | None, links: Sequence[str] | None) -> tuple[Scenario, Design]:
    """The design that is checked by default, and its scenario.

    Where all receivers that sense do not tell the target together, it is the design for a receiver by itself.
    """
    from crbeam.design.methods import method_named

    method = method_named(default_method(scenario))
    weight = None if polar_targets(scenario) or scenario.receivers is not None else DEFAULT_WEIGHT
    lit = with_illumination(scenario, illumination) if polar_targets(scenario) else scenario
    try:
        return scenario, method.solve(design_problem(lit, weight=weight, method=method))
    except Unidentifiable:
        one = None if scenario.receivers is None else alone(scenario, links)
        if one is None:
            raise
        chosen, link = one
        problem = wang2024.design_problem(chosen, judged_by=link)
        return chosen, method_named(default_method(chosen)).solve(problem)


def _progress(link: str, done: int, total: int) -> None:
    """One line on standard error, rewritten on a terminal and silent elsewhere until a link is done."""
    import sys

    if sys.stderr.isatty():
        typer.echo(f"\r{link}: {done} of {total} trials", err=True, nl=done == total)
    elif done == total:
        typer.echo(f"{link}: {total} trials", err=True)


def estimate_document(scenario: Scenario, result: EstimatorCheck, files: list[Path]) -> dict[str, Any]:
    """What `estimate --json` prints."""
    return {
        "scenario": scenario_document(scenario),
        "method": result.method,
        "trials": result.trials,
        "noise_seed": result.seed,
        "links": {name: _link_document(link) for name, link in result.links.items()},
        "files": [str(file) for file in files],
    }


def _link_document(link: LinkCheck) -> dict[str, Any]:
    return {
        "own_snr_db": link.own_snr_db,
        "threshold_snr_db": link.threshold_snr_db,
        "efficient_snr_db": link.efficient_snr_db,
        "below_bound": [{"snr_db": snr_db, "quantity": name} for snr_db, name in link.below_bound],
        "points": [_point_document(point) for point in link.points],
    }


def _point_document(point: SnrCheck) -> dict[str, Any]:
    rate = point.failure_rate
    return {
        "snr_db": point.snr_db,
        "failures": {failure.name.lower(): count for failure, count in point.failures.items()},
        "failure_rate": rate.value,
        "failure_rate_interval": [rate.low, rate.high],
        "quantities": {
            name: {
                "rmse": each.rmse,
                "root_bound": each.root_bound,
                "ratio": each.ratio.value,
                "ratio_interval": [each.ratio.low, each.ratio.high],
            }
            for name, each in point.quantities.items()
        },
    }


def print_check(result: EstimatorCheck) -> None:
    """A line for each link, ratio and quantity."""
    for link in result.links.values():
        threshold = "none on this grid" if link.threshold_snr_db is None else f"{link.threshold_snr_db:.2f} dB"
        typer.echo(
            f"{link.link}: {result.method}, {result.trials} trials, noise seed {result.seed}; own SNR "
            f"{link.own_snr_db:.2f} dB, threshold {threshold}"
        )
        typer.echo("   SNR (dB)  failures                  quantity               rmse       root bound  ratio, 95 %")
        for point in link.points:
            rate = point.failure_rate
            head = f"  {point.snr_db:9.2f}  {rate.value:6.2%} ({rate.low:.2%} to {rate.high:.2%})"
            for index, (name, each) in enumerate(point.quantities.items()):
                ratio = f"{each.ratio.value:.3f} ({each.ratio.low:.3f} to {each.ratio.high:.3f})"
                left = head if index == 0 else ""
                typer.echo(f"{left:38} {name:21} {each.rmse:10.4g} {each.root_bound:10.4g}  {ratio}")
        for snr_db, name in link.below_bound:
            typer.echo(
                f"  {name} at {snr_db:.2f} dB is significantly below its bound: errors are too large for it, or "
                "it or the estimator is wrong"
            )
