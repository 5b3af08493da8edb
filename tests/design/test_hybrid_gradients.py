"""Values and gradients that descents over phases of hybrid arrays follow."""

from dataclasses import replace

import numpy as np
import pytest
from tests.design.hybrid_scenes import ACCURACY, ANGLE_ALONE, SMOOTH, demanding_uplink, hearing, sending
from tests.design.test_served import BUDGET_W, N_MAIN, responses

from crbeam.design import Illumination, MinimumUplinkSinr, weighted_bound
from crbeam.design.hybrid.descent import JointProblem, MissedRatios, served_start_rad, starting_phases_rad
from crbeam.design.hybrid.networks import digital_relaxation, hybrid_of, with_network
from crbeam.design.hybrid.views import ReceiveView, TransmitView, ValueFunction, network_view
from crbeam.design.methods.hybrid import Hybrid
from crbeam.design.methods.optimum import Digital
from crbeam.errors import Infeasible


def value_function(problem, view=None, price=1e3):
    digital = Digital().solve(digital_relaxation(problem)).objective
    view = view or network_view(problem, hybrid_of(problem))
    return ValueFunction(view, ACCURACY, price, digital / view.program.unit)


def directional_error(value, rng):
    """Relative difference of the slope along a random direction from a difference quotient."""
    phases_rad, direction = rng.uniform(-np.pi, np.pi, N_MAIN), rng.standard_normal(N_MAIN)
    slope = float(value(phases_rad)[1] @ direction)
    step = 1e-5
    quotient = (value(phases_rad + step * direction)[0] - value(phases_rad - step * direction)[0]) / (2.0 * step)
    return abs(slope / quotient - 1.0)


@SMOOTH
@pytest.mark.parametrize("price", [1.0, 1e3])
def test_gradient_is_that_of_differences(world, price, rng):
    """Whether or not requirements bind, and where they are missed at a low price."""
    value = value_function(world(rng), price=price)
    assert directional_error(value, rng) < 1e-4


@pytest.mark.parametrize("world", ANGLE_ALONE.values(), ids=list(ANGLE_ALONE))
def test_values_and_gradients_where_the_range_stays_open(world, rng):
    """Errors count by the optimum without the chain, which is hundreds of times better than random phases."""
    problem = world(rng)
    value = value_function(problem)
    assert directional_error(value, rng) < 3e-3
    phases_rad = rng.uniform(-np.pi, np.pi, N_MAIN)
    found = value.view.program.unit * np.exp(value(phases_rad)[0])
    behind = with_network(problem, hybrid_of(problem).network(phases_rad))
    assert found == pytest.approx(Digital().solve(behind).objective, rel=1e-4)


def test_the_gradient_check_rejects_a_network_that_is_not_conjugated(rng):
    class Unconjugated(TransmitView):
        def slope(self, network, optimum):
            return super().slope(network, optimum).conj()

    problem = sending(rng)
    assert directional_error(value_function(problem, Unconjugated(problem, hybrid_of(problem))), rng) > 1e-2


@SMOOTH
def test_value_is_the_digital_optimum_behind_the_network(world, rng):
    problem = world(rng)
    value = value_function(problem)
    hybrid = hybrid_of(problem)
    phases_rad = starting_phases_rad(problem, hybrid, 2, np.random.SeedSequence(0))[1]
    found = value.view.program.unit * np.exp(value(phases_rad)[0])
    try:
        expected = Digital().solve(with_network(problem, hybrid.network(phases_rad))).objective
    except Infeasible:
        assert value.missed(phases_rad) > 1e-3
    else:
        assert value.missed(phases_rad) < 1e-5
        assert found == pytest.approx(expected, rel=2e-3)


def joint(problem):
    (service,) = [part for part in problem.constraints if isinstance(part, MinimumUplinkSinr)]
    return JointProblem(ReceiveView(problem, hybrid_of(problem)), service)


def joint_error(problem, rng):
    """Largest relative difference of slopes along a random direction from difference quotients, all functions."""
    start = problem.start(rng.uniform(-np.pi, np.pi, N_MAIN))
    point, direction = start + 0.2 * rng.standard_normal(start.size), rng.standard_normal(start.size)
    ahead, behind, here = (problem.at(point + step * direction) for step in (1e-6, -1e-6, 0.0))
    slopes = np.array([here.gradient @ direction, *(here.slopes @ direction)])
    quotients = np.array([ahead.value - behind.value, *(ahead.room - behind.room)]) / 2e-6
    return np.max(np.abs(slopes - quotients) / np.abs(quotients))


def lit_uplink(rng):
    floor = Illumination("assisting", responses()[1].value[:, 0].conj(), 0.3 * BUDGET_W)
    return demanding_uplink(rng).with_constraints(floor)


@pytest.mark.parametrize("world", [hearing, demanding_uplink, lit_uplink])
def test_gradients_beside_uplink_users_are_those_of_differences(world, rng):
    """Those of the bound, the ratios of users, requirements of the probing and its power."""
    problem = joint(world(rng))
    assert joint_error(problem, rng) < 1e-6
    n_limits = 1 if world is lit_uplink else 0
    assert problem.at(problem.start(np.zeros(N_MAIN))).room.size == 2 + n_limits + 1


def test_the_gradient_check_rejects_a_slope_that_is_not_conjugated(rng):
    class Unconjugated(ReceiveView):
        def bound_slope(self, network, responses, total):
            return super().bound_slope(network, responses, total).conj()

    problem = demanding_uplink(rng)
    wrong = replace(joint(problem), view=Unconjugated(problem, hybrid_of(problem)))
    assert joint_error(wrong, rng) > 1e-2


def test_values_beside_uplink_users_are_those_of_a_transmission(rng):
    problem = demanding_uplink(rng)
    found = joint(problem)
    phases_rad = rng.uniform(-np.pi, np.pi, N_MAIN)
    network = hybrid_of(problem).network(phases_rad)
    model = found.at(found.start(phases_rad))
    seen, basis = with_network(problem, network), found.view.cone.basis
    covariance = 0.9 * BUDGET_W * basis @ basis.conj().T / basis.shape[1]
    bound = found.view.program.unit * np.exp(model.value)
    assert bound == pytest.approx(weighted_bound(seen, {"assisting": covariance}), rel=1e-9)
    service = next(part for part in seen.constraints if isinstance(part, MinimumUplinkSinr))
    assert np.exp(model.room[:2]) == pytest.approx(service.sinr(covariance) / service.minimum_sinr, rel=1e-9)
    assert model.room[2] == pytest.approx(0.1)


def test_designs_beside_uplink_users_use_up_what_users_can_bear(rng):
    """Users that bind at the end, and a design that a search without them would not have found."""
    problem = demanding_uplink(rng, 0.6)
    design = Hybrid(starts=3, bound="never").solve(problem)
    behind = with_network(problem, design.analog["uplink"])
    service = next(part for part in behind.constraints if isinstance(part, MinimumUplinkSinr))
    ratios = service.sinr(design.covariances["assisting"]) / service.minimum_sinr
    assert ratios.min() == pytest.approx(1.0, abs=1e-5)
    free = replace(
        problem, constraints=tuple(part for part in problem.constraints if part.__class__ is not type(service))
    )
    unserved = Hybrid(starts=3, bound="never").solve(free)
    assert unserved.objective <= design.objective * (1.0 + 1e-6)
    spoiled = replace(service, uplink=replace(service.uplink, network=unserved.analog["uplink"]))
    assert np.min(spoiled.sinr(unserved.covariances["assisting"]) / service.minimum_sinr) < 1.0


def test_ratios_of_uplink_users_change_as_said(rng):
    problem = hearing(rng, ratio=60.0)
    service = next(part for part in problem.constraints if isinstance(part, MinimumUplinkSinr))
    missed = MissedRatios(service, hybrid_of(problem))
    phases_rad, direction = rng.uniform(-3.0, 3.0, N_MAIN), rng.standard_normal(N_MAIN)
    slope = missed(phases_rad)[1] @ direction
    quotient = (missed(phases_rad + 1e-6 * direction)[0] - missed(phases_rad - 1e-6 * direction)[0]) / 2e-6
    assert slope == pytest.approx(quotient, rel=1e-5)
    assert missed(served_start_rad(service, hybrid_of(problem), phases_rad))[0] < 0.5 * missed(phases_rad)[0]


def test_probing_that_tells_nothing_has_no_bound(rng):
    """Neither a warning nor an error: a search turns back from there."""
    problem = joint(hearing(rng))
    point = problem.start(np.zeros(N_MAIN))
    point[N_MAIN:] *= 0.0
    model = problem.at(point)
    assert model.value == np.inf
    assert not np.any(model.gradient)
    assert np.isfinite(problem.at(problem.start(np.zeros(N_MAIN))).value)
