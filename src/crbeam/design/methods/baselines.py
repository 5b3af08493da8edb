"""Baselines without any search: the same power in every direction, one matched beam for each object."""

from dataclasses import dataclass

import numpy as np

from crbeam.design.constraints import AntennaPower, GroupPower
from crbeam.design.method import OneByOne
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.information import Transmission


@dataclass(frozen=True)
class Uniform(OneByOne):
    """The identity in every block, at full power, or as much of it as antennas and groups may send."""

    key = "uniform"
    summary = "isotropic transmission (baseline)"
    keeps = frozenset({AntennaPower, GroupPower})
    is_global = False

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """The isotropic transmission."""
        return Proposal(problem.isotropic())


@dataclass(frozen=True)
class Steered(OneByOne):
    """Equal power on a beam towards the user and each target, `R = P/(K+1) sum_k a_k a_k^H / |a_k|^2`."""

    key = "steered"
    summary = "equal power on one beam towards each object (baseline)"
    is_global = False

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs to know where the objects are."""
        if not set(problem.blocks) <= set(problem.directions):
            return f"{self.key} needs a problem with `directions` of every block, the responses towards the objects."
        return super().why_not(problem)

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """The matched beams at full power, equally in all blocks of a budget."""
        factors = []
        for block, power_w in problem.isotropic().powers_w.items():
            beams = problem.directions[block] / np.linalg.norm(problem.directions[block], axis=0)
            factors.append(beams * np.sqrt(power_w / beams.shape[1]))
        return Proposal(Transmission.of_factors(problem.blocks, factors))
