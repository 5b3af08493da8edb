"""What methods for problems with choices share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Bool

from crbeam.design.choices import Association, Chosen, ReceiverChoice, Selection
from crbeam.design.constraints import AntennaPower, Codebook, GroupPower, PowerBudget
from crbeam.design.convex.evidence import Evidence, Listed
from crbeam.design.convex.program import Program
from crbeam.design.convex.shortage import contradiction_of
from crbeam.design.convex.solution import proposal_of_streams, stream_factors
from crbeam.design.convex.statement import is_limited
from crbeam.design.method import OneByOne
from crbeam.design.problem import DesignProblem, Hinge
from crbeam.design.requirements import require_feasible_sinr
from crbeam.design.result import Proposal
from crbeam.design.search.boxes import (
    has_choices,
    possible_programs,
    roles_of,
    unproven_constraint,
    why_empty,
    with_members,
)
from crbeam.design.search.branch_and_bound import (
    Effort,
    Found,
    Outcome,
    best_transmission,
    bounded,
    relaxed,
    require_transmission,
    solved,
)
from crbeam.design.search.grading import RELAXATION_GAP, bound_of
from crbeam.design.search.listing import Listing, listing_of
from crbeam.design.search.members import possible_sizes, problem_of_members, selection_of
from crbeam.design.search.rules import MAX_LISTED, all_sets, telling_sets
from crbeam.design.service_constraints import (
    BoundLimit,
    FixedAnalog,
    Illumination,
    MinimumRate,
    MinimumSinr,
    PowerCeiling,
    Requirement,
)
from crbeam.errors import CrbeamError, Infeasible, SolverFailed, Unidentifiable
from crbeam.information import Transmission

#: Relative gap of selections among candidates, and number of programs that bound all sets where they are not listed.
CANDIDATE_GAP, COVER_PROGRAMS = 1e-6, 1
#: Relative room that a scaled transmission keeps in limits on bounds, and largest number of times that it is scaled.
ROOM, MAX_SCALINGS = 1e-11, 50


@dataclass(frozen=True)
class ChoiceMethod(OneByOne):
    """A method for problems in which something is to be chosen beside the transmission, one after the other."""

    keeps: ClassVar[frozenset[type]] = frozenset(
        {
            *(PowerBudget, GroupPower, AntennaPower, Codebook, FixedAnalog),
            *(MinimumSinr, Illumination, PowerCeiling, Requirement, BoundLimit),
            *(ReceiverChoice, Association, Selection),
        }
    )
    takes_any_objective: ClassVar[bool] = True

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a choice to make, a limit on a bound, or power as the objective, and a stream that serves nobody."""
        if not has_choices(problem) or isinstance(problem.objective, Hinge):
            return f"{self.key} minimises power, or bounds where it is open who listens, who serves, or who takes part."
        if all(stream.served_user is not None for stream in problem.streams):
            return f"{self.key} needs a stream that serves nobody."
        reason = unproven_constraint(problem)
        if reason is not None:
            return f"{self.key} needs {reason}"
        rates = any(isinstance(part, MinimumRate) for part in problem.constraints)
        if rates and selection_of(problem) is not None:
            return (
                f"{self.key} selects receivers in lines of sight, and cannot keep the MinimumRate constraint of "
                f"scattered waves: name who senses (`receivers.selected`), ask for no rates "
                f"(`receivers.minimum_rate=0`), or leave out `receivers.rician_factor`."
            )
        return super().why_not(problem)


@dataclass(frozen=True)
class RuleOfSelection(ChoiceMethod):
    """A method that looks at some sets of those who may take part, each with its best transmission."""

    is_global: ClassVar[bool] = False

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs receivers or stations to choose from, with prices by distance."""
        selection = selection_of(problem)
        if selection is None:
            return f"{self.key} needs a problem with a Selection constraint: receivers to choose from, and a budget."
        if selection.costs is None:
            return f"{self.key} needs the distances of those to choose from (`Selection.costs`)."
        return super().why_not(problem)

    def candidates(self, selection: Selection) -> Bool[np.ndarray, "set member"]:
        """Sets that the method looks at."""
        raise NotImplementedError

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """Best candidate with its transmission, and the relaxation of all sets, which bounds every one of them."""
        selection = selection_of(problem)
        assert selection is not None
        require_feasible_sinr(problem_of_members(problem, selection.names))
        rows = self.candidates(selection)
        roles, listing = roles_of(problem), listing_of(problem, rows)
        if listing is not None:
            outcome = best_transmission(problem, roles, Effort(CANDIDATE_GAP), listing)
            best, programs = outcome.best, outcome.programs
        else:
            best, programs = _best_of(problem, rows[selection.allows(rows)], roles)
        if best is None:
            raise why_none(problem, rows)
        cover, more = _cover(problem, roles, is_listed=listing is not None)
        numbers = {"candidates": int(np.sum(selection.allows(rows))), "programs": programs + more}
        return proposal_of(best, cover, **numbers)


def _best_of(
    problem: DesignProblem, rows: Bool[np.ndarray, "set member"], roles: Sequence[Chosen]
) -> tuple[Found | None, int]:
    """The best transmission of some sets, and how many programs that took."""
    selection, best, programs = selection_of(problem), None, 0
    assert selection is not None
    for row in rows:
        members = [name for name, is_in in zip(selection.names, row.tolist(), strict=True) if is_in]
        for role in roles:
            cutoff = np.inf if best is None else best.objective
            box = with_members(role, members)
            if isinstance(why_empty(problem, box), CrbeamError):
                continue
            outcome = best_transmission(problem, [box], Effort(CANDIDATE_GAP, cutoff=cutoff))
            programs += outcome.programs
            if outcome.best is not None and outcome.best.objective < cutoff:
                best = outcome.best
    return best, programs


def _cover(
    problem: DesignProblem, roles: Sequence[Chosen], *, is_listed: bool
) -> tuple[tuple[Evidence | Listed, ...], int]:
    """Proofs for all sets, from the transmission for all members or from relaxations, and their number of programs."""
    selection = selection_of(problem)
    assert selection is not None
    if is_listed and len(selection.names) <= MAX_LISTED:
        (role,) = roles
        program = why_empty(problem, with_members(role, selection.names))
        known = solved(bounded(program), gap=RELAXATION_GAP).node.evidence if isinstance(program, Program) else None
        return (Listed(role, known),), 1
    outcome = best_transmission(problem, roles, Effort(CANDIDATE_GAP, max_programs=COVER_PROGRAMS))
    return tuple(node.proof for node in outcome.leaves), outcome.programs


def why_none(problem: DesignProblem, rows: Bool[np.ndarray, "set member"]) -> CrbeamError:
    """Why no set of some candidates can be had: all are too dear, or tell too little, or cannot be served."""
    selection = selection_of(problem)
    assert selection is not None
    rows = rows[np.argsort(selection.costs_of_m(rows), kind="stable")]
    anything = replace(selection, budget_m=np.inf)
    constraints = tuple(anything if part is selection else part for part in problem.constraints)
    freed = replace(problem, constraints=constraints)
    root, names = roles_of(freed)[0], np.array(selection.names)
    able = [
        row for row in rows if not isinstance(why_empty(freed, with_members(root, names[row].tolist())), CrbeamError)
    ]
    if able and bool(selection.allows(able[0][None])[0]):
        program = why_empty(problem, with_members(root, names[able[0]].tolist()))
        reason = contradiction_of(program) if isinstance(program, Program) else program
        return reason or SolverFailed("A set that meets all requirements must be found, but was not.", status="none")
    told = ", ".join(dict.fromkeys(name for each in problem.active_criteria for name in each.requested))
    remedy = "No candidate does, whatever the budget: give more receivers, or look at other sets of them."
    if able:
        cost_m = _rounded_up(float(selection.costs_of_m(able[0][None])[0]))
        remedy = f"Raise the budget: the cheapest candidate that determines {told} costs {cost_m} m."
    if not np.any(selection.allows(rows)):
        return Infeasible(
            f"At least one candidate set must cost at most {selection.budget_m:g} m, but none does. {remedy}",
            requirement="cooperation cost",
        )
    requested = problem.active_criteria[0].requested
    return Unidentifiable(requested, direction={name: len(requested) ** -0.5 for name in requested}, remedy=remedy)


def _rounded_up(cost_m: float) -> str:
    """A price in six digits that is no lower."""
    unit = 10.0 ** (np.floor(np.log10(cost_m)) - 5.0) if cost_m > 0.0 else 1.0
    return f"{np.ceil(cost_m / unit) * unit:.6g}"


def listing_of_all(problem: DesignProblem) -> Listing | None:
    """All sets, where they are few and information comes over one direction."""
    selection = selection_of(problem)
    if selection is None or len(selection.names) > MAX_LISTED:
        return None
    return listing_of(problem, all_sets(len(selection.names)))


def found_by(problem: DesignProblem, outcome: Outcome) -> Found:
    """The transmission of a search.

    Raises:
        CrbeamError: there is none, with the reason.
    """
    selection = selection_of(problem)
    if selection is not None and outcome.best is None and all(np.isinf(node.lower_bound) for node in outcome.leaves):
        raise why_none(problem, telling_sets(selection))
    return require_transmission(problem, outcome)


def require_selection(problem: DesignProblem) -> None:
    """Refuse what no choice of members can keep.

    Raises:
        Infeasible: no set keeps the budget, or not even all of them together can be served.
    """
    selection = selection_of(problem)
    if selection is None:
        return
    require_feasible_sinr(problem_of_members(problem, selection.names))
    if possible_sizes(selection, roles_of(problem)[0]) is None:
        raise why_none(problem, telling_sets(selection))


def relaxation_proofs(problem: DesignProblem, roles: Sequence[Chosen] | None = None) -> tuple[Evidence | Listed, ...]:
    """One proof for each box in which something may be feasible, from its relaxation."""
    chosen = [each.choices for each in possible_programs(problem, roles_of(problem) if roles is None else roles)]
    return tuple(each.node.proof for each in relaxed(problem, chosen, gap=RELAXATION_GAP))


def proposal_of(found: Found, proofs: Sequence[Evidence | Listed], **numbers: float | int | str) -> Proposal:
    """Proposal of a transmission with the proofs of its lower bound over all choices."""
    factors = stream_factors(found.program, found.primal)
    members = found.program.choices.members
    proposal = proposal_of_streams(factors, cover=tuple(proofs), selected=members, details=numbers)
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
