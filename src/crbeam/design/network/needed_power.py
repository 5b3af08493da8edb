"""Least factor on all power budgets with which requirements of a role can be met, and what users reach at any."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from crbeam.communication.least_power import BALANCED, TRIED_POWERS, balanced
from crbeam.design.network.barrier import Servers, follow_path
from crbeam.design.network.certificate import ProvenBound, proven_bound
from crbeam.design.network.choices import Role
from crbeam.design.network.program import NetworkProgram, network_program
from crbeam.design.network.transmission import least_factor, received_shares
from crbeam.design.problem import DesignProblem

#: Gap of the programs, relative to the squared factor, and the distance of a factor from its proof that is enough.
FACTOR_GAP, ENOUGH = 1e-6, 1e-3
#: Programs in turn, each in units of the power that the last one found, and the largest factor on the way.
MAX_ROUNDS, LARGEST_FACTOR = 6, 1e30


@dataclass(frozen=True, eq=False)
class NeededPower:
    """What one set of choices takes.

    Attributes:
        bound: proof of how far the budgets fall short: no factor below its shortage suffices.
        sufficient: factor with which a transmission was found; infinite without one.
        servers: block that contributes most to each user in it.
    """

    bound: ProvenBound
    sufficient: float
    servers: Servers


def needed_power(problem: DesignProblem, role: Role, servers: Servers) -> NeededPower:
    """Least factor on all budgets for a role with given servers.

    The deciding program has users beside budgets: where these fall short by orders of magnitude it is solved again in
    units of what it found, until proof and transmission are near one another.
    """
    program, factor = network_program(problem, role), 1.0
    best: NeededPower | None = None
    for _ in range(MAX_ROUNDS):
        scaled = replace(program, budgets=factor * program.budgets).deciding()
        path = follow_path(scaled, servers, gap=FACTOR_GAP, to_its_end=True)
        evidence = scaled.evidence(path.point.multipliers, path.point.directions)
        bound = proven_bound(problem, role, servers, evidence)
        found = NeededPower(
            bound, factor * least_factor(scaled, path), _strongest(scaled, received_shares(scaled, path))
        )
        best = found if best is None else _better(best, found)
        if best.sufficient <= best.bound.shortage * (1.0 + ENOUGH) or not factor < LARGEST_FACTOR:
            break
        factor = bound.shortage if 0.0 < bound.shortage < LARGEST_FACTOR else 1e3 * factor
    assert best is not None
    return best


def _better(first: NeededPower, second: NeededPower) -> NeededPower:
    bound = max(first.bound, second.bound, key=lambda each: each.shortage)
    nearer = min(first, second, key=lambda each: each.sufficient)
    return replace(nearer, bound=bound)


def _strongest(program: NetworkProgram, shares: Float[np.ndarray, "user place"]) -> Servers:
    names = [block.name for block in program.blocks]
    return tuple((names[int(np.argmax(share))],) for share in shares)


def reach_at_any_power(role: Role, servers: Servers) -> float:
    """Largest common factor on the ratios that all users of a role reach with any power, at most 1 if it does not do.

    In the virtual uplink each user is heard by the one block that hears it best: balanced there, without noise.
    Infinite without users.
    """
    if not role.users:
        return np.inf
    gains = [max(float(np.linalg.norm(vector)) for vector in user.channels.values()) for user in role.users]
    ratios = np.array([user.minimum_sinr for user in role.users])
    arrays = []
    for block in role.blocks:
        heard = [user.channels[block] for user in role.users if block in user.channels]
        silent = np.zeros(len(heard[0]) if heard else 1)
        unit = [user.channels.get(block, silent) / gain for user, gain in zip(role.users, gains, strict=True)]
        arrays.append(np.stack(unit, axis=1))
    hears = np.array([[block in allowed for block in role.blocks] for allowed in servers], dtype=bool).T
    reach = 0.0
    for power in TRIED_POWERS:
        reach = max(reach, balanced([np.sqrt(power) * each for each in arrays], ratios, hears)[1])
        if reach > 1.0 + 10.0 * BALANCED:
            break
    return reach
