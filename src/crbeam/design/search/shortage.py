"""Which requirement binds where no transmission meets all of them, and what power would."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.communication.least_power import BALANCED, TRIED_POWERS, balanced
from crbeam.design.choices import Chosen
from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.path import LARGEST_FACTOR, Path
from crbeam.design.convex.primal import Primal, gains_of
from crbeam.design.convex.program import Program, factor_program, program_of
from crbeam.design.convex.shortage import FACTOR_GAP, least_factor
from crbeam.design.convex.statement import statement_of
from crbeam.design.problem import DesignProblem
from crbeam.design.requirements import PowerNeed, reach_words
from crbeam.design.search.boxes import covers, is_associated, served_users
from crbeam.design.service_constraints import MinimumSinr
from crbeam.errors import Infeasible

#: Excess of what is asked for over what there is, relative, below which nothing is proven infeasible.
ROUNDING = 1e-9
#: Excess of what users reach at any power over what they require that counts as rounding.
REACHED = 1e-6
#: Factor to which budgets are raised at most until the least one on them is of moderate size.
MOST_RAISED = 1e27
#: Fields of a scenario that ask for what a user's requirement is called.
SCENARIO_FIELDS = {"SINR": "network.minimum_sinr", "rate": "network.minimum_rate"}


@dataclass(frozen=True)
class Binding:
    """A requirement, why it binds, and how to lower it."""

    requirement: str
    reason: str
    lower: str


@dataclass(frozen=True, eq=False)
class NeededPower:
    """What one set of choices takes.

    Attributes:
        program: of the least factor on all budgets, with the budgets that there are times `raised`.
        path: towards that factor.
        raised: by which budgets were raised.
    """

    program: Program
    path: Path
    raised: float

    @property
    def insufficient(self) -> float:
        """No factor on all budgets below this one suffices."""
        return self.raised * self.path.value

    @property
    def sufficient(self) -> float:
        """Factor with which a transmission was found; infinite without one."""
        return np.inf if self.path.primal is None else self.raised * self.path.primal.objective * (1.0 + FACTOR_GAP)


def needed_power(program: Program) -> NeededPower:
    """Least factor on all budgets for some choices, to rounding of `FACTOR_GAP`."""
    statement, raised, path = program.statement, 1.0, least_factor(program)
    while path.value >= LARGEST_FACTOR and raised < MOST_RAISED:
        raised *= LARGEST_FACTOR
        limits = tuple(replace(limit, power_w=raised * limit.power_w) for limit in statement.limits)
        program = program_of(replace(statement, limits=limits))
        path = least_factor(program)
    return NeededPower(factor_program(program), path, raised)


def received_shares(program: Program, primal: Primal) -> dict[str, dict[str, float]]:
    """What each block that may serve a user contributes to its wanted power, up to a factor of each user."""
    chosen = program.choices
    shares: dict[str, dict[str, float]] = {user: {} for user in chosen.servers}
    for cone, sent in zip(program.cones, primal.streams, strict=True):
        least, _, _ = cone.own_factors
        wanted = np.sum(gains_of(cone, sent) * (cone.factors > least), axis=0) @ cone.selector
        for place, (user, allowed) in enumerate(chosen.servers.items()):
            if cone.name in allowed:
                shares[user][cone.name] = shares[user].get(cone.name, 0.0) + float(wanted[place])
    return shares


def strongest(shares: Mapping[str, Mapping[str, float]]) -> dict[str, tuple[str, ...]]:
    """Every user served by the block that contributes most to it."""
    return {user: (max(share, key=lambda block: share[block]),) for user, share in shares.items()}


def reach_at_any_power(problem: DesignProblem, chosen: Chosen) -> float:
    """Largest common factor on the ratios that all users reach with any power, at most 1 if it does not do.

    In the virtual uplink each user is heard by the one block that hears it best: balanced there, without noise.
    Infinite without users.
    """
    users = served_users(problem)
    if not users:
        return np.inf
    gains = [max(float(np.linalg.norm(vector)) for vector in user.channels.values()) for user in users]
    ratios = np.array([user.minimum_sinr for user in users])
    arrays, hears = [], []
    for block in (each for each in problem.blocks if each not in chosen.silent):
        heard = [user.channels[block] for user in users if block in user.channels]
        silent = np.zeros(len(heard[0]) if heard else 1)
        unit = [user.channels.get(block, silent) / gain for user, gain in zip(users, gains, strict=True)]
        arrays.append(np.stack(unit, axis=1))
        hears.append([block in chosen.servers[user.user] for user in users])
    reach = 0.0
    for power in TRIED_POWERS:
        reach = max(reach, balanced([np.sqrt(power) * each for each in arrays], ratios, np.array(hears))[1])
        if reach > 1.0 + 10.0 * BALANCED:
            break
    return reach


def infeasible(problem: DesignProblem, programs: Sequence[Program], proofs: Sequence[Evidence]) -> Infeasible:
    """What to say of choices none of which is feasible, by the one that comes nearest.

    Args:
        problem: what was asked for.
        programs: of sets of choices.
        proofs: that nothing in them is feasible.
    """
    users = served_users(problem)
    reaches = [reach_at_any_power(problem, each.choices) for each in programs]
    choices = "with the best choices" if covers(problem, proofs) else "with the choices of this scheme"
    if max(reaches) <= 1.0 + REACHED:
        return _beyond_any_power(users, max(reaches), choices)
    needs = [needed_power(each) for each, reach in zip(programs, reaches, strict=True) if reach > 1.0 + REACHED]
    nearest = min(needs, key=lambda each: each.insufficient)
    binding = _binding(problem, nearest)
    need = PowerNeed(_sufficient(problem, needs), nearest.insufficient)
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


def _beyond_any_power(users: Sequence[MinimumSinr], reach: float, choices: str) -> Infeasible:
    """Users disturb one another too much, in the role in which they reach most."""
    first = users[0]
    name = f"{first.quantity} of the users together"
    return Infeasible(
        f"All requirements must be met, but {choices} no power suffices: the {name} binds, as they disturb one "
        f"another. With any power all of them together reach less than {reach_words(users, reach)}. "
        f"{_lower(name, first)}, serve fewer users, or add antennas.",
        requirement=name,
        sufficient_power=np.inf,
    )


def _sufficient(problem: DesignProblem, needs: Sequence[NeededPower]) -> float:
    """Least factor on all budgets that is found; where one station serves each user, the strongest ones are tried."""
    if not is_associated(problem):
        return min(each.sufficient for each in needs)
    best = np.inf
    for each in sorted(needs, key=lambda need: need.insufficient):
        if each.insufficient < best and each.path.primal is not None:
            program = program_of(statement_of(problem, each.program.choices))
            servers = strongest(received_shares(each.program, each.path.primal))
            best = min(best, needed_power(program.served_by(servers)).sufficient)
    return best


def _binding(problem: DesignProblem, need: NeededPower) -> Binding:
    """The requirement that cannot be met even without the others, or else the power of a station, or of all."""
    chosen = need.program.choices
    found = _binding_user(problem, chosen) or _binding_accuracy(problem, chosen)
    if found is not None:
        return found
    prices = need.path.best.levels[need.program.n_rows :]
    assert need.program.growing is not None
    spent = -need.program.growing[need.program.n_rows :] * prices
    blocks = problem.budgets[int(np.argmax(spent))].blocks
    name = f"power of station {blocks[0]}" if len(blocks) == 1 else "total power of the network"
    together = "users and targets can be satisfied" if chosen.servers else "each target can be located"
    return Binding(name, f"since {together} each alone, but not together", "Lower a requirement")


def _binding_user(problem: DesignProblem, chosen: Chosen) -> Binding | None:
    """The user who cannot be served even alone, or all together, where nothing has to be located."""
    users, bare = served_users(problem), replace(chosen, criteria=())
    if not users or _factor(problem, bare) <= 1.0:
        return None
    needs = [_factor(problem, replace(bare, servers={user.user: chosen.servers[user.user]})) for user in users]
    if max(needs) > 1.0:
        user = users[int(np.argmax(needs))]
        name = f"{user.quantity} of {user.user}"
        return Binding(name, "even if nobody else had to be served and nothing located", _lower(name, user))
    first = users[0]
    name = f"{first.quantity} of the users together"
    reason = "even if nothing had to be located, though each user could be served alone"
    return Binding(name, reason, _lower(name, first))


def _lower(name: str, user: MinimumSinr) -> str:
    """How to lower the requirement of a user, with the field of a scenario that has it."""
    return f"Lower the {name} (in a scenario `{SCENARIO_FIELDS.get(user.quantity, 'network')}`)"


def _binding_accuracy(problem: DesignProblem, chosen: Chosen) -> Binding | None:
    """The limit on a bound that cannot be kept even if nobody is served and nothing else located."""
    for criterion in chosen.criteria:
        alone = replace(chosen, criteria=(criterion,), servers={})
        if criterion in problem.bound_limits and _factor(problem, alone) > 1.0:
            name = f"location accuracy at {criterion}"
            lower = "Allow a larger error (in a scenario `network.target_error` or `network.target_errors`)"
            return Binding(name, "even if nobody had to be served", lower)
    return None


def _factor(problem: DesignProblem, chosen: Chosen) -> float:
    """No factor on all budgets below this one suffices for some of the requirements."""
    return needed_power(program_of(statement_of(problem, chosen))).insufficient
