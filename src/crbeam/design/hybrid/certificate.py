"""Lower bounds for hybrid arrays from eigenvalues alone.

The bound of `convex.certificate` asks for the most that a watt of transmission can add to `sum_s <M_s, W_s>`,
`M_s = sum_t G_t + sum_j mu_j A_js`, beyond what it costs at the prices of all limits but that of the budget. A hybrid
array cannot send or hear everything, so that less will do.

*Transmission*: the power is the same on all antennas of a sub-array. For any real numbers p_sn of mean zero over every
sub-array `sum_n p_sn R_s,nn = 0`, so that `lambda_max(M_s - diag(p_s))` replaces `lambda_max(M_s)`.

*Reception*: with `Z_i = conj(f_i f_i^H) (x) R`, whose diagonal blocks are R / M, `<G, R> = sum_i <B_i, Z_i>`. For any
Hermitian D_n with `blkdiag(D_n, n in i) >= B_i`, that is at most `<sum_n D_n / M, R>`. Users are served only if some
matrices C_k, linear in the Z_i and R, are positive semidefinite (below). So for any `S_k >= 0` the objective
is at least what it is less `sum_k <S_k, C_k>`; this adds to B_i, to what R is worth, and a constant. Of S_k that are
indefinite the positive part counts.

*Users*: behind a network F with orthonormal columns, `Q = F F^H`, in units of the noise and with the users' power in
their channels h, a power `x = c^H R c` of the echo along a leaves user k the ratio gamma_k with its best combiner if
and only if, by a Schur complement,

    A_k - q q^H x / (1 + x alpha) >= 0,     A_k[j, l] = h_j^H Q h_l + 1(j = l != k) - gamma_k 1(j = l = k),
                                            q_j = h_j^H Q a,    alpha = a^H Q a.                                  (1)

This is linear in Q, but not in x and Q together. With the tensor product of A_k and R it becomes so in `Q_i (x) R`, Q_i
the block of Q on the antennas of sub-array i. That is the partial transpose of `Z_i = conj(Q_i) (x) R`, which changes
places of the blocks on either side of the diagonal:

    C_k = [[ A_k (x) R,      q (x) R c   ],
           [ q^H (x) c^H R,  1 + alpha x ]] >= 0.                                                             (2)

*(2) holds for every F and R that keep (1).* With `r = R^1/2 c`, `|r|^2 = x`, it is a congruence by
`blkdiag(1 (x) R^1/2, 1)` of a matrix whose Schur complement is `A_k (x) 1 - q q^H (x) r r^H / (1 + x alpha)`. Since
`r r^H <= x 1`, this is at least `(A_k - q q^H x / (1 + x alpha)) (x) 1 >= 0`.

All users see the Z_i through the same columns, `V_i = [h_j (x) 1 for each user j, a (x) c]` on the antennas of i:

    C_k = sum_i V_i^H (Q_i (x) R) V_i + blkdiag(R for each user but k, -gamma_k R for user k, 1).              (3)

So multipliers `S_k >= 0` enter a dual through their diagonal blocks and their sum T, `<T, V_i^H (Q_i (x) R) V_i>` being
the product of Z_i and the partial transpose of `V_i T V_i^H`.

Without probing what is left is `A_k >= 0`, (3) with the number 1 for R and without the echo. If some Q_i have that with
room, small multiples of any R satisfy (2): whether (2) can be kept at all is decided without the echo.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex, Float
from scipy.linalg import block_diag

from crbeam.design.constraints import SubarrayHybrid
from crbeam.design.convex.certificate import dual_value, require_domain, seen_by_streams
from crbeam.design.convex.statement import Statement, statement_of
from crbeam.design.hybrid.networks import digital_relaxation, heard_by, hybrid_of, n_antennas_of, service_of
from crbeam.design.problem import DesignProblem
from crbeam.design.result import SubarrayEvidence
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.errors import InvalidInput
from crbeam.linalg import hermitian_part, positive_part


@dataclass(frozen=True, eq=False)
class LiftedUsers:
    """The matrices C_k of (3).

    Attributes:
        columns: V_i, those of user j being `j size ... (j + 1) size`; then that of the echo, if it counts.
        minimum_sinr: gamma_k.
        size: dimensions of R.
    """

    columns: Complex[np.ndarray, "chain lifted row"]
    minimum_sinr: Float[np.ndarray, " user"]
    size: int

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.minimum_sinr)

    @property
    def n_rows(self) -> int:
        """Rows of each C_k."""
        return self.columns.shape[2]

    @property
    def weights(self) -> Float[np.ndarray, "user other"]:
        """How often R counts in the diagonal block of every user j in C_k: 1, or `-gamma_k` for k itself."""
        return np.ones((self.n_users, self.n_users)) - np.diag(1.0 + self.minimum_sinr)

    def blocks(
        self, multipliers: Complex[np.ndarray, "*batch row row"]
    ) -> Complex[np.ndarray, "*batch user size size"]:
        """Diagonal block of each user."""
        inner = self.n_users * self.size
        parts = multipliers[..., :inner, :inner].reshape(*multipliers.shape[:-2], *(self.n_users, self.size) * 2)
        return np.einsum("...jajb->...jab", parts)

    def heard(self, multipliers: Complex[np.ndarray, "user row row"]) -> Complex[np.ndarray, "chain lifted lifted"]:
        """What the multipliers S_k count of each Z_i."""
        return self.transposed(self.columns @ multipliers.sum(axis=0) @ self.columns.conj().swapaxes(1, 2))

    def transposed(
        self, matrices: Complex[np.ndarray, "*batch lifted lifted"]
    ) -> Complex[np.ndarray, "*batch lifted lifted"]:
        """The partial transpose: blocks of the size of R on either side of the diagonal change places."""
        shape = matrices.shape
        blocks = matrices.reshape(*shape[:-2], -1, self.size, shape[-1] // self.size, self.size)
        return blocks.swapaxes(-4, -2).reshape(shape)

    def sent(self, multipliers: Complex[np.ndarray, "user row row"]) -> Complex[np.ndarray, "size size"]:
        """What they count of R itself."""
        return np.einsum("kj,kjab->ab", self.weights, self.blocks(multipliers))

    def constant(self, multipliers: Complex[np.ndarray, "user row row"]) -> float:
        """What they count in any case: of the corner of the echo."""
        return float(np.real(multipliers[:, self.n_users * self.size :, self.n_users * self.size :].sum()))

    def matrices(
        self, lifted: Complex[np.ndarray, "chain lifted lifted"], sent: Complex[np.ndarray, "size size"]
    ) -> Complex[np.ndarray, "user row row"]:
        """C_k of each user, from Z_i and R."""
        whole = np.sum(self.columns.conj().swapaxes(1, 2) @ self.transposed(lifted) @ self.columns, axis=0)
        found = np.repeat(whole[None], self.n_users, axis=0)
        inner = self.n_users * self.size
        for matrix, weights in zip(found, self.weights, strict=True):
            matrix[:inner, :inner] += np.kron(np.diag(weights), sent)
        found[:, inner:, inner:] += 1.0
        return found


def lifted_users(
    service: MinimumUplinkSinr, antennas_per_chain: int, basis: Complex[np.ndarray, "tx size"]
) -> LiftedUsers:
    """C_k of the users of a station for probing covariances `R = B X B^H`, as functions of X and what it lifts.

    Args:
        service: the users.
        antennas_per_chain: size of the sub-arrays.
        basis: B.
    """
    steering = np.sqrt(service.echo_gain) * basis.conj().T @ service.response
    echo = service.echo.reshape(-1, antennas_per_chain, 1) * steering
    users = _by_chain(service, antennas_per_chain)
    size = basis.shape[1]
    wide = np.einsum("imj,ab->imajb", users, np.eye(size)).reshape(len(users), antennas_per_chain * size, -1)
    columns = np.concatenate([wide, _in_noise(service, echo).reshape(len(users), -1, 1)], axis=2)
    return LiftedUsers(columns, service.minimum_sinr, size)


def on_users(n_users: int, basis: Complex[np.ndarray, "tx size"]) -> Complex[np.ndarray, "row reduced"]:
    """What B for each user, and 1 for the echo, make of the rows of C_k."""
    return np.asarray(block_diag(np.kron(np.eye(n_users), basis), 1.0))


def users_alone(service: MinimumUplinkSinr, antennas_per_chain: int) -> LiftedUsers:
    """The same without probing, R being the number 1."""
    return LiftedUsers(_by_chain(service, antennas_per_chain), service.minimum_sinr, 1)


def _by_chain(service: MinimumUplinkSinr, antennas_per_chain: int) -> Complex[np.ndarray, "chain antenna user"]:
    """Channels with the users' power, in units of the noise."""
    channels = np.sqrt(service.uplink.user_power_w) * service.uplink.channels
    return _in_noise(service, channels).reshape(-1, antennas_per_chain, len(service.users))


def _in_noise(service: MinimumUplinkSinr, columns: np.ndarray) -> np.ndarray:
    return columns / np.sqrt(service.uplink.noise_power_w)


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
