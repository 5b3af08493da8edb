"""Transmissions at points of the central path, and what they are worth."""

from dataclasses import dataclass

import numpy as np

from crbeam.design.convex.cone import Cone, View
from crbeam.design.convex.dual import Dual, Model, Point
from crbeam.design.convex.program import Program

#: Halvings of the share of a feasible transmission with which one is mixed that misses a limit on a bound.
MAX_MIXINGS = 40
#: Relative room that transmissions keep in rows, limits of power and limits on bounds.
ROOM = 1e-11
#: Most multiples of a transmission that are tried.
MAX_MULTIPLES = 50


@dataclass(frozen=True, eq=False)
class Primal:
    """A feasible transmission in the units of a program.

    Attributes:
        streams: covariances of the streams of each cone, `[stream, size, size]`; over a codebook powers
            `[stream, size]`.
        objective: its value.
    """

    streams: tuple[np.ndarray, ...]
    objective: float


def primal_of(dual: Dual, model: Model, newton: np.ndarray, tau: float, *, anchor: Primal | None) -> Primal | None:
    """The transmission that belongs to a point and its Newton step, mixed with a feasible one if it must be."""
    changes = slack_changes(dual, model.point, newton)
    streams = [slack.covariances(tau, change) for slack, change in zip(model.point.slacks, changes, strict=True)]
    return feasible(dual, tuple(streams), anchor)


def feasible(dual: Dual, streams: tuple[np.ndarray, ...], anchor: Primal | None) -> Primal | None:
    """The best multiple of a transmission that keeps everything; else of the nearest one on the way to a feasible one.

    None if there is no such multiple, or a covariance is not positive semidefinite.
    """
    found = _scaled(dual, streams)
    if found is not None or anchor is None:
        return found
    low, high = 0.0, 1.0
    for _ in range(MAX_MIXINGS):
        middle = 0.5 * (low + high) if low > 0.0 else high * 0.1
        mixed = _scaled(dual, _mixed(streams, anchor, middle))
        found, low, high = (found, middle, high) if mixed is None else (mixed, low, middle)
        if high < 1e-12 or high - low < 0.1 * high:
            break
    return found


def _mixed(streams: tuple[np.ndarray, ...], anchor: Primal, share: float) -> tuple[np.ndarray, ...]:
    return tuple((1.0 - share) * new + share * old for new, old in zip(streams, anchor.streams, strict=True))


def _scaled(dual: Dual, streams: tuple[np.ndarray, ...]) -> Primal | None:
    """The best multiple that keeps rows, limits of power and limits on bounds.

    The least where power counts alone, the largest where it does not count.
    """
    program = dual.program
    sums, levels = _sums(dual, streams), program.levels
    if program.growing is not None:
        sums = sums - _factor(dual, sums) * program.growing
    if np.any(levels[sums <= 0.0] > 0.0) or not all(map(_is_positive, streams)):
        return None
    rises, falls = sums > 0.0, sums < 0.0
    low = float(np.max(levels[rises] / sums[rises], initial=0.0))
    high = float(np.min(levels[falls] / sums[falls], initial=np.inf)) * (1.0 - ROOM)
    told = _told(dual, streams)
    low = _least_multiple(dual, told, low) * (1.0 + ROOM)
    if not low <= high * (1.0 + 3.0 * ROOM):
        return None
    counts_bounds = not all(dual.limited)
    factor = low if program.growing is not None or not counts_bounds else float(np.clip(1.0, low, high))
    if counts_bounds and not program.statement.price and np.isfinite(high):
        factor = high
    multiple = tuple(factor * each for each in streams)
    return Primal(multiple, _objective(dual, multiple, bounds_of(dual, told, factor)))


def _least_multiple(dual: Dual, told: list[list[np.ndarray]], start: float) -> float:
    """Factor of at least `start` with which limits on bounds hold; infinite if none is found.

    With f the factor and u the largest bound over its limit, `u(f) f` is nearer to the least one, and exact without a
    prior. From 1 on downwards all of them keep the limits, for `I0 + f I(R) >= f (I0 + I(R))` up to there.
    """
    limited = dual.limited
    if not any(limited):
        return start
    factor, worst = max(start, 1.0), np.inf
    for _ in range(MAX_MULTIPLES):
        worst = float(np.max(bounds_of(dual, told, factor)[limited]))
        if worst <= 1.0 and (worst >= 1.0 - ROOM or factor <= start):
            return factor
        if not np.isfinite(worst):
            return np.inf
        factor = max(factor * worst * (1.0 + ROOM), start)
    return factor if worst <= 1.0 else np.inf


def _sums(dual: Dual, streams: tuple[np.ndarray, ...]) -> np.ndarray:
    """`sum <A, W>` of each row, and `-<P, R>` of each limit."""
    found = np.zeros(dual.program.levels.size)
    for cone, sent in zip(dual.program.cones, streams, strict=True):
        used = float(sent.sum() if cone.is_line else np.einsum("sii->", sent).real)
        found += np.sum(cone.factors * gains_of(cone, sent), axis=0) @ cone.selector - used * cone.counts
    return found


def disturbances(program: Program, streams: tuple[np.ndarray, ...]) -> np.ndarray:
    """What streams take from each row, the sum of the parts that count against it."""
    found = np.zeros(program.levels.size)
    for cone, sent in zip(program.cones, streams, strict=True):
        found += np.sum(np.maximum(-cone.factors, 0.0) * gains_of(cone, sent), axis=0) @ cone.selector
    return found[: program.n_rows]


def _told(dual: Dual, streams: tuple[np.ndarray, ...]) -> list[list[np.ndarray]]:
    """Information of each term, from every cone that it hears."""
    found: list[list[np.ndarray]] = [[] for _ in dual.program.terms]
    for cone, sent in zip(dual.program.cones, streams, strict=True):
        for number, view in cone.seen:
            found[number].append(view.information(sent.sum(axis=0)))
    return found


def bounds_of(dual: Dual, told: list[list[np.ndarray]], factor: float) -> np.ndarray:
    """`tr(E^T I^-1 E)` of each term at a multiple of a transmission; infinite where it is not determined."""
    found = np.full(len(dual.program.terms), np.inf)
    for number, term in enumerate(dual.program.terms):
        try:
            root = np.linalg.cholesky(dual.information(number, told[number], factor))
        except np.linalg.LinAlgError:
            continue
        found[number] = float(np.sum(np.linalg.solve(root, term.selection) ** 2))
    return found


def _is_positive(sent: np.ndarray) -> bool:
    if sent.ndim == 2:  # powers of a codebook
        return True
    try:
        np.linalg.cholesky(sent + 1e-14 * np.eye(sent.shape[-1]) * float(np.abs(sent).max(initial=0.0) or 1.0))
    except np.linalg.LinAlgError:
        return False
    return True


def _objective(dual: Dual, streams: tuple[np.ndarray, ...], bounds: np.ndarray) -> float:
    """`kappa sum tr R + Phi(u)`."""
    program, value = dual.program, 0.0
    if program.growing is not None:
        return _factor(dual, _sums(dual, streams))
    for cone, sent in zip(program.cones, streams, strict=True):
        value += cone.price * float(sent.sum() if cone.is_line else np.einsum("sii->", sent).real)
    totals = np.zeros(len(program.scales))
    for term, bound in zip(program.terms, bounds.tolist(), strict=True):
        if term.scale is None:
            value += bound
        else:
            totals[term.scale] += bound
    for scale, total in zip(program.scales, totals.tolist(), strict=True):
        if scale.kind == "threshold" and total > scale.level:
            value += scale.level * (np.sqrt(total / scale.level) - 1.0) ** 2
    return value + largest_weighted(totals[dual.is_share], dual.caps[dual.is_share])


def _factor(dual: Dual, sums: np.ndarray) -> float:
    """Least factor on the limits of power that leaves room for a transmission."""
    program = dual.program
    assert program.growing is not None
    limits = program.limits
    return float(np.max(sums[limits] / program.growing[limits])) * (1.0 + ROOM)


def gains_of(cone: Cone, sent: np.ndarray) -> np.ndarray:
    """`h^H W h` of each stream and vector."""
    if cone.is_line:
        return sent @ np.abs(cone.vectors) ** 2
    return np.real(np.sum(cone.vectors.conj() * (sent @ cone.vectors), axis=1))


def largest_weighted(bounds: np.ndarray, caps: np.ndarray) -> float:
    """`max sum v u` over `sum v <= 1, 0 <= v <= caps`."""
    value, left = 0.0, 1.0
    for place in np.argsort(-bounds):
        taken = min(left, float(caps[place]))
        value += taken * float(bounds[place]) if taken > 0.0 else 0.0
        left -= taken
    return value


def slack_changes(dual: Dual, point: Point, step: np.ndarray) -> list[np.ndarray]:
    """Change of the slacks along a step, to first order."""
    rises, scale_rises, level_rises = dual.changes(point, step)
    found = []
    for cone in dual.program.cones:
        level = float(cone.counts @ level_rises)
        weights = cone.factors * (cone.selector @ level_rises)
        falls = [(number, view, rises[number]) for number, view in cone.seen]
        found.append(_change(dual, point, cone, (level, weights), falls, scale_rises))
    return found


def _change(
    dual: Dual,
    point: Point,
    cone: Cone,
    levels: tuple[float, np.ndarray],
    falls: list[tuple[int, View, np.ndarray]],
    scale_rises: np.ndarray,
) -> np.ndarray:
    level, weights = levels
    if cone.is_line:
        change = level - weights @ (np.abs(cone.vectors) ** 2).T
        for number, view, rise in falls:
            response, scale = point.responses[number], dual.scale_of(point.scales, number)
            place = dual.program.terms[number].scale
            slower = 0.0 if place is None else float(scale_rises[place]) / scale
            change = change - np.sum((view.words @ response) * (2.0 * rise - slower * response), axis=(1, 2)) / scale
        return change
    base = np.diag(np.full(cone.size, level, dtype=complex))
    for number, view, rise in falls:
        inner = _inner_change(dual, point, number, view, rise, scale_rises)
        base = base - view.transmit @ inner @ view.adjoint_transmit
    return base - (cone.vectors * weights[:, None, :]) @ cone.adjoint_vectors


def _inner_change(
    dual: Dual, point: Point, number: int, view: View, rise: np.ndarray, scale_rises: np.ndarray
) -> np.ndarray:
    """Change of `((J Z Z^T J^T) o O) / v`."""
    scale = dual.scale_of(point.scales, number)
    slopes, moved = view.jacobian @ point.responses[number], view.jacobian @ rise
    change = ((slopes @ moved.T) + (moved @ slopes.T)) * view.weight / scale
    place = dual.program.terms[number].scale
    if place is None:
        return change
    return change - view.inner(point.responses[number]) * (float(scale_rises[place]) / scale**2)
