"""First estimates of the paths of a link: a search over angle, delay and Doppler with successive cancellation.

The number of paths is known; nothing else about them is.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.estimation.link_model import LinkModel, folded_rad, wrapped
from crbeam.estimation.path_likelihood import beamwise_score
from crbeam.estimation.scoring import maximise

#: Cells of the search over delay, Doppler shift and direction cosine within a resolution cell.
OVERSAMPLING = 2
#: Scores spent on all paths found so far before the next one is looked for.
REFINEMENTS = 5
#: How often all paths are looked for again if they leave more than noise.
MOST_SWEEPS = 2


@dataclass(frozen=True, eq=False)
class CoarsePaths:
    """Paths as found without any knowledge of departures.

    Attributes:
        arrival_rad: local angles, on side 1 of the receive array.
        delay_s: between 0 and the period of delays.
        doppler_hz: Doppler shifts; zero where nothing moves.
        gains: gain of each path in each beam.
    """

    arrival_rad: Float[np.ndarray, " path"]
    delay_s: Float[np.ndarray, " path"]
    doppler_hz: Float[np.ndarray, " path"]
    gains: Complex[np.ndarray, "path beam"]


def find_paths(model: LinkModel, observation: Complex[np.ndarray, "subcarrier symbol_beam_chain"]) -> CoarsePaths:
    """The strongest paths, one after the other.

    Energy over all beams of the observation, matched to delays, angles of arrival and Doppler shifts on a grid, has its
    largest peak at the next path; then all that and the gains of all paths so far are refined together, and the search
    goes on in what they do not explain. If more than noise remains at the end, each path is looked for again beside the
    others. Where something moves, any path may have a Doppler shift.

    Reference: theory/estimation#coarse-search.
    """
    grid = _Grid.of(model)
    spectrum = grid.spectrum(model, observation)
    nothing = np.zeros(0)
    fit = _Fit(nothing, nothing, nothing, np.zeros((0, model.beams.shape[1]), dtype=complex), 0.0)
    for _ in range(model.n_paths):
        fit = _with_next_path(model, observation, grid, spectrum, fit)
    for _ in range(MOST_SWEEPS):
        if np.max(_energy(spectrum - grid.image(model, fit))) <= grid.noise_peak(model.beams.shape[1]):
            break
        for path in np.argsort(np.sum(np.abs(fit.gains) ** 2, axis=1)):
            again = _with_next_path(model, observation, grid, spectrum, fit.without(int(path)))
            fit = again if again.energy > fit.energy else fit
    axis_rad, period_s = model.receive_axis_rad, model.delay_period_s
    doppler_hz = wrapped(fit.doppler_hz, model.doppler_period_hz)
    return CoarsePaths(folded_rad(fit.arrival_rad, axis_rad), fit.delay_s % period_s, doppler_hz, fit.gains)


@dataclass(frozen=True, eq=False)
class _Fit:
    """Paths so far, and the energy that they explain."""

    arrival_rad: Float[np.ndarray, " path"]
    delay_s: Float[np.ndarray, " path"]
    doppler_hz: Float[np.ndarray, " path"]
    gains: Complex[np.ndarray, "path beam"]
    energy: float

    def without(self, path: int) -> "_Fit":
        """All paths but one."""
        rest = np.arange(len(self.delay_s)) != path
        return _Fit(self.arrival_rad[rest], self.delay_s[rest], self.doppler_hz[rest], self.gains[rest], self.energy)


def _with_next_path(
    model: LinkModel,
    observation: Complex[np.ndarray, "subcarrier symbol_beam_chain"],
    grid: "_Grid",
    spectrum: Complex[np.ndarray, "delay doppler beam arrival"],
    fit: _Fit,
) -> _Fit:
    """Paths with the one that explains most of what they leave, refined together.

    A wave along the line of an array looks much as one from the other end if the elements are half a wavelength apart:
    near an end, the other one is tried as well.
    """
    remainder = spectrum - grid.image(model, fit) if len(fit.delay_s) else spectrum
    peak = np.unravel_index(np.argmax(_energy(remainder)), grid.shape)
    delay_s, doppler_hz, second = grid.delay_s[peak[0]], grid.doppler_hz[peak[1]], peak[2]
    angle_rad = grid.arrival_rad[second]
    steps = len(grid.arrival_rad)
    ends = [angle_rad] if 1 < second < steps - 2 else [angle_rad, grid.arrival_rad[0 if second > 1 else steps - 1]]
    tried = [
        _refined(model, observation, *map(np.append, (fit.arrival_rad, fit.delay_s, fit.doppler_hz), new))
        for new in ((end, delay_s, doppler_hz) for end in ends)
    ]
    return max(tried, key=lambda each: each.energy)


def _refined(
    model: LinkModel,
    observation: Complex[np.ndarray, "subcarrier symbol_beam_chain"],
    arrival_rad: Float[np.ndarray, " path"],
    delay_s: Float[np.ndarray, " path"],
    doppler_hz: Float[np.ndarray, " path"],
) -> _Fit:
    """Arrivals, delays and Doppler shifts nearer to the maximum of the likelihood, with the gains there."""
    kinds = [arrival_rad, delay_s, doppler_hz] if model.moving else [arrival_rad, delay_s]
    start = np.concatenate(kinds)
    found = maximise(
        lambda x: beamwise_score(model, observation, *np.split(x, len(kinds)))[0],
        start,
        most_iterations=REFINEMENTS,
        step_tolerance=0.1,
    )
    point = np.split(start if found is None else found.point, len(kinds))
    score, gains = beamwise_score(model, observation, *point)
    return _Fit(point[0], point[1], point[2] if model.moving else doppler_hz, gains, score.energy)


def _energy(spectrum: Complex[np.ndarray, "delay doppler beam arrival"]) -> Float[np.ndarray, "delay doppler arrival"]:
    return np.sum(np.real(spectrum) ** 2 + np.imag(spectrum) ** 2, axis=2)


@dataclass(frozen=True, eq=False)
class _Grid:
    """Delays, Doppler shifts and angles of arrival that are searched, with the filters matched to the angles."""

    delay_s: Float[np.ndarray, " delay"]
    doppler_hz: Float[np.ndarray, " doppler"]
    arrival_rad: Float[np.ndarray, " arrival"]
    filters: Complex[np.ndarray, "chain arrival"]
    n_samples: int

    @classmethod
    def of(cls, model: LinkModel) -> "_Grid":
        n = len(model.frequency_hz)
        period_s = model.delay_period_s if n > 1 else 0.0
        count = OVERSAMPLING * n if n > 1 else 1
        steps = OVERSAMPLING * len(model.receive_positions_wavelengths)
        cosine = (2.0 * np.arange(steps) + 1.0) / steps - 1.0
        arrival_rad = model.receive_axis_rad + np.arccos(cosine)
        filters = model.receive_side(arrival_rad)[0]
        norm = np.linalg.norm(filters, axis=0)
        filters = np.where(norm > 1e-9 * norm.max(), filters / np.maximum(norm, 1e-300), 0.0)
        turns = OVERSAMPLING * model.n_symbols if model.n_symbols > 1 else 1
        doppler_hz = np.zeros(1) if turns == 1 else np.fft.fftfreq(turns, 1.0 / model.doppler_period_hz)
        delay_s = period_s * np.arange(count) / count
        return cls(delay_s, doppler_hz, arrival_rad, filters.astype(np.complex64), n * model.n_symbols)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of delays, Doppler shifts and arrivals."""
        return len(self.delay_s), len(self.doppler_hz), len(self.arrival_rad)

    def spectrum(
        self, model: LinkModel, observation: Complex[np.ndarray, "subcarrier symbol_beam_chain"]
    ) -> Complex[np.ndarray, "delay doppler beam arrival"]:
        """Observation matched to all delays, Doppler shifts and angles, for each beam; single precision."""
        chains = self.filters.shape[0]
        matched = observation.astype(np.complex64).reshape(-1, chains) @ self.filters.conj()
        by_symbol = matched.reshape(len(observation), model.n_symbols, -1, matched.shape[1])
        delays = np.fft.ifft(by_symbol, n=len(self.delay_s), axis=0, norm="forward")
        return np.fft.fft(delays, n=len(self.doppler_hz), axis=1)

    def image(self, model: LinkModel, fit: _Fit) -> Complex[np.ndarray, "delay doppler beam arrival"]:
        """What paths leave in the spectrum."""
        delays = np.fft.ifft(model.tones(fit.delay_s).astype(np.complex64), n=len(self.delay_s), axis=0, norm="forward")
        shifts = np.fft.fft(model.turns(fit.doppler_hz).astype(np.complex64), n=len(self.doppler_hz), axis=0)
        angles = model.receive_side(fit.arrival_rad)[0].T @ self.filters.conj()
        signature = (fit.gains[:, :, None] * angles[:, None, :]).astype(np.complex64)
        both = (delays[:, None, :] * shifts).reshape(-1, len(fit.delay_s))
        image = both @ signature.reshape(len(fit.delay_s), -1)
        return image.reshape(len(self.delay_s), len(self.doppler_hz), *signature.shape[1:])

    def noise_peak(self, n_beams: int) -> float:
        """Energy that noise alone exceeds in some cell of the spectrum once in a thousand observations, or less."""
        from scipy.special import gammainccinv

        cells = int(np.prod(self.shape))
        return self.n_samples * float(gammainccinv(n_beams, 1e-3 / cells))
