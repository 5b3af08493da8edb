"""Random covariances, maps, priors and problems, each drawn from a generator that the caller seeds."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design import Criterion, DesignProblem, PowerBudget
from crbeam.information import Contribution, Information, InformationMap, ParameterLayout, Transmission
from crbeam.scenario import Scenario
from crbeam.systems import design_problem, link_maps
from crbeam.testing.random_scenes import link_names, random_scenario, station_name

#: Parameters of random maps, with their numbers of components.
RANDOM_SIZES = {"position": 2, "clock": 1, "gain": 2}
#: Blocks of random maps.
ONE_BLOCK = {"block": 6}


def random_covariance(
    rng: np.random.Generator, n_tx: int, *, rank: int | None = None, power_w: float = 1.0
) -> Complex[np.ndarray, "tx tx"]:
    """Random complex, non-isotropic, positive-semidefinite matrix of trace `power_w`."""
    rank = n_tx if rank is None else rank
    beams = np.exp(rng.uniform(-1.5, 1.5, (1, rank))) * _random_complex(rng, n_tx, rank)
    covariance = beams @ beams.conj().T
    return power_w * covariance / np.trace(covariance).real


def random_transmission(
    rng: np.random.Generator, antennas: Mapping[str, int], *, rank: int | None = None, power_w: float = 1.0
) -> Transmission:
    """A random covariance for each block, of the power `power_w`."""
    return Transmission(
        {block: random_covariance(rng, size, rank=rank, power_w=power_w) for block, size in antennas.items()}
    )


def _random_complex(rng: np.random.Generator, *shape: int) -> Complex[np.ndarray, "..."]:
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def random_map(
    rng: np.random.Generator,
    *,
    antennas: Mapping[str, int] = ONE_BLOCK,
    n_rx: int = 4,
    prior: float = 0.0,
    sizes: Mapping[str, int] = RANDOM_SIZES,
) -> InformationMap:
    """Random information map without any physics: one contribution for each block, complex in every part.

    Args:
        rng: source of all randomness.
        antennas: number of transmit antennas of each block.
        n_rx: receive antennas.
        prior: strength of a random constant term; 0 for none.
        sizes: parameters and their numbers of components.
    """
    layout = ParameterLayout.of(sizes)
    n_terms = layout.size + 2
    parts = []
    for block, n_tx in antennas.items():
        functions = _random_complex(rng, 2 * n_terms, n_terms)
        parts.append(
            Contribution(
                block=block,
                transmit=_random_complex(rng, n_tx, n_terms),
                receive=_random_complex(rng, n_rx, n_terms),
                gram=functions.conj().T @ functions,
                jacobian=rng.standard_normal((n_terms, layout.size)),
            )
        )
    constant = random_prior(rng, layout, strength=prior).matrix
    return InformationMap(layout, tuple(parts), constant)


def random_prior(rng: np.random.Generator, layout: ParameterLayout, *, strength: float = 1.0) -> Information:
    """Random positive-semidefinite information about the parameters of a layout."""
    factor = rng.standard_normal((layout.size, layout.size))
    return Information(strength * factor @ factor.T, layout)


def position_prior(
    information: Information, names: tuple[str, ...], *, strength: float = 1.0
) -> Float[np.ndarray, "parameter parameter"]:
    """Prior about some parameters that is `strength` times what an information says about each component."""
    index = information.layout.indices(names)
    constant = np.zeros_like(information.matrix)
    constant[index, index] = strength / np.diagonal(information.bound(names))
    return constant


def random_problem(
    rng: np.random.Generator, *, scenario: Scenario | None = None, weight: float | None = None
) -> DesignProblem:
    """Design problem of a (random) scenario with a weight of bistatic positioning between 0.05 and 0.95."""
    scenario = random_scenario(rng) if scenario is None else scenario
    return design_problem(scenario, weight=float(rng.uniform(0.05, 0.95)) if weight is None else weight)


def random_slot_covariances(rng: np.random.Generator, scenario: Scenario, *, rank: int | None = None) -> Transmission:
    """Random covariances of the slots of a scenario (`STATION/slot[l]`), each with its equal part of the power.

    Watt per subcarrier of every symbol in a slot. At rank 1 every slot has one beam of its own.
    """
    station, n_slots = station_name(scenario), scenario.waveform.slots
    size, power_w = scenario.stations[station].transmit_array.elements, scenario.power_per_subcarrier_w(station)
    slots = {f"{station}/slot[{slot}]": size for slot in range(n_slots)}
    return random_transmission(rng, slots, rank=rank, power_w=power_w / n_slots)


def with_position_prior(problem: DesignProblem, *, strength: float = 1.0) -> DesignProblem:
    """Same problem when every requested parameter is already known about as well as isotropic transmission tells."""
    criteria = []
    for criterion in problem.criteria:
        if not criterion.requested:
            criteria.append(criterion)
            continue
        information = criterion.map.at(problem.isotropic())
        constant = position_prior(information, criterion.requested, strength=strength)
        prior = Information(constant, information.layout).as_prior()
        criteria.append(replace(criterion, map=criterion.map + prior))
    return replace(problem, criteria=tuple(criteria))


def two_stage_problem(scenario: Scenario, *, weight: float = 0.5) -> DesignProblem:
    """Problem with two blocks: the links of a scenario observed in two stages with covariances of their own.

    The stages share user and target positions; the first hears the station's echoes, the second the user. One power
    budget is shared by both.
    """
    maps, (to_user, back) = link_maps(scenario), link_names(scenario)
    station = station_name(scenario)
    first = maps[back].renamed_blocks({station: "first"})
    second = maps[to_user].renamed_blocks({station: "second"})
    targets = first.layout.family("target_position")
    power_w = scenario.power_per_subcarrier_w(station)
    return DesignProblem(
        (
            Criterion(first + second, {"user_position": 1.0}, "both", weight),
            Criterion(first, dict.fromkeys(("user_position", *targets), 1.0), "first", 1.0 - weight),
        ),
        (PowerBudget(("first", "second"), power_w),),
    )
