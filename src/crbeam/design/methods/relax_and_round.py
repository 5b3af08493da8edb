"""Relaxation of who serves whom, rounded."""

from dataclasses import dataclass

import numpy as np

from crbeam.design.network.choices import is_associated, roles_of
from crbeam.design.network.method import RELAXATION_GAP, NetworkMethod, proposal_of
from crbeam.design.network.search import Found, bounded, relaxed, require_feasible, solved
from crbeam.design.network.shortage import strongest
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal


@dataclass(frozen=True)
class RelaxAndRound(NetworkMethod):
    """For each station that may listen: relax who serves whom, round to the largest contribution, solve again.

    The best of the rounded transmissions is taken; the relaxations bound the gap.

    Reference: xu2023 eq. (8).
    """

    key = "relax-and-round"
    summary = "least power or error of a network after rounding the relaxed association, for every receiver"
    is_global = False

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """Two programs for each role."""
        best: Found | None = None
        programs, relaxations = 0, relaxed(problem, roles_of(problem), gap=RELAXATION_GAP)
        for each in relaxations:
            found, programs = each.found, programs + 1
            if is_associated(problem) and np.isfinite(each.node.lower_bound) and each.node.shares is not None:
                trial = bounded(each.node.program.served_by(strongest(each.node.shares)))
                found, programs = solved(trial, gap=RELAXATION_GAP).found, programs + 1
            if found is not None and (best is None or found.objective < best.objective):
                best = found
        nodes = tuple(each.node for each in relaxations)
        found = require_feasible(problem, best, nodes)
        return proposal_of(found, tuple(node.evidence for node in nodes), programs=programs)
