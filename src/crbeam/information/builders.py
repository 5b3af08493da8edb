"""Information maps of path parameters from propagation paths."""

import numpy as np
from jaxtyping import Complex, Float, Inexact

from crbeam.information.information_map import Contribution, InformationMap
from crbeam.information.state import path_layout
from crbeam.propagation.paths import Paths
from crbeam.scenario import Waveform


def subcarrier_gram(
    delay_s: Float[np.ndarray, " path"], waveform: Waveform
) -> Complex[np.ndarray, "double_path double_path"]:
    """`sum_m conj(g_i[m]) g_j[m]` of the functions `e_k[m] = exp(-2j pi m df tau_k)` and their delay derivatives.

    The first half of the rows are `e_k`, the second half `-2j pi m df e_k`. The sum over subcarriers is one matrix
    product. A common phase ramp does not change it, so delays enter relative to the first path.
    """
    frequency_hz = waveform.subcarrier_indices * waveform.subcarrier_spacing_hz
    tone = np.exp(-2j * np.pi * np.outer(delay_s - delay_s[0], frequency_hz))
    functions = np.concatenate([tone, -2j * np.pi * frequency_hz * tone])
    return functions.conj() @ functions.T


def path_information(
    paths: Paths,
    waveform: Waveform,
    *,
    noise_power_w: float,
    transmit_response: tuple[Complex[np.ndarray, "tx path"], Complex[np.ndarray, "tx path"]],
    receive_response: tuple[Complex[np.ndarray, "rx path"], Complex[np.ndarray, "rx path"]],
    block: str,
    projector: Inexact[np.ndarray, "rx rx"] | None = None,
) -> InformationMap:
    """Information about departure, arrival, delay and complex gain of every path of a link.

    For `H_m = sum_k gain_k exp(-2j pi m df delay_k) z_k t_k^H` each path has five rank-one terms: departure
    (`z (dt)^H`), arrival (`(dz) t^H`), delay, and real and imaginary part of the gain. With P pilots per slot,
    `I_ij = (2 P / noise_power) sum_m Re tr(dH_m/dx_j R dH_m^H/dx_i)`; all couplings between paths are kept.

    Unknown: all path parameters (`path_layout`). Assumed known: noise power, arrays, number of paths.

    Reference: zhang2025 eq. (6).

    Deviation: the second line of (6) prints `2N/sigma^2`; the factor is `2P/sigma^2` (pilots per slot).
    """
    n_paths = paths.n_paths
    transmit, transmit_slope = transmit_response
    receive, receive_slope = receive_response
    basis = subcarrier_gram(paths.delay_s, waveform)
    plain, delayed = np.arange(n_paths), n_paths + np.arange(n_paths)
    ones = np.ones(n_paths, dtype=complex)
    row = np.concatenate([plain, plain, delayed, np.stack([plain, plain], axis=1).ravel()])
    factor = np.concatenate([paths.gain, paths.gain, paths.gain, np.stack([ones, 1j * ones], axis=1).ravel()])
    scale = 2.0 * waveform.symbols_per_slot / noise_power_w
    gram = scale * np.outer(factor.conj(), factor) * basis[np.ix_(row, row)]
    contribution = Contribution(
        block=block,
        receiver=paths.link,
        transmit=np.concatenate([transmit_slope, transmit, transmit, np.repeat(transmit, 2, axis=1)], axis=1),
        receive=np.concatenate([receive, receive_slope, receive, np.repeat(receive, 2, axis=1)], axis=1),
        gram=0.5 * (gram + gram.conj().T),
        jacobian=np.eye(5 * n_paths),
        projector=projector,
    )
    return InformationMap(path_layout(paths.link, n_paths), (contribution,))
