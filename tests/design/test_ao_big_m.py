"""Algorithm 1 of xu2023: its two programs, its starts, and what it cannot do."""

from dataclasses import replace

import numpy as np
import pytest
from tests.design.test_network import network, serving, solved_for
from tests.design.test_network_beyond import without

from crbeam.design import MinimumSinr, PowerBudget
from crbeam.design.choices import Association
from crbeam.design.methods import Exact, method_named
from crbeam.design.methods.ao_big_m import AlternatingBigM
from crbeam.design.search.big_m import big_m_network, chosen_covariances, chosen_transmitters
from crbeam.design.search.boxes import require_programs, roles_of
from crbeam.design.service_constraints import BoundLimit
from crbeam.errors import InvalidInput

PROBLEM = network(1, users=2, antennas=3, budget_w=400.0)


def reduced():
    roles = roles_of(PROBLEM)
    return big_m_network(PROBLEM, roles, require_programs(PROBLEM, roles)[0].unit_w)


def decided(listening, serving):
    """b and a of a choice."""
    transmits = np.ones(3)
    transmits[listening] = 0.0
    serves = np.zeros((3, 2))
    serves[serving, [0, 1]] = 1.0
    return transmits, serves


@pytest.mark.parametrize("is_fixed", [True, False], ids=["association given", "association free, as it was"])
def test_the_second_program_at_a_choice_is_the_program_of_that_choice(is_fixed):
    """At a decided association the penalty, far above the power, keeps it."""
    big, (transmits, serves) = reduced(), decided(0, [1, 2])
    penalty = 1e3
    point = chosen_covariances(big, transmits, serves, penalty, is_fixed=is_fixed)
    role = next(each for each in roles_of(PROBLEM) if each.silent == ("s0",))
    expected = solved_for(PROBLEM, serving(role, "s1", "s2"), gap=1e-7).found.objective
    assert big.unit_w * point.power == pytest.approx(expected, rel=2e-3)
    assert point.serves == pytest.approx(serves, abs=1e-5)
    assert np.trace(np.linalg.inv(point.accuracy)) <= 1.0 + 1e-5


def test_the_first_program_does_not_leave_a_decision():
    big, (transmits, serves) = reduced(), decided(0, [1, 2])
    point = chosen_covariances(big, transmits, serves, 1.0, is_fixed=True)
    roomy = replace(point, accuracy=0.5 * point.accuracy, sensing=[0.9 * each for each in point.sensing])
    assert chosen_transmitters(big, roomy, 1e3) == pytest.approx(transmits, abs=1e-5)


def test_the_first_program_improves_on_an_undecided_point():
    big = reduced()
    even = np.full((3, 2), 1.0 / 3.0)
    point = chosen_covariances(big, np.full(3, 2.0 / 3.0), even, 0.1, is_fixed=True)
    roomy = replace(point, accuracy=0.5 * point.accuracy, sensing=[0.9 * each for each in point.sensing])
    found = chosen_transmitters(big, roomy, 0.1)
    rest = np.array([np.trace(each).real for each in roomy.sensing])
    slope = rest + 0.1 * (1.0 - 2.0 * roomy.transmits)
    assert np.sum(1.0 - found) == pytest.approx(1.0, abs=1e-6)
    assert np.all(found >= 1.0 / 3.0 - 1e-6)
    assert slope @ found <= slope @ roomy.transmits + 1e-6


@pytest.mark.slow
def test_from_the_relaxation_it_stays_there():
    best = Exact().solve(PROBLEM)
    design = AlternatingBigM().solve(PROBLEM)
    assert design.objective == pytest.approx(best.objective, rel=1e-3)
    assert design.lower_bound <= best.objective
    assert design.details["programs"] >= 7
    assert design.details["indecision"] == pytest.approx(0.0, abs=1e-5)
    assert all(late <= early * (1.0 + 2e-3) for early, late in zip(design.trace, design.trace[1:], strict=False))


@pytest.mark.slow
def test_stations_with_arrays_of_their_own():
    problem = network(1, users=2, antennas=(3, 4, 2), budget_w=400.0)
    best, design = Exact().solve(problem), AlternatingBigM().solve(problem)
    assert design.covariances.antennas == {"s0": 3, "s1": 4, "s2": 2}
    assert best.gap <= 1e-4
    assert best.lower_bound <= design.objective
    assert design.objective == pytest.approx(best.objective, rel=1e-3)
    assert design.lower_bound <= best.objective


@pytest.mark.slow
def test_who_listens_at_the_start_listens_at_the_end():
    design = method_named("ao-big-m:start=nearest,penalty_mw=1e4").solve(PROBLEM)
    nearest = roles_of(PROBLEM)[0].silent[0]
    assert not np.any(design.covariances[nearest])
    assert design.objective >= design.lower_bound
    assert design.method == "ao-big-m:start=nearest,penalty_mw=10000.0"


def test_what_it_needs():
    method = AlternatingBigM()
    assert method.why_not(PROBLEM) is None
    free = tuple(part for part in PROBLEM.constraints if not isinstance(part, Association))
    assert "who serves whom" in method.why_not(replace(PROBLEM, constraints=free))
    limits = [part for part in PROBLEM.constraints if isinstance(part, BoundLimit)]
    uneven = (*(part for part in PROBLEM.constraints if part != limits[0]), replace(limits[0], limit=1.0))
    assert "at least one user" in method.why_not(replace(PROBLEM, constraints=without(PROBLEM, MinimumSinr)))
    shared = (PowerBudget(PROBLEM.blocks, 400.0), *without(PROBLEM, PowerBudget))
    assert "not one that stations share" in method.why_not(replace(PROBLEM, constraints=shared))
    assert "same limit" in method.why_not(replace(PROBLEM, constraints=uneven))
    with pytest.raises(InvalidInput, match="start"):
        method_named("ao-big-m:start=somewhere")
