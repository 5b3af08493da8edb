"""Tied blocks as one block: the equivalent problem without ties, and back.

Blocks whose covariances are equal see one covariance X. A budget that n of them share leaves each at most its n-th
part, so the power of X is the least of these over the budgets.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from crbeam.design.constraints import Codebook, ConstantModulus, Constraint, PowerBudget, TiedBlocks
from crbeam.design.problem import DesignProblem
from crbeam.information import InformationMap, Transmission
from crbeam.information.transmission import Covariances, require_blocks


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
        directions={block: beams for block, beams in problem.directions.items() if names[block] == block},
        guides=tuple(merged(problem, guide) for guide in problem.guides),
    )


def without_ties(problem: DesignProblem) -> DesignProblem:
    """The problem in which every block has a covariance of its own; no design of it is worse than the best tied one."""
    return replace(problem, constraints=tuple(part for part in problem.constraints if not isinstance(part, TiedBlocks)))


def merged(problem: DesignProblem, covariances: Covariances) -> Transmission:
    """Transmission of the merged problem from that of a problem, of whose tied blocks the first in order counts."""
    require_blocks(problem.antennas, covariances)
    found: dict[str, np.ndarray] = {}
    for block, name in _new_names(problem).items():
        found.setdefault(name, covariances[block])
    return Transmission(found)


def expanded(problem: DesignProblem, covariances: Covariances) -> Transmission:
    """Transmission of a problem from that of its merged problem."""
    return Transmission({block: covariances[name] for block, name in _new_names(problem).items()})


def expanded_factors(
    problem: DesignProblem, factors: Mapping[str, np.ndarray] | None
) -> Mapping[str, np.ndarray] | None:
    """Beamformers of every block of a problem from those of its merged problem."""
    if factors is None:
        return None
    return {block: factors[name] for block, name in _new_names(problem).items()}


def _new_names(problem: DesignProblem) -> dict[str, str]:
    """Name in the merged problem of every block."""
    tied = {block: tie.blocks[0] for tie in problem.ties for block in tie.blocks}
    return {block: tied.get(block, block) for block in problem.blocks}


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
