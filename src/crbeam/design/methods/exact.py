"""Best transmission over all choices, with proof: who listens, who serves whom, or who senses, with what beams."""

from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.certified_method import CertifiedMethod
from crbeam.design.network.choices import roles_of
from crbeam.design.network.method import NetworkMethod, proposal_of
from crbeam.design.network.search import Effort, least_power, require_transmission
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.selection.choice import selection_of
from crbeam.design.selection.method import SELECTION_CONSTRAINTS, exact_selection, why_not_listed


@dataclass(frozen=True)
class Exact(NetworkMethod, CertifiedMethod):
    """Least transmit power under SINR and accuracy requirements, or best accuracy within power budgets.

    Branch and bound over all choices.

    For a given receiver and association the problem is convex; its dual is solved in the span of what sees the
    transmission. The relaxation of a receiver lets every station serve every user without coherence; users are then
    branched on. At any end, also by the time limit, the leaves of the search prove a lower bound, which grading checks.

    Or, of receivers to select, least bound within a budget of prices, over every set of up to 16: what the beams of one
    set leave for the target bounds all its subsets, so that few transmissions are computed.

    Attributes:
        time_limit_s: seconds after which the best transmission of a network so far is taken, with its proven gap;
            looked at before each convex program.

    Reference: xu2023 eq. (8), eq. (13), Theorem 1; wang2024 eq. (23).

    Deviation: Algorithm 1 of the paper alternates over a penalised relaxation and cannot change who listens; here every
    choice is covered by a proof.

    Where rounding ends the program of a choice before its gap is closed, as for targets that are nearly at one place,
    the status is `feasible`, with the proven gap, and `details["unclosed"]` counts such sets of choices.
    """

    key = "exact"
    summary = "global optimum over choices and beams: roles and associations of a network, or receivers that sense"
    keeps = NetworkMethod.keeps | SELECTION_CONSTRAINTS

    tolerance: float = 1e-4
    time_limit_s: float = 300.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_option("time_limit_s", 0.0 < self.time_limit_s < np.inf, "positive and finite")

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a network, or receivers to choose from."""
        if selection_of(problem) is not None:
            return why_not_listed(self.key, problem)
        return super().why_not(problem)

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """Search all roles, or all sets of receivers."""
        if selection_of(problem) is not None:
            return exact_selection(problem, tolerance=self.tolerance)
        effort = Effort(0.5 * self.tolerance, self.time_limit_s)
        outcome = least_power(problem, roles_of(problem), effort)
        found = require_transmission(problem, outcome)
        proofs = tuple(node.evidence for node in outcome.leaves)
        numbers = {"programs": outcome.programs, "sets": len(proofs)}
        if not outcome.hit_limit:
            least = (1.0 - self.tolerance) * found.objective
            numbers["unclosed"] = sum(node.lower_bound < least for node in outcome.leaves)
        proposal = proposal_of(found, proofs, **numbers)
        trace = tuple(best for best, _ in outcome.trace)
        return replace(proposal, trace=trace, iterations=outcome.programs, hit_time_limit=outcome.hit_limit)
