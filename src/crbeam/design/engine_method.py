"""Methods that minimise the objective itself with the library's own engine."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.certified_method import CertifiedMethod
from crbeam.design.constraints import Codebook, ConstantModulus, PowerBudget, TiedBlocks
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.engine import EngineResult
from crbeam.design.optimum import Effort, at_full_power, optima, optimum
from crbeam.design.problem import DesignProblem, Hinge, Tail, WeightedBound
from crbeam.design.result import Proposal
from crbeam.errors import CrbeamError
from crbeam.information import Transmission

#: Constraints that the descent over factors keeps; it ignores constant moduli.
PLAIN = (PowerBudget, Codebook, ConstantModulus, TiedBlocks)


@dataclass(frozen=True)
class EngineMethod(CertifiedMethod):
    """A method whose problems the engine solves to a certified gap; concrete methods say which constraints they keep.

    Problems with budgets, codebooks and ties alone go through a descent over factors, many at once, and a `Tail` or
    thresholds under these through few such descents with Newton steps between them (`optimum`); all others, and what
    that leaves, through the interior-point method of the dual (`convex`), in the span of what sees the transmission.
    Covariances of served users are made rank one where that costs nothing. If requirements contradict one another, the
    proof names them.

    Problems with a `Hinge` whose thresholds can all be met have many optima. Of these it returns the one of least
    weighted bound, and says so by `details["tied"] = 1`, with the certified gap of that in `tie_break_gap`.

    Attributes:
        tolerance: certified relative gap to reach, at most 1e-2.
        max_evaluations: evaluations after which the descent stops and returns what it has, with its gap.
    """

    max_evaluations: int = 240

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_option("max_evaluations", self.max_evaluations >= 1, "at least 1")

    def propose(
        self,
        problem: DesignProblem,
        *,
        start: Transmission | None,
        seed: np.random.SeedSequence,  # noqa: ARG002
    ) -> Proposal | CrbeamError:
        """The optimum of one problem, without the overhead of a batch."""
        try:
            if is_plain(problem):
                return proposal_of(optimum(problem, effort=self.effort, start=start))
            return at_full_power(problem, convex_optimum(problem, tolerance=self.tolerance))
        except CrbeamError as error:
            return error

    def propose_many(
        self,
        problems: Sequence[DesignProblem],
        *,
        starts: Sequence[Transmission | None],
        seeds: Sequence[np.random.SeedSequence],
    ) -> list[Proposal | CrbeamError]:
        """The optima of all problems; those of one shape advance together in the descent."""
        plain = [index for index, problem in enumerate(problems) if is_plain(problem)]
        results = optima(
            [problems[index] for index in plain], effort=self.effort, starts=[starts[index] for index in plain]
        )
        found = {
            index: result if isinstance(result, CrbeamError) else proposal_of(result)
            for index, result in zip(plain, results, strict=True)
        }
        return [
            found[index] if index in found else self.propose(problem, start=starts[index], seed=seeds[index])
            for index, problem in enumerate(problems)
        ]

    @property
    def effort(self) -> Effort:
        """How far the descent goes."""
        return Effort(self.tolerance, self.max_evaluations)


def is_plain(problem: DesignProblem) -> bool:
    """Whether bounds of what is heard are minimised under budgets, codebooks and ties alone, power having no price."""
    is_of_bounds = isinstance(problem.objective, WeightedBound | Hinge | Tail) and not problem.power_price
    is_heard = any(criterion.map.contributions for criterion in problem.active_criteria)
    return (
        is_heard
        and is_of_bounds
        and len(problem.streams) == 1
        and all(isinstance(part, PLAIN) for part in problem.constraints)
    )


def proposal_of(result: EngineResult) -> Proposal:
    """What the engine found, to be graded."""
    return Proposal(
        covariances=result.covariances,
        factors=result.factors,
        trace=result.trace,
        iterations=result.iterations,
        details={"evaluations": result.evaluations, "engine": result.engine, **result.notes},
        evidence=result.evidence,
    )
