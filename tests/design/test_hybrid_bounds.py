"""Lower bounds of hybrid arrays: below every network, and re-made from evidence."""

from dataclasses import replace

import numpy as np
import pytest
from tests.design.hybrid_scenes import WORLD, demanding_uplink, hearing, random_network, sending
from tests.design.test_served import BUDGET_W

import crbeam
from crbeam.design.convex.statement import statement_of
from crbeam.design.hybrid.certificate import largest_share, lifted_users, subarray_lower_bound, users_alone
from crbeam.design.hybrid.descent import ratios_beside_echo, starting_phases_rad
from crbeam.design.hybrid.networks import digital_relaxation, hybrid_of, n_antennas_of, service_of, with_network
from crbeam.design.hybrid.relaxation import service_evidence, subarray_evidence
from crbeam.design.methods.hybrid import Hybrid
from crbeam.design.methods.optimum import Digital
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
    with pytest.raises(InvalidInput, match="whose hybrid array serves users"):
        subarray_lower_bound(problem, replace(evidence, users=np.zeros((2, 5, 5), dtype=complex)))
    problem = hearing(rng)
    evidence = subarray_evidence(problem, hybrid_of(problem))
    for users in (evidence.users[:, 1:, 1:], np.nan * evidence.users):
        with pytest.raises(InvalidInput, match="must be finite with shape"):
            subarray_lower_bound(problem, replace(evidence, users=users))


def complex_normal(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def random_covariance(rng, size):
    factor = complex_normal(rng, size, size)
    return factor @ factor.conj().T


def lifted_by(network, covariance, per_chain):
    """`conj(f_i f_i^H) (x) R` of each sub-array."""
    beams = network.sum(axis=1).reshape(-1, per_chain)
    return np.array([np.kron(np.outer(beam.conj(), beam), covariance) for beam in beams])


@pytest.mark.parametrize("factor", [0.999, 1.001])
def test_matrices_of_users_are_semidefinite_just_where_a_network_serves_them(factor, rng):
    """At ratios that a random network reaches beside the echo of a random probing, and at higher ones."""
    problem = hearing(rng)
    service, hybrid = service_of(problem, hybrid_of(problem)), hybrid_of(problem)
    for _ in range(5):
        network = random_network(problem, rng)
        covariance = random_covariance(rng, problem.antennas[service.block])
        echo_w = service.echo_gain * float(np.real(service.response.conj() @ covariance @ service.response))
        reached = ratios_beside_echo(service, network, echo_w).ratios
        asked = replace(service, minimum_sinr=factor * reached)
        users = lifted_users(asked, hybrid.antennas_per_chain, np.eye(len(covariance), dtype=complex))
        found = users.matrices(lifted_by(network, covariance, hybrid.antennas_per_chain), covariance)
        least = np.linalg.eigvalsh(found)[:, 0]
        assert np.all(least > -1e-9 * np.abs(found).max()) if factor < 1.0 else np.all(least < 0.0)


def test_multipliers_of_users_count_what_their_matrices_are(rng):
    """`sum_k <S_k, C_k>` is linear in what is lifted and in R, even where these belong to no network."""
    problem = hearing(rng)
    service, per_chain = service_of(problem, hybrid_of(problem)), hybrid_of(problem).antennas_per_chain
    size = problem.antennas[service.block]
    users = lifted_users(service, per_chain, np.eye(size, dtype=complex))
    sent = random_covariance(rng, size)
    lifted = np.array([random_covariance(rng, per_chain * size) for _ in users.columns])
    multipliers = np.array([random_covariance(rng, users.n_rows) for _ in service.users])
    product = np.vdot(multipliers, users.matrices(lifted, sent)).real
    counted = np.vdot(users.heard(multipliers), lifted).real + np.vdot(users.sent(multipliers), sent).real
    assert product == pytest.approx(counted + users.constant(multipliers), rel=1e-10)


def users_first():
    """A network has to be made for the users; with a chain for each antenna they would hardly be felt."""
    return demanding_uplink(np.random.default_rng(2), share=0.7)


def test_users_behind_the_network_raise_the_bound():
    problem = users_first()
    evidence = subarray_evidence(problem, hybrid_of(problem))
    alone = tuple(part for part in problem.constraints if part is not service_of(problem, hybrid_of(problem)))
    deaf = replace(problem, constraints=alone)
    unaware = subarray_lower_bound(deaf, subarray_evidence(deaf, hybrid_of(problem)))
    assert subarray_lower_bound(problem, evidence) > 25.0 * unaware


def test_any_multipliers_of_users_prove_something(rng):
    """Of indefinite ones the positive part counts; without that, those here would claim what is not true."""
    problem = users_first()
    evidence = subarray_evidence(problem, hybrid_of(problem))
    best = subarray_lower_bound(problem, evidence)
    objective = Hybrid(starts=4).solve(problem).objective
    assert best <= objective
    assert objective < 1.2 * best
    size = np.abs(evidence.users).max()
    corner = np.zeros(evidence.users.shape[1:])
    corner[-1, -1] = size
    others = [0.5 * evidence.users, 1.3 * evidence.users, evidence.users - corner, -evidence.users]
    others += [evidence.users + 0.1 * size * complex_normal(rng, *evidence.users.shape) for _ in range(3)]
    for users in others:
        assert subarray_lower_bound(problem, replace(evidence, users=users)) < best
    assert best + len(evidence.users) * size > objective  # what the corner would bring unrepaired


@pytest.mark.parametrize("ratio", [1e-3, 30.0])
def test_no_network_gives_more_than_the_proven_share(ratio, rng):
    """With the found multipliers as with any others."""
    problem = hearing(rng)
    hybrid, service = hybrid_of(problem), service_of(problem, hybrid_of(problem))
    asked = replace(service, minimum_sinr=np.full(len(service.users), ratio))
    users = users_alone(asked, hybrid.antennas_per_chain)
    statement = statement_of(digital_relaxation(problem))
    prices, multipliers = service_evidence(statement, users, n_antennas_of(problem, hybrid))
    found = [(prices, multipliers), (0.5 * prices, multipliers), (prices, complex_normal(rng, *multipliers.shape))]
    shares = [largest_share(users, *each) for each in found]
    for _ in range(20):
        reached = ratios_beside_echo(asked, random_network(problem, rng), 0.0).ratios
        assert np.min(reached / ratio) <= min(shares)
    assert (shares[0] < 1.0) == (ratio == 30.0)


#: Aperture of li2024 in wavelengths.
APERTURE_WAVELENGTHS = 0.7412535448847822 * 63


def paper_uplink(seed, ratio, n_main=32, n_assisting=8):
    """The uplink of li2024 with arrays of some size, four users and sub-arrays of four."""
    return crbeam.read(
        "li2024-uplink",
        f"stations.main.transmit_array.elements={n_main}",
        f"stations.main.transmit_array.spacing={APERTURE_WAVELENGTHS / (n_main - 1)}",
        f"stations.assisting.transmit_array.elements={n_assisting}",
        "served_users.antennas_per_chain=4",
        "served_users.count=4",
        f"served_users.minimum_sinr={ratio}",
        seed=seed,
    )


def test_what_no_network_serves_is_refused_though_a_chain_for_each_antenna_would_do():
    asked = paper_uplink(0, "22 dB")
    assert asked.design(method="digital").objective > 0.0
    with pytest.raises(Infeasible, match="but no network serves them all: whatever its phases") as refused:
        asked.design(method="hybrid")
    assert "by at least 1.76 dB even without probing" in str(refused.value)
    assert refused.value.requirement == "uplink SINR of served_user[1], served_user[2], served_user[3]"


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "most"), [(0, 0.075), (2, 0.099)])
def test_bounds_where_the_network_is_made_for_the_users(seed, most):
    """32 and 8 antennas at 20 dB; a bound that knows no users behind the network leaves 0.78 and 0.46."""
    design = paper_uplink(seed, "20 dB").design(method="hybrid")
    assert design.gap < most
    assert design.bound_note.endswith("lifted by each sub-array, and users behind them")
