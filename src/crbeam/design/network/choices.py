"""What a network can choose: the station that listens, and the stations that serve each user."""

from dataclasses import dataclass, replace
from math import prod

from crbeam.design.network.leaf import Leaf
from crbeam.design.problem import Criterion, DesignProblem
from crbeam.design.service_constraints import Association, BoundLimit, MinimumSinr, OneReceiver
from crbeam.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Role:
    """Who listens, and what that leaves.

    Attributes:
        receiver: name of the criterion for what is heard; empty if nothing is to be located.
        blocks: those that transmit.
        criterion: with the limited bound, or None.
        limit: on it.
        users: the requirements of the served users.
        servers: blocks that may serve each user.
    """

    receiver: str
    blocks: tuple[str, ...]
    criterion: Criterion | None
    limit: float
    users: tuple[MinimumSinr, ...]
    servers: tuple[tuple[str, ...], ...]


def served_users(problem: DesignProblem) -> tuple[MinimumSinr, ...]:
    """The requirements of the served users, in the order of the constraints."""
    return tuple(part for part in problem.constraints if isinstance(part, MinimumSinr))


def stream_of(problem: DesignProblem, user: str) -> str:
    """Name of the stream that serves a user."""
    names = [stream.name for stream in problem.streams if stream.served_user == user]
    if len(names) != 1:
        raise InvalidInput(f"Exactly one stream must serve {user}, found {', '.join(names) or 'none'}.")
    return names[0]


def is_associated(problem: DesignProblem) -> bool:
    """Whether one station only may serve each user."""
    return any(isinstance(part, Association) for part in problem.constraints)


def one_receiver(problem: DesignProblem) -> OneReceiver | None:
    """The choice of the station that listens, if there is one."""
    return next((part for part in problem.constraints if isinstance(part, OneReceiver)), None)


def roles_of(problem: DesignProblem) -> tuple[Role, ...]:
    """Every role that a problem allows, in the order of its `OneReceiver`; one without.

    Raises:
        InvalidInput: a limit or a choice names a criterion or a block that the problem does not have, or without a
            choice more than one bound is limited.
    """
    limits = {part.criterion: part.limit for part in problem.constraints if isinstance(part, BoundLimit)}
    criteria = {criterion.name: criterion for criterion in problem.criteria}
    choice = one_receiver(problem)
    silent = {} if choice is None else dict(choice.silent_block)
    if not set(limits) <= set(criteria) or not set(silent) <= set(limits):
        raise InvalidInput(f"Limits must name criteria of {tuple(criteria)}, and receivers criteria with limits.")
    if not set(silent.values()) <= set(problem.blocks):
        raise InvalidInput(f"Stations that may listen must be among {problem.blocks}, found {tuple(silent.values())}.")
    if choice is not None:
        return tuple(_role(problem, name, block, criteria[name], limits[name]) for name, block in silent.items())
    if len(limits) > 1:
        raise InvalidInput(f"At most one bound can be limited without a choice of who listens, found {tuple(limits)}.")
    for name, limit in limits.items():
        return (_role(problem, name, None, criteria[name], limit),)
    return (_role(problem, "", None, None, 1.0),)


def _role(problem: DesignProblem, name: str, silent: str | None, criterion: Criterion | None, limit: float) -> Role:
    blocks = tuple(block for block in problem.blocks if block != silent)
    users = served_users(problem)
    if criterion is not None:
        criterion = replace(criterion, map=criterion.map.select_blocks(b for b in criterion.map.blocks if b in blocks))
    carried = {stream.name: stream.blocks for stream in problem.streams}
    servers = tuple(
        tuple(block for block in blocks if block in user.channels and block in carried[stream_of(problem, user.user)])
        for user in users
    )
    return Role(name, blocks, criterion, limit, users, servers)


def covers(problem: DesignProblem, leaves: tuple[Leaf, ...]) -> bool:
    """Whether leaves cover every choice that a problem allows, no choice twice.

    Sets of choices are boxes. Boxes inside the whole that do not meet, and whose sizes add up to that of the whole,
    cover it.
    """
    for role in roles_of(problem):
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
