"""Designs of hybrid arrays, what grading says of them, and what is refused."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from tests.design.hybrid_scenes import (
    ANGLE_ALONE,
    WORLD,
    hearing,
    hearing_alone,
    random_network,
    sending,
    with_one_chain,
)
from tests.design.test_served import BUDGET_W, downlink

from crbeam.design import MinimumUplinkSinr, Proposal, SubarrayHybrid
from crbeam.design.constraints import AntennaPower
from crbeam.design.hybrid.descent import starting_phases_rad
from crbeam.design.hybrid.method import require_identifiable
from crbeam.design.hybrid.networks import digital_relaxation, hybrid_of, n_antennas_of, with_network
from crbeam.design.methods import method_named
from crbeam.design.methods.hybrid import Hybrid
from crbeam.design.methods.optimum import Digital
from crbeam.errors import CrbeamError, Infeasible, InvalidInput, SolverFailed, Unidentifiable


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
        assert beams @ beams.conj().T == pytest.approx(design.covariances["main"], abs=1e-6 * BUDGET_W)


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
    with pytest.raises(Infeasible, match=r"that is too little: 3\d\.\d\d dB more power"):
        Hybrid(starts=1).solve(sending(rng, ratio=1e6))
    loose = hearing(np.random.default_rng(1))
    service = next(part for part in loose.constraints if isinstance(part, MinimumUplinkSinr))
    beyond = float(np.min(0.9 * service.tolerance.without_echo))
    with pytest.raises(Infeasible, match="but no network serves them all: whatever its phases"):
        Hybrid(starts=1).solve(hearing(np.random.default_rng(1), ratio=beyond))
    with pytest.raises(Infeasible, match="no network that was found serves them all"):
        Hybrid(starts=1, bound="never").solve(hearing(np.random.default_rng(1), ratio=beyond))


ONE_CHAIN = {"sending": sending, "hearing": hearing, "no users": hearing_alone}


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
        method_named(key).solve(with_one_chain(ONE_CHAIN[world](rng)))
    assert caught.value.names == ("target_range[0]",)
    assert "served_users.antennas_per_chain" in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("world", ANGLE_ALONE.values(), ids=list(ANGLE_ALONE))
def test_one_chain_tells_the_angle(world, rng):
    """No random network does better."""
    problem = world(rng)
    design = Hybrid(starts=2).solve(problem)
    assert 0.0 < design.lower_bound <= design.objective
    networks = [random_network(problem, rng) for _ in range(20)]
    others = [Digital().solve(with_network(problem, network)).objective for network in networks]
    assert design.objective <= min(others) * (1.0 + 1e-6)


@pytest.mark.parametrize("world", ONE_CHAIN)
@pytest.mark.parametrize("per_chain", [4, 2, 1])
def test_two_chains_and_more_can(world, per_chain, rng):
    problem = with_one_chain(ONE_CHAIN[world](rng))
    hybrid = replace(hybrid_of(problem), antennas_per_chain=per_chain)
    problem = digital_relaxation(problem).with_constraints(hybrid)
    require_identifiable(problem, hybrid, np.random.SeedSequence(0))


def test_what_no_antennas_can_tell_is_not_blamed_on_the_chains(rng):
    problem = with_one_chain(hearing(rng))
    (criterion,) = problem.criteria
    parts = [replace(part, jacobian=0.0 * part.jacobian) for part in criterion.map.contributions]
    blind = replace(criterion, map=replace(criterion.map, contributions=tuple(parts)))
    with pytest.raises(Unidentifiable) as caught:
        require_identifiable(replace(problem, criteria=(blind,)), hybrid_of(problem), np.random.SeedSequence(0))
    assert "Sub-arrays" not in str(caught.value)


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

    def propose_network(self, problem, hybrid, seed):
        proposal = super().propose_network(problem, hybrid, seed)
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

        def propose_network(self, problem, hybrid, seed):
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


@pytest.mark.parametrize("world", [sending, hearing])
def test_limits_on_antennas_are_kept_and_known_to_the_bound(world, rng):
    problem = world(rng)
    (block,) = problem.blocks
    free = Hybrid(starts=2).solve(problem)
    most_w = 0.8 * np.max(np.real(np.diagonal(free.covariances[block])))
    limited = problem.with_constraints(AntennaPower(block, np.full(problem.antennas[block], most_w)))
    design = Hybrid(starts=2).solve(limited)
    assert np.max(np.real(np.diagonal(design.covariances[block]))) <= most_w * (1.0 + 1e-9)
    assert free.objective < design.lower_bound <= design.objective
    assert design.gap < 0.02
    assert "AntennaPower" in (method_named("ao-uplink").why_not(limited) or "")
