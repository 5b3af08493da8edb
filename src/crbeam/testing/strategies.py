"""Hypothesis strategies for scenarios, covariances, maps and priors.

Needs the package hypothesis. Every value is a function of one integer seed, so failures shrink to a seed.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from crbeam.information import InformationMap, Transmission
from crbeam.scenario import Scenario
from crbeam.testing.random_scenes import random_scenario
from crbeam.testing.random_worlds import ONE_BLOCK, random_map, random_transmission

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def generators() -> "SearchStrategy[np.random.Generator]":
    """Seeded random generators."""
    from hypothesis import strategies

    return strategies.integers(0, 2**32 - 1).map(np.random.default_rng)


def scenarios(*, n_targets: int | None = None, n_antennas: int | None = None) -> "SearchStrategy[Scenario]":
    """Scenarios as `random_scenario` draws them."""
    return generators().map(lambda rng: random_scenario(rng, n_targets=n_targets, n_antennas=n_antennas))


def transmissions(antennas: Mapping[str, int]) -> "SearchStrategy[Transmission]":
    """Complex positive-semidefinite covariances of random rank, at least 1, for each block."""

    def draw(rng: np.random.Generator) -> Transmission:
        return random_transmission(rng, antennas, rank=int(rng.integers(1, min(antennas.values()) + 1)))

    return generators().map(draw)


def information_maps(
    *, antennas: Mapping[str, int] = ONE_BLOCK, prior: float = 0.0
) -> "SearchStrategy[InformationMap]":
    """Maps without physics, as `random_map` draws them."""
    return generators().map(lambda rng: random_map(rng, antennas=antennas, prior=prior))
