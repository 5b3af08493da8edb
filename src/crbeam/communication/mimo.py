"""Rates of receivers with several antennas and several streams."""

import numpy as np
from jaxtyping import Complex, Float


def mimo_rates_bps_hz(
    channels: Complex[np.ndarray, "receiver rx tx"],
    wanted: Complex[np.ndarray, "receiver tx tx"],
    heard: Complex[np.ndarray, "receiver tx tx"],
    noise_power_w: float,
) -> Float[np.ndarray, " receiver"]:
    """Rate of every receiver in bit/s/Hz: `log2 det(I + P^-1 H W H^H)` with `P = noise I + H (X - W) H^H`.

    Args:
        channels: H; the receiver gets `H x`.
        wanted: W, covariance of its own streams.
        heard: X, covariance of everything that it does not remove, its own streams included.
        noise_power_w: of one antenna.

    Reference: wang2024 eqs. (20), (21).
    """
    adjoint = channels.conj().transpose(0, 2, 1)
    noise = noise_power_w * np.eye(channels.shape[1])
    others = noise + channels @ (heard - wanted) @ adjoint
    return (log_determinants(others + channels @ wanted @ adjoint) - log_determinants(others)) / np.log(2.0)


def log_determinants(matrices: Complex[np.ndarray, "receiver rx rx"]) -> Float[np.ndarray, " receiver"]:
    """`ln det` of positive definite matrices."""
    return np.linalg.slogdet(0.5 * (matrices + matrices.conj().transpose(0, 2, 1)))[1]


def capacity_bps_hz(channel: Complex[np.ndarray, "rx tx"]) -> float:
    """Largest rate of one receiver without interference, in bit/s/Hz: powers fill up `1 / s_i^2` to one level.

    Args:
        channel: H with singular values s, in units in which the power budget and the noise of an antenna are 1.
    """
    gains = np.linalg.svd(channel, compute_uv=False) ** 2
    floors = 1.0 / gains[gains > 0.0]
    levels = (1.0 + np.cumsum(floors)) / np.arange(1, len(floors) + 1)
    filled = levels > floors
    if not filled.any():
        return 0.0
    used = int(np.flatnonzero(filled)[-1]) + 1
    return float(np.sum(np.log2(levels[used - 1] / floors[:used])))
