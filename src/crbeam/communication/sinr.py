"""Signal-to-interference-and-noise ratios of served users, in both directions.

A channel h is a column `[antenna]`: the user receives `h^T x` of what the station sends, and the station receives `h c`
of what the user sends.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.linalg import hermitian_part


def downlink_sinr(
    channels: Complex[np.ndarray, "tx user"],
    user_covariances: Complex[np.ndarray, "user tx tx"],
    covariance: Complex[np.ndarray, "tx tx"],
    noise_power_w: float,
) -> Float[np.ndarray, " user"]:
    """Ratio of each user in the downlink: `h^T W_k h* / (h^T (R - W_k) h* + noise)`.

    Args:
        channels: a column for each user.
        user_covariances: `W_k`, of the stream that each user decodes.
        covariance: R of everything that is sent; what is not for the user, probing included, is interference.
        noise_power_w: of a user.

    Reference: li2024 eq. (12).
    """
    steering = channels.conj()
    wanted = np.real(np.einsum("ik,kij,jk->k", channels, user_covariances, steering))
    received = np.real(np.einsum("ik,ij,jk->k", channels, covariance, steering))
    return wanted / (np.maximum(received - wanted, 0.0) + noise_power_w)


def rates_bps_hz(sinr: Float[np.ndarray, " user"]) -> Float[np.ndarray, " user"]:
    """Spectral efficiency of each user, `log2(1 + SINR)`, in bit per second and hertz."""
    return np.log2(1.0 + sinr)


@dataclass(frozen=True, eq=False)
class UplinkChannel:
    """What the station's receiver hears besides the echo of its own probing.

    Attributes:
        channels: a column for each user, `[rx, user]`.
        user_power_w: transmit power of every user.
        noise_power_w: of one receive antenna.
        network: columns of the analog combiner F `[rx, chain]`; None is one chain for each antenna.
    """

    channels: Complex[np.ndarray, "rx user"]
    user_power_w: float
    noise_power_w: float
    network: Complex[np.ndarray, "rx chain"] | None = None

    def received(self, columns: Complex[np.ndarray, "rx column"]) -> Complex[np.ndarray, "chain column"]:
        """`Q^H x` behind the network, with an orthonormal basis Q of its columns."""
        if self.network is None:
            return columns
        basis, _ = np.linalg.qr(self.network)
        return basis.conj().T @ columns


def mmse_combiners(
    uplink: UplinkChannel, echo: Complex[np.ndarray, " rx"], echo_power_w: float
) -> Complex[np.ndarray, "chain user"]:
    """Combiners `(noise I + x a a^H + P sum_i h_i h_i^H)^-1 h_k`, which no other linear combiner beats for any user.

    Args:
        uplink: users, noise, network; combiners are those behind an orthonormal basis of the network.
        echo: receive response a towards the target.
        echo_power_w: power x of the echo at an antenna whose response has modulus 1.

    Reference: li2024 eq. (16), eq. (17).
    """
    users, direction = uplink.received(uplink.channels), uplink.received(echo[:, None])[:, 0]
    disturbance = uplink.user_power_w * users @ users.conj().T + echo_power_w * np.outer(direction, direction.conj())
    return np.linalg.solve(disturbance + uplink.noise_power_w * np.eye(len(users)), users)


def uplink_sinr(
    uplink: UplinkChannel,
    combiners: Complex[np.ndarray, "chain user"],
    echo: Complex[np.ndarray, " rx"],
    echo_power_w: float,
) -> Float[np.ndarray, " user"]:
    """Ratio of each user in the uplink with given combiners `w_k` behind an orthonormal basis of the network.

    `P |w_k^H h_k|^2 / (P sum_{i != k} |w_k^H h_i|^2 + x |w_k^H a|^2 + noise |w_k|^2)`, x being the power of the echo.

    Reference: li2024 eq. (17), eq. (18).

    Deviation: the interference in (16) is printed as a sum over users k; it runs over the other users.
    """
    users, direction = uplink.received(uplink.channels), uplink.received(echo[:, None])[:, 0]
    powers = uplink.user_power_w * np.abs(combiners.conj().T @ users) ** 2
    wanted = np.diagonal(powers)
    noise = uplink.noise_power_w * np.sum(np.abs(combiners) ** 2, axis=0)
    return wanted / (powers.sum(axis=1) - wanted + echo_power_w * np.abs(combiners.conj().T @ direction) ** 2 + noise)


@dataclass(frozen=True, eq=False)
class EchoTolerance:
    """How the echo of the probing lowers the ratio of each user: `s - x c / (1 + x m)` for an echo of power x.

    With the best combiner at every x. The ratio falls from s without echo to `s - c / m` with an overwhelming one.

    Attributes:
        without_echo: s of each user.
        coupling: c of each user, per watt.
        saturation: m of each user, per watt.
    """

    without_echo: Float[np.ndarray, " user"]
    coupling: Float[np.ndarray, " user"]
    saturation: Float[np.ndarray, " user"]

    def sinr(self, echo_power_w: float) -> Float[np.ndarray, " user"]:
        """Ratio of each user beside an echo of this power."""
        return self.without_echo - echo_power_w * self.coupling / (1.0 + echo_power_w * self.saturation)

    def largest_echo_w(self, minimum_sinr: Float[np.ndarray, " user"]) -> Float[np.ndarray, " user"]:
        """Largest power of the echo that leaves each user its ratio; infinite if none is too large.

        Raises:
            InvalidInput: a user does not reach its ratio even without echo.
        """
        margin = self.without_echo - minimum_sinr
        if np.any(margin < 0.0):
            raise InvalidInput("Every user must reach its ratio without echo, but one does not.")
        slope = self.coupling - margin * self.saturation
        return np.where(slope > 0.0, margin / np.where(slope > 0.0, slope, 1.0), np.inf)


def echo_tolerance(uplink: UplinkChannel, echo: Complex[np.ndarray, " rx"]) -> EchoTolerance:
    """The tolerance of every user with the combiner that is best for it at each power of the echo.

    With `B_k = P sum_{i != k} h_i h_i^H + noise I` behind the network: `s = P h_k^H B_k^-1 h_k`,
    `m = a^H B_k^-1 a`, `c = P |a^H B_k^-1 h_k|^2`.

    Reference: li2024 eq. (17).

    Deviation: Algorithm 4 searches combiners and probing in turn; the closed form is exact and makes the requirement
    linear in the probing covariance.
    """
    users, direction = uplink.received(uplink.channels), uplink.received(echo[:, None])[:, 0]
    power = uplink.user_power_w
    total = hermitian_part(power * users @ users.conj().T) + uplink.noise_power_w * np.eye(len(users))
    values = []
    for user in users.T:
        others = total - power * np.outer(user, user.conj())
        solved = np.linalg.solve(others, np.stack([user, direction], axis=1))
        own, across = user.conj() @ solved[:, 0], direction.conj() @ solved[:, 0]
        values.append((power * own.real, power * abs(across) ** 2, (direction.conj() @ solved[:, 1]).real))
    found = np.array(values).reshape(-1, 3)
    return EchoTolerance(found[:, 0], found[:, 1], found[:, 2])
