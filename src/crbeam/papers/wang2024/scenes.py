"""Scenes of wang2024, section VI-A: who senses, under which formulas, and what their bounds are at full power.

The paper gives the places of none of its receivers. They are drawn by its law, uniformly in distance from 1 m to 100 m
and in direction about the transmitter; a drop is such a draw, named by the scenario's seed.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from crbeam.communication.least_power import least_power
from crbeam.design.methods import method_named
from crbeam.design.service_constraints import MinimumSinr
from crbeam.errors import Infeasible, Unidentifiable
from crbeam.information import Information, Transmission
from crbeam.information.delay_doppler import normalised_trace, printed_trace
from crbeam.scenario import Scenario, read_scenario
from crbeam.systems.receivers import multistatic_of, pulse_train, receiver_positions_m
from crbeam.systems.wang2024 import POSITION, Wang2024

PRINTED, CORRECTED, POSITIONED = "as printed", "corrected", "position"
COSINE, SINC, SMOOTH = "cosine", "sinc", "sine_squared"
#: Readings of the paper's metric: U as printed, with mixed units; U corrected, in symbol durations; position in m^2.
READINGS: Mapping[str, tuple[str, ...]] = {
    PRINTED: ("multistatic.metric=shared", "multistatic.formulas=as_printed"),
    CORRECTED: ("multistatic.metric=shared", "multistatic.formulas=corrected"),
    POSITIONED: ("multistatic.metric=position",),
}
MONO, BI, TWO, FIVE = "monostatic", "one receiver", "two receivers", "five receivers"
#: Number of receivers that sense, the nearest ones to the target; monostatic sensing has none but the transmitter.
GROUPS: Mapping[str, int] = {MONO: 0, BI: 1, TWO: 2, FIVE: 5}
N_RECEIVERS, RECEIVE_ANTENNAS = 10, 2
#: Drops of quick and of full runs.
DROPS = (20, 200)


def scene(reading: str, *overrides: str, seed: int = 0, pulse: str = COSINE) -> Scenario:
    """A drop under one reading of the metric."""
    return read_scenario(
        "wang2024", overrides=[*READINGS[reading], f"multistatic.pulse={pulse}", *overrides], seed=seed
    )


def by_distance(scenario: Scenario) -> list[int]:
    """Numbers of the receivers, the nearest to the target first."""
    away_m = receiver_positions_m(scenario) - np.array(scenario.targets.positions_m[0])
    return np.argsort(np.hypot(*away_m.T), kind="stable").tolist()


def group_scene(
    group: str, reading: str, *overrides: str, seed: int = 0, receive_antennas: int = RECEIVE_ANTENNAS
) -> Scenario:
    """A drop in which one group senses.

    Without a cost the receivers nearest to the target are the best of their number. The transmitter listens with as
    many antennas as a receiver has.

    Reference: wang2024 Fig. 2.
    """
    size = GROUPS[group]
    chosen = sorted(by_distance(scene(reading, *overrides, seed=seed))[:size])
    array = f"{{elements: {receive_antennas}, spacing: 0.5, axis: y, reference: first}}"
    mono = ["links.monostatic={transmitter: transmitter, receiver: transmitter}"] if not size else []
    return scene(
        reading,
        f"receivers.array={array}",
        f"stations.transmitter.receive_array={array}",
        f"receivers.selected={chosen}",
        *mono,
        *overrides,
        seed=seed,
    )


def full_power_value(scenario: Scenario) -> float:
    """The metric with all power on the target; every bound is this over the share of power that is left for it."""
    return value_under(scenario, full_power(scenario))


def full_power(scenario: Scenario) -> Transmission:
    """One beam onto the target at full power."""
    beam = Wang2024(scenario).transmit_directions()
    power_w = scenario.power_per_subcarrier_w("transmitter")
    return Transmission.of_factors(tuple(scenario.stations), [np.sqrt(power_w) * beam / np.linalg.norm(beam)])


def value_under(scenario: Scenario, sent: Transmission) -> float:
    """The metric of the receivers that sense under a transmission: U with its units, or the squared position bound.

    Raises:
        Unidentifiable: they do not locate the target.
    """
    told = told_by_each(scenario, sent)
    first, *others = Wang2024(scenario).sensing_links()
    information = sum((told[link] for link in others), told[first])
    return metric_of(scenario, information)


def told_by_each(scenario: Scenario, sent: Transmission) -> dict[str, Information]:
    """What every listener tells by itself about what all have in common."""
    system = Wang2024(scenario)
    return {link: system.common_map(link).at(sent) for link in system.listeners()}


def metric_of(scenario: Scenario, information: Information) -> float:
    """The metric of a scenario from information about what all receivers have in common."""
    duration_s = pulse_train(scenario).symbol_duration_s
    if POSITION in information.layout:
        return float(np.trace(information.bound([POSITION])))
    if multistatic_of(scenario).formulas == "as_printed":
        return printed_trace(information, duration_s)
    return normalised_trace(information, duration_s)


def without_rates(scenario: Scenario) -> Scenario:
    """The same scene in which nobody asks for a rate."""
    return _with_receivers(scenario, minimum_rate=0.0)


def with_rate(scenario: Scenario, rate_bps_hz: float) -> Scenario:
    """The same scene in which every receiver asks for a rate."""
    return _with_receivers(scenario, minimum_rate=rate_bps_hz)


def _with_receivers(scenario: Scenario, **changes: float) -> Scenario:
    assert scenario.receivers is not None
    return scenario.model_copy(update={"receivers": scenario.receivers.model_copy(update=changes)})


def lit_share(scenario: Scenario, *, method: str = "lifted-sdp") -> float:
    """Share of the power on the target beside the rates, of all that is possible without them.

    Raises:
        Infeasible: the rates cannot be met.
    """
    problem = Wang2024(scenario).design_problem(judged_by="receiver0")
    ((block, covariance),) = method_named(method).solve(problem).covariances.items()
    beam = problem.directions[block][:, 0]
    unit = beam / np.linalg.norm(beam)
    return float(np.real(unit.conj() @ covariance @ unit)) / scenario.power_per_subcarrier_w("transmitter")


@lru_cache(maxsize=4096)
def group_share(
    group: str, seed: int, rate_bps_hz: float, *overrides: str, receive_antennas: int = RECEIVE_ANTENNAS
) -> float:
    """Share of the power on the target that a group leaves beside the rates; not a number where they are infeasible."""
    if rate_bps_hz == 0.0:
        return 1.0
    scenario = group_scene(group, CORRECTED, *overrides, seed=seed, receive_antennas=receive_antennas)
    try:
        return lit_share(with_rate(scenario, rate_bps_hz))
    except Infeasible:
        return np.nan


@lru_cache(maxsize=4096)
def group_value(
    group: str,
    reading: str,
    seed: int,
    rate_bps_hz: float,
    *overrides: str,
    receive_antennas: int = RECEIVE_ANTENNAS,
) -> float:
    """The metric of a group with its best beams; infinite where it does not locate, no number where infeasible."""
    scenario = group_scene(group, reading, *overrides, seed=seed, receive_antennas=receive_antennas)
    try:
        value = full_power_value(scenario)
    except Unidentifiable:
        return np.inf
    return value / group_share(group, seed, rate_bps_hz, *overrides, receive_antennas=receive_antennas)


def can_be_served(n_receivers: int, rate_bps_hz: float, seed: int) -> bool:
    """Whether all receivers of a drop can have a rate in lines of sight; decided exactly."""
    scenario = scene(CORRECTED, f"receivers.count={n_receivers}", f"receivers.minimum_rate={rate_bps_hz}", seed=seed)
    served = [part for part in Wang2024(scenario).rate_constraints() if isinstance(part, MinimumSinr)]
    vectors = [next(iter(part.channels.values())).conj() / np.sqrt(part.noise_power_w) for part in served]
    ratios = np.array([part.minimum_sinr for part in served])
    budget_w = scenario.power_per_subcarrier_w("transmitter")
    return least_power(np.stack(vectors, axis=1), ratios, 1.0, budget_w=budget_w).power_w <= budget_w
