"""First estimates of the paths of a link: a search over angle and delay with successive cancellation.

The number of paths is known; nothing else about them is.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.estimation.link_model import LinkModel, folded_rad
from crbeam.estimation.path_likelihood import beamwise_score
from crbeam.estimation.scoring import maximise

#: Cells of the search over delay and direction cosine within a resolution cell.
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
        gains: gain of each path in each beam.
    """

    arrival_rad: Float[np.ndarray, " path"]
    delay_s: Float[np.ndarray, " path"]
    gains: Complex[np.ndarray, "path beam"]


def find_paths(model: LinkModel, observation: Complex[np.ndarray, "subcarrier beam_chain"]) -> CoarsePaths:
    """The strongest paths, one after the other.

    Energy over all beams of the observation, matched to delays and angles of arrival on a grid, has its largest peak at
    the next path; then arrivals, delays and gains of all paths so far are refined together, and the search goes on
    in what they do not explain. If more than noise remains at the end, each path is looked for again beside the others.

    Reference: theory/estimation#coarse-search.
    """
    grid = _Grid.of(model)
    spectrum = grid.spectrum(observation)
    fit = _Fit(np.zeros(0), np.zeros(0), np.zeros((0, model.beams.shape[1]), dtype=complex), 0.0)
    for _ in range(model.n_paths):
        fit = _with_next_path(model, observation, grid, spectrum, fit)
    for _ in range(MOST_SWEEPS):
        if np.max(_energy(spectrum - grid.image(model, fit))) <= grid.noise_peak(model.beams.shape[1]):
            break
        for path in np.argsort(np.sum(np.abs(fit.gains) ** 2, axis=1)):
            again = _with_next_path(model, observation, grid, spectrum, fit.without(int(path)))
            fit = again if again.energy > fit.energy else fit
    axis_rad, period_s = model.receive_axis_rad, model.delay_period_s
    return CoarsePaths(folded_rad(fit.arrival_rad, axis_rad), fit.delay_s % period_s, fit.gains)


@dataclass(frozen=True, eq=False)
class _Fit:
    """Paths so far, and the energy that they explain."""

    arrival_rad: Float[np.ndarray, " path"]
    delay_s: Float[np.ndarray, " path"]
    gains: Complex[np.ndarray, "path beam"]
    energy: float

    def without(self, path: int) -> "_Fit":
        """All paths but one."""
        rest = np.arange(len(self.delay_s)) != path
        return _Fit(self.arrival_rad[rest], self.delay_s[rest], self.gains[rest], self.energy)


def _with_next_path(
    model: LinkModel,
    observation: Complex[np.ndarray, "subcarrier beam_chain"],
    grid: "_Grid",
    spectrum: Complex[np.ndarray, "delay beam arrival"],
    fit: _Fit,
) -> _Fit:
    """Paths with the one that explains most of what they leave, refined together.

    A wave along the line of an array looks much as one from the other end if the elements are half a wavelength apart:
    near an end, the other one is tried as well.
    """
    remainder = spectrum - grid.image(model, fit) if len(fit.delay_s) else spectrum
    first, second = np.unravel_index(np.argmax(_energy(remainder)), (len(grid.delay_s), len(grid.arrival_rad)))
    angle_rad = grid.arrival_rad[second]
    steps = len(grid.arrival_rad)
    ends = [angle_rad] if 1 < second < steps - 2 else [angle_rad, grid.arrival_rad[0 if second > 1 else steps - 1]]
    tried = [
        _refined(model, observation, np.append(fit.arrival_rad, end), np.append(fit.delay_s, grid.delay_s[first]))
        for end in ends
    ]
    return max(tried, key=lambda each: each.energy)


def _refined(
    model: LinkModel,
    observation: Complex[np.ndarray, "subcarrier beam_chain"],
    arrival_rad: Float[np.ndarray, " path"],
    delay_s: Float[np.ndarray, " path"],
) -> _Fit:
    """Arrivals and delays nearer to the maximum of the likelihood, with the gains there."""
    half = len(delay_s)
    start = np.concatenate([arrival_rad, delay_s])
    found = maximise(
        lambda x: beamwise_score(model, observation, x[:half], x[half:])[0],
        start,
        most_iterations=REFINEMENTS,
        step_tolerance=0.1,
    )
    point = start if found is None else found.point
    score, gains = beamwise_score(model, observation, point[:half], point[half:])
    return _Fit(point[:half], point[half:], gains, score.energy)


def _energy(spectrum: Complex[np.ndarray, "delay beam arrival"]) -> Float[np.ndarray, "delay arrival"]:
    return np.sum(np.real(spectrum) ** 2 + np.imag(spectrum) ** 2, axis=1)


@dataclass(frozen=True, eq=False)
class _Grid:
    """Delays and angles of arrival that are searched, with the filters matched to the angles."""

    delay_s: Float[np.ndarray, " delay"]
    arrival_rad: Float[np.ndarray, " arrival"]
    filters: Complex[np.ndarray, "chain arrival"]
    n_subcarriers: int

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
        return cls(period_s * np.arange(count) / count, arrival_rad, filters.astype(np.complex64), n)

    def spectrum(
        self, observation: Complex[np.ndarray, "subcarrier beam_chain"]
    ) -> Complex[np.ndarray, "delay beam arrival"]:
        """Observation matched to all delays and angles, for each beam; single precision."""
        delays = np.fft.ifft(observation.astype(np.complex64), n=len(self.delay_s), axis=0, norm="forward")
        chains = self.filters.shape[0]
        matched = delays.reshape(-1, chains) @ self.filters.conj()
        return matched.reshape(len(self.delay_s), -1, matched.shape[1])

    def image(self, model: LinkModel, fit: _Fit) -> Complex[np.ndarray, "delay beam arrival"]:
        """What paths leave in the spectrum."""
        delays = np.fft.ifft(model.tones(fit.delay_s).astype(np.complex64), n=len(self.delay_s), axis=0, norm="forward")
        angles = model.receive_side(fit.arrival_rad)[0].T @ self.filters.conj()
        signature = (fit.gains[:, :, None] * angles[:, None, :]).astype(np.complex64)
        image = delays @ signature.reshape(len(fit.delay_s), -1)
        return image.reshape(len(self.delay_s), *signature.shape[1:])

    def noise_peak(self, n_beams: int) -> float:
        """Energy that noise alone exceeds in some cell of the spectrum once in a thousand observations, or less."""
        from scipy.special import gammainccinv

        cells = len(self.delay_s) * len(self.arrival_rad)
        return self.n_subcarriers * float(gammainccinv(n_beams, 1e-3 / cells))
