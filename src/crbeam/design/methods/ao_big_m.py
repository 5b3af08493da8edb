"""Alternation over a penalised relaxation of a network's choices, as published."""

from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.choices import Association, ReceiverChoice
from crbeam.design.constraints import PowerBudget
from crbeam.design.problem import DesignProblem, Power
from crbeam.design.result import Proposal
from crbeam.design.search.alternation import STARTS, alternate
from crbeam.design.search.boxes import is_associated, receiver_choice, roles_of, served_users
from crbeam.design.search.branch_and_bound import bounded, require_feasible, solved
from crbeam.design.search.grading import RELAXATION_GAP
from crbeam.design.search.method import ChoiceMethod, proposal_of, relaxation_proofs
from crbeam.design.service_constraints import BoundLimit, MinimumSinr


@dataclass(frozen=True)
class AlternatingBigM(ChoiceMethod):
    """The paper's Algorithm 1: who listens from one convex program, everything else from another, in turn.

    Both programs are solved by CVXPY. The last b and a are rounded, and the beams for that choice are computed anew, so
    that what is handed over keeps every requirement. The trace has the penalised power in watt; details have the number
    of programs, the sum of `a - a^2` and `b - b^2` before rounding, and how the run ended.

    Attributes:
        start: first b and a. `relaxation`: receiver of the least relaxation, its association rounded. `nearest`: the
            station nearest to the target listens, all others serve every user in equal parts. `uniform`: every station
            listens and serves in equal parts. First covariances are then those of least power for b and a.
        penalty_mw: mu, the price of an undecided choice.
        least_decrease: relative change of the penalised power at which it ends.
        max_iterations: number of iterations.

    Reference: xu2023 eq. (14)-(23), Algorithm 1, Table I.

    Deviation: the paper names no start; it decides the result, since a b of 0 or 1 is never left again, and from
    undecided starts the printed penalty outweighs the power by so much that rounding in the solver decides. W is left
    out of the second program: with `W = Y` its constraints always hold. Where the solver finds no solution of the first
    program, b stays.
    """

    key = "ao-big-m"
    summary = "least power of a network by alternation over penalised choices (xu2023 Algorithm 1)"
    keeps = frozenset({PowerBudget, MinimumSinr, BoundLimit, ReceiverChoice, Association})
    is_global = False

    start: str = "relaxation"
    penalty_mw: float = 3e7
    least_decrease: float = 1e-3
    max_iterations: int = 20

    def __post_init__(self) -> None:
        self.require_option("start", self.start in STARTS, f"one of {', '.join(STARTS)}")
        self.require_option("penalty_mw", self.penalty_mw > 0.0, "positive")
        self.require_option("least_decrease", self.least_decrease > 0.0, "positive")
        self.require_option("max_iterations", self.max_iterations >= 1, "at least 1")

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a choice of one station that listens and of one that serves each user, with the same accuracy."""
        reason = super().why_not(problem)
        if reason is not None:
            return reason
        if receiver_choice(problem) is None or not is_associated(problem):
            return f"{self.key} needs a choice of who listens and of who serves whom."
        if not served_users(problem):
            return f"{self.key} alternates over who serves whom: it needs at least one user."
        if any(len(budget.blocks) > 1 for budget in problem.budgets):
            return f"{self.key} needs a power budget for each station, not one that stations share."
        roles = roles_of(problem)
        if any(len(role.silent) != 1 or len(role.criteria) != 1 for role in roles):
            return f"{self.key} needs one station that listens, and one bound of what it hears."
        sizes = {criterion.name: criterion.map.layout.size for criterion in problem.criteria}
        kinds = {(problem.bound_limits.get(role.criteria[0]), sizes[role.criteria[0]]) for role in roles}
        if len(kinds) > 1 or not isinstance(problem.objective, Power):
            return f"{self.key} minimises power under the same limit, whoever listens."
        return None

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """One run, and the optimum for where it ended."""
        run = alternate(
            problem,
            penalty_w=1e-3 * self.penalty_mw,
            tolerance=self.least_decrease,
            max_iterations=self.max_iterations,
            start=self.start,
        )
        each = solved(bounded(run.program), gap=RELAXATION_GAP)
        found = require_feasible(problem, each.found, (each.node,))
        proofs = relaxation_proofs(problem)
        numbers = {"programs": run.programs + 1 + len(proofs), "indecision": run.indecision, "ended": run.ended}
        proposal = proposal_of(found, proofs, **numbers)
        return replace(proposal, trace=run.trace, iterations=max(len(run.trace) - 1, 0))
