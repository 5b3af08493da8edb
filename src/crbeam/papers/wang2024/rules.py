"""What rules of selection choose in a drop, by prices and information at full power alone."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float

from crbeam.design.choices import Selection
from crbeam.design.search.rules import all_sets, k_means_groups, linkage_groups, nearest_sets
from crbeam.papers.wang2024.drops import EXACT, K_MEANS, LINKAGE, NEAREST
from crbeam.papers.wang2024.scenes import full_power, metric_of, scene, told_by_each
from crbeam.systems.wang2024 import selection_of

SHOWN_RULES = (LINKAGE, K_MEANS, NEAREST)


@lru_cache(maxsize=1024)
def alone_values(reading: str, pulse: str, seed: int) -> Float[np.ndarray, " receiver"]:
    """Metric of every receiver alone at full power; in the shared metric their inverses add up."""
    scenario = scene(reading, seed=seed, pulse=pulse)
    told = told_by_each(scenario, full_power(scenario))
    return np.array([metric_of(scenario, information) for information in told.values()])


@lru_cache(maxsize=1024)
def choice_of(seed: int) -> Selection:
    """Prices and places of a drop."""
    return selection_of(scene("corrected", seed=seed))


@lru_cache(maxsize=4096)
def candidate_sets(rule: str, seed: int) -> Bool[np.ndarray, "set receiver"]:
    """Sets that a rule looks at."""
    choice = choice_of(seed)
    assert choice.costs is not None, "receivers have places"
    match rule:
        case _ if rule == LINKAGE:
            return linkage_groups(choice.costs)
        case _ if rule == K_MEANS:
            assert choice.positions_m is not None
            return k_means_groups(choice.positions_m)
        case _ if rule == NEAREST:
            return nearest_sets(choice.costs)
        case _ if rule == EXACT:
            return all_sets(len(choice.names))
        case _:
            raise KeyError(rule)


def values_of(sets: Bool[np.ndarray, "set receiver"], reading: str, pulse: str, seed: int) -> Float[np.ndarray, " set"]:
    """Metric of sets at full power on the target."""
    return 1.0 / (sets @ (1.0 / alone_values(reading, pulse, seed)))


def chosen_within(
    rule: str, budget_m: float, reading: str, pulse: str, seed: int
) -> tuple[Bool[np.ndarray, " receiver"], float] | None:
    """The best candidate within a budget, with its metric; None if there is none."""
    choice, sets = choice_of(seed), candidate_sets(rule, seed)
    allowed = sets[replace(choice, budget_m=budget_m).allows(sets)]
    if not len(allowed):
        return None
    values = values_of(allowed, reading, pulse, seed)
    best = int(np.argmin(values))
    return allowed[best], float(values[best])


def values_by_size(rule: str, reading: str, pulse: str, seed: int) -> Float[np.ndarray, " size"]:
    """Metric of the best candidate with at most n members, n from 1 to all, without a budget."""
    sets = candidate_sets(rule, seed)
    values, sizes = values_of(sets, reading, pulse, seed), sets.sum(axis=1)
    return np.array([values[sizes <= size].min() for size in range(1, sets.shape[1] + 1)])
