"""What uplink users require of covariances that are lifted by each sub-array.

Behind a network F with orthonormal columns, `Q = F F^H`, in units of the noise and with the users' power in their
channels h, a power `x = c^H R c` of the echo along a leaves user k the ratio gamma_k with its best combiner if and only
if, by a Schur complement,

    A_k - q q^H x / (1 + x alpha) >= 0,     A_k[j, l] = h_j^H Q h_l + 1(j = l != k) - gamma_k 1(j = l = k),
                                            q_j = h_j^H Q a,    alpha = a^H Q a.                                  (1)

This is linear in Q, but not in x and Q together. With the tensor product of A_k and R it becomes so in
`Z_i = conj(f_i f_i^H) (x) R` and R:

    C_k = [[ conj(A_k) (x) R,    conj(q) (x) R c    ],
           [ q^T (x) c^H R,      1 + conj(alpha) x  ]] >= 0.                                                      (2)

*(2) holds for every F and R that keep (1).* With `r = R^1/2 c`, `|r|^2 = x`, it is a congruence by
`blkdiag(1 (x) R^1/2, 1)` of a matrix whose Schur complement is `conj(A_k) (x) 1 - conj(q q^H) (x) r r^H / (1 + x alpha)`.
Since `r r^H <= x 1`, this is at least `conj(A_k - q q^H x / (1 + x alpha)) (x) 1 >= 0`.

All users see the Z_i through the same columns, `V_i = [conj(h_j) (x) 1 for each user j, conj(a) (x) c]` on the antennas
of i:

    C_k = sum_i V_i^H Z_i V_i + blkdiag(R for each user but k, -gamma_k R for user k, 1).                         (3)

So multipliers `S_k >= 0` enter a dual through their sum, `sum_k <S_k, V_i^H Z_i V_i> = <V_i (sum_k S_k) V_i^H, Z_i>`, and
through their diagonal blocks.

Without probing what is left is `conj(A_k) >= 0`, (3) with the number 1 for R and without the echo. If there are Q_i with
that, small multiples of any R satisfy (2): whether (2) can be kept at all is decided without the echo.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

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

    def blocks(self, multipliers: Complex[np.ndarray, "*batch row row"]) -> Complex[np.ndarray, "*batch user size size"]:
        """Diagonal block of each user."""
        inner = self.n_users * self.size
        parts = multipliers[..., :inner, :inner].reshape(*multipliers.shape[:-2], *(self.n_users, self.size) * 2)
        return np.einsum("...jajb->...jab", parts)

    def heard(self, multipliers: Complex[np.ndarray, "user row row"]) -> Complex[np.ndarray, "chain lifted lifted"]:
        """What the multipliers S_k count of each Z_i: `V_i (sum_k S_k) V_i^H`."""
        return self.columns @ multipliers.sum(axis=0) @ self.columns.conj().swapaxes(1, 2)

    def sent(self, multipliers: Complex[np.ndarray, "user row row"]) -> Complex[np.ndarray, "size size"]:
        """What they count of R itself."""
        return np.einsum("kj,kjab->ab", self.weights, self.blocks(multipliers))

    def constant(self, multipliers: Complex[np.ndarray, "user row row"]) -> float:
        """What they count in any case: of the corner of the echo."""
        return float(np.real(multipliers[:, self.n_users * self.size :, self.n_users * self.size :].sum()))

    def matrices(
        self, lifted: Complex[np.ndarray, "chain lifted lifted"], sent: Complex[np.ndarray, "size size"]
    ) -> Complex[np.ndarray, "user row row"]:
        """C_k of each user."""
        whole = np.sum(self.columns.conj().swapaxes(1, 2) @ lifted @ self.columns, axis=0)
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
    echo = service.echo.conj().reshape(-1, antennas_per_chain, 1) * steering
    users = _by_chain(service, antennas_per_chain)
    size = basis.shape[1]
    wide = np.einsum("imj,ab->imajb", users, np.eye(size)).reshape(len(users), antennas_per_chain * size, -1)
    columns = np.concatenate([wide, _in_noise(service, echo).reshape(len(users), -1, 1)], axis=2)
    return LiftedUsers(columns, service.minimum_sinr, size)


def users_alone(service: MinimumUplinkSinr, antennas_per_chain: int) -> LiftedUsers:
    """The same without probing, R being the number 1."""
    return LiftedUsers(_by_chain(service, antennas_per_chain), service.minimum_sinr, 1)


def _by_chain(service: MinimumUplinkSinr, antennas_per_chain: int) -> Complex[np.ndarray, "chain antenna user"]:
    """Conjugate channels with the users' power, in units of the noise."""
    channels = np.sqrt(service.uplink.user_power_w) * service.uplink.channels.conj()
    return _in_noise(service, channels).reshape(-1, antennas_per_chain, len(service.users))


def _in_noise(service: MinimumUplinkSinr, columns: np.ndarray) -> np.ndarray:
    return columns / np.sqrt(service.uplink.noise_power_w)
