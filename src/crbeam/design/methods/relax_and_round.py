"""Relaxation of who serves whom, rounded."""

from dataclasses import dataclass

import numpy as np

from crbeam.design.choices import Selection
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.search.boxes import is_associated, roles_of
from crbeam.design.search.branch_and_bound import Found, bounded, relaxed, require_feasible, solved
from crbeam.design.search.grading import RELAXATION_GAP
from crbeam.design.search.method import ChoiceMethod, proposal_of
from crbeam.design.search.shortage import strongest


@dataclass(frozen=True)
class RelaxAndRound(ChoiceMethod):
    """For each station that may listen: relax who serves whom, round to the largest contribution, solve again.

    The best of the rounded transmissions is taken; the relaxations bound the gap.

    Reference: xu2023 eq. (8).
    """

    key = "relax-and-round"
    summary = "least power or error of a network after rounding the relaxed association, for every receiver"
    keeps = ChoiceMethod.keeps - {Selection}
    is_global = False

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """Two programs for each role."""
        best: Found | None = None
        programs, relaxations = 0, relaxed(problem, roles_of(problem), gap=RELAXATION_GAP)
        for each in relaxations:
            found, programs = each.found, programs + 1
            node = each.node
            if is_associated(problem) and np.isfinite(node.lower_bound) and node.shares is not None and node.program:
                trial = bounded(node.program.served_by(strongest(node.shares)))
                found, programs = solved(trial, gap=RELAXATION_GAP).found, programs + 1
            if found is not None and (best is None or found.objective < best.objective):
                best = found
        nodes = tuple(each.node for each in relaxations)
        found = require_feasible(problem, best, nodes)
        return proposal_of(found, tuple(node.proof for node in nodes), programs=programs)
