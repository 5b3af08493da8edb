"""Roles in which something may be feasible at all, and whether proofs cover every choice in them."""

from collections.abc import Sequence
from math import prod

from crbeam.design.network.choices import Role, roles_of
from crbeam.design.network.leaf import Leaf
from crbeam.design.network.program import NetworkProgram, network_program
from crbeam.design.problem import DesignProblem
from crbeam.errors import Infeasible, Unidentifiable


def possible_programs(problem: DesignProblem, roles: Sequence[Role]) -> list[NetworkProgram]:
    """Programs of the roles in which each user is reached by a block that may serve it, and bounds are determined.

    In all others no transmission meets the requirements, which needs no further proof.
    """
    found = [_program(problem, role) for role in roles if all(role.servers)]
    return [each for each in found if isinstance(each, NetworkProgram)]


def require_programs(problem: DesignProblem, roles: Sequence[Role]) -> list[NetworkProgram]:
    """The same, if there are any, or no role is given.

    Raises:
        Infeasible: in each role some user is reached by no block that may serve it.
        Unidentifiable: no transmission of the other roles determines what a bound is of.
    """
    served = [role for role in roles if all(role.servers)]
    if roles and not served:
        raise _unreached(roles)
    attempts = [_program(problem, role) for role in served]
    found = [each for each in attempts if isinstance(each, NetworkProgram)]
    for each in attempts:
        if not found and isinstance(each, Unidentifiable):
            raise _explained(each, problem)
    return found


def _program(problem: DesignProblem, role: Role) -> NetworkProgram | Unidentifiable:
    try:
        return network_program(problem, role)
    except Unidentifiable as error:
        return error


def _unreached(roles: Sequence[Role]) -> Infeasible:
    """The user whom no station reaches; else a user for each set of stations that may listen."""
    missing = [[user for user, allowed in zip(role.users, role.servers, strict=True) if not allowed] for role in roles]
    never = [user for user in missing[0] if not any(user.is_reached_by(block) for block in user.channels)]
    first = (never or missing[0])[0]
    name = f"{first.quantity} of {first.user}"
    if never:
        found = f"none at all reaches {first.user}. Unblock its channel, move it, or do not serve it"
    else:
        cases = [
            f"none reaches {users[0].user} with {_listening(each)}" for users, each in zip(missing, roles, strict=True)
        ]
        found = f"{', '.join(cases)}. Let another station listen, or give these users a channel to a second station"
    return Infeasible(
        f"Every user must be reached by a station that transmits and may serve it, but {found}.", requirement=name
    )


def _listening(role: Role) -> str:
    return f"{', '.join(role.silent)} silent" if role.silent else f"{', '.join(role.blocks)} transmitting"


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


def covers(problem: DesignProblem, leaves: tuple[Leaf, ...]) -> bool:
    """Whether leaves cover every choice that a problem allows, no choice twice.

    Roles in which nothing is feasible whatever is sent (see `possible_programs`) need no leaf.

    Sets of choices are boxes. Boxes inside the whole that do not meet, and whose sizes add up to that of the whole,
    cover it.
    """
    for program in possible_programs(problem, roles_of(problem)):
        role = program.role
        boxes = [leaf.servers for leaf in leaves if leaf.receiver == role.receiver]
        inside = all(
            len(box) == len(role.servers) and all(set(a) <= set(b) for a, b in zip(box, role.servers, strict=True))
            for box in boxes
        )
        apart = all(
            any(not set(a) & set(b) for a, b in zip(first, other, strict=True))
            for place, first in enumerate(boxes)
            for other in boxes[:place]
        )
        whole = prod(len(each) for each in role.servers)
        if not (inside and apart and sum(prod(len(each) for each in box) for box in boxes) == whole):
            return False
    return True
