"""What methods for the best transmission of a network share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from crbeam.design.constraints import PowerBudget
from crbeam.design.network.choices import Role, is_network, roles_of, unproven_constraint
from crbeam.design.network.cover import possible_programs
from crbeam.design.network.leaf import Leaf
from crbeam.design.network.search import relaxed
from crbeam.design.one_by_one import OneByOne
from crbeam.design.problem import DesignProblem, Hinge
from crbeam.design.service_constraints import Association, BoundLimit, MinimumSinr, ReceiverChoice

#: Gap of the relaxations that tell how far a scheme without search is from the optimum.
RELAXATION_GAP = 1e-6


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


def relaxation_leaves(problem: DesignProblem, roles: Sequence[Role] | None = None) -> tuple[Leaf, ...]:
    """One leaf for each role in which something may be feasible, bounded by its relaxation."""
    chosen = [each.role for each in possible_programs(problem, roles_of(problem) if roles is None else roles)]
    return tuple(each.node.leaf for each in relaxed(problem, chosen, gap=RELAXATION_GAP))
