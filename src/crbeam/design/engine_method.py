"""Methods that minimise the objective itself with the library's own engine."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.certified_method import CertifiedMethod
from crbeam.design.engine import EngineResult
from crbeam.design.optimum import Effort, optima, optimum
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.errors import CrbeamError
from crbeam.information import Transmission


@dataclass(frozen=True)
class EngineMethod(CertifiedMethod):
    """A method whose problems the engine solves to a certified gap; concrete methods say which constraints they keep.

    Problems with a `Hinge` whose thresholds can all be met have many optima. Of these it returns the one of least
    weighted bound, and says so by `details["tied"] = 1`, with the certified gap of that in `tie_break_gap`.

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
        start: Transmission | None,
        seed: np.random.SeedSequence,  # noqa: ARG002
    ) -> Proposal | CrbeamError:
        """The optimum of one problem, without the overhead of a batch."""
        try:
            return proposal_of(optimum(problem, effort=self.effort, start=start))
        except CrbeamError as error:
            return error

    def propose_many(
        self,
        problems: Sequence[DesignProblem],
        *,
        starts: Sequence[Transmission | None],
        seeds: Sequence[np.random.SeedSequence],  # noqa: ARG002
    ) -> list[Proposal | CrbeamError]:
        """The optima of all problems; those of one shape advance together."""
        results = optima(problems, effort=self.effort, starts=starts)
        return [result if isinstance(result, CrbeamError) else proposal_of(result) for result in results]

    @property
    def effort(self) -> Effort:
        """How far the engine goes."""
        return Effort(self.tolerance, self.max_evaluations)


def proposal_of(result: EngineResult) -> Proposal:
    """What the engine found, to be graded."""
    return Proposal(
        covariances=result.covariances,
        factors=result.factors,
        trace=result.trace,
        iterations=result.iterations,
        details={"evaluations": result.evaluations, "engine": result.engine, **result.notes},
    )
