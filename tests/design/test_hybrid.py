"""Hybrid arrays: gradients of the digital optimum, bounds from eigenvalues, grading of networks, the method itself."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from tests.design.test_served import BUDGET_W, N_MAIN, downlink, half_way, responses, uplink

from crbeam.design import Illumination, MinimumUplinkSinr, Proposal, SubarrayHybrid, weighted_bound
from crbeam.design.hybrid.certificate import subarray_lower_bound
from crbeam.design.hybrid.first_phase import MissedRatios, served_start_rad
from crbeam.design.hybrid.identifiability import require_identifiable
from crbeam.design.hybrid.joint_descent import JointProblem
from crbeam.design.hybrid.networks import digital_relaxation, hybrid_of, n_antennas_of, with_network
from crbeam.design.hybrid.relaxation import subarray_evidence
from crbeam.design.hybrid.starts import starting_phases_rad
from crbeam.design.hybrid.value_function import ValueFunction
from crbeam.design.hybrid.views import ReceiveView, TransmitView, network_view
from crbeam.design.methods import method_named
from crbeam.design.methods.digital import Digital
from crbeam.design.methods.hybrid import Hybrid
from crbeam.errors import CrbeamError, Infeasible, InvalidInput, SolverFailed, Unidentifiable

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


def value_function(problem, view=None, price=1e3):
    digital = Digital().solve(digital_relaxation(problem)).objective
    view = view or network_view(problem, hybrid_of(problem))
    return ValueFunction(view, ACCURACY, price, digital / view.reduced.scale)


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
    found = value.view.reduced.scale * np.exp(value(phases_rad)[0])
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
    seen, basis = with_network(problem, network), found.view.reduced.blocks[0].basis
    covariance = 0.9 * BUDGET_W * basis @ basis.conj().T / basis.shape[1]
    bound = found.view.reduced.scale * np.exp(model.value)
    assert bound == pytest.approx(weighted_bound(seen, covariance[None]), rel=1e-9)
    service = next(part for part in seen.constraints if isinstance(part, MinimumUplinkSinr))
    assert np.exp(model.room[:2]) == pytest.approx(service.sinr(covariance) / service.minimum_sinr, rel=1e-9)
    assert model.room[2] == pytest.approx(0.1)


def test_designs_beside_uplink_users_use_up_what_users_can_bear(rng):
    """Users that bind at the end, and a design that a search without them would not have found."""
    problem = demanding_uplink(rng, 0.6)
    design = Hybrid(starts=3, bound="never").solve(problem)
    behind = with_network(problem, design.analog["uplink"])
    service = next(part for part in behind.constraints if isinstance(part, MinimumUplinkSinr))
    ratios = service.sinr(design.covariances[0]) / service.minimum_sinr
    assert ratios.min() == pytest.approx(1.0, abs=1e-5)
    free = replace(
        problem, constraints=tuple(part for part in problem.constraints if part.__class__ is not type(service))
    )
    unserved = Hybrid(starts=3, bound="never").solve(free)
    assert unserved.objective <= design.objective * (1.0 + 1e-6)
    spoiled = replace(service, uplink=replace(service.uplink, network=unserved.analog["uplink"]))
    assert np.min(spoiled.sinr(unserved.covariances[0]) / service.minimum_sinr) < 1.0


def test_ratios_of_uplink_users_change_as_said(rng):
    problem = hearing(rng, ratio=60.0)
    service = next(part for part in problem.constraints if isinstance(part, MinimumUplinkSinr))
    missed = MissedRatios(service, hybrid_of(problem))
    phases_rad, direction = rng.uniform(-3.0, 3.0, N_MAIN), rng.standard_normal(N_MAIN)
    slope = missed(phases_rad)[1] @ direction
    quotient = (missed(phases_rad + 1e-6 * direction)[0] - missed(phases_rad - 1e-6 * direction)[0]) / 2e-6
    assert slope == pytest.approx(quotient, rel=1e-5)
    assert missed(served_start_rad(service, hybrid_of(problem), phases_rad))[0] < 0.5 * missed(phases_rad)[0]


@WORLD
def test_the_bound_is_below_every_network_and_above_the_digital_one(world, rng):
    problem = world(rng)
    bound = subarray_lower_bound(problem, subarray_evidence(problem, hybrid_of(problem)))
    digital = Digital().solve(digital_relaxation(problem))
    assert bound >= digital.lower_bound * (1.0 - 1e-5)
    reached = []
    for _ in range(6):
        try:
            reached.append(Digital().solve(with_network(problem, random_network(problem, rng))).objective)
        except Infeasible:
            continue
    starts = starting_phases_rad(problem, hybrid_of(problem), 2, np.random.SeedSequence(1))
    for phases_rad in starts:
        try:
            network = hybrid_of(problem).network(phases_rad)
            reached.append(Digital().solve(with_network(problem, network)).objective)
        except Infeasible:
            continue
    assert all(bound <= objective for objective in reached)


def altered(evidence, factor, shift=0.0):
    """Evidence with prices scaled, and a constant added to each."""
    prices = {
        name: factor * price + shift * (1.0 if price.ndim == 1 else np.eye(price.shape[-1]))
        for name, price in evidence.prices.items()
    }
    return replace(evidence, prices=prices)


@WORLD
def test_any_prices_prove_something_and_the_found_ones_most(world, rng):
    """The certificate repairs prices of any kind; it is highest at those of the relaxation."""
    problem = world(rng)
    evidence = subarray_evidence(problem, hybrid_of(problem))
    best = subarray_lower_bound(problem, evidence)
    for other in (altered(evidence, 0.5), altered(evidence, 1.3), altered(evidence, -1.0)):
        assert subarray_lower_bound(problem, other) < best
    noisy = {
        name: price + 0.1 * np.abs(price).max() * rng.standard_normal(price.shape)
        for name, price in evidence.prices.items()
    }
    assert subarray_lower_bound(problem, replace(evidence, prices=noisy)) < best


def test_power_prices_count_only_beyond_their_mean(rng):
    """A constant on all prices changes nothing; if it did, any bound could be proven."""
    problem = sending(rng)
    evidence = subarray_evidence(problem, hybrid_of(problem))
    best = subarray_lower_bound(problem, evidence)
    steep = altered(evidence, 1.0, shift=10.0 * max(np.abs(price).max() for price in evidence.prices.values()))
    assert subarray_lower_bound(problem, steep) == pytest.approx(best, rel=1e-9)


def test_receive_prices_must_cover_what_is_heard(rng):
    """The certificate raises prices that are too low; without that, halved ones would claim what is not true."""
    problem = hearing(rng)
    evidence = subarray_evidence(problem, hybrid_of(problem))
    design = Hybrid(starts=2).solve(problem)
    (prices,) = evidence.prices.values()
    unrepaired = float(np.linalg.eigvalsh(0.5 * prices.sum(axis=0) / 2)[-1])
    gain = sum(
        float(np.sum(criterion.selection * response))
        for criterion, response in zip(problem.active_criteria, evidence.dual.responses, strict=True)
    )
    assert gain**2 / (BUDGET_W * unrepaired) > 1.5 * design.objective
    assert subarray_lower_bound(problem, altered(evidence, 0.5)) <= design.objective


def test_evidence_must_fit(rng):
    problem = sending(rng)
    evidence = subarray_evidence(problem, hybrid_of(problem))
    with pytest.raises(InvalidInput, match="Prices must have the shapes"):
        subarray_lower_bound(problem, replace(evidence, prices={}))
    with pytest.raises(InvalidInput, match="one block and a hybrid array"):
        subarray_lower_bound(digital_relaxation(problem), evidence)


@WORLD
def test_designs_keep_everything_and_carry_their_parts(world, rng):
    problem = world(rng)
    design = Hybrid(starts=1, max_iterations=30).solve(problem)
    (network,) = design.analog.values()
    hybrid = hybrid_of(problem)
    assert hybrid.allows(network, n_antennas_of(problem, hybrid))
    assert design.digital[hybrid.port].shape[0] == network.shape[1]
    behind = Digital().solve(with_network(problem, network))
    assert design.objective == pytest.approx(behind.objective, rel=1e-5)
    assert Digital().solve(digital_relaxation(problem)).lower_bound < design.lower_bound * (1.0 + 1e-6)
    assert design.lower_bound <= design.objective
    assert design.bound_note.startswith("the digital optimum")
    assert list(design.trace) == sorted(design.trace, reverse=True)
    if hybrid.side == "transmit":
        beams = network @ design.digital["main"]
        assert beams @ beams.conj().T == pytest.approx(design.covariances[0], abs=1e-6 * BUDGET_W)


def test_one_antenna_a_chain_costs_nothing(rng):
    problem = sending(rng, per_chain=1)
    design = Hybrid(starts=1).solve(problem)
    assert design.objective == pytest.approx(Digital().solve(digital_relaxation(problem)).objective, rel=3e-6)
    assert design.gap < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("world", [sending, hearing])
def test_fewer_chains_are_never_better(world, rng):
    """Sub-arrays of four are among those of two: the best of the former bounds the latter from above."""
    state = rng.bit_generator.state
    designs = []
    for per_chain in (1, 2, 4):
        rng.bit_generator.state = state
        designs.append(Hybrid(starts=6).solve(world(rng, per_chain)))
    for more, fewer in ((designs[0], designs[1]), (designs[1], designs[2])):
        assert more.objective < fewer.objective * (1.0 + 1e-4)


@pytest.mark.slow
def test_starts_that_serve_nobody_lead_to_designs(rng):
    """Towards the target alone the users get too little; the search finds its way from there."""
    problem = sending(rng, n_users=3, ratio=60.0)
    first = starting_phases_rad(problem, hybrid_of(problem), 1, np.random.SeedSequence(0))[0]
    with pytest.raises(Infeasible):
        Digital().solve(with_network(problem, hybrid_of(problem).network(first)))
    assert Hybrid(starts=1).solve(problem).gap < 0.6


def test_requirements_beyond_any_network_are_infeasible(rng):
    with pytest.raises(Infeasible, match="fall short"):
        Hybrid(starts=1).solve(sending(rng, ratio=1e6))
    loose = hearing(np.random.default_rng(1))
    service = next(part for part in loose.constraints if isinstance(part, MinimumUplinkSinr))
    beyond = float(np.min(0.9 * service.tolerance.without_echo))
    with pytest.raises(Infeasible, match="no network that was found serves them all"):
        Hybrid(starts=1).solve(hearing(np.random.default_rng(1), ratio=beyond))


ONE_CHAIN = {"sending": sending, "hearing": hearing, "no users": hearing_alone}


def one_chain(name, rng):
    problem = ONE_CHAIN[name](rng)
    kept = tuple(part for part in problem.constraints if not isinstance(part, SubarrayHybrid))
    array = replace(hybrid_of(problem), antennas_per_chain=N_MAIN)
    return replace(problem, constraints=(*kept, array))


@pytest.mark.parametrize(
    ("world", "key"),
    [
        ("sending", "hybrid"),
        ("sending", "pdd-downlink"),
        ("hearing", "hybrid"),
        ("hearing", "pdd-uplink"),
        ("hearing", "ao-uplink"),
        ("no users", "hybrid"),
    ],
)
def test_one_chain_cannot_tell_range_from_gain(world, key, rng):
    """It passes on one combination of all antennas, which the range moves in phase and modulus like the gain."""
    with pytest.raises(Unidentifiable, match="at least two chains") as caught:
        method_named(key).solve(one_chain(world, rng))
    assert caught.value.names == ("target_range[0]",)
    assert "served_users.antennas_per_chain" in str(caught.value)


@pytest.mark.parametrize("world", ONE_CHAIN)
@pytest.mark.parametrize("per_chain", [4, 2, 1])
def test_two_chains_and_more_can(world, per_chain, rng):
    problem = one_chain(world, rng)
    hybrid = replace(hybrid_of(problem), antennas_per_chain=per_chain)
    problem = digital_relaxation(problem).with_constraints(hybrid)
    require_identifiable(problem, hybrid, np.random.SeedSequence(0))


def test_what_no_antennas_can_tell_is_not_blamed_on_the_chains(rng):
    problem = one_chain("hearing", rng)
    (criterion,) = problem.criteria
    parts = [replace(part, jacobian=0.0 * part.jacobian) for part in criterion.map.contributions]
    blind = replace(criterion, map=replace(criterion.map, contributions=tuple(parts)))
    with pytest.raises(Unidentifiable) as caught:
        require_identifiable(replace(problem, criteria=(blind,)), hybrid_of(problem), np.random.SeedSequence(0))
    assert "Sub-arrays" not in str(caught.value)


def test_probing_that_tells_nothing_has_no_bound(rng):
    """Neither a warning nor an error: a search turns back from there."""
    problem = joint(hearing(rng))
    point = problem.start(np.zeros(N_MAIN))
    point[N_MAIN:] *= 0.0
    model = problem.at(point)
    assert model.value == np.inf
    assert not np.any(model.gradient)
    assert np.isfinite(problem.at(problem.start(np.zeros(N_MAIN))).value)


def test_items_of_a_batch_do_not_mix(rng):
    problems = [sending(rng), hearing(rng)]
    seeds = [np.random.SeedSequence(item) for item in (1, 2)]
    method = Hybrid(starts=1, max_iterations=20, bound="never")
    forward = method.solve_many(problems, seeds=seeds)
    backward = method.solve_many(problems[::-1], seeds=seeds[::-1])[::-1]
    for one, other in zip(forward, backward, strict=True):
        assert one.objective == pytest.approx(other.objective, rel=1e-9)
        assert "was not computed" in one.bound_note


@dataclass(frozen=True)
class Altered(Hybrid):
    """A method that hands over a design with one thing wrong."""

    fault: str = "none"

    key = "altered"

    def propose_network(self, problem, hybrid, start, seed):
        proposal = super().propose_network(problem, hybrid, start, seed)
        network = proposal.networks[hybrid.port].copy()
        if self.fault == "missing":
            return replace(proposal, networks={})
        if self.fault == "modulus":
            network[0, 0] *= 1.1
        elif self.fault == "connected":
            network[0, 1] = 0.1
        elif self.fault == "other":
            network = hybrid.network(hybrid.phases_rad(network) + np.arange(len(network)))
        return replace(proposal, networks={hybrid.port: network})


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("missing", "no analog network"),
        ("modulus", "no analog network"),
        ("connected", "no analog network"),
        ("other", "outside the network"),
    ],
)
def test_grading_refuses_what_no_hybrid_array_can_do(rng, fault, status):
    with pytest.raises(SolverFailed) as caught:
        Altered(starts=1, max_iterations=2, bound="never", fault=fault).solve(sending(rng))
    assert caught.value.status == status


def test_grading_accepts_it_without_the_fault(rng):
    assert Altered(starts=1, max_iterations=2, bound="never").solve(sending(rng)).status.key == "feasible"


def test_a_receivers_objective_is_that_behind_its_network(rng):
    """A method that forgets its network is graded with it, not by what a digital array would hear."""

    @dataclass(frozen=True)
    class ForgetsTheNetwork(Hybrid):
        key = "forgetful"

        def propose_network(self, problem, hybrid, start, seed):
            digital = Digital().solve(digital_relaxation(problem))
            return Proposal(
                digital.covariances, networks={hybrid.port: random_network(problem, np.random.default_rng(4))}
            )

    problem = hearing(rng)
    design = ForgetsTheNetwork().solve(problem)
    digital = Digital().solve(digital_relaxation(problem))
    assert design.objective > 1.1 * digital.objective
    assert design.lower_bound == pytest.approx(digital.lower_bound, rel=1e-5)


def test_what_the_method_cannot_do(rng):
    assert "SubarrayHybrid" in (Hybrid().why_not(downlink(rng)) or "")
    assert "SubarrayHybrid" in (Digital().why_not(sending(rng)) or "")
    with pytest.raises(InvalidInput, match="auto, always or never"):
        method_named("hybrid:bound=sometimes")
    twice = sending(rng).with_constraints(SubarrayHybrid("transmit", "main", 4))
    for wrong, message in (
        (twice, "at most one hybrid array"),
        (downlink(rng).with_constraints(SubarrayHybrid("transmit", "aux", 2)), "must be at one of main"),
        (downlink(rng).with_constraints(SubarrayHybrid("transmit", "main", 3)), "must divide the 8"),
    ):
        with pytest.raises(CrbeamError, match=message):
            Hybrid(starts=1).solve(wrong)
    with pytest.raises(InvalidInput, match="at least one antenna"):
        SubarrayHybrid("transmit", "main", 0)
