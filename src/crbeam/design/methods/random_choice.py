"""Receiver and association at random; beams are optimised."""

from dataclasses import dataclass

import numpy as np

from crbeam.design.choices import Selection
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.search.boxes import require_programs, roles_of
from crbeam.design.search.branch_and_bound import bounded, require_feasible, solved
from crbeam.design.search.grading import RELAXATION_GAP
from crbeam.design.search.method import ChoiceMethod, proposal_of, relaxation_proofs


@dataclass(frozen=True)
class RandomChoice(ChoiceMethod):
    """Least power when the seed draws who listens and who serves whom, both uniformly.

    Reference: xu2023 section IV, Scheme 2.
    """

    key = "random-choice"
    summary = "least power or error of a network for a receiver and an association drawn from the seed (scheme 2)"
    keeps = ChoiceMethod.keeps - {Selection}
    is_global = False

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:
        """One program, and the relaxations for the gap."""
        generator = np.random.default_rng(seed)
        roles = roles_of(problem)
        role = roles[int(generator.integers(len(roles)))]
        (program,) = require_programs(problem, (role,))
        servers = {user: (able[int(generator.integers(len(able)))],) for user, able in role.servers.items()}
        each = solved(bounded(program.served_by(servers)), gap=RELAXATION_GAP)
        found = require_feasible(problem, each.found, (each.node,))
        proofs = relaxation_proofs(problem)
        return proposal_of(found, proofs, programs=1 + len(proofs))
