"""Matched filters of delay and Doppler shift, and positions from them, over the power budget.

Reference: wang2024 Fig. 7.
"""

import os
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from crbeam.evaluation import TrialPlan, check_estimator
from crbeam.evaluation.estimator_check import LinkCheck
from crbeam.information import Transmission
from crbeam.papers.wang2024.measurements import Estimates
from crbeam.papers.wang2024.scenes import (
    BI,
    GROUPS,
    MONO,
    PRINTED,
    SMOOTH,
    TWO,
    by_distance,
    full_power,
    group_scene,
    without_rates,
)
from crbeam.scenario import Scenario
from crbeam.systems import link_map
from crbeam.units import watt_to_dbm

NOISE_SEED, SCENE_SEED = 20250101, 0
#: Below the power budget of the paper, in dB, at which trials are made.
OFFSETS_DB = (-66.0, -60.0, -54.0, -48.0, -36.0, -24.0, -12.0, 0.0)
QUICK_TRIALS, FULL_TRIALS = 40, 400
THREE = "three receivers"
#: Who is compared: the same numbers of receivers as in the figure.
COMPARED = (MONO, BI, TWO, THREE)
FUSED = "fused"


def scene_of(group: str, reading: str = "position") -> Scenario:
    """The drop in which estimates are made, without rates: all power goes to the target, and all streams are known."""
    overrides = [f"multistatic.pulse={SMOOTH}"]
    if group in GROUPS:
        return without_rates(group_scene(group, reading, *overrides, seed=SCENE_SEED))
    nearest = sorted(by_distance(group_scene(BI, reading, seed=SCENE_SEED))[:3])
    scenario = without_rates(group_scene(BI, reading, *overrides, seed=SCENE_SEED))
    assert scenario.receivers is not None
    return scenario.model_copy(update={"receivers": scenario.receivers.model_copy(update={"selected": tuple(nearest)})})


def links_of(group: str) -> tuple[str, ...]:
    """The one receiver, or all that sense together."""
    if group == MONO:
        return ("monostatic",)
    return (f"receiver{by_distance(scene_of(BI))[0]}",) if group == BI else (FUSED,)


@lru_cache(maxsize=2)
def estimates(*, full: bool) -> Estimates:
    """All comparisons."""
    trials, workers = (FULL_TRIALS, os.cpu_count() or 1) if full else (QUICK_TRIALS, 1)
    checks: dict[str, dict[str, LinkCheck]] = {}
    powers_dbm: dict[str, Float[np.ndarray, " point"]] = {}
    printed: dict[str, Float[np.ndarray, " point"]] = {}
    for group in COMPARED:
        scenario, (link,) = scene_of(group), links_of(group)
        covariances = full_power(scenario)
        own_db = check_estimator(scenario, covariances, plan=TrialPlan(("own",), 2, NOISE_SEED), links=[link])
        level_db = own_db.links[link].own_snr_db
        levels = tuple(level_db + offset for offset in OFFSETS_DB)
        plan = TrialPlan(levels, trials, NOISE_SEED, workers)
        checks[group] = dict(check_estimator(scenario, covariances, plan=plan, links=[link]).links)
        budget_dbm = float(watt_to_dbm(scenario.power_per_subcarrier_w("transmitter")))
        powers_dbm[group] = np.array([budget_dbm + point.snr_db - level_db for point in checks[group][link].points])
        if link != FUSED:
            printed[group] = _printed_doppler_hz(group, link, covariances, powers_dbm[group] - budget_dbm)
    return Estimates(NOISE_SEED, checks, powers_dbm, printed)


def _printed_doppler_hz(
    group: str, link: str, covariances: Transmission, offsets_db: np.ndarray
) -> Float[np.ndarray, " point"]:
    """Root of the Doppler bound of one receiver as printed, at powers relative to the budget."""
    scenario = scene_of(group, PRINTED)
    information = link_map(scenario, link).at(covariances)
    bound = information.bound([f"{link}/doppler"])
    return np.sqrt(float(bound[0, 0])) * 10.0 ** (-offsets_db / 20.0)
