"""Ratios of uplink users behind a network and beside an echo, and how they change with both.

With `C_k(x) = F^H (P sum_{i != k} h_i h_i^H + x a a^H + noise) F` the best combiner `w = C_k^-1 F^H h_k` of user k
gives it the ratio `P h_k^H F w`, which falls with the power x of the echo by `P |w^H F^H a|^2` and changes with the
network by `d ratio / dF* = P (h_k w^H - R_k F w w^H)`, R_k the matrix between F^H and F.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.service_constraints import MinimumUplinkSinr


@dataclass(frozen=True, eq=False)
class RatiosBesideEcho:
    """Ratios of all users behind a network with orthonormal columns, with their derivatives.

    Attributes:
        ratios: with the best combiners.
        slopes: `d ratio_k / dF*`.
        falls: `d ratio_k / dx`, x the power of the echo in watt.
    """

    ratios: Float[np.ndarray, " user"]
    slopes: Complex[np.ndarray, "user antenna chain"]
    falls: Float[np.ndarray, " user"]


def ratios_beside_echo(
    service: MinimumUplinkSinr, network: Complex[np.ndarray, "antenna chain"], echo_w: float
) -> RatiosBesideEcho:
    """Ratios of all users behind a network with orthonormal columns.

    Args:
        service: the users.
        network: F.
        echo_w: power of the echo that each antenna hears.
    """
    found = [_user(service, network, echo_w, user) for user in range(len(service.users))]
    ratios, slopes, falls = zip(*found, strict=True)
    return RatiosBesideEcho(np.array(ratios), np.array(slopes), np.array(falls))


def _user(service: MinimumUplinkSinr, network: np.ndarray, echo_w: float, user: int) -> tuple[float, np.ndarray, float]:
    uplink = service.uplink
    others = np.delete(uplink.channels, user, axis=1)
    own, echo = uplink.channels[:, user], service.echo
    power, noise = uplink.user_power_w, uplink.noise_power_w
    heard, direction = network.conj().T @ others, network.conj().T @ echo
    inner = power * heard @ heard.conj().T + echo_w * np.outer(direction, direction.conj())
    inner = inner + noise * np.eye(len(inner))
    combiner = np.linalg.solve(inner, network.conj().T @ own)
    ratio = power * float(np.real(own.conj() @ network @ combiner))
    passed = direction.conj() @ combiner
    disturbed = power * others @ (heard.conj().T @ combiner) + echo_w * echo * passed
    disturbed = disturbed + noise * network @ combiner
    slope = power * np.outer(own - disturbed, combiner.conj())
    return ratio, slope, -power * float(np.abs(passed)) ** 2
