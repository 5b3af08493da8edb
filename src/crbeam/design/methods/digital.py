"""Least weighted bound of a transmission that also serves users."""

from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.certified_method import CertifiedMethod
from crbeam.design.one_by_one import OneByOne
from crbeam.design.problem import DesignProblem, Power, WeightedBound
from crbeam.design.result import Proposal
from crbeam.design.served.optimum import served_optimum
from crbeam.design.service_constraints import FixedAnalog, Illumination, MinimumSinr, MinimumUplinkSinr


@dataclass(frozen=True)
class Digital(OneByOne, CertifiedMethod):
    """Least weighted bound over the covariances of all streams, with every user's SINR and an illumination floor kept.

    The problem is convex. It is solved through its Lagrangian dual in the span of what sees the transmission (K + 3
    dimensions for K users and one near-field target, whatever the number of antennas); users' covariances are then made
    rank one without loss. Whether the requirements can be met at all is decided exactly beforehand.

    Downlink, uplink beside the echo of the probing, and any fixed analog network.

    Reference: li2024 eq. (26), eq. (28), eq. (39), eq. (53).

    Deviation: the paper solves semidefinite programs in the space of all antennas, and alternates between combiners
    and probing in the uplink (Algorithm 4). The programs here have the same optimum; in the uplink best combiners are
    in closed form and make the requirements linear.
    """

    key = "digital"
    summary = "least weighted bound under SINR and illumination requirements, digital beams (global optimum)"
    keeps = frozenset({MinimumSinr, MinimumUplinkSinr, Illumination, FixedAnalog})

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """The optimum, with budgets that nobody sees spent evenly."""
        return _at_full_power(problem, served_optimum(problem, tolerance=self.tolerance))

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a weighted bound as the objective."""
        if not isinstance(problem.objective, WeightedBound):
            other = "transmit power" if isinstance(problem.objective, Power) else "thresholds on them"
            return f"{self.key} minimises weighted bounds only, not {other}."
        return super().why_not(problem)


def _at_full_power(problem: DesignProblem, proposal: Proposal) -> Proposal:
    """Same proposal with budgets that nobody sees spent evenly, as by every method."""
    streams = proposal.stream_covariances or {}
    if len(streams) > 1:
        return proposal
    even, sent = problem.even(), proposal.covariances
    for budget in problem.budgets:
        if sent.only(budget.blocks).power_w == 0.0:
            sent = sent.replaced(even.only(budget.blocks))
    return replace(proposal, covariances=sent, stream_covariances=dict.fromkeys(streams, sent) or None)
