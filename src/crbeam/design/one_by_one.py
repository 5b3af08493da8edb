"""Methods that design one problem after the other."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from crbeam.design.method import DesignMethod
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.errors import CrbeamError
from crbeam.information import Transmission


class OneByOne(DesignMethod):
    """A method that designs one problem after the other, and has no use for starts."""

    @abstractmethod
    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:
        """Transmission for one problem.

        Raises:
            CrbeamError: there is none, or it was not found.
        """

    def propose_many(
        self,
        problems: Sequence[DesignProblem],
        *,
        starts: Sequence[Transmission | None],  # noqa: ARG002
        seeds: Sequence[np.random.SeedSequence],
    ) -> list[Proposal | CrbeamError]:
        """Designs in the order of the problems, with the error in place of each that has none."""
        found: list[Proposal | CrbeamError] = []
        for problem, seed in zip(problems, seeds, strict=True):
            try:
                found.append(self.design(problem, seed))
            except CrbeamError as error:
                found.append(error)
        return found
