"""The barrier of the dual of a convex program, with gradient and Hessian.

Over responses Z_t, scales v, and `y = (mu, lambda)` of rows and limits,

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

import numpy as np

from crbeam.design.convex.program import Cone, Program, View

#: Added to the diagonal of scaled Newton systems.
REGULARISATION = 1e-14


@dataclass(frozen=True, eq=False)
class Point:
    """A point of the dual inside its domain.

    Attributes:
        x: responses, scales, multipliers and prices in a row.
        responses: Z of each term.
        scales: v of each scale.
        levels: mu of the rows and lambda of the limits.
        slacks: of each cone `[stream, size, size]`, or `[stream, size]` along the beams of a codebook.
        roots: inverse Cholesky factors of the slacks; of a codebook the inverse slacks.
    """

    x: np.ndarray
    responses: list[np.ndarray]
    scales: np.ndarray
    levels: np.ndarray
    slacks: list[np.ndarray]
    roots: list[np.ndarray]


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
        scale = 1.0 / np.sqrt(np.diagonal(self.curvature))
        matrix = self.curvature * np.outer(scale, scale)
        matrix[np.diag_indices_from(matrix)] += REGULARISATION
        right = scale[:, None] * np.stack(columns, axis=1)
        return scale[:, None] * np.linalg.solve(matrix, right)


class Dual:
    """The dual of a program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.slices: list[slice] = []
        start = 0
        for term in program.terms:
            self.slices.append(slice(start, start + term.selection.size))
            start += term.selection.size
        self.first_scale = start
        self.first_level = start + len(program.scales)
        self.size = self.first_level + program.levels.size
        self.kinds = [scale.kind for scale in program.scales]
        caps = [{"threshold": 1.0, "share": each.level, "limit": np.inf}[each.kind] for each in program.scales]
        ceilings = np.full(program.levels.size, np.inf)
        ceilings[: program.n_rows] = program.ceiling
        #: Least and largest values of scales and levels.
        self.least = np.zeros(len(caps) + program.levels.size)
        self.least[self.least.size - program.n_free :] = -np.inf
        self.most = np.concatenate([caps, ceilings])
        self.caps = self.most[: len(caps)]
        self.is_share = np.array([kind == "share" for kind in self.kinds], dtype=bool)

    @cached_property
    def weight(self) -> float:
        """Parameter of the barrier: on the path the duality gap is about this times tau."""
        cones = sum(len(cone.streams) * cone.size for cone in self.program.cones)
        shares = float(self.is_share.any()) + float(self.program.growing is not None)
        return cones + float(np.isfinite(self.least).sum() + np.isfinite(self.most).sum()) + shares

    def scale_of(self, scales: np.ndarray, term: int) -> float:
        """v of a term; 1 if it counts once."""
        place = self.program.terms[term].scale
        return 1.0 if place is None else float(scales[place])

    def split(self, x: np.ndarray) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """Responses, scales and levels of a row of unknowns."""
        shapes = [term.selection.shape for term in self.program.terms]
        responses = [x[part].reshape(shape) for part, shape in zip(self.slices, shapes, strict=True)]
        return responses, x[self.first_scale : self.first_level], x[self.first_level :]

    def positives(self, x: np.ndarray) -> np.ndarray:
        """Everything that must be positive beside the slacks."""
        _, scales, levels = self.split(x)
        numbers = x[self.first_scale :]
        parts = [(numbers - self.least)[np.isfinite(self.least)], (self.most - numbers)[np.isfinite(self.most)]]
        if self.program.growing is not None:
            parts.append(np.array([1.0 + self.program.growing @ levels]))
        if self.is_share.any():
            parts.append(np.array([1.0 - scales[self.is_share].sum()]))
        return np.concatenate(parts)

    def value(self, x: np.ndarray) -> float:
        """D, below which no feasible objective lies if the point is in the domain."""
        responses, scales, levels = self.split(x)
        total = float(self.program.levels @ levels)
        for number, (term, response) in enumerate(zip(self.program.terms, responses, strict=True)):
            total += 2.0 * float(np.vdot(term.selection, response))
            total -= float(np.vdot(response, term.constant @ response)) / self.scale_of(scales, number)
        for scale, v in zip(self.program.scales, scales.tolist(), strict=True):
            if scale.kind == "limit":
                total -= scale.level * v
            elif scale.kind == "threshold":
                total -= scale.level * v / (1.0 - v)
        return total

    def slacks(self, x: np.ndarray) -> list[np.ndarray]:
        """`S_bs` of each cone, `[stream, size, size]`, or along the beams of a codebook."""
        responses, scales, levels = self.split(x)
        found = []
        for cone in self.program.cones:
            level = cone.price + float(cone.counts @ levels)
            places, selector, _ = cone.own
            weights = cone.factors * (selector @ levels[places])
            if cone.is_line:
                slack = level - weights @ (np.abs(cone.vectors) ** 2).T
                for number, view in cone.seen:
                    inner = inner_of(view, responses[number]) / self.scale_of(scales, number)
                    slack = slack - np.sum(np.real((view.transmit @ inner) * view.transmit.conj()), axis=1)
            else:
                base = np.diag(np.full(cone.size, level, dtype=complex))
                for number, view in cone.seen:
                    inner = inner_of(view, responses[number]) / self.scale_of(scales, number)
                    base = base - view.transmit @ inner @ view.transmit.conj().T
                slack = base - (cone.vectors * weights[:, None, :]) @ cone.vectors.conj().T
            found.append(slack)
        return found

    def point(self, x: np.ndarray) -> Point | None:
        """The point of a row of unknowns, or None outside the domain."""
        if not np.all(self.positives(x) > 0.0):
            return None
        slacks = self.slacks(x)
        roots = []
        for cone, slack in zip(self.program.cones, slacks, strict=True):
            if cone.is_line:
                if not np.all(slack > 0.0):
                    return None
                roots.append(1.0 / slack)
                continue
            try:
                roots.append(np.linalg.inv(np.linalg.cholesky(slack)))
            except np.linalg.LinAlgError:
                return None
        return Point(x, *self.split(x), slacks, roots)

    def barrier(self, point: Point) -> float:
        """B at a point."""
        total = float(np.log(self.positives(point.x)).sum())
        for cone, root in zip(self.program.cones, point.roots, strict=True):
            if cone.is_line:
                total -= float(np.log(root).sum())
            else:
                total -= 2.0 * float(np.log(np.real(np.diagonal(root, axis1=1, axis2=2))).sum())
        return total

    def is_near(self, x: np.ndarray, point: Point, share: float) -> bool:
        """Whether slacks and numbers at x are all more than a share of those of a point."""
        if not np.all(self.positives(x) > share * self.positives(point.x)):
            return False
        for cone, slack, old in zip(self.program.cones, self.slacks(x), point.slacks, strict=True):
            if cone.is_line:
                if not np.all(slack > share * old):
                    return False
                continue
            try:
                np.linalg.cholesky(slack - share * old)
            except np.linalg.LinAlgError:
                return False
        return True

    def model(self, point: Point, tau: float) -> Model:
        """Second-order model of F at a point."""
        slope, curvature = np.zeros(self.size), np.zeros((self.size, self.size))
        totals = []
        for cone, root in zip(self.program.cones, point.roots, strict=True):
            totals.append((root if cone.is_line else root.conj().swapaxes(1, 2) @ root).sum(axis=0))
            (self._add_line if cone.is_line else self._add_cone)(cone, root, point, slope, curvature)
        self._add_scales_of_slacks(point, curvature)
        curvature *= tau
        value_slope = np.zeros(self.size)
        value_slope[self.first_level :] = self.program.levels
        self._add_terms(point, tau, totals, value_slope, slope, curvature)
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
        return Model(point, value_slope, slope, curvature)

    def _add_cone(self, cone: Cone, root: np.ndarray, point: Point, slope: np.ndarray, curvature: np.ndarray) -> None:
        """Add gradient and Gram matrix of `sum_s log det S_bs` in responses and levels, from K with `K^H K = S^-1`."""
        own, selector, counts = cone.own
        levels = self.first_level + own
        both = np.ix_(levels, levels)
        adjoint = root.conj().swapaxes(1, 2)
        whitened = root @ cone.vectors
        pairs = whitened.conj().swapaxes(1, 2) @ whitened
        gains = np.real(np.einsum("smm->sm", pairs))
        gram = np.einsum("sm,sn,smn->mn", cone.factors, cone.factors, np.abs(pairs) ** 2)
        mixed = np.einsum("sm,sm->m", cone.factors, np.sum(np.abs(adjoint @ whitened) ** 2, axis=1))
        trace, squared = float(np.vdot(root, root).real), float(np.sum(np.abs(adjoint @ root) ** 2))
        slope[levels] += counts * trace - np.sum(cone.factors * gains, axis=0) @ selector
        cross = np.outer(counts, mixed @ selector)
        curvature[both] += selector.T @ gram @ selector - cross - cross.T
        curvature[both] += squared * np.outer(counts, counts)
        seen = [self._sight(number, view, root, point) for number, view in cone.seen]
        for place, sight in enumerate(seen):
            entries = self.slices[sight.number]
            looks = sight.whitened.conj().swapaxes(1, 2) @ whitened
            spent = np.real((sight.weighted[None] @ looks[:, None]) * looks.conj()[:, None])
            falls = np.einsum("sm,scim->cim", cone.factors, spent) @ selector
            turned = adjoint @ sight.whitened
            doubled = np.einsum("sni,snj->ij", turned.conj(), turned)
            known = np.real(sight.weighted * doubled.T).sum(axis=2)
            falls = sight.view.jacobian.T @ (falls - known[:, :, None] * counts)
            block = (2.0 / sight.scale) * falls.transpose(1, 0, 2).reshape(-1, counts.size)
            curvature[entries, levels] += block
            curvature[levels, entries] += block.T
            for other in seen[place:]:
                pair = _pair(sight, other)
                curvature[entries, self.slices[other.number]] += pair
                if other is not sight:
                    curvature[self.slices[other.number], entries] += pair.T

    def _sight(self, number: int, view: View, root: np.ndarray, point: Point) -> "_Sight":
        slopes = view.jacobian @ point.responses[number]
        weighted = view.weight[None] * slopes.T[:, None, :]
        return _Sight(number, view, weighted, root @ view.transmit, self.scale_of(point.scales, number))

    def _add_line(
        self, cone: Cone, inverse: np.ndarray, point: Point, slope: np.ndarray, curvature: np.ndarray
    ) -> None:
        """The same for a cone of nonnegative powers."""
        changes = np.zeros((len(inverse), self.size, cone.size))
        powers = np.abs(cone.vectors.T) ** 2
        for change, factors in zip(changes, cone.factors, strict=True):
            change[self.first_level :] = cone.counts[:, None] - cone.selector.T @ (factors[:, None] * powers)
        for number, view in cone.seen:
            looks = view.transmit.conj().T
            slopes = view.jacobian @ point.responses[number]
            weighted = view.weight[None] * slopes.T[:, None, :]
            each = np.real((weighted @ looks) * looks.conj())
            rows = -2.0 * np.einsum("ia,cil->acl", view.jacobian, each) / self.scale_of(point.scales, number)
            changes[:, self.slices[number]] += rows.reshape(-1, cone.size)
        for part in changes * inverse[:, None, :]:
            curvature += part @ part.T
            slope[self.first_level :] += part[self.first_level :].sum(axis=1)

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
        totals: list[np.ndarray],
        value_slope: np.ndarray,
        slope: np.ndarray,
        curvature: np.ndarray,
    ) -> None:
        """Gradients of D and of `log det S` in the responses, and the curvature of both."""
        for number, term in enumerate(self.program.terms):
            response, scale = point.responses[number], self.scale_of(point.scales, number)
            information = self.information(number, totals, tau)
            sloped, known = information @ response, term.constant @ response
            seen = (sloped - known) / tau
            entries = self.slices[number]
            value_slope[entries] = (2.0 * (term.selection - known / scale)).ravel()
            slope[entries] -= (2.0 * seen / scale).ravel()
            n_columns = response.shape[1]
            curvature[entries, entries] += np.kron(2.0 * information / scale, np.eye(n_columns))
            if term.scale is not None:
                place = self.first_scale + term.scale
                fall = 2.0 * sloped.ravel() / scale**2
                curvature[entries, place] -= fall
                curvature[place, entries] -= fall
                curvature[place, place] += 2.0 * float(np.vdot(response, sloped)) / scale / scale / scale
                value_slope[place] += float(np.vdot(response, known)) / scale**2
                slope[place] += float(np.vdot(response, seen)) / scale**2

    def information(self, number: int, totals: Sequence[np.ndarray], factor: float = 1.0) -> np.ndarray:
        """`I0 + factor I(X)` of a term at covariances (over a codebook: powers) of the cones."""
        total = np.zeros_like(self.program.terms[number].constant)
        for cone, sent in zip(self.program.cones, totals, strict=True):
            view = cone.views[number]
            if view is not None:
                if cone.is_line:
                    gram = (view.transmit.conj().T * sent) @ view.transmit
                else:
                    gram = view.transmit.conj().T @ sent @ view.transmit
                total = total + view.jacobian.T @ np.real(view.weight * gram.conj()) @ view.jacobian
        total = self.program.terms[number].constant + factor * total
        return 0.5 * (total + total.T)

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
        if self.is_share.any():
            shares = self.first_scale + np.flatnonzero(self.is_share)
            room = 1.0 - float(point.x[shares].sum())
            slope[shares] -= 1.0 / room
            curvature[np.ix_(shares, shares)] += tau / room**2


@dataclass(frozen=True, eq=False)
class _Sight:
    """A view at a point: `X_c = O diag(q_c)` `[column, look, look]`, `K T` `[stream, size, look]`, v."""

    number: int
    view: View
    weighted: np.ndarray
    whitened: np.ndarray
    scale: float


def inner_of(view: View, response: np.ndarray) -> np.ndarray:
    """`(J Z Z^T J^T) o O`, with `G(Z) = T inner T^H`."""
    slopes = view.jacobian @ response
    return (slopes @ slopes.T) * view.weight


def _pair(first: _Sight, second: _Sight) -> np.ndarray:
    """Traces of the changes of a slack with the responses of two terms, `[response, response]`."""
    look = first.whitened.conj().swapaxes(1, 2) @ second.whitened
    back = look.conj().swapaxes(1, 2)
    left = first.weighted[None] @ look[:, None]
    right = second.weighted[None] @ back[:, None]
    total = np.einsum("scim,sdmi->cdim", left, right)
    adjoint = second.weighted.conj().swapaxes(1, 2)
    total = total + np.einsum("scdim,sim->cdim", left[:, :, None] @ adjoint[None, None], look.conj())
    entries = first.view.jacobian.T @ np.real(total) @ second.view.jacobian
    table = 2.0 * entries.transpose(2, 0, 3, 1) / (first.scale * second.scale)
    return table.reshape(table.shape[0] * table.shape[1], -1)
