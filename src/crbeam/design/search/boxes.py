"""Boxes of choices: who may listen, who may serve whom, who may take part; how they split, and what covers all."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import comb, prod

import numpy as np

from crbeam.design.choices import Association, Chosen, Listening, ReceiverChoice, Selection
from crbeam.design.convex.evidence import Evidence, Listed
from crbeam.design.convex.program import Program, program_of
from crbeam.design.convex.statement import statement_of
from crbeam.design.problem import DesignProblem, Power
from crbeam.design.requirements import stream_of
from crbeam.design.search.members import possible_sizes, selection_of
from crbeam.design.service_constraints import BoundLimit, MinimumSinr
from crbeam.errors import Infeasible, InvalidInput, Unidentifiable

#: Numbers of members from that of the best set on that become boxes of their own.
MOST_SINGLE = 4


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
    """What of a problem no proof over choices covers, as the end of a sentence; None if nothing."""
    users = served_users(problem)
    canceling = [user for user in users if user.cancels]
    if canceling and selection_of(problem) is None:
        return f"users that every stream disturbs, but {canceling[0].user} cancels {', '.join(canceling[0].cancels)}."
    names = [user.user for user in users]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        return f"one MinimumSinr for each user, but there are {names.count(repeated[0])} of {repeated[0]}."
    own = _shared_own_parameter(problem)
    if own is not None:
        return own
    for kind in (ReceiverChoice, Selection):
        if sum(isinstance(part, kind) for part in problem.constraints) > 1:
            return f"at most one {kind.__name__}: join the options of all in one."
    return None


def _shared_own_parameter(problem: DesignProblem) -> str | None:
    """What of the parameters `NAME/...` of members is not theirs alone, as the end of a sentence; None if nothing.

    Without its member such a parameter is of no account: it may not be asked for, nor be known together with others,
    nor matter to what others hear or send.
    """
    selection = selection_of(problem)
    names = () if selection is None else selection.names
    for criterion in problem.criteria if names else ():
        layout = criterion.map.layout
        owners = [name.partition("/")[0] if "/" in name else "" for name in layout.names]
        owner_of = np.repeat(np.where(np.isin(owners, names), owners, ""), layout.sizes)
        asked = [name for name, owner in zip(layout.names, owners, strict=True) if owner in names]
        asked = [name for name in asked if name in criterion.requested]
        if asked:
            return f"bounds of parameters that belong to no one who may be left out, but {asked[0]} is asked for."
        tied = (criterion.map.constant != 0.0) & (owner_of[:, None] != owner_of)
        if np.any(tied):
            owner = max(owner_of[np.argwhere(tied)[0]])
            return f"what is known beforehand of parameters of {owner} to say nothing of other parameters."
        for part in criterion.map.contributions:
            strangers = set(owner_of[np.any(part.jacobian, axis=0)].tolist()) - {"", part.receiver, part.block}
            if strangers:
                return f"parameters of {min(strangers)} to matter only where it hears or sends itself."
    return None


def has_choices(problem: DesignProblem) -> bool:
    """Whether a choice is part of the problem, or power is minimised, or a bound is limited."""
    kinds = BoundLimit | ReceiverChoice | Association | Selection
    return isinstance(problem.objective, Power) or any(isinstance(part, kinds) for part in problem.constraints)


def roles_of(problem: DesignProblem) -> tuple[Chosen, ...]:
    """The boxes in which all choices lie: one for each set of stations that may listen, in the order of the choice.

    Everybody may serve whom it reaches, and everybody may take part. Criteria with a `BoundLimit` count, and all that
    the objective counts.

    Raises:
        InvalidInput: a limit or a choice names a criterion or a block that the problem does not have, or there are
            several choices of one kind.
    """
    limits, criteria = problem.bound_limits, {criterion.name: criterion for criterion in problem.criteria}
    choice, selection = receiver_choice(problem), selection_of(problem)
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
            undecided=() if selection is None else selection.names,
            sizes=(0, 0) if selection is None else (1, selection.largest),
        )
        for name, option in options.items()
    )


def is_final(problem: DesignProblem, chosen: Chosen) -> bool:
    """Whether nothing is left to choose."""
    return not chosen.undecided and (
        not is_associated(problem) or all(len(able) <= 1 for able in chosen.servers.values())
    )


def with_members(chosen: Chosen, members: Sequence[str]) -> Chosen:
    """The box with just these taking part."""
    return replace(chosen, members=tuple(members), undecided=(), sizes=(len(members), len(members)))


def split(
    problem: DesignProblem,
    chosen: Chosen,
    shares: Mapping[str, Mapping[str, float]] | None,
    participation: Mapping[str, float] | None,
    size: int = 0,
) -> list[Chosen]:
    """Boxes that together are a box, nothing twice.

    The number of those who take part is narrowed down first where prices depend on it, then who does: the member whose
    participation is nearest to a half. Else the user whose largest contribution is smallest is given a server.

    Args:
        problem: what was asked for.
        chosen: a box that is not final.
        shares: what each block contributes to each user at the optimum of its relaxation; None if it is not known.
        participation: how far each undecided member takes part there.
        size: number of members of the best set so far; 0 without one.
    """
    if chosen.undecided:
        selection = selection_of(problem)
        assert selection is not None
        found = _split_members(selection, chosen, participation or {}, size)
        return [each for each in found if n_choices(each)]

    def most(user: str) -> float:
        share = np.array([] if shares is None else list(shares[user].values()))
        return float(share.max() / max(share.sum(), 1e-300)) if share.size else 1.0

    user = min((user for user, able in chosen.servers.items() if len(able) > 1), key=most)
    return [replace(chosen, servers={**chosen.servers, user: (block,)}) for block in chosen.servers[user]]


def _split_members(selection: Selection, chosen: Chosen, participation: Mapping[str, float], size: int) -> list[Chosen]:
    least, most = max(chosen.sizes[0], len(chosen.members)), chosen.sizes[1]
    able = possible_sizes(selection, chosen) if np.isfinite(selection.budget_m) else None
    if able is not None and least < most:
        if least <= size <= most and most - size < MOST_SINGLE:
            ranges = [(each, each) for each in range(size, most + 1)]
            ranges += [(least, size - 1)] if least < size else []
        else:
            middle = able[1] if able[1] < most else (max(able[0], least) + most) // 2
            middle = int(np.clip(middle, least, most - 1))
            ranges = [(middle + 1, most), (least, middle)]
        return [_decided(replace(chosen, sizes=each)) for each in ranges]
    name = min(chosen.undecided, key=lambda each: abs(participation.get(each, 0.0) - 0.5))
    rest = tuple(each for each in chosen.undecided if each != name)
    taking = replace(chosen, members=(*chosen.members, name), undecided=rest)
    return [_decided(taking), _decided(replace(chosen, undecided=rest))]


def _decided(chosen: Chosen) -> Chosen:
    """A box whose numbers leave nothing open where there is only one way to keep them."""
    if len(chosen.members) == chosen.sizes[1]:
        return replace(chosen, undecided=(), sizes=(len(chosen.members),) * 2)
    if len(chosen.members) + len(chosen.undecided) <= chosen.sizes[0]:
        members = (*chosen.members, *chosen.undecided)
        return replace(chosen, members=members, undecided=())
    return chosen


def n_choices(chosen: Chosen) -> int:
    """Number of choices in a box."""
    n_servers = prod(len(allowed) for allowed in chosen.servers.values())
    if not chosen.sizes[1]:
        return n_servers
    least, most = (max(size - len(chosen.members), 0) for size in chosen.sizes)
    if chosen.sizes[1] < len(chosen.members):
        return 0
    return n_servers * sum(comb(len(chosen.undecided), size) for size in range(least, most + 1))


def why_empty(problem: DesignProblem, chosen: Chosen) -> Infeasible | Unidentifiable | Program:
    """Why nothing in a box can be feasible, whatever is sent; its program if something may be."""
    selection = selection_of(problem)
    unserved = [user for user, able in chosen.servers.items() if not able]
    if unserved:
        return Infeasible(f"Nobody may serve {unserved[0]}.", requirement=f"service of {unserved[0]}")
    if selection is not None and possible_sizes(selection, chosen) is None:
        return Infeasible(f"No set keeps the budget of {selection.budget_m:g} m.", requirement="cooperation cost")
    statement = statement_of(problem, chosen)
    if not set(statement.blocks) - statement.lifted_blocks:
        return Infeasible("Somebody must send, but whoever takes part listens.", requirement="a station that sends")
    try:
        return program_of(statement)
    except Unidentifiable as error:
        return error


def possible_programs(problem: DesignProblem, roles: Sequence[Chosen]) -> list[Program]:
    """Programs of the boxes in which something may be feasible.

    In all others some user is reached by no block that may serve it, no set keeps the budget, or no transmission
    determines what a bound is of, which needs no further proof.
    """
    found = [why_empty(problem, role) for role in roles]
    return [each for each in found if isinstance(each, Program)]


def require_programs(problem: DesignProblem, roles: Sequence[Chosen]) -> list[Program]:
    """The same, if there are any, or no box is given.

    Raises:
        Infeasible: in each box some user is reached by no block that may serve it, or no set keeps the budget.
        Unidentifiable: no transmission of the other boxes determines what a bound is of.
    """
    served = [role for role in roles if all(role.servers.values())]
    if roles and not served:
        raise _unreached(problem, roles)
    attempts = [why_empty(problem, role) for role in served]
    found = [each for each in attempts if isinstance(each, Program)]
    for each in attempts:
        if not found and isinstance(each, Unidentifiable):
            raise _explained(each, problem)
        if not found and isinstance(each, Infeasible):
            raise each
    return found


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


def covers(problem: DesignProblem, proofs: Sequence[Evidence | Listed]) -> bool:
    """Whether proofs cover every choice that a problem allows, no choice twice.

    Roles in which nothing is feasible whatever is sent (see `possible_programs`) need no proof. A proof in which fewer
    criteria count holds all the more. Boxes inside the whole that do not meet, and whose sizes add up to that of the
    whole, cover it.
    """
    return all(
        _are_covered(role, proofs, is_associated(problem)) or not possible_programs(problem, (role,))
        for role in roles_of(problem)
        if all(role.servers.values())
    )


def _are_covered(role: Chosen, proofs: Sequence[Evidence | Listed], is_chosen: bool) -> bool:
    """Whether all choices in a role are; where servers are no choice, all who may serve must do so together."""
    found = [each.chosen for each in proofs if each.chosen is not None and each.chosen.receiver == role.receiver]
    inside = all(_is_inside(each, role) for each in found)
    inside &= is_chosen or all(each.servers == role.servers for each in found)
    apart = inside and all(_are_apart(first, other) for place, first in enumerate(found) for other in found[:place])
    return apart and sum(map(n_choices, found)) == n_choices(role)


def _is_inside(chosen: Chosen, role: Chosen) -> bool:
    return (
        chosen.silent == role.silent
        and set(chosen.criteria) <= set(role.criteria)
        and chosen.servers.keys() == role.servers.keys()
        and all(set(allowed) <= set(role.servers[user]) for user, allowed in chosen.servers.items())
        and len({*chosen.members, *chosen.undecided}) == len(chosen.members) + len(chosen.undecided)
        and {*chosen.members, *chosen.undecided} <= set(role.undecided)
        and role.sizes[0] <= chosen.sizes[0] <= chosen.sizes[1] <= role.sizes[1]
    )


def _are_apart(first: Chosen, other: Chosen) -> bool:
    if any(not set(allowed) & set(other.servers[user]) for user, allowed in first.servers.items()):
        return True
    if first.sizes[1] < other.sizes[0] or other.sizes[1] < first.sizes[0]:
        return True
    possible, others = ({*each.members, *each.undecided} for each in (first, other))
    return not (set(first.members) <= others and set(other.members) <= possible)
