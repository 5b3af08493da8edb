"""Measuring what the claims of li2024 are judged on."""

import numpy as np
from jaxtyping import Complex, Float

from crbeam.information import Information
from crbeam.papers.li2024.convergence import convergence
from crbeam.papers.li2024.draws import expected_words, sweeps
from crbeam.papers.li2024.measurements import DIRECTIONS, LIT, Identifiability, Measurements, Positioning
from crbeam.papers.li2024.positioning import NOISE_SEED, checks, design, focused_network, scene
from crbeam.papers.runs import PaperRun
from crbeam.scenario import read_scenario
from crbeam.systems.double_array import double_array
from crbeam.systems.li2024 import Li2024

ANGLES_RAD = np.linspace(-1.3, 1.3, 201)
#: Added to a matrix without inverse, relative to its largest eigenvalue, which is 1.
RIDGE = 1e-3
#: Random covariances at which two forms of the bound are compared.
COVARIANCES = 20
PLANE = ("sensing.serving_model=far", "sensing.sensing_model=far")


def gather(run: PaperRun) -> Measurements:
    """All numbers that the claims are judged on."""
    run.report(f"hybrid arrays: expected {expected_words(full=run.full)}; before and after them two or three minutes")
    run.report("claims: convergence of the published algorithms")
    converged = {direction: convergence(run, direction) for direction in DIRECTIONS}
    run.report("claims: designs in random channels")
    found = {direction: sweeps(run, direction) for direction in DIRECTIONS}
    run.report("claims: estimates of the target's place")
    return Measurements(positioning(full=run.full), converged, found, four_parameter_error())


def four_parameter_error() -> float:
    """Largest relative difference between two forms of the bound of angle and range, at random covariances.

    One is a block of the inverse of the whole information, the other the inverse of `J11 - J12 J22^-1 J12^T`.

    Reference: li2024 eq. (25), eq. (27).
    """
    rng, errors = np.random.default_rng(NOISE_SEED), []
    for direction in DIRECTIONS:
        information_map = Li2024(scene(direction)).polar_map()
        ((block, size),) = information_map.antennas.items()
        for _ in range(COVARIANCES):
            factor = rng.standard_normal((2, size, 4))
            covariance = (factor[0] + 1j * factor[1]) @ (factor[0] + 1j * factor[1]).conj().T
            matrix = information_map.at({block: covariance}).matrix
            whole = np.linalg.inv(matrix)[:2, :2]
            short = matrix[:2, :2] - matrix[:2, 2:] @ np.linalg.solve(matrix[2:, 2:], matrix[2:, :2])
            errors.append(abs(np.trace(np.linalg.inv(short)) / np.trace(whole) - 1.0))
    return float(max(errors))


def positioning(*, full: bool) -> Positioning:
    """Estimates of the target's place."""
    return Positioning(
        NOISE_SEED,
        checks(full=full),
        printed_spread(),
        {direction: identifiability(direction) for direction in DIRECTIONS},
    )


def printed_criterion(
    network: Complex[np.ndarray, "antenna chain"],
    signal: Complex[np.ndarray, " chain"],
    phase_steps_rad: Float[np.ndarray, " angle"],
) -> Float[np.ndarray, " angle"]:
    """Criterion of the printed search over the angle, `e1^H (Gamma + ridge)^-1 e1`.

    Args:
        network: analog combiner.
        signal: what the chains receive of the target; all that is orthogonal to it is the noise subspace.
        phase_steps_rad: phases between neighbouring antennas, one for each angle.

    Reference: li2024 eq. (45), eq. (48), eq. (49).
    """
    unit = signal / np.linalg.norm(signal)
    noise = np.eye(len(signal)) - np.outer(unit, unit.conj())
    seen = network @ noise @ network.conj().T
    antennas = np.arange(len(network))
    values = []
    for step_rad in phase_steps_rad:
        linear = np.exp(1j * step_rad * antennas)
        gamma = linear.conj()[:, None] * seen * linear
        values.append(np.linalg.inv(gamma + RIDGE * np.eye(len(gamma)))[0, 0].real)
    return np.array(values)


def printed_spread() -> float:
    """Relative spread of the printed criterion over all angles, in the setting of the figure and without noise."""
    scenario = scene("uplink")
    network = focused_network(scenario)
    array = scenario.stations["main"].transmit_array
    steps_rad = 2.0 * np.pi * array.spacing_wavelengths * np.sin(ANGLES_RAD)
    signal = network.conj().T @ double_array(scenario).receive.value[:, 0]
    values = printed_criterion(network, signal, steps_rad)
    return float(np.ptp(values) / np.mean(values))


def identifiability(direction: str) -> Identifiability:
    """What one station tells of the target at one frequency, under the design of the figure."""
    covariances = design(direction, LIT).covariances
    name = f"li2024-{direction}"

    def information(*overrides: str) -> Information:
        return Li2024(read_scenario(name, overrides=overrides)).link_map(direction).at(covariances)

    target = ["target_position[0]"]
    stated = information("sensing.snr=null")
    arrays = double_array(scene(direction))
    away = np.array([np.cos(arrays.angle_rad), np.sin(arrays.angle_rad)])
    variance_m2 = float(away @ stated.bound(target) @ away)
    return Identifiability(
        information().is_identifiable(target),
        information(*PLANE).is_identifiable(target),
        variance_m2**0.5 / arrays.range_m,
    )
