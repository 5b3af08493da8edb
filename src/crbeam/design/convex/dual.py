"""The barrier of the dual of a convex program, with gradient and Hessian.

Over responses Z_t, scales v, and `y = (mu, lambda)` of rows and limits, then multipliers of equalities, of any sign,

    F(x) = D(x) + tau B(x),      B = sum log det S_bs + sum log y + sum of the barriers of the scales,

D and S as in `certificate`. D is concave and S concave in the order of semidefinite matrices, and B is self-concordant.
On the path of its maxima `W_bs = tau S_bs^-1` are the covariances of the streams.

All products run in the frames of the views. With `q = J z` for a column z of Z, the slack of a block changes with
`Z_ac` by `-(C + C^H) / v`, `C = T diag(J_a) O diag(q_c) T^H`; traces of two changes, weighted by `P = S^-1`, are
entries of

    2 Re J^T [ (X_c K) o (X'_c' K^H)^T + (X_c K X'_c'^H) o conj(K) ] J' / (v v'),     X_c = O diag(q_c),  K = T^H P T'.

A scale enters S with Z: `dS/dv = -sum_ac Z_ac dS/dZ_ac / (2 v)`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from crbeam.design.convex.certificate import cost_of_scales, square_completed
from crbeam.design.convex.cone import Cone, View
from crbeam.design.convex.program import Program
from crbeam.design.convex.slack import LineSlack, Slack, seen_by, slack_of
from crbeam.linalg import solved_symmetric

#: Added to the diagonal of scaled Newton systems.
REGULARISATION = 1e-14
#: Runs of consecutive unknowns of a cone up to which its part of the Hessian is added by slices.
MOST_RUNS = 6


@dataclass(frozen=True, eq=False)
class Point:
    """A point of the dual inside its domain.

    Attributes:
        x: responses, scales, multipliers and prices in a row.
        responses: Z of each term.
        scales: v of each scale.
        levels: mu of the rows and lambda of the limits.
        value: D, below which no feasible objective lies.
        barrier: B.
        rooms: everything that must be positive beside the slacks.
        rests: slack of each cone without its vectors `[size, size]`; along the beams of a codebook the whole slack of
            every stream `[stream, size]`.
        slacks: of each cone.
    """

    x: np.ndarray
    responses: list[np.ndarray]
    scales: np.ndarray
    levels: np.ndarray
    value: float
    barrier: float
    rooms: np.ndarray
    rests: list[np.ndarray]
    slacks: list[Slack | LineSlack]


@dataclass(frozen=True, eq=False)
class Model:
    """Second-order model at a point.

    Attributes:
        point: the point.
        value_slope: gradient of D.
        barrier_slope: gradient of B.
        curvature: negative Hessian of F, positive definite.
    """

    point: Point
    value_slope: np.ndarray
    barrier_slope: np.ndarray
    curvature: np.ndarray

    def solved(self, *columns: np.ndarray) -> np.ndarray:
        """`H^-1` times some columns, scaled to the diagonal."""
        scale = 1.0 / np.sqrt(self.curvature.diagonal())
        matrix = self.curvature * (scale[:, None] * scale)
        matrix.flat[:: len(matrix) + 1] += REGULARISATION
        return scale[:, None] * solved_symmetric(matrix, scale[:, None] * np.array(columns).T)


class Dual:
    """The dual of a program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.slices: list[slice] = []
        start = 0
        for term in program.terms:
            self.slices.append(slice(start, start + term.selection.size))
            start += term.selection.size
        self.places = [np.arange(part.start, part.stop) for part in self.slices]
        self.first_scale = start
        self.first_level = start + len(program.scales)
        self.size = self.first_level + program.levels.size
        self.kinds = [scale.kind for scale in program.scales]
        #: Of each term whether its bound is limited and does not count in the objective.
        self.limited = [term.scale is not None and self.kinds[term.scale] == "limit" for term in program.terms]
        caps = [{"threshold": 1.0, "share": each.level, "limit": np.inf}[each.kind] for each in program.scales]
        ceilings = np.where(np.arange(program.levels.size) < program.n_rows, program.ceiling, np.inf)
        #: Least and largest values of scales and levels.
        self.least = np.zeros(len(caps) + program.levels.size)
        self.least[self.least.size - program.n_free :] = -np.inf
        self.most = np.concatenate([caps, ceilings])
        self.caps = self.most[: len(caps)]
        self.is_share = np.array([kind == "share" for kind in self.kinds], dtype=bool)
        plain = [term.scale is None and term.selection.size == 1 for term in program.terms]
        #: Unknowns that are squares of responses of one number.
        self.squares = np.array(
            [part.start for part, alone in zip(self.slices, plain, strict=True) if alone], dtype=int
        )
        self._has_shares = bool(self.is_share.any())
        self._shapes = [term.selection.shape for term in program.terms]
        self._above, self._below = np.flatnonzero(np.isfinite(self.least)), np.flatnonzero(np.isfinite(self.most))

    @cached_property
    def weight(self) -> float:
        """Parameter of the barrier: on the path the duality gap is about this times tau."""
        cones = sum(len(cone.streams) * cone.size for cone in self.program.cones)
        others = float(self._has_shares) + float(self.program.growing is not None) + self.squares.size
        return cones + float(np.isfinite(self.least).sum() + np.isfinite(self.most).sum()) + others

    def scale_of(self, scales: np.ndarray, term: int) -> float:
        """v of a term; 1 if it counts once."""
        place = self.program.terms[term].scale
        return 1.0 if place is None else float(scales[place])

    def split(self, x: np.ndarray) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """Responses, scales and levels of a row of unknowns."""
        if self.squares.size:
            x = x.copy()
            x[self.squares] = np.sqrt(x[self.squares])
        return self._split(x)

    def changes(self, point: Point, step: np.ndarray) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """Changes of responses, scales and levels along a step, to first order."""
        step = step.copy()
        step[self.squares] *= 0.5 / np.sqrt(point.x[self.squares])
        return self._split(step)

    def _split(self, x: np.ndarray) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        responses = [x[part].reshape(shape) for part, shape in zip(self.slices, self._shapes, strict=True)]
        return responses, x[self.first_scale : self.first_level], x[self.first_level :]

    def rooms(self, x: np.ndarray) -> np.ndarray:
        """Everything that must be positive beside the slacks."""
        numbers = x[self.first_scale :]
        parts = [x[self.squares], (numbers - self.least)[self._above], (self.most - numbers)[self._below]]
        if self.program.growing is not None:
            parts.append(np.array([1.0 + self.program.growing @ x[self.first_level :]]))
        if self._has_shares:
            parts.append(np.array([1.0 - numbers[: len(self.kinds)][self.is_share].sum()]))
        return np.concatenate(parts)

    def value(self, responses: Sequence[np.ndarray], scales: np.ndarray, levels: np.ndarray) -> float:
        """D, below which no feasible objective lies if the point is in the domain."""
        total = float(self.program.levels @ levels) - cost_of_scales(self.program.scales, scales)
        for number, (term, response) in enumerate(zip(self.program.terms, responses, strict=True)):
            total += square_completed(term.selection, term.constant, response, self.scale_of(scales, number))
        return total

    def rests(self, responses: Sequence[np.ndarray], scales: np.ndarray, levels: np.ndarray) -> list[np.ndarray]:
        """Of each cone what all slacks share but for its vectors; along the beams of a codebook all of every slack."""
        found = []
        for cone in self.program.cones:
            level = cone.price + float(cone.counts @ levels)
            if cone.is_line:
                rest = level - (cone.factors * (cone.selector @ levels)) @ (np.abs(cone.vectors) ** 2).T
            else:
                rest = level * cone.identity
            for number, view in cone.seen:
                scale = self.scale_of(scales, number)
                if cone.is_line:
                    rest = rest - np.sum((view.words @ responses[number]) * responses[number], axis=(1, 2)) / scale
                else:
                    inner = view.inner(responses[number]) / scale
                    rest = rest - view.transmit @ inner @ view.adjoint_transmit
            found.append(rest)
        return found

    def slacks(self, rests: Sequence[np.ndarray], levels: np.ndarray) -> list[Slack | LineSlack] | None:
        """Slacks of all cones, or None if one of them is not positive definite."""
        found: list[Slack | LineSlack] = []
        for cone, rest in zip(self.program.cones, rests, strict=True):
            if cone.is_line:
                slack = LineSlack(1.0 / rest) if np.all(rest > 0.0) else None
            else:
                places, selector, _ = cone.own
                slack = slack_of(cone, rest, selector @ levels[places])
            if slack is None:
                return None
            found.append(slack)
        return found

    def point(self, x: np.ndarray, *, beside: Point | None = None, share: float = 0.0) -> Point | None:
        """The point of a row of unknowns.

        None outside the domain, or if some slack or room is below a share of that of a point beside it.
        """
        rooms = self.rooms(x)
        if not (rooms > (0.0 if beside is None else share * beside.rooms)).all():
            return None
        responses, scales, levels = self.split(x)
        rests = self.rests(responses, scales, levels)
        if beside is not None:
            left = [new - share * old for new, old in zip(rests, beside.rests, strict=True)]
            if self.slacks(left, levels - share * beside.levels) is None:
                return None
        slacks = self.slacks(rests, levels)
        if slacks is None:
            return None
        barrier = sum(each.log_det for each in slacks)
        barrier += float(np.log(rooms).sum())
        value = self.value(responses, scales, levels)
        return Point(x, responses, scales, levels, value, barrier, rooms, rests, slacks)

    def model(self, point: Point, tau: float) -> Model:
        """Second-order model of F at a point."""
        slope, curvature = np.zeros(self.size), np.zeros((self.size, self.size))
        told: list[list[np.ndarray]] = [[] for _ in self.program.terms]
        for cone, slack in zip(self.program.cones, point.slacks, strict=True):
            if isinstance(slack, Slack):
                found = self._add_cone(cone, slack, point, slope, curvature)
            else:
                found = self._add_line(cone, slack.inverse, point, slope, curvature)
            for (number, _), information in zip(cone.seen, found, strict=True):
                told[number].append(information)
        self._add_scales_of_slacks(point, curvature)
        curvature *= tau
        value_slope = np.zeros(self.size)
        value_slope[self.first_level :] = self.program.levels
        self._add_terms(point, tau, told, value_slope, slope, curvature)
        numbers, places = point.x[self.first_scale :], np.arange(self.first_scale, self.size)
        above, below = 1.0 / (numbers - self.least), 1.0 / (self.most - numbers)
        slope[places] += above - below
        curvature[places, places] += tau * (above**2 + below**2)
        self._add_scales(point, tau, value_slope, slope, curvature)
        growing = self.program.growing
        if growing is not None:
            room = 1.0 + float(growing @ point.levels)
            slope[self.first_level :] += growing / room
            curvature[self.first_level :, self.first_level :] += tau * np.outer(growing, growing) / room**2
        self._in_squares(point, tau, value_slope, slope, curvature)
        return Model(point, value_slope, slope, curvature)

    def _in_squares(
        self, point: Point, tau: float, value_slope: np.ndarray, slope: np.ndarray, curvature: np.ndarray
    ) -> None:
        """Turn derivatives by responses z into those by their squares, with the barrier of these.

        Slacks are linear in squares, so that a point of any size is on a line with its multiples.
        """
        for place, square in zip(self.squares.tolist(), point.x[self.squares].tolist(), strict=True):
            rate = 0.5 / np.sqrt(square)
            bend = (value_slope[place] + tau * slope[place]) * rate / (2.0 * square)
            value_slope[place] *= rate
            slope[place] = slope[place] * rate + 1.0 / square
            curvature[place] *= rate
            curvature[:, place] *= rate
            curvature[place, place] += bend + tau / square**2

    def _add_cone(
        self, cone: Cone, slack: Slack, point: Point, slope: np.ndarray, curvature: np.ndarray
    ) -> list[np.ndarray]:
        """Add gradient and Gram matrix of `sum_s log det S_bs` in responses and levels.

        Returned is `I(sum_s S_bs^-1)` of each view.
        """
        own, selector, counts = cone.own
        seen = seen_by(slack, cone)
        vectors, total = slice(cone.first_vector, None), seen.total
        sights = [
            _Sight(view, columns, view.jacobian @ point.responses[number], self.scale_of(point.scales, number), number)
            for (number, view), columns in zip(cone.seen, cone.columns, strict=True)
        ]
        starts = np.cumsum([0, *(point.responses[sight.number].size for sight in sights)])
        parts = [slice(start, stop) for start, stop in pairwise(starts.tolist())]
        levels = slice(starts[-1], None)
        size = starts[-1] + own.size
        gram, alike, crossed = np.zeros((size, size)), np.zeros(size), np.zeros(size)
        gram[levels, levels] = selector.T @ seen.products(cone.factors) @ selector
        for place, (sight, part) in enumerate(zip(sights, parts, strict=True)):
            looks = seen.pairs(sight.columns, vectors)
            felt = sight.informed(np.einsum("sm,sim,sjm->mij", cone.factors, looks, looks.conj()))
            gram[part, levels] = 2.0 * felt.reshape(len(selector), alike[part].size).T @ selector
            gram[levels, part] = gram[part, levels].T
            for other, behind in zip(sights[place:], parts[place:], strict=True):
                gram[part, behind] = _pair(sight, other, seen.pairs(sight.columns, other.columns))
                gram[behind, part] = gram[part, behind].T
        if counts.any():
            squares = seen.total_squares
            alike[levels], crossed[levels] = counts, -seen.heard_squares(cone.factors) @ selector
            for sight, part in zip(sights, parts, strict=True):
                crossed[part] = -2.0 * sight.informed(squares[sight.columns, sight.columns]).ravel()
            counted = np.flatnonzero(alike)
            mixed = np.outer(alike[counted], crossed + 0.5 * seen.trace_of_squares * alike)
            gram[counted] += mixed
            gram[:, counted] += mixed.T
            slope[self.first_level + own] += seen.trace * counts
        places = np.concatenate([*(self.places[sight.number] for sight in sights), self.first_level + own])
        _add_at(curvature, places, gram)
        slope[self.first_level + own] -= seen.heard(cone.factors) @ selector
        return [sight.view.informed(total[sight.columns, sight.columns]) for sight in sights]

    def _add_line(
        self, cone: Cone, inverse: np.ndarray, point: Point, slope: np.ndarray, curvature: np.ndarray
    ) -> list[np.ndarray]:
        """The same for a cone of nonnegative powers."""
        changes = np.zeros((len(inverse), self.size, cone.size))
        powers = np.abs(cone.vectors.T) ** 2
        for change, factors in zip(changes, cone.factors, strict=True):
            change[self.first_level :] = cone.counts[:, None] - cone.selector.T @ (factors[:, None] * powers)
        for number, view in cone.seen:
            rows = -2.0 * (view.words @ point.responses[number]) / self.scale_of(point.scales, number)
            changes[:, self.slices[number]] += rows.reshape(cone.size, -1).T
        for part in changes * inverse[:, None, :]:
            curvature += part @ part.T
            slope[self.first_level :] += part[self.first_level :].sum(axis=1)
        return [view.information(inverse.sum(axis=0)) for _, view in cone.seen]

    def _add_scales_of_slacks(self, point: Point, curvature: np.ndarray) -> None:
        """Gram entries of scales from those of the responses, with which they enter the slacks."""
        rows = np.zeros((len(self.kinds), self.size))
        for number, term in enumerate(self.program.terms):
            if term.scale is not None:
                entries = self.slices[number]
                rows[term.scale, entries] = -0.5 * point.x[entries] / point.scales[term.scale]
        if not len(rows):
            return
        mixed = rows @ curvature
        part = slice(self.first_scale, self.first_level)
        curvature[part] += mixed
        curvature[:, part] += mixed.T
        curvature[part, part] += mixed @ rows.T

    def _add_terms(
        self,
        point: Point,
        tau: float,
        told: Sequence[Sequence[np.ndarray]],
        value_slope: np.ndarray,
        slope: np.ndarray,
        curvature: np.ndarray,
    ) -> None:
        """Gradients of D and of `log det S` in the responses, and the curvature of both."""
        for number, term in enumerate(self.program.terms):
            response, scale = point.responses[number], self.scale_of(point.scales, number)
            information = self.information(number, told[number], tau)
            sloped, known = information @ response, term.constant @ response
            seen = (sloped - known) / tau
            entries = self.slices[number]
            value_slope[entries] = (2.0 * (term.selection - known / scale)).ravel()
            slope[entries] -= (2.0 * seen / scale).ravel()
            own = curvature[entries, entries].reshape(*response.shape, *response.shape)  # a view
            np.einsum("acbc->abc", own)[...] += (2.0 / scale) * information[:, :, None]
            if term.scale is not None:
                place = self.first_scale + term.scale
                fall = 2.0 * sloped.ravel() / scale**2
                curvature[entries, place] -= fall
                curvature[place, entries] -= fall
                curvature[place, place] += 2.0 * float(np.vdot(response, sloped)) / scale / scale / scale
                value_slope[place] += float(np.vdot(response, known)) / scale**2
                slope[place] += float(np.vdot(response, seen)) / scale**2

    def information(self, number: int, told: Sequence[np.ndarray], factor: float = 1.0) -> np.ndarray:
        """`I0 + factor I(X)` of a term, from `I(X)` of each of its views."""
        constant = self.program.terms[number].constant
        return constant + factor * sum(told, start=np.zeros_like(constant))

    def _add_scales(
        self, point: Point, tau: float, value_slope: np.ndarray, slope: np.ndarray, curvature: np.ndarray
    ) -> None:
        """Costs of the scales, and the barrier of their sum."""
        for number, (scale, v) in enumerate(zip(self.program.scales, point.scales.tolist(), strict=True)):
            place = self.first_scale + number
            if scale.kind == "limit":
                value_slope[place] -= scale.level
            elif scale.kind == "threshold":
                value_slope[place] -= scale.level / (1.0 - v) ** 2
                curvature[place, place] += 2.0 * scale.level / (1.0 - v) ** 3
        if self._has_shares:
            shares = self.first_scale + np.flatnonzero(self.is_share)
            room = 1.0 - float(point.x[shares].sum())
            slope[shares] -= 1.0 / room
            curvature[np.ix_(shares, shares)] += tau / room**2


@dataclass(frozen=True, eq=False)
class _Sight:
    """A view at a point: its columns of the frame, `q = J Z`, v, and the number of the term."""

    view: View
    columns: slice
    slopes: np.ndarray
    scale: float
    number: int

    @cached_property
    def weighted(self) -> np.ndarray:
        """`X_c = O diag(q_c)`, `[column, look, look]`."""
        return self.view.weight[None] * self.slopes.T[:, None, :]

    def informed(self, looks: np.ndarray) -> np.ndarray:
        """`I(X) Z / v` from `T^H X T`, maybe of several X."""
        inner = np.real(self.view.weight * looks.conj()) @ self.slopes
        return self.view.jacobian.T @ inner / self.scale


def _add_at(total: np.ndarray, places: np.ndarray, part: np.ndarray) -> None:
    """Add a square matrix at some places of a larger one, by slices where these are in few runs."""
    breaks = [0, *(np.flatnonzero(np.diff(places) != 1) + 1).tolist(), places.size]
    if len(breaks) > MOST_RUNS or not places.size:
        total[np.ix_(places, places)] += part
        return
    runs = [(slice(first, last), slice(places[first], places[last - 1] + 1)) for first, last in pairwise(breaks)]
    for inner, outer in runs:
        for behind, beyond in runs:
            total[outer, beyond] += part[inner, behind]


def _pair(first: _Sight, second: _Sight, look: np.ndarray) -> np.ndarray:
    """Traces of the changes of a slack with the responses of two terms, `[response, response]`, from `T^H P T'`."""
    back = look.conj().swapaxes(1, 2)
    left = first.weighted[None] @ look[:, None]
    right = second.weighted[None] @ back[:, None]
    total = np.einsum("scim,sdmi->cdim", left, right)
    adjoint = second.weighted.conj().swapaxes(1, 2)
    total = total + np.einsum("scdim,sim->cdim", left[:, :, None] @ adjoint[None, None], look.conj())
    entries = first.view.jacobian.T @ np.real(total) @ second.view.jacobian
    table = 2.0 * entries.transpose(2, 0, 3, 1) / (first.scale * second.scale)
    return table.reshape(table.shape[0] * table.shape[1], -1)
