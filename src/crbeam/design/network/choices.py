"""What a network can choose: the stations that listen, and the stations that serve each user."""

from collections.abc import Mapping

import numpy as np

from crbeam.design.convex.evidence import Chosen
from crbeam.design.problem import Criterion, DesignProblem, Power
from crbeam.design.served.requirements import stream_of
from crbeam.design.service_constraints import Association, BoundLimit, Listening, MinimumSinr, ReceiverChoice
from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.information import Transmission


def bound_of(criterion: Criterion, covariances: Transmission) -> float:
    """Weighted bound of a criterion; infinite if it is not determined."""
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


def roles_of(problem: DesignProblem) -> tuple[Chosen, ...]:
    """Every set of stations that may listen, in the order of the `ReceiverChoice`, with all who may serve; one without.

    Criteria with a `BoundLimit` count, and all that the objective counts.

    Raises:
        InvalidInput: a limit or a choice names a criterion or a block that the problem does not have, or there are
            several choices.
    """
    limits, criteria = problem.bound_limits, {criterion.name: criterion for criterion in problem.criteria}
    choice = receiver_choice(problem)
    options: Mapping[str, Listening] = {"": Listening((), tuple(criteria))} if choice is None else choice.options
    named = {name for option in options.values() for name in option.criteria}
    if not set(limits) | named <= set(criteria):
        raise InvalidInput(f"Limits and stations that listen must name criteria of {tuple(criteria)}.")
    silent = {block for option in options.values() for block in option.silent_blocks}
    if not silent <= set(problem.blocks):
        raise InvalidInput(f"Stations that may listen must be among {problem.blocks}, found {tuple(sorted(silent))}.")
    is_power = isinstance(problem.objective, Power)
    counted = {name for name, each in criteria.items() if name in limits or (each.requested and not is_power)}
    carried = {stream.name: stream.blocks for stream in problem.streams}
    reached = {
        user.user: [
            block
            for block in problem.blocks
            if user.is_reached_by(block) and block in carried[stream_of(problem, user.user)]
        ]
        for user in served_users(problem)
    }
    return tuple(
        Chosen(
            name,
            option.silent_blocks,
            {user: tuple(each for each in able if each not in option.silent_blocks) for user, able in reached.items()},
            tuple(each for each in option.criteria if each in counted),
        )
        for name, option in options.items()
    )
