"""The verb that checks estimators against bounds."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer

from crbeam.errors import InvalidInput
from crbeam.evaluation.estimator_check import (
    Estimator,
    EstimatorCheck,
    LinkCheck,
    SnrCheck,
    TrialPlan,
)
from crbeam.evaluation.experiment import Experiment
from crbeam.evaluation.given_transmission import GivenTransmission
from crbeam.interfaces.given_transmission import given_transmission
from crbeam.interfaces.interruption import interruptible
from crbeam.interfaces.options import (
    JsonOption,
    OutOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    experiment_of,
)
from crbeam.interfaces.output import print_cautions, print_result
from crbeam.scenario import Scenario, scenario_document

#: Most signal-to-noise ratios of one check.
MOST_RATIOS = 1000

DesignOption = Annotated[
    str | None,
    typer.Option(
        "--design",
        metavar="isotropic|FILE",
        help="The transmission: a design's file, or isotropic; by default that which `crbeam design` makes, for "
        "near-field echoes with a floor on the illumination of the target.",
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
    with experiment_of(source, overrides, seed) as experiment, interruptible():
        experiment, given = _transmission(experiment, design, illumination, links)
        system = experiment.system
        cautions = [*system.scene_cautions(), *given.cautions, *system.transmission_cautions(given.covariances)]
        print_cautions(cautions)
        result = experiment.estimate(
            given,
            plan=TrialPlan(parse_ratios(snr_db), trials, noise_seed, workers or os.cpu_count() or 1),
            links=links,
            estimator=Estimator(method),
            on_progress=None if as_json else _progress,
        )
        files: list[Path] = []
        if out is not None:
            from crbeam.report.pictures import estimator_pictures

            files = estimator_pictures(out, result)
        print_result(
            lambda: {**estimate_document(experiment.scenario, result), "cautions": cautions},
            lambda: print_check(result),
            files,
            as_json=as_json,
        )


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
    experiment: Experiment, design: str | None, illumination: float | None, links: Sequence[str] | None
) -> tuple[Experiment, GivenTransmission]:
    """What is sent, and the experiment with what its design chose, such as the receivers that sense."""
    if design is None:
        experiment, found = experiment.design_for_estimates(links=links, illumination=illumination)
        return experiment, experiment.given(found)
    if illumination is not None:
        raise InvalidInput("A least illumination goes with the default design of a near-field echo only.")
    given = given_transmission(experiment.system, design)
    return experiment.with_selected(given.selected), given


def _progress(link: str, done: int, total: int) -> None:
    """One line on standard error, rewritten on a terminal and silent elsewhere until a link is done."""
    import sys

    if sys.stderr.isatty():
        typer.echo(f"\r{link}: {done} of {total} trials", err=True, nl=done == total)
    elif done == total:
        typer.echo(f"{link}: {total} trials", err=True)


def estimate_document(scenario: Scenario, result: EstimatorCheck) -> dict[str, Any]:
    """What `estimate --json` prints, without files."""
    return {
        "scenario": scenario_document(scenario),
        "method": result.method,
        "trials": result.trials,
        "noise_seed": result.seed,
        "links": {name: _link_document(link) for name, link in result.links.items()},
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
