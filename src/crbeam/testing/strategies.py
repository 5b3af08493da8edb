"""Hypothesis strategies for scenarios, covariances, maps and priors.

Needs the package hypothesis. Every value is a function of one integer seed, so failures shrink to a seed.
"""

from typing import TYPE_CHECKING

import numpy as np

from crbeam.information import InformationMap
from crbeam.scenario import Scenario
from crbeam.testing.random_scenes import random_scenario
from crbeam.testing.random_worlds import random_covariance, random_map

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def generators() -> "SearchStrategy[np.random.Generator]":
    """Seeded random generators."""
    from hypothesis import strategies

    return strategies.integers(0, 2**32 - 1).map(np.random.default_rng)


def scenarios(*, n_targets: int | None = None, n_antennas: int | None = None) -> "SearchStrategy[Scenario]":
    """Scenarios as `random_scenario` draws them."""
    return generators().map(lambda rng: random_scenario(rng, n_targets=n_targets, n_antennas=n_antennas))


def covariances(n_tx: int, *, n_blocks: int = 1) -> "SearchStrategy[np.ndarray]":
    """Stacks `[block, tx, tx]` of complex positive-semidefinite matrices of random rank, at least 1."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        return random_covariance(rng, n_tx, n_blocks=n_blocks, rank=int(rng.integers(1, n_tx + 1)))

    return generators().map(draw)


def information_maps(
    *, n_tx: int = 6, blocks: tuple[str, ...] = ("block",), prior: float = 0.0
) -> "SearchStrategy[InformationMap]":
    """Maps without physics, as `random_map` draws them."""
    return generators().map(lambda rng: random_map(rng, n_tx=n_tx, blocks=blocks, prior=prior))
