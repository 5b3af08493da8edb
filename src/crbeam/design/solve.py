"""Running methods on problems."""

import time
from collections.abc import Sequence

import numpy as np

from crbeam.design.grading import grade, grade_many
from crbeam.design.method import DesignMethod
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Design
from crbeam.errors import CrbeamError, InvalidInput
from crbeam.linalg import one_blas_thread


def solve_one(
    method: DesignMethod,
    problem: DesignProblem,
    *,
    start: np.ndarray | None = None,
    seed: np.random.SeedSequence | None = None,
) -> Design:
    """Design of one problem by one method, graded."""
    reason = method.why_not(problem)
    if reason is not None:
        raise InvalidInput(reason)
    with one_blas_thread():
        begin = time.perf_counter()
        proposal = method.propose(problem, start=start, seed=seed or np.random.SeedSequence(0))
        seconds = time.perf_counter() - begin
        if isinstance(proposal, CrbeamError):
            raise proposal
        return grade(method, problem, proposal, seconds=seconds)


def solve_batch(
    method: DesignMethod,
    problems: Sequence[DesignProblem],
    *,
    starts: Sequence[np.ndarray | None] | None = None,
    seeds: Sequence[np.random.SeedSequence] | None = None,
) -> list[Design | CrbeamError]:
    """Designs of independent problems by one method, each graded on its own."""
    starts = [None] * len(problems) if starts is None else starts
    seeds = [np.random.SeedSequence(0) for _ in problems] if seeds is None else seeds
    if not len(problems) == len(starts) == len(seeds):
        raise InvalidInput(
            f"There must be one start and one seed for each problem, found {len(problems)} problems, "
            f"{len(starts)} starts and {len(seeds)} seeds."
        )
    reasons = [method.why_not(problem) for problem in problems]
    able = [index for index, reason in enumerate(reasons) if reason is None]
    possible = [problems[index] for index in able]
    results: list[Design | CrbeamError] = [InvalidInput(reason or "") for reason in reasons]
    if not able:
        return results
    with one_blas_thread():
        begin = time.perf_counter()
        proposals = method.propose_many(
            possible, starts=[starts[index] for index in able], seeds=[seeds[index] for index in able]
        )
        seconds = (time.perf_counter() - begin) / len(able)
        graded = grade_many(method, possible, proposals, seconds=seconds)
    for index, result in zip(able, graded, strict=True):
        results[index] = result
    return results
