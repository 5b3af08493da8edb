"""Least weighted bound of a transmission that also serves users."""

from dataclasses import dataclass

from crbeam.design.engine_method import EngineMethod
from crbeam.design.problem import DesignProblem, Hinge, Power, Tail, WeightedBound
from crbeam.design.service_constraints import FixedAnalog, Illumination, MinimumSinr, MinimumUplinkSinr


@dataclass(frozen=True)
class Digital(EngineMethod):
    """Least weighted bound over the covariances of all streams, with every user's SINR and an illumination floor kept.

    The problem is convex. It is solved through its Lagrangian dual in the span of what sees the transmission (K + 3
    dimensions for K users and one near-field target, whatever the number of antennas); users' covariances are then made
    rank one without loss. Whether the ratios of a block can be met within its budget is decided exactly beforehand; all
    that contradicts beyond that is refuted by a ray of the dual.

    Downlink, uplink beside the echo of the probing, and any fixed analog network.

    Reference: li2024 eq. (26), eq. (28), eq. (39), eq. (53).

    Deviation: the paper solves semidefinite programs in the space of all antennas, and alternates between combiners
    and probing in the uplink (Algorithm 4). The programs here have the same optimum; in the uplink best combiners are
    in closed form and make the requirements linear.
    """

    key = "digital"
    summary = "least weighted bound under SINR and illumination requirements, digital beams (global optimum)"
    keeps = frozenset({MinimumSinr, MinimumUplinkSinr, Illumination, FixedAnalog})

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a weighted bound as the objective."""
        if not isinstance(problem.objective, WeightedBound):
            others = {Power: "transmit power", Hinge: "thresholds on them", Tail: "the worst of several"}
            return f"{self.key} minimises weighted bounds only, not {others[type(problem.objective)]}."
        return super().why_not(problem)
