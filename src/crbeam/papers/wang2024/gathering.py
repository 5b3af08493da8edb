"""Measuring what the claims of wang2024 are judged on."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from crbeam.design.methods import method_named
from crbeam.errors import CrbeamError
from crbeam.papers.runs import PaperRun
from crbeam.papers.wang2024.drops import BUDGET_M, EXACT, K_MEANS, LINKAGE, selection_drops
from crbeam.papers.wang2024.estimates import estimates
from crbeam.papers.wang2024.measurements import Approximation, Groups, Measurements, Rules
from crbeam.papers.wang2024.places import place_errors
from crbeam.papers.wang2024.rules import SHOWN_RULES, chosen_within, values_by_size
from crbeam.papers.wang2024.scenes import (
    CORRECTED,
    COSINE,
    DROPS,
    GROUPS,
    POSITIONED,
    PRINTED,
    READINGS,
    SINC,
    can_be_served,
    group_value,
    scene,
    with_rate,
)
from crbeam.systems import design_problem

#: Rates at which it is decided whether a drop can be served.
TESTED_RATES, TESTED_COUNTS = (1.0, 2.0, 4.0, 7.4), (5, 10)
#: Rate beside which effects of antennas are measured; drops of a quick and of a full run.
ANTENNA_RATE, ANTENNA_DROPS = 0.5, (10, 60)
TRANSMIT_ANTENNAS, RECEIVE_ANTENNAS = (10, 20), (2, 4, 12)
BUDGETS_M = (100.0, 200.0)
#: Receivers, rate and drops in which successive approximation is compared.
SCA_RECEIVERS, SCA_RATE, SCA_DROPS = 4, 2.0, (3, 12)


def gather(run: PaperRun) -> Measurements:
    """All numbers that the claims are judged on; the study comes first, as it says how long it will take."""
    run.report(f"expected: about {'20 minutes on two cores' if run.full else '5 minutes'}, figures included")
    run.report("claims: rules of selection against the optimum in random drops")
    drops = selection_drops(run)
    run.report("claims: bounds of groups of receivers, antennas")
    measured_groups = groups(full=run.full)
    run.report("claims: budgets, sizes, pulses")
    count = DROPS[int(run.full)]
    budgets = {
        (rule, budget): _by_budget(rule, budget, count) for rule in (*SHOWN_RULES, EXACT) for budget in BUDGETS_M
    }
    messages = {(rule, BUDGET_M): _message_power(rule, DROPS[0]) for rule in (LINKAGE, K_MEANS)}
    sizes = {
        reading: {
            (rule, pulse): _by_size(rule, reading, pulse, count) for rule in SHOWN_RULES for pulse in (COSINE, SINC)
        }
        for reading in (PRINTED, CORRECTED)
    }
    rules = Rules(drops, budgets, messages, sizes[PRINTED], sizes[CORRECTED])
    run.report("claims: successive approximation against the global optimum")
    approximated = approximation(full=run.full)
    run.report("claims: localisation, from exact and from noisy observations")
    return Measurements(measured_groups, rules, approximated, place_errors(), estimates(full=run.full))


def groups(*, full: bool) -> Groups:
    """Bounds of groups of receivers in random drops."""
    count, fewer = DROPS[int(full)], ANTENNA_DROPS[int(full)]
    at_full_power = {
        (reading, group): np.array([group_value(group, reading, seed, 0.0) for seed in range(count)])
        for reading in READINGS
        for group in GROUPS
        if reading != POSITIONED or GROUPS[group] > 1
    }
    served = {
        (n_receivers, rate): float(np.mean([can_be_served(n_receivers, rate, seed) for seed in range(count)]))
        for n_receivers in TESTED_COUNTS
        for rate in TESTED_RATES
    }
    transmit = {(group, n): _with_transmit_antennas(group, n, fewer) for group in GROUPS for n in TRANSMIT_ANTENNAS}
    receive = {(group, n): _with_receive_antennas(group, n, fewer) for group in GROUPS for n in RECEIVE_ANTENNAS}
    return Groups(at_full_power, served, transmit, receive)


def antenna_override(count: int) -> str:
    """Another number of transmit antennas."""
    return f"stations.transmitter.transmit_array.elements={count}"


def _with_transmit_antennas(group: str, antennas: int, count: int) -> Float[np.ndarray, " drop"]:
    change = antenna_override(antennas)
    return np.array([group_value(group, PRINTED, seed, ANTENNA_RATE, change) for seed in range(count)])


def _with_receive_antennas(group: str, antennas: int, count: int) -> Float[np.ndarray, " drop"]:
    return np.array(
        [group_value(group, PRINTED, seed, ANTENNA_RATE, receive_antennas=antennas) for seed in range(count)]
    )


def _by_budget(rule: str, budget_m: float, count: int) -> Float[np.ndarray, " drop"]:
    chosen = [chosen_within(rule, budget_m, PRINTED, COSINE, seed) for seed in range(count)]
    return np.array([np.nan if each is None else each[1] for each in chosen])


def _by_size(rule: str, reading: str, pulse: str, count: int) -> Float[np.ndarray, "drop size"]:
    return np.stack([values_by_size(rule, reading, pulse, seed) for seed in range(count)])


@lru_cache(maxsize=8)
def _message_power(rule: str, count: int) -> Float[np.ndarray, " drop"]:
    """Share of the power in messages under the best beams for the choice of a rule; no number where infeasible."""
    found = []
    for seed in range(count):
        chosen = chosen_within(rule, BUDGET_M, CORRECTED, COSINE, seed)
        if chosen is None:
            found.append(np.nan)
            continue
        members = np.flatnonzero(chosen[0]).tolist()
        scenario = with_rate(scene(CORRECTED, f"receivers.selected={members}", seed=seed), ANTENNA_RATE)
        try:
            design = method_named("lifted-sdp").solve(design_problem(scenario, method=None))
        except CrbeamError:
            found.append(np.nan)
            continue
        sensing_w = design.stream_covariances["sensing"].power_w
        found.append(1.0 - sensing_w / design.power_w)
    return np.array(found)


@lru_cache(maxsize=2)
def approximation(*, full: bool) -> Approximation:
    """The paper's algorithm made valid against the global optimum, in drops that can be served."""
    losses, gaps, seed = [], [], 0
    while len(losses) < SCA_DROPS[int(full)]:
        overrides = (f"receivers.count={SCA_RECEIVERS}", f"receivers.minimum_rate={SCA_RATE}", "receivers.selected=[0]")
        problem = design_problem(scene(CORRECTED, *overrides, seed=seed))
        seed += 1
        try:
            best, found = (method_named(name).solve(problem) for name in ("lifted-sdp", "lifted-sca"))
        except CrbeamError:
            continue
        assert best.gap is not None
        losses.append(1.0 - best.objective / found.objective)
        gaps.append(best.gap)
    return Approximation(np.array(losses), np.array(gaps))
