"""Which requirement binds where no transmission meets all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.network.barrier import Servers, follow_path
from crbeam.design.network.certificate import ProvenBound, proven_bound
from crbeam.design.network.choices import Role
from crbeam.design.network.cover import covers
from crbeam.design.network.leaf import Leaf
from crbeam.design.network.program import network_program
from crbeam.design.problem import DesignProblem
from crbeam.design.service_constraints import MinimumSinr
from crbeam.errors import Infeasible

#: Gap of the programs that decide whether a requirement can be met alone.
FEASIBILITY_GAP = 1e-6
#: Shortage from which on no power helps.
HOPELESS = 1e12
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
    nearest = int(np.argmin([bound.shortage for bound in bounds]))
    binding = _binding(problem, roles[nearest], leaves[nearest].servers, bounds[nearest])
    shortage = bounds[nearest].shortage
    is_hopeless = shortage > HOPELESS
    missing = (
        "no power is enough" if is_hopeless else f"they take at least {10.0 * np.log10(shortage):.2f} dB more power"
    )
    choices = "with the best choices" if covers(problem, tuple(leaves)) else "with the choices of this scheme"
    is_shared = any(len(budget.blocks) > 1 for budget in problem.budgets)
    more = f"raise the power of stations (in a scenario `{'network.' if is_shared else ''}total_power`)"
    return Infeasible(
        f"All requirements must be met within the power budgets, but {choices} {missing}: the "
        f"{binding.requirement} binds, {binding.reason}. {binding.lower}"
        f"{'' if is_hopeless else ' or ' + more}.",
        requirement=binding.requirement,
    )


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
