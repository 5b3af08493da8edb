"""Certified solution of reduced problems: descent, Newton step on the face, interior point for the rest.

Each problem goes through *rounds*: a factor descent to a residual target, then a Newton step on the dominant face,
whose certificate is accepted once its gap is below half the tolerance (so that it still holds when it is recomputed in
antenna space). Later rounds have lower targets and keep smaller eigenvalues. What is left goes to the interior point.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Complex
from threadpoolctl import ThreadpoolController

from crbeam.design.face import face_of, newton_on_face, ranks, spectra
from crbeam.design.factor_descent import Descent, descend, descend_many
from crbeam.design.interior_point import follow_path
from crbeam.design.reduced_bound import evaluate, isotropic_point, lapack_solver, lower_bound, point_near, variables
from crbeam.design.reduced_information import ReducedArrays, ReducedShape
from crbeam.design.reduction import ReducedProblem
from crbeam.errors import InvalidInput

#: Residual targets of the rounds, relative to the tolerance.
ROUNDS = (5e-2, 5e-3, 5e-4, 5e-6, 5e-8)
#: Eigenvalues below this fraction of the largest are dropped: the first that leads to an accepted certificate.
THRESHOLDS = (1e-3, 1e-5, 1e-7)
#: Fraction of the tolerance to aim for.
MARGIN = 0.5
#: Evaluations after which a descent is left to the interior point.
DESCENT_LIMIT = 120
#: Evaluations in total.
EVALUATION_LIMIT = 240
#: Bytes of arrays of a batch that are worked on together.
CHUNK_BYTES = 8_000_000
#: Fewest and most problems worked on together.
CHUNK_RANGE = (8, 256)


@dataclass(frozen=True, eq=False)
class EngineResult:
    """Solution of a reduced problem.

    Attributes:
        variables: X of each active block; the traces of each budget add up to 1.
        covariances: transmit covariances, watt per subcarrier summed over slots.
        objective: weighted bound, in the problem's unit.
        lower_bound: proven lower bound on the weighted bound of any feasible transmission.
        iterations: accepted steps.
        evaluations: evaluations of value and gradient.
        engine: `factor descent` or `interior point`.
        status: `optimal` if the gap is within the tolerance, else `feasible`.
        trace: least objective so far, at the start and after each iteration; the result, chosen for its certificate,
            may be a little above the last.
        bounds: best lower bound known with each entry of the trace; 0 before the first is computed.
    """

    variables: tuple[np.ndarray, ...]
    covariances: Complex[np.ndarray, "block tx tx"]
    objective: float
    lower_bound: float
    iterations: int
    evaluations: int
    engine: str
    status: str
    trace: tuple[float, ...]
    bounds: tuple[float, ...]

    @property
    def gap(self) -> float:
        """Certified relative distance from the optimum, `1 - lower_bound / objective`."""
        return 1.0 - self.lower_bound / self.objective


@dataclass(frozen=True, eq=False)
class _Progress:
    """Best point of a problem so far and where its descent stands; values relative to the isotropic X."""

    point: np.ndarray
    resume: np.ndarray
    value: float = np.inf
    bound: float = 0.0
    iterations: int = 0
    evaluations: int = 0
    engine: str = "factor descent"
    trace: tuple[float, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def gap(self) -> float:
        return 1.0 - self.bound / self.value

    def descended(self, descent: Descent) -> "_Progress":
        """After a descent; nothing is certified yet."""
        new = descent.trace[1:] if self.trace else descent.trace
        return replace(
            self,
            resume=descent.point,
            iterations=self.iterations + len(descent.trace) - 1,
            evaluations=self.evaluations + descent.n_evaluations,
            trace=self.trace + new,
            bounds=self.bounds + (self.bound,) * len(new),
        )

    def certified(self, point: np.ndarray, value: float, bound: float, cost: int) -> "_Progress":
        """After the certificate of a candidate, which replaces the best point if its gap is smaller."""
        best = replace(self, evaluations=self.evaluations + cost)
        bound = min(bound, value)
        if not (value > 0.0 and bound > 0.0 and 1.0 - bound / value < self.gap):
            return best
        return replace(
            best,
            point=point,
            value=value,
            bound=bound,
            trace=(*self.trace, value),
            bounds=(*self.bounds, bound),
        )


def solve_reduced(
    problem: ReducedProblem,
    *,
    tolerance: float = 1e-6,
    max_evaluations: int = EVALUATION_LIMIT,
    start: Complex[np.ndarray, "block tx tx"] | None = None,
) -> EngineResult:
    """Certified optimum of one reduced problem.

    A small `max_evaluations` gives a feasible result with its honest gap. `start` holds transmit covariances.
    """
    with _quiet():
        point = _start(problem, start)
        progress = _solved(problem.shape, problem.arrays, _Progress(point, point), 0, (tolerance, max_evaluations))
        return _result(problem, progress, tolerance)


def solve_reduced_many(
    problems: Sequence[ReducedProblem],
    *,
    tolerance: float = 1e-6,
    max_evaluations: int = EVALUATION_LIMIT,
    starts: Sequence[Complex[np.ndarray, "block tx tx"] | None] | None = None,
) -> list[EngineResult]:
    """Certified optima of independent reduced problems; no item's result depends on the others."""
    starts = [None] * len(problems) if starts is None else starts
    if len(starts) != len(problems):
        raise InvalidInput(f"There must be one start for each problem, found {len(starts)} for {len(problems)}.")
    groups: dict[ReducedShape, list[int]] = {}
    for index, problem in enumerate(problems):
        groups.setdefault(problem.shape_key, []).append(index)
    results: list[EngineResult | None] = [None] * len(problems)
    with _quiet():
        for shape, members in groups.items():
            size = _chunk_size(problems[members[0]].arrays)
            for first in range(0, len(members), size):
                chunk = members[first : first + size]
                points = [_start(problems[index], starts[index]) for index in chunk]
                arrays = ReducedArrays.stack([problems[index].arrays for index in chunk])
                done = _solve_chunk(shape, arrays, points, tolerance, max_evaluations)
                for index, progress in zip(chunk, done, strict=True):
                    results[index] = _result(problems[index], progress, tolerance)
    return [result for result in results if result is not None]


@contextmanager
def _quiet() -> Iterator[None]:
    """One BLAS thread, and no warnings: a value that is not a number is refused wherever it may occur."""
    with _blas_threads().limit(limits=1), np.errstate(all="ignore"):
        yield


@lru_cache(maxsize=1)
def _blas_threads() -> ThreadpoolController:
    """The BLAS libraries that the engine uses: finding them takes longer than a small design."""
    lapack_solver()
    return ThreadpoolController()


def _start(problem: ReducedProblem, covariances: np.ndarray | None) -> np.ndarray:
    if covariances is None:
        return isotropic_point(problem.shape)
    return point_near(problem.shape, problem.compress(covariances))


def _chunk_size(arrays: ReducedArrays) -> int:
    parts = (arrays.packed, arrays.weights, arrays.jacobians, arrays.frames)
    size = sum(array.nbytes for part in parts for array in part)
    return int(np.clip(CHUNK_BYTES // max(size, 1), *CHUNK_RANGE))


def _solve_chunk(
    shape: ReducedShape, arrays: ReducedArrays, points: list[np.ndarray], tolerance: float, max_evaluations: int
) -> list[_Progress]:
    """The descents and Newton steps of all items together; what they leave open is rescued item by item."""
    progress = [_Progress(point, point) for point in points]
    rounds = [0] * len(points)

    def review(items: Sequence[int], descents: Sequence[Descent]) -> list[float]:
        for item, descent in zip(items, descents, strict=True):
            progress[item] = progress[item].descended(descent)
            rounds[item] += 1
        _polish_all(shape, arrays, progress, items, [rounds[item] for item in items], MARGIN * tolerance)
        return [
            np.inf if progress[item].gap <= MARGIN * tolerance else _target(rounds[item]) * tolerance for item in items
        ]

    limit = min(max_evaluations, DESCENT_LIMIT)
    descents = descend_many(
        shape, arrays, np.stack(points), target=ROUNDS[0] * tolerance, max_evaluations=limit, review=review
    )
    for item, descent in enumerate(descents):
        progress[item] = progress[item].descended(descent)
        if progress[item].gap > MARGIN * tolerance:
            part = arrays.take(item)
            checked = _checked(shape, part, progress[item])
            progress[item] = _solved(shape, part, checked, rounds[item], (tolerance, max_evaluations))
    return progress


def _target(number: int) -> float:
    """Residual target of a round, relative to the tolerance; infinite after the last."""
    return ROUNDS[number] if number < len(ROUNDS) else np.inf


def _polish_all(
    shape: ReducedShape,
    arrays: ReducedArrays,
    progress: list[_Progress],
    items: Sequence[int],
    rounds: Sequence[int],
    goal: float,
) -> None:
    """Newton steps on the faces of some items of a batch; their entries of `progress` are replaced."""
    spectrum = spectra(shape, np.stack([progress[item].resume for item in items]))
    previous: dict[int, tuple[int, ...]] = {}
    for number, threshold in enumerate(THRESHOLDS):
        groups: dict[tuple[int, ...], list[int]] = {}
        for place, kept in enumerate(map(tuple, ranks(spectrum, threshold).tolist())):
            if rounds[place] > number and kept != previous.get(place) and progress[items[place]].gap > goal:
                groups.setdefault(kept, []).append(place)
                previous[place] = kept
        for kept, places in groups.items():
            chosen = np.array([items[place] for place in places])
            part = [(values[places], vectors[places]) for values, vectors in spectrum]
            candidates, values, bounds = _polish(shape, arrays.take(chosen), part, kept)
            for item, candidate, value, bound in zip(
                chosen, candidates, np.ravel(values), np.ravel(bounds), strict=True
            ):
                progress[item] = progress[item].certified(candidate, float(value), float(bound), 2)


def _solved(
    shape: ReducedShape,
    arrays: ReducedArrays,
    progress: _Progress,
    first_round: int,
    settings: tuple[float, int],
) -> _Progress:
    """The rounds of one problem from the first given one, and what has to follow if they do not suffice."""
    tolerance, max_evaluations = settings
    goal, memory = MARGIN * tolerance, None
    for number in range(first_round, len(ROUNDS)):
        target = ROUNDS[number] * tolerance
        budget = min(max_evaluations, DESCENT_LIMIT) - progress.evaluations
        if progress.gap <= goal or budget < 1:
            break
        descent = descend(shape, arrays, progress.resume, target=target, max_evaluations=budget, memory=memory)
        memory = descent.memory
        progress = progress.descended(descent)
        if descent.residual <= target:
            progress = _polished(shape, arrays, progress, goal, THRESHOLDS[: number + 1])
        if progress.gap > goal:
            progress = _checked(shape, arrays, progress)
    return _finished(shape, arrays, progress, settings)


def _finished(
    shape: ReducedShape, arrays: ReducedArrays, progress: _Progress, settings: tuple[float, int]
) -> _Progress:
    """Last attempts at a problem after its descents: all faces, then the interior point."""
    tolerance, max_evaluations = settings
    goal = MARGIN * tolerance
    if progress.gap <= goal or max_evaluations <= DESCENT_LIMIT:
        return progress
    progress = _polished(shape, arrays, progress, goal)
    if progress.gap <= tolerance:
        return progress
    return _rescued(shape, arrays, progress, goal, max_evaluations)


def _polish(
    shape: ReducedShape,
    arrays: ReducedArrays,
    spectrum: list[tuple[np.ndarray, np.ndarray]],
    kept: tuple[int, ...],
) -> tuple[np.ndarray, np.ndarray | float, np.ndarray | float]:
    """Points after the Newton step on the face of the given ranks, with value and lower bound."""
    face = face_of(shape, spectrum, kept)
    candidates = newton_on_face(shape, arrays, face)
    evaluation = evaluate(shape, arrays, candidates)
    return candidates, evaluation.value, lower_bound(shape, arrays, evaluation)


def _polished(
    shape: ReducedShape,
    arrays: ReducedArrays,
    progress: _Progress,
    goal: float,
    thresholds: Sequence[float] = THRESHOLDS,
) -> _Progress:
    """Newton step on the face of one problem, with more and more eigenvalues kept."""
    spectrum, previous = spectra(shape, progress.resume), None
    for threshold in thresholds:
        kept = tuple(ranks(spectrum, threshold).tolist())
        if kept == previous or progress.gap <= goal:
            break
        candidate, value, bound = _polish(shape, arrays, spectrum, kept)
        progress, previous = progress.certified(candidate, float(value), float(bound), 2), kept
    return progress


def _checked(shape: ReducedShape, arrays: ReducedArrays, progress: _Progress) -> _Progress:
    """The certificate of the descent's own point."""
    evaluation = evaluate(shape, arrays, progress.resume)
    bound = lower_bound(shape, arrays, evaluation)
    return progress.certified(progress.resume, float(evaluation.value), float(bound), 0)


def _rescued(
    shape: ReducedShape, arrays: ReducedArrays, progress: _Progress, goal: float, max_evaluations: int
) -> _Progress:
    """Interior point for a problem whose descent has not reached the tolerance."""
    budget = max(max_evaluations - progress.evaluations, 1)
    path = follow_path(shape, arrays, gap=goal, max_evaluations=budget)
    best = replace(progress, evaluations=progress.evaluations + path.n_evaluations)
    if not path.gap < progress.gap:
        return best
    found = replace(
        best,
        point=path.point,
        resume=path.point,
        value=path.value,
        bound=path.bound,
        engine="interior point",
        iterations=best.iterations + len(path.trace) - 1,
        trace=(*best.trace, *path.trace),
        bounds=(*best.bounds, *path.bounds),
    )
    cleaned = _polished(shape, arrays, replace(found, value=np.inf, bound=0.0), goal)
    return cleaned if cleaned.gap <= goal else found


def _result(problem: ReducedProblem, progress: _Progress, tolerance: float) -> EngineResult:
    scale = problem.scale
    parts = variables(problem.shape, progress.point)
    best = np.maximum.accumulate(np.asarray(progress.bounds))
    least = np.minimum.accumulate(np.asarray(progress.trace))
    return EngineResult(
        variables=tuple(parts),
        covariances=problem.expand(parts),
        objective=progress.value * scale,
        lower_bound=progress.bound * scale,
        iterations=progress.iterations,
        evaluations=progress.evaluations,
        engine=progress.engine,
        status="optimal" if progress.gap <= tolerance else "feasible",
        trace=tuple((scale * least).tolist()),
        bounds=tuple((scale * best).tolist()),
    )
