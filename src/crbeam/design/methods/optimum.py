"""The optimum of every convex problem."""

from dataclasses import dataclass

from crbeam.design.constraints import AntennaPower, Codebook, GroupPower, TiedBlocks
from crbeam.design.engine_method import EngineMethod
from crbeam.design.service_constraints import (
    BoundLimit,
    FixedAnalog,
    Illumination,
    MinimumSinr,
    MinimumUplinkSinr,
    PowerCeiling,
)


@dataclass(frozen=True)
class Optimum(EngineMethod):
    """Least objective over the covariances of all streams, with everything kept that is convex.

    Reference: zhang2025 eq. (13), li2024 eq. (26), wang2024 eq. (37), xu2023 eq. (8) with given choices.
    """

    key = "optimum"
    summary = "least objective under everything that is convex (global optimum)"
    keeps = frozenset(
        {
            AntennaPower,
            BoundLimit,
            Codebook,
            FixedAnalog,
            GroupPower,
            Illumination,
            MinimumSinr,
            MinimumUplinkSinr,
            PowerCeiling,
            TiedBlocks,
        }
    )
    takes_any_objective = True
