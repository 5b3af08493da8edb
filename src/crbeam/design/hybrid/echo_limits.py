"""How much echo uplink users bear behind a network, and how that changes with the network.

With `C_k(x) = F^H (P sum_{i != k} h_i h_i^H + x a a^H + noise) F` the best combiner `w = C_k^-1 F^H h_k` of user k
gives it the ratio `P h_k^H F w`, which falls with the power x of the echo by `P |w^H F^H a|^2` and changes with the
network by `d ratio / dF* = P (h_k w^H - R_k F w w^H)`, R_k the matrix between F^H and F. The limit is the x at which
the ratio is what the user needs. It is negative for a user that misses it without echo.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.service_constraints import MinimumUplinkSinr


@dataclass(frozen=True, eq=False)
class EchoLimits:
    """Limits of uplink users behind a network with orthonormal columns.

    Attributes:
        service: the users.
        network: F.
        echo_w: largest power of the echo of each user, at most `largest_w`.
        without_echo: ratio of each user without echo.
        largest_w: what stands for no limit.
    """

    service: MinimumUplinkSinr
    network: Complex[np.ndarray, "antenna chain"]
    echo_w: Float[np.ndarray, " user"]
    without_echo: Float[np.ndarray, " user"]
    largest_w: float

    def slopes(self) -> Complex[np.ndarray, "user antenna chain"]:
        """`d limit_k / dF*`; zero where there is no limit."""
        found = np.zeros((len(self.echo_w), *self.network.shape), dtype=complex)
        heard = self.network.conj().T @ self.service.echo
        for user, echo_w in enumerate(self.echo_w):
            if echo_w < self.largest_w:
                combiner, slope = self._ratio_slope(user, float(echo_w))
                fall = self.service.uplink.user_power_w * abs(combiner.conj() @ heard) ** 2
                found[user] = slope / fall
        return found

    def ratio_slopes(self) -> Complex[np.ndarray, "user antenna chain"]:
        """`d ratio_k / dF*` without echo."""
        return np.stack([self._ratio_slope(user, 0.0)[1] for user in range(len(self.echo_w))])

    def _ratio_slope(self, user: int, echo_w: float) -> tuple[np.ndarray, np.ndarray]:
        """Best combiner of a user beside an echo, and the derivative of its ratio by the conjugate of the network."""
        uplink, network = self.service.uplink, self.network
        others = np.delete(uplink.channels, user, axis=1)
        own, echo = uplink.channels[:, user], self.service.echo
        power, noise = uplink.user_power_w, uplink.noise_power_w
        heard, direction = network.conj().T @ others, network.conj().T @ echo
        inner = power * heard @ heard.conj().T + echo_w * np.outer(direction, direction.conj())
        inner = inner + noise * np.eye(len(inner))
        combiner = np.linalg.solve(inner, network.conj().T @ own)
        disturbed = power * others @ (heard.conj().T @ combiner) + echo_w * echo * (direction.conj() @ combiner)
        disturbed = disturbed + noise * network @ combiner
        return combiner, power * np.outer(own - disturbed, combiner.conj())


def echo_limits(
    service: MinimumUplinkSinr, network: Complex[np.ndarray, "antenna chain"], largest_w: float
) -> EchoLimits:
    """Limits of all users behind a network with orthonormal columns.

    `(s - gamma) / (c - (s - gamma) m)` with `s, c, m` of `EchoTolerance`, and none where the denominator is not
    positive.
    """
    uplink = service.uplink
    users, direction = network.conj().T @ uplink.channels, network.conj().T @ service.echo
    power = uplink.user_power_w
    found = []
    for user, own in enumerate(users.T):
        others = np.delete(users, user, axis=1)
        inner = power * others @ others.conj().T + uplink.noise_power_w * np.eye(len(users))
        solved = np.linalg.solve(inner, np.stack([own, direction], axis=1))
        reached = power * float(np.real(own.conj() @ solved[:, 0]))
        coupling = power * abs(direction.conj() @ solved[:, 0]) ** 2
        margin = reached - float(service.minimum_sinr[user])
        slope = coupling - margin * float(np.real(direction.conj() @ solved[:, 1]))
        limit = margin / slope if slope * largest_w > margin else largest_w
        found.append((limit, reached))
    values = np.array(found).reshape(-1, 2)
    return EchoLimits(service, network, values[:, 0], values[:, 1], largest_w)
