"""Checking transmissions of a network, and proving how little power any could take."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Complex

from crbeam.design.network.certificate import power_lower_bound
from crbeam.design.network.choices import Role, covers, is_associated, one_receiver, roles_of
from crbeam.design.network.leaf import Leaf
from crbeam.design.network.search import starting_nodes
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.errors import Unidentifiable

#: Relative excess of a bound over its limit that counts as rounding.
LIMIT_TOLERANCE = 1e-9

Stack = Complex[np.ndarray, "block tx tx"]


def bound_of(role: Role, problem: DesignProblem, covariances: Stack) -> float:
    """Weighted bound of what the listening station of a role hears; infinite if it is not determined."""
    if role.criterion is None:
        return 0.0
    information = role.criterion.map.at(problem.covariances_of(role.criterion.map, covariances))
    try:
        bound = information.bound(role.criterion.requested)
    except Unidentifiable:
        return np.inf
    layout = information.layout.select(role.criterion.requested)
    return sum(
        role.criterion.weight_of(name) * float(np.trace(bound[layout[name], layout[name]]))
        for name in role.criterion.requested
    )


def role_of(problem: DesignProblem, covariances: Stack) -> Role:
    """The role that a transmission plays: of the stations that are silent and may listen, the one that hears most."""
    choice = one_receiver(problem)
    roles = roles_of(problem)
    if choice is not None:
        powers_w = dict(zip(problem.blocks, np.trace(covariances, axis1=1, axis2=2).real, strict=True))
        roles = tuple(role for role in roles if powers_w[choice.silent_block[role.receiver]] == 0.0) or roles
    return min(roles, key=lambda role: bound_of(role, problem, covariances) / role.limit)


def serving_blocks(problem: DesignProblem, stream_covariances: Mapping[str, Stack]) -> dict[str, tuple[str, ...]]:
    """Blocks that send to each served user."""
    found = {}
    for stream in problem.streams:
        if stream.served_user is not None:
            powers_w = np.trace(stream_covariances[stream.name], axis1=1, axis2=2).real
            found[stream.served_user] = tuple(
                block for block, power_w in zip(problem.blocks, powers_w, strict=True) if power_w > 0.0
            )
    return found


def broken_choice(problem: DesignProblem, covariances: Stack, stream_covariances: Mapping[str, Stack]) -> str | None:
    """What a transmission must be and is not, of limits on bounds, who listens and who serves whom; None if it is."""
    role = role_of(problem, covariances)
    choice = one_receiver(problem)
    if choice is not None:
        row = problem.blocks.index(choice.silent_block[role.receiver])
        if np.any(covariances[row]):
            return "a transmission with one silent station that listens"
    bound = bound_of(role, problem, covariances)
    if bound > role.limit * (1.0 + LIMIT_TOLERANCE):
        return f"a bound of {role.receiver} of at most {role.limit:.9g}, not {bound:.9g}"
    if is_associated(problem):
        for user, blocks in serving_blocks(problem, stream_covariances).items():
            if len(blocks) > 1:
                return f"one block that serves {user}, not {', '.join(blocks)}"
    return None


def proven_power_w(problem: DesignProblem, proposal: Proposal) -> tuple[float, str]:
    """Lower bound on the power of every transmission of a problem, and what it rests on.

    Taken from the leaves of a proposal if they cover every choice, else from what the users take alone.
    """
    if proposal.cover and covers(problem, proposal.cover):
        leaves, note = proposal.cover, f"{len(proposal.cover)} sets of choices, each bounded by multipliers"
    else:
        nodes = starting_nodes(problem, roles_of(problem))
        leaves, note = tuple(node.leaf for node in nodes), "what the served users take when nothing is located"
    return min(_leaf_bound_w(problem, leaf) for leaf in leaves), note


def _leaf_bound_w(problem: DesignProblem, leaf: Leaf) -> float:
    role = next(role for role in roles_of(problem) if role.receiver == leaf.receiver)
    return power_lower_bound(problem, role, leaf.servers, leaf.evidence).power_w
