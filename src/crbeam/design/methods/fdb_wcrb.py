"""Weighted bound over all covariances: FDB-WCRB of zhang2025."""

from dataclasses import dataclass

from crbeam.design.constraints import TiedBlocks
from crbeam.design.engine_method import EngineMethod


@dataclass(frozen=True)
class FullDimensionalWeightedBound(EngineMethod):
    """Least weighted bound over all transmit covariances within the power budgets.

    The problem is convex; it is solved in the span of the responses that the information sees, where restricting it
    loses nothing, until the certified gap is below `tolerance`. Any other objective of a problem is minimised alike.

    Reference: zhang2025 eq. (13), Remark 2.
    """

    key = "fdb-wcrb"
    summary = "least weighted bound over all covariances, by our own solver (global optimum)"
    keeps = frozenset({TiedBlocks})
