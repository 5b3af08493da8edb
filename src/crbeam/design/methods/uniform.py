"""Baseline: the same power in every direction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design.constraints import AntennaPower, GroupPower
from crbeam.design.method import DesignMethod
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.errors import CrbeamError
from crbeam.information import Transmission


@dataclass(frozen=True)
class Uniform(DesignMethod):
    """The identity in every block, at full power, or as much of it as antennas and groups may send."""

    key = "uniform"
    summary = "isotropic transmission (baseline)"
    keeps = frozenset({AntennaPower, GroupPower})
    is_global = False

    def propose_many(
        self,
        problems: Sequence[DesignProblem],
        *,
        starts: Sequence[Transmission | None],  # noqa: ARG002
        seeds: Sequence[np.random.SeedSequence],  # noqa: ARG002
    ) -> list[Proposal | CrbeamError]:
        """The isotropic transmission of each problem."""
        return [Proposal(problem.isotropic()) for problem in problems]
