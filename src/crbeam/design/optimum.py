"""The optimum of a design problem, by the library's own engine: any objective, any budgets, codebooks and ties.

Constant moduli are left to others: what is found without them bounds what can be reached with them.

A `Hinge` is first tried on the transmission of least weighted bound, which often meets all thresholds. If it does not,
the interior point minimises the hinge itself. If that shows that the thresholds can be met, many transmissions have the
value 0, and the interior point looks for the one of least weighted bound among them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.certificate import objective_at
from crbeam.design.engine import EngineResult, reduce_problem, reduce_problems, solve_reduced, solve_reduced_many
from crbeam.design.engine.interior_point import Path, follow_path, isotropic_parts
from crbeam.design.engine.losses import HingeLoss, LimitedLoss, Loss
from crbeam.design.engine.reduced_problem import ReducedProblem
from crbeam.design.engine.solver import EVALUATION_LIMIT, MARGIN, result_of_path
from crbeam.design.hinge import Families, families_of
from crbeam.design.problem import HINGE_ROUNDING, DesignProblem
from crbeam.design.ties import expanded, expanded_factors, merged, merged_problem
from crbeam.errors import CrbeamError, SolverFailed, Unidentifiable
from crbeam.information import Transmission
from crbeam.linalg import one_blas_thread

#: Certified gap of the weighted bound at which it is first asked whether its optimum meets all thresholds.
FIRST_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Effort:
    """How far to go.

    Attributes:
        tolerance: certified relative gap to reach.
        max_evaluations: evaluations after which the search stops and returns what it has (with thresholds: each of
            its searches).
    """

    tolerance: float = 1e-6
    max_evaluations: int = EVALUATION_LIMIT


#: Share of isotropic beams in what the interior point starts from, beside the transmission of least weighted bound.
ISOTROPIC_SHARE = 0.01
#: Relative amount by which squared thresholds are lowered to find a transmission that meets them strictly: the central
#: path of a hinge meets them only in the limit.
STRICTER = 1e-5

#: Weighted bounds of reduced problems, from their starts, to a tolerance.
_Solve = Callable[[list[ReducedProblem], list[Transmission | None], float], list[EngineResult]]


def optimum(problem: DesignProblem, *, effort: Effort, start: Transmission | None = None) -> EngineResult:
    """Optimum of one problem, without the overhead of a batch.

    Raises:
        Unidentifiable: a parameter with a positive weight is not determined by any transmission.
    """
    first = None if start is None else merged(problem, start)

    def solve(items: list[ReducedProblem], starts: list[Transmission | None], tolerance: float) -> list[EngineResult]:
        settings = {"tolerance": tolerance, "max_evaluations": effort.max_evaluations}
        return [solve_reduced(item, start=start, **settings) for item, start in zip(items, starts, strict=True)]

    (result,) = _solved([reduce_problem(merged_problem(problem))], [first], effort, solve)
    return _expanded(problem, result)


def optima(
    problems: Sequence[DesignProblem], *, effort: Effort = Effort(), starts: Sequence[Transmission | None] | None = None
) -> list[EngineResult | CrbeamError]:
    """Optima of independent problems, in their order; those of one shape advance together.

    An error stands in place of each problem whose parameters no transmission determines.
    """
    starts = [None] * len(problems) if starts is None else starts
    firsts = [None if each is None else merged(part, each) for part, each in zip(problems, starts, strict=True)]
    reduced = reduce_problems([merged_problem(problem) for problem in problems])
    able = {index: item for index, item in enumerate(reduced) if isinstance(item, ReducedProblem)}

    def solve(items: list[ReducedProblem], starts: list[Transmission | None], tolerance: float) -> list[EngineResult]:
        return solve_reduced_many(items, starts=starts, tolerance=tolerance, max_evaluations=effort.max_evaluations)

    results = _solved(list(able.values()), [firsts[index] for index in able], effort, solve)
    found = {index: _expanded(problems[index], result) for index, result in zip(able, results, strict=True)}
    return [found[index] if isinstance(item, ReducedProblem) else item for index, item in enumerate(reduced)]


def _expanded(problem: DesignProblem, result: EngineResult) -> EngineResult:
    """Result of a problem from that of its merged problem."""
    covariances = expanded(problem, result.covariances)
    return replace(result, covariances=covariances, factors=expanded_factors(problem, result.factors))


def _solved(
    items: list[ReducedProblem], starts: list[Transmission | None], effort: Effort, solve: _Solve
) -> list[EngineResult]:
    """Optima of reduced problems, those with thresholds in their order of attempts."""
    families = {index: _families(item) for index, item in enumerate(items)}
    results: dict[int, EngineResult] = {}

    def attempt(indices: list[int], guesses: list[Transmission | None], tolerance: float) -> dict[int, EngineResult]:
        return dict(zip(indices, solve([items[index] for index in indices], guesses, tolerance), strict=True))

    plain = [index for index, found in families.items() if found is None]
    results |= attempt(plain, [starts[index] for index in plain], effort.tolerance)
    hinged = [index for index in families if index not in results]
    rough = attempt(hinged, [starts[index] for index in hinged], FIRST_TOLERANCE)
    met = [index for index in hinged if _meets_all(items[index], rough[index])]
    refined = attempt(met, [rough[index].covariances for index in met], effort.tolerance)
    for index in hinged:
        trace_optimum = refined.get(index)
        if trace_optimum is not None and _meets_all(items[index], trace_optimum):
            results[index] = _tied(trace_optimum, trace_optimum.gap)
        else:
            results[index] = _beyond_or_rough(items[index], families[index], rough[index], effort)
    return [results[index] for index in range(len(items))]


def _families(item: ReducedProblem) -> Families | None:
    return families_of(item.problem)


def _meets_all(item: ReducedProblem, result: EngineResult) -> bool:
    """Whether a transmission meets all thresholds."""
    return _loss_of(item, result) == 0.0


def _loss_of(item: ReducedProblem, result: EngineResult) -> float:
    """Hinge of a transmission; infinite if it leaves a parameter undetermined."""
    try:
        return objective_at(item.problem, result.covariances)
    except Unidentifiable:
        return np.inf


def _tied(result: EngineResult, gap: float) -> EngineResult:
    """A transmission that meets all thresholds, chosen for its weighted bound."""
    notes = {"tied": 1, "tie_break_gap": max(gap, 0.0)}
    return replace(
        result, objective=0.0, lower_bound=0.0, status="optimal", trace=(0.0,), bounds=(0.0,), iterations=0, notes=notes
    )


def _beyond_or_rough(
    item: ReducedProblem, families: Families | None, rough: EngineResult, effort: Effort
) -> EngineResult:
    """Optimum of a hinge, or the transmission that is there if the interior point has no place to start from."""
    try:
        return _beyond(item, families, rough, effort)
    except SolverFailed:
        return replace(rough, objective=_loss_of(item, rough), lower_bound=0.0, status="feasible")


def _beyond(item: ReducedProblem, families: Families | None, rough: EngineResult, effort: Effort) -> EngineResult:
    """Optimum of a hinge whose thresholds the least weighted bound does not meet."""
    assert families is not None
    levels = families.levels / item.scale

    def follow(loss: Loss, start: tuple[np.ndarray, ...], rounding: float = 0.0) -> Path:
        goal = MARGIN * effort.tolerance
        limits = {"gap": goal, "max_evaluations": effort.max_evaluations, "rounding": rounding}
        return follow_path(item.shape, item.arrays, loss=loss, start=start, **limits)

    with one_blas_thread(), np.errstate(all="ignore"):
        path = follow(HingeLoss(families, levels), _inside(item, rough), MARGIN * HINGE_ROUNDING / item.scale)
        used, inside, allowed = rough.evaluations + path.n_evaluations, path, 0.0
        if path.bound == 0.0 and 0.0 < path.value <= HINGE_ROUNDING / item.scale:
            allowed = float(levels.min()) * (STRICTER / 4.0) ** 2
            inside = follow(HingeLoss(families, (1.0 - STRICTER) * levels), path.inside, allowed)
            used += inside.n_evaluations
        if inside.value > allowed:
            found, value = _after(used, item, path, effort), _loss_of(item, rough)
            is_kept = found.status == "optimal" or found.objective <= value
            return found if is_kept else replace(rough, objective=value, lower_bound=found.lower_bound)
        best = follow(LimitedLoss(families, levels), inside.inside)
    return _tied(_after(used, item, best, effort), best.gap)


def _inside(item: ReducedProblem, rough: EngineResult) -> tuple[np.ndarray, ...]:
    """Positive definite X of each block, which spend the budgets: near a transmission, but isotropic over codebooks."""
    near = item.compress(rough.covariances)
    spent = np.zeros(item.shape.n_budgets)
    for block, part in zip(item.shape.blocks, near, strict=True):
        spent[block.budget] += np.trace(part).real
    return tuple(
        (1.0 - ISOTROPIC_SHARE) * part / spent[block.budget] + ISOTROPIC_SHARE * even
        for block, part, even in zip(item.shape.blocks, near, isotropic_parts(item.shape), strict=True)
    )


def _after(evaluations: int, item: ReducedProblem, path: Path, effort: Effort) -> EngineResult:
    """Result of a path after some evaluations that came before it."""
    whole = replace(path, n_evaluations=evaluations + path.n_evaluations)
    return result_of_path(item, whole, effort.tolerance)
