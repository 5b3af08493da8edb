"""Proof of how far a design is from the best one.

For any matrices Y_t and any feasible R', convexity gives for every s > 0
`f(R') >= 2 s a - s^2 (g0 + sum_b <G_b, R'_b>)` with `a = sum_t tr(E_t^T Y_t)`, `g0 = sum_t tr(Y_t^T I0_t Y_t)` and
`G_b` the adjoint of the maps at `Y_t Y_t^T`. Maximising over s and over the budgets,

    f* >= a^2 / (g0 + sum_g P_g max_{b in g} max(0, lambda_max(G_b))),

where a codebook replaces `lambda_max(G)` by `max_l u_l^H G u_l` over its unit codewords. It is tight at the optimum
with `Y_t = I_t^-1 E_t`. Nothing about the solver enters.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.problem import Criterion, DesignProblem
from crbeam.information import Contribution, Information
from crbeam.linalg import hermitian_part


@dataclass(frozen=True)
class Certificate:
    """Value of a transmission with a proven lower bound on the best value.

    Attributes:
        objective: weighted bound of the transmission.
        lower_bound: no feasible transmission has a smaller weighted bound.
    """

    objective: float
    lower_bound: float

    @property
    def gap(self) -> float:
        """`(objective - lower_bound) / objective`."""
        return (self.objective - self.lower_bound) / self.objective


def _informations(
    problem: DesignProblem, covariances: Complex[np.ndarray, "block tx tx"]
) -> list[tuple[Criterion, Information]]:
    return [
        (criterion, criterion.map.at(problem.covariances_of(criterion.map, covariances)))
        for criterion in problem.active_criteria
    ]


def _value(criterion: Criterion, information: Information) -> float:
    """`tr(E^T I^-1 E)`: the weighted traces of the requested bounds."""
    bound = information.bound(criterion.requested)
    weights = [criterion.weights[name] for name in criterion.requested]
    sizes = information.layout.select(criterion.requested).sizes
    return float(np.repeat(weights, sizes) @ np.diagonal(bound))


def weighted_bound(problem: DesignProblem, covariances: Complex[np.ndarray, "block tx tx"]) -> float:
    """Objective `f(R) = sum_t tr(E_t^T I_t(R)^-1 E_t)` of a transmission.

    Raises:
        Unidentifiable: a parameter with a positive weight is not determined.
    """
    return sum(_value(criterion, information) for criterion, information in _informations(problem, covariances))


def certify(problem: DesignProblem, covariances: Complex[np.ndarray, "block tx tx"]) -> Certificate:
    """Objective of a transmission and the lower bound that it proves.

    Raises:
        Unidentifiable: a parameter with a positive weight is not determined.
    """
    parts: dict[str, list[tuple[Contribution, Float[np.ndarray, "term direction"]]]] = {b: [] for b in problem.blocks}
    objective = gain = constant = 0.0
    for criterion, information in _informations(problem, covariances):
        objective += _value(criterion, information)
        response = information.inverse_response(criterion.selection)
        gain += float(np.vdot(criterion.selection, response))
        constant += float(np.vdot(response, criterion.map.constant @ response))
        for part in criterion.map.contributions:
            parts[part.block].append((part, part.jacobian @ response))
    power = 0.0
    for budget in problem.budgets:
        worst = max(_largest_gradient(problem, block, parts[block]) for block in budget.blocks)
        power += budget.power_per_subcarrier_w * max(worst, 0.0)
    return Certificate(objective, min(gain**2 / (constant + power), objective))


def _largest_gradient(
    problem: DesignProblem, block: str, parts: list[tuple[Contribution, Float[np.ndarray, "_term _direction"]]]
) -> float:
    """Largest value of `<G_b, R_b>` over transmissions of unit power in one block."""
    if not parts:
        return 0.0
    transmit = np.concatenate([part.transmit for part, _ in parts], axis=1)
    codebook = problem.codebooks.get(block)
    if codebook is not None:
        frame = codebook.unit_codewords.conj().T @ transmit
    elif transmit.shape[1] < transmit.shape[0]:
        frame = np.asarray(np.linalg.qr(transmit, mode="r"))
    else:
        frame = transmit
    gradient = np.zeros((frame.shape[0], frame.shape[0]), dtype=complex)
    start = 0
    for part, response in parts:
        piece = frame[:, start : start + part.transmit.shape[1]]
        gradient += piece @ ((response @ response.T) * part.weight) @ piece.conj().T
        start += part.transmit.shape[1]
    if codebook is not None:
        return float(np.max(np.real(np.diagonal(gradient))))
    return float(np.linalg.eigvalsh(hermitian_part(gradient))[-1])
