"""Transmissions at points of the central path, and what they are worth."""

from dataclasses import dataclass

import numpy as np

from crbeam.design.convex.dual import Dual, Model, Point, inner_of
from crbeam.design.convex.program import Cone, View

#: Halvings of the share of a feasible transmission with which one is mixed that misses a limit on a bound.
MAX_MIXINGS = 40
#: Relative room that transmissions keep in rows, limits of power and limits on bounds.
ROOM = 1e-11


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
    streams = []
    for cone, root, change in zip(dual.program.cones, model.point.roots, changes, strict=True):
        if cone.is_line:
            streams.append(np.maximum(tau * root * (1.0 - root * change), 0.0))
            continue
        adjoint = root.conj().swapaxes(1, 2)
        sent = tau * adjoint @ (np.eye(cone.size) - root @ change @ adjoint) @ root
        streams.append(0.5 * (sent + sent.conj().swapaxes(1, 2)))
    return feasible(dual, tuple(streams), anchor)


def feasible(dual: Dual, streams: tuple[np.ndarray, ...], anchor: Primal | None) -> Primal | None:
    """A transmission if it keeps everything; else the nearest that does on the way to a feasible one."""
    if keeps_all(dual, streams):
        return Primal(streams, objective_of(dual, streams))
    if anchor is None:
        return None
    low, high = 0.0, 1.0
    for _ in range(MAX_MIXINGS):
        middle = 0.5 * (low + high) if low > 0.0 else high * 0.1
        low, high = (low, middle) if keeps_all(dual, _mixed(streams, anchor, middle)) else (middle, high)
        if high < 1e-12 or high - low < 0.1 * high:
            break
    mixed = _mixed(streams, anchor, high)
    return Primal(mixed, objective_of(dual, mixed)) if keeps_all(dual, mixed) else None


def _mixed(streams: tuple[np.ndarray, ...], anchor: Primal, share: float) -> tuple[np.ndarray, ...]:
    return tuple((1.0 - share) * new + share * old for new, old in zip(streams, anchor.streams, strict=True))


def totals_of(streams: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """Sum of the streams of each cone."""
    return [each.sum(axis=0) for each in streams]


def excess_of(dual: Dual, streams: tuple[np.ndarray, ...]) -> np.ndarray:
    """By how much each row and each limit of power is kept, `sum <A, W> - c` and `p - <P, R>`."""
    program = dual.program
    excess = -program.levels
    if program.growing is not None:
        excess = excess - factor_of(dual, streams) * program.growing
    for cone, sent in zip(program.cones, streams, strict=True):
        gains = sent @ np.abs(cone.vectors) ** 2 if cone.is_line else _gains(cone, sent)
        used = float(sent.sum() if cone.is_line else np.einsum("sii->", sent).real)
        excess = excess + np.sum(cone.factors * gains, axis=0) @ cone.selector - used * cone.counts
    return excess


def disturbances(dual: Dual, streams: tuple[np.ndarray, ...]) -> np.ndarray:
    """What streams take from each row, the sum of the parts that count against it."""
    found = np.zeros(dual.program.levels.size)
    for cone, sent in zip(dual.program.cones, streams, strict=True):
        gains = sent @ np.abs(cone.vectors) ** 2 if cone.is_line else _gains(cone, sent)
        found += np.sum(np.maximum(-cone.factors, 0.0) * gains, axis=0) @ cone.selector
    return found[: dual.program.n_rows]


def bounds_of(dual: Dual, streams: tuple[np.ndarray, ...]) -> np.ndarray:
    """`tr(E^T I^-1 E)` of each term; infinite where it is not determined."""
    totals = totals_of(streams)
    found = np.full(len(dual.program.terms), np.inf)
    for number, term in enumerate(dual.program.terms):
        try:
            root = np.linalg.cholesky(dual.information(number, totals))
        except np.linalg.LinAlgError:
            continue
        found[number] = float(np.sum(np.linalg.solve(root, term.selection) ** 2))
    return found


def keeps_all(dual: Dual, streams: tuple[np.ndarray, ...]) -> bool:
    """Whether rows, limits of power and limits on bounds hold, and covariances are positive semidefinite."""
    size = ROOM * (1.0 + np.abs(dual.program.levels))
    if not np.all(excess_of(dual, streams) >= -size):
        return False
    for cone, sent in zip(dual.program.cones, streams, strict=True):
        if not cone.is_line and not _is_positive(sent):
            return False
    limited = [
        number
        for number, term in enumerate(dual.program.terms)
        if term.scale is not None and dual.kinds[term.scale] == "limit"
    ]
    return not limited or bool(np.all(bounds_of(dual, streams)[limited] <= 1.0 - ROOM))


def _is_positive(sent: np.ndarray) -> bool:
    try:
        np.linalg.cholesky(sent + 1e-14 * np.eye(sent.shape[-1]) * float(np.abs(sent).max(initial=0.0) or 1.0))
    except np.linalg.LinAlgError:
        return False
    return True


def objective_of(dual: Dual, streams: tuple[np.ndarray, ...]) -> float:
    """`kappa sum tr R + Phi(u)`."""
    program, bounds = dual.program, bounds_of(dual, streams)
    if program.growing is not None:
        return factor_of(dual, streams)
    value = 0.0
    for cone, sent in zip(program.cones, streams, strict=True):
        value += cone.price * float(sent.sum() if cone.is_line else np.einsum("sii->", sent).real)
    sums = np.zeros(len(program.scales))
    for term, bound in zip(program.terms, bounds.tolist(), strict=True):
        if term.scale is None:
            value += bound
        else:
            sums[term.scale] += bound
    for scale, total in zip(program.scales, sums.tolist(), strict=True):
        if scale.kind == "threshold" and total > scale.level:
            value += scale.level * (np.sqrt(total / scale.level) - 1.0) ** 2
    return value + largest_weighted(sums[dual.is_share], dual.caps[dual.is_share])


def factor_of(dual: Dual, streams: tuple[np.ndarray, ...]) -> float:
    """Least factor on the limits of power that leaves room for a transmission."""
    program = dual.program
    assert program.growing is not None
    used = np.zeros(program.levels.size)
    for cone, sent in zip(program.cones, streams, strict=True):
        used += cone.counts * float(sent.sum() if cone.is_line else np.einsum("sii->", sent).real)
        gains = sent @ np.abs(cone.vectors) ** 2 if cone.is_line else _gains(cone, sent)
        used -= np.sum(cone.factors * gains, axis=0) @ cone.selector
    limits = slice(program.n_rows, None)
    return float(np.max(used[limits] / -program.growing[limits])) * (1.0 + ROOM)


def _gains(cone: Cone, sent: np.ndarray) -> np.ndarray:
    """`h^H W h` of each stream and vector."""
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
    rises, scale_rises, level_rises = dual.split(step)
    found = []
    for cone in dual.program.cones:
        level = float(cone.counts @ level_rises)
        weights = cone.factors * (cone.selector @ level_rises)
        falls = [
            (view, _inner_change(dual, point, number, view, rises[number], scale_rises)) for number, view in cone.seen
        ]
        found.append(_change(cone, level, weights, falls))
    return found


def _change(cone: Cone, level: float, weights: np.ndarray, falls: list[tuple[View, np.ndarray]]) -> np.ndarray:
    if cone.is_line:
        change = level - weights @ (np.abs(cone.vectors) ** 2).T
        for view, inner in falls:
            change = change - np.sum(np.real((view.transmit @ inner) * view.transmit.conj()), axis=1)
        return change
    base = np.diag(np.full(cone.size, level, dtype=complex))
    for view, inner in falls:
        base = base - view.transmit @ inner @ view.transmit.conj().T
    return base - (cone.vectors * weights[:, None, :]) @ cone.vectors.conj().T


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
    return change - inner_of(view, point.responses[number]) * (float(scale_rises[place]) / scale**2)
