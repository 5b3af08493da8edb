"""Checking transmissions of problems with choices, and proving how small the objective of any could be."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from crbeam.design.certificate import objective_at
from crbeam.design.choices import Chosen
from crbeam.design.convex.certificate import certificate, shortage
from crbeam.design.convex.evidence import Evidence, Listed
from crbeam.design.convex.statement import is_limited, statement_of
from crbeam.design.problem import Criterion, DesignProblem
from crbeam.design.result import Design, Proposal
from crbeam.design.search.boxes import covers, has_choices, is_associated, roles_of, unproven_constraint, why_empty
from crbeam.design.search.branch_and_bound import solved, starting_nodes
from crbeam.design.search.listing import listing_of
from crbeam.design.search.members import problem_of_members, selection_of
from crbeam.design.search.rules import all_sets
from crbeam.design.search.shortage import ROUNDING
from crbeam.design.service_constraints import BoundLimit
from crbeam.errors import CrbeamError, InvalidInput, SolverFailed, Unidentifiable
from crbeam.information import Transmission
from crbeam.units import distinct

if TYPE_CHECKING:
    from crbeam.design.method import DesignMethod

#: Relative excess of a bound over its limit that counts as rounding.
LIMIT_TOLERANCE = 1e-9
#: Gap of relaxations that are solved where a proposal brings no proof.
RELAXATION_GAP = 1e-6


def problem_as_proposed(method: "DesignMethod", problem: DesignProblem, proposal: Proposal) -> DesignProblem:
    """The problem in which those take part that a proposal chose; the problem itself if there is no choice.

    Raises:
        SolverFailed: the proposal has no members, unknown ones, too many, some that cost more than the budget, or it
            sends where nobody takes part.
    """
    selection = selection_of(problem)
    if selection is None:
        return problem
    row = np.isin(selection.names, proposal.selected)
    is_known = set(proposal.selected) <= set(selection.names)
    if not (is_known and bool(selection.allows(row[None])[0])):
        cost_m = float(selection.costs_of_m(row[None])[0])
        limit = f" within the budget of {selection.budget_m:.9g} m" if np.isfinite(selection.budget_m) else ""
        cost = f" for {cost_m:.9g} m" if selection.costs is not None else ""
        raise SolverFailed(
            f"{method.key} must select at least one and at most {selection.largest} of "
            f"{', '.join(selection.names)}{limit}, but selected {', '.join(proposal.selected) or 'none'}{cost}.",
            status="selection not allowed",
            trace=proposal.trace,
        )
    silent = [name for name in problem.blocks if name in selection.names and name not in proposal.selected]
    sending = [block for block in silent if np.any(proposal.covariances[block])]
    if sending:
        raise SolverFailed(
            f"{method.key} must send nothing in {', '.join(silent)}, which do not take part, but sends in "
            f"{', '.join(sending)}.",
            status="wrong choice",
            trace=proposal.trace,
        )
    return problem_of_members(problem, proposal.selected)


def with_selection(problem: DesignProblem, proposal: Proposal, design: Design) -> Design:
    """The design with those who were chosen and what they cost, if there was a choice."""
    selection = selection_of(problem)
    if selection is None:
        return design
    row = np.isin(selection.names, proposal.selected)
    members = tuple(name for name, is_in in zip(selection.names, row.tolist(), strict=True) if is_in)
    cost = {} if selection.costs is None else {"cost_m": float(selection.costs_of_m(row[None])[0])}
    return replace(design, selected=members, details={**design.details, **cost})


def bound_of(criterion: Criterion, covariances: Transmission) -> float:
    """Weighted bound of a criterion; infinite if it is not determined."""
    information = criterion.map.at(covariances)
    try:
        matrix = information.bound(criterion.requested)
    except Unidentifiable:
        return np.inf
    layout = information.layout.select(criterion.requested)
    parts = [
        criterion.weight_of(name) * float(np.trace(matrix[layout[name], layout[name]])) for name in criterion.requested
    ]
    return sum(parts)


def objective_of(problem: DesignProblem, covariances: Transmission) -> float:
    """Objective of a transmission in the role that it plays; members are settled.

    Raises:
        Unidentifiable: it leaves a parameter with a positive weight undetermined.
    """
    role = role_of(problem, covariances)
    others = {each.name for each in problem.criteria} - set(role.criteria)
    kept = [part for part in problem.constraints if not isinstance(part, BoundLimit) or part.criterion not in others]
    criteria = tuple(replace(each, weight=0.0) if each.name in others else each for each in problem.criteria)
    return objective_at(replace(problem, criteria=criteria, constraints=tuple(kept)), covariances)


def _bounds(problem: DesignProblem, role: Chosen, covariances: Transmission) -> list[tuple[str, float, float | None]]:
    """Name, bound and limit of each criterion that counts in a role; no limit where the bound is minimised."""
    statement = statement_of(problem, role)
    return [
        (
            term.criterion.name,
            bound_of(term.criterion, covariances),
            problem.bound_limits[term.criterion.name] if is_limited(statement, number) else None,
        )
        for number, term in enumerate(statement.terms)
    ]


def _misses(problem: DesignProblem, role: Chosen, covariances: Transmission) -> tuple[float, float]:
    """Largest limited bound over its limit, and the sum of the minimised ones."""
    bounds = _bounds(problem, role, covariances)
    worst = max((bound / limit for _, bound, limit in bounds if limit is not None), default=0.0)
    minimised = [bound for _, bound, limit in bounds if limit is None]
    return (worst if worst > 1.0 + LIMIT_TOLERANCE else 0.0, sum(minimised) if minimised else worst)


def role_of(problem: DesignProblem, covariances: Transmission) -> Chosen:
    """The role that a transmission plays: of the stations that are silent and may listen, those that hear best."""
    roles = roles_of(problem)
    powers_w = covariances.powers_w
    silent = tuple(role for role in roles if all(powers_w[block] == 0.0 for block in role.silent)) or roles
    return silent[0] if len(silent) == 1 else min(silent, key=lambda role: _misses(problem, role, covariances))


def serving_blocks(
    problem: DesignProblem, stream_covariances: Mapping[str, Transmission], *, share: float = 0.0
) -> dict[str, tuple[str, ...]]:
    """Blocks that send to each served user, with more than a share of what all of them send to it."""
    found = {}
    for stream in problem.streams:
        if stream.served_user is not None:
            sent = stream_covariances[stream.name]
            found[stream.served_user] = tuple(
                block for block, power_w in sent.powers_w.items() if power_w > share * sent.power_w
            )
    return found


def broken_choice(
    problem: DesignProblem, covariances: Transmission, stream_covariances: Mapping[str, Transmission]
) -> str | None:
    """What a transmission must be and is not, of limits on bounds, who listens and who serves whom; None if it is."""
    if not has_choices(problem):
        return None
    role = role_of(problem, covariances)
    if any(np.any(covariances[block]) for block in role.silent):
        return "a transmission with silent stations that listen"
    bounds = _bounds(problem, role, covariances) if problem.bound_limits else []
    for name, bound, limit in bounds:
        if limit is not None and bound > limit * (1.0 + LIMIT_TOLERANCE):
            return "a bound of {} of at most {}, not {}".format(name, *distinct(limit, bound))
    if is_associated(problem):
        for user, blocks in serving_blocks(problem, stream_covariances).items():
            if len(blocks) > 1:
                return f"one block that serves {user}, not {', '.join(blocks)}"
    return None


def proven_lower_bound(problem: DesignProblem, proposal: Proposal) -> tuple[float, str]:
    """Lower bound on the objective of every transmission of a problem with every choice, and what it rests on.

    Taken from the leaves of a proposal if they cover every choice, else from what the users take alone, or where it is
    open who takes part from the relaxation of everything.

    Raises:
        InvalidInput: constraints are such that these proofs do not hold.
    """
    reason = unproven_constraint(problem)
    if reason is not None:
        raise InvalidInput(f"A lower bound over choices needs {reason}")
    if proposal.cover and covers(problem, proposal.cover):
        count = len(proposal.cover)
        sets = "all choices together" if count == 1 else f"{count} sets of choices, each"
        proofs, note = proposal.cover, f"{sets} bounded by multipliers"
    else:
        nodes, note = starting_nodes(problem, roles_of(problem)), "what the served users take when nothing is located"
        if selection_of(problem) is not None:
            nodes = [solved(node, gap=RELAXATION_GAP).node for node in nodes]
            note = "all choices together, bounded by multipliers"
        proofs = tuple(node.proof for node in nodes)
    return least_proven(problem, proofs), note


def least_proven(problem: DesignProblem, proofs: Sequence[Evidence | Listed]) -> float:
    """No transmission with the choices of some proofs has a smaller objective; infinite if none is feasible.

    A proof that is a box alone says that nothing in it can be feasible.

    Raises:
        InvalidInput: something may be feasible in such a box.
    """
    cases, selection = [], selection_of(problem)
    listed = [proof for proof in proofs if isinstance(proof, Listed)]
    listing = None if not listed or selection is None else listing_of(problem, all_sets(len(selection.names)))
    if listed and listing is None:
        raise InvalidInput("Sets can be listed only where all information comes over one transmit direction.")
    known = min([np.inf, *(listing.proven(proof) for proof in listed if listing is not None)])
    for proof in proofs:
        if isinstance(proof, Listed):
            continue
        assert proof.chosen is not None
        if proof.prices.size:
            cases.append((statement_of(problem, proof.chosen), proof))
        elif not isinstance(why_empty(problem, proof.chosen), CrbeamError):
            raise InvalidInput(f"A box of choices in which something may be feasible needs evidence: {proof.chosen}.")
    bounds = [max(float(certificate(*case)), 0.0) for case in cases]
    for place in np.argsort(bounds):
        if shortage(*cases[place]) <= 1.0 + ROUNDING:
            return min(bounds[place], known)
    return known
