"""Following the central path of a program's dual, with transmissions that keep every row wherever one is due.

A Newton step at a point near the path gives covariances `W = tau (P - P dS P)`, `P = S^-1`, dS being the change of S
along the step: they keep rows and limits exactly, and are positive semidefinite as long as the squared decrement is
below 1. So every such point has a proven bound, D, and a feasible transmission. Between points the path is followed
along its tangent, `dx/dtau = H^-1 grad B`, as far as all slacks stay above a share of what the path promises.
"""

from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from crbeam.design.convex.dual import Dual, Model, Point
from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.primal import Primal, primal_of
from crbeam.design.convex.program import Program

#: Newton decrement up to which a point counts as near the path.
NEAR = 0.9
#: Factors on the weight of the barrier that are tried along the tangent of the path, smallest first.
LEFT = (1e-3, 0.01, 0.03, 0.1, 0.25, 0.5, 0.7, 0.85, 0.95)
#: Share of the slacks promised by the path that must be left.
KEPT = 0.2
#: Newton steps after which the method stops, trial steps of a line search, share of the predicted rise it must bring.
MAX_STEPS, MAX_HALVINGS, ARMIJO = 300, 50, 1e-2
#: Share of the predicted rise that twice a step must bring more than the step, and the longest step that is doubled.
STEEP, LONGEST = 0.25, 1e6
#: Weight of the barrier at the start, in units of the objective over its parameter.
FIRST_WEIGHT = 1.0
#: Share of the power of others with which lifted blocks start.
NEARLY_ALL = 0.999
#: Factor on all limits of power beyond which no power is said to suffice.
LARGEST_FACTOR = 1e9
#: Share of the wanted gap that the barrier may leave.
BARRIER_SHARE = 0.25
#: Transmissions are computed where the gap that the barrier promises is below so many times the wanted one, and each
#: time that the weight of the barrier has fallen by a factor.
CLOSE, FALLEN = 4.0, 1e-2


@dataclass(frozen=True, eq=False)
class Path:
    """Where a path ended.

    Attributes:
        point: last point of the dual.
        value: the largest D that was found, at `best`.
        best: where.
        primal: feasible transmission of least objective; None if none was found.
        trace: objective of each transmission that was found.
        steps: Newton steps.
        due: weight of the barrier below which the next transmission is computed.
        is_contradictory: whether rows and limited bounds were seen to ask for more than there is.
    """

    point: Point
    value: float
    best: Point
    primal: Primal | None
    trace: tuple[float, ...]
    steps: int
    due: float = np.inf
    is_contradictory: bool = False

    @property
    def gap(self) -> float:
        """Distance of the transmission from the bound, relative to its objective; infinite without a transmission."""
        if self.primal is None:
            return np.inf
        missing = self.primal.objective - self.value
        return missing / self.primal.objective if self.primal.objective > 0.0 else max(missing, 0.0)

    def evidence(self, program: Program) -> Evidence:
        """What proves the value in the units of the problem."""
        return program.evidence(self.best.responses, self.best.scales, self.best.levels)


@np.errstate(all="ignore")
def follow_path(
    dual: Dual,
    *,
    gap: float,
    rounding: float = 0.0,
    stop_above: float = np.inf,
    start: np.ndarray | None = None,
    patience: int = MAX_STEPS,
    deadline: float = np.inf,
) -> Path:
    """The path of a dual until transmission and bound are within a relative gap, or an absolute distance.

    Args:
        dual: the dual.
        gap: relative distance.
        rounding: absolute distance, in units of the objective.
        stop_above: value of the bound beyond which the rest of the path is of no account.
        start: unknowns to start from, inside the domain.
        patience: Newton steps after which the path ends if no transmission is found.
        deadline: time at which the path ends anyway, on the clock of `time.perf_counter`.
    """
    tau, left = FIRST_WEIGHT / dual.weight, 0.5
    point = first_point(dual, tau) if start is None else dual.point(start)
    assert point is not None, "starts are inside the domain"
    found, near = Path(point, -np.inf, point, None, (), 0), None
    for step in range(1, MAX_STEPS + 1):
        grown = FIRST_WEIGHT * found.value / dual.weight  # where the objective is far above its unit
        tau = max(tau, grown) if found.primal is None else tau
        try:
            model = dual.model(point, tau)
            newton, tangent = model.solved(model.value_slope + tau * model.barrier_slope, model.barrier_slope).T
        except np.linalg.LinAlgError:
            break
        rise = float((model.value_slope + tau * model.barrier_slope) @ newton) / tau
        found = _with_point(dual, found, point, step)
        is_vain = (found.primal is None and step >= patience) or perf_counter() > deadline
        if is_vain or found.is_contradictory or found.value > stop_above or not rise >= 0.0:
            break
        if rise < NEAR**2:
            goal, near = max(gap * abs(found.value), rounding), (model, newton, tau)
            if tau < max(found.due, CLOSE * goal / dual.weight):
                found, near = _with_primal(dual, found, *near), None
            if _is_done(found, gap, rounding):
                break
            last = BARRIER_SHARE * goal / dual.weight
            moved, left = along(dual, model, newton, tau * tangent, left, last / tau)
            tau *= left
        else:
            moved = uphill(dual, point, newton, rise, tau)
        if moved is None:
            break
        point = moved
    return found if near is None else _with_primal(dual, found, *near)


def first_point(dual: Dual, tau: float) -> Point:
    """A point near that of the path where nothing but the barrier counts: even powers, small responses."""
    program = dual.program
    power = np.zeros(program.levels.size)
    for cone in program.cones:
        power += cone.counts * len(cone.streams) * cone.size
    limits = np.arange(program.levels.size)[program.limits]
    x = np.zeros(dual.size)
    levels = np.full(program.levels.size, tau)
    if program.growing is None:
        levels[limits] = tau * (1.0 + power[limits]) / -program.levels[limits]
    else:
        levels[limits] = 0.5 / (limits.size * -program.growing[limits])
    levels[: program.n_rows] = np.minimum(_first_multipliers(dual, levels, tau), 0.5 * program.ceiling)
    x[dual.first_level :] = levels
    starts = {"limit": 1.0, "threshold": 0.5, "share": 1.0 / (1.0 + dual.is_share.sum())}
    for number, kind in enumerate(dual.kinds):
        x[dual.first_scale + number] = min(starts[kind], 0.5 * float(dual.caps[number]))
    scales = x[dual.first_scale : dual.first_level]
    for number, (term, part) in enumerate(zip(program.terms, dual.slices, strict=True)):
        x[part] = 0.5 * dual.scale_of(scales, number) * term.selection.ravel()
    x[dual.squares] **= 2
    # either prices rise until they cover everything else, or everything else shrinks below them
    is_price = np.zeros(dual.size, dtype=bool)
    is_price[dual.first_level + limits] = True
    chosen, factor = (is_price, 2.0) if program.growing is None else (~is_price, 0.5)
    while (point := dual.point(x)) is None:
        x[chosen] *= factor
        if not np.all(np.isfinite(x)) or not np.any(x[chosen]):
            raise np.linalg.LinAlgError("no point inside the domain of the dual")
    return point


def _first_multipliers(dual: Dual, levels: np.ndarray, tau: float) -> np.ndarray:
    """Multipliers of rows as on the path if even powers keep them.

    Else those with which a row alone takes half of what power costs a stream that meets it, or of a ceiling, as if half
    of it were used.
    """
    program = dual.program
    gains = np.zeros(program.levels.size)
    for cone in program.cones:
        price = cone.price + float(cone.counts @ levels)
        most = np.maximum(cone.factors.max(axis=0), 0.0) * np.sum(np.abs(cone.vectors) ** 2, axis=0)
        gains = np.maximum(gains, (most[:, None] * cone.selector).max(axis=0, initial=0.0) / price)
    rows = slice(0, program.n_rows)
    excess, most, floors = _even_excess(dual), gains[rows], np.abs(program.levels[rows])
    missed = np.where(most > 0.0, 0.5 / np.maximum(most, 1e-300), 2.0 * tau / np.maximum(floors, 1e-12))
    return np.where(excess > 0.0, tau / np.maximum(excess, 1e-300), missed)


def _even_excess(dual: Dual) -> np.ndarray:
    """By how much rows hold if every stream sends evenly within the limits."""
    program = dual.program
    levels = program.levels if program.growing is None else program.levels + program.growing
    excess, even = -levels[: program.n_rows], dict[str, float]()
    for cone in program.cones:
        most = float(np.min(-levels[cone.counts > 0.0] / cone.counts[cone.counts > 0.0]))
        even[cone.name] = most / cone.size
    for cone in program.cones:
        powers = np.full(cone.size, even[cone.name] / len(cone.streams))
        if cone.start is not None:
            sender, shares = cone.start
            powers = NEARLY_ALL * even.get(sender, 0.0) * shares
        gains = (powers @ np.abs(cone.vectors) ** 2) * cone.factors.sum(axis=0)
        excess = excess + (gains @ cone.selector)[: program.n_rows]
    return excess


def contradiction(dual: Dual, x: np.ndarray) -> float:
    """By how much what rows and limited bounds ask for exceeds what the limits of power give; proof if positive."""
    program = dual.program
    responses, scales, levels = dual.split(x)
    missing = np.zeros(program.levels.size)
    for cone in program.cones:  # without kappa and what the objective counts slacks stay positive at higher prices
        budget = int(np.argmax(cone.counts > 0.0))
        missing[budget] = max(missing[budget], cone.price / cone.counts[budget])
    asked = float(program.levels @ (levels + missing))
    for number, (term, response) in enumerate(zip(program.terms, responses, strict=True)):
        if dual.limited[number]:
            scale = dual.scale_of(scales, number)
            known = float(np.vdot(response, term.constant @ response))
            asked += 2.0 * float(np.vdot(term.selection, response)) - known / scale
    return asked - float(sum(v for v, kind in zip(scales.tolist(), dual.kinds, strict=True) if kind == "limit"))


def _is_beyond(dual: Dual, found: Path) -> bool:
    """Whether the last point proves that no transmission, or no power, meets rows and limited bounds."""
    if dual.program.growing is not None:
        return found.value > LARGEST_FACTOR
    return contradiction(dual, found.point.x) > 0.0


def _with_point(dual: Dual, found: Path, point: Point, step: int) -> Path:
    best = point if point.value > found.value else found.best
    seen = Path(point, max(point.value, found.value), best, found.primal, found.trace, step, found.due)
    return replace(seen, is_contradictory=True) if found.primal is None and _is_beyond(dual, seen) else seen


def _with_primal(dual: Dual, found: Path, model: Model, newton: np.ndarray, tau: float) -> Path:
    primal = primal_of(dual, model, newton, tau, anchor=found.primal)
    if primal is None:
        return found
    better = primal if found.primal is None or primal.objective < found.primal.objective else found.primal
    return replace(found, primal=better, trace=(*found.trace, better.objective), due=FALLEN * tau)


def _is_done(found: Path, gap: float, rounding: float) -> bool:
    return found.primal is not None and found.primal.objective - found.value <= max(
        gap * abs(found.primal.objective), rounding
    )


def along(
    dual: Dual, model: Model, newton: np.ndarray, tangent: np.ndarray, last: float, least: float
) -> tuple[Point | None, float]:
    """The point a stride along the path, and the factor on the barrier there; a Newton step if no stride is safe.

    Strides grow with the last one: the factor is at least a quarter of it or its square, and no less than the first of
    `LEFT`; it is `least` in the end.
    """
    x = model.point.x + newton
    bold = max(least, LEFT[0], min(last, 0.5) ** 2)
    tried = [bold, *(factor for factor in LEFT if factor > bold)]
    first = max(0, next((place for place, factor in enumerate(tried) if factor >= 0.6 * last), len(tried)) - 2)
    for left in tried[first:]:
        moved = x - (1.0 - left) * tangent
        point = dual.point(moved, beside=model.point, share=KEPT * left)
        if point is not None:
            return point, left
    return dual.point(x), 1.0


def uphill(dual: Dual, point: Point, newton: np.ndarray, rise: float, tau: float) -> Point | None:
    """The point after a damped Newton step, or a longer one as long as it climbs steeply; None if no step climbs."""

    def tried(length: float) -> tuple[Point | None, float]:
        moved = dual.point(point.x + length * newton)
        return moved, -np.inf if moved is None else moved.value / tau + moved.barrier

    value, length = point.value / tau + point.barrier, 1.0
    for _ in range(MAX_HALVINGS):
        moved, reached = tried(length)
        if reached > value + ARMIJO * length * rise:  # a rise that rounding swallows is none
            break
        length *= 0.5
    else:
        return None
    while 1.0 <= length < LONGEST:
        longer, further = tried(2.0 * length)
        if not further >= reached + STEEP * length * rise:
            break
        moved, reached, length = longer, further, 2.0 * length
    return moved
