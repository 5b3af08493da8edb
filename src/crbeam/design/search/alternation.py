"""Alternation between who listens and everything else, as published for networks."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.design.convex.program import Program
from crbeam.design.problem import DesignProblem
from crbeam.design.search.big_m import BigM, Point, big_m_network, chosen_covariances, chosen_transmitters
from crbeam.design.search.boxes import require_programs, roles_of
from crbeam.design.search.branch_and_bound import relaxed
from crbeam.design.search.shortage import strongest

#: Gap of the relaxations from which a run may start.
START_GAP = 1e-4
#: First choices from which a run can set out.
STARTS = ("uniform", "nearest", "relaxation")


@dataclass(frozen=True, eq=False)
class Run:
    """Where an alternation ended.

    Attributes:
        program: of the choices that it is nearest to.
        indecision: `sum a - a^2 + sum b - b^2` before rounding.
        trace: penalised power in watt at the start and after each iteration.
        programs: number of convex programs.
        ended: how, in words.
    """

    program: Program
    indecision: float
    trace: tuple[float, ...]
    programs: int
    ended: str


def alternate(problem: DesignProblem, *, penalty_w: float, tolerance: float, max_iterations: int, start: str) -> Run:
    """Algorithm 1: b from one program, everything else from another, until the penalised power hardly changes.

    A last iteration that rounding of the solver lets rise is not taken.

    Reference: xu2023 Algorithm 1.
    """
    programs = require_programs(problem, roles_of(problem))
    network = big_m_network(problem, [each.choices for each in programs], max(each.unit_w for each in programs))
    transmits, serves, spent = _start(network, problem, start)
    penalty = penalty_w / network.unit_w
    point = chosen_covariances(network, transmits, serves, penalty, is_fixed=True)
    spent += 1
    if point is None:
        return _run(network, programs, transmits, serves, (), spent, "nothing is feasible at the start")
    trace, ended = [_value(network, point, penalty)], "limit on iterations"
    for _ in range(max_iterations):
        found = chosen_transmitters(network, point, penalty)
        chosen = point.transmits if found is None else found
        moved = chosen_covariances(network, chosen, point.serves, penalty)
        spent += 2
        if moved is None:
            ended = "no solution of the second program"
            break
        value, last = _value(network, moved, penalty), trace[-1]
        if abs(value - last) <= tolerance * abs(value):
            point, ended = moved if value < last else point, "converged"
            trace.append(min(value, last))
            break
        point = moved
        trace.append(value)
    return _run(network, programs, point.transmits, point.serves, tuple(trace), spent, ended)


def _value(network: BigM, point: Point, penalty: float) -> float:
    return network.unit_w * (point.power + penalty * point.indecision)


def _start(network: BigM, problem: DesignProblem, start: str) -> tuple[np.ndarray, np.ndarray, int]:
    """b, a and the number of programs that they took."""
    users = len(network.factors)
    able = np.array([[network.may_serve(place, user) for user in range(users)] for place in range(len(network.bases))])
    transmits = np.ones(len(network.bases))
    if start == "uniform":
        transmits[network.listening] -= 1.0 / len(network.listening)
        return transmits, able / able.sum(axis=0), 0
    transmits[network.listening[0]] = 0.0
    if start == "nearest":
        able = able & (transmits > 0.0)[:, None]
        return transmits, able / able.sum(axis=0), 0
    nodes = [each.node for each in relaxed(problem, network.roles, gap=START_GAP)]
    best = min(nodes, key=lambda node: node.lower_bound)
    transmits = np.ones(len(network.bases))
    transmits[network.listening[nodes.index(best)]] = 0.0
    serves = np.zeros(able.shape)
    assert best.shares is not None
    for user, (block,) in enumerate(strongest(best.shares).values()):
        serves[problem.blocks.index(block), user] = 1.0
    return transmits, serves, len(nodes)


def _run(
    network: BigM,
    programs: list[Program],
    transmits: Float[np.ndarray, " station"],
    serves: Float[np.ndarray, "station user"],
    trace: tuple[float, ...],
    spent: int,
    ended: str,
) -> Run:
    """The nearest role and association: least b, largest a."""
    nearest = int(np.argmin(transmits[network.listening]))
    program = programs[nearest]
    names = network.problem.blocks
    servers = {}
    for place, (user, allowed) in enumerate(program.choices.servers.items()):
        servers[user] = (max(allowed, key=lambda name: serves[names.index(name), place]),)
    point = Point(transmits, serves, [], [], np.zeros((0, 0)))
    return Run(program.served_by(servers), point.indecision, trace, spent, ended)
