"""One station transmits, another listens."""

from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.choices import Chosen, Selection
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.search.boxes import receiver_choice, require_programs, roles_of
from crbeam.design.search.branch_and_bound import bounded, require_feasible, solved
from crbeam.design.search.grading import RELAXATION_GAP
from crbeam.design.search.method import ChoiceMethod, proposal_of, relaxation_proofs


@dataclass(frozen=True)
class OneTransmitter(ChoiceMethod):
    """Least power of a bistatic pair: one station sends everything, another listens, all others are silent.

    Attributes:
        transmitter: name of the block that transmits; by default that of the station nearest to the target, of
            those that can transmit while another listens.
        receiver: name of the set of stations that listens; by default the nearest of the others.

    Reference: xu2023 section IV, Scheme 3.
    """

    key = "one-transmitter"
    summary = "least power or error of a network when one station transmits and another listens (scheme 3)"
    keeps = ChoiceMethod.keeps - {Selection}
    is_global = False

    transmitter: str = ""
    receiver: str = ""

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """One program, and the relaxations for the gap."""
        transmitter = self.transmitter or _nearest(problem)
        self.require_option("transmitter", transmitter in problem.blocks, f"one of {', '.join(problem.blocks)}")
        able = [role for role in roles_of(problem) if transmitter not in role.silent]
        role = next((each for each in able if self.receiver in ("", each.receiver)), None)
        self.require_option("receiver", role is not None, f"one of {', '.join(each.receiver for each in able)}")
        assert role is not None
        (program,) = require_programs(problem, (_alone(problem, role, transmitter),))
        each = solved(bounded(program), gap=RELAXATION_GAP)
        found = require_feasible(problem, each.found, (each.node,))
        proofs = relaxation_proofs(problem)
        return proposal_of(found, proofs, programs=1 + len(proofs))


def _nearest(problem: DesignProblem) -> str:
    """The first station that some role lets transmit, in the order of those that may listen."""
    choice = receiver_choice(problem)
    listed = [] if choice is None else [block for each in choice.options.values() for block in each.silent_blocks]
    able = {block for role in roles_of(problem) for block in problem.blocks if block not in role.silent}
    return next(block for block in (*listed, *problem.blocks) if block in able)


def _alone(problem: DesignProblem, role: Chosen, transmitter: str) -> Chosen:
    """A role in which one block transmits."""
    others = (block for block in problem.blocks if block not in (transmitter, *role.silent))
    servers = {user: (transmitter,) if transmitter in able else () for user, able in role.servers.items()}
    return replace(role, silent=(*role.silent, *others), servers=servers)
