"""What a design method is: hyper-parameters and a way to propose transmissions.

A method never grades itself: `solve` and `solve_many` recompute objective, lower bound and status of every proposal
from the problem. To add a method, write a frozen dataclass with `key`, `summary` and `propose_many`, or derive it from
`OneByOne` and write `design` for one problem; nothing has to be registered to use it from Python.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import ClassVar

import numpy as np

from crbeam.design.constraints import PowerBudget
from crbeam.design.problem import DesignProblem, Tail
from crbeam.design.result import Design, Proposal
from crbeam.errors import CrbeamError, InvalidInput
from crbeam.information import Transmission

#: Largest gap that may be asked for: beyond it a design is no optimum in any useful sense.
LARGEST_TOLERANCE = 1e-2


class DesignMethod(ABC):
    """A way to choose the transmission.

    Attributes:
        key: name on the command line.
        summary: one line on what it does.
        uses: constraint types, beside power budgets, that its problems must carry.
        keeps: further constraint types that it can keep if a problem carries them.
        takes_any_objective: whether its problems may judge by a `Tail` or put a price on power.
        is_global: False if it does not look for the global optimum of the problem's objective, but for a local one, or
            of something else, or for nothing at all; the lower bound is then taken from the optimum of the problem
            (without constant moduli) instead of from the proposal.
        is_bounded_without_ties: True if the lower bound of tied blocks is that of blocks with covariances of their own.
        judge: what observations its problems judge a design by; a system says which of these it offers. `links` (each
            link alone, weighted), `fused` (all links together, as one receiver that has the observations of all),
            `posterior` (both stages of a sequence), or one link or stage alone, by its name.
    """

    key: ClassVar[str]
    summary: ClassVar[str]
    uses: ClassVar[frozenset[type]] = frozenset()
    keeps: ClassVar[frozenset[type]] = frozenset()
    takes_any_objective: ClassVar[bool] = False
    is_global: ClassVar[bool] = True
    is_bounded_without_ties: ClassVar[bool] = False
    judge: ClassVar[str] = "links"

    @property
    def judged_by(self) -> str:
        """`judge`, unless it depends on hyper-parameters."""
        return self.judge

    @property
    def name(self) -> str:
        """The key with the hyper-parameters that differ from their defaults: `fdb-wbf:root=procrustes`."""
        parts = fields(self) if is_dataclass(self) else ()
        plain = [part for part in parts if isinstance(part.default, int | float | str)]
        chosen = [(part.name, getattr(self, part.name)) for part in plain if getattr(self, part.name) != part.default]
        settings = [f"{option}={value}" for option, value in chosen]
        return f"{self.key}:{','.join(settings)}" if settings else self.key

    def require_option(self, option: str, holds: bool, wanted: str) -> None:
        """Refuse a value of a hyper-parameter, saying what is wanted.

        Raises:
            InvalidInput: it does not hold.
        """
        if not holds:
            found = getattr(self, option)
            raise InvalidInput(f"Option {option} of {self.key} must be {wanted}, found {found}.")

    @abstractmethod
    def propose_many(
        self,
        problems: Sequence[DesignProblem],
        *,
        starts: Sequence[Transmission | None],
        seeds: Sequence[np.random.SeedSequence],
    ) -> list[Proposal | CrbeamError]:
        """Transmissions for independent problems, in their order; a failure stands in place of its item only.

        Args:
            problems: each has passed `why_not`.
            starts: transmissions to start from, or None, for each problem.
            seeds: a stream of its own for each problem.
        """

    def propose(
        self, problem: DesignProblem, *, start: Transmission | None, seed: np.random.SeedSequence
    ) -> Proposal | CrbeamError:
        """Transmission for one problem; a method may have a leaner way for this than a batch of one."""
        return self.propose_many([problem], starts=[start], seeds=[seed])[0]

    def why_not(self, problem: DesignProblem) -> str | None:
        """Why this method does not apply to a problem, in one sentence; None if it does."""
        carried = {type(constraint) for constraint in problem.constraints} - {PowerBudget}
        missing = sorted(kind.__name__ for kind in self.uses - carried)
        if missing:
            return f"{self.key} needs a problem with a {' and a '.join(missing)} constraint."
        extra = sorted(kind.__name__ for kind in carried - self.uses - self.keeps)
        if extra:
            asked = " (`stations.NAME.power_per_antenna`)" if "AntennaPower" in extra else ""
            return f"{self.key} cannot keep the {' and the '.join(extra)} constraint of this problem{asked}."
        if not self.takes_any_objective and (isinstance(problem.objective, Tail) or problem.power_price):
            return f"{self.key} minimises neither a tail of bounds nor bounds with a price on power."
        return None

    def solve(
        self, problem: DesignProblem, *, start: Transmission | None = None, seed: np.random.SeedSequence | None = None
    ) -> Design:
        """Design for one problem.

        Raises:
            CrbeamError: the method does not apply, or found no transmission.
        """
        from crbeam.design.grading import solve_one

        return solve_one(self, problem, start=start, seed=seed)

    def solve_many(
        self,
        problems: Sequence[DesignProblem],
        *,
        starts: Sequence[Transmission | None] | None = None,
        seeds: Sequence[np.random.SeedSequence] | None = None,
    ) -> list[Design | CrbeamError]:
        """Designs for independent problems, in their order, with an error in place of each that failed."""
        from crbeam.design.grading import solve_batch

        return solve_batch(self, problems, starts=starts, seeds=seeds)


@dataclass(frozen=True)
class CertifiedMethod(DesignMethod):
    """A method that looks for the global optimum until its certified gap is small enough.

    Attributes:
        tolerance: certified relative gap up to which a design counts as optimal, at most `LARGEST_TOLERANCE`.
    """

    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        holds = 0.0 < self.tolerance <= LARGEST_TOLERANCE
        self.require_option("tolerance", holds, f"greater than 0 and at most {LARGEST_TOLERANCE:g}")


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
