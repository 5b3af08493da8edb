"""Which requirement binds where no transmission meets all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.network.barrier import Servers, follow_path
from crbeam.design.network.certificate import ProvenBound, proven_bound
from crbeam.design.network.choices import Role, is_associated
from crbeam.design.network.cover import covers
from crbeam.design.network.leaf import Leaf
from crbeam.design.network.needed_power import NeededPower, needed_power, reach_at_any_power
from crbeam.design.network.program import network_program
from crbeam.design.power_need import PowerNeed
from crbeam.design.problem import DesignProblem
from crbeam.design.served.requirements import reach_words
from crbeam.design.service_constraints import MinimumSinr
from crbeam.errors import Infeasible

#: Gap of the programs that decide whether a requirement can be met alone.
FEASIBILITY_GAP = 1e-6
#: Excess of what users reach at any power over what they require that counts as rounding.
REACHED = 1e-6
#: Fields of a scenario that ask for what a user's requirement is called.
SCENARIO_FIELDS = {"SINR": "network.minimum_sinr", "rate": "network.minimum_rate"}


@dataclass(frozen=True)
class Binding:
    """A requirement, why it binds, and how to lower it."""

    requirement: str
    reason: str
    lower: str


def infeasible(problem: DesignProblem, leaves: Sequence[Leaf], roles: Sequence[Role]) -> Infeasible | None:
    """What to say of choices, by the one that comes nearest to feasible; None if one may be feasible.

    Args:
        problem: what was asked for.
        leaves: sets of choices with the proof of each.
        roles: the role of each leaf.
    """
    bounds = [
        proven_bound(problem, role, leaf.servers, leaf.evidence) for role, leaf in zip(roles, leaves, strict=True)
    ]
    if not all(np.isinf(bound.objective) for bound in bounds):
        return None
    reaches = [reach_at_any_power(role, leaf.servers) for role, leaf in zip(roles, leaves, strict=True)]
    choices = "with the best choices" if covers(problem, tuple(leaves)) else "with the choices of this scheme"
    if max(reaches) <= 1.0 + REACHED:
        return _beyond_any_power(roles[int(np.argmax(reaches))], max(reaches), choices)
    needs = [
        needed_power(problem, role, leaf.servers)
        for role, leaf, reach in zip(roles, leaves, reaches, strict=True)
        if reach > 1.0 + REACHED
    ]
    able = [place for place, reach in enumerate(reaches) if reach > 1.0 + REACHED]
    nearest = int(np.argmin([each.bound.shortage for each in needs]))
    place = able[nearest]
    binding = _binding(problem, roles[place], leaves[place].servers, needs[nearest].bound)
    need = PowerNeed(_sufficient(problem, [roles[each] for each in able], needs), needs[nearest].bound.shortage)
    shared = any(len(budget.blocks) > 1 for budget in problem.budgets)
    where = "in total (in a scenario `network.total_power`)" if shared else "at every station (`total_power`)"
    powers_w = {budget.power_per_subcarrier_w for budget in problem.budgets}
    return Infeasible(
        f"All requirements must be met within the power budgets, but {choices} they take more {where}: "
        f"{need.words(powers_w.pop() if len(powers_w) == 1 else None)}; the {binding.requirement} binds, "
        f"{binding.reason}. {binding.lower} or raise the power.",
        requirement=binding.requirement,
        sufficient_power=need.sufficient,
        insufficient_power=need.insufficient,
    )


def _beyond_any_power(role: Role, reach: float, choices: str) -> Infeasible:
    """Users disturb one another too much, in the role in which they reach most."""
    first = role.users[0]
    name = f"{first.quantity} of the users together"
    return Infeasible(
        f"All requirements must be met, but {choices} no power suffices: the {name} binds, as they disturb one "
        f"another. With any power all of them together reach less than {reach_words(role.users, reach)}. "
        f"{_lower(name, first)}, serve fewer users, or add antennas.",
        requirement=name,
        sufficient_power=np.inf,
    )


def _sufficient(problem: DesignProblem, roles: Sequence[Role], needs: Sequence[NeededPower]) -> float:
    """Least factor on all budgets that is found; where one station serves each user, the strongest ones are tried."""
    if not is_associated(problem):
        return min(each.sufficient for each in needs)
    best = np.inf
    for role, each in sorted(zip(roles, needs, strict=True), key=lambda pair: pair[1].bound.shortage):
        if each.bound.shortage < best:
            best = min(best, needed_power(problem, role, each.servers).sufficient)
    return best


def _binding(problem: DesignProblem, role: Role, servers: Servers, bound: ProvenBound) -> Binding:
    """The requirement that cannot be met even without the others, or else the power of a station, or of all."""
    found = _binding_user(problem, role, servers) or _binding_accuracy(problem, role)
    if found is not None:
        return found
    blocks = problem.budgets[int(np.argmax(bound.supplies_w))].blocks
    name = f"power of station {blocks[0]}" if len(blocks) == 1 else "total power of the network"
    together = "users and targets can be satisfied" if role.users else "each target can be located"
    return Binding(name, f"since {together} each alone, but not together", "Lower a requirement")


def _binding_user(problem: DesignProblem, role: Role, servers: Servers) -> Binding | None:
    """The user who cannot be served even alone, or all together, where nothing has to be located."""
    bare = replace(role, bounds=())
    if _shortage(problem, bare, servers) is None:
        return None
    needs = {}
    for user, allowed in zip(role.users, servers, strict=True):
        alone = _shortage(problem, replace(bare, users=(user,), servers=(allowed,)), (allowed,))
        if alone is not None:
            needs[user.user] = (alone.shortage, user)
    if needs:
        _, user = max(needs.values(), key=lambda each: each[0])
        name = f"{user.quantity} of {user.user}"
        return Binding(name, "even if nobody else had to be served and nothing located", _lower(name, user))
    first = role.users[0]
    name = f"{first.quantity} of the users together"
    reason = "even if nothing had to be located, though each user could be served alone"
    return Binding(name, reason, _lower(name, first))


def _lower(name: str, user: MinimumSinr) -> str:
    """How to lower the requirement of a user, with the field of a scenario that has it."""
    return f"Lower the {name} (in a scenario `{SCENARIO_FIELDS.get(user.quantity, 'network')}`)"


def _binding_accuracy(problem: DesignProblem, role: Role) -> Binding | None:
    """The limit on a bound that cannot be kept even if nobody is served and nothing else located."""
    for each in role.bounds:
        if each.limit is not None:
            target = replace(role, bounds=(each,), users=(), servers=())
            if _shortage(problem, target, ()) is not None:
                name = f"location accuracy at {each.criterion.name}"
                lower = "Allow a larger error (in a scenario `network.target_error` or `network.target_errors`)"
                return Binding(name, "even if nobody had to be served", lower)
    return None


def _shortage(problem: DesignProblem, role: Role, servers: Servers) -> ProvenBound | None:
    """Proof that a role with some of its requirements is infeasible, or None."""
    if not role.users and not role.bounds:
        return None
    program = network_program(problem, role).deciding()
    point = follow_path(program, servers, gap=FEASIBILITY_GAP).point
    bound = proven_bound(problem, role, servers, program.evidence(point.multipliers, point.directions))
    return bound if np.isinf(bound.objective) else None
