"""The optimum of a design problem under budgets, codebooks and ties, with any objective of bounds.

Constant moduli are left to others: what is found without them bounds what can be reached with them.

A weighted bound goes through the engine, a `Tail` through a search over the shares of its samples (`scale_search`). A
`Hinge` is first tried on the transmission of least weighted bound, which often meets all thresholds. If it does not, a
search over slopes minimises the hinge itself. While that proves nothing the thresholds may all be met, and many
transmissions have the value 0: a search over the multipliers of the thresholds looks for the one of least weighted
bound among them. What none of these finds goes to the dual of all convex problems (`convex`), as do problems with
other constraints. `EngineMethod` is what methods derive from that minimise the objective itself in this way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.certificate import objective_at
from crbeam.design.constraints import Codebook, ConstantModulus, PowerBudget, TiedBlocks
from crbeam.design.convex.certificate import certificate
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.convex.statement import Statement, statement_of
from crbeam.design.engine import EngineResult, reduce_problem, reduce_problems, solve_reduced, solve_reduced_many
from crbeam.design.engine.reduction import ReducedProblem
from crbeam.design.engine.solver import DESCENT_LIMIT, EVALUATION_LIMIT, MARGIN, quiet, result_of
from crbeam.design.method import CertifiedMethod
from crbeam.design.problem import HINGE_ROUNDING, DesignProblem, Hinge, Tail, WeightedBound
from crbeam.design.result import Proposal
from crbeam.design.scale_search import (
    FIRST_SLOPE,
    ROUGH,
    Goal,
    Multipliers,
    Scales,
    ScaleSearch,
    Shares,
    Slopes,
    evidence_of,
)
from crbeam.design.structure import expanded, expanded_factors, merged, merged_problem
from crbeam.errors import CrbeamError, Unidentifiable
from crbeam.information import Transmission

#: Steps after which the least hinge must be known to be above 0, or the thresholds are taken as limits.
PATIENCE = 4
#: Constraints that the descent over factors keeps; it ignores constant moduli.
PLAIN = (PowerBudget, Codebook, ConstantModulus, TiedBlocks)


@dataclass(frozen=True)
class Effort:
    """How far to go.

    Attributes:
        tolerance: certified relative gap to reach.
        max_evaluations: evaluations after which the search stops and returns what it has (with thresholds: each of
            its searches). Where it is small, what is not found does not go to the dual either.
    """

    tolerance: float = 1e-6
    max_evaluations: int = EVALUATION_LIMIT


@dataclass(frozen=True, eq=False)
class _Task:
    """A problem, the reduced problem of its merged problem, and where to start."""

    problem: DesignProblem
    item: ReducedProblem
    start: Transmission | None


#: Weighted bounds of tasks, from their starts, to a tolerance.
_Solve = Callable[[list[_Task], float], list[EngineResult]]


def optimum(problem: DesignProblem, *, effort: Effort, start: Transmission | None = None) -> EngineResult:
    """Optimum of one problem, without the overhead of a batch.

    Raises:
        Unidentifiable: a parameter with a positive weight is not determined by any transmission.
    """

    def solve(tasks: list[_Task], tolerance: float) -> list[EngineResult]:
        settings = {"tolerance": tolerance, "max_evaluations": effort.max_evaluations}
        return [solve_reduced(task.item, start=task.start, **settings) for task in tasks]

    first = None if start is None else merged(problem, start)
    return _solved([_Task(problem, reduce_problem(merged_problem(problem)), first)], effort, solve)[0]


def optima(
    problems: Sequence[DesignProblem], *, effort: Effort = Effort(), starts: Sequence[Transmission | None] | None = None
) -> list[EngineResult | CrbeamError]:
    """Optima of independent problems, in their order; weighted bounds of one shape advance together.

    An error stands in place of each problem whose parameters no transmission determines.
    """

    def solve(tasks: list[_Task], tolerance: float) -> list[EngineResult]:
        settings = {"tolerance": tolerance, "max_evaluations": effort.max_evaluations}
        return solve_reduced_many([task.item for task in tasks], starts=[task.start for task in tasks], **settings)

    starts = [None] * len(problems) if starts is None else starts
    firsts = [None if each is None else merged(part, each) for part, each in zip(problems, starts, strict=True)]
    reduced = reduce_problems([merged_problem(problem) for problem in problems])
    able = {index: item for index, item in enumerate(reduced) if isinstance(item, ReducedProblem)}
    tasks = [_Task(problems[index], item, firsts[index]) for index, item in able.items()]
    found = dict(zip(able, _solved(tasks, effort, solve), strict=True))
    return [found[index] if isinstance(item, ReducedProblem) else item for index, item in enumerate(reduced)]


def _solved(tasks: list[_Task], effort: Effort, solve: _Solve) -> list[EngineResult]:
    """Optima of all tasks: weighted bounds together, then what these leave, one by one."""

    def attempt(chosen: dict[int, _Task], tolerance: float) -> dict[int, EngineResult]:
        found = zip(chosen.items(), solve(list(chosen.values()), tolerance), strict=True)
        return {place: _expanded(task.problem, result) for (place, task), result in found}

    plain, hinged = (
        {place: task for place, task in enumerate(tasks) if isinstance(task.problem.objective, kind)}
        for kind in (WeightedBound, Hinge)
    )
    results, rough = attempt(plain, effort.tolerance), attempt(hinged, ROUGH)
    nearer = {
        place: replace(task, start=merged(task.problem, rough[place].covariances))
        for place, task in hinged.items()
        if _loss(task, rough[place]) == 0.0
    }
    refined = attempt(nearer, effort.tolerance)
    for place, task in enumerate(tasks):
        if place in refined and _loss(task, refined[place]) == 0.0:
            results[place] = _tied(refined[place], refined[place].gap)
        elif place in rough:
            results[place] = _least_loss(task, rough[place], effort)
        elif place not in plain:
            results[place] = _least_tail(task, effort)
    return [_completed(task, results[place], effort) for place, task in enumerate(tasks)]


def _expanded(problem: DesignProblem, result: EngineResult) -> EngineResult:
    """Result of a problem from that of its merged problem."""
    covariances = expanded(problem, result.covariances)
    return replace(result, covariances=covariances, factors=expanded_factors(problem, result.factors))


def _loss(task: _Task, result: EngineResult) -> float:
    """Objective of a transmission; infinite if it leaves a parameter undetermined."""
    try:
        return objective_at(task.problem, result.covariances)
    except Unidentifiable:
        return np.inf


def _tied(result: EngineResult, gap: float) -> EngineResult:
    """A transmission that meets all thresholds, chosen for its weighted bound."""
    notes, proven = {"tied": 1, "tie_break_gap": max(float(gap), 0.0)}, {"objective": 0.0, "lower_bound": 0.0}
    traces = {"trace": (0.0,), "bounds": (0.0,), "iterations": 0}
    return replace(result, **proven, **traces, status="optimal", notes=notes, evidence=None)


def _search(task: _Task, scales: Scales, effort: Effort, rounding: float = 0.0) -> ScaleSearch:
    goal = Goal(MARGIN * effort.tolerance, MARGIN * rounding / task.item.scale, effort.max_evaluations)
    return ScaleSearch(task.item, scales, goal)


def _least_tail(task: _Task, effort: Effort) -> EngineResult:
    """Transmission of least tail."""
    objective, count = task.problem.objective, len(task.problem.samples)
    assert isinstance(objective, Tail)
    search = _search(task, Shares(task.item), effort)
    near = None if task.start is None else task.item.compress(task.start)
    with quiet():
        search.solve(near, np.array(objective.probabilities or (1.0 / count,) * count))
        search.run()
    return _proven(task, search, effort, statement_of(task.problem))


def _least_loss(task: _Task, rough: EngineResult, effort: Effort) -> EngineResult:
    """Optimum of a hinge whose thresholds the least weighted bound does not meet."""
    slopes = Slopes(task.item)
    search = _search(task, slopes, effort, HINGE_ROUNDING)
    with quiet():
        seen = search.see(rough.point, np.full(slopes.size, FIRST_SLOPE))
        search.see(rough.point, slopes.first(seen.bounds))
        if search.run(patience=PATIENCE) and search.proof.lower_bound > 0.0:
            return _after(rough.evaluations, _proven(task, search, effort, statement_of(task.problem)))
        least = rough.lower_bound / task.item.scale
        limited = _search(task, Multipliers(slopes, least=least, gap=search.goal.gap), effort)
        limited.see(search.last.point, np.ones(slopes.size))
        is_within = limited.run() or np.isfinite(limited.best.value)
        if not is_within:
            search.run()
    used = rough.evaluations + search.evaluations
    if is_within:
        within = statement_of(task.problem, within_thresholds=True)
        found = _after(used, _proven(task, limited, effort, within))
        return _tied(found, found.gap)
    found = _after(used + limited.evaluations, _proven(task, search, effort, statement_of(task.problem)))
    return _tied(found, 1.0) if found.objective <= HINGE_ROUNDING else found


def _after(evaluations: int, result: EngineResult) -> EngineResult:
    """The result after some evaluations that came before it."""
    return replace(result, evaluations=evaluations + result.evaluations)


def _proven(task: _Task, search: ScaleSearch, effort: Effort, statement: Statement) -> EngineResult:
    """The best that a search has found, with the lower bound that its evidence proves in the space of all antennas."""
    proof, item = search.proof, task.item
    found = _expanded(task.problem, result_of(item, search.progress, effort.tolerance))
    unproven = replace(found, lower_bound=0.0, status="feasible")
    if not proof.lower_bound > 0.0:
        return unproven
    try:
        evidence = evidence_of(statement, expanded(task.problem, item.expand(proof.point)), proof.scales)
        bound = float(np.clip(certificate(statement, evidence), 0.0, found.objective))
    except CrbeamError:
        return unproven
    is_optimal = found.objective - bound <= max(effort.tolerance * found.objective, search.goal.rounding * item.scale)
    return replace(found, lower_bound=bound, status="optimal" if is_optimal else "feasible", evidence=evidence)


def _completed(task: _Task, result: EngineResult, effort: Effort) -> EngineResult:
    """The result, or what the dual finds where a search has stopped short of its goal with evaluations left."""
    if (result.status == "optimal" and _tie_gap(result) <= effort.tolerance) or effort.max_evaluations <= DESCENT_LIMIT:
        return result
    try:
        found = _by_dual(task.problem, result, effort)
    except CrbeamError:
        return result
    return min(result, found, key=lambda each: (each.status != "optimal", _tie_gap(each), each.gap))


def _tie_gap(result: EngineResult) -> float:
    """Gap of the weighted bound where thresholds are met; else 0."""
    return float(result.notes.get("tie_break_gap", 0.0))


def _by_dual(problem: DesignProblem, left: EngineResult, effort: Effort) -> EngineResult:
    """What the dual finds for a problem that a search has left.

    Raises:
        SolverFailed: it finds nothing.
    """
    proposal = at_full_power(problem, convex_optimum(problem, tolerance=effort.tolerance))
    assert proposal.evidence is not None
    value = objective_at(problem, proposal.covariances)
    bound = float(np.clip(certificate(statement_of(problem), proposal.evidence), 0.0, value))
    rounding = HINGE_ROUNDING if isinstance(problem.objective, Hinge) else 0.0
    return replace(
        left,
        covariances=proposal.covariances,
        factors=proposal.factors,
        objective=value,
        lower_bound=bound,
        status="optimal" if value - bound <= max(effort.tolerance * value, rounding) else "feasible",
        iterations=left.iterations + proposal.iterations,
        engine="dual barrier",
        trace=proposal.trace,
        bounds=(bound,),
        notes={name: number for name, number in proposal.details.items() if name != "engine"},
        evidence=proposal.evidence,
    )


def at_full_power(problem: DesignProblem, proposal: Proposal) -> Proposal:
    """Same proposal with budgets that nobody sees spent evenly, as by every method, where power costs nothing."""
    streams = proposal.stream_covariances or {}
    is_free = isinstance(problem.objective, WeightedBound | Hinge) and not problem.power_price
    if len(streams) > 1 or problem.power_limits or not is_free:
        return proposal
    even, sent = problem.even(), proposal.covariances
    for budget in problem.budgets:
        if sent.only(budget.blocks).power_w == 0.0:
            sent = sent.replaced(even.only(budget.blocks))
    return proposal if sent is proposal.covariances else proposal.sending(dict.fromkeys(streams, sent))


@dataclass(frozen=True)
class EngineMethod(CertifiedMethod):
    """A method whose problems the engine solves to a certified gap; concrete methods say which constraints they keep.

    Problems with budgets, codebooks and ties alone go through a descent over factors, many at once, and a `Tail` or
    thresholds under these through few such descents with Newton steps between them (`optimum`); all others, and what
    that leaves, through the interior-point method of the dual (`convex`), in the span of what sees the transmission.
    Covariances of served users are made rank one where that costs nothing. If requirements contradict one another, the
    proof names them.

    Problems with a `Hinge` whose thresholds can all be met have many optima. Of these it returns the one of least
    weighted bound, and says so by `details["tied"] = 1`, with the certified gap of that in `tie_break_gap`.

    Attributes:
        tolerance: certified relative gap to reach, at most 1e-2.
        max_evaluations: evaluations after which the descent stops and returns what it has, with its gap.
    """

    max_evaluations: int = 240

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_option("max_evaluations", self.max_evaluations >= 1, "at least 1")

    def propose(
        self,
        problem: DesignProblem,
        *,
        start: Transmission | None,
        seed: np.random.SeedSequence,  # noqa: ARG002
    ) -> Proposal | CrbeamError:
        """The optimum of one problem, without the overhead of a batch."""
        try:
            if is_plain(problem):
                return proposal_of(optimum(problem, effort=self.effort, start=start))
            return at_full_power(problem, convex_optimum(problem, tolerance=self.tolerance))
        except CrbeamError as error:
            return error

    def propose_many(
        self,
        problems: Sequence[DesignProblem],
        *,
        starts: Sequence[Transmission | None],
        seeds: Sequence[np.random.SeedSequence],
    ) -> list[Proposal | CrbeamError]:
        """The optima of all problems; those of one shape advance together in the descent."""
        plain = [index for index, problem in enumerate(problems) if is_plain(problem)]
        results = optima(
            [problems[index] for index in plain], effort=self.effort, starts=[starts[index] for index in plain]
        )
        found = {
            index: result if isinstance(result, CrbeamError) else proposal_of(result)
            for index, result in zip(plain, results, strict=True)
        }
        return [
            found[index] if index in found else self.propose(problem, start=starts[index], seed=seeds[index])
            for index, problem in enumerate(problems)
        ]

    @property
    def effort(self) -> Effort:
        """How far the descent goes."""
        return Effort(self.tolerance, self.max_evaluations)


def is_plain(problem: DesignProblem) -> bool:
    """Whether bounds of what is heard are minimised under budgets, codebooks and ties alone, power having no price."""
    is_of_bounds = isinstance(problem.objective, WeightedBound | Hinge | Tail) and not problem.power_price
    is_heard = any(criterion.map.contributions for criterion in problem.active_criteria)
    is_alone = len(problem.streams) == 1 and all(isinstance(part, PLAIN) for part in problem.constraints)
    return is_heard and is_of_bounds and is_alone


def proposal_of(result: EngineResult) -> Proposal:
    """What the engine found, to be graded."""
    return Proposal(
        covariances=result.covariances,
        factors=result.factors,
        trace=result.trace,
        iterations=result.iterations,
        details={"evaluations": result.evaluations, "engine": result.engine, **result.notes},
        evidence=result.evidence,
    )
