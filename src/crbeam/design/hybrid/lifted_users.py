"""What uplink users require of covariances that are lifted by each sub-array.

Behind a network F with orthonormal columns, `Q = F F^H`, in units of the noise and with the users' power in their
channels h, a power `x = c^H R c` of the echo along a leaves user k the ratio gamma_k with its best combiner if and only
if, by a Schur complement,

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

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float
from scipy.linalg import block_diag

from crbeam.design.service_constraints import MinimumUplinkSinr


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
