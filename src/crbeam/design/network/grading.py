"""Checking transmissions of a network, and proving how small the objective of any could be."""

from collections.abc import Mapping

import numpy as np

from crbeam.design.network.certificate import proven_bound
from crbeam.design.network.choices import Role, bound_of, is_associated, roles_of, unproven_constraint
from crbeam.design.network.cover import covers
from crbeam.design.network.leaf import Leaf
from crbeam.design.network.search import starting_nodes
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.errors import InvalidInput
from crbeam.information import Transmission
from crbeam.units import distinct

#: Relative excess of a bound over its limit that counts as rounding.
LIMIT_TOLERANCE = 1e-9


def objective_of(role: Role, covariances: Transmission) -> float:
    """Power in watt, or the sum of the bounds that a role minimises."""
    if role.has_objective:
        return sum(bound_of(bound, covariances) for bound in role.bounds if bound.limit is None)
    return covariances.power_w


def _misses(role: Role, covariances: Transmission) -> tuple[float, float]:
    """Largest limited bound over its limit, and the sum of the minimised ones."""
    limited = [bound_of(each, covariances) / each.limit for each in role.bounds if each.limit is not None]
    minimised = [bound_of(each, covariances) for each in role.bounds if each.limit is None]
    worst = max(limited, default=0.0)
    return (worst if worst > 1.0 + LIMIT_TOLERANCE else 0.0, sum(minimised) if minimised else worst)


def role_of(problem: DesignProblem, covariances: Transmission) -> Role:
    """The role that a transmission plays: of the stations that are silent and may listen, those that hear best."""
    roles = roles_of(problem)
    powers_w = covariances.powers_w
    silent = tuple(role for role in roles if all(powers_w[block] == 0.0 for block in role.silent))
    return min(silent or roles, key=lambda role: _misses(role, covariances))


def serving_blocks(
    problem: DesignProblem, stream_covariances: Mapping[str, Transmission], *, share: float = 0.0
) -> dict[str, tuple[str, ...]]:
    """Blocks that send to each served user, with more than a share of what all of them send to it."""
    found = {}
    for stream in problem.streams:
        if stream.served_user is not None:
            sent = stream_covariances[stream.name]
            found[stream.served_user] = tuple(
                block for block, power_w in sent.powers_w.items() if power_w > share * sent.power_w
            )
    return found


def broken_choice(
    problem: DesignProblem, covariances: Transmission, stream_covariances: Mapping[str, Transmission]
) -> str | None:
    """What a transmission must be and is not, of limits on bounds, who listens and who serves whom; None if it is."""
    role = role_of(problem, covariances)
    if any(np.any(covariances[block]) for block in role.silent):
        return "a transmission with silent stations that listen"
    for each in role.bounds:
        bound = bound_of(each, covariances)
        if bound > (np.inf if each.limit is None else each.limit * (1.0 + LIMIT_TOLERANCE)):
            return "a bound of {} of at most {}, not {}".format(
                each.criterion.name, *distinct(each.limit or 0.0, bound)
            )
    if is_associated(problem):
        for user, blocks in serving_blocks(problem, stream_covariances).items():
            if len(blocks) > 1:
                return f"one block that serves {user}, not {', '.join(blocks)}"
    return None


def proven_lower_bound(problem: DesignProblem, proposal: Proposal) -> tuple[float, str]:
    """Lower bound on the objective of every transmission of a problem, and what it rests on.

    Taken from the leaves of a proposal if they cover every choice, else from what the users take alone.

    Raises:
        InvalidInput: constraints are such that these proofs do not hold.
    """
    reason = unproven_constraint(problem)
    if reason is not None:
        raise InvalidInput(f"A lower bound over choices needs {reason}")
    if proposal.cover and covers(problem, proposal.cover):
        leaves, note = proposal.cover, f"{len(proposal.cover)} sets of choices, each bounded by multipliers"
    else:
        nodes = starting_nodes(problem, roles_of(problem))
        leaves, note = tuple(node.leaf for node in nodes), "what the served users take when nothing is located"
    return min(_leaf_bound(problem, leaf) for leaf in leaves), note


def _leaf_bound(problem: DesignProblem, leaf: Leaf) -> float:
    role = next(role for role in roles_of(problem) if role.receiver == leaf.receiver)
    return proven_bound(problem, role, leaf.servers, leaf.evidence).objective
