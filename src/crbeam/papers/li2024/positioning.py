"""Estimates of the target's place under designs that serve users as in section V-D of li2024.

Both directions have sub-arrays of four antennas, four users at 10 dB and one channel realisation. The phases of the
sub-arrays focus on the target; with them the digital part is a global optimum.
"""

import os
from functools import lru_cache

import numpy as np
from jaxtyping import Complex

from crbeam.design import Design
from crbeam.design.methods import method_named
from crbeam.evaluation import Estimator, TrialPlan, check_estimator
from crbeam.evaluation.estimator_check import LinkCheck
from crbeam.papers.li2024.measurements import AS_DESIGNED, DIRECTIONS, JOINT, LIT, MUSIC, TWO_STAGE, CheckKey
from crbeam.scenario import Scenario, read_scenario
from crbeam.systems.double_array import double_array
from crbeam.systems.li2024 import Li2024, with_illumination

#: Of the channel realisation, one in which users can be served through the sub-arrays; and of the noise.
CHANNEL_SEED, NOISE_SEED = 2, 20250101
#: Antennas of each receive or transmit chain.
SUBARRAY = 4
#: What is compared: direction, illumination of the target, method.
CHECKS: tuple[CheckKey, ...] = (
    ("downlink", AS_DESIGNED, TWO_STAGE),
    ("downlink", LIT, TWO_STAGE),
    ("downlink", LIT, JOINT),
    ("uplink", LIT, TWO_STAGE),
    ("uplink", LIT, MUSIC),
    ("uplink", LIT, JOINT),
)
SNR_DB = tuple(float(value) for value in range(-20, 21, 5))
QUICK_TRIALS, FULL_TRIALS = 80, 400


def scene(direction: str) -> Scenario:
    """Section V with 64 and 16 antennas and one realisation of users and scatterers."""
    if direction not in DIRECTIONS:
        raise KeyError(direction)
    return read_scenario(f"li2024-{direction}", seed=CHANNEL_SEED)


def focused_network(scenario: Scenario) -> Complex[np.ndarray, "antenna chain"]:
    """Analog network of the main array: each chain feeds four antennas, whose phases focus on the target.

    Reference: li2024 eq. (1).
    """
    arrays = double_array(scenario)
    sends = len(arrays.transmit.value) > len(arrays.receive.value)
    focus = (arrays.transmit.value.conj() if sends else arrays.receive.value)[:, 0]
    antennas = np.arange(len(focus))
    network = np.zeros((len(focus), len(focus) // SUBARRAY), dtype=complex)
    network[antennas, antennas // SUBARRAY] = focus / np.sqrt(SUBARRAY)
    return network


@lru_cache(maxsize=8)
def design(direction: str, light: str) -> Design:
    """Digital optimum behind the focused sub-arrays, with or without a floor on the illumination of the target."""
    scenario = scene(direction)
    lit = with_illumination(scenario) if light == LIT else scenario
    return method_named("digital").solve(Li2024(lit).problem_with(network=focused_network(scenario)))


@lru_cache(maxsize=2)
def checks(*, full: bool) -> dict[CheckKey, LinkCheck]:
    """Errors against bounds of everything that is compared."""
    trials, workers = (FULL_TRIALS, os.cpu_count() or 1) if full else (QUICK_TRIALS, 1)
    plan = TrialPlan(SNR_DB, trials, NOISE_SEED, workers)
    return {key: _check(key, plan) for key in CHECKS}


def _check(key: CheckKey, plan: TrialPlan) -> LinkCheck:
    direction, light, method = key
    scenario = scene(direction)
    result = check_estimator(
        scenario,
        design(direction, light).covariances,
        plan=plan,
        estimator=Estimator(method),
        networks={direction: focused_network(scenario)} if direction == "uplink" else {},
    )
    return result.links[direction]
