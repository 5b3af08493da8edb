"""Trade-off curves of the schemes that zhang2025 compares, each computed once in a process."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from crbeam.design.methods import method_named
from crbeam.evaluation import TradeoffPoint, tradeoff
from crbeam.scenario import Scenario, read_scenario

#: Names of the compared methods by group: the nine of the paper, and `analog-wcrb`, which is ours.
SCHEMES: Mapping[str, tuple[str, ...]] = {
    "digital FDB": ("fdb-wcrb", "fdb-wbf", "fdb-wcm"),
    "digital CPA": ("cpa-wcrb", "cpa-wbf", "cpa-wcm"),
    "analog FDB": ("analog-fdb", "analog-wcrb"),
    "analog CPA": ("analog-cpa",),
    "fusion": ("fusion",),
}

#: Numbers of targets that are compared.
N_TARGETS = (1, 2, 3)

#: Weights of bistatic positioning: those of quick curves, of quick curves of slow methods, of fine curves.
WEIGHTS = (0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.99)
FEW_WEIGHTS = (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)
FULL_WEIGHTS = tuple(float(weight) for weight in np.unique(np.concatenate([WEIGHTS, np.linspace(0.01, 0.99, 50)])))

#: Methods without a closed form or a convex program.
SLOW_METHODS = ("analog-fdb", "analog-wcrb")


def weights_for(method_name: str, *, full: bool = False) -> tuple[float, ...]:
    """Weights of a method's curve in a figure: more of them if it is to be fine, fewer if the method is slow."""
    if full:
        return FULL_WEIGHTS
    return FEW_WEIGHTS if method_name.partition(":")[0] in SLOW_METHODS else WEIGHTS


def scenario_with(n_targets: int, overrides: tuple[str, ...] = ()) -> Scenario:
    """Section VII-A with the first targets of its list.

    Args:
        n_targets: how many.
        overrides: further changes, `path=value`.
    """
    return read_scenario("zhang2025", overrides=[f"targets.count={n_targets}", *overrides])


@lru_cache(maxsize=512)
def curve(
    n_targets: int, method_name: str, weights: tuple[float, ...], overrides: tuple[str, ...] = ()
) -> tuple[TradeoffPoint, ...]:
    """Trade-off points of one method in section VII-A, one for each weight; kept for the next call.

    Args:
        n_targets: the first so many targets of the list.
        method_name: key, with options if wanted.
        weights: of bistatic positioning.
        overrides: further changes of the scenario, `path=value`.

    Raises:
        InvalidInput: there is no such method, or such a change does not fit the scenario.
    """
    return tuple(tradeoff(scenario_with(n_targets, overrides), [method_named(method_name)], weights))
