"""Checking sets of receivers that methods propose, and proving how good any set could be."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from crbeam.design.one_direction import only_direction
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Design, Proposal, SetProof
from crbeam.design.selection.candidates import MAX_LISTED, all_sets
from crbeam.design.selection.choice import selection_of, settled
from crbeam.design.selection.many_receivers import gain_limit
from crbeam.design.selection.program import most_lit, power_problem, proportional_gains, selection_program
from crbeam.design.selection.search import SelectionProblem
from crbeam.design.served.requirements import require_feasible_sinr
from crbeam.errors import Infeasible, SolverFailed

if TYPE_CHECKING:
    from crbeam.design.method import DesignMethod


def with_members(method: "DesignMethod", problem: DesignProblem, proposal: Proposal) -> DesignProblem:
    """The problem in which the receivers sense that a proposal chose; the problem itself if there is no choice.

    Raises:
        SolverFailed: the proposal has no receivers, unknown ones, or costs more than the budget.
    """
    selection = selection_of(problem)
    if selection is None:
        return problem
    row = np.isin(selection.names, proposal.selected)
    is_known = set(proposal.selected) <= set(selection.names)
    if not (is_known and bool(selection.allows(row[None])[0])):
        cost_m = float(selection.costs.of_sets_m(row[None])[0])
        raise SolverFailed(
            f"{method.key} must select receivers within the budget of {selection.budget_m:.9g} m, but selected "
            f"{', '.join(proposal.selected) or 'none'} for {cost_m:.9g} m.",
            status="selection not allowed",
            trace=proposal.trace,
        )
    return settled(problem, proposal.selected)


def with_selection(problem: DesignProblem, proposal: Proposal, design: Design) -> Design:
    """The design with the receivers that were chosen and what they cost, if there was a choice."""
    selection = selection_of(problem)
    if selection is None:
        return design
    row = np.isin(selection.names, proposal.selected)
    members = tuple(name for name, is_in in zip(selection.names, row.tolist(), strict=True) if is_in)
    cost_m = float(selection.costs.of_sets_m(row[None])[0])
    return replace(design, selected=members, details={**design.details, "cost_m": cost_m})


def proven_for_all_sets(problem: DesignProblem, proposal: Proposal) -> tuple[float, str]:
    """Lower bound on the objective of every set within the budget with any transmission, and what it rests on.

    The power that a set leaves for the target is at most that of any set that contains it. Up to `MAX_LISTED` receivers
    every set is looked at; beyond that the best set is bounded by a relaxation, or by all receivers together.
    """
    program = selection_program(problem)
    selection = program.selection
    proofs = [(np.isin(selection.names, proof.members), _limit(problem, proof)) for proof in proposal.sets]
    n_receivers, words = len(selection.names), f"{_transmissions(len(proofs))} the power on the target"
    if n_receivers <= MAX_LISTED:
        sets = all_sets(n_receivers)
        sets = sets[selection.allows(sets)]
        return _least(program, sets, proofs), f"every set within the budget, and {words}"
    everything = np.ones((1, n_receivers), dtype=bool)
    most = min([1.0, *(limit for members, limit in proofs if members.all())])
    together = float(program.at_full_power(everything)[0]) / most if most > 0.0 else np.inf
    gains = proportional_gains(program)
    if gains is None:
        return together, f"all receivers without a budget, and {words}"
    share = gain_limit(selection, gains) / float(gains.sum())
    if share >= 1.0:
        return together, f"all receivers without a budget, and {words}"
    note = "a relaxation in which prices count the nearest partners only and receivers may be taken in part"
    return together / share, f"{note}, and {words}"


def _limit(problem: DesignProblem, proof: SetProof) -> float:
    """Most power on the target, as a share of all, that a set and its subsets leave."""
    direction, chosen = only_direction(problem), settled(problem, proof.members)
    assert direction is not None
    if proof.evidence is not None:
        return most_lit(power_problem(chosen, direction), proof.evidence)
    try:
        require_feasible_sinr(chosen)
    except Infeasible:
        return 0.0
    return 1.0


def _least(
    program: SelectionProblem,
    sets: Bool[np.ndarray, "set receiver"],
    proofs: list[tuple[Bool[np.ndarray, " receiver"], float]],
) -> float:
    limits: Float[np.ndarray, " set"] = np.ones(len(sets))
    for members, limit in proofs:
        contained = ~np.any(sets & ~members, axis=1)
        limits = np.where(contained, np.minimum(limits, limit), limits)
    values = program.at_full_power(sets)
    return float(np.min(np.where(limits > 0.0, values / np.where(limits > 0.0, limits, 1.0), np.inf)))


def _transmissions(number: int) -> str:
    return "one transmission that limits" if number == 1 else f"{number} transmissions that limit"
