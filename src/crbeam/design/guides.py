"""Guides: the transmissions that are best for one criterion alone, between which mismatch schemes compromise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.constraints import Codebook, PowerBudget
from crbeam.design.engine import EngineResult, solve_reduced_many
from crbeam.design.engine.reduction import reduce_problems
from crbeam.design.problem import DesignProblem
from crbeam.errors import CrbeamError, InvalidInput
from crbeam.information import Transmission
from crbeam.linalg import is_hermitian, is_positive_semidefinite

#: Certified gap of a guide. A covariance is known to the root of the gap, so this is far below that of a design.
GUIDE_TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False)
class Guide:
    """What one criterion would have the transmitter send.

    Attributes:
        share: of the criterion in the sum of all criteria's weights.
        covariances: best transmission for this criterion, watt per subcarrier summed over slots.
        gap: its certified relative distance from the optimum; None for a guide that was given.
    """

    share: float
    covariances: Transmission
    gap: float | None = None


def guides_of(problems: Sequence[DesignProblem]) -> list[tuple[Guide, ...] | CrbeamError]:
    """Guides of the criteria with a positive weight of each problem, or the error of one that has none.

    The error of a problem that carries guides is an `InvalidInput` if these are not covariances, or are all zero.
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
    errors = {key: item for key, item in reduced.items() if isinstance(item, CrbeamError)}
    found = errors | dict(zip(able, solved, strict=True))
    return [_given(problem) if problem.guides else _collected(problem, found) for problem in problems]


def _active(problem: DesignProblem) -> list[int]:
    return [place for place, criterion in enumerate(problem.criteria) if criterion.requested]


def _alone(problem: DesignProblem, place: int) -> DesignProblem:
    weights = [float(place == other) for other in range(len(problem.criteria))]
    return problem.with_criterion_weights(*weights)


def _key(problem: DesignProblem, place: int) -> tuple:
    """Equal for problems whose guide of a criterion is the same; maps and codebooks count by identity."""
    maps = tuple(id(criterion.map) for criterion in problem.criteria)
    limits = tuple(part if isinstance(part, PowerBudget) else id(part) for part in _kept_constraints(problem))
    criterion = problem.criteria[place]
    return maps, tuple(criterion.weights.items()), tuple(criterion.family_weights.items()), place, limits


def _kept_constraints(problem: DesignProblem) -> list[PowerBudget | Codebook]:
    return [part for part in problem.constraints if isinstance(part, PowerBudget | Codebook)]


def _given(problem: DesignProblem) -> tuple[Guide, ...] | CrbeamError:
    """The guides that a problem carries."""
    if not all(map(_is_covariance, problem.guides)):
        return InvalidInput(
            "Guides must be covariances: finite, Hermitian and positive semidefinite. One of this problem is not."
        )
    guides = [Guide(share, problem.guides[place]) for place, share in _shares(problem).items()]
    if not any(matrix.any() for guide in guides for matrix in guide.covariances.values()):
        return InvalidInput("Guides must be transmissions, but those of this problem are zero; give guides with power.")
    return tuple(guides)


def _is_covariance(guide: Transmission) -> bool:
    return all(
        bool(np.all(np.isfinite(matrix))) and is_hermitian(matrix) and is_positive_semidefinite(matrix)
        for matrix in guide.values()
    )


def _collected(
    problem: DesignProblem, found: dict[tuple, EngineResult | CrbeamError]
) -> tuple[Guide, ...] | CrbeamError:
    guides = []
    for place, share in _shares(problem).items():
        optimum = found[_key(problem, place)]
        if isinstance(optimum, CrbeamError):
            return optimum
        guides.append(Guide(share, optimum.covariances, max(optimum.gap, 0.0)))
    return tuple(guides)


def _shares(problem: DesignProblem) -> dict[int, float]:
    """Share of each criterion with a positive weight in the sum of their weights, by its place."""
    total = sum(criterion.weight for criterion in problem.active_criteria)
    return {place: problem.criteria[place].weight / total for place in _active(problem)}
