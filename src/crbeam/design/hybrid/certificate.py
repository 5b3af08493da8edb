"""Lower bounds for hybrid arrays from eigenvalues alone.

The bound of `convex.certificate` asks for the most that a watt of transmission can add to `sum_s <M_s, W_s>`,
`M_s = sum_t G_t + sum_j mu_j A_js`, beyond what it costs at the prices of all limits but that of the budget. A hybrid
array cannot send or hear everything, so that less will do.

*Transmission*: the power is the same on all antennas of a sub-array. For any real numbers p_sn of mean zero over every
sub-array `sum_n p_sn R_s,nn = 0`, so that `lambda_max(M_s - diag(p_s))` replaces `lambda_max(M_s)`.

*Reception*: with `Z_i = conj(f_i f_i^H) (x) R`, whose diagonal blocks are R / M, `<G, R> = sum_i <B_i, Z_i>`. For any
Hermitian D_n with `blkdiag(D_n, n in i) >= B_i`, that is at most `<sum_n D_n / M, R>`. Users are served only if some
matrices C_k, linear in the Z_i and R, are positive semidefinite (`lifted_users`). So for any `S_k >= 0` the objective
is at least what it is less `sum_k <S_k, C_k>`; this adds to B_i, to what R is worth, and a constant. Of S_k that are
indefinite the positive part counts.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.convex.certificate import dual_value, require_domain, seen_by_streams
from crbeam.design.convex.statement import Statement, statement_of
from crbeam.design.hybrid.lifted_users import LiftedUsers, lifted_users
from crbeam.design.hybrid.networks import digital_relaxation, heard_by, hybrid_of, n_antennas_of, service_of
from crbeam.design.problem import DesignProblem
from crbeam.design.result import SubarrayEvidence
from crbeam.design.subarrays import SubarrayHybrid
from crbeam.errors import InvalidInput
from crbeam.linalg import hermitian_part

_Users = tuple[LiftedUsers, Complex[np.ndarray, "user row row"]]


def subarray_lower_bound(problem: DesignProblem, evidence: SubarrayEvidence) -> float:
    """No design of a problem with a hybrid array, one block and one receiver has a smaller objective.

    Checked in the space of all antennas; nothing about the solver that found the evidence enters.

    Raises:
        InvalidInput: the evidence has other sizes than the problem, or a negative multiplier.
    """
    hybrid = hybrid_of(problem)
    if hybrid is None or len(problem.blocks) != 1:
        raise InvalidInput("Evidence on sub-arrays must be for a problem with one block and a hybrid array.")
    statement = statement_of(digital_relaxation(problem))
    require_domain(statement, evidence.dual)
    (block,), given = statement.blocks, evidence.dual.prices
    antennas, whole = np.zeros(statement.size_of(block)), statement.price_of(block)
    for limit, price in zip(statement.limits[1:], given[1:].tolist(), strict=True):
        if limit.antenna is None:
            whole += price
        else:
            antennas[limit.antenna] += price
    users = _users_of(problem, hybrid, evidence)
    paid = 0.0 if users is None else users[0].constant(users[1])
    if hybrid.side == "transmit":
        steepest = _sending(statement, hybrid, evidence, antennas)
    else:
        steepest = _hearing(statement, hybrid, evidence, antennas, users)
    prices = np.array([max(0.0, steepest - whole), *given[1:]])
    return max(0.0, dual_value(statement, replace(evidence.dual, prices=prices)) - paid)


def _users_of(problem: DesignProblem, hybrid: SubarrayHybrid, evidence: SubarrayEvidence) -> _Users | None:
    """What users require, with their multipliers made positive semidefinite; None if these are not known.

    Raises:
        InvalidInput: the multipliers have other sizes, or are not finite, or nobody is served.
    """
    if evidence.users is None:
        return None
    service = service_of(problem, hybrid)
    if service is None:
        raise InvalidInput("Multipliers of users must be for a problem whose hybrid array serves users.")
    lifted = lifted_users(service, hybrid.antennas_per_chain, np.eye(problem.antennas[service.block], dtype=complex))
    wanted = (lifted.n_users, lifted.n_rows, lifted.n_rows)
    if evidence.users.shape != wanted or not np.all(np.isfinite(evidence.users)):
        raise InvalidInput(f"Multipliers of users must be finite with shape {wanted}, found {evidence.users.shape}.")
    return lifted, positive_part(evidence.users)


def largest_share(
    users: LiftedUsers, prices: Float[np.ndarray, "chain antenna"], multipliers: Complex[np.ndarray, "user row row"]
) -> float:
    """Behind every network some user reaches at most this share of its required ratio, even without probing.

    For any `S_k >= 0` and d with `diag(d_n, n in i)` no less than what the S_k count of sub-array i, all users with a
    share s of their ratios have `sum_n d_n / M + sum_k sum_{j != k} S_k[j, j] >= s sum_k gamma_k S_k[k, k]`.

    Args:
        users: what users require without probing.
        prices: d; raised until they cover what is heard.
        multipliers: S_k.
    """
    multipliers = positive_part(multipliers)
    heard = users.heard(multipliers)
    diagonal = prices[:, :, None] * np.eye(prices.shape[1])
    missing = np.maximum(0.0, np.linalg.eigvalsh(hermitian_part(heard - diagonal))[:, -1])
    own = np.real(np.einsum("kk->k", np.einsum("kjaa->kj", users.blocks(multipliers))))
    asked = float(users.minimum_sinr @ own)
    given = float(prices.sum()) / prices.shape[1] + float(missing.sum())
    given += float(np.real(np.trace(users.sent(multipliers)))) + asked
    return given / asked if asked > 0.0 else np.inf


def positive_part(matrices: Complex[np.ndarray, "*batch row row"]) -> Complex[np.ndarray, "*batch row row"]:
    """The nearest positive semidefinite matrices."""
    values, vectors = np.linalg.eigh(hermitian_part(matrices))
    return (vectors * np.maximum(values, 0.0)[..., None, :]) @ vectors.conj().swapaxes(-1, -2)


def _largest(matrix: np.ndarray) -> float:
    return float(np.linalg.eigvalsh(hermitian_part(matrix))[..., -1].max())


def _sending(
    statement: Statement, hybrid: SubarrayHybrid, evidence: SubarrayEvidence, antennas: Float[np.ndarray, " tx"]
) -> float:
    """`max_s lambda_max(M_s - diag(p_s + antennas))`, with the means of p_s taken away."""
    (block,) = statement.blocks
    streams, n_tx = statement.streams[block], statement.size_of(block)
    _require_shapes(evidence.prices, dict.fromkeys(streams, (n_tx,)))
    prices = np.real([evidence.prices[name] for name in streams]).reshape(len(streams), -1, hybrid.antennas_per_chain)
    extra = (prices - prices.mean(axis=2, keepdims=True)).reshape(len(streams), 1, n_tx)
    frame, inners = seen_by_streams(statement, evidence.dual, block)
    return _largest(frame @ inners @ frame.conj().T - (extra + antennas) * np.eye(n_tx))


def _hearing(
    statement: Statement,
    hybrid: SubarrayHybrid,
    evidence: SubarrayEvidence,
    antennas: Float[np.ndarray, " tx"],
    users: _Users | None,
) -> float:
    """`max_s lambda_max(sum_n D_n / M + sum_j mu_j A_js - diag(antennas))` with what users count of R.

    D_n are raised to cover what is seen.
    """
    (block,) = statement.blocks
    n_tx, size = statement.size_of(block), hybrid.antennas_per_chain
    n_rx = n_antennas_of(statement.problem, hybrid)
    _require_shapes(evidence.prices, {hybrid.port: (n_rx, n_tx, n_tx)})
    prices = hermitian_part(evidence.prices[hybrid.port]).reshape(-1, size, n_tx, n_tx)
    seen = np.zeros((len(prices), size * n_tx, size * n_tx), dtype=complex)
    for term, (receive, gram), response in zip(
        statement.terms, heard_by(statement), evidence.dual.responses, strict=True
    ):
        parts = term.criterion.map.contributions
        others = {part.receiver for part in parts} - {hybrid.port}
        if others:
            raise InvalidInput(f"Everything must be heard by {hybrid.port}, but {', '.join(others)} hears too.")
        slopes = np.concatenate([part.jacobian for part in parts]) @ response
        transmit = np.concatenate([part.transmit for part in parts], axis=1)
        columns = (receive.conj()[:, None, :] * transmit[None]).reshape(len(prices), size * n_tx, -1)
        seen += columns @ ((slopes @ slopes.T) * gram) @ columns.conj().swapaxes(1, 2)
    total = prices.sum(axis=(0, 1)) / size
    if users is not None:
        lifted, multipliers = users
        seen, total = seen + lifted.heard(multipliers), total + lifted.sent(multipliers)
    for own, matrix in zip(prices, seen, strict=True):
        whole = np.zeros((size, n_tx, size, n_tx), dtype=complex)
        whole[np.arange(size), :, np.arange(size), :] = own
        total = total + max(0.0, _largest(matrix - whole.reshape(matrix.shape))) * np.eye(n_tx)
    silent = replace(evidence.dual, responses=tuple(0.0 * each for each in evidence.dual.responses))
    frame, inners = seen_by_streams(statement, silent, block)
    return _largest(total - np.diag(antennas) + frame @ inners @ frame.conj().T)


def _require_shapes(prices: Mapping[str, np.ndarray], wanted: Mapping[str, tuple[int, ...]]) -> None:
    found = {name: price.shape for name, price in prices.items()}
    if found != dict(wanted):
        raise InvalidInput(f"Prices must have the shapes {dict(wanted)}, found {found}.")
