"""Best transmission over all choices, with proof: who listens, who serves whom, who takes part, with what beams."""

from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.method import CertifiedMethod
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.search.boxes import roles_of
from crbeam.design.search.branch_and_bound import Effort, best_transmission
from crbeam.design.search.method import ChoiceMethod, found_by, listing_of_all, proposal_of, require_selection


@dataclass(frozen=True)
class Exact(ChoiceMethod, CertifiedMethod):
    """Least transmit power under SINR and accuracy requirements, or best accuracy within power budgets.

    Branch and bound over all choices.

    For given choices the problem is convex; its dual is solved in the span of what sees the transmission. The
    relaxation of a box of choices lets every station serve every user without coherence, and members take part as far
    as limits on their number and their prices allow; boxes are split where that leaves a gap. At any end, also by the
    time limit, the leaves of the search prove a lower bound, which grading checks.

    Attributes:
        time_limit_s: seconds after which the best transmission so far is taken, with its proven gap.

    Reference: xu2023 eq. (8), eq. (13), Theorem 1; wang2024 eq. (23), eq. (29).

    Deviation: Algorithm 1 of xu2023 alternates over a penalised relaxation and cannot change who listens; here every
    choice is covered by a proof. The selection of wang2024 is for fixed beams that it does not name; here every set is
    judged with the beams that are best for it.

    Where rounding ends the program of a choice before its gap is closed, as for targets that are nearly at one place,
    the status is `feasible`, with the proven gap, and `details["unclosed"]` counts such sets of choices.
    """

    key = "exact"
    summary = "global optimum over choices and beams: who listens, who serves whom, who takes part"

    tolerance: float = 1e-4
    time_limit_s: float = 300.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_option("time_limit_s", 0.0 < self.time_limit_s < np.inf, "positive and finite")

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """Search all choices."""
        require_selection(problem)
        effort = Effort(0.5 * self.tolerance, self.time_limit_s)
        outcome = best_transmission(problem, roles_of(problem), effort, listing_of_all(problem))
        found = found_by(problem, outcome)
        proofs = tuple(node.proof for node in outcome.leaves)
        numbers = {"programs": outcome.programs, "sets": len(proofs)}
        if not outcome.hit_limit:
            least = (1.0 - self.tolerance) * found.objective
            numbers["unclosed"] = sum(node.lower_bound < least for node in outcome.leaves)
        proposal = proposal_of(found, proofs, **numbers)
        trace = tuple(best for best, _ in outcome.trace)
        return replace(proposal, trace=trace, iterations=outcome.programs, hit_time_limit=outcome.hit_limit)
