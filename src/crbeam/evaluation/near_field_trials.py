"""Trials over the near-field echo of a target: what they have in common, and the bounds of what they estimate."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.estimation import Failure, simulate
from crbeam.estimation.near_field_estimates import NearFieldMethod, TargetEstimate, TargetSearch
from crbeam.estimation.near_field_model import EchoModel, mean_echo
from crbeam.evaluation.bounds import evaluate_link
from crbeam.evaluation.estimator_trials import Subjects, Trial, failure_index
from crbeam.information import ParameterLayout
from crbeam.information.transmission import Covariances
from crbeam.linalg import one_blas_thread
from crbeam.systems import World
from crbeam.systems.li2024 import Li2024
from crbeam.systems.near_field_echoes import TrueEcho

#: Correlation of the responses to two places below which one is outside the main lobe of the other.
LEAST_CORRELATION = 0.5
_LAYOUT = ParameterLayout.of({"target_angle[0]": 1, "target_range[0]": 1, "target_position[0]": 2})


@dataclass(frozen=True, eq=False)
class EchoSetting:
    """All that trials of one near-field echo have in common.

    Attributes:
        search: how the target is located.
        truth: the echo in the noise of the scenario.
        seed: of all noise.
    """

    search: TargetSearch
    truth: TrueEcho
    seed: int

    @property
    def layout(self) -> ParameterLayout:
        """Polar and Cartesian coordinates of the target."""
        return _LAYOUT

    def trial(self, noise_factor: float) -> Trial:
        """One trial in noise of so many times the power of the scenario's."""
        strength = self.truth.strength / np.sqrt(noise_factor)
        mean = mean_echo(self.search.model, self.truth.angle_rad, self.truth.range_m, strength)
        known = abs(strength) if self.truth.is_modulus_known else None
        return partial(_trial, self, mean, known)


def _trial(
    setting: EchoSetting, mean: Complex[np.ndarray, "chain beam"], known_strength: float | None, code: int, number: int
) -> tuple[Float[np.ndarray, " parameter"], int]:
    """Errors and failure of one trial."""
    seed = np.random.SeedSequence([setting.seed, code, number], spawn_key=(0,))
    observation = simulate(mean, np.random.default_rng(seed))
    found = setting.search.estimate(observation, known_strength=known_strength)
    truth = setting.truth
    turned_rad = np.angle(np.exp(1j * (found.angle_rad - truth.angle_rad)))
    away_m = _polar_m(found.angle_rad, found.range_m) - _polar_m(truth.angle_rad, truth.range_m)
    errors = np.array([turned_rad, found.range_m - truth.range_m, *away_m])
    return errors, failure_index(echo_failure(setting.search.model, found, truth))


def _polar_m(angle_rad: float, range_m: float) -> Float[np.ndarray, "2"]:
    return range_m * np.array([np.cos(angle_rad), np.sin(angle_rad)])


def echo_failure(model: EchoModel, found: TargetEstimate, truth: TrueEcho) -> Failure | None:
    """Why an estimate counts as failed; None if it does not.

    The responses of both arrays together to the place found and to the true one must correlate by one half at least.
    If those of the longer array alone do, the place is in a grating lobe.
    """
    angles_rad = np.array([found.angle_rad, truth.angle_rad])
    inverse = 1.0 / np.array([found.range_m, truth.range_m])
    receive, transmit = (model.responses(array, angles_rad, inverse) for array in (model.receive, model.transmit))
    correlations = [float(abs(np.vdot(each[:, 0], each[:, 1])) / len(each)) for each in (receive, transmit)]
    if correlations[0] * correlations[1] < LEAST_CORRELATION:
        longer = correlations[0] if model.longer is model.receive else correlations[1]
        return Failure.WRONG_LOBE if longer >= LEAST_CORRELATION else Failure.LOST_PATH
    return None if found.has_converged else Failure.NOT_CONVERGED


def sensing_snr_db(scenario: World) -> dict[str, float]:
    """Power gain of the echo from one antenna to another times transmit power over noise power, by link."""
    system = Li2024.of(scenario)
    return {system.arrays().link: float(10.0 * np.log10(system.true_echo().sensing_snr))}


def near_field_subjects(
    scenario: World,
    covariances: Covariances,
    *,
    method: NearFieldMethod,
    seed: int,
    networks: Mapping[str, Complex[np.ndarray, "antenna chain"]],
) -> Subjects:
    """The one link of a double array.

    Args:
        scenario: the world, or its system.
        covariances: the transmission, one block.
        method: how the target is located.
        seed: of the noise.
        networks: that of the link is the analog combiner of the array that listens; without it there is one chain for
            each antenna. Others are left aside.

    Raises:
        InvalidInput: the target is outside the region that is searched.
    """
    system = Li2024.of(scenario)
    link = system.arrays().link
    network = networks.get(link)
    (covariance,) = system.completed(covariances).values()
    model, truth = system.echo_model(covariance, network=network), system.true_echo()
    if not model.holds(truth.angle_rad, 1.0 / truth.range_m):
        least_m, most_m = model.range_m
        raise InvalidInput(
            f"The target must be from {least_m:.3g} m to {most_m:.3g} m away and not in line with the longer array, "
            f"where estimators search for it; it is {truth.range_m:.3g} m away."
        )
    with one_blas_thread():
        setting = EchoSetting(TargetSearch(model, method), truth, seed)
    return Subjects(
        method,
        {link: setting},
        sensing_snr_db(system),
        lambda _: {link: _root_bounds(system, covariance, network)},
        snr_name="sensing SNR",
    )


def _root_bounds(
    system: Li2024, covariance: Complex[np.ndarray, "tx tx"], network: Complex[np.ndarray, "rx chain"] | None
) -> Mapping[str, float]:
    """Root bounds of the target's position, angle and range in the noise of the scenario."""
    maps = (system.position_map(network=network), system.polar_map(network=network))
    position, polar = (each.at(dict.fromkeys(each.blocks, covariance)) for each in maps)
    position.bound(list(system.polar_targets()))  # says why where there is none
    found = evaluate_link(system.arrays().link, position, polar).quantities
    return {name: value for name, value in found.items() if isinstance(value, float)}
