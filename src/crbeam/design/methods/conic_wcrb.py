"""Weighted bound through a conic solver: the reference for our own."""

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.certificate import families_of
from crbeam.design.constraints import Codebook, TiedBlocks
from crbeam.design.method import CertifiedMethod, OneByOne
from crbeam.design.problem import Criterion, DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.structure import expanded, merged_problem
from crbeam.errors import SolverFailed
from crbeam.information import Transmission
from crbeam.linalg import NULL_TOLERANCE, positive_part, span

if TYPE_CHECKING:
    import cvxpy as cp


@dataclass(frozen=True)
class ConicWeightedBound(OneByOne, CertifiedMethod):
    """Least weighted bound as a semidefinite program, by CVXPY and Clarabel at its default tolerances.

    `min sum_t tr T_t` subject to `[[T_t, E_t^T], [E_t, I_t(X)]] >= 0` and the power budgets, in the span of the
    transmit vectors and after whitening the information at the isotropic covariance: unscaled, entries that span
    twenty decades make the solver fail. The solution is repaired (Hermitian, eigenvalues clipped, full power) and
    graded like any other; the solver's own objective only goes into the trace. Squared excess over thresholds is
    `min u - 2 sqrt(u) + 1` over `u >= 1` and `u >= b`, b being the family's part of `tr T_t`. The tolerance up to which
    the result counts as optimal is what Clarabel's default tolerances certify.

    Reference: zhang2025 eq. (15).

    Deviation: the compact form replaces (15), with the same optimum and far better conditioning.
    """

    key = "conic-wcrb"
    summary = "least weighted bound through CVXPY and Clarabel (reference)"
    keeps = frozenset({Codebook, TiedBlocks})

    tolerance: float = 1e-4

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """One conic program, with tied blocks as one."""
        proposal = _solve(merged_problem(problem))
        return replace(proposal, covariances=expanded(problem, proposal.covariances))


def _solve(problem: DesignProblem) -> Proposal:
    import cvxpy as cp

    frames = {block: _frame(problem, block) for block in _seen_blocks(problem)}
    whitened = [_whitened(problem, criterion) for criterion in problem.active_criteria]
    scale = sum(float(np.sum(selection**2)) for _, selection in whitened)
    variables = {block: _variable(problem, block, frame.shape[1]) for block, frame in frames.items()}
    constraints, columns = _power_constraints(problem, variables), []
    for criterion, (transform, selection) in zip(problem.active_criteria, whitened, strict=True):
        information = _information(problem, criterion, frames, variables, transform)
        slack = cp.Variable((selection.shape[1], selection.shape[1]), symmetric=True)
        root = selection / np.sqrt(scale)
        constraints.append(cp.bmat([[slack, root.T], [root, information]]) >> 0)
        columns.append(cp.diag(slack))
    total, limits = _objective(problem, columns, scale)
    constraints += limits
    program = cp.Problem(cp.Minimize(total), constraints)
    try:
        with warnings.catch_warnings():  # the certificate says how accurate the solution is
            warnings.filterwarnings("ignore", message="Solution may be inaccurate")
            program.solve(solver=cp.CLARABEL)
    except cp.SolverError as error:
        message = f"Clarabel must solve the conic program, but failed: {error}"
        raise SolverFailed(message, status="solver error") from error
    values = {block: variable.value for block, variable in variables.items() if variable.value is not None}
    if len(values) < len(variables):
        raise SolverFailed(
            f"Clarabel must solve the conic program, but stopped with status {program.status}.",
            status=str(program.status),
        )
    return Proposal(
        covariances=_repaired(problem, frames, values),
        trace=(float(np.asarray(total.value)) * scale,),
        iterations=int(program.solver_stats.num_iters or 0),
        details={"solver_status": str(program.status), "solver_seconds": float(program.solver_stats.solve_time or 0.0)},
    )


def _variable(problem: DesignProblem, block: str, size: int) -> "cp.Variable":
    """Powers of the codewords of a block, or its covariance in the basis of a frame."""
    import cvxpy as cp

    if block in problem.codebooks or size == 1:
        return cp.Variable(size, nonneg=True)
    return cp.Variable((size, size), hermitian=True)


def _objective(problem: DesignProblem, columns: list[Any], scale: float) -> tuple[Any, list[Any]]:
    """Objective from the parts of the weighted bound, one for each column of E, both in units of `scale`."""
    import cvxpy as cp

    families = families_of(problem)
    parts = cp.hstack(columns)
    if families is None:
        return cp.sum(parts), []
    membership = np.eye(families.levels.size)[np.concatenate(families.of_direction)]
    levels = families.levels / scale
    ratio = cp.Variable(families.levels.size)
    loss = levels @ (ratio - 2.0 * cp.sqrt(ratio) + 1.0)
    return loss, [ratio >= 1.0, ratio >= cp.multiply(1.0 / levels, membership.T @ parts)]


def _seen_blocks(problem: DesignProblem) -> list[str]:
    """The blocks that some criterion with a positive weight sees."""
    return [block for block in problem.blocks if any(block in part.map.blocks for part in problem.active_criteria)]


def _frame(problem: DesignProblem, block: str) -> Complex[np.ndarray, "tx size"]:
    """Orthonormal basis of the transmit vectors of a seen block, or its unit codewords."""
    codebook = problem.codebooks.get(block)
    if codebook is not None:
        return codebook.unit_codewords
    parts = [
        part.transmit
        for criterion in problem.active_criteria
        for part in criterion.map.contributions
        if part.block == block
    ]
    return span(np.concatenate(parts, axis=1))


def _whitened(
    problem: DesignProblem, criterion: Criterion
) -> tuple[Float[np.ndarray, "parameter seen"], Float[np.ndarray, "seen direction"]]:
    """Change of parameters under which the information at the isotropic covariance is the identity, and E in it."""
    information = criterion.map.at(problem.isotropic())
    information.bound(criterion.requested)
    scale = information.layout.scales(np.diagonal(information.matrix))
    eigenvalues, vectors = np.linalg.eigh(information.matrix * np.outer(scale, scale))
    seen = eigenvalues > NULL_TOLERANCE * eigenvalues[-1]
    transform = scale[:, None] * vectors[:, seen] / np.sqrt(eigenvalues[seen])
    return transform, transform.T @ criterion.selection


def _power_constraints(problem: DesignProblem, variables: dict[str, "cp.Variable"]) -> list[Any]:
    import cvxpy as cp

    constraints: list[Any] = [variable >> 0 for variable in variables.values() if variable.ndim == 2]
    for budget in problem.budgets:
        used = [
            cp.sum(variables[block]) if variables[block].ndim == 1 else cp.real(cp.trace(variables[block]))
            for block in budget.blocks
            if block in variables
        ]
        if used:
            constraints.append(sum(used[1:], used[0]) <= 1.0)
    return constraints


def _information(
    problem: DesignProblem,
    criterion: Criterion,
    frames: dict[str, np.ndarray],
    variables: dict[str, "cp.Variable"],
    transform: np.ndarray,
) -> Any:
    """Whitened information as an affine expression of the variables, each in units of its budget."""
    import cvxpy as cp

    size = transform.shape[1]
    expression: Any = (transform.T @ criterion.map.constant @ transform).ravel()
    for block in criterion.map.blocks:
        frame, variable = frames[block], variables[block]
        power = next(budget.power_per_subcarrier_w for budget in problem.budgets if block in budget.blocks)
        parts = [part for part in criterion.map.contributions if part.block == block]
        if variable.ndim == 1:
            atoms = np.einsum("il,jl->lij", frame, frame.conj())
            expression = expression + _columns(parts, power * atoms, transform) @ variable
            continue
        units = np.einsum("ip,jq->pqij", frame, frame.conj()).reshape(-1, *(len(frame),) * 2)
        for atoms, values in ((units, cp.real(variable)), (1j * units, cp.imag(variable))):
            expression = expression + _columns(parts, power * atoms, transform) @ cp.vec(values, order="C")
    matrix = cp.reshape(expression, (size, size), order="C")
    return 0.5 * (matrix + matrix.T)


def _columns(parts: list[Any], atoms: np.ndarray, transform: np.ndarray) -> Float[np.ndarray, "entry atom"]:
    """Whitened information of each atom, flattened, as columns."""
    matrices = sum(transform.T @ part.at(atoms) @ transform for part in parts)
    return np.asarray(matrices).reshape(len(atoms), -1).T


def _repaired(problem: DesignProblem, frames: dict[str, np.ndarray], values: dict[str, np.ndarray]) -> Transmission:
    """Covariances in watt: positive parts, each budget used exactly, an unseen one evenly."""
    silent = Transmission.silent(problem.antennas)
    sent = dict(problem.even())
    for budget in problem.budgets:
        if not values.keys().isdisjoint(budget.blocks):
            sent.update(silent.only(budget.blocks))
    for block, value in values.items():
        inner = np.diag(np.maximum(value, 0.0)) if value.ndim == 1 else positive_part(value)
        sent[block] = frames[block] @ inner @ frames[block].conj().T
    for budget in problem.budgets:
        members = Transmission(sent).only(budget.blocks)
        sent.update(budget.power_per_subcarrier_w / members.power_w * members)
    return Transmission(sent).only(problem.blocks)
