"""From a batch of cases to their records."""

import hashlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

import numpy as np

from crbeam.design import Design, DesignMethod, DesignProblem
from crbeam.design.methods import method_named
from crbeam.errors import CrbeamError, InvalidScenario
from crbeam.evaluation import Evaluation, evaluate, evaluate_many
from crbeam.scenario import Scenario
from crbeam.scenario.problems import validated
from crbeam.studies.cases import Batch, Case
from crbeam.studies.metrics import METRICS_VERSION, bound_metrics, design_metrics, recorded
from crbeam.studies.realisations import method_stream
from crbeam.studies.scenes import portable_data, portable_document, scene_data, scene_hash
from crbeam.studies.study import Study
from crbeam.studies.values import canonical_text
from crbeam.systems import System, system_of

FAILED = "failed"
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class CaseRecord:
    """What is known of a case.

    Attributes:
        number: of the case.
        identity: hash of everything that its result depends on.
        status: that of the design, or `failed`.
        error: type of the error, if it failed.
        reason: message of the error, if it failed.
        values: metrics in the order of the job's columns; None for what the case does not have.
        seconds: wall-clock time of the design (its share of the batch's).
        host: the machine that computed it.
    """

    number: int
    identity: str
    status: str
    error: str | None
    reason: str | None
    values: tuple[float | None, ...]
    seconds: float | None
    host: str


@dataclass(frozen=True)
class Job:
    """A batch with what it takes to compute it anywhere.

    Attributes:
        study: the whole study.
        batch: the cases to compute.
        columns: names of the metrics to record.
    """

    study: Study
    batch: Batch
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Scene:
    """Cases of one scenario, with its problems or with what went wrong in its place."""

    cases: tuple[Case, ...]
    hash: str
    system: System | None = None
    problems: tuple[DesignProblem, ...] = ()
    error: Exception | None = None


def compute(job: Job) -> list[CaseRecord]:
    """Records of all cases of a batch; a case that fails is recorded with its reason and leaves the others alone."""
    from threadpoolctl import threadpool_limits

    method = method_named(job.study.axes.method[job.batch.cases[0].method])
    with threadpool_limits(limits=1):
        scenes = list(_scenes(job, method))
        problems = [problem for part in scenes for problem in part.problems]
        seeds = [
            method_stream(job.study.random, case.realisation) for part in scenes if part.problems for case in part.cases
        ]
        designs = iter(_designs(method, problems, seeds))
        return [record for part in scenes for record in _records(job, part, designs)]


def failed_records(job: Job, error: Exception) -> list[CaseRecord]:
    """Records of a batch of which nothing could be computed."""
    records = []
    for cases in _by_scene(job.batch):
        _, _, identity = _read_scene(job.study, cases)
        records += [_failure(job, case, identity, error) for case in cases]
    return records


def case_identity(study: Study, case: Case, scene_identity: str) -> str:
    """Content hash of everything that a case's result depends on.

    That is the resolved scenario (with the content of its path file), the method, the weight, the stream of the
    method, and what the names of metrics mean.
    """
    description = {
        "scenario": scene_identity,
        "method": study.axes.method[case.method],
        "weight": study.axes.weight[case.weight],
        "seed": [study.random.seed, case.realisation],
        "metrics": METRICS_VERSION,
    }
    return hashlib.sha256(canonical_text(description).encode()).hexdigest()


def _by_scene(batch: Batch) -> Iterator[tuple[Case, ...]]:
    for _, cases in groupby(batch.cases, key=lambda case: (case.realisation, case.choice)):
        yield tuple(cases)


def _scenes(job: Job, method: DesignMethod) -> Iterator[_Scene]:
    for cases in _by_scene(job.batch):
        scenario, error, identity = _read_scene(job.study, cases)
        if scenario is None:
            yield _Scene(cases, identity, error=error)
            continue
        weights = [job.study.axes.weight[case.weight] for case in cases]
        system = system_of(scenario)
        problems, error = _attempt(partial(system.design_problems, weights, method=method))
        yield _Scene(cases, identity, system, tuple(problems or ()), error)


def _read_scene(study: Study, cases: tuple[Case, ...]) -> tuple[Scenario | None, Exception | None, str]:
    """The scenario of some cases or what went wrong, and the hash of its content."""
    first = cases[0]
    place = [list(first.choice), first.realisation]
    document, error = _attempt(lambda: scene_data(study, first.choice, first.realisation))
    if document is None:
        return None, error, scene_hash({"place": place, "data": portable_data(study.scenario)})
    scenario, error = _attempt(lambda: validated(document))
    if scenario is None:
        return None, error, scene_hash({"data": portable_data(document.value)})
    return scenario, None, scene_hash(portable_document(scenario))


def _attempt(call: Callable[[], _Result]) -> tuple[_Result | None, Exception | None]:
    """A result, or what was raised in its place: whatever it is, it belongs to some cases only."""
    try:
        return call(), None
    except Exception as error:
        return None, error


def _designs(
    method: DesignMethod, problems: list[DesignProblem], seeds: list[np.random.SeedSequence]
) -> list[Design | Exception]:
    """Designs of all problems together; one by one if something unforeseen ends them all."""
    if not problems:
        return []
    together, error = _attempt(lambda: method.solve_many(problems, seeds=seeds))
    if together is not None and error is None:
        return list(together)
    results: list[Design | Exception] = []
    for problem, seed in zip(problems, seeds, strict=True):
        alone, error = _attempt(partial(method.solve_many, [problem], seeds=[seed]))
        results.append(alone[0] if alone is not None else error or RuntimeError("no result"))
    return results


def _records(job: Job, part: _Scene, designs: Iterator[Design | Exception]) -> list[CaseRecord]:
    if part.system is None or part.error is not None:
        error = part.error or RuntimeError("no scenario")
        return [_failure(job, case, part.hash, error) for case in part.cases]
    found = [next(designs) for _ in part.cases]
    evaluations = iter(_evaluations(part.system, [design for design in found if isinstance(design, Design)]))
    records = []
    for case, design in zip(part.cases, found, strict=True):
        result = next(evaluations) if isinstance(design, Design) else design
        if isinstance(result, Evaluation) and isinstance(design, Design):
            records.append(_record(job, part, case, design, result))
        else:
            records.append(_failure(job, case, part.hash, result))
    return records


def _evaluations(system: System, designs: list[Design]) -> list[Evaluation | Exception]:
    """Evaluations of all designs together; one by one if something unforeseen ends them all, or they made choices.

    Choices are of receivers, or of analog networks that receivers listen through.
    """
    if not any(design.selected or design.analog for design in designs):
        together, _ = _attempt(lambda: evaluate_many(system, [design.covariances for design in designs]))
        if together is not None:
            return list(together)
    results: list[Evaluation | Exception] = []
    for design in designs:
        alone, error = _attempt(
            partial(evaluate, system.with_selected(design.selected), design.covariances, networks=design.analog)
        )
        results.append(alone if alone is not None else error or RuntimeError("no evaluation"))
    return results


def _record(job: Job, part: _Scene, case: Case, design: Design, evaluation: Evaluation) -> CaseRecord:
    assert part.system is not None, "there is a design"
    values = {**design_metrics(part.system, design), **bound_metrics(evaluation)}
    return CaseRecord(
        number=case.number,
        identity=case_identity(job.study, case, part.hash),
        status=design.status.key,
        error=None,
        reason=None,
        values=recorded(values, job.columns),
        seconds=design.seconds,
        host=socket.gethostname(),
    )


def _failure(job: Job, case: Case, scene_identity: str, error: object) -> CaseRecord:
    identity = case_identity(job.study, case, scene_identity)
    nothing: tuple[Any, ...] = (None,) * len(job.columns)
    name, reason = type(error).__name__, _reason(error)
    return CaseRecord(case.number, identity, FAILED, name, reason, nothing, None, socket.gethostname())


def _reason(error: object) -> str:
    """The message of an error; that of an unforeseen one begins with its type."""
    if isinstance(error, InvalidScenario) and error.field:
        return f"field `{error.field}`: {error.problem}"
    return str(error) if isinstance(error, CrbeamError) else f"{type(error).__name__}: {error}"
