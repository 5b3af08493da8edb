"""Most power on the target under rates in lines of sight, as one convex program."""

from dataclasses import dataclass

from crbeam.design.engine_method import EngineMethod
from crbeam.design.one_direction import why_not_lit
from crbeam.design.problem import DesignProblem
from crbeam.design.service_constraints import MinimumSinr


@dataclass(frozen=True)
class LiftedSdp(EngineMethod):
    """Least weighted bound where all information comes over one direction, under the rates of receivers.

    In a line of sight a rate is a linear inequality on the covariances of all streams, and every bound is proportional
    to one over the power in the one direction, which is linear too: a semidefinite program with one scalar in place of
    all criteria. It is what `optimum` does with such problems; this is the name that the paper gives it. Messages end
    with one stream each, without loss.

    Reference: wang2024 eq. (23), eq. (32), eq. (37).

    Deviation: the paper approximates the rates successively (Algorithm II); in lines of sight there is nothing to
    approximate.
    """

    key = "lifted-sdp"
    summary = "least bound under rates where all information comes over one direction (global optimum)"
    keeps = frozenset({MinimumSinr})

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs one block whose information comes over one direction."""
        return why_not_lit(self.key, problem) or super().why_not(problem)
