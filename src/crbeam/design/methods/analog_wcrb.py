"""Weighted bound over beams of constant modulus."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.analog.bound import analog_weighted_bound
from crbeam.design.analog.method import AnalogMethod, analog_proposal, sent_beams, unit_beams
from crbeam.design.analog.starts import bound_starts
from crbeam.design.engine.reduction import reduce_problem
from crbeam.design.guides import Guide
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.information import Transmission


@dataclass(frozen=True)
class AnalogWeightedBound(AnalogMethod):
    """Least weighted bound found over the phases and powers of beams of constant modulus.

    The problem is not convex: the weighted bound is brought to a stationary point from several starts, among them what
    `analog-fdb` finds with the same seed and default options, and what `analog-cpa` finds, so that the result is never
    worse than theirs.

    Attributes:
        starts: number of further starts: phases of the digital optimum's beams, then random ones.
        max_iterations: iterations from each start; with 0 the best start is returned as it is.
        stationarity: largest derivative of the log of the bound at which a descent ends.
    """

    key = "analog-wcrb"
    summary = "least weighted bound over constant-modulus beams (stationary, from several starts)"

    starts: int = 6
    max_iterations: int = 500
    stationarity: float = 1e-7

    def __post_init__(self) -> None:
        self.require_option("starts", self.starts >= 0, "at least 0")
        self.require_option("max_iterations", self.max_iterations >= 0, "at least 0")
        self.require_option("stationarity", 0.0 <= self.stationarity < np.inf, "at least 0 and finite")

    def propose_beams(
        self, problem: DesignProblem, guides: Sequence[Guide], start: Transmission | None, seed: np.random.SeedSequence
    ) -> Proposal:
        """The best stationary beams."""
        reduced = reduce_problem(problem)
        starts = bound_starts(problem, reduced, guides, seed=seed, start=start, count=self.starts)
        result = analog_weighted_bound(reduced, starts, max_iterations=self.max_iterations, tolerance=self.stationarity)
        factors = sent_beams(problem, unit_beams(result.beams), tuple(_powers_w(problem, result.beams.shares)))
        details = {"phase_gradient": result.phase_gradient, "starts": len(starts), "best_start": result.start}
        return analog_proposal(factors, result.trace, details)


def _powers_w(problem: DesignProblem, shares: np.ndarray) -> np.ndarray:
    """Power of each beam from its share of its block's budget."""
    budget_w = {name: budget.power_per_subcarrier_w for budget in problem.budgets for name in budget.blocks}
    return shares * np.array([budget_w[name] for name in problem.blocks])[:, None]
