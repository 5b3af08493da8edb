"""The published algorithms for hybrid arrays, corrected, against the value-function method and against themselves."""

from dataclasses import replace

import numpy as np
import pytest
from tests.design.hybrid_scenes import demanding_downlink, demanding_uplink, hearing, sending
from tests.design.test_served import N_MAIN, downlink, half_way, uplink
from tests.oracles.double_arrays import CASES, uplink_problem
from tests.oracles.test_li2024_hybrid import hybrid_problem

from crbeam.design import MinimumUplinkSinr, SubarrayHybrid, weighted_bound
from crbeam.design.conic import successive_probing
from crbeam.design.hybrid.descent import starting_phases_rad
from crbeam.design.hybrid.grading import best_combiners
from crbeam.design.hybrid.networks import hybrid_of, with_network
from crbeam.design.hybrid.penalty import (
    CoupledDownlink,
    CoupledUplink,
    PenaltySettings,
    fitted_phases,
    penalty_dual_decomposition,
    phase_fit,
)
from crbeam.design.hybrid.views import ReceiveView, TransmitView
from crbeam.design.methods import method_named
from crbeam.design.methods.optimum import Digital
from crbeam.errors import InvalidInput

SMALL = next(iter(CASES.values()))


def coupled(problem, phases_rad):
    """The split problem with the digital optimum behind given phases."""
    hybrid = hybrid_of(problem)
    if hybrid.side == "transmit":
        return CoupledDownlink(TransmitView(problem, hybrid))
    network = hybrid.network(phases_rad)
    (covariance,) = Digital().solve(with_network(problem, network)).covariances.values()
    (service,) = [part for part in problem.constraints if isinstance(part, MinimumUplinkSinr)]
    return CoupledUplink(ReceiveView(problem, hybrid), covariance, best_combiners(service, network, covariance))


def first_phases_rad(problem):
    return starting_phases_rad(problem, hybrid_of(problem), 2, np.random.SeedSequence(0))[1]


@pytest.mark.parametrize("world", [sending, hearing])
def test_a_strong_penalty_leaves_the_digital_optimum(world, rng):
    """With the copy tied to the product the first step is the digital problem behind the network."""
    problem = world(rng)
    phases_rad = first_phases_rad(problem)
    split = coupled(problem, phases_rad)
    step = split.free_step(phases_rad, np.zeros((N_MAIN, N_MAIN), dtype=complex), 1e-7)
    behind = Digital().solve(with_network(problem, hybrid_of(problem).network(phases_rad)))
    assert step.objective * split.view.program.unit == pytest.approx(behind.objective, rel=1e-4)
    assert np.max(np.abs(step.copy - step.product)) < 1e-4


@pytest.mark.parametrize("world", [demanding_downlink, demanding_uplink])
def test_requirements_on_phases_are_those_of_the_users(world, rng):
    """Phases meet the quadratic requirements just where the fixed digital part serves all users."""
    problem = world(rng)
    hybrid = hybrid_of(problem)
    phases_rad = first_phases_rad(problem)
    split = coupled(problem, phases_rad)
    multiplier = np.zeros((N_MAIN, N_MAIN), dtype=complex)
    step = split.free_step(phases_rad, multiplier, 0.1)
    fit = split.fit(step.copy, step.digital)
    assert fit.distance(phases_rad) == pytest.approx(np.linalg.norm(step.copy - step.product), abs=1e-9)
    for _ in range(5):
        moved_rad = phases_rad + 0.05 * rng.standard_normal(N_MAIN)
        factor = np.exp(1j * moved_rad)
        found = np.real(np.einsum("n,knm,m->k", factor.conj(), fit.quadratics, factor)) >= fit.floors
        network = hybrid.network(moved_rad)
        assert np.array_equal(found, served(problem, split, network, step.digital))


def served(problem, split, network, digital):
    """Whether each user has its ratio, from definitions."""
    if hybrid_of(problem).side == "transmit":
        power_w = split.view.program.unit_w
        streams = {name: power_w * network @ chain @ network.conj().T for name, chain in digital.items()}
        total = sum(streams.values())
        found = []
        for requirement in split.view.program.statement.rows:
            values = [
                part.factor
                * np.real(part.vector.conj() @ (total if part.stream is None else streams[part.stream]) @ part.vector)
                for part in requirement.parts
            ]
            found.append(sum(values) >= requirement.floor_w)
        return np.array(found)
    (service,) = [part for part in problem.constraints if isinstance(part, MinimumUplinkSinr)]
    uplink_channel = service.uplink
    echo_w = service.echo_gain * np.real(service.response.conj() @ split.covariance @ service.response)
    heard = np.abs(split.combiners.conj().T @ network.conj().T @ uplink_channel.channels) ** 2
    echo = np.abs(split.combiners.conj().T @ network.conj().T @ service.echo) ** 2
    noise = uplink_channel.noise_power_w * np.sum(np.abs(split.combiners) ** 2, axis=0)
    wanted = uplink_channel.user_power_w * np.diagonal(heard)
    others = uplink_channel.user_power_w * heard.sum(axis=1) - wanted
    return wanted / (others + echo_w * echo + noise) >= service.minimum_sinr


def test_phases_that_made_a_product_are_found_again(rng):
    """The relaxation is exact there; random candidates without it are far."""
    truth_rad = rng.uniform(-3.0, 3.0, 6)
    root = rng.standard_normal((6, 3)) + 1j * rng.standard_normal((6, 3))
    kernel = root @ root.conj().T
    factor = np.exp(1j * truth_rad)
    fit = phase_fit(np.outer(factor, factor.conj()) * kernel, kernel, [])
    found_rad = fitted_phases(fit, rng.uniform(-3.0, 3.0, 6), rng, samples=10)
    assert fit.distance(found_rad) < 1e-3 * np.linalg.norm(kernel)
    guesses = [fit.distance(rng.uniform(-3.0, 3.0, 6)) for _ in range(10)]
    assert min(guesses) > 0.2 * np.linalg.norm(kernel)


@pytest.mark.parametrize("n_chains", [None, 4])
def test_successive_programs_come_to_the_closed_form(rng, n_chains):
    """Where the ratios bind; each program lies inside the true one, so that values fall and stay above the optimum."""
    network = None if n_chains is None else np.linalg.qr(rng.standard_normal((N_MAIN, n_chains)) + 0j)[0]
    tight = half_way(uplink(rng, 1e-3, network))
    found = successive_probing(tight, tolerance=1e-6, max_iterations=60)
    exact = Digital().solve(tight)
    objective = weighted_bound(tight, found.covariances)
    assert exact.lower_bound <= objective <= exact.objective * 1.05
    assert len(found.trace) > 3
    assert list(found.trace) == sorted(found.trace, reverse=True)
    service = tight.constraints[1]
    assert np.all(service.sinr(found.covariances["assisting"]) >= service.minimum_sinr)


@pytest.mark.slow
def test_sca_comes_to_the_digital_optimum_of_the_record():
    problem = uplink_problem(CASES["ref_uplink_qos_binding"])
    design = method_named("sca-uplink:least_decrease=1e-6").solve(problem)
    assert 0.0 <= design.gap < 1e-4
    assert design.iterations > 10


@pytest.mark.slow
def test_violations_fall_with_the_corrected_sign_and_stall_with_the_printed_one():
    problem = hybrid_problem(SMALL, "downlink")
    phases_rad = first_phases_rad(problem)

    class AsPrinted(CoupledDownlink):
        """The multiplier's step of the printed algorithm: its sign in the objective is the other."""

        def free_step(self, phases_rad, multiplier, rho):
            return super().free_step(phases_rad, -multiplier, rho)

        def fit(self, target, digital):
            return super().fit(target, digital)

    settings = PenaltySettings(max_outer=4, max_inner=4)
    view = TransmitView(problem, hybrid_of(problem))
    right, wrong = (
        penalty_dual_decomposition(kind(view), phases_rad, settings, np.random.default_rng(0))
        for kind in (CoupledDownlink, AsPrinted)
    )
    assert right.violations[-1] < 0.1 * right.violations[0]
    assert wrong.violations[-1] > 2.0 * right.violations[-1]


@pytest.mark.slow
def test_the_published_algorithms_come_near_the_value_function():
    """16 and 8 antennas: objective, violation and bound, side by side."""
    downlink_problem, uplink_hybrid = (hybrid_problem(SMALL, side) for side in ("downlink", "uplink"))
    ours = [method_named("hybrid:starts=2").solve(problem) for problem in (downlink_problem, uplink_hybrid)]
    penalty = method_named("pdd-downlink:max_outer=4").solve(downlink_problem)
    single = method_named("pdd-uplink:max_outer=3").solve(uplink_hybrid)
    alternating = method_named("ao-uplink:updates=2,max_outer=3").solve(uplink_hybrid)
    assert ours[0].objective <= penalty.objective < 1.02 * ours[0].objective
    assert ours[1].objective <= alternating.objective <= single.objective < 1.2 * ours[1].objective
    assert penalty.details["violation_4"] < 0.1 * penalty.details["violation_1"]
    for design in (penalty, single, alternating):
        assert 0.0 < design.lower_bound <= design.objective


def test_sizes_and_sides_that_they_cannot_bear(rng):
    large = hybrid_problem(CASES["ref_paper_64x16_M4_K4_10dB"], "downlink")
    assert "up to 32 antennas" in (method_named("pdd-downlink").why_not(large) or "")
    without = replace(hearing(rng), constraints=(hearing(rng).constraints[0], SubarrayHybrid("receive", "uplink", 2)))
    assert "transmit side" in (method_named("pdd-downlink").why_not(without) or "")
    alone = downlink(rng, n_users=0).with_constraints(SubarrayHybrid("transmit", "main", 2))
    assert "receive side" in (method_named("ao-uplink").why_not(alone) or "")
    assert "SubarrayHybrid" in (method_named("pdd-uplink").why_not(uplink_problem(SMALL)) or "")
    assert "users in the uplink" in (method_named("ao-uplink").why_not(without) or "")
    assert method_named("ao-uplink").why_not(hearing(rng)) is None
    for option in (
        "pdd-downlink:shrink=1.5",
        "pdd-uplink:samples=0",
        "ao-uplink:updates=0",
        "sca-uplink:least_decrease=0",
    ):
        with pytest.raises(InvalidInput, match="Option"):
            method_named(option)
