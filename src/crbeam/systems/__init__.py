"""The published systems: the only place where a scenario becomes information maps and design problems.

`system_of` gives the system of a scenario, an object that builds each map and problem once and keeps it. The functions
beside it ask one question of a scenario and keep nothing.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from crbeam.design import DesignMethod, DesignProblem
from crbeam.information import InformationMap, Transmission
from crbeam.propagation import Paths
from crbeam.scenario import Scenario
from crbeam.systems.antenna_limits import station_of_block
from crbeam.systems.hamrouni2026 import Hamrouni2026
from crbeam.systems.li2024 import Li2024
from crbeam.systems.service import Service
from crbeam.systems.system import System
from crbeam.systems.wang2024 import Wang2024
from crbeam.systems.xu2023 import Xu2023
from crbeam.systems.zhang2025 import Zhang2025

_SYSTEMS: dict[str, type[System]] = {
    "zhang2025": Zhang2025,
    "hamrouni2026": Hamrouni2026,
    "li2024": Li2024,
    "wang2024": Wang2024,
    "xu2023": Xu2023,
}

#: A scenario, or its system, which keeps what is built of it.
World = Scenario | System


def system_of(world: World) -> System:
    """The system of a scenario; a system is returned as it is, with what it has built already."""
    return world if isinstance(world, System) else _SYSTEMS[world.system](world)


def paths_of(scenario: Scenario) -> dict[str, Paths]:
    """Paths of every link of a scenario, by link name."""
    return system_of(scenario).paths()


def link_maps(scenario: Scenario) -> dict[str, InformationMap]:
    """Information about the state for every link of a scenario and for the links together, by name."""
    return system_of(scenario).link_maps()


def link_map(scenario: Scenario, link: str) -> InformationMap:
    """Information about the state for one link of a scenario, or for all together (`fused`).

    Raises:
        InvalidInput: there is no such link.
    """
    return system_of(scenario).link_map(link)


def true_state(scenario: Scenario) -> dict[str, Float[np.ndarray, "..."]]:
    """True value of every state parameter of a scenario."""
    return system_of(scenario).true_state()


def design_problem(
    scenario: Scenario, *, weight: float | None = None, method: DesignMethod | None = None
) -> DesignProblem:
    """The design problem of a scenario, with the constraints that a method is made for: `System.design_problem`."""
    return system_of(scenario).design_problem(weight=weight, method=method)


def design_problems(
    scenario: Scenario, weights: Sequence[float], *, method: DesignMethod | None = None
) -> list[DesignProblem]:
    """The design problems of a scenario at several weights of bistatic positioning: `System.design_problems`."""
    return system_of(scenario).design_problems(weights, method=method)


def isotropic_transmission(scenario: Scenario) -> Transmission:
    """Covariance of each block of a scenario when every station transmits isotropically at full power.

    Watt per subcarrier, summed over slots.
    """
    return system_of(scenario).isotropic_transmission()


__all__ = [
    "Service",
    "System",
    "World",
    "design_problem",
    "design_problems",
    "isotropic_transmission",
    "link_map",
    "link_maps",
    "paths_of",
    "station_of_block",
    "system_of",
    "true_state",
]
