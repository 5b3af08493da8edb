"""Lower bounds for hybrid arrays from eigenvalues alone.

The Lagrangian bound of `served.certificate` asks for the most that a watt of transmission can add to
`sum_s <M_s, W_s>`, `M_s = G(Y) + sum_j mu_j A_js`. A hybrid array cannot send or hear everything, so that less will do.

*Transmission*: the power is the same on all antennas of a sub-array. For any real numbers p_sn of mean zero over every
sub-array `sum_n p_sn R_s,nn = 0`, so that `lambda_max(M_s - diag(p_s))` replaces `lambda_max(M_s)`.

*Reception*: with `Z_i = conj(f_i f_i^H) (x) R`, whose diagonal blocks are R / M, `<G(Y), R> = sum_i <B_i, Z_i>`. For
any Hermitian D_n with `blkdiag(D_n, n in i) >= B_i`, that is at most `<sum_n D_n / M, R>`.
"""

from collections.abc import Mapping

import numpy as np

from crbeam.design.hybrid.networks import digital_relaxation, hybrid_of, n_antennas_of
from crbeam.design.problem import DesignProblem
from crbeam.design.result import DualEvidence, SubarrayEvidence
from crbeam.design.served.certificate import lagrangian_bound
from crbeam.design.served.requirements import requirements_of
from crbeam.design.subarrays import SubarrayHybrid
from crbeam.errors import InvalidInput
from crbeam.linalg import hermitian_part


def subarray_lower_bound(problem: DesignProblem, evidence: SubarrayEvidence) -> float:
    """No design of a problem with a hybrid array, one block and one receiver has a smaller objective; 0 if unproven.

    Checked in the space of all antennas; nothing about the solver that found the evidence enters.

    Raises:
        InvalidInput: the evidence has other sizes than the problem, or a negative multiplier.
    """
    hybrid = hybrid_of(problem)
    if hybrid is None or len(problem.blocks) != 1:
        raise InvalidInput("Evidence on sub-arrays must be for a problem with one block and a hybrid array.")
    digital = digital_relaxation(problem)
    side = _sending if hybrid.side == "transmit" else _hearing
    steepest = side(digital, hybrid, evidence)
    return lagrangian_bound(digital, evidence.dual, {problem.blocks[0]: steepest})


def _required(problem: DesignProblem, dual: DualEvidence) -> dict[str, np.ndarray]:
    """`sum_j mu_j A_js` of each stream."""
    (n_tx,) = problem.antennas.values()
    found = {stream.name: np.zeros((n_tx, n_tx), dtype=complex) for stream in problem.streams}
    for multiplier, requirement in zip(dual.multipliers, requirements_of(problem), strict=True):
        for part in requirement.parts:
            matrix = float(multiplier) * part.factor * np.outer(part.vector, part.vector.conj())
            for name in found:
                if part.stream in (None, name):
                    found[name] = found[name] + matrix
    return found


def _largest(matrix: np.ndarray) -> float:
    return float(np.linalg.eigvalsh(hermitian_part(matrix))[-1])


def _sending(problem: DesignProblem, hybrid: SubarrayHybrid, evidence: SubarrayEvidence) -> float:
    """`max_s lambda_max(M_s - diag(p_s))`, with the means of p_s taken away."""
    required = _required(problem, evidence.dual)
    ((block, n_tx),) = problem.antennas.items()
    _require_shapes(evidence.prices, dict.fromkeys(required, (n_tx,)))
    seen = sum(
        criterion.map.adjoint(response @ response.T)[block]
        for criterion, response in zip(problem.active_criteria, evidence.dual.responses, strict=True)
    )
    found = [0.0]
    for name, matrix in required.items():
        grouped = np.real(evidence.prices[name]).reshape(-1, hybrid.antennas_per_chain)
        extra = (grouped - grouped.mean(axis=1, keepdims=True)).ravel()
        found.append(_largest(matrix + seen - np.diag(extra)))
    return max(found)


def _hearing(problem: DesignProblem, hybrid: SubarrayHybrid, evidence: SubarrayEvidence) -> float:
    """`max_s lambda_max(sum_n D_n / M + sum_j mu_j A_js)`, each D_n raised until it covers what its sub-array sees."""
    n_rx, size = n_antennas_of(problem, hybrid), hybrid.antennas_per_chain
    (n_tx,) = problem.antennas.values()
    _require_shapes(evidence.prices, {hybrid.port: (n_rx, n_tx, n_tx)})
    prices = hermitian_part(evidence.prices[hybrid.port]).reshape(-1, size, n_tx, n_tx)
    seen = np.zeros((len(prices), size * n_tx, size * n_tx), dtype=complex)
    for criterion, response in zip(problem.active_criteria, evidence.dual.responses, strict=True):
        for part in criterion.map.contributions:
            if part.receiver != hybrid.port:
                raise InvalidInput(f"Everything must be heard by {hybrid.port}, but {part.receiver} hears too.")
            slopes = part.jacobian @ response
            columns = (part.receive.conj()[:, None, :] * part.transmit[None]).reshape(len(prices), size * n_tx, -1)
            seen += columns @ ((slopes @ slopes.T) * part.gram) @ columns.conj().swapaxes(1, 2)
    total = prices.sum(axis=(0, 1)) / size
    for own, matrix in zip(prices, seen, strict=True):
        whole = np.zeros((size, n_tx, size, n_tx), dtype=complex)
        whole[np.arange(size), :, np.arange(size), :] = own
        total = total + max(0.0, _largest(matrix - whole.reshape(matrix.shape))) * np.eye(n_tx)
    return max(0.0, *(_largest(total + matrix) for matrix in _required(problem, evidence.dual).values()))


def _require_shapes(prices: Mapping[str, np.ndarray], wanted: Mapping[str, tuple[int, ...]]) -> None:
    found = {name: price.shape for name, price in prices.items()}
    if found != dict(wanted):
        raise InvalidInput(f"Prices must have the shapes {dict(wanted)}, found {found}.")
