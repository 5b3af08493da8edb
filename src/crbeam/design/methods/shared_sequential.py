"""One set of beams for both stages of a sequence: the problem P3 of hamrouni2026."""

from dataclasses import dataclass

from crbeam.design.constraints import TiedBlocks
from crbeam.design.engine_method import EngineMethod


@dataclass(frozen=True)
class SharedSequential(EngineMethod):
    """One covariance for both stages, with the least posterior loss among such: the global optimum.

    A restriction of `joint-sequential`, so never better than that, whose bound is its lower bound: the gap is what one
    set of beams costs. It is solved as a problem with one block that both stages see; the certified gap of that is in
    `details["tied_gap"]`.

    Reference: hamrouni2026 eq. (22).
    """

    key = "shared-sequential"
    summary = "least posterior loss of both stages with one set of beams (global optimum)"
    uses = frozenset({TiedBlocks})
    is_bounded_without_ties = True

    @property
    def judged_by(self) -> str:
        """Both stages together."""
        return "posterior"
