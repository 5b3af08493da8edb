"""Which requirement binds where no transmission meets all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.network.barrier import Servers, follow_path
from crbeam.design.network.certificate import ProvenBound, proven_bound
from crbeam.design.network.choices import Role, covers
from crbeam.design.network.leaf import Leaf
from crbeam.design.network.program import network_program
from crbeam.design.problem import DesignProblem
from crbeam.errors import Infeasible

#: Gap of the programs that decide whether a requirement can be met alone.
FEASIBILITY_GAP = 1e-6
#: Shortage from which on no power helps.
HOPELESS = 1e12


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
    return Infeasible(
        f"All requirements must be met within the power budgets, but {choices} {missing}: the "
        f"{binding.requirement} binds, {binding.reason}. {binding.lower}"
        f"{'' if is_hopeless else ' or raise the power of stations'}.",
        requirement=binding.requirement,
    )


def _binding(problem: DesignProblem, role: Role, servers: Servers, bound: ProvenBound) -> Binding:
    """The requirement that cannot be met even without the others, or else the power of a station."""
    alone = _shortage(problem, replace(role, bounds=()), servers)
    if alone is not None:
        user = role.users[int(np.argmax(alone.demands))]
        name = f"{user.quantity} of {user.user}"
        return Binding(name, "even if nothing had to be located", f"Lower the {name}")
    for each in role.bounds:
        if each.limit is not None:
            target = replace(role, bounds=(each,), users=(), servers=())
            if _shortage(problem, target, ()) is not None:
                name = f"location accuracy at {each.criterion.name}"
                reason = "even if nobody had to be served"
                return Binding(name, reason, "Allow a larger error")
    station = "".join(problem.budgets[int(np.argmax(bound.supplies_w))].blocks[:1])
    reason = "since users and target can be satisfied each alone, but not together"
    return Binding(f"power of station {station}", reason, "Lower a requirement")


def _shortage(problem: DesignProblem, role: Role, servers: Servers) -> ProvenBound | None:
    """Proof that a role with some of its requirements is infeasible, or None."""
    if not role.users and not role.bounds:
        return None
    program = network_program(problem, role).deciding()
    point = follow_path(program, servers, gap=FEASIBILITY_GAP).point
    bound = proven_bound(problem, role, servers, program.evidence(point.multipliers, point.directions))
    return bound if np.isinf(bound.objective) else None
