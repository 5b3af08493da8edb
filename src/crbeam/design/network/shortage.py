"""Which requirement binds where no transmission meets all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.network.barrier import Servers, follow_path
from crbeam.design.network.certificate import ProvenBound, proven_bound
from crbeam.design.network.choices import Role
from crbeam.design.network.cover import covers
from crbeam.design.network.leaf import Leaf
from crbeam.design.network.program import network_program, span
from crbeam.design.power_need import PowerNeed, level_below_db
from crbeam.design.problem import DesignProblem, PowerBudget
from crbeam.design.served.requirements import reach_words
from crbeam.design.service_constraints import MinimumSinr
from crbeam.errors import Infeasible

#: Gap of the programs that decide whether a requirement can be met alone.
FEASIBILITY_GAP = 1e-6
#: Room over the power that is proven to be needed in which a transmission is looked for.
MARGINS = (3e-4, 1e-2, 0.1, 1.0, 10.0, 100.0)
#: Factor on the budgets that stands for ample power where none suffices, and steps of the search for what it reaches.
AMPLE_POWER, BISECTIONS = 1e5, 12
#: Fields of a scenario that ask for what a user's requirement is called.
SCENARIO_FIELDS = {"SINR": "network.minimum_sinr", "rate": "network.minimum_rate"}


@dataclass(frozen=True)
class Binding:
    """A requirement, why it binds, and how to lower it."""

    requirement: str
    reason: str
    lower: str


def infeasible(
    problem: DesignProblem,
    leaves: Sequence[Leaf],
    roles: Sequence[Role],
    attempt: Callable[[DesignProblem], float | None],
) -> Infeasible | None:
    """What to say of choices, by the one that comes nearest to feasible; None if one may be feasible.

    Args:
        problem: what was asked for.
        leaves: sets of choices with the proof of each.
        roles: the role of each leaf.
        attempt: the largest share of any power budget that a transmission for these choices takes that meets all
            requirements of a problem; None if none is found.
    """
    bounds = [
        proven_bound(problem, role, leaf.servers, leaf.evidence) for role, leaf in zip(roles, leaves, strict=True)
    ]
    if not all(np.isinf(bound.objective) for bound in bounds):
        return None
    bounds = [
        max(bound, _needed(problem, role, leaf.servers), key=lambda each: each.shortage)
        for role, leaf, bound in zip(roles, leaves, bounds, strict=True)
    ]
    nearest = int(np.argmin([bound.shortage for bound in bounds]))
    binding = _binding(problem, roles[nearest], leaves[nearest].servers, bounds[nearest])
    choices = "with the best choices" if covers(problem, tuple(leaves)) else "with the choices of this scheme"
    binds = f"the {binding.requirement} binds, {binding.reason}. {binding.lower}"
    if all(_is_hopeless(problem, role) for role in roles):
        reach = _reach_words(problem, attempt)
        return Infeasible(
            f"All requirements must be met, but {choices} no power suffices, as users disturb one another: {binds}, serve "
            f"fewer users, or add antennas. {reach}",
            requirement=binding.requirement,
            sufficient_power=np.inf,
        )
    need = PowerNeed(_sufficient(problem, bounds[nearest].shortage, attempt), bounds[nearest].shortage)
    shared = any(len(budget.blocks) > 1 for budget in problem.budgets)
    where = "in total (in a scenario `network.total_power`)" if shared else "at every station (in a scenario `total_power`)"
    power_w = {budget.power_per_subcarrier_w for budget in problem.budgets}
    words = need.words(power_w.pop() if len(power_w) == 1 else None)
    return Infeasible(
        f"All requirements must be met within the power budgets, but {choices} they take more {where}: {words}; "
        f"{binds} or raise the power.",
        requirement=binding.requirement,
        sufficient_power=need.sufficient,
        insufficient_power=need.insufficient,
    )


def _needed(problem: DesignProblem, role: Role, servers: Servers) -> ProvenBound:
    """Proof of the least factor on all budgets with which a role is feasible."""
    program = network_program(problem, role).deciding()
    point = follow_path(program, servers, gap=FEASIBILITY_GAP, to_its_end=True).point
    return proven_bound(problem, role, servers, program.evidence(point.multipliers, point.directions))


def _is_hopeless(problem: DesignProblem, role: Role) -> bool:
    """Whether no power serves all users of a role: the sum of `gamma / (1 + gamma)` must be below that of all ranks.

    In the virtual uplink (`fixed_point`) `gamma_k / (1 + gamma_k) <= l_k h_kb^H (1 + sum_j l_j h_jb h_jb^H)^-1 h_kb`
    for a block b that serves user k, and the sum of the right-hand sides over all users is below the rank of block b.
    """
    asked = sum(user.minimum_sinr / (1.0 + user.minimum_sinr) for user in role.users)
    ranks = [
        span(np.stack([user.channels.get(block, np.zeros(problem.n_tx)) for user in role.users], axis=1)).shape[1]
        for block in role.blocks
        if role.users
    ]
    return bool(role.users) and asked >= sum(ranks)


def _sufficient(problem: DesignProblem, least: float, attempt: Callable[[DesignProblem], float | None]) -> float:
    """A factor on all budgets with which a transmission is found, near the least; infinite if none is tried that does."""
    for margin in MARGINS:
        factor = least * (1.0 + margin)
        share = attempt(with_power(problem, factor))
        if share is not None:
            return factor * share
    return np.inf


def with_power(problem: DesignProblem, factor: float) -> DesignProblem:
    """The same problem with a factor on all power budgets."""
    parts = [
        replace(part, power_per_subcarrier_w=factor * part.power_per_subcarrier_w)
        if isinstance(part, PowerBudget)
        else part
        for part in problem.constraints
    ]
    return replace(problem, constraints=tuple(parts))


def _with_ratios(problem: DesignProblem, factor: float) -> DesignProblem:
    parts = [
        replace(part, minimum_sinr=factor * part.minimum_sinr) if isinstance(part, MinimumSinr) else part
        for part in problem.constraints
    ]
    return replace(problem, constraints=tuple(parts))


def _reach_words(problem: DesignProblem, attempt: Callable[[DesignProblem], float | None]) -> str:
    """The largest common factor on the ratios that is found to be met with much more power."""
    ample = with_power(problem, AMPLE_POWER)
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = np.sqrt(low * high) if low > 0.0 else 0.1 * high
        low, high = (middle, high) if attempt(_with_ratios(ample, middle)) is not None else (low, middle)
    if low == 0.0:
        return "Even a thousandth of the ratios is not reached together with the rest."
    served = [part for part in problem.constraints if isinstance(part, MinimumSinr)]
    return f"With {level_below_db(AMPLE_POWER)} dB more power they reach {reach_words(served, low)}."


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
