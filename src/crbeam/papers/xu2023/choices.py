"""What every method chooses in the setting of Fig. 2, for one draw of the channels."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from crbeam.design import Design
from crbeam.design.methods import method_named
from crbeam.design.methods.choices import OneTransmitter
from crbeam.errors import CrbeamError
from crbeam.papers.xu2023.levels import level_db
from crbeam.papers.xu2023.scenes import ALGORITHM, EXACT, FITTED, ROUNDED, SCHEMES, preset_scene
from crbeam.systems import design_problem, system_of
from crbeam.systems.xu2023 import Xu2023, network_of

METHODS: tuple[str, ...] = (EXACT, *ALGORITHM.values(), ROUNDED, *SCHEMES)


@dataclass(frozen=True)
class Choice:
    """What a method chose, with what was checked from its beams.

    Attributes:
        receiver: the station that listens; where more are silent, the one that the method was told, or hears most.
        served_by: the station that serves each user.
        power_w: of all stations.
        lower_bound_w: proven for any choice.
        least_sinr_db: of all users, over what they need.
        trace: objective along the iterations, if the method has any.
        details: what else the method says.
        problem: why there is no design; empty if there is one.
    """

    receiver: str = ""
    served_by: tuple[str, ...] = ()
    power_w: float = np.nan
    lower_bound_w: float = np.nan
    least_sinr_db: float = np.nan
    trace: tuple[float, ...] = ()
    details: Mapping[str, float | int | str] | None = None
    problem: str = ""


@lru_cache(maxsize=4)
def choices(losses: str = FITTED) -> dict[str, Choice]:
    """Choices by method; the algorithm, which takes long, under the fitted losses only."""
    methods = [name for name in METHODS if losses == FITTED or name not in ALGORITHM.values()]
    return {name: _choice(losses, name) for name in methods}


def _choice(losses: str, name: str) -> Choice:
    scenario, method = preset_scene(losses), method_named(name)
    try:
        design = method.solve(design_problem(scenario), seed=np.random.SeedSequence(0))
    except CrbeamError as error:
        return Choice(problem=type(error).__name__)
    assert isinstance(design, Design)
    (receiver,), served = Xu2023(scenario).roles(design)
    least = min(system_of(scenario).served_sinr(design).values()) / network_of(scenario).sinr
    return Choice(
        (method.receiver if isinstance(method, OneTransmitter) else "") or receiver,
        tuple(" and ".join(stations) for stations in served.values()),
        design.power_w,
        np.nan if design.lower_bound is None else design.lower_bound,
        float(level_db(least)),
        design.trace,
        dict(design.details),
    )
