"""Channels that are zero: a station that does not reach a user does not serve it."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from tests.design.test_network import network, serving
from tests.design.test_served import downlink

from crbeam.design import MinimumSinr
from crbeam.design.methods import Digital, method_named
from crbeam.design.search.boxes import roles_of
from crbeam.errors import Infeasible
from crbeam.testing.conic_power import conic_optimum

METHODS = ("exact", "relax-and-round", "nearest-receiver", "ao-big-m")


def blocked(problem, *pairs):
    """The same with no channel between some users and blocks."""
    parts = [
        replace(
            part,
            channels={
                block: np.zeros_like(vector) if (part.user, block) in pairs else vector
                for block, vector in part.channels.items()
            },
        )
        if isinstance(part, MinimumSinr)
        else part
        for part in problem.constraints
    ]
    return replace(problem, constraints=tuple(parts))


def enumerated_w(problem):
    """Least power over every role and association of stations that reach their users, by conic programs."""
    found = [np.inf]
    for role in roles_of(problem):
        able = [
            [block for block in problem.blocks if block not in role.silent and np.any(user.channels[block])]
            for user in problem.constraints
            if isinstance(user, MinimumSinr)
        ]
        found += [conic_optimum(problem, serving(role, *choice)) for choice in product(*able)]
    return min(found)


def random_pairs(problem, seed):
    """Pairs of user and block without a channel, drawn one by one."""
    rng = np.random.default_rng(seed)
    share = rng.choice([0.2, 0.4, 0.6])
    users = [part for part in problem.constraints if isinstance(part, MinimumSinr)]
    return [(user.user, block) for user in users for block in user.channels if rng.random() < share]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 7, 8, 12, 15, 23])
def test_methods_agree_with_enumeration(seed):
    problem = network(seed, users=2)
    pairs = random_pairs(problem, seed)
    problem = blocked(problem, *pairs)
    least_w = enumerated_w(problem)
    assert method_named("exact").solve(problem).objective == pytest.approx(least_w, rel=1e-4)
    for key in ("relax-and-round", "ao-big-m"):
        design = method_named(key).solve(problem)
        assert design.objective >= least_w * (1.0 - 1e-5)
        for user, block in pairs:
            assert not np.any(design.stream_covariances[f"to {user}"][block])


def test_a_scheme_that_fixes_who_listens_names_the_user_whom_nobody_else_reaches():
    problem = network(2, users=2)
    nearest = roles_of(problem)[0].receiver
    others = [block for block in problem.blocks if block != nearest]
    alone = blocked(problem, *(("user1", block) for block in others))
    with pytest.raises(Infeasible, match=f"none reaches user1 with {nearest} silent"):
        method_named("nearest-receiver").solve(alone)


@pytest.mark.parametrize("key", METHODS)
def test_a_user_that_nobody_reaches_is_named(key):
    problem = blocked(network(2, users=2), *(("user1", block) for block in ("s0", "s1", "s2")))
    with pytest.raises(Infeasible, match="none at all reaches user1") as caught:
        method_named(key).solve(problem)
    assert caught.value.requirement == "SINR of user1"


def test_a_user_that_the_only_station_does_not_reach_is_named(rng):
    problem = downlink(rng, ratio=3.0)
    with pytest.raises(Infeasible, match=r"user\[1\] is not: its channel is zero") as caught:
        Digital().solve(blocked(problem, ("user[1]", "main")))
    assert caught.value.sufficient_power == np.inf
