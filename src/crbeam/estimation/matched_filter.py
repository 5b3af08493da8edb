"""Delay and Doppler shift of an echo from samples of known pulses: matched filter on a grid, then local refinement."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.estimation.pulse_receiver import SAMPLES, PulseReceiver, sampling
from crbeam.estimation.scoring import maximise
from crbeam.information.pulses import pulse_slope, pulse_value


@dataclass(frozen=True, eq=False)
class DelayDoppler:
    """What the matched filter of one receiver finds.

    Attributes:
        delay_s: of the echo.
        doppler_hz: its shift.
        information: about both, in 1/s^2 and 1/Hz^2, for the symbols that were sent and the gains that were found.
        gains: of each beam at each antenna, in units of the noise of a sample.
        root: `gains @ root` has independent errors of power 1.
        has_converged: whether the refinement ended in a maximum.
    """

    delay_s: float
    doppler_hz: float
    information: Float[np.ndarray, "2 2"]
    gains: Complex[np.ndarray, "antenna beam"]
    root: Complex[np.ndarray, "beam sequence"]
    has_converged: bool


@dataclass(frozen=True, eq=False)
class _Score:
    """Likelihood with its slope and curvature by delay (in symbols) and Doppler shift (in cells of 1 / block)."""

    energy: float
    gradient: Float[np.ndarray, "2"]
    information: Float[np.ndarray, "2 2"]
    gains: Complex[np.ndarray, "antenna sequence"]


def matched_filter(
    receiver: PulseReceiver,
    symbols: Complex[np.ndarray, "beam symbol"],
    samples: Complex[np.ndarray, "antenna sample"],
) -> DelayDoppler:
    """Maximum-likelihood delay and Doppler shift of the one echo in white noise, every beam having any gain.

    The likelihood is the energy that matched filters of all beams and antennas find together. With symbol sequences
    that are first made orthogonal, it is `sum |x^H y|^2`, since pulses sampled three times or more have the same energy
    wherever the samples lie. A grid of a sample in delay and half a cell in Doppler shift comes from Fourier
    transforms: a shift by half a cell moves the spectrum of the samples by one place. From its maximum, damped scoring
    goes on.

    Unknown: delay, Doppler shift, gains. Known: symbols. Neither directions nor places enter but by the time at which
    the direct wave arrives.

    Args:
        receiver: who listens.
        symbols: what was sent.
        samples: what was received, in units of the noise of a sample.

    Raises:
        InvalidInput: sequences of symbols are not independent: there are too few symbols.

    Reference: wang2024 eq. (8).

    Deviation: the denominator of (8) is a draw of noise and constant in delay and Doppler shift; it is left out. The
    paper's filter knows the sensing stream only and takes the others as noise, which leaves an error that does not
    vanish at high power; receivers that sense know all streams here, as the bound assumes.
    """
    orthogonal, root = _orthonormal(symbols)
    start = _grid_maximum(receiver, orthogonal, samples)
    found = maximise(partial(_score, receiver, orthogonal, samples), start)
    assert found is not None, "the grid lies within the samples"
    delay_symbols, doppler_cells = found.point
    units = np.array([receiver.train.symbol_duration_s, 1.0 / receiver.block_s])
    return DelayDoppler(
        delay_s=receiver.earliest_delay_s + float(delay_symbols) * units[0],
        doppler_hz=float(doppler_cells) * units[1],
        information=2.0 * found.score.information / np.outer(units, units),
        gains=np.linalg.solve(root.T, found.score.gains.T).T,
        root=root,
        has_converged=found.has_converged,
    )


def _orthonormal(
    symbols: Complex[np.ndarray, "beam symbol"],
) -> tuple[Complex[np.ndarray, "sequence symbol"], Complex[np.ndarray, "beam sequence"]]:
    """Sequences Q of energy 1 over all samples, and the triangular L with `symbols = L Q`."""
    gram = SAMPLES * symbols @ symbols.conj().T
    try:
        root = np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        raise InvalidInput(
            f"There must be more symbols than beams, found {symbols.shape[1]} and {len(symbols)}; send more symbols."
        ) from None
    return np.linalg.solve(root, symbols), root


def _grid_maximum(
    receiver: PulseReceiver,
    sequences: Complex[np.ndarray, "sequence symbol"],
    samples: Complex[np.ndarray, "antenna n"],
) -> Float[np.ndarray, "2"]:
    """Delay in symbols and Doppler shift in cells at which matched filters find most energy.

    Single precision is enough to tell which place of the grid it is, and half the work.
    """
    length, pulse = receiver.n_samples, pulse_value(receiver.train.pulse, np.arange(SAMPLES) / SAMPLES)
    train = (sequences[:, :, None] * pulse).reshape(len(sequences), -1)
    filters = np.fft.fft(train.astype(np.complex64), length, axis=1).conj()
    spectrum = np.fft.fft(samples.astype(np.complex64), axis=1)
    most = int(np.ceil(2.0 * receiver.largest_doppler_hz * receiver.block_s))
    best = (-1.0, 0, 0)
    for shift in range(-most, most + 1):
        turned = np.roll(spectrum, -shift, axis=1)
        found = np.fft.ifft(turned[:, None] * filters, axis=2).reshape(-1, length)
        energy = np.sum(found.real**2 + found.imag**2, axis=0)
        lag = int(np.argmax(energy[: length // 2]))
        best = max(best, (float(energy[lag]), lag, shift))
    _, lag, shift = best
    return np.array([lag / SAMPLES, 0.5 * shift])


def _score(
    receiver: PulseReceiver,
    sequences: Complex[np.ndarray, "sequence symbol"],
    samples: Complex[np.ndarray, "antenna n"],
    point: Float[np.ndarray, "2"],
) -> _Score | None:
    """Energy `|S^H y|^2`, half its slope `Re D^H (y - S b)` and half the Fisher information, gains being eliminated."""
    train, count = receiver.train, receiver.train.symbols
    first, u = sampling(float(point[0]))
    if first < 0 or first + count * SAMPLES > receiver.n_samples:
        return None
    time = (np.arange(count)[:, None] + u - train.centre) / count
    pulse, slope = pulse_value(train.pulse, u), pulse_slope(train.pulse, u)
    heard = samples[:, first : first + count * SAMPLES].reshape(-1, count, SAMPLES)
    heard = heard * np.exp(-2j * np.pi * point[1] * time)
    gains = (heard @ pulse) @ sequences.conj().T
    carried = gains @ sequences
    left = heard - carried[:, :, None] * pulse
    changes = np.stack([-carried[:, :, None] * slope, 2j * np.pi * carried[:, :, None] * (time * pulse)])
    inside = (changes @ pulse) @ sequences.conj().T
    flat, within = changes.reshape(2, -1), inside.reshape(2, -1)
    return _Score(
        energy=float(np.sum(np.abs(gains) ** 2)),
        gradient=np.real(flat.conj() @ left.ravel()),
        information=np.real(flat.conj() @ flat.T - within.conj() @ within.T),
        gains=gains,
    )
