"""Roles in which something may be feasible at all, and whether proofs cover every choice in them."""

from collections.abc import Mapping, Sequence
from math import prod

from crbeam.design.convex.evidence import Chosen, Evidence
from crbeam.design.convex.program import Program, program_of
from crbeam.design.convex.statement import statement_of
from crbeam.design.network.choices import receiver_choice, roles_of, served_users
from crbeam.design.problem import DesignProblem
from crbeam.errors import Infeasible, Unidentifiable


def possible_programs(problem: DesignProblem, roles: Sequence[Chosen]) -> list[Program]:
    """Programs of the roles in which each user is reached by a block that may serve it, and bounds are determined.

    In all others no transmission meets the requirements, which needs no further proof.
    """
    found = [_program(problem, role) for role in roles if all(role.servers.values())]
    return [each for each in found if isinstance(each, Program)]


def require_programs(problem: DesignProblem, roles: Sequence[Chosen]) -> list[Program]:
    """The same, if there are any, or no role is given.

    Raises:
        Infeasible: in each role some user is reached by no block that may serve it.
        Unidentifiable: no transmission of the other roles determines what a bound is of.
    """
    served = [role for role in roles if all(role.servers.values())]
    if roles and not served:
        raise _unreached(problem, roles)
    attempts = [_program(problem, role) for role in served]
    found = [each for each in attempts if isinstance(each, Program)]
    for each in attempts:
        if not found and isinstance(each, Unidentifiable):
            raise _explained(each, problem)
    return found


def _program(problem: DesignProblem, role: Chosen) -> Program | Unidentifiable:
    try:
        return program_of(statement_of(problem, role))
    except Unidentifiable as error:
        return error


def _unreached(problem: DesignProblem, roles: Sequence[Chosen]) -> Infeasible:
    """The user whom no station reaches; else a user for each set of stations that may listen."""
    missing = [[user for user in served_users(problem) if not role.servers[user.user]] for role in roles]
    never = [user for user in missing[0] if not any(user.is_reached_by(block) for block in user.channels)]
    first = (never or missing[0])[0]
    name = f"{first.quantity} of {first.user}"
    if never:
        found = f"none at all reaches {first.user}. Unblock its channel, move it, or do not serve it"
    else:
        cases = [
            f"none reaches {users[0].user} with {_listening(problem, each)}"
            for users, each in zip(missing, roles, strict=True)
        ]
        found = f"{', '.join(cases)}. Let another station listen, or give these users a channel to a second station"
    return Infeasible(
        f"Every user must be reached by a station that transmits and may serve it, but {found}.", requirement=name
    )


def _listening(problem: DesignProblem, role: Chosen) -> str:
    choice = receiver_choice(problem)
    if choice is None:
        return f"{', '.join(problem.blocks)} transmitting"
    return f"{', '.join(choice.options[role.receiver].silent_blocks)} silent"


def _explained(error: Unidentifiable, problem: DesignProblem) -> Unidentifiable:
    """The error, with the likely cause where there are several targets."""
    requested = {name for criterion in problem.criteria for name in criterion.map.layout.names}
    if sum(name.startswith("target_position[") for name in requested) < 2:
        return error
    remedy = (
        "The likely cause is that two targets are too near to one another, as the stations see them, for their echoes "
        "to be told apart: place them further apart."
    )
    return Unidentifiable(error.names, direction=error.direction, remedy=remedy)


def covers(problem: DesignProblem, proofs: Sequence[Evidence]) -> bool:
    """Whether proofs cover every choice that a problem allows, no choice twice.

    Roles in which nothing is feasible whatever is sent (see `possible_programs`) need no proof. A proof in which fewer
    criteria count holds all the more.

    Sets of choices are boxes. Boxes inside the whole that do not meet, and whose sizes add up to that of the whole,
    cover it.
    """
    return all(
        _are_covered(role, proofs) or not possible_programs(problem, (role,))
        for role in roles_of(problem)
        if all(role.servers.values())
    )


def _are_covered(role: Chosen, proofs: Sequence[Evidence]) -> bool:
    """Whether all choices in a role are."""
    found = [each.chosen for each in proofs if each.chosen is not None and each.chosen.receiver == role.receiver]
    boxes = [each.servers for each in found]
    inside = all(
        each.silent == role.silent
        and set(each.criteria) <= set(role.criteria)
        and each.servers.keys() == role.servers.keys()
        and all(set(allowed) <= set(role.servers[user]) for user, allowed in each.servers.items())
        for each in found
    )
    apart = inside and all(_are_apart(first, other) for place, first in enumerate(boxes) for other in boxes[:place])
    return apart and sum(map(_size, boxes)) == _size(role.servers)


def _are_apart(first: Mapping[str, tuple[str, ...]], other: Mapping[str, tuple[str, ...]]) -> bool:
    return any(not set(allowed) & set(other[user]) for user, allowed in first.items())


def _size(servers: Mapping[str, tuple[str, ...]]) -> int:
    return prod(len(allowed) for allowed in servers.values())
