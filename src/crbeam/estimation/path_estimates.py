"""Maximum-likelihood estimates of the paths of a link."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float

from crbeam.estimation.coarse import CoarsePaths, find_paths
from crbeam.estimation.link_model import LinkModel, alike_rad, folded_rad
from crbeam.estimation.observations import PathParameters
from crbeam.estimation.path_likelihood import Score, path_score
from crbeam.estimation.scoring import maximise

#: Departures on the grid for each transmit antenna.
DEPARTURES_PER_ANTENNA = 16
#: Departures of a path that are kept: few beams may look alike from several directions.
MOST_LOBES = 32
#: Loss of log-likelihood from which a departure is given up.
MOST_DEFICIT = 30.0
#: Standard deviations by which the cosine of an arrival may be off, where the other end of the array looks alike.
MOST_DEVIATIONS = 4.0


@dataclass(frozen=True, eq=False)
class Lobes:
    """Departures that could explain what a path does in the beams, best first.

    Attributes:
        departure_rad: local angles, on side 1 of the transmit array.
        deficit: how much less log-likelihood they have than the best.
    """

    departure_rad: Float[np.ndarray, " lobe"]
    deficit: Float[np.ndarray, " lobe"]


@dataclass(frozen=True, eq=False)
class PathEstimates:
    """Paths of a link as estimated, angles on side 1 of the arrays where these do not tell the sides apart.

    Attributes:
        parameters: maximum-likelihood estimates, by increasing delay from the earliest path; the echo that moves, if
            one does, comes first.
        information: half the Fisher information of departure, arrival, delay, and Doppler shift of those that move,
            gains eliminated, there.
        lobes: all departures that could explain each path; none for echoes, which come from where they go.
        has_converged: whether the search for the maximum ended there.
    """

    parameters: PathParameters
    information: Float[np.ndarray, "path_parameter path_parameter"]
    lobes: tuple[Lobes, ...]
    has_converged: bool

    @cached_property
    def _all_variances(self) -> Float[np.ndarray, " path_parameter"]:
        scale = 1.0 / np.sqrt(np.maximum(np.diagonal(self.information), 1e-300))
        scaled = self.information * np.outer(scale, scale)
        inverse = np.linalg.pinv(scaled, rcond=1e-12, hermitian=True)
        return 0.5 * scale**2 * np.diagonal(inverse)

    @property
    def variances(self) -> Float[np.ndarray, "3 path"]:
        """Variances of departure, arrival and delay of each path."""
        return self._all_variances[: 3 * len(self.parameters.delay_s)].reshape(3, -1)

    @property
    def doppler_variances(self) -> Float[np.ndarray, " moving"]:
        """Variances of the Doppler shifts of the paths that move."""
        return self._all_variances[3 * len(self.parameters.delay_s) :]


@dataclass(frozen=True, eq=False)
class AlikeArrivals:
    """Arrivals that an array does not tell from that of a path: `alike_rad`, and the variance of each."""

    angle_rad: Float[np.ndarray, " alike"]
    variance: Float[np.ndarray, " alike"]


def alike_arrivals(model: LinkModel, estimates: PathEstimates, path: int) -> AlikeArrivals:
    """Arrivals at which an estimated path may have come in.

    What is estimated well is the cosine c to the array's line. With its variance v the angle has the variance
    `v / (1 - c^2)`, and near an end of the array, where c may be 1, about `sqrt(v)`.
    """
    angle_rad, variance = float(estimates.parameters.arrival_rad[path]), float(estimates.variances[1, path])
    deviation = np.sqrt(variance) * abs(np.sin(angle_rad - model.receive_axis_rad))
    alike = alike_rad(angle_rad, model.receive_positions_wavelengths, MOST_DEVIATIONS * deviation)
    sine = np.sin(alike - model.receive_axis_rad)
    return AlikeArrivals(alike, deviation**2 / np.maximum(np.maximum(sine**2, deviation), 1e-300))


def estimate_paths(model: LinkModel, observation: Complex[np.ndarray, "subcarrier symbol_beam_chain"]) -> PathEstimates:
    """Maximum-likelihood estimates of all path parameters of a link, from nothing but the observation.

    Coarse search for arrivals and delays, departures from the gains in the beams, then damped scoring on the likelihood
    of all parameters together, gains concentrated out.

    Unknown: all path parameters. Assumed known: arrays, beams, noise power, number of paths.

    Reference: theory/estimation#paths.
    """
    found = find_paths(model, observation)
    order = np.roll(np.argsort(found.delay_s), -_earliest(np.sort(found.delay_s), model.delay_period_s))
    coarse = CoarsePaths(*(part[order] for part in (found.arrival_rad, found.delay_s, found.doppler_hz, found.gains)))
    if model.is_monostatic:
        angle_rad = np.array(
            [_echo_angle_rad(model, *each) for each in zip(coarse.arrival_rad, coarse.gains, strict=True)]
        )
        start = PathParameters(angle_rad, angle_rad, coarse.delay_s, coarse.doppler_hz)
        return _refined_echoes(model, observation, start)
    lobes = departure_lobes(model, coarse.gains)
    best_rad = np.array([each.departure_rad[0] for each in lobes])
    start = PathParameters(best_rad, coarse.arrival_rad, coarse.delay_s, coarse.doppler_hz)
    return refine_paths(model, observation, start, lobes)


def _refined_echoes(
    model: LinkModel, observation: Complex[np.ndarray, "subcarrier symbol_beam_chain"], start: PathParameters
) -> PathEstimates:
    """Estimates of echoes; the one whose Doppler shift is least likely to be zero is that of what moves."""
    folded = not model.tells_sides
    if not model.moving:
        return refine_paths(model, observation, start, (), folded=folded)
    count = len(start.delay_s)
    free = refine_paths(model, observation, start, (), folded=folded, moving=range(count))
    first = int(np.argmax(free.parameters.doppler_hz**2 / free.doppler_variances))
    order = np.array([first, *np.delete(np.arange(count), first)])
    ordered = free.parameters.select(order)
    still = replace(ordered, doppler_hz=np.where(np.arange(count) == 0, ordered.doppler_hz, 0.0))
    return refine_paths(model, observation, still, (), folded=folded)


def _echo_angle_rad(model: LinkModel, arrival_rad: float, gain: Complex[np.ndarray, " beam"]) -> float:
    """Direction of an echo that arrives at a given angle to the receive array: by the beams what it leaves open.

    These are grating lobes, and the side if transmit and receive array lie on different lines.
    """
    angles_rad = alike_rad(float(arrival_rad), model.receive_positions_wavelengths)
    if not model.tells_sides:
        angles_rad = angles_rad[: len(angles_rad) // 2]
    return float(angles_rad[np.argmax(_fit(model, angles_rad, gain)[0])])


def refine_paths(
    model: LinkModel,
    observation: Complex[np.ndarray, "subcarrier symbol_beam_chain"],
    start: PathParameters,
    lobes: tuple[Lobes, ...],
    *,
    folded: bool = True,
    moving: Sequence[int] | None = None,
) -> PathEstimates:
    """Estimates from a start in the right lobes, in its order; folded to side 1 of the arrays, or on its sides.

    Paths of which `moving`, by default those of the model, have Doppler shifts to be estimated.
    """
    n, shifted = len(start.delay_s), list(model.moving if moving is None else moving)
    split = _path_jacobian(model, n, len(shifted))
    first = np.concatenate([start.departure_rad, start.arrival_rad, start.delay_s, start.doppler_hz[shifted]])
    start_vector = np.linalg.lstsq(split, first, rcond=None)[0]

    def parameters(vector: Float[np.ndarray, " parameter"]) -> PathParameters:
        whole, doppler_hz = split @ vector, start.doppler_hz.copy()
        doppler_hz[shifted] = whole[3 * n :]
        departure_rad, arrival_rad, delay_s = whole[: 3 * n].reshape(3, n)
        return PathParameters(departure_rad, arrival_rad, delay_s, doppler_hz)

    def score(vector: Float[np.ndarray, " parameter"]) -> Score:
        return path_score(model, observation, parameters(vector), shifted).chained(split)

    found = maximise(score, start_vector)
    assert found is not None  # the likelihood of paths exists everywhere
    end = parameters(found.point)
    if folded:
        end = PathParameters(
            folded_rad(end.departure_rad, model.transmit_axis_rad),
            folded_rad(end.arrival_rad, model.receive_axis_rad),
            end.delay_s,
            end.doppler_hz,
        )
    return PathEstimates(end, path_score(model, observation, end, shifted).information, lobes, found.has_converged)


def _path_jacobian(model: LinkModel, n: int, n_moving: int) -> Float[np.ndarray, "path_parameter parameter"]:
    """Path parameters by free ones: departure and arrival of an echo are one angle."""
    if not model.is_monostatic:
        return np.eye(3 * n + n_moving)
    jacobian = np.zeros((3 * n + n_moving, 2 * n + n_moving))
    jacobian[: 3 * n, : 2 * n] = np.kron(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.eye(n))
    jacobian[3 * n :, 2 * n :] = np.eye(n_moving)
    return jacobian


def _earliest(sorted_delays_s: Float[np.ndarray, " path"], period_s: float) -> int:
    """Index of the earliest path of delays known modulo a period: the one after the longest pause."""
    if not np.isfinite(period_s):
        return 0
    pause = sorted_delays_s - np.roll(sorted_delays_s, 1)
    pause[0] += period_s
    return int(np.argmax(pause))


def departure_lobes(model: LinkModel, gains: Complex[np.ndarray, "path beam"]) -> tuple[Lobes, ...]:
    """Departures that fit the gains of each path in the beams.

    A path that leaves in the direction `theta` has gains proportional to `g(theta) = F^T conj(a(theta))`; the best are
    maxima of `|g^H c|^2 / |g|^2`, whose loss against `|c|^2` counts in units of the noise of c.
    """
    count = DEPARTURES_PER_ANTENNA * len(model.transmit_positions_wavelengths)
    cosine = (2.0 * np.arange(count) + 1.0) / count - 1.0
    grid_rad = model.transmit_axis_rad + np.arccos(cosine)
    samples = len(model.frequency_hz) * model.n_symbols * model.n_chains
    return tuple(_lobes_of_path(model, grid_rad, gain * np.sqrt(samples)) for gain in gains)


def _lobes_of_path(
    model: LinkModel, grid_rad: Float[np.ndarray, " departure"], gain: Complex[np.ndarray, " beam"]
) -> Lobes:
    fit = _fit(model, grid_rad, gain)[0]
    padded = np.concatenate([[-np.inf], fit, [-np.inf]])
    peaks = np.nonzero((fit >= padded[:-2]) & (fit >= padded[2:]))[0]
    peaks = peaks[np.argsort(-fit[peaks], kind="stable")][:MOST_LOBES]
    angles_rad, fit = grid_rad[peaks], fit[peaks]
    width = float(np.max(np.abs(np.diff(grid_rad)))) if len(grid_rad) > 1 else 0.0
    for _ in range(6):
        trial = angles_rad + np.clip(_fit(model, angles_rad, gain)[1], -width, width)
        trial_fit = _fit(model, trial, gain)[0]
        angles_rad, fit = np.where(trial_fit > fit, trial, angles_rad), np.maximum(trial_fit, fit)
    order = np.argsort(-fit, kind="stable")
    order = order[fit[order] >= fit[order[0]] - MOST_DEFICIT]
    return Lobes(folded_rad(angles_rad[order], model.transmit_axis_rad), fit[order[0]] - fit[order])


def _fit(
    model: LinkModel, departure_rad: Float[np.ndarray, " departure"], gain: Complex[np.ndarray, " beam"]
) -> tuple[Float[np.ndarray, " departure"], Float[np.ndarray, " departure"]]:
    """Energy `|g^H c|^2 / |g|^2` of gains c that each departure explains, and the scoring step of the departure."""
    response, slope = model.transmit_side(departure_rad)
    power = np.maximum(np.sum(np.abs(response) ** 2, axis=0), 1e-300)
    factor = response.conj().T @ gain / power
    residual = gain[:, None] - factor * response
    derivative = factor * (slope - response * (np.sum(response.conj() * slope, axis=0) / power))
    norm = np.maximum(np.sum(np.abs(derivative) ** 2, axis=0), 1e-300)
    return np.abs(factor) ** 2 * power, np.real(np.sum(derivative.conj() * residual, axis=0)) / norm
