"""What methods for the best transmission of a network share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from crbeam.design.constraints import PowerBudget
from crbeam.design.convex.evidence import Chosen, Evidence
from crbeam.design.convex.solution import proposal_of_streams, stream_factors
from crbeam.design.convex.statement import is_limited
from crbeam.design.network.choices import bound_of, is_network, roles_of, unproven_constraint
from crbeam.design.network.cover import possible_programs
from crbeam.design.network.search import Found, relaxed
from crbeam.design.one_by_one import OneByOne
from crbeam.design.problem import DesignProblem, Hinge
from crbeam.design.result import Proposal
from crbeam.design.service_constraints import Association, BoundLimit, MinimumSinr, ReceiverChoice
from crbeam.information import Transmission

#: Gap of the relaxations that tell how far a scheme without search is from the optimum.
RELAXATION_GAP = 1e-6
#: Relative room that a scaled transmission keeps in limits on bounds, and largest number of times that it is scaled.
ROOM, MAX_SCALINGS = 1e-11, 50


@dataclass(frozen=True)
class NetworkMethod(OneByOne):
    """A method that minimises power or bounds of a network, one problem after the other."""

    keeps: ClassVar[frozenset[type]] = frozenset({PowerBudget, MinimumSinr, BoundLimit, ReceiverChoice, Association})

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs power as the objective, or a choice to make, and a stream that serves nobody."""
        if not is_network(problem) or isinstance(problem.objective, Hinge):
            return f"{self.key} minimises transmit power, or bounds where stations choose who listens and who serves."
        if all(stream.served_user is not None for stream in problem.streams):
            return f"{self.key} needs a stream that serves nobody."
        reason = unproven_constraint(problem)
        if reason is not None:
            return f"{self.key} needs {reason}"
        return super().why_not(problem)


def relaxation_proofs(problem: DesignProblem, roles: Sequence[Chosen] | None = None) -> tuple[Evidence, ...]:
    """One proof for each role in which something may be feasible, from its relaxation."""
    chosen = [each.choices for each in possible_programs(problem, roles_of(problem) if roles is None else roles)]
    return tuple(each.node.evidence for each in relaxed(problem, chosen, gap=RELAXATION_GAP))


def proposal_of(found: Found, proofs: Sequence[Evidence], **numbers: float | int | str) -> Proposal:
    """Proposal of a transmission with the proofs of its lower bound over all choices."""
    proposal = proposal_of_streams(stream_factors(found.program, found.primal), cover=tuple(proofs), details=numbers)
    return proposal.scaled(_scale_to_limits(found, proposal.covariances))


def _scale_to_limits(found: Found, covariances: Transmission) -> float:
    """Factor of at least 1 with which limited bounds hold as the problem itself computes them.

    In whitened parameters they held already. Where entries of an information span many decades, as with a target next
    to a station, both computations differ by more than rounding of the limit.
    """
    statement, scale = found.program.statement, 1.0
    limited = [
        (term.criterion, statement.problem.bound_limits[term.criterion.name])
        for number, term in enumerate(statement.terms)
        if is_limited(statement, number)
    ]
    for _ in range(MAX_SCALINGS):
        worst = max((bound_of(each, scale * covariances) / limit for each, limit in limited), default=0.0)
        if worst <= 1.0 or not np.isfinite(worst):
            break
        scale *= worst * (1.0 + ROOM)
    return scale
