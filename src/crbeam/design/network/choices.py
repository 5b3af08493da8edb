"""What a network can choose: the stations that listen, and the stations that serve each user."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.problem import Criterion, DesignProblem, Power
from crbeam.design.service_constraints import Association, BoundLimit, Listening, MinimumSinr, ReceiverChoice
from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.information import Transmission


@dataclass(frozen=True, eq=False)
class RoleBound:
    """A bound that a role has to keep small.

    Attributes:
        criterion: what is bounded, seen by the blocks that transmit.
        limit: on it; None if it is minimised.
    """

    criterion: Criterion
    limit: float | None


@dataclass(frozen=True, eq=False)
class Role:
    """Who listens, and what that leaves.

    Attributes:
        receiver: name of the role: of the stations that listen; empty if nothing is chosen.
        silent: blocks of the stations that listen.
        blocks: those that transmit.
        bounds: of what is heard.
        users: the requirements of the served users.
        servers: blocks that may serve each user.
    """

    receiver: str
    silent: tuple[str, ...]
    blocks: tuple[str, ...]
    bounds: tuple[RoleBound, ...]
    users: tuple[MinimumSinr, ...]
    servers: tuple[tuple[str, ...], ...]

    @property
    def has_objective(self) -> bool:
        """Whether a bound is minimised, not power."""
        return any(bound.limit is None for bound in self.bounds)


def bound_of(bound: RoleBound, covariances: Transmission) -> float:
    """Weighted bound of what a role has to keep small; infinite if it is not determined."""
    criterion = bound.criterion
    information = criterion.map.at(covariances)
    try:
        matrix = information.bound(criterion.requested)
    except Unidentifiable:
        return np.inf
    layout = information.layout.select(criterion.requested)
    parts = [
        criterion.weight_of(name) * float(np.trace(matrix[layout[name], layout[name]])) for name in criterion.requested
    ]
    return sum(parts)


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


def receiver_choice(problem: DesignProblem) -> ReceiverChoice | None:
    """The choice of who listens, if there is one.

    Raises:
        InvalidInput: there are several.
    """
    found = [part for part in problem.constraints if isinstance(part, ReceiverChoice)]
    if len(found) > 1:
        raise InvalidInput(f"There must be at most one ReceiverChoice, found {len(found)}: join their options in one.")
    return found[0] if found else None


def unproven_constraint(problem: DesignProblem) -> str | None:
    """What of the users' requirements no proof over choices covers, as the end of a sentence; None if nothing."""
    users = served_users(problem)
    canceling = [user for user in users if user.cancels]
    if canceling:
        return f"users that every stream disturbs, but {canceling[0].user} cancels {', '.join(canceling[0].cancels)}."
    names = [user.user for user in users]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        return f"one MinimumSinr for each user, but there are {names.count(repeated[0])} of {repeated[0]}."
    if sum(isinstance(part, ReceiverChoice) for part in problem.constraints) > 1:
        return "at most one ReceiverChoice: join the options of all in one."
    return None


def is_network(problem: DesignProblem) -> bool:
    """Whether power is minimised, or a choice or a limit on a bound is part of the problem."""
    chosen = any(isinstance(part, BoundLimit | ReceiverChoice | Association) for part in problem.constraints)
    return chosen or isinstance(problem.objective, Power)


def roles_of(problem: DesignProblem) -> tuple[Role, ...]:
    """Every role that a problem allows, in the order of its `ReceiverChoice`; one without.

    Criteria with a `BoundLimit` are limited, by the smallest of several. The others are minimised, or of no account
    where power is.

    Raises:
        InvalidInput: a limit or a choice names a criterion or a block that the problem does not have, or there are
            several choices.
    """
    limits: dict[str, float] = {}
    for part in problem.constraints:
        if isinstance(part, BoundLimit):
            limits[part.criterion] = min(part.limit, limits.get(part.criterion, part.limit))
    criteria = {criterion.name: criterion for criterion in problem.criteria}
    choice = receiver_choice(problem)
    options: Mapping[str, Listening] = {"": Listening((), tuple(criteria))} if choice is None else choice.options
    named = {name for option in options.values() for name in option.criteria}
    if not set(limits) | named <= set(criteria):
        raise InvalidInput(f"Limits and stations that listen must name criteria of {tuple(criteria)}.")
    silent = {block for option in options.values() for block in option.silent_blocks}
    if not silent <= set(problem.blocks):
        raise InvalidInput(f"Stations that may listen must be among {problem.blocks}, found {tuple(sorted(silent))}.")
    return tuple(_role(problem, name, option, criteria, limits) for name, option in options.items())


def _role(
    problem: DesignProblem,
    name: str,
    option: Listening,
    criteria: Mapping[str, Criterion],
    limits: Mapping[str, float],
) -> Role:
    blocks = tuple(block for block in problem.blocks if block not in option.silent_blocks)
    users = served_users(problem)
    is_power = isinstance(problem.objective, Power)
    bounds = tuple(
        RoleBound(_restricted(criteria[each], blocks), limits.get(each))
        for each in option.criteria
        if each in limits or not (is_power or not criteria[each].requested)
    )
    carried = {stream.name: stream.blocks for stream in problem.streams}
    servers = tuple(
        tuple(
            block for block in blocks if user.is_reached_by(block) and block in carried[stream_of(problem, user.user)]
        )
        for user in users
    )
    return Role(name, option.silent_blocks, blocks, bounds, users, servers)


def _restricted(criterion: Criterion, blocks: tuple[str, ...]) -> Criterion:
    """The criterion as seen by some of its blocks."""
    kept = [block for block in criterion.map.blocks if block in blocks]
    return replace(criterion, map=criterion.map.select_blocks(kept))
