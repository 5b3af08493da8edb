"""The optimum of every convex problem."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.certified_method import CertifiedMethod
from crbeam.design.constraints import AntennaPower, Codebook, GroupPower, TiedBlocks
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.engine_method import proposal_of
from crbeam.design.optimum import Effort, optima
from crbeam.design.problem import DesignProblem, Hinge, WeightedBound
from crbeam.design.result import Proposal
from crbeam.design.service_constraints import (
    BoundLimit,
    FixedAnalog,
    Illumination,
    MinimumSinr,
    MinimumUplinkSinr,
    PowerCeiling,
)
from crbeam.errors import CrbeamError
from crbeam.information import Transmission


@dataclass(frozen=True)
class Optimum(CertifiedMethod):
    """Least objective over the covariances of all streams, with everything kept that is convex.

    Problems with budgets, codebooks and ties alone go through a descent over factors, many at once; all others through
    the interior-point method of the dual (`convex`), in the span of what sees the transmission. Covariances of served
    users are made rank one where that costs nothing. If requirements contradict one another, the proof names them.

    Of transmissions that meet all thresholds of a `Hinge` it returns the one of least weighted bound, and says so by
    `details["tied"] = 1`, with the certified gap of that in `tie_break_gap`.

    Reference: zhang2025 eq. (13), li2024 eq. (26), wang2024 eq. (37), xu2023 eq. (8) with given choices.
    """

    key = "optimum"
    summary = "least objective under everything that is convex (global optimum)"
    keeps = frozenset(
        {
            AntennaPower,
            BoundLimit,
            Codebook,
            FixedAnalog,
            GroupPower,
            Illumination,
            MinimumSinr,
            MinimumUplinkSinr,
            PowerCeiling,
            TiedBlocks,
        }
    )
    takes_any_objective = True

    def propose_many(
        self,
        problems: Sequence[DesignProblem],
        *,
        starts: Sequence[Transmission | None],
        seeds: Sequence[np.random.SeedSequence],  # noqa: ARG002
    ) -> list[Proposal | CrbeamError]:
        """The optima of all problems; those without rows of one shape advance together."""
        plain = [index for index, problem in enumerate(problems) if is_plain(problem)]
        found = optima(
            [problems[index] for index in plain],
            effort=Effort(self.tolerance),
            starts=[starts[index] for index in plain],
        )
        results: dict[int, Proposal | CrbeamError] = {
            index: result if isinstance(result, CrbeamError) else proposal_of(result)
            for index, result in zip(plain, found, strict=True)
        }
        for index, problem in enumerate(problems):
            if index not in results:
                results[index] = self._one(problem)
        return [results[index] for index in range(len(problems))]

    def _one(self, problem: DesignProblem) -> Proposal | CrbeamError:
        try:
            return at_full_power(problem, convex_optimum(problem, tolerance=self.tolerance))
        except CrbeamError as error:
            return error


def is_plain(problem: DesignProblem) -> bool:
    """Whether budgets, codebooks and ties are all that a weighted bound, or thresholds, are minimised under."""
    kinds = {type(part) for part in problem.constraints if not hasattr(part, "power_per_subcarrier_w")}
    has_objective = isinstance(problem.objective, WeightedBound | Hinge) and not problem.power_price
    is_alone = not any(isinstance(part, GroupPower) for part in problem.constraints) and len(problem.streams) == 1
    return has_objective and is_alone and kinds <= {Codebook, TiedBlocks}


def at_full_power(problem: DesignProblem, proposal: Proposal) -> Proposal:
    """Same proposal with budgets that nobody sees spent evenly, as by every method, where power costs nothing."""
    streams = proposal.stream_covariances or {}
    restricted = any(isinstance(part, AntennaPower | GroupPower) for part in problem.constraints)
    if (
        len(streams) > 1
        or restricted
        or not isinstance(problem.objective, WeightedBound | Hinge)
        or problem.power_price
    ):
        return proposal
    even, sent = problem.even(), proposal.covariances
    for budget in problem.budgets:
        if sent.only(budget.blocks).power_w == 0.0:
            sent = sent.replaced(even.only(budget.blocks))
    return replace(proposal, covariances=sent, stream_covariances=dict.fromkeys(streams, sent) or None)
