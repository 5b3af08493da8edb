"""Conic programs of published algorithms: weighted bounds as expressions, and probing beside uplink users.

*Probing*: with lifted combiners W_k the ratio of user k is kept if `tr(W_k (A_k + x a a^H)) <= 0`, x the power of the
echo. The product of W_k and x is half of `|W + x a a^H|^2 - |W|^2 - |x a a^H|^2`; the squares that are subtracted are
replaced by their tangents, so that each program lies inside the one to solve.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.convex.program import Program, program_of
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.convex.statement import statement_of
from crbeam.design.problem import DesignProblem
from crbeam.design.requirements import requirements_of
from crbeam.design.result import Proposal
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.errors import SolverFailed
from crbeam.information import Transmission

#: Shares of the way to the boundary of the cone that the solver goes in a step: its default, and careful ones.
STEP_FRACTIONS = (0.99, 0.9, 0.7, 0.5)
#: Relative room that the handed-over probing keeps in its power and in the limits on its echo.
ROOM = 1e-9
#: Share of the largest bearable echo that the first probing causes.
FIRST_SHARE = 0.3


def conic_bound(program: Program, sent: Any) -> tuple[Any, list[Any]]:
    """`sum_t tr(E_t^T I_t^-1 E_t)` of a program of one cone as a conic expression, given its covariance."""
    views = [view for _, view in program.cones[0].seen]
    return conic_objective(program, [view.weight.conj() for view in views], [view.transmit for view in views], sent)


def conic_objective(
    program: Program, weights: Sequence[np.ndarray], columns: Sequence[np.ndarray], inner: Any
) -> tuple[Any, list[Any]]:
    """The same from `W o (C^H X C)` in the information of each term, X being a Hermitian expression.

    Information is one real linear map of X: products of complex expressions would be multiplied out again and again.
    """
    import cvxpy as cp

    total: Any = 0.0
    constraints: list[Any] = []
    entries = cp.hstack([cp.vec(cp.real(inner), order="C"), cp.vec(cp.imag(inner), order="C")])
    views = [view for _, view in program.cones[0].seen]
    for term, view, weight, column in zip(program.terms, views, weights, columns, strict=True):
        size = len(term.constant)
        information = term.constant + cp.reshape(
            _information_map(view.jacobian, weight, column) @ entries, (size, size), order="C"
        )
        slack = cp.Variable((term.selection.shape[1],) * 2, symmetric=True)
        constraints.append(cp.bmat([[slack, term.selection.T], [term.selection, information]]) >> 0)
        total = total + cp.trace(slack)
    return total, constraints


def _information_map(
    jacobian: Float[np.ndarray, "part parameter"],
    weight: Complex[np.ndarray, "part part"],
    column: Complex[np.ndarray, "direction part"],
) -> Float[np.ndarray, "entry real_and_imaginary"]:
    """Matrix from real and imaginary parts of X to `J^T Re(W o (C^H X C)) J`, symmetric."""
    left = np.einsum("ap,ia->pai", jacobian, column.conj())
    products = np.einsum("pai,ab,qbj->pqij", left, weight, left.conj(), optimize=True)
    real, imaginary = (0.5 * (part + part.swapaxes(0, 1)) for part in (products.real, -products.imag))
    count = jacobian.shape[1] ** 2
    return np.concatenate([real.reshape(count, -1), imaginary.reshape(count, -1)], axis=1)


def squared_norm(matrix: Any) -> Any:
    """Squared Frobenius norm of a complex expression."""
    import cvxpy as cp

    return cp.sum_squares(cp.real(matrix)) + cp.sum_squares(cp.imag(matrix))


def solved(problem: Any) -> bool:
    """Whether a conic solver finds a solution, in its usual steps or, where it breaks down, in shorter ones."""
    import cvxpy as cp
    from cvxpy.error import SolverError

    for fraction in STEP_FRACTIONS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                problem.solve(solver=cp.CLARABEL, max_step_fraction=fraction)
            except SolverError:
                continue
        return problem.status in ("optimal", "optimal_inaccurate")
    return False


@dataclass(frozen=True, eq=False)
class _Ratios:
    """The users in units of the noise, in the span of what the combiners can use.

    Attributes:
        program: the problem without the users.
        echo: unit vector t in the reduced coordinates of the probing: `x = factor t^H X t`.
        factor: power of the echo behind the network at full illumination, over the noise.
        direction: unit vector of the echo in the coordinates of the combiners.
        interference: `A_k` of each user.
        first: rank-one combiners for the first echo, of unit norm.
        first_echo: that echo.
    """

    program: Program
    echo: Complex[np.ndarray, " size"]
    factor: float
    direction: Complex[np.ndarray, " dimension"]
    interference: Complex[np.ndarray, "user dimension dimension"]
    first: Complex[np.ndarray, "dimension user"]
    first_echo: float


def successive_probing(problem: DesignProblem, *, tolerance: float, max_iterations: int) -> Proposal:
    """Probing of least weighted bound beside which the users keep their ratios, from a weak isotropic one.

    Raises:
        Infeasible: a user misses its ratio even without probing.
        SolverFailed: the conic solver finds no solution of the first program.

    Reference: li2024 eq. (57), eq. (58), eq. (59), eq. (60), Algorithm 4.

    Deviation: in (57) and (59) factors of 2 are missing, without which the upper bound is none. Combiners need the span
    of users and echo only. They may have any rank: some vector of a lifted combiner does at least as well.
    """
    requirements_of(problem)
    ratios = _ratios(problem)
    lifted = [ratios.first_echo * np.outer(column, column.conj()) for column in ratios.first.T]
    echo, program = ratios.first_echo, ratios.program
    trace: list[float] = []
    best: np.ndarray | None = None
    for _ in range(max_iterations):
        found = _program(ratios, lifted, echo, trace[-1] / program.unit if trace else 1.0)
        if found is None:
            break
        objective, best, lifted, echo = found
        trace.append(program.unit * objective)
        if len(trace) > 1 and trace[-2] - trace[-1] < tolerance * trace[-2]:
            break
    if best is None:
        raise SolverFailed("The first program must have a solution, but the conic solver found none.", status="failed")
    basis = program.cones[0].basis
    covariance = _bearable(problem, program.unit_w * basis @ best @ basis.conj().T)
    trace = np.minimum.accumulate(trace).tolist()
    return Proposal(
        Transmission({problem.blocks[0]: 0.5 * (covariance + covariance.conj().T)}),
        trace=tuple(trace),
        iterations=len(trace),
        evidence=convex_optimum(problem, tolerance=1e-6).evidence,
    )


def _bearable(problem: DesignProblem, covariance: np.ndarray) -> np.ndarray:
    """The covariance, weakened by what the tolerance of the conic solver takes too much of power and echo."""
    most = [problem.budgets[0].power_per_subcarrier_w / float(np.trace(covariance).real)]
    for requirement in requirements_of(problem):
        (part,) = requirement.parts
        most.append(requirement.floor_w / part.of(covariance))
    return min(1.0, *most) * (1.0 - ROOM) * covariance


def _ratios(problem: DesignProblem) -> _Ratios:
    (service,) = [part for part in problem.constraints if isinstance(part, MinimumUplinkSinr)]
    kept = tuple(part for part in problem.constraints if part is not service)
    program = program_of(statement_of(replace(problem, constraints=kept)))
    uplink = service.uplink
    users, heard = uplink.received(uplink.channels), uplink.received(service.echo[:, None])[:, 0]
    frame, _ = np.linalg.qr(np.concatenate([users, heard[:, None]], axis=1))
    root = np.sqrt(uplink.user_power_w / uplink.noise_power_w)
    users, heard = root * frame.conj().T @ users, frame.conj().T @ heard
    strength = float(np.linalg.norm(heard)) ** 2
    norm = float(np.linalg.norm(service.response))
    factor = service.echo_gain * program.unit_w * norm**2 * strength / uplink.noise_power_w
    limit = float(np.min(service.tolerance.largest_echo_w(service.minimum_sinr))) * strength / uplink.noise_power_w
    echo = FIRST_SHARE * min(limit, factor)
    direction = heard / np.sqrt(strength)
    noise = np.eye(len(users))
    matrices = []
    for user, ratio in enumerate(service.minimum_sinr):
        powers = np.ones(users.shape[1])
        powers[user] = -1.0 / float(ratio)
        matrices.append((users * powers) @ users.conj().T + noise)
    total = users @ users.conj().T + noise + echo * np.outer(direction, direction.conj())
    combiners = np.linalg.solve(total, users)
    first = combiners / np.linalg.norm(combiners, axis=0)
    response = program.cones[0].basis.conj().T @ service.response / norm
    return _Ratios(program, response, factor, direction, np.array(matrices), first, echo)


def _program(
    ratios: _Ratios, lifted: list[np.ndarray], echo: float, unit: float
) -> tuple[float, np.ndarray, list[np.ndarray], float] | None:
    """The program (60) around given combiners and echo: objective, probing, combiners, echo; None if unsolved.

    Its objective is divided by a unit for the conic solver.
    """
    import cvxpy as cp

    size = len(ratios.echo)
    probing = cp.Variable((size, size), hermitian=True)
    power: Any = ratios.factor * cp.real(ratios.echo.conj() @ probing @ ratios.echo)
    outer = np.outer(ratios.direction, ratios.direction.conj())
    constraints: list[Any] = [probing >> 0, cp.real(cp.trace(probing)) <= 1.0]
    combiners = []
    scale = max(echo, 1e-12)
    for matrix, last in zip(ratios.interference, lifted, strict=True):
        combiner = cp.Variable(last.shape, hermitian=True)
        combiners.append(combiner)
        whole = combiner + (power / scale) * outer
        before = last / scale
        tangents = float(np.linalg.norm(before)) ** 2 - 2.0 * cp.real(cp.trace(before @ combiner))
        tangents = tangents + (echo / scale) ** 2 - 2.0 * (echo / scale) * (power / scale)
        kept = cp.real(cp.trace(matrix @ combiner)) / scale + 0.5 * (squared_norm(whole) + tangents)
        constraints += [combiner >> 0, kept <= 0.0]
    objective, limits = conic_bound(ratios.program, probing)
    if not solved(cp.Problem(cp.Minimize(objective / unit), [*constraints, *limits])):
        return None
    values = [scale * np.asarray(combiner.value) for combiner in combiners]
    return float(objective.value), np.asarray(probing.value), values, float(power.value)
