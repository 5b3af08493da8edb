"""Selection among hundreds of receivers, with a bound by relaxation."""

from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.search.boxes import roles_of
from crbeam.design.search.branch_and_bound import Effort, best_transmission
from crbeam.design.search.members import selection_of
from crbeam.design.search.method import ChoiceMethod, found_by, proposal_of, require_selection


@dataclass(frozen=True)
class ManyReceivers(ChoiceMethod):
    """Those who take part from few relaxations of their choice, rounded, with their best transmission.

    The search of `exact`, ended after some programs: for hundreds of receivers, of which no search looks at every set.

    Attributes:
        programs: number of convex programs after which the best transmission so far is taken, with its proven gap.

    Reference: wang2024 eq. (29).
    """

    key = "many-receivers"
    summary = "hundreds of receivers from few relaxations, with their best beams, and a proven bound"
    is_global = False

    programs: int = 6

    def __post_init__(self) -> None:
        self.require_option("programs", self.programs >= 2, "at least 2")

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs receivers or stations to choose from."""
        if selection_of(problem) is None:
            return f"{self.key} needs a problem with a Selection constraint: receivers to choose from, and a budget."
        return super().why_not(problem)

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """Search from the relaxation of everything."""
        require_selection(problem)
        outcome = best_transmission(problem, roles_of(problem), Effort(1e-4, max_programs=self.programs))
        found = found_by(problem, outcome)
        proposal = proposal_of(found, [node.proof for node in outcome.leaves], programs=outcome.programs)
        return replace(proposal, trace=tuple(best for best, _ in outcome.trace), iterations=outcome.programs)
