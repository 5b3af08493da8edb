"""Tied blocks as one block: the equivalent problem without ties, and back.

Blocks whose covariances are equal see one covariance X. A budget that n of them share leaves each at most its n-th
part, so the power of X is the least of these over the budgets.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Complex

from crbeam.design.constraints import Codebook, ConstantModulus, Constraint, PowerBudget, TiedBlocks
from crbeam.design.problem import DesignProblem
from crbeam.information import InformationMap


def merged_problem(problem: DesignProblem) -> DesignProblem:
    """The problem in which the blocks of each tie are one, named as the first of them; itself without ties."""
    if not problem.ties:
        return problem
    names = _new_names(problem)
    streams = tuple(
        replace(stream, blocks=tuple(dict.fromkeys(names[block] for block in stream.blocks)))
        for stream in problem.streams
    )
    kept = [part for part in problem.constraints if _stays(part, names)]
    return replace(
        problem,
        criteria=tuple(replace(criterion, map=_renamed(criterion.map, names)) for criterion in problem.criteria),
        constraints=(*kept, *(_shared_budget(problem, tie) for tie in problem.ties)),
        streams=streams,
        guides=tuple(merged_stack(problem, guide) for guide in problem.guides),
    )


def without_ties(problem: DesignProblem) -> DesignProblem:
    """The problem in which every block has a covariance of its own; no design of it is worse than the best tied one."""
    return replace(problem, constraints=tuple(part for part in problem.constraints if not isinstance(part, TiedBlocks)))


def merged_stack(
    problem: DesignProblem, covariances: Complex[np.ndarray, "block tx tx"]
) -> Complex[np.ndarray, "merged_block tx tx"]:
    """Covariances of the merged problem from those of a problem, of whose tied blocks the first in order counts."""
    if not problem.ties:
        return covariances
    _, firsts = np.unique(_merged_places(problem), return_index=True)
    return covariances[firsts]


def expanded_stack(
    problem: DesignProblem, covariances: Complex[np.ndarray, "merged_block tx tx"]
) -> Complex[np.ndarray, "block tx tx"]:
    """Covariances of a problem from those of its merged problem."""
    return covariances[_merged_places(problem)] if problem.ties else covariances


def expanded_factors(problem: DesignProblem, factors: tuple[np.ndarray, ...] | None) -> tuple[np.ndarray, ...] | None:
    """Beamformers of every block of a problem from those of its merged problem."""
    if factors is None or not problem.ties:
        return factors
    return tuple(factors[place] for place in _merged_places(problem))


def _new_names(problem: DesignProblem) -> dict[str, str]:
    """Name in the merged problem of every block."""
    tied = {block: tie.blocks[0] for tie in problem.ties for block in tie.blocks}
    return {block: tied.get(block, block) for block in problem.blocks}


def _merged_places(problem: DesignProblem) -> list[int]:
    """For each block of a problem its place in the merged problem."""
    names = _new_names(problem)
    order = list(dict.fromkeys(names.values()))
    return [order.index(name) for name in names.values()]


def _renamed(information: InformationMap, names: dict[str, str]) -> InformationMap:
    return information.renamed_blocks({block: names[block] for block in information.blocks})


def _stays(part: Constraint, names: dict[str, str]) -> bool:
    """Whether a constraint holds unchanged in the merged problem."""
    tied = [old for old, new in names.items() if list(names.values()).count(new) > 1]
    match part:
        case TiedBlocks():
            return False
        case PowerBudget():
            return part.blocks[0] not in tied
        case Codebook() | ConstantModulus():
            return names[part.block] == part.block
        case _:
            return True


def _shared_budget(problem: DesignProblem, tie: TiedBlocks) -> PowerBudget:
    """The power that every one of the tied blocks can have."""
    parts = [
        budget.power_per_subcarrier_w / len(budget.blocks)
        for budget in problem.budgets
        if set(budget.blocks) <= set(tie.blocks)
    ]
    return PowerBudget((tie.blocks[0],), min(parts))
