"""Guides: the transmissions that are best for one criterion alone, and methods that start from them."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.constraints import Codebook, PowerBudget
from crbeam.design.engine import EngineResult, solve_reduced_many
from crbeam.design.engine.reduction import reduce_problems
from crbeam.design.method import DesignMethod
from crbeam.design.problem import DesignProblem, Hinge
from crbeam.design.result import Proposal
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
            for place in _shares(problem):
                alone = [float(place == other) for other in range(len(problem.criteria))]
                wanted[_key(problem, place)] = problem.with_criterion_weights(*alone)
    reduced = dict(zip(wanted, reduce_problems(list(wanted.values())), strict=True))
    able = {key: item for key, item in reduced.items() if not isinstance(item, CrbeamError)}
    solved = solve_reduced_many(list(able.values()), tolerance=GUIDE_TOLERANCE)
    errors = {key: item for key, item in reduced.items() if isinstance(item, CrbeamError)}
    found = errors | dict(zip(able, solved, strict=True))
    return [_given(problem) if problem.guides else _collected(problem, found) for problem in problems]


def _key(problem: DesignProblem, place: int) -> tuple:
    """Equal for problems whose guide of a criterion is the same; maps and codebooks count by identity."""
    maps = tuple(id(criterion.map) for criterion in problem.criteria)
    kept = [part for part in problem.constraints if isinstance(part, PowerBudget | Codebook)]
    limits = tuple(part if isinstance(part, PowerBudget) else id(part) for part in kept)
    criterion = problem.criteria[place]
    return maps, tuple(criterion.weights.items()), tuple(criterion.family_weights.items()), place, limits


def _given(problem: DesignProblem) -> tuple[Guide, ...] | CrbeamError:
    """The guides that a problem carries."""
    if not all(
        bool(np.all(np.isfinite(matrix))) and is_hermitian(matrix) and is_positive_semidefinite(matrix)
        for guide in problem.guides
        for matrix in guide.values()
    ):
        return InvalidInput(
            "Guides must be covariances: finite, Hermitian and positive semidefinite. One of this problem is not."
        )
    guides = [Guide(share, problem.guides[place]) for place, share in _shares(problem).items()]
    if not any(matrix.any() for guide in guides for matrix in guide.covariances.values()):
        return InvalidInput("Guides must be transmissions, but those of this problem are zero; give guides with power.")
    return tuple(guides)


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
    return {place: each.weight / total for place, each in enumerate(problem.criteria) if each.requested}


@dataclass(frozen=True)
class GuidedMethod(DesignMethod):
    """A method that proposes a transmission for one problem from its guides.

    `details["guide_gap"]` of a design is the largest certified gap of the guides that it rests on; designs from given
    guides, which have none, do not have it.
    """

    is_global = False

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs an objective that weighs bounds, not one that compares them with thresholds."""
        if isinstance(problem.objective, Hinge):
            return f"{self.key} compromises between the least bounds, but this problem asks to meet thresholds."
        return super().why_not(problem)

    @abstractmethod
    def propose_guided(
        self, problem: DesignProblem, guides: Sequence[Guide], start: Transmission | None, seed: np.random.SeedSequence
    ) -> Proposal:
        """Transmission for one problem.

        Args:
            problem: has passed `why_not`.
            guides: of its criteria with a positive weight.
            start: transmission to start from, or None.
            seed: of all that is random.
        """

    def propose_many(
        self,
        problems: Sequence[DesignProblem],
        *,
        starts: Sequence[Transmission | None],
        seeds: Sequence[np.random.SeedSequence],
    ) -> list[Proposal | CrbeamError]:
        """Transmissions for one problem after the other; problems that share their maps share their guides."""
        parts = zip(problems, guides_of(problems), starts, seeds, strict=True)
        return [self._proposal(problem, guides, start, seed) for problem, guides, start, seed in parts]

    def _proposal(
        self,
        problem: DesignProblem,
        guides: tuple[Guide, ...] | CrbeamError,
        start: Transmission | None,
        seed: np.random.SeedSequence,
    ) -> Proposal | CrbeamError:
        if isinstance(guides, CrbeamError):
            return guides
        try:
            proposal = self.propose_guided(problem, guides, start, seed)
        except CrbeamError as error:
            return error
        gaps = [guide.gap for guide in guides if guide.gap is not None]
        return replace(proposal, details={**proposal.details, "guide_gap": max(gaps)}) if gaps else proposal
