"""What methods that select receivers share."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Bool

from crbeam.design.one_by_one import OneByOne
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal, SetProof
from crbeam.design.selection.candidates import MAX_LISTED, all_sets
from crbeam.design.selection.choice import selection_of, settled
from crbeam.design.selection.costs import Selection
from crbeam.design.selection.program import selection_program, why_no_selection
from crbeam.design.selection.search import SelectionProblem, SelectionResult, best_selection
from crbeam.design.served.requirements import require_feasible_sinr
from crbeam.design.service_constraints import MinimumSinr
from crbeam.errors import Infeasible

#: Relative gap of selections among candidates, and certified gap of their transmissions.
CANDIDATE_GAP, BEAM_GAP = 1e-6, 1e-7
SELECTION_CONSTRAINTS: frozenset[type] = frozenset({MinimumSinr, Selection})


@dataclass(frozen=True)
class SelectionMethod(OneByOne):
    """A method that looks at some sets of receivers, each with its best transmission, one problem after the other."""

    keeps: ClassVar[frozenset[type]] = SELECTION_CONSTRAINTS
    is_global: ClassVar[bool] = False

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs receivers to choose from, and information over one direction in lines of sight."""
        return why_no_selection(self.key, problem) or super().why_not(problem)

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """Best candidate with its transmission, and the power that all receivers leave, which bounds every set."""
        program = selection_program(problem, tolerance=BEAM_GAP)
        everything = proof_of_all(program)
        result = best_selection(program, self.candidates(program), tolerance=CANDIDATE_GAP)
        return proposal_of(result, (*result.proofs, everything))

    def candidates(self, program: SelectionProblem) -> Bool[np.ndarray, "set receiver"]:
        """Sets that the method looks at."""
        raise NotImplementedError


def why_not_listed(key: str, problem: DesignProblem) -> str | None:
    """Why not every set can be looked at, in a sentence; None if it can."""
    reason, selection = why_no_selection(key, problem), selection_of(problem)
    if reason is None and selection is not None and len(selection.names) > MAX_LISTED:
        return why_unserved(problem) or (
            f"{key} looks at every set of at most {MAX_LISTED} receivers, found {len(selection.names)}; use "
            f"nearest-set, linkage or k-means, or with `multistatic.metric=shared` many-receivers."
        )
    return reason


def why_unserved(problem: DesignProblem) -> str | None:
    """Why no method whatever serves all receivers, in a sentence; None if one may."""
    selection = selection_of(problem)
    try:
        require_feasible_sinr(problem if selection is None else settled(problem, selection.names))
    except Infeasible as error:
        return str(error)
    return None


def exact_selection(problem: DesignProblem, *, tolerance: float) -> Proposal:
    """The best of all sets with its best transmission, up to a relative gap.

    Raises:
        Infeasible: no set keeps the budget, or the rates cannot be met.
    """
    program = selection_program(problem, tolerance=min(BEAM_GAP, 0.1 * tolerance))
    result = best_selection(program, all_sets(len(program.selection.names)), tolerance=0.5 * tolerance)
    return proposal_of(result, result.proofs)


def proof_of_all(program: SelectionProblem) -> SetProof:
    """What limits every set: the power that is left for the target when all receivers sense."""
    names = program.selection.names
    return SetProof(names, program.lit(tuple(range(len(names)))).transmission.evidence)


def proposal_of(result: SelectionResult, proofs: tuple[SetProof, ...]) -> Proposal:
    """A proposal from the result of a search."""
    return replace(
        result.transmission,
        trace=result.trace,
        iterations=result.designs,
        evidence=None,
        details={"candidates": result.candidates, "designs": result.designs},
        selected=result.names,
        sets=proofs,
    )
