"""Methods that start from guides, the transmissions that are best for each criterion alone."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.guides import Guide, guides_of
from crbeam.design.method import DesignMethod
from crbeam.design.problem import DesignProblem, Hinge
from crbeam.design.result import Proposal
from crbeam.errors import CrbeamError
from crbeam.information import Transmission


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
        self,
        problem: DesignProblem,
        guides: Sequence[Guide],
        *,
        start: Transmission | None,
        seed: np.random.SeedSequence,
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
            proposal = self.propose_guided(problem, guides, start=start, seed=seed)
        except CrbeamError as error:
            return error
        gaps = [guide.gap for guide in guides if guide.gap is not None]
        return replace(proposal, details={**proposal.details, "guide_gap": max(gaps)}) if gaps else proposal
