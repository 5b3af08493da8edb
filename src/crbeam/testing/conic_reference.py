"""The conic program of any convex design problem, in the space of all antennas, through CVXPY: a reference for tests.

Written down from the definitions of the problem, as plainly as possible, and without anything that methods, grading and
certificates use. What each stream sends in each block is a point of a real vector space, its coordinates over a basis
of Hermitian matrices or the powers of codewords; what a problem says of it is linear in these coordinates, and known
from its values at the basis. Bounds are `[[U, E^T], [E, I(R)]] >= 0`. Only units are chosen with care: power in that of
the budgets, parameters such that the information at isotropic covariances is the identity, the objective as there.
"""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Complex, Float, Inexact

from crbeam.design.constraints import AntennaPower, Codebook, GroupPower, PowerBudget, TiedBlocks
from crbeam.design.problem import Criterion, DesignProblem, Hinge, Power, Tail
from crbeam.design.service_constraints import (
    BoundLimit,
    FixedAnalog,
    Illumination,
    MinimumSinr,
    MinimumUplinkSinr,
    PowerCeiling,
    Requirement,
)
from crbeam.errors import InvalidInput

#: Constraints that a conic program can have.
CONVEX = (
    *(PowerBudget, GroupPower, AntennaPower, Codebook, TiedBlocks, FixedAnalog, BoundLimit),
    *(MinimumSinr, MinimumUplinkSinr, Illumination, PowerCeiling, Requirement),
)
#: Accuracy that Clarabel is asked for, and the one up to which its answer counts if it does not reach that.
ACCURACY, REDUCED_ACCURACY = 1e-9, 1e-7
#: Further settings of Clarabel, tried one after the other.
TRIES: tuple[dict[str, float], ...] = ({}, {"max_step_fraction": 0.95}, {"static_regularization_constant": 1e-7})
#: Relative difference between the objective of the solver and that of its covariances above which it is not trusted.
TRUSTED = 1e-5
#: Singular value or length, relative to the largest, that is rounding.
UNSEEN = 1e-12
#: Share of the unit of the objective below which the program is solved again in a smaller one.
SMALL = 0.03
#: Share by which every transmission misses some requirement, above which none meets all of them.
MISSED = 1e-5


@dataclass(frozen=True, eq=False)
class ConicAnswer:
    """What the conic solver says of a problem.

    Attributes:
        status: `unreliable` where it stopped without an answer, or with one that its covariances do not bear out.
        objective: the least; infinite if there is none.
        streams: covariance `[tx, tx]` of each stream in each of its blocks, watt.
        uncertainty: how far the solver's value and that of its covariances are apart, at least.
    """

    status: Literal["optimal", "infeasible", "unreliable"]
    objective: float
    streams: dict[str, dict[str, np.ndarray]]
    uncertainty: float


def conic_optimum(problem: DesignProblem) -> ConicAnswer:
    """Least objective of a convex problem, to the accuracy of Clarabel.

    Objectives `WeightedBound`, `Hinge`, `Tail`, `Power`, and a price on power; constraints `PowerBudget`, `GroupPower`,
    `AntennaPower`, `Codebook`, `TiedBlocks`, `MinimumSinr`, `MinimumUplinkSinr`, `Illumination`, `PowerCeiling`,
    `Requirement`, `FixedAnalog`, `BoundLimit`. Without an answer, what the requirements miss at least decides whether
    there is none.

    Raises:
        InvalidInput: the problem has another constraint, such as one that is not convex.
    """
    strange = sorted({type(part).__name__ for part in problem.constraints if not isinstance(part, CONVEX)})
    if strange:
        raise InvalidInput(f"Constraints of a conic program must be convex, found {', '.join(strange)}.")
    if any(np.any(part.shortfalls > 1.0) for part in problem.constraints if isinstance(part, MinimumUplinkSinr)):
        return ConicAnswer("infeasible", np.inf, {}, 0.0)
    space = _space_of(problem)
    bounds = [_bound_of(space, criterion) for criterion in problem.active_criteria]
    power_w = sum(budget.power_per_subcarrier_w for budget in problem.budgets)
    unit = _objective_of(problem, [bound.squares for bound in bounds], power_w) or 1.0
    levels = [float(criterion.family_levels.max()) for criterion in problem.counted_criteria]
    unit += isinstance(problem.objective, Hinge) * sum(levels)
    answer = _solved(space, bounds, unit)
    if answer.status == "optimal" and answer.objective < SMALL * unit:
        finer = _solved(space, bounds, max(answer.objective, 1e-6 * unit))
        return finer if finer.status == "optimal" else answer
    return answer


@dataclass(frozen=True, eq=False)
class _Part:
    """What one stream sends in a block, the same in the blocks tied to it: `sum_k x_k B_k` over its coordinates x.

    Attributes:
        stream: its name.
        blocks: the tied blocks; mostly one.
        place: of its coordinates among all.
        matrices: B, in watt.
        inner: what must be semidefinite is `sum_k x_k inner_k`; None where coordinates are powers of codewords.
    """

    stream: str
    blocks: tuple[str, ...]
    place: slice
    matrices: Complex[np.ndarray, "coordinate tx tx"]
    inner: Complex[np.ndarray, "coordinate size size"] | None


@dataclass(frozen=True, eq=False)
class _Space:
    """What all streams send.

    Attributes:
        problem: the problem.
        parts: of each stream in each of its blocks.
        size: number of coordinates.
    """

    problem: DesignProblem
    parts: tuple[_Part, ...]
    size: int

    def heard(
        self, block: str, vector: Inexact[np.ndarray, " tx"], stream: str | None = None
    ) -> Float[np.ndarray, " coordinate"]:
        """`t^H W t` as a row over the coordinates, W being one stream, or all, in a block."""
        row = np.zeros(self.size)
        for part in self.parts:
            if block in part.blocks and stream in (None, part.stream):
                row[part.place] = np.real(vector.conj() @ part.matrices @ vector)
        return row

    def power(self, blocks: Sequence[str]) -> Float[np.ndarray, " coordinate"]:
        """`sum_b tr R_b` as a row over the coordinates."""
        return np.sum([self.heard(block, unit) for block in blocks for unit in np.eye(self.problem.antennas[block])], 0)

    def streams(self, point: Float[np.ndarray, " coordinate"]) -> dict[str, dict[str, np.ndarray]]:
        """Covariances of streams at a point."""
        found: dict[str, dict[str, np.ndarray]] = {stream.name: {} for stream in self.problem.streams}
        for part in self.parts:
            for block in part.blocks:
                found[part.stream][block] = np.tensordot(point[part.place], part.matrices, 1)
        return found


def _space_of(problem: DesignProblem) -> _Space:
    """Coordinates of what every stream may send in every block; tied blocks share theirs."""
    tied = {block: tie.blocks for tie in problem.ties for block in tie.blocks}
    groups = dict.fromkeys(tied.get(block, (block,)) for block in problem.blocks)
    parts, size = [], 0
    for stream in problem.streams:
        for blocks in groups:
            if set(blocks) <= set(stream.blocks):
                matrices, inner = _allowed(problem, blocks)
                unit_w = min(each.power_per_subcarrier_w for each in problem.budgets if set(each.blocks) & set(blocks))
                place = slice(size, size + len(matrices))
                parts.append(_Part(stream.name, blocks, place, unit_w * matrices, inner))
                size = place.stop
    return _Space(problem, tuple(parts), size)


def _allowed(problem: DesignProblem, blocks: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray | None]:
    """Matrices whose combinations may be sent in each of some blocks, and what must be semidefinite."""
    frame = np.eye(problem.antennas[blocks[0]], dtype=complex)
    for part in problem.constraints:
        if isinstance(part, FixedAnalog) and part.block in blocks:
            _, sizes, right = np.linalg.svd(frame - part.network @ (np.linalg.pinv(part.network) @ frame))
            frame = frame @ right.conj().T[:, sizes < UNSEEN]
    if blocks[0] not in problem.codebooks:
        basis = _hermitian_basis(frame.shape[1])
        return frame @ basis @ frame.conj().T, basis
    words = problem.codebooks[blocks[0]].codewords
    words = words / np.linalg.norm(words, axis=0)
    words = words[:, np.linalg.norm(words - frame @ (frame.conj().T @ words), axis=0) < UNSEEN]
    return np.einsum("il,jl->lij", words, words.conj()), None


def _hermitian_basis(size: int) -> Complex[np.ndarray, "coordinate size size"]:
    """Orthonormal basis of the Hermitian matrices."""
    found = np.zeros((size**2, size, size), dtype=complex)
    for matrix, (row, column) in zip(found, np.ndindex(size, size), strict=True):
        matrix[row, column] = 1.0 if row == column else np.sqrt(0.5) * (1.0 if row < column else 1j)
        matrix[column, row] = matrix[row, column].conj()
    return found


@dataclass(frozen=True, eq=False)
class _Bound:
    """Information of a criterion in parameters in which it is the identity at isotropic covariances.

    Attributes:
        criterion: the criterion.
        constant: I0.
        slopes: derivatives of the information by the coordinates.
        selection: E with columns of unit length.
        squares: squared lengths of the columns of E: the bound at isotropic covariances, by columns.
    """

    criterion: Criterion
    constant: Float[np.ndarray, "parameter parameter"]
    slopes: Float[np.ndarray, "parameter parameter coordinate"]
    selection: Float[np.ndarray, "parameter direction"]
    squares: Float[np.ndarray, " direction"]

    def columns(self, point: Float[np.ndarray, " coordinate"]) -> Float[np.ndarray, " direction"]:
        """`diag(E^T I^-1 E)`."""
        solved = np.linalg.solve(self.constant + self.slopes @ point, self.selection)
        return self.squares * np.einsum("pd,pd->d", self.selection, solved)


def _bound_of(space: _Space, criterion: Criterion) -> _Bound:
    """Information at every matrix of the basis, of what isotropic covariances tell at all."""
    information = criterion.map.constant + 0.0
    for budget in space.problem.budgets:
        for block in set(budget.blocks) & set(criterion.map.antennas):
            size = space.problem.antennas[block] * len(budget.blocks)
            even = budget.power_per_subcarrier_w / size * np.eye(space.problem.antennas[block], dtype=complex)
            information += _information(criterion, block, even[None])[0]
    scale = 1.0 / np.sqrt(np.maximum(np.diagonal(information), 1e-300))
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    seen = values > UNSEEN * values[-1]
    transform = scale[:, None] * vectors[:, seen] / np.sqrt(values[seen])
    wanted, selection = scale[:, None] * criterion.selection, transform.T @ criterion.selection
    hidden = np.linalg.norm(vectors[:, ~seen].T @ wanted)
    assert hidden <= 1e-6 * np.linalg.norm(wanted), f"no transmission determines what {criterion.name} asks for"
    slopes = np.zeros((transform.shape[1],) * 2 + (space.size,))
    for part in space.parts:
        for block in part.blocks:
            found = transform.T @ _information(criterion, block, part.matrices) @ transform
            slopes[:, :, part.place] += np.moveaxis(found, 0, 2)
    lengths = np.linalg.norm(selection, axis=0)
    return _Bound(criterion, transform.T @ criterion.map.constant @ transform, slopes, selection / lengths, lengths**2)


def _information(
    criterion: Criterion, block: str, matrices: Complex[np.ndarray, "matrix tx tx"]
) -> Float[np.ndarray, "matrix parameter parameter"]:
    """`sum_c J^T Re(O o (Z^H Q Z) o conj(T^H R T)) J` over the contributions of a block, for each of some R."""
    size = criterion.map.layout.size
    found = np.zeros((len(matrices), size, size))
    for part in criterion.map.contributions:
        if part.block == block:
            listened = part.receive if part.projector is None else part.projector @ part.receive
            heard = part.gram * (part.receive.conj().T @ listened)
            sent = part.transmit.conj().T @ matrices @ part.transmit
            found = found + part.jacobian.T @ np.real(heard * sent.conj()) @ part.jacobian
    return found


def _limits_of_power(space: _Space) -> list[tuple[np.ndarray, float]]:
    """Rows and floors of limits on power, as `row x >= floor`."""
    rows = []
    for part in space.problem.constraints:
        if isinstance(part, PowerBudget):
            rows.append((-space.power(part.blocks), -part.power_per_subcarrier_w))
        elif isinstance(part, GroupPower):
            counted = [part.weight_of(block) * space.power((block,)) for block in part.blocks]
            rows.append((-np.sum(counted, axis=0), -part.power_per_subcarrier_w))
        elif isinstance(part, AntennaPower):
            pairs = zip(np.eye(len(part.powers_w)), part.powers_w.tolist(), strict=True)
            rows += [(-space.heard(part.block, unit), -power_w) for unit, power_w in pairs if np.isfinite(power_w)]
    return rows


def _requirements(space: _Space) -> list[tuple[np.ndarray, float]]:
    """Rows and floors of what is required of users and places, as `row x >= floor`."""
    rows = []
    for part in space.problem.constraints:
        if isinstance(part, MinimumSinr):
            rows.append(_ratio(space, part))
        elif isinstance(part, Illumination):
            rows.append((space.heard(part.block, part.response), part.least_power_w))
        elif isinstance(part, PowerCeiling):
            rows.append((-space.heard(part.block, part.response), -part.most_power_w))
        elif isinstance(part, MinimumUplinkSinr | Requirement):
            for each in (part,) if isinstance(part, Requirement) else part.requirements:
                powers = [one.factor * space.heard(one.block, one.vector, one.stream) for one in each.parts]
                rows.append((np.sum(powers, axis=0), each.floor_w))
    return rows


def _ratio(space: _Space, part: MinimumSinr) -> tuple[np.ndarray, float]:
    """`power of the user's stream - gamma (power of the others that it does not know) >= gamma noise`."""
    row = np.zeros(space.size)
    for stream in space.problem.streams:
        heard = np.sum([space.heard(block, t, stream.name) for block, t in part.channels.items()], axis=0)
        if stream.served_user == part.user:
            row += heard
        elif stream.name not in part.cancels:
            row -= part.minimum_sinr * heard
    return row, part.minimum_sinr * part.noise_power_w


def _price(problem: DesignProblem) -> float:
    """What a watt adds to the objective."""
    return problem.power_price + float(isinstance(problem.objective, Power))


def _objective_of(problem: DesignProblem, columns: Sequence[np.ndarray], power_w: float) -> float:
    """The objective, from the bounds of all active criteria by columns and the power."""
    pairs = zip(problem.active_criteria, columns, strict=True)
    counted = [(criterion, each) for criterion, each in pairs if criterion in problem.counted_criteria]
    value = _price(problem) * power_w
    if isinstance(problem.objective, Hinge):
        for criterion, each in counted:
            roots = np.sqrt(np.bincount(criterion.family_of_direction, each) / criterion.family_levels)
            value += float(criterion.family_levels @ np.maximum(roots - 1.0, 0.0) ** 2)
        return value
    if not isinstance(problem.objective, Tail):
        return value + float(sum(each.sum() for _, each in counted))
    sums = np.array([sum(each.sum() for one, each in counted if one.sample == name) for name in problem.samples])
    chances, rest = _chances_and_rest(problem, problem.objective)
    if rest == 0.0:
        return value + float(sums.max())
    return value + min(level + float(chances @ np.maximum(sums - level, 0.0)) / rest for level in sums)


def _chances_and_rest(problem: DesignProblem, tail: Tail) -> tuple[np.ndarray, float]:
    """p of each sample and `1 - a`."""
    return np.array(tail.probabilities or [1.0 / len(problem.samples)] * len(problem.samples)), 1.0 - tail.level


def _solved(space: _Space, bounds: Sequence[_Bound], unit: float) -> ConicAnswer:
    """Answer with the objective in a given unit."""
    import cvxpy as cp

    point, missed = cp.Variable(space.size), cp.Variable(nonneg=True)
    columns, constraints = _constraints(space, bounds, point, 0.0)
    value, more = _minimised(space.problem, columns, unit)
    priced = (_price(space.problem) / unit * space.power(space.problem.blocks)) @ point
    objective = _least(value + priced, constraints + more)
    if np.isfinite(objective) and point.value is not None:
        return _checked(space, bounds, unit, max(float(unit * objective), 0.0), point.value)
    least = _least(missed, _constraints(space, bounds, point, missed)[1])
    return ConicAnswer("infeasible" if MISSED < least < np.inf else "unreliable", np.inf, {}, np.inf)


def _constraints(space: _Space, bounds: Sequence[_Bound], point: Any, missed: Any) -> tuple[list[Any], list[Any]]:
    """Bounds by columns, and constraints, of which requirements may be missed by a share of what they ask."""
    import cvxpy as cp

    columns, constraints = [], _cones(space, point)
    for bound in bounds:
        n, slack = len(bound.constant), cp.Variable((len(bound.squares),) * 2, symmetric=True)
        change = cp.reshape(bound.slopes.reshape(n * n, -1) @ point, (n, n), order="C")
        constraints.append(cp.bmat([[slack, bound.selection.T], [bound.selection, bound.constant + change]]) >> 0)
        columns.append(cp.multiply(bound.squares, cp.diag(slack)))
        limit = space.problem.bound_limits.get(bound.criterion.name)
        if limit is not None:
            constraints.append(cp.sum(columns[-1]) / limit <= 1.0 + missed)
    constraints += [(row / floor) @ point <= 1.0 for row, floor in _limits_of_power(space)]
    for row, floor in _requirements(space):
        size = np.sqrt(abs(floor) * max(np.abs(row).max(), abs(floor))) or float(np.abs(row).max()) or 1.0
        constraints.append((row / size) @ point >= floor / size - abs(floor) / size * missed)
    return columns, constraints


def _cones(space: _Space, point: Any) -> list[Any]:
    """Streams are semidefinite, powers of codewords nonnegative."""
    import cvxpy as cp

    constraints: list[Any] = []
    for part in space.parts:
        if part.inner is None:
            constraints.append(point[part.place] >= 0.0)
            continue
        real, imag = np.real(part.inner), np.imag(part.inner)
        lifted = np.concatenate([np.concatenate([real, -imag], 2), np.concatenate([imag, real], 2)], 1)
        n = lifted.shape[1]
        constraints.append(cp.reshape(lifted.reshape(-1, n * n).T @ point[part.place], (n, n), order="C") >> 0)
    return constraints


def _minimised(problem: DesignProblem, columns: Sequence[Any], unit: float) -> tuple[Any, list[Any]]:
    """What the bounds add to the objective, in its unit, and what that needs.

    A loss `max(0, sqrt(b) - 1)^2 <= t` is `b <= 1 + 2 r + t` with `r^2 <= t`; the tail of values u is the least of
    `eta + sum_s p_s max(0, u_s - eta) / (1 - a)`.
    """
    import cvxpy as cp

    pairs = zip(problem.active_criteria, columns, strict=True)
    counted = [(criterion, each) for criterion, each in pairs if criterion in problem.counted_criteria]
    value, constraints = cp.Constant(0.0), []
    if isinstance(problem.objective, Hinge):
        for criterion, each in counted:
            members = np.eye(len(criterion.families))[:, criterion.family_of_direction]
            loss, root = (cp.Variable(len(members)) for _ in range(2))
            levels = criterion.family_levels
            most = levels + cp.multiply(2.0 * np.sqrt(levels * unit), root) + unit * loss
            constraints += [cp.square(root) <= loss, cp.multiply(members @ each - most, 1.0 / (levels + unit)) <= 0.0]
            value += cp.sum(loss)
        return value, constraints
    if not isinstance(problem.objective, Tail):
        return sum((cp.sum(each) / unit for _, each in counted), value), constraints
    sums = [sum(cp.sum(each) / unit for one, each in counted if one.sample == name) for name in problem.samples]
    (chances, rest), level = _chances_and_rest(problem, problem.objective), cp.Variable()
    if rest == 0.0:
        return level, [each <= level for each in sums]
    excess = cp.Variable(len(sums), nonneg=True)
    return level + chances @ excess / rest, [each - level <= excess[place] for place, each in enumerate(sums)]


def _least(objective: Any, constraints: list[Any]) -> float:
    """The least value; infinite without an answer of `REDUCED_ACCURACY`."""
    import cvxpy as cp

    task: Any = cp.Problem(cp.Minimize(objective), constraints)
    options = {f"tol_{kind}": ACCURACY for kind in ("gap_abs", "gap_rel", "feas")}
    options |= {f"reduced_tol_{kind}": REDUCED_ACCURACY for kind in ("gap_abs", "gap_rel", "feas")}
    for more in TRIES:
        with warnings.catch_warnings(), suppress(cp.SolverError):
            warnings.filterwarnings("ignore", message="Solution may be inaccurate")
            task.solve(solver=cp.CLARABEL, **options, **more)
            if task.status in ("optimal", "optimal_inaccurate", "infeasible"):
                return float(task.value)
    return np.inf


def _checked(
    space: _Space, bounds: Sequence[_Bound], unit: float, objective: float, point: Float[np.ndarray, " coordinate"]
) -> ConicAnswer:
    """The answer, with the objective of its covariances beside that of the solver."""
    power_w = float(space.power(space.problem.blocks) @ point)
    true = float(_objective_of(space.problem, [bound.columns(point) for bound in bounds], power_w))
    uncertainty = abs(objective - true) + ACCURACY * unit
    rows = (*_limits_of_power(space), *_requirements(space))
    sizes = [abs(floor) or float(np.abs(row) @ np.abs(point)) or 1.0 for row, floor in rows]
    short = max((floor - row @ point) / size for (row, floor), size in zip(rows, sizes, strict=True))
    trusted = short <= MISSED and uncertainty <= TRUSTED * max(true, 1e-3 * unit)
    return ConicAnswer("optimal" if trusted else "unreliable", objective, space.streams(point), uncertainty)
