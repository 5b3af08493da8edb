"""The optimum against the least power over every receiver and association, one convex program each."""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import numpy as np

from crbeam.design import Design, DesignProblem, Stream
from crbeam.design.methods import method_named
from crbeam.errors import Infeasible
from crbeam.papers.xu2023.scenes import EXACT, preset_scene
from crbeam.scenario import Scenario
from crbeam.systems import design_problem
from crbeam.systems.xu2023 import network_of

#: Users of Fig. 2 that are served, and stations that may listen, so that all choices can be tried.
USERS, LISTENING = 3, ("bs1", "bs2", "bs3")
TOLERANCE = 1e-7


@dataclass(frozen=True)
class Enumeration:
    """All choices of a small instance, tried one after the other.

    Attributes:
        programs: number of choices.
        power_w: least power of all.
        exact_w: what `exact` found.
        searched: programs that `exact` solved.
    """

    programs: int
    power_w: float
    exact_w: float
    searched: int


@lru_cache(maxsize=1)
def enumeration() -> Enumeration:
    """The first users of Fig. 2, one draw of the channels, three stations."""
    scenario = _small()
    powers_w = []
    for listener in LISTENING:
        alone = design_problem(scenario.model_copy(update={"links": {listener: scenario.links[listener]}}))
        others = [name for name in LISTENING if name != listener]
        powers_w += [_power_w(_served_by(alone, choice)) for choice in product(others, repeat=USERS)]
    design = method_named(EXACT).solve(design_problem(scenario))
    assert isinstance(design, Design)
    return Enumeration(len(powers_w), float(min(powers_w)), design.power_w, int(design.details["programs"]))


def _small() -> Scenario:
    scenario = preset_scene()
    network = network_of(scenario)
    users = {"user_positions_m": network.user_positions_m[:USERS]}
    return scenario.model_copy(
        update={
            "network": network.model_copy(update=users),
            "stations": {name: scenario.stations[name] for name in LISTENING},
            "links": {name: scenario.links[name] for name in LISTENING},
        }
    )


def _served_by(problem: DesignProblem, choice: tuple[str, ...]) -> DesignProblem:
    """The same problem with the station of each user given."""
    own = dict(zip([stream.name for stream in problem.streams if stream.served_user is not None], choice, strict=True))
    streams = [
        Stream(stream.name, (own[stream.name],), stream.served_user) if stream.name in own else stream
        for stream in problem.streams
    ]
    return replace(problem, streams=tuple(streams))


def _power_w(problem: DesignProblem) -> float:
    """Least power, infinite if nothing is feasible."""
    try:
        return method_named(f"{EXACT}:tolerance={TOLERANCE:g}").solve(problem).power_w
    except Infeasible:
        return np.inf
