"""Small random problems of every kind that a method may say it can do, for the conformance suite.

Plain scenes are in `conformance_problems`. Here are those with served users in the downlink and beside an uplink,
with and without hybrid arrays; rates in lines of sight and with scattered waves; receivers to select; networks whose
stations choose who listens and who serves whom; and tied blocks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from crbeam.design import Codebook, DesignMethod, DesignProblem, Hinge, TiedBlocks
from crbeam.errors import InvalidInput, InvalidScenario
from crbeam.scenario import Scenario, read_scenario
from crbeam.systems import design_problem
from crbeam.testing.random_scenes import random_scenario
from crbeam.testing.random_worlds import two_stage_problem

#: Antennas of the two arrays of a near-field scene, and antennas of a chain where one of them is hybrid.
MAIN_ANTENNAS, ASSISTING_ANTENNAS, CHAIN_ANTENNAS = 6, 4, 2
#: Scenes of each family, which differ in their number of users, receivers or requirements.
SCENES = 2

Family = Callable[[np.random.Generator, int], Scenario]


def family_problems(method: DesignMethod, *, seed: int = 2026) -> dict[str, list[DesignProblem]]:
    """Problems of each family with the constraints that a method is made for, whether or not it applies to them.

    Families that do not offer these constraints, or do not judge designs as the method does, are left out.
    """
    found: dict[str, list[DesignProblem]] = {}
    for name in FAMILIES:
        try:
            found[name] = [design_problem(scenario, method=method) for scenario in _scenes(name, seed)]
        except (InvalidInput, InvalidScenario):
            continue
    if method.judged_by == "links":
        found["tied blocks"] = tied_problems(method, np.random.default_rng([seed, len(FAMILIES)]))
    return found


@lru_cache(maxsize=64)
def _scenes(name: str, seed: int) -> tuple[Scenario, ...]:
    """The scenes of a family."""
    rng = np.random.default_rng([seed, list(FAMILIES).index(name)])
    return tuple(FAMILIES[name](rng, index) for index in range(SCENES))


def downlink_scene(rng: np.random.Generator, index: int) -> Scenario:
    """Two users of a near-field array that also lights a target; then one, and a floor on the illumination."""
    return _double_array("li2024-downlink", rng, users=2 - index, floor=0.2 * index)


def uplink_scene(rng: np.random.Generator, index: int) -> Scenario:
    """Users of a near-field array that hears the echo besides."""
    return _double_array("li2024-uplink", rng, users=2 - index)


def lit_uplink_scene(rng: np.random.Generator, index: int) -> Scenario:
    """The same with a floor on the illumination of the target."""
    return _double_array("li2024-uplink", rng, users=2 - index, floor=0.1)


def _double_array(preset: str, rng: np.random.Generator, *, users: int, floor: float = 0.0) -> Scenario:
    angle_rad, range_m = rng.uniform(-0.9, 0.9), rng.uniform(8.0, 15.0)
    overrides = [
        f"stations.main.transmit_array.elements={MAIN_ANTENNAS}",
        "stations.main.transmit_array.spacing=3",
        f"stations.assisting.transmit_array.elements={ASSISTING_ANTENNAS}",
        f"served_users.count={users}",
        f"served_users.minimum_sinr={rng.uniform(1.0, 3.0):.4f}",
        f"served_users.antennas_per_chain={CHAIN_ANTENNAS}",
        f"targets.positions=[[{range_m * np.cos(angle_rad):.6f} m, {range_m * np.sin(angle_rad):.6f} m]]",
        f"sensing.illumination={floor:g}",
    ]
    return _read(preset, overrides, rng)


def rates_scene(rng: np.random.Generator, index: int) -> Scenario:
    """Receivers of pulses with rates in lines of sight."""
    return _multistatic(rng, receivers=3 + index, rates=(2.0, 4.0))


def scattered_rates_scene(rng: np.random.Generator, index: int) -> Scenario:
    """Receivers of pulses with rates over channels of several streams."""
    more = ("receivers.rician_factor=3",)
    return _multistatic(rng, receivers=3 - index, rates=(6.0, 9.0), more=more)


def selection_scene(rng: np.random.Generator, index: int) -> Scenario:
    """Receivers of which some sense, within a budget of prices."""
    more = (f"receivers.cost_budget={rng.uniform(120.0, 180.0):.3f} m",)
    return _multistatic(rng, receivers=5 + index, more=more)


def shared_selection_scene(rng: np.random.Generator, index: int) -> Scenario:
    """The same where all receivers tell the same, more or less of it."""
    more = (f"receivers.cost_budget={rng.uniform(120.0, 180.0):.3f} m", "multistatic.metric=shared")
    return _multistatic(rng, receivers=5 + index, more=more)


def _multistatic(
    rng: np.random.Generator,
    *,
    receivers: int,
    rates: tuple[float, float] = (0.3, 1.0),
    more: Sequence[str] = (),
) -> Scenario:
    x_m, y_m = rng.uniform(-50.0, 50.0, 2)
    overrides = [
        "stations.transmitter.transmit_array.elements=8",
        f"receivers.count={receivers}",
        "receivers.distance=[20 m, 60 m]",
        f"receivers.minimum_rate={rng.uniform(*rates):.5f}",
        f"targets.positions=[[{x_m:.6f} m, {y_m:.6f} m]]",
        *more,
    ]
    return _read("wang2024", overrides, rng)


def network_scene(rng: np.random.Generator, index: int) -> Scenario:
    """Stations that choose who listens and who serves two users, or one, with the least power."""
    return _network(rng, users=2 - index, goal="network.target_error=2 m")


def accurate_network_scene(rng: np.random.Generator, index: int) -> Scenario:
    """The same with the least error within the powers of the stations."""
    return _network(rng, users=2 - index, goal="network.target_error=null")


def _network(rng: np.random.Generator, *, users: int, goal: str) -> Scenario:
    places = ", ".join(f"[{x:.4f} m, {y:.4f} m]" for x, y in rng.uniform(-80.0, 80.0, (users, 2)))
    x_m, y_m = rng.uniform(-50.0, 50.0, 2)
    antennas = [f"stations.bs{number}.transmit_array.elements=4" for number in range(1, 5)]
    overrides = [
        *antennas,
        f"network.user_positions=[{places}]",
        "network.minimum_sinr=3 dB",
        goal,
        f"targets.positions=[[{x_m:.4f} m, {y_m:.4f} m]]",
    ]
    return _read("xu2023", overrides, rng)


def _read(preset: str, overrides: Sequence[str], rng: np.random.Generator) -> Scenario:
    return read_scenario(preset, overrides=overrides, seed=int(rng.integers(2**31)))


FAMILIES: Mapping[str, Family] = {
    "users in the downlink": downlink_scene,
    "users in the uplink": uplink_scene,
    "users in the uplink, a lit target": lit_uplink_scene,
    "rates in lines of sight": rates_scene,
    "rates with scattered waves": scattered_rates_scene,
    "receivers to select": selection_scene,
    "receivers to select, shared unknowns": shared_selection_scene,
    "networks at least power": network_scene,
    "networks at least error": accurate_network_scene,
}


def tied_problems(method: DesignMethod, rng: np.random.Generator) -> list[DesignProblem]:
    """Two stages with one covariance, each with its codebook if a method asks for one; the last with thresholds."""
    problems = []
    for index in range(SCENES):
        scenario = random_scenario(rng, n_targets=1, n_antennas=6, subcarriers=16)
        problem = two_stage_problem(scenario)
        tie = TiedBlocks(problem.blocks)
        if Codebook in method.uses:
            words = rng.standard_normal((6, 10)) + 1j * rng.standard_normal((6, 10))
            books = [Codebook(block, words) for block in problem.blocks]
            problem = problem.with_constraints(*books)
        problem = problem.with_constraints(tie)
        problems.append(replace(problem, objective=Hinge()) if index == SCENES - 1 else problem)
    return problems
