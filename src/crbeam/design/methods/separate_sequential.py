"""One stage after the other: the greedy sequence of hamrouni2026."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.engine import EngineResult
from crbeam.design.method import DesignMethod
from crbeam.design.optimum import Effort, optima
from crbeam.design.problem import Criterion, DesignProblem
from crbeam.design.result import Proposal
from crbeam.errors import CrbeamError, InvalidInput
from crbeam.information import Transmission

#: Certified gap of the first stage. A covariance is known to the root of the gap, and the second stage depends on it.
FIRST_STAGE_TOLERANCE = 1e-10


@dataclass(frozen=True)
class SeparateSequential(DesignMethod):
    """The first stage for itself, then the second with what the first will tell.

    Stage 1 minimises the loss of the criterion that sees the first stage alone. Stage 2 minimises the posterior loss
    with the covariance of the first stage fixed. Both are global optima of their own problems; the pair is none, so the
    lower bound is that of `joint-sequential`. A first stage that can meet all of its thresholds has many optima: the
    one of least weighted bound is taken, and `details["stage_1_tied"]` is 1.

    Reference: hamrouni2026 eqs. (21), (20).

    Deviation: the paper does not say which optimum of a tied first stage it takes, on which the second depends.
    """

    key = "separate-sequential"
    summary = "first stage for itself, then least posterior loss over the second (greedy)"
    is_global = False
    judge = "posterior"

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs two stages with power of their own, and a criterion of one of them alone."""
        if len(problem.blocks) != 2 or len(_alone(problem)) != 1:
            return (
                f"{self.key} needs a problem with two blocks, and one criterion that sees the block of the first stage "
                f"alone."
            )
        if any(len(budget.blocks) > 1 for budget in problem.budgets):
            return f"{self.key} needs a power budget of its own for each stage, but both share one."
        return super().why_not(problem)

    def propose_many(
        self,
        problems: Sequence[DesignProblem],
        *,
        starts: Sequence[Transmission | None],  # noqa: ARG002
        seeds: Sequence[np.random.SeedSequence],  # noqa: ARG002
    ) -> list[Proposal | CrbeamError]:
        """The optima of all first stages, then of all second stages."""
        firsts = optima([_first_stage(problem) for problem in problems], effort=Effort(FIRST_STAGE_TOLERANCE))
        able = {index: first for index, first in enumerate(firsts) if isinstance(first, EngineResult)}
        later = {index: _second_stage(problems[index], first.covariances) for index, first in able.items()}
        solvable = {index: stage for index, stage in later.items() if isinstance(stage, DesignProblem)}
        failed = {index: stage for index, stage in later.items() if isinstance(stage, CrbeamError)}
        seconds = {**failed, **dict(zip(solvable, optima(list(solvable.values())), strict=True))}
        stages = enumerate(zip(problems, firsts, strict=True))
        return [_proposal(problem, first, seconds.get(index)) for index, (problem, first) in stages]


def _alone(problem: DesignProblem) -> list[Criterion]:
    """Criteria that see one block only."""
    return [criterion for criterion in problem.criteria if len(criterion.map.blocks) == 1]


def _first_block(problem: DesignProblem) -> str:
    return _alone(problem)[0].map.blocks[0]


def _first_stage(problem: DesignProblem) -> DesignProblem:
    """The loss of the first stage alone, over its covariance."""
    criterion = replace(_alone(problem)[0], weight=1.0)
    budgets = [budget for budget in problem.budgets if budget.blocks == criterion.map.blocks]
    return DesignProblem((criterion,), tuple(budgets), problem.objective)


def _second_stage(problem: DesignProblem, first: Transmission) -> DesignProblem | CrbeamError:
    """The posterior loss over the covariance of the second stage, what is sent in the first being fixed.

    An error if the posterior does not count.
    """
    block = _first_block(problem)
    criteria = [
        replace(criterion, map=criterion.map.with_fixed(block, first[block]))
        for criterion in problem.criteria
        if len(criterion.map.blocks) == 2
    ]
    budgets = [budget for budget in problem.budgets if budget.blocks != (block,)]
    if not any(criterion.requested for criterion in criteria):
        return InvalidInput(
            "The loss of both stages together must count for a design of the second stage, but its weight is 0; give "
            "it a positive weight."
        )
    return DesignProblem(tuple(criteria), tuple(budgets), problem.objective)


def _proposal(
    problem: DesignProblem, first: EngineResult | CrbeamError, second: EngineResult | CrbeamError | None
) -> Proposal | CrbeamError:
    """Both covariances in the order of the problem's blocks, with the trace of the second stage."""
    if isinstance(first, CrbeamError):
        return first
    if not isinstance(second, EngineResult):
        assert second is not None
        return second
    covariances = {**first.covariances, **second.covariances}
    factors = {**(first.factors or {}), **(second.factors or {})}
    return Proposal(
        covariances=Transmission(covariances).only(problem.blocks),
        factors=factors if len(factors) == 2 else None,
        trace=second.trace,
        iterations=first.iterations + second.iterations,
        details={
            "evaluations": first.evaluations + second.evaluations,
            "stage_1_loss": first.objective,
            "stage_1_gap": max(first.gap, 0.0),
            "stage_1_tied": first.notes.get("tied", 0),
            "stage_2_gap": max(second.gap, 0.0),
        },
    )
