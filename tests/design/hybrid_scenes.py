"""Problems with hybrid arrays that the tests of their designs share."""

from dataclasses import replace

import numpy as np
import pytest
from tests.design.test_served import BUDGET_W, N_MAIN, downlink, half_way, responses, uplink

from crbeam.design import Illumination, MinimumSinr, MinimumUplinkSinr, SubarrayHybrid
from crbeam.design.hybrid.networks import digital_relaxation, hybrid_of, n_antennas_of

ACCURACY = 1e-5


def sending(rng, per_chain=2, **options):
    return downlink(rng, **options).with_constraints(SubarrayHybrid("transmit", "main", per_chain))


def hearing(rng, per_chain=2, ratio=1e-3):
    return uplink(rng, ratio).with_constraints(SubarrayHybrid("receive", "uplink", per_chain))


def demanding_uplink(rng, share=0.35):
    """Ratios that probing at will would spoil behind most networks."""
    problem = half_way(uplink(rng, 1e-3))
    budget, service = problem.constraints
    lower = replace(service, minimum_sinr=share * service.minimum_sinr)
    return replace(problem, constraints=(budget, lower, SubarrayHybrid("receive", "uplink", 2)))


def demanding_downlink(rng):
    """A floor on the illumination and ratios that take a good part of the power."""
    floor = Illumination("main", responses()[0].value[:, 0].conj(), 0.3 * BUDGET_W * N_MAIN)
    return sending(rng, ratio=30.0).with_constraints(floor)


def hearing_alone(rng):
    """No users."""
    problem = hearing(rng)
    kept = tuple(part for part in problem.constraints if not isinstance(part, MinimumUplinkSinr))
    return replace(problem, constraints=kept)


def with_one_chain(problem):
    """One sub-array of all antennas."""
    array = replace(hybrid_of(problem), antennas_per_chain=N_MAIN)
    return digital_relaxation(problem).with_constraints(array)


def angle_alone(world):
    """One chain, no users, and nobody asks for the range, of which the chain tells nothing."""

    def made(rng):
        problem = with_one_chain(world(rng))
        kept = tuple(part for part in problem.constraints if not isinstance(part, MinimumSinr))
        (criterion,) = problem.criteria
        alone = replace(criterion, weights={"target_angle[0]": 1.0, "target_range[0]": 0.0})
        return replace(problem, criteria=(alone,), constraints=kept, streams=problem.streams[-1:])

    return made


#: Angle alone through one chain, by the side of the array.
ANGLE_ALONE = {"sent": angle_alone(sending), "heard": angle_alone(hearing_alone)}
#: Worlds in which the digital optimum is searched as a function of the phases alone.
SMOOTH = pytest.mark.parametrize(
    "world", [sending, demanding_downlink, hearing_alone], ids=["downlink", "downlink, demanding", "no users"]
)
WORLDS = {
    "downlink": sending,
    "downlink, demanding": demanding_downlink,
    "uplink": hearing,
    "uplink, demanding": demanding_uplink,
}
WORLD = pytest.mark.parametrize("world", WORLDS.values(), ids=list(WORLDS))


def random_network(problem, rng):
    hybrid = hybrid_of(problem)
    return hybrid.network(rng.uniform(-np.pi, np.pi, n_antennas_of(problem, hybrid)))
