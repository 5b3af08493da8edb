"""One station transmits, another listens."""

from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.network.choices import Role, receiver_choice, roles_of
from crbeam.design.network.cover import require_programs
from crbeam.design.network.method import RELAXATION_GAP, NetworkMethod, relaxation_leaves
from crbeam.design.network.search import bounded, require_feasible, solved
from crbeam.design.network.transmission import proposal_of
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal


@dataclass(frozen=True)
class OneTransmitter(NetworkMethod):
    """Least power of a bistatic pair: one station sends everything, another listens, all others are silent.

    Attributes:
        transmitter: name of the block that transmits; by default that of the station nearest to the target, of
            those that can transmit while another listens.
        receiver: name of the set of stations that listens; by default the nearest of the others.

    Reference: xu2023 section IV, Scheme 3.
    """

    key = "one-transmitter"
    summary = "least power or error of a network when one station transmits and another listens (scheme 3)"
    is_global = False

    transmitter: str = ""
    receiver: str = ""

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """One program, and the relaxations for the gap."""
        transmitter = self.transmitter or _nearest(problem)
        self.require_option("transmitter", transmitter in problem.blocks, f"one of {', '.join(problem.blocks)}")
        able = [role for role in roles_of(problem) if transmitter in role.blocks]
        role = next((each for each in able if self.receiver in ("", each.receiver)), None)
        self.require_option("receiver", role is not None, f"one of {', '.join(each.receiver for each in able)}")
        assert role is not None
        (program,) = require_programs(problem, (_alone(role, transmitter),))
        each = solved(bounded(program, program.role.servers), gap=RELAXATION_GAP)
        found = require_feasible(problem, each.found, (each.node,))
        leaves = relaxation_leaves(problem)
        return proposal_of(problem, found, leaves, programs=1 + len(leaves))


def _nearest(problem: DesignProblem) -> str:
    """The first station that some role lets transmit, in the order of those that may listen."""
    choice = receiver_choice(problem)
    listed = [] if choice is None else [block for each in choice.options.values() for block in each.silent_blocks]
    able = {block for role in roles_of(problem) for block in role.blocks}
    return next(block for block in (*listed, *problem.blocks) if block in able)


def _alone(role: Role, transmitter: str) -> Role:
    """A role in which one block transmits."""
    bounds = tuple(
        replace(bound, criterion=replace(bound.criterion, map=bound.criterion.map.select_blocks([transmitter])))
        for bound in role.bounds
    )
    servers = tuple((transmitter,) if transmitter in allowed else () for allowed in role.servers)
    return replace(role, blocks=(transmitter,), bounds=bounds, servers=servers)
