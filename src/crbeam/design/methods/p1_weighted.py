"""One set of beams for both links, each judged by itself: the problem P1 of hamrouni2026."""

from dataclasses import dataclass

from crbeam.design.engine_method import EngineMethod
from crbeam.design.problem import DesignProblem


@dataclass(frozen=True)
class WeightedLinks(EngineMethod):
    """Least weighted loss of the links over one covariance, neither link knowing what the other observes.

    Reference: hamrouni2026 eq. (15).

    Deviation: (15) adds square metres to squares of speeds; here every bound is in units of its threshold.
    """

    key = "p1-weighted"
    summary = "least weighted loss of both links with one set of beams, each link for itself (global optimum)"

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs links that see one covariance."""
        if len(problem.blocks) > 1:
            return f"{self.key} needs links that see one covariance, but there are {', '.join(problem.blocks)}."
        return super().why_not(problem)
