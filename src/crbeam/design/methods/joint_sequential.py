"""Both stages of a sequence at once: the problem P2 of hamrouni2026."""

from dataclasses import dataclass

from crbeam.design.engine_method import EngineMethod
from crbeam.design.problem import DesignProblem


@dataclass(frozen=True)
class JointSequential(EngineMethod):
    """Covariances of all stages that together have the least posterior loss: the global optimum.

    The information of the stages adds, and is linear in the covariances, so the posterior loss is convex in all of them
    together. If one power budget is shared by the stages, how they split it is chosen as well; with interleaved symbols
    the share of symbols of a stage is the power of its block over that of all.

    Reference: hamrouni2026 eq. (20).

    Deviation: the paper calls this problem prohibitive, as a search over the beams of one stage around an optimisation
    of the other, and does not solve it.
    """

    key = "joint-sequential"
    summary = "least posterior loss over the beams of both stages together (global optimum)"

    @property
    def judged_by(self) -> str:
        """Both stages together."""
        return "posterior"

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs stages with covariances of their own."""
        if len(problem.blocks) < 2:
            return f"{self.key} needs a problem with a covariance for each stage, but there is one in all."
        return super().why_not(problem)
