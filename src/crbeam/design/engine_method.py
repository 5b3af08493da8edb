"""Methods that minimise the weighted bound itself with the library's own engine."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.certified_method import CertifiedMethod
from crbeam.design.engine import EngineResult, solve_reduced, solve_reduced_many
from crbeam.design.engine.reduced_problem import ReducedProblem
from crbeam.design.engine.reduction import reduce_problem, reduce_problems
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.errors import CrbeamError


@dataclass(frozen=True)
class EngineMethod(CertifiedMethod):
    """A method whose problems the engine solves to a certified gap; concrete methods say which constraints they keep.

    Attributes:
        tolerance: certified relative gap to reach, at most 1e-2.
        max_evaluations: evaluations after which the search stops and returns what it has, with its gap.
    """

    max_evaluations: int = 240

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_option("max_evaluations", self.max_evaluations >= 1, "at least 1")

    def propose(
        self,
        problem: DesignProblem,
        *,
        start: np.ndarray | None,
        seed: np.random.SeedSequence,  # noqa: ARG002
    ) -> Proposal | CrbeamError:
        """The optimum of one problem, without the overhead of a batch."""
        try:
            reduced = reduce_problem(problem)
        except CrbeamError as error:
            return error
        result = solve_reduced(reduced, tolerance=self.tolerance, max_evaluations=self.max_evaluations, start=start)
        return _proposal(result)

    def propose_many(
        self,
        problems: Sequence[DesignProblem],
        *,
        starts: Sequence[np.ndarray | None],
        seeds: Sequence[np.random.SeedSequence],  # noqa: ARG002
    ) -> list[Proposal | CrbeamError]:
        """The optima of all problems; those of one shape advance together."""
        items = reduce_problems(problems)
        able = {index: item for index, item in enumerate(items) if isinstance(item, ReducedProblem)}
        solved = solve_reduced_many(
            list(able.values()),
            tolerance=self.tolerance,
            max_evaluations=self.max_evaluations,
            starts=[starts[index] for index in able],
        )
        proposals = {index: _proposal(result) for index, result in zip(able, solved, strict=True)}
        return [proposals[i] if isinstance(item, ReducedProblem) else item for i, item in enumerate(items)]


def _proposal(result: EngineResult) -> Proposal:
    return Proposal(
        covariances=result.covariances,
        factors=result.factors,
        trace=result.trace,
        iterations=result.iterations,
        details={"evaluations": result.evaluations, "engine": result.engine},
    )
