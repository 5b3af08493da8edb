"""Branch and bound over who listens and who serves whom, with a proof that survives any interruption."""

import heapq
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import prod

import numpy as np

from crbeam.design.network.barrier import CentralPath, Servers, follow_path
from crbeam.design.network.choices import Role, is_associated
from crbeam.design.network.cover import require_programs
from crbeam.design.network.fixed_point import virtual_powers
from crbeam.design.network.leaf import Evidence, Leaf
from crbeam.design.network.program import NetworkProgram
from crbeam.design.network.shortage import FEASIBILITY_GAP, infeasible
from crbeam.design.network.transmission import Transmission, received_shares, repaired
from crbeam.design.problem import DesignProblem
from crbeam.design.progress import report_bounds
from crbeam.errors import SolverFailed

#: Share of the wanted gap that the solver of one program may leave.
PROGRAM_SHARE = 0.1
#: Gap of a second attempt where rounding kept a transmission from its budgets.
COARSE_GAP = 1e-4


@dataclass(frozen=True, eq=False)
class Node:
    """A set of choices that may still hold the optimum.

    Attributes:
        program: of its role.
        servers: blocks that may serve each user.
        lower_bound: proven.
        evidence: of the bound.
        shares: what each block contributes to each user at the optimum of the relaxation, once it is solved.
    """

    program: NetworkProgram
    servers: Servers
    lower_bound: float
    evidence: Evidence
    shares: np.ndarray | None = None

    @property
    def leaf(self) -> Leaf:
        """The node as a part of a proof."""
        return Leaf(self.program.role.receiver, self.servers, self.evidence)


@dataclass(frozen=True)
class Effort:
    """When a search ends: at a certified gap, after a time, after a number of programs."""

    tolerance: float = 1e-4
    time_limit_s: float = np.inf
    max_programs: int = 10**9


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a search found.

    Attributes:
        best: the transmission of least power, or None.
        leaves: nodes that cover all choices, each with its proof.
        programs: number of convex programs solved.
        hit_limit: whether time or the number of programs ended it.
        trace: power of the best transmission (inf without one) and proven bound, after each program.
    """

    best: Transmission | None
    leaves: tuple[Node, ...]
    programs: int
    hit_limit: bool
    trace: tuple[tuple[float, float], ...]


def starting_nodes(problem: DesignProblem, roles: Sequence[Role]) -> list[Node]:
    """One node for each role in which something may be feasible, with the bound of the users alone.

    Raises:
        Infeasible: there is no role in which every user hears a block that may serve it.
        Unidentifiable: no transmission of any role determines what a bound is of.
        InvalidInput: constraints do not fit together.
    """
    return [bounded(program, program.role.servers) for program in require_programs(problem, roles)]


def bounded(program: NetworkProgram, servers: Servers, parent: Node | None = None) -> Node:
    """Node with the better of its parent's bound and that of the users alone."""
    nothing = tuple(np.zeros_like(bound.selection) for bound in program.bounds)
    powers = virtual_powers(program, servers) if all(servers) else np.full(len(servers), np.inf)
    if np.all(np.isfinite(powers)):
        bound = program.lower_bound(servers, powers, nothing)
        if parent is None or bound > parent.lower_bound:
            return Node(program, servers, bound, program.evidence(powers, nothing))
    if parent is None:
        return Node(program, servers, 0.0, program.evidence(np.zeros(len(servers)), nothing))
    return replace(parent, servers=servers, shares=None)


@dataclass(frozen=True, eq=False)
class _Solved:
    node: Node
    found: Transmission | None


def solved(node: Node, *, gap: float, cutoff: float = np.inf) -> _Solved:
    """Node with the bound of its convex program, and the transmission at the program's optimum."""
    path = follow_path(node.program, node.servers, gap=gap, cutoff=cutoff)
    found = repaired(node.program, path) if path.lower_bound < cutoff else None
    if found is None and path.lower_bound < cutoff:
        path, found = _decided(node, path)
    shares = received_shares(node.program, path)
    if path.lower_bound < node.lower_bound:
        return _Solved(replace(node, shares=shares), found)
    evidence = node.program.evidence(path.point.multipliers, path.point.directions)
    return _Solved(replace(node, lower_bound=path.lower_bound, evidence=evidence, shares=shares), found)


def _decided(node: Node, path: CentralPath) -> tuple[CentralPath, Transmission | None]:
    """Whether the budgets suffice, where the least power came near them: proof that they do not, or a transmission."""
    unpriced = node.program.deciding()
    trial = follow_path(unpriced, node.servers, gap=FEASIBILITY_GAP)
    bound = node.program.lower_bound(node.servers, trial.point.multipliers, trial.point.directions)
    if bound > path.lower_bound:
        return replace(trial, lower_bound=bound), None
    coarse = follow_path(node.program, node.servers, gap=COARSE_GAP)
    return path, repaired(node.program, coarse) or repaired(node.program, trial)


def rounded(node: Node) -> Servers:
    """Every user served by the block that contributes most to it."""
    assert node.shares is not None
    names = [block.name for block in node.program.blocks]
    return tuple((names[int(np.argmax(share))],) for share in node.shares)


class _Search:
    """State of a search; it never leaves this module."""

    def __init__(self, associated: bool, effort: Effort):
        self.associated, self.effort = associated, effort
        self.began = time.perf_counter()
        self.best: Transmission | None = None
        self.closed: list[Node] = []
        self.heap: list[tuple[float, int, Node]] = []
        self.numbers = count()
        self.tried: set[tuple[str, Servers]] = set()
        self.programs = 0
        self.trace: list[tuple[float, float]] = []

    @property
    def best_objective(self) -> float:
        return np.inf if self.best is None else self.best.objective

    @property
    def cutoff(self) -> float:
        """Bounds from here on are near enough to the best transmission."""
        return self.best_objective * (1.0 - 0.5 * self.effort.tolerance)

    @property
    def is_over(self) -> bool:
        """Whether time or programs are used up."""
        spent_s = time.perf_counter() - self.began
        return spent_s > self.effort.time_limit_s or self.programs >= self.effort.max_programs

    def push(self, node: Node) -> None:
        """Keep a node for later, the one of least bound first."""
        heapq.heappush(self.heap, (node.lower_bound, next(self.numbers), node))

    def solve(self, node: Node) -> Node:
        """Solve the program of a node, and take its transmission if it is allowed and the best."""
        cutoff = self.cutoff
        result = solved(node, gap=PROGRAM_SHARE * self.effort.tolerance, cutoff=cutoff)
        self.programs += 1
        if result.found is not None and self.is_final(node) and result.found.objective < self.best_objective:
            self.best = result.found
        least = min([result.node.lower_bound, *(each[0] for each in self.heap[:1])])
        self.trace.append((self.best_objective, min(least, self.best_objective)))
        report_bounds(*self.trace[-1])
        return result.node

    def is_final(self, node: Node) -> bool:
        """Whether nothing is left to choose."""
        return not self.associated or prod(map(len, node.servers)) == 1

    def round(self, node: Node) -> None:
        """Try the association that a solved relaxation suggests."""
        servers = rounded(node)
        key = (node.program.role.receiver, servers)
        if key in self.tried:
            return
        self.tried.add(key)
        trial = bounded(node.program, servers)
        if trial.lower_bound < self.cutoff:
            self.solve(trial)

    def expand(self, node: Node) -> None:
        """Replace a node by what is known after its program is solved."""
        if node.shares is None:
            node = self.solve(node)
            if node.lower_bound < self.cutoff and not self.is_final(node):
                self.round(node)
        if node.lower_bound >= self.cutoff or self.is_final(node):
            self.closed.append(node)
            return
        assert node.shares is not None
        largest = [
            share.max() if len(allowed) > 1 else np.inf
            for share, allowed in zip(node.shares, node.servers, strict=True)
        ]
        user = int(np.argmin(largest))
        for block in node.servers[user]:
            servers = (*node.servers[:user], (block,), *node.servers[user + 1 :])
            self.push(bounded(node.program, servers, node))


def least_power(problem: DesignProblem, roles: Sequence[Role], effort: Effort) -> Outcome:
    """Transmission of least power over all roles and associations, with a proof.

    The node of least bound comes first. Each is relaxed: every station that may serve a user does, without coherence.
    The suggested association is tried; if a gap stays, the user whose largest contribution is smallest is branched on.
    """
    search = _Search(is_associated(problem), effort)
    for node in starting_nodes(problem, roles):
        search.push(node)
    while search.heap and search.heap[0][0] < search.cutoff and not search.is_over:
        search.expand(heapq.heappop(search.heap)[2])
    unfinished = bool(search.heap and search.heap[0][0] < search.cutoff)
    leaves = (*search.closed, *(node for _, _, node in search.heap))
    return Outcome(search.best, leaves, search.programs, unfinished, tuple(search.trace))


def relaxed(problem: DesignProblem, roles: Sequence[Role], *, gap: float) -> list[_Solved]:
    """The relaxation of each role, solved."""
    return [solved(node, gap=gap) for node in starting_nodes(problem, roles)]


def require_transmission(problem: DesignProblem, outcome: Outcome) -> Transmission:
    """The transmission of an outcome.

    Raises:
        Infeasible: nothing meets the requirements, with the one that binds.
        SolverFailed: none was found, though nothing rules one out.
    """
    return require_feasible(problem, outcome.best, outcome.leaves, hit_limit=outcome.hit_limit)


def require_feasible(
    problem: DesignProblem, found: Transmission | None, nodes: Sequence[Node], *, hit_limit: bool = False
) -> Transmission:
    """A transmission, if there is one; nodes tell why there is none.

    Raises:
        Infeasible: no choice of the nodes meets the requirements.
        SolverFailed: none was found, though nothing rules one out.
    """
    if found is not None:
        return found
    proof = infeasible(problem, [node.leaf for node in nodes], [node.program.role for node in nodes])
    if proof is not None:
        raise proof
    if hit_limit:
        raise SolverFailed(
            "The time limit must leave time for a first transmission that meets the requirements, but ended the search "
            "before there was one; nothing proves that there is none. Allow more time (`time_limit_s`).",
            status="time_limit",
        )
    raise SolverFailed(
        "A transmission that meets the requirements must be found, but there was none, and no proof that there is "
        "none. Lower the requirements slightly.",
        status="not found",
    )
