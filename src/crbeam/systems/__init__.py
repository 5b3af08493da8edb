"""The published systems: the only place where a scenario becomes information maps and design problems."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design import Design, DesignMethod, DesignProblem, isotropic_covariances
from crbeam.errors import InvalidInput
from crbeam.estimation.link_model import LinkModel
from crbeam.information import Information, InformationMap
from crbeam.propagation import Paths
from crbeam.scenario import Scenario
from crbeam.systems import hamrouni2026, li2024, wang2024, xu2023, zhang2025
from crbeam.systems.bandwidth_limits import bandwidth_cautions
from crbeam.systems.service import Service
from crbeam.systems.unused_keys import unused_cautions

_SYSTEMS = {
    "zhang2025": zhang2025,
    "hamrouni2026": hamrouni2026,
    "li2024": li2024,
    "wang2024": wang2024,
    "xu2023": xu2023,
}


def paths_of(scenario: Scenario) -> dict[str, Paths]:
    """Paths of every link of a scenario, by link name."""
    return _SYSTEMS[scenario.system].paths_of(scenario)


def link_maps(scenario: Scenario) -> dict[str, InformationMap]:
    """Information about the state for every link of a scenario and for the links together, by name."""
    return _SYSTEMS[scenario.system].link_maps(scenario)


def link_map(scenario: Scenario, link: str) -> InformationMap:
    """Information about the state for one link of a scenario, or for all together (`fused`).

    Raises:
        InvalidInput: there is no such link.
    """
    return _SYSTEMS[scenario.system].link_map(scenario, link)


def link_models(scenario: Scenario, beams: Mapping[str, Complex[np.ndarray, "tx beam"]]) -> dict[str, LinkModel]:
    """What the receiver of every link knows of it: arrays, waveform, noise, beams, but no path."""
    return _SYSTEMS[scenario.system].link_models(scenario, beams)


def joint_links(scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """The models of `link_models` that are observed together, by the name of the information map they belong to."""
    return _SYSTEMS[scenario.system].joint_links(scenario)


def true_state(scenario: Scenario) -> dict[str, Float[np.ndarray, "..."]]:
    """True value of every state parameter of a scenario."""
    return _SYSTEMS[scenario.system].true_state(scenario)


def design_problem(
    scenario: Scenario, *, weight: float | None = None, method: DesignMethod | None = None
) -> DesignProblem:
    """The design problem of a scenario, with the constraints that a method is made for.

    Args:
        scenario: the world.
        weight: weight of bistatic positioning, between 0 and 1; None is the system's default.
        method: adds those constraints in `method.uses` that the scenario does not have already, and says in
            `method.judged_by` what observations count; without a method any covariance within the budget is allowed,
            and each link counts by itself.

    Raises:
        InvalidInput: the system does not judge designs in this way, or has no such constraint.
    """
    system = _SYSTEMS[scenario.system]
    judged_by = "links" if method is None else method.judged_by
    problem = system.design_problem(scenario, weight=weight, judged_by=judged_by)
    carried = {type(part) for part in problem.constraints}
    try:
        extra = [system.constraint(scenario, kind) for kind in (method.uses - carried if method is not None else ())]
    except InvalidInput as error:
        key = "this method" if method is None else method.key
        raise InvalidInput(
            f"{key} does not apply here: {error} `crbeam methods SCENARIO` lists the methods that do."
        ) from None
    return problem.with_constraints(*extra) if extra else problem


def design_problems(
    scenario: Scenario, weights: Sequence[float], *, method: DesignMethod | None = None
) -> list[DesignProblem]:
    """The design problems of a scenario at several weights of bistatic positioning; they share their maps.

    For a method that is judged by one link or stage alone weights make no difference; a system without weights takes
    one, whatever it is.
    """
    outside = [f"{float(weight)!r}" for weight in weights if not 0.0 <= weight <= 1.0]
    if outside or not len(weights):
        raise InvalidInput(
            f"There must be weights of bistatic positioning, all between 0 and 1, found {', '.join(outside) or 'none'}."
        )
    weighs = len(weights) > 1 or getattr(_SYSTEMS[scenario.system], "HAS_WEIGHTS", True)
    first = design_problem(scenario, weight=weights[0] if weighs else None, method=method)
    if len(first.criteria) == 1 or not weighs:
        return [first for _ in weights]
    return [first.with_criterion_weights(weight, 1.0 - weight) for weight in weights]


def default_method(scenario: Scenario) -> str:
    """Key of the method that designs a scenario unless another is named."""
    system = _SYSTEMS[scenario.system]
    chosen = getattr(system, "default_method", None)
    return getattr(system, "DEFAULT_METHOD", "fdb-wcrb") if chosen is None else chosen(scenario)


def settled(scenario: Scenario, design: Design) -> Scenario:
    """The scenario with what a design chose of it, such as the receivers that sense; else the scenario itself."""
    found = getattr(_SYSTEMS[scenario.system], "settled", None)
    return scenario if found is None else found(scenario, design)


def served_sinr(scenario: Scenario, design: Design) -> dict[str, float]:
    """Signal-to-interference-and-noise ratio of each served user under a design, by name; empty without users."""
    served = getattr(_SYSTEMS[scenario.system], "served_sinr", None)
    return {} if served is None else served(scenario, design)


def service(scenario: Scenario, design: Design | None = None) -> Service:
    """Where served users are, and under a design who serves them and who listens; empty in a system without users."""
    found = getattr(_SYSTEMS[scenario.system], "service", None)
    return Service() if found is None else found(scenario, design)


def scene_cautions(scenario: Scenario) -> list[str]:
    """Sentences on where a scene passes the limits of what its bounds tell, whatever is transmitted."""
    found = getattr(_SYSTEMS[scenario.system], "scene_cautions", None)
    own = [] if found is None else found(scenario)
    return [*own, *bandwidth_cautions(scenario), *unused_cautions(scenario)]


def cautions(scenario: Scenario, design: Design) -> list[str]:
    """Sentences on what the bounds of a scene and of a design do not tell, and the user should know."""
    found = getattr(_SYSTEMS[scenario.system], "cautions", None)
    return [*scene_cautions(scenario), *([] if found is None else found(scenario, design))]


def polar_targets(scenario: Scenario) -> dict[str, tuple[float, float]]:
    """Direction in rad and distance in m of targets that a system sees in polar coordinates, by position parameter."""
    found = getattr(_SYSTEMS[scenario.system], "polar_targets", None)
    return {} if found is None else found(scenario)


def speeds_mps(scenario: Scenario, information: Information) -> dict[str, float | None]:
    """Root bounds of what an information that leaves the user's velocity open tells of it, by quantity."""
    found = getattr(_SYSTEMS[scenario.system], "speeds_mps", None)
    return {} if found is None else found(scenario, information)


def station_of_block(block: str) -> str:
    """Name of the station that transmits a block: the block is named after it, a stage or slot behind a slash."""
    return block.partition("/")[0]


def block_sets(scenario: Scenario) -> tuple[tuple[str, ...], ...]:
    """The sets of blocks that a transmission of a scenario may consist of, the usual one first."""
    return _SYSTEMS[scenario.system].block_sets(scenario)


def isotropic_transmission(scenario: Scenario) -> dict[str, Complex[np.ndarray, "tx tx"]]:
    """Covariance of each block of a scenario when every station transmits isotropically at full power.

    Watt per subcarrier, summed over slots.
    """
    blocks = block_sets(scenario)[0]
    budgets = [part for part in _SYSTEMS[scenario.system].power_budgets(scenario) if set(part.blocks) & set(blocks)]
    n_tx = scenario.stations[station_of_block(blocks[0])].transmit_array.elements
    return dict(zip(blocks, isotropic_covariances(blocks, n_tx, budgets), strict=True))


def covariances_of_blocks(
    scenario: Scenario, covariances: Complex[np.ndarray, "block tx tx"], blocks: Sequence[str] | None = None
) -> dict[str, Complex[np.ndarray, "tx tx"]]:
    """Covariance of every block that a transmission determines, by name.

    Args:
        scenario: the world.
        covariances: the stack.
        blocks: names of its blocks, one of `block_sets`; by default the first of these with so many blocks.

    Raises:
        InvalidInput: the scenario has no such blocks.
    """
    sets = block_sets(scenario)
    chosen = next((each for each in sets if len(each) == len(covariances)), None) if blocks is None else tuple(blocks)
    if chosen not in sets or len(chosen) != len(covariances):
        allowed = " or ".join(", ".join(each) for each in sets)
        raise InvalidInput(
            f"A transmission must consist of the blocks {allowed}, found {len(covariances)} covariances"
            f"{'' if blocks is None else ' of ' + ', '.join(blocks)}."
        )
    return _SYSTEMS[scenario.system].completed(scenario, dict(zip(chosen, covariances, strict=True)))


__all__ = [
    "Service",
    "block_sets",
    "cautions",
    "covariances_of_blocks",
    "default_method",
    "design_problem",
    "design_problems",
    "isotropic_transmission",
    "joint_links",
    "link_map",
    "link_maps",
    "link_models",
    "paths_of",
    "polar_targets",
    "scene_cautions",
    "served_sinr",
    "service",
    "settled",
    "speeds_mps",
    "station_of_block",
    "true_state",
]
