"""Published methods for hybrid arrays, which split the network off by a penalty."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from crbeam.design.hybrid.alternation import alternate
from crbeam.design.hybrid.descent import finished
from crbeam.design.hybrid.method import HybridMethod
from crbeam.design.hybrid.networks import hybrid_of, n_antennas_of
from crbeam.design.hybrid.penalty import PenaltySettings
from crbeam.design.hybrid.views import ReceiveView
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.design.subarrays import SubarrayHybrid

#: Antennas of the hybrid array up to which the relaxation over all pairs of them is bearable.
LARGEST_LIFTED = 32


@dataclass(frozen=True)
class PenaltyMethod(HybridMethod):
    """A method whose phases come from a semidefinite relaxation over all pairs of antennas.

    Attributes:
        penalty: first weight rho of the penalty, in units of the best value's own.
        shrink: factor on rho where the violation does not fall fast enough.
        inner_tolerance: relative decrease at which an inner loop ends.
        outer_tolerance: violation at which the outer loop ends.
        max_inner: iterations of an inner loop.
        max_outer: iterations of the outer loop.
        samples: random candidates in each rounding.
    """

    side: ClassVar[Literal["transmit", "receive"]]

    penalty: float = 1.0
    shrink: float = 0.6
    inner_tolerance: float = 1e-3
    outer_tolerance: float = 1e-4
    max_inner: int = 10
    max_outer: int = 30
    samples: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("penalty", "inner_tolerance", "outer_tolerance"):
            self.require_option(option, getattr(self, option) > 0.0, "positive")
        self.require_option("shrink", 0.0 < self.shrink < 1.0, "between 0 and 1")
        for option in ("max_inner", "max_outer", "samples"):
            self.require_option(option, getattr(self, option) >= 1, "at least 1")

    @property
    def settings(self) -> PenaltySettings:
        """How the loops run."""
        return PenaltySettings(
            self.penalty,
            self.shrink,
            self.inner_tolerance,
            self.outer_tolerance,
            self.max_inner,
            self.max_outer,
            self.samples,
        )

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a hybrid array on the side that the method is for, and not too large."""
        return super().why_not(problem) or self._refusal(problem)

    def _refusal(self, problem: DesignProblem) -> str | None:
        hybrid = hybrid_of(problem)
        assert hybrid is not None
        if hybrid.side != self.side:
            return f"{self.key} needs a hybrid array on the {self.side} side."
        users = [part for part in problem.constraints if isinstance(part, MinimumUplinkSinr)]
        if self.side == "receive" and len(users) != 1:
            return f"{self.key} needs users in the uplink."
        n_antennas = n_antennas_of(problem, hybrid)
        if n_antennas > LARGEST_LIFTED:
            return (
                f"{self.key} lifts the phases to a matrix over all pairs of antennas, which is bearable up to "
                f"{LARGEST_LIFTED} antennas, but {hybrid.port} has {n_antennas}; `hybrid` has no such limit."
            )
        return None


def alternated(
    method: PenaltyMethod,
    problem: DesignProblem,
    hybrid: SubarrayHybrid,
    seed: np.random.SeedSequence,
    *,
    updates: int,
    least_decrease: float,
) -> Proposal:
    """Probing and network in turn, and the digital optimum behind the last network.

    Raises:
        Infeasible: the users do not reach their ratios behind the first network.
    """
    view = ReceiveView(problem, hybrid)
    run = alternate(view, method.settings, seed, updates=updates, tolerance=least_decrease)
    return replace(
        finished(view, run.phases_rad, tolerance=1e-6),
        trace=tuple(np.minimum.accumulate(run.objectives).tolist()),
        iterations=run.iterations,
        details=violation_details(run.violations),
        subarrays=method.evidence(problem, hybrid),
    )


def violation_details(violations: Sequence[float]) -> dict[str, float]:
    """Violations by the number of the outer iteration, as details of a design."""
    return _numbered("violation", violations)


def copy_details(objectives: Sequence[float]) -> dict[str, float]:
    """Objectives of the copy by the number of the outer iteration, as details of a design."""
    return _numbered("copy_objective", objectives)


def _numbered(name: str, values: Sequence[float]) -> dict[str, float]:
    return {f"{name}_{number}": float(value) for number, value in enumerate(values, 1)}
