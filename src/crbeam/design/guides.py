"""Guides: the transmissions that are best for one criterion alone, between which mismatch schemes compromise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex

from crbeam.design.constraints import Codebook, PowerBudget
from crbeam.design.engine import solve_reduced_many
from crbeam.design.engine.reduction import reduce_problems
from crbeam.design.problem import DesignProblem
from crbeam.errors import CrbeamError

#: Certified gap of a guide. A covariance is known to the root of the gap, so this is far below that of a design.
GUIDE_TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False)
class Guide:
    """What one criterion would have the transmitter send.

    Attributes:
        share: of the criterion in the sum of all criteria's weights.
        covariances: best transmission for this criterion, watt per subcarrier summed over slots.
    """

    share: float
    covariances: Complex[np.ndarray, "block tx tx"]


def guides_of(problems: Sequence[DesignProblem]) -> list[tuple[Guide, ...] | CrbeamError]:
    """Guides of the criteria with a positive weight of each problem, or the error of one that has none.

    Guides that a problem carries are taken; others are the global optima of the weighted bound of their criterion,
    within budgets and codebooks but without regard to constant moduli. Problems that share their maps share guides.

    Reference: zhang2025 sections IV and V (the beamformers and covariances at weights 1 and 0).
    """
    wanted: dict[tuple, DesignProblem] = {}
    for problem in problems:
        if not problem.guides:
            wanted.update((_key(problem, place), _alone(problem, place)) for place in _active(problem))
    reduced = dict(zip(wanted, reduce_problems(list(wanted.values())), strict=True))
    able = {key: item for key, item in reduced.items() if not isinstance(item, CrbeamError)}
    solved = solve_reduced_many(list(able.values()), tolerance=GUIDE_TOLERANCE)
    optima = {key: result.covariances for key, result in zip(able, solved, strict=True)}
    errors = {key: item for key, item in reduced.items() if isinstance(item, CrbeamError)}
    return [_collected(problem, optima, errors) for problem in problems]


def _active(problem: DesignProblem) -> list[int]:
    return [place for place, criterion in enumerate(problem.criteria) if criterion.requested]


def _alone(problem: DesignProblem, place: int) -> DesignProblem:
    weights = [float(place == other) for other in range(len(problem.criteria))]
    return problem.with_criterion_weights(*weights)


def _key(problem: DesignProblem, place: int) -> tuple:
    """Equal for problems whose guide of a criterion is the same; maps and codebooks count by identity."""
    maps = tuple(id(criterion.map) for criterion in problem.criteria)
    limits = tuple(part if isinstance(part, PowerBudget) else id(part) for part in _kept_constraints(problem))
    return maps, tuple(problem.criteria[place].weights.items()), place, limits


def _kept_constraints(problem: DesignProblem) -> list[PowerBudget | Codebook]:
    return [part for part in problem.constraints if isinstance(part, PowerBudget | Codebook)]


def _collected(
    problem: DesignProblem, optima: dict[tuple, np.ndarray], errors: dict[tuple, CrbeamError]
) -> tuple[Guide, ...] | CrbeamError:
    total = sum(criterion.weight for criterion in problem.active_criteria)
    guides = []
    for place in _active(problem):
        key = _key(problem, place)
        if not problem.guides and key in errors:
            return errors[key]
        covariances = problem.guides[place] if problem.guides else optima[key]
        guides.append(Guide(problem.criteria[place].weight / total, covariances))
    return tuple(guides)
