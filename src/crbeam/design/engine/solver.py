"""Certified solution of reduced problems: descent, and Newton steps on the face.

Each problem goes through *rounds*: a factor descent to a residual target, then a Newton step on the dominant face,
whose certificate is accepted once its gap is below half the tolerance (so that it still holds when it is recomputed in
antenna space). Later rounds have lower targets and keep smaller eigenvalues. What is left keeps its honest gap.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.convex.evidence import Evidence
from crbeam.design.engine.face import face_of, newton_on_face, ranks, spectra
from crbeam.design.engine.factor_descent import descend, descend_many
from crbeam.design.engine.progress import Progress
from crbeam.design.engine.reduced_bound import evaluate, first_point, lower_bound, point_near
from crbeam.design.engine.reduced_information import ReducedArrays, ReducedShape
from crbeam.design.engine.reduction import ReducedBatch, ReducedProblem, gathered
from crbeam.errors import InvalidInput
from crbeam.information import Transmission
from crbeam.linalg import one_blas_thread

#: Residual targets of the rounds, relative to the tolerance.
ROUNDS = (5e-2, 5e-3, 5e-4, 5e-6, 5e-8)
#: Eigenvalues below this fraction of the largest are dropped: the first that leads to an accepted certificate.
THRESHOLDS = (1e-3, 1e-5, 1e-7)
#: Fraction of the tolerance to aim for.
MARGIN = 0.5
#: Evaluations after which a descent is given up.
DESCENT_LIMIT = 120
#: Evaluations in total.
EVALUATION_LIMIT = 240
#: Bytes of arrays of a batch that are worked on together.
CHUNK_BYTES = 8_000_000
#: Fewest and most problems worked on together.
CHUNK_RANGE = (8, 256)


@dataclass(frozen=True, eq=False)
class EngineResult:
    """Solution of a problem.

    Attributes:
        covariances: of each block, watt per subcarrier summed over slots.
        factors: F of each block with `R = F F^H`, in the span of its transmit vectors; None if some block is unseen.
        objective: the weighted bound, or what else is minimised, in the problem's unit.
        lower_bound: proven lower bound on that of any feasible transmission.
        iterations: accepted steps.
        evaluations: evaluations of value and gradient.
        engine: `factor descent`, `factor Newton` or `dual barrier`.
        status: `optimal` if the gap is within the tolerance, else `feasible`.
        trace: least objective so far, at the start and after each iteration; the result, chosen for its certificate,
            may be a little above the last.
        bounds: best lower bound known with each entry of the trace; 0 before the first is computed.
        point: of the reduced problem.
        notes: numbers beside these, for reports.
        evidence: what proves the lower bound, where the covariances alone do not.
    """

    covariances: Transmission
    factors: Mapping[str, Complex[np.ndarray, "_ _"]] | None
    objective: float
    lower_bound: float
    iterations: int
    evaluations: int
    engine: str
    status: str
    trace: tuple[float, ...]
    bounds: tuple[float, ...]
    point: Float[np.ndarray, " coordinate"]
    notes: Mapping[str, float | int | str] = field(default_factory=dict)
    evidence: Evidence | None = None

    @property
    def gap(self) -> float:
        """Certified relative distance from the optimum, `1 - lower_bound / objective`; 0 when both are 0."""
        return 1.0 - self.lower_bound / self.objective if self.objective else 0.0


def solve_reduced(
    problem: ReducedProblem,
    *,
    tolerance: float = 1e-6,
    max_evaluations: int = EVALUATION_LIMIT,
    start: Transmission | None = None,
) -> EngineResult:
    """Certified optimum of one reduced problem.

    A small `max_evaluations` gives a feasible result with its honest gap. `start` is a transmission.
    """
    with quiet():
        alone = gathered([problem])
        point = _starts([problem], alone.arrays, [start])[0]
        progress = _solved(problem.shape, problem.arrays, Progress(point, point), 0, (tolerance, max_evaluations))
        return _results(alone, [progress], tolerance)[0]


def solve_reduced_many(
    problems: Sequence[ReducedProblem],
    *,
    tolerance: float = 1e-6,
    max_evaluations: int = EVALUATION_LIMIT,
    starts: Sequence[Transmission | None] | None = None,
) -> list[EngineResult]:
    """Certified optima of independent reduced problems; no item's result depends on the others."""
    starts = [None] * len(problems) if starts is None else starts
    if len(starts) != len(problems):
        raise InvalidInput(f"There must be one start for each problem, found {len(starts)} for {len(problems)}.")
    groups: dict[tuple, list[int]] = {}
    for index, problem in enumerate(problems):
        groups.setdefault(problem.batch.key, []).append(index)
    results: dict[int, EngineResult] = {}
    with quiet():
        for members in groups.values():
            size = _chunk_size(problems[members[0]])
            for first in range(0, len(members), size):
                chunk = members[first : first + size]
                items = [problems[index] for index in chunk]
                batch = gathered(items)
                points = _starts(items, batch.arrays, [starts[index] for index in chunk])
                done = _solve_chunk(batch.shape, batch.arrays, points, tolerance, max_evaluations)
                results.update(zip(chunk, _results(batch, done, tolerance), strict=True))
    return [results[index] for index in range(len(problems))]


def solve_from(
    shape: ReducedShape,
    arrays: ReducedArrays,
    variables: list[np.ndarray] | None,
    *,
    tolerance: float,
    max_evaluations: int = EVALUATION_LIMIT,
) -> Progress:
    """How far the engine comes with the numbers of one problem from X of each block, or from the first point."""
    point = first_point(shape, arrays) if variables is None else point_near(shape, variables)
    return _solved(shape, arrays, Progress(point, point), 0, (tolerance, max_evaluations))


@contextmanager
def quiet() -> Iterator[None]:
    """One BLAS thread, and no warnings: a value that is not a number is refused wherever it may occur."""
    with one_blas_thread(), np.errstate(all="ignore"):
        yield


def _starts(
    problems: Sequence[ReducedProblem], arrays: ReducedArrays, starts: Sequence[Transmission | None]
) -> np.ndarray:
    """One point for each problem of one shape: near the given covariances, if any."""
    shape = problems[0].shape
    points = first_point(shape, arrays)
    for item, (problem, covariances) in enumerate(zip(problems, starts, strict=True)):
        if covariances is not None:
            points[item] = point_near(shape, problem.compress(covariances))
    return points


def _chunk_size(problem: ReducedProblem) -> int:
    arrays = problem.arrays
    parts = (arrays.weights, arrays.jacobians, arrays.frames)
    size = sum(array.nbytes for part in parts for array in part)
    return int(np.clip(CHUNK_BYTES // max(size, 1), *CHUNK_RANGE))


def _solve_chunk(
    shape: ReducedShape, arrays: ReducedArrays, points: np.ndarray, tolerance: float, max_evaluations: int
) -> list[Progress]:
    """The descents and Newton steps of all items together; what they leave open goes on item by item."""
    best, rounds, goal = [Progress(each, each) for each in points], np.zeros(len(points), dtype=int), MARGIN * tolerance
    targets = tolerance * np.array([*ROUNDS, np.inf])

    def review(items: np.ndarray, reached: np.ndarray, steps: np.ndarray) -> np.ndarray:
        rounds[items] += 1
        _polish_all(shape, arrays, best, (items, reached, steps, rounds[items]), goal)
        return np.where(_gaps(best, items) <= goal, np.inf, targets[rounds[items]])

    limit = min(max_evaluations, DESCENT_LIMIT)
    descents = descend_many(shape, arrays, points, target=ROUNDS[0] * tolerance, max_evaluations=limit, review=review)
    progress = [each.descended(descent) for each, descent in zip(best, descents, strict=True)]
    for item, each in enumerate(progress):
        if not each.gap <= goal:
            part = arrays.take(item)
            checked = _checked(shape, part, each)
            progress[item] = _solved(shape, part, checked, int(rounds[item]), (tolerance, max_evaluations))
    return progress


def _gaps(best: list[Progress], items: np.ndarray) -> np.ndarray:
    return np.array([best[item].gap for item in items.tolist()])


def _polish_all(
    shape: ReducedShape,
    arrays: ReducedArrays,
    best: list[Progress],
    reached: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    goal: float,
) -> None:
    """Newton steps on the faces of some items of a batch, given with their points, steps and rounds."""
    items, points, steps, rounds = reached
    spectrum = spectra(shape, points)
    previous = np.full((len(items), len(shape.blocks)), -1)
    for number, threshold in enumerate(THRESHOLDS[: rounds.max()]):
        kept = ranks(spectrum, threshold)
        is_tried = (rounds > number) & (_gaps(best, items) > goal) & np.any(kept != previous, axis=1)
        previous[is_tried] = kept[is_tried]
        for face in {tuple(row) for row in kept[is_tried].tolist()}:
            places = np.flatnonzero(is_tried & np.all(kept == face, axis=1))
            part = [(values[places], vectors[places]) for values, vectors in spectrum]
            candidates, *numbers = _polish(shape, arrays.take(items[places]), part, face)
            numbers = [each.tolist() for each in (items[places], *numbers, steps[places])]
            for point, item, value, bound, step in zip(candidates, *numbers, strict=True):
                best[item] = best[item].certified(point, value, bound, 2, step)


def _solved(
    shape: ReducedShape,
    arrays: ReducedArrays,
    progress: Progress,
    first_round: int,
    settings: tuple[float, int],
) -> Progress:
    """The rounds of one problem from the first given one, and all faces if they do not suffice."""
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
    is_cut_short = progress.gap > goal and max_evaluations > DESCENT_LIMIT
    return _polished(shape, arrays, progress, goal) if is_cut_short else progress


def _polish(
    shape: ReducedShape,
    arrays: ReducedArrays,
    spectrum: list[tuple[np.ndarray, np.ndarray]],
    kept: tuple[int, ...],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points after the Newton step on the face of the given ranks, with value and lower bound."""
    face = face_of(shape, spectrum, kept)
    candidates = newton_on_face(shape, arrays, face)
    evaluation = evaluate(shape, arrays, candidates)
    return candidates, evaluation.value, lower_bound(shape, arrays, evaluation)


def _polished(
    shape: ReducedShape,
    arrays: ReducedArrays,
    progress: Progress,
    goal: float,
    thresholds: Sequence[float] = THRESHOLDS,
) -> Progress:
    """Newton step on the face of one problem, with more and more eigenvalues kept."""
    spectrum, previous = spectra(shape, progress.resume), None
    for threshold in thresholds:
        kept = tuple(ranks(spectrum, threshold).tolist())
        if kept == previous or progress.gap <= goal:
            break
        candidate, value, bound = _polish(shape, arrays, spectrum, kept)
        progress, previous = progress.certified(candidate, float(value), float(bound), 2), kept
    return progress


def _checked(shape: ReducedShape, arrays: ReducedArrays, progress: Progress) -> Progress:
    """The certificate of the descent's own point."""
    evaluation = evaluate(shape, arrays, progress.resume)
    bound = lower_bound(shape, arrays, evaluation)
    return progress.certified(progress.resume, float(evaluation.value), float(bound), 0)


def result_of(problem: ReducedProblem, progress: Progress, tolerance: float) -> EngineResult:
    """Result of a search in one reduced problem."""
    return _results(gathered([problem]), [progress], tolerance)[0]


def _results(batch: ReducedBatch, done: Sequence[Progress], tolerance: float) -> list[EngineResult]:
    factors = batch.factors(np.stack([progress.point for progress in done]))
    covariances = batch.transmissions(factors)
    blocks = batch.problems[0].blocks
    has_all = len(factors) == len(blocks)
    active, results = list(zip(batch.active_blocks, factors, strict=True)), []
    for item, (progress, scale) in enumerate(zip(done, batch.scales.tolist(), strict=True)):
        trace, bounds = progress.history
        results.append(
            EngineResult(
                covariances=covariances[item],
                factors={blocks[place]: factor[item] for place, factor in active} if has_all else None,
                objective=progress.value * scale,
                lower_bound=progress.bound * scale,
                iterations=progress.iterations,
                evaluations=progress.evaluations,
                engine=progress.engine,
                status="optimal" if progress.gap <= tolerance else "feasible",
                trace=tuple((scale * np.minimum.accumulate(trace)).tolist()),
                bounds=tuple((scale * np.maximum.accumulate(bounds)).tolist()),
                point=progress.point,
            )
        )
    return results
