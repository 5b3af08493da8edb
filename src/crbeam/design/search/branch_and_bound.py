"""Branch and bound over boxes of choices, with a proof that survives any interruption."""

import heapq
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from crbeam.design.choices import Chosen
from crbeam.design.convex.dual import Dual
from crbeam.design.convex.evidence import Evidence, Listed
from crbeam.design.convex.presolve import presolved
from crbeam.design.convex.primal import Primal, feasible
from crbeam.design.convex.program import Program, factor_program
from crbeam.design.convex.shortage import least_factor
from crbeam.design.convex.solution import path_of
from crbeam.design.problem import DesignProblem
from crbeam.design.progress import report_bounds
from crbeam.design.search.boxes import is_final, require_programs, split, why_empty, with_members
from crbeam.design.search.listing import Listing, exchanged, parted, values_at
from crbeam.design.search.members import possible_sizes, selection_of
from crbeam.design.search.rules import greedy_set, sets_about
from crbeam.design.search.shortage import ROUNDING, infeasible, received_shares, strongest
from crbeam.design.search.users_alone import virtual_powers
from crbeam.errors import SolverFailed
from crbeam.information import Transmission
from crbeam.linalg import one_blas_thread

#: Share of the wanted gap that the solver of one program may leave.
PROGRAM_SHARE = 0.1
#: Relative gap to which transmissions for final choices are found.
FINAL_GAP = 1e-7
#: Sets from which exchanges start for the box of everything.
MOST_STARTS = 8


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

    @property
    def sent(self) -> Transmission:
        """Covariance of every block of the program's statement, in watt."""
        statement = self.program.statement
        sent = {block: np.zeros((statement.size_of(block),) * 2, dtype=complex) for block in statement.blocks}
        for cone, streams in zip(self.program.cones, self.primal.streams, strict=True):
            total = np.diag(streams.sum(axis=0)) if cone.is_line else streams.sum(axis=0)
            sent[cone.name] = sent[cone.name] + self.program.unit_w * cone.basis @ total @ cone.basis.conj().T
        return Transmission(sent)

    def of_all(self, problem: DesignProblem) -> Transmission:
        """What is sent in the blocks of a problem, by undecided members as if they took part wholly."""
        sent, silent = self.sent, Transmission.silent(problem.antennas)
        own = {block: sent[block] for block in problem.blocks if block in sent}
        for part in self.program.statement.lifted:
            is_own = part.reference_basis is None and part.block in own
            power_w = float(np.trace(own[part.block]).real) if is_own else 0.0
            if power_w > 0.0:
                own[part.block] = (part.most_w / power_w) * own[part.block]
        return silent.replaced(own)


@dataclass(frozen=True, eq=False)
class Node:
    """A box of choices that may still hold the optimum.

    Attributes:
        chosen: the box.
        lower_bound: proven.
        parent: the node that was split; None for a box that is not part of another.
        evidence: of the bound, for this box; None where the bound is that of the parent, or nothing can be feasible.
        program: of the box, once it is known.
        is_solved: whether the program was.
        shares: what each block contributes to each user at the optimum of the relaxation.
        participation: how far each undecided member takes part there.
        listed: what proves the bound where sets are listed.
    """

    chosen: Chosen
    lower_bound: float
    parent: "Node | None" = None
    evidence: Evidence | None = None
    program: Program | None = None
    is_solved: bool = False
    shares: Mapping[str, Mapping[str, float]] | None = None
    participation: Mapping[str, float] | None = None
    listed: Listed | None = None

    @property
    def proof(self) -> Evidence | Listed:
        """What proves the bound; of a box in which nothing can be feasible, and of one without a bound, the box."""
        return self.listed or self.evidence or Evidence((), np.zeros(0), np.zeros(0), np.zeros(0), self.chosen)


@dataclass(frozen=True)
class Effort:
    """When a search ends: at a certified gap, after a time, after a number of programs.

    Only transmissions with less than the cutoff are looked for.
    """

    tolerance: float = 1e-4
    time_limit_s: float = np.inf
    max_programs: int = 10**9
    cutoff: float = np.inf


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a search found.

    Attributes:
        best: the transmission of least objective, or None.
        leaves: nodes that cover all choices, each with its proof.
        programs: number of convex programs solved.
        hit_limit: whether time or the number of programs ended it.
        trace: objective of the best transmission (inf without one) and proven bound, after each program.
    """

    best: Found | None
    leaves: tuple[Node, ...]
    programs: int
    hit_limit: bool
    trace: tuple[tuple[float, float], ...]


def starting_nodes(problem: DesignProblem, roles: Sequence[Chosen]) -> list[Node]:
    """One node for each box in which something may be feasible, with the bound of the users alone.

    Raises:
        Infeasible: there is no box in which every user hears a block that may serve it, or some set keeps the budget.
        Unidentifiable: no transmission of any box determines what a bound is of.
        InvalidInput: constraints do not fit together.
    """
    return [bounded(program) for program in require_programs(problem, roles)]


def listed_nodes(listing: Listing, roles: Sequence[Chosen]) -> list[Node]:
    """One node for each box, with the bound at full power of what is listed in it."""
    return [Node(role, listing.bound(role, 1.0), listed=Listed(role, None)) for role in roles]


def bounded(program: Program, parent: Node | None = None) -> Node:
    """Node with the better of its parent's bound and that of the users alone."""
    chosen = program.choices
    bound, evidence = _users_alone(program)
    if parent is not None and bound <= parent.lower_bound:
        return Node(chosen, parent.lower_bound, parent, program=program)
    return Node(chosen, bound, parent, evidence, program)


def _users_alone(program: Program) -> tuple[float, Evidence]:
    """What the users take if nothing else is asked for; 0 where some of them know streams that disturb others."""
    users, statement = [part.cancels for part in program.users], program.statement
    powers = np.zeros(program.n_rows) if any(users) or len(users) < program.n_rows else virtual_powers(program)
    powers = powers if np.all(np.isfinite(powers)) else np.zeros_like(powers)
    asked, given = float(program.levels[: powers.size] @ powers), -float(program.levels[powers.size :].sum())
    price = statement.price
    bound = np.inf if asked > given * (1.0 + ROUNDING) else price * program.unit_w * asked
    if not powers.any():
        responses = tuple(np.zeros_like(term.selection) for term in statement.terms)
        scales = np.full(len(statement.scales), 1e-300)
        rows, limits = np.zeros(len(statement.rows)), np.zeros(len(statement.limits))
        return 0.0, Evidence(responses, scales, rows, limits, program.choices)
    prices = np.full(len(statement.limits), 0.0 if price else 1.0)
    multipliers = (price or 1.0) * program.unit_w * powers / program.row_units
    return bound, Evidence((), np.zeros(0), multipliers, prices, replace(program.choices, criteria=()))


@dataclass(frozen=True, eq=False)
class Solved:
    """A node with what its program tells, and the transmission at the program's optimum, if there is one."""

    node: Node
    found: Found | None


def solved(node: Node, *, gap: float, cutoff: float = np.inf, deadline: float = np.inf) -> Solved:
    """Node with the bound of its convex program, and the transmission at the program's optimum.

    Args:
        node: has its program.
        gap: relative, at which the program ends.
        cutoff: bound beyond which the rest is of no account.
        deadline: time at which the program ends anyway, on the clock of `time.perf_counter`.
    """
    assert node.program is not None
    with one_blas_thread(), np.errstate(all="ignore"):
        program = presolved(node.program)
        path = path_of(program, gap=gap, stop_above=cutoff / program.unit, deadline=deadline)
        bound, best, primal = program.unit * path.value, path.evidence(program), path.primal
        if primal is None and bound < cutoff and time.perf_counter() < deadline:
            path = least_factor(program)
            if path.value > 1.0 + ROUNDING:
                bound, best = np.inf, path.evidence(factor_program(program))
            elif path.primal is not None:
                primal = feasible(Dual(program), path.primal.streams, None)
    shares = participation = None
    if path.primal is not None:
        shares = received_shares(program, path.primal)
        participation = _participation(Found(program, path.primal))
    found = None if primal is None else Found(program, primal)
    known = replace(node, is_solved=True, shares=shares, participation=participation)
    return Solved(known if bound < node.lower_bound else replace(known, lower_bound=bound, evidence=best), found)


def _participation(found: Found) -> dict[str, float]:
    """How far each undecided member takes part."""
    sent, known = found.sent, dict[str, float]()
    for each in found.program.statement.lifted:
        known[each.name] = max(known.get(each.name, 0.0), each.participation(sent))
    return known


class _Search:
    """State of a search; it never leaves this module."""

    def __init__(self, problem: DesignProblem, effort: Effort) -> None:
        self.problem, self.effort = problem, effort
        self.began = time.perf_counter()
        self.best: Found | None = None
        self.closed: list[Node] = []
        self.heap: list[tuple[float, int, Node]] = []
        self.numbers = count()
        self.tried: set[tuple] = set()
        self.programs = 0
        self.trace: list[tuple[float, float]] = []

    @property
    def best_objective(self) -> float:
        return self.effort.cutoff if self.best is None else self.best.objective

    @property
    def cutoff(self) -> float:
        """Bounds from here on are near enough to the best transmission."""
        return self.best_objective * (1.0 - 0.5 * self.effort.tolerance)

    @property
    def deadline(self) -> float:
        return self.began + self.effort.time_limit_s

    @property
    def is_over(self) -> bool:
        """Whether time or programs are used up."""
        return time.perf_counter() > self.deadline or self.programs >= self.effort.max_programs

    def push(self, node: Node) -> None:
        """Keep a node for later, the one of least bound first."""
        heapq.heappush(self.heap, (node.lower_bound, next(self.numbers), node))

    def push_narrowed(self, node: Node) -> None:
        """Keep a node, without numbers of members that no set within the budget has, which are closed."""
        selection = selection_of(self.problem)
        sizes = None if selection is None else possible_sizes(selection, node.chosen)
        if sizes is None or sizes[1] == node.chosen.sizes[1]:
            self.push(node)
            return
        least, most = node.chosen.sizes
        narrowed = why_empty(self.problem, replace(node.chosen, sizes=(least, sizes[1])))
        if not isinstance(narrowed, Program):
            self.push(node)
            return
        self.push(bounded(narrowed))
        self.closed.append(Node(replace(node.chosen, sizes=(sizes[1] + 1, most)), np.inf))

    def solve(self, node: Node) -> Solved:
        """Solve the program of a node, and take its transmission if it is allowed and the best."""
        gap = PROGRAM_SHARE * self.effort.tolerance
        gap = min(gap, FINAL_GAP) if is_final(self.problem, node.chosen) else gap
        result = solved(node, gap=gap, cutoff=self.cutoff, deadline=self.deadline)
        self.programs += 1
        is_better = result.found is not None and result.found.objective < self.best_objective
        if is_better and is_final(self.problem, node.chosen):
            self.best = result.found
        least = min([result.node.lower_bound, *(each[0] for each in self.heap[:1])])
        self.trace.append((self.best_objective, min(least, self.best_objective)))
        report_bounds(*self.trace[-1])
        return result

    def try_final(self, program: Program) -> None:
        """Solve a program in which nothing is left to choose, unless it was."""
        if not self.is_new(program.choices):
            return
        trial = bounded(program)
        if trial.lower_bound < self.cutoff:
            self.solve(trial)

    def round(self, result: Solved) -> None:
        """Try the choices that a solved relaxation suggests."""
        node, program = result.node, result.node.program
        assert program is not None
        if node.chosen.undecided and result.found is not None:
            members = self.suggested(node, result.found)
            able = why_empty(self.problem, with_members(node.chosen, members)) if members else None
            if not isinstance(able, Program):
                return
            program = able
        if not is_final(self.problem, program.choices):
            if node.chosen.undecided or node.shares is None:
                return
            program = program.served_by(strongest(node.shares))
        self.try_final(program)

    def suggested(self, node: Node, found: Found) -> tuple[str, ...]:
        """Members by how far they take part, then by exchanges for what is sent; empty if no set is met that way."""
        selection = selection_of(self.problem)
        assert selection is not None
        members = greedy_set(selection, node.chosen, node.participation or {})
        if len(self.problem.active_criteria) > 1:
            return members
        values = values_at(self.problem, found.of_all(self.problem))
        starts = [members] if members else []
        if node.parent is None and selection.costs is not None:
            sets = values.ordered(sets_about(selection))[: MOST_STARTS - 1]
            starts += [tuple(np.array(selection.names)[row].tolist()) for row in sets]
        return values.best([exchanged(values, selection, node.chosen, each) for each in starts], selection)

    def expand(self, node: Node) -> None:
        """Replace a node by what is known after its program is solved."""
        if node.program is None:
            found = why_empty(self.problem, node.chosen)
            if not isinstance(found, Program):
                self.closed.append(replace(node, lower_bound=np.inf))
                return
            node = replace(node, program=found)
        can_end = is_final(self.problem, node.chosen)
        if not node.is_solved:
            result = self.solve(node)
            node = result.node
            if node.lower_bound < self.cutoff and not can_end and node.shares is not None:
                self.round(result)
        if node.lower_bound >= self.cutoff or can_end:
            self.closed.append(node)
            return
        assert node.program is not None
        size = 0 if self.best is None else len(self.best.program.choices.members)
        for box in split(self.problem, node.chosen, node.shares, node.participation, size):
            if node.chosen.undecided:
                self.push(Node(box, node.lower_bound, node))
            else:
                self.push(bounded(node.program.served_by(box.servers), node))

    def expand_listed(self, node: Node, listing: Listing) -> None:
        """Solve the program of the best set of a box, which limits all its subsets, and split the box by it."""
        members = listing.best(node.chosen)
        chosen = with_members(node.chosen, members)
        if not members or not self.is_new(chosen):
            self.closed.append(node if members else replace(node, lower_bound=np.inf))
            return
        found, given = why_empty(self.problem, chosen), node.listed and node.listed.evidence
        evidence = self.solve(bounded(found)).node.evidence if isinstance(found, Program) else None
        limits = [listing.limit_of(each) for each in (evidence, given)]
        best = evidence if limits[0] < limits[1] else given
        for place, box in enumerate(parted(node.chosen, members)):
            limit, known = (min(limits), best) if place == 0 else (limits[1], given)
            self.push(Node(box, listing.bound(box, limit), node, listed=Listed(box, known)))

    def is_new(self, chosen: Chosen) -> bool:
        """Whether a final choice was not tried yet; it counts as tried from now on."""
        key = (chosen.receiver, tuple(chosen.servers.values()), frozenset(chosen.members))
        was_tried = key in self.tried
        self.tried.add(key)
        return not was_tried

    def leaves(self) -> tuple[Node, ...]:
        """Nodes that cover everything, each with a proof of its own: of a box without one the box that was split."""
        found = [*self.closed, *(node for _, _, node in self.heap)]
        standing = {id(node): node for node in map(_proven, found)}
        return tuple(node for node in standing.values() if not any(id(each) in standing for each in _above(node)))


def _proven(node: Node) -> Node:
    """The node, or the nearest one above it that has evidence; as it is where nothing can be feasible."""
    while node.evidence is None and node.listed is None and node.parent is not None and np.isfinite(node.lower_bound):
        node = node.parent
    return node


def _above(node: Node) -> list[Node]:
    found = []
    while node.parent is not None:
        node = node.parent
        found.append(node)
    return found


def best_transmission(
    problem: DesignProblem, roles: Sequence[Chosen], effort: Effort, listing: Listing | None = None
) -> Outcome:
    """Transmission of least objective over all choices in some boxes, with a proof.

    The box of least bound comes first. Each is relaxed: every station that may serve a user does, without coherence,
    and members take part as far as limits allow. The choice that this suggests is tried; if a gap stays, the box is
    split. Where sets are listed, a box is judged by the best of them instead, and the proof is for what is listed.
    """
    search = _Search(problem, effort)
    for node in starting_nodes(problem, roles) if listing is None else listed_nodes(listing, roles):
        search.push_narrowed(node) if listing is None else search.push(node)
    while search.heap and search.heap[0][0] < search.cutoff and not search.is_over:
        node = heapq.heappop(search.heap)[2]
        search.expand(node) if listing is None else search.expand_listed(node, listing)
    unfinished = bool(search.heap and search.heap[0][0] < search.cutoff)
    return Outcome(search.best, search.leaves(), search.programs, unfinished, tuple(search.trace))


def relaxed(problem: DesignProblem, roles: Sequence[Chosen], *, gap: float) -> list[Solved]:
    """The relaxation of each box, solved."""
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
        proofs = [proof for proof in (node.proof for node in nodes) if isinstance(proof, Evidence)]
        raise infeasible(problem, [node.program for node in nodes if node.program], proofs)
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
