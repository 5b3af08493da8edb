"""Checking transmissions of a network, and proving how small the objective of any could be."""

from collections.abc import Mapping, Sequence

import numpy as np

from crbeam.design.convex.certificate import certificate, shortage
from crbeam.design.convex.evidence import Chosen, Evidence
from crbeam.design.convex.statement import is_limited, statement_of
from crbeam.design.network.choices import bound_of, is_associated, roles_of, unproven_constraint
from crbeam.design.network.cover import covers
from crbeam.design.network.search import starting_nodes
from crbeam.design.network.shortage import ROUNDING
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.errors import InvalidInput
from crbeam.information import Transmission
from crbeam.units import distinct

#: Relative excess of a bound over its limit that counts as rounding.
LIMIT_TOLERANCE = 1e-9


def objective_of(problem: DesignProblem, role: Chosen, covariances: Transmission) -> float:
    """Power in watt, or the sum of the bounds that a role minimises."""
    minimised = [bound for _, bound, limit in _bounds(problem, role, covariances) if limit is None]
    return sum(minimised) if minimised else covariances.power_w


def _bounds(problem: DesignProblem, role: Chosen, covariances: Transmission) -> list[tuple[str, float, float | None]]:
    """Name, bound and limit of each criterion that counts in a role; no limit where the bound is minimised."""
    statement = statement_of(problem, role)
    return [
        (
            term.criterion.name,
            bound_of(term.criterion, covariances),
            problem.bound_limits[term.criterion.name] if is_limited(statement, number) else None,
        )
        for number, term in enumerate(statement.terms)
    ]


def _misses(problem: DesignProblem, role: Chosen, covariances: Transmission) -> tuple[float, float]:
    """Largest limited bound over its limit, and the sum of the minimised ones."""
    bounds = _bounds(problem, role, covariances)
    worst = max((bound / limit for _, bound, limit in bounds if limit is not None), default=0.0)
    minimised = [bound for _, bound, limit in bounds if limit is None]
    return (worst if worst > 1.0 + LIMIT_TOLERANCE else 0.0, sum(minimised) if minimised else worst)


def role_of(problem: DesignProblem, covariances: Transmission) -> Chosen:
    """The role that a transmission plays: of the stations that are silent and may listen, those that hear best."""
    roles = roles_of(problem)
    powers_w = covariances.powers_w
    silent = tuple(role for role in roles if all(powers_w[block] == 0.0 for block in role.silent)) or roles
    return silent[0] if len(silent) == 1 else min(silent, key=lambda role: _misses(problem, role, covariances))


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
    bounds = _bounds(problem, role, covariances) if problem.bound_limits else []
    for name, bound, limit in bounds:
        if limit is not None and bound > limit * (1.0 + LIMIT_TOLERANCE):
            return "a bound of {} of at most {}, not {}".format(name, *distinct(limit, bound))
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
        proofs, note = proposal.cover, f"{len(proposal.cover)} sets of choices, each bounded by multipliers"
    else:
        nodes = starting_nodes(problem, roles_of(problem))
        proofs, note = tuple(node.evidence for node in nodes), "what the served users take when nothing is located"
    return least_proven(problem, proofs), note


def least_proven(problem: DesignProblem, proofs: Sequence[Evidence]) -> float:
    """No transmission with the choices of some proofs has a smaller objective; infinite if none is feasible."""
    cases = [(statement_of(problem, proof.chosen), proof) for proof in proofs]
    bounds = [max(float(certificate(*case)), 0.0) for case in cases]
    for place in np.argsort(bounds):
        if shortage(*cases[place]) <= 1.0 + ROUNDING:
            return bounds[place]
    return np.inf
