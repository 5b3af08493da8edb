"""Lower bounds of hybrid arrays: below every network, and re-made from evidence."""

from dataclasses import replace

import numpy as np
import pytest
from tests.design.hybrid_scenes import WORLD, hearing, random_network, sending
from tests.design.test_served import BUDGET_W

from crbeam.design.hybrid.certificate import subarray_lower_bound
from crbeam.design.hybrid.networks import digital_relaxation, hybrid_of, with_network
from crbeam.design.hybrid.relaxation import subarray_evidence
from crbeam.design.hybrid.starts import starting_phases_rad
from crbeam.design.methods.digital import Digital
from crbeam.design.methods.hybrid import Hybrid
from crbeam.errors import Infeasible, InvalidInput


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
