"""Branch and bound over who listens and who serves whom, with a proof that survives any interruption."""

import heapq
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import prod

import numpy as np

from crbeam.design.convex.dual import Dual
from crbeam.design.convex.evidence import Chosen, Evidence
from crbeam.design.convex.path import follow_path
from crbeam.design.convex.primal import Primal, feasible
from crbeam.design.convex.program import Program, factor_program
from crbeam.design.convex.shortage import least_factor
from crbeam.design.network.choices import is_associated
from crbeam.design.network.cover import require_programs
from crbeam.design.network.shortage import ROUNDING, infeasible, received_shares, strongest
from crbeam.design.network.users_alone import virtual_powers
from crbeam.design.problem import DesignProblem
from crbeam.design.progress import report_bounds
from crbeam.errors import SolverFailed

#: Share of the wanted gap that the solver of one program may leave.
PROGRAM_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Found:
    """A feasible transmission of a program.

    Attributes:
        program: of the choices that it keeps.
        primal: the transmission.
    """

    program: Program
    primal: Primal

    @property
    def objective(self) -> float:
        """Power in watt, or the sum of the minimised bounds."""
        return self.program.unit * self.primal.objective


@dataclass(frozen=True, eq=False)
class Node:
    """A set of choices that may still hold the optimum.

    Attributes:
        program: of these choices.
        lower_bound: proven.
        evidence: of the bound.
        shares: what each block contributes to each user at the optimum of the relaxation, once it is solved.
    """

    program: Program
    lower_bound: float
    evidence: Evidence
    shares: Mapping[str, Mapping[str, float]] | None = None


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

    best: Found | None
    leaves: tuple[Node, ...]
    programs: int
    hit_limit: bool
    trace: tuple[tuple[float, float], ...]


def starting_nodes(problem: DesignProblem, roles: Sequence[Chosen]) -> list[Node]:
    """One node for each role in which something may be feasible, with the bound of the users alone.

    Raises:
        Infeasible: there is no role in which every user hears a block that may serve it.
        Unidentifiable: no transmission of any role determines what a bound is of.
        InvalidInput: constraints do not fit together.
    """
    return [bounded(program) for program in require_programs(problem, roles)]


def bounded(program: Program, parent: Node | None = None) -> Node:
    """Node with the better of its parent's bound and that of the users alone."""
    powers = virtual_powers(program)
    powers = powers if np.all(np.isfinite(powers)) else np.zeros_like(powers)
    asked, given = float(program.levels[: powers.size] @ powers), -float(program.levels[powers.size :].sum())
    price = program.statement.price
    bound = np.inf if asked > given * (1.0 + ROUNDING) else price * program.unit_w * asked
    if parent is not None and bound <= parent.lower_bound:
        assert parent.evidence.chosen is not None
        chosen = replace(program.choices, criteria=parent.evidence.chosen.criteria)
        return Node(program, parent.lower_bound, replace(parent.evidence, chosen=chosen))
    prices = np.full(len(program.statement.limits), 0.0 if price else 1.0)
    multipliers = (price or 1.0) * program.unit_w * powers / program.row_units
    chosen = replace(program.choices, criteria=())
    return Node(program, bound, Evidence((), np.zeros(0), multipliers, prices, chosen))


@dataclass(frozen=True, eq=False)
class Solved:
    """A node with what its program tells, and the transmission at the program's optimum, if there is one."""

    node: Node
    found: Found | None


def solved(node: Node, *, gap: float, cutoff: float = np.inf) -> Solved:
    """Node with the bound of its convex program, and the transmission at the program's optimum."""
    program = node.program
    dual = Dual(program)
    path = follow_path(dual, gap=gap, stop_above=cutoff / program.unit)
    bound, best, primal = program.unit * path.value, path.evidence(program), path.primal
    if primal is None and bound < cutoff:
        path = least_factor(program)
        if path.value > 1.0 + ROUNDING:
            bound, best = np.inf, path.evidence(factor_program(program))
        elif path.primal is not None:
            primal = feasible(dual, path.primal.streams, None)
    shares = None if path.primal is None else received_shares(program, path.primal)
    found = None if primal is None else Found(program, primal)
    if bound < node.lower_bound:
        return Solved(replace(node, shares=shares), found)
    return Solved(replace(node, lower_bound=bound, evidence=best, shares=shares), found)


class _Search:
    """State of a search; it never leaves this module."""

    def __init__(self, associated: bool, effort: Effort):
        self.associated, self.effort = associated, effort
        self.began = time.perf_counter()
        self.best: Found | None = None
        self.closed: list[Node] = []
        self.heap: list[tuple[float, int, Node]] = []
        self.numbers = count()
        self.tried: set[tuple[str, tuple[tuple[str, ...], ...]]] = set()
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
        return not self.associated or prod(map(len, node.program.choices.servers.values())) == 1

    def round(self, node: Node) -> None:
        """Try the association that a solved relaxation suggests."""
        assert node.shares is not None
        servers = strongest(node.shares)
        key = (node.program.choices.receiver, tuple(servers.values()))
        if key in self.tried:
            return
        self.tried.add(key)
        trial = bounded(node.program.served_by(servers))
        if trial.lower_bound < self.cutoff:
            self.solve(trial)

    def expand(self, node: Node) -> None:
        """Replace a node by what is known after its program is solved."""
        if node.shares is None:
            node = self.solve(node)
            if node.lower_bound < self.cutoff and not self.is_final(node) and node.shares is not None:
                self.round(node)
        if node.lower_bound >= self.cutoff or self.is_final(node):
            self.closed.append(node)
            return
        servers = node.program.choices.servers
        user = min((user for user, allowed in servers.items() if len(allowed) > 1), key=lambda user: _most(node, user))
        for block in servers[user]:
            self.push(bounded(node.program.served_by({**servers, user: (block,)}), node))


def _most(node: Node, user: str) -> float:
    """Largest share of the wanted power of a user that one block contributes."""
    share = np.array([] if node.shares is None else list(node.shares[user].values()))
    return float(share.max() / max(share.sum(), 1e-300)) if share.size else 1.0


def least_power(problem: DesignProblem, roles: Sequence[Chosen], effort: Effort) -> Outcome:
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


def relaxed(problem: DesignProblem, roles: Sequence[Chosen], *, gap: float) -> list[Solved]:
    """The relaxation of each role, solved."""
    return [solved(node, gap=gap) for node in starting_nodes(problem, roles)]


def require_transmission(problem: DesignProblem, outcome: Outcome) -> Found:
    """The transmission of an outcome.

    Raises:
        Infeasible: nothing meets the requirements, with the one that binds.
        SolverFailed: none was found, though nothing rules one out.
    """
    return require_feasible(problem, outcome.best, outcome.leaves, hit_limit=outcome.hit_limit)


def require_feasible(
    problem: DesignProblem, found: Found | None, nodes: Sequence[Node], *, hit_limit: bool = False
) -> Found:
    """A transmission, if there is one; nodes tell why there is none.

    Raises:
        Infeasible: no choice of the nodes meets the requirements.
        SolverFailed: none was found, though nothing rules one out.
    """
    if found is not None:
        return found
    if all(np.isinf(node.lower_bound) for node in nodes):
        raise infeasible(problem, [node.program for node in nodes], [node.evidence for node in nodes])
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
