"""Lower bounds on the objective of a problem with service requirements, from eigenvalues alone.

For any responses Y_t and multipliers mu >= 0, with `a = sum_t tr(E_t^T Y_t)`, `g0 = sum_t tr(Y_t^T I0_t Y_t)`, G_b the
adjoint of the maps at `Y_t Y_t^T`, and requirements `sum <A_jsb, W_sb> >= c_j`, every feasible transmission has

    f >= a^2 / (g0 - c . mu + sum_g P_g max(0, max_{b in g, s} lambda_max(G_b + sum_j mu_j A_jsb))),

as long as the denominator is positive: that is the Lagrangian `2 a - g0 - <G, R> + sum_j mu_j (c_j - <A_j, W>)` at its
best scale. If it is not, no transmission is feasible. Without requirements this is the bound of `certificate`.
"""

from collections.abc import Mapping

import numpy as np

from crbeam.design.problem import DesignProblem
from crbeam.design.result import DualEvidence
from crbeam.design.served.requirements import networks_of, requirements_of
from crbeam.design.service_constraints import Requirement
from crbeam.errors import InvalidInput
from crbeam.linalg import hermitian_part


def served_lower_bound(problem: DesignProblem, evidence: DualEvidence) -> float:
    """No feasible transmission of a problem has a smaller objective than this; 0 if the evidence proves nothing.

    Checked in the space of all antennas; nothing about the solver that found the evidence enters.

    Raises:
        InvalidInput: the evidence has other sizes than the problem, or a negative multiplier.
    """
    requirements = requirements_of(problem)
    _require_sizes(problem, evidence, len(requirements))
    return lagrangian_bound(
        problem, evidence, {block: _largest(problem, requirements, block, evidence) for block in problem.blocks}
    )


def lagrangian_bound(problem: DesignProblem, evidence: DualEvidence, steepest: Mapping[str, float]) -> float:
    """The bound, given for each block the most that a watt in it can add to `sum_s <G + sum_j mu_j A_js, W_s>`."""
    requirements = requirements_of(problem)
    _require_sizes(problem, evidence, len(requirements))
    gain = constant = 0.0
    for criterion, response in zip(problem.active_criteria, evidence.responses, strict=True):
        gain += float(np.sum(criterion.selection * response))
        constant += float(np.sum(response * (criterion.map.constant @ response)))
    power = sum(
        budget.power_per_subcarrier_w * max(0.0, *(steepest[block] for block in budget.blocks))
        for budget in problem.budgets
    )
    floors = np.array([requirement.floor_w for requirement in requirements])
    denominator = constant - float(floors @ evidence.multipliers) + power
    return gain**2 / denominator if gain > 0.0 and denominator > 0.0 else 0.0


def _require_sizes(problem: DesignProblem, evidence: DualEvidence, n_requirements: int) -> None:
    wanted = [criterion.selection.shape for criterion in problem.active_criteria]
    found = [response.shape for response in evidence.responses]
    is_sound = evidence.multipliers.shape == (n_requirements,) and bool(np.all(evidence.multipliers >= 0.0))
    if found != wanted or not is_sound:
        raise InvalidInput(
            f"Dual evidence must have responses of shapes {wanted} and {n_requirements} multipliers of at least 0, "
            f"found {found} and {evidence.multipliers}."
        )


def _largest(
    problem: DesignProblem, requirements: tuple[Requirement, ...], block: str, evidence: DualEvidence
) -> float:
    """`max_s lambda_max(G_b + sum_j mu_j A_jsb)` over what the block can send."""
    columns, weights = [], []
    for criterion, response in zip(problem.active_criteria, evidence.responses, strict=True):
        for part in criterion.map.contributions:
            if part.block == block:
                slopes = part.jacobian @ response
                columns.append(part.transmit)
                weights.append((slopes @ slopes.T) * part.weight)
    network = networks_of(problem).get(block)
    parts = [
        (float(mu) * part.factor, part)
        for mu, requirement in zip(evidence.multipliers, requirements, strict=True)
        for part in requirement.parts
        if part.block == block
    ]
    columns += [part.vector[:, None] for _, part in parts]
    frame = np.concatenate(columns, axis=1) if columns else np.zeros((problem.antennas[block], 0), dtype=complex)
    frame = frame if network is None else network.conj().T @ frame
    triangle = np.asarray(np.linalg.qr(frame, mode="r"))
    streams = [stream.name for stream in problem.streams if block in stream.blocks]
    found = [0.0]
    for stream in streams:
        factors = [np.array([[factor if part.stream in (None, stream) else 0.0]]) for factor, part in parts]
        inner = _block_diagonal([*weights, *factors])
        found.append(float(np.linalg.eigvalsh(hermitian_part(triangle @ inner @ triangle.conj().T)).max(initial=0.0)))
    return max(found)


def _block_diagonal(blocks: list[np.ndarray]) -> np.ndarray:
    size = sum(len(block) for block in blocks)
    matrix, start = np.zeros((size, size), dtype=complex), 0
    for block in blocks:
        matrix[start : start + len(block), start : start + len(block)] = block
        start += len(block)
    return matrix
