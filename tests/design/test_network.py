"""Least power of networks: against enumeration and a conic solver, proofs, and transmissions that break a choice."""

from contextlib import contextmanager
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from crbeam.design import Criterion, DesignProblem, MinimumSinr, PowerBudget, Stream
from crbeam.design.choices import Association, Listening, ReceiverChoice
from crbeam.design.convex import certificate
from crbeam.design.convex.certificate import contributions, priced
from crbeam.design.convex.statement import statement_of
from crbeam.design.grading import grade
from crbeam.design.methods import Exact, NearestReceiver, RandomChoice, RelaxAndRound, method_named
from crbeam.design.problem import Power, WeightedBound
from crbeam.design.search.boxes import covers, require_programs, roles_of
from crbeam.design.search.branch_and_bound import Effort, best_transmission, bounded, solved
from crbeam.design.search.grading import least_proven
from crbeam.design.service_constraints import BoundLimit
from crbeam.errors import Infeasible, InvalidInput, SolverFailed
from crbeam.information.network import TARGET, Snapshots, StationView, network_information
from crbeam.propagation.responses import steering_response
from crbeam.scenario import UniformLinearArray
from crbeam.testing.conic_power import conic_optimum


def network(seed, *, stations=3, users=3, antennas=4, minimum_sinr=6.0, error_m=0.5, budget_w=20.0):
    """A random network of a few stations around a target, with fading channels; one array for all, or one each."""
    generator = np.random.default_rng(seed)
    sizes = (antennas,) * stations if isinstance(antennas, int) else antennas
    arrays = [UniformLinearArray(elements=size, axis="y", reference="first") for size in sizes]
    target_m = generator.uniform(-20.0, 20.0, 2)
    views, names = [], tuple(f"s{index}" for index in range(stations))
    for index, name in enumerate(names):
        bearing = 2.0 * np.pi * index / stations
        offset_m = target_m - 100.0 * np.array([np.cos(bearing), np.sin(bearing)])
        angle = np.arctan2(offset_m[1], offset_m[0]) - bearing - np.pi
        response, slope = steering_response(arrays[index].positions_wavelengths, np.array([angle]))
        views.append(StationView(name, response[:, 0], slope[:, 0], offset_m))
    gains = 10 ** (-1.2) / np.multiply.outer(*[[view.distance_m for view in views]] * 2)
    maps = []
    for index, view in enumerate(views):
        others = [each for each in range(stations) if each != index]
        information = network_information(
            view, [views[each] for each in others], gains[index, others] + 0j, Snapshots(1000, 1e-9)
        )
        maps.append(replace(information, antennas=dict(zip(names, sizes, strict=True))))
    fading = generator.normal(size=(users, stations, max(sizes), 2)) @ np.array([1.0, 1.0j]) / np.sqrt(2.0)
    fading *= 10.0 ** (-generator.uniform(5.0, 6.5, (users, stations, 1)))
    nearest = sorted(range(stations), key=lambda index: views[index].distance_m)
    return DesignProblem(
        criteria=tuple(Criterion(maps[index], {TARGET: 1.0}, names[index]) for index in nearest),
        constraints=(
            *(PowerBudget((name,), budget_w) for name in names),
            *(
                MinimumSinr(
                    f"user{k}", {b: h[:n] for b, h, n in zip(names, fading[k], sizes, strict=True)}, minimum_sinr, 1e-12
                )
                for k in range(users)
            ),
            *(BoundLimit(name, error_m**2) for name in names),
            ReceiverChoice({names[index]: Listening((names[index],), (names[index],)) for index in nearest}),
            Association(),
        ),
        objective=Power(),
        streams=(*(Stream(f"to user{k}", names, f"user{k}") for k in range(users)), Stream("sensing", names)),
    )


def enumerated_w(problem):
    """Least power of every role and association, each solved for itself."""
    found = {}
    for role in roles_of(problem):
        for servers in product(*role.servers.values()):
            each = solved_for(problem, serving(role, *servers))
            found[role.receiver, servers] = np.inf if each.found is None else each.found.objective
    return found


def serving(role, *servers):
    """The role with one block for each user."""
    return replace(role, servers={user: (name,) for user, name in zip(role.servers, servers, strict=True)})


def first_serving(role):
    """The role with the first of the blocks that may serve each user."""
    return serving(role, *(allowed[0] for allowed in role.servers.values()))


def solved_for(problem, chosen, *, gap=1e-6):
    """The convex program of some choices, solved."""
    (program,) = require_programs(problem, (chosen,))
    return solved(bounded(program), gap=gap)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_search_agrees_with_full_enumeration(seed):
    problem = network(seed)
    design = Exact().solve(problem)
    every = enumerated_w(problem)
    assert len(every) == 3 * 2**3
    assert design.objective == pytest.approx(min(every.values()), rel=1e-4)
    assert design.gap <= 1e-4
    assert design.details["programs"] < len(every)
    assert sorted(every.values())[1] > 1.001 * min(every.values())


#: One array for all stations, or arrays of their own.
ARRAYS = pytest.mark.parametrize("antennas", [4, (5, 3, 4)])


@ARRAYS
@pytest.mark.parametrize("seed", [1, 2])
def test_programs_agree_with_a_conic_solver(seed, antennas):
    problem = network(seed, users=2, antennas=antennas)
    role = roles_of(problem)[0]
    for chosen in (role, first_serving(role)):
        each = solved_for(problem, chosen)
        expected = conic_optimum(problem, chosen)
        assert each.node.lower_bound == pytest.approx(expected, rel=1e-5)
        if each.found is not None:
            assert each.found.objective == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_a_relaxation_is_below_what_it_relaxes():
    problem = network(4)
    free = replace(problem, constraints=tuple(p for p in problem.constraints if not isinstance(p, Association)))
    associated, relaxed = Exact().solve(problem), Exact().solve(free)
    assert relaxed.objective <= associated.objective * (1.0 + 1e-4)
    rounded, nearest = RelaxAndRound().solve(problem), NearestReceiver().solve(problem)
    for scheme in (rounded, nearest, RandomChoice().solve(problem)):
        assert scheme.objective >= associated.lower_bound
        assert scheme.lower_bound <= associated.objective


@pytest.mark.slow
def test_more_is_asked_more_power_is_taken():
    base = Exact().solve(network(1)).objective
    assert Exact().solve(network(1, minimum_sinr=8.0)).lower_bound > base
    assert Exact().solve(network(1, error_m=0.4)).lower_bound > base


@ARRAYS
def test_designs_keep_every_requirement(antennas):
    problem = network(2, antennas=antennas)
    design = Exact().solve(problem)
    (silent,) = [block for block, each in design.covariances.items() if not np.any(each)]
    criterion = next(each for each in problem.criteria if each.name == silent)
    assert np.trace(criterion.map.at(design.covariances).bound([TARGET])) <= 0.25 * (1.0 + 1e-9)
    for user in (part for part in problem.constraints if isinstance(part, MinimumSinr)):
        own = design.stream_covariances[f"to {user.user}"]
        wanted, received = (
            sum(float(np.real(user.channels[b].conj() @ sent[b] @ user.channels[b])) for b in problem.blocks)
            for sent in (own, design.covariances)
        )
        assert wanted / (received - wanted + user.noise_power_w) >= user.minimum_sinr * (1.0 - 1e-8)
        assert sum(np.linalg.matrix_rank(each, hermitian=True) for each in own.values() if np.any(each)) == 1
    assert max(design.covariances.powers_w.values()) <= 20.0 * (1.0 + 1e-9)


def proof_of(problem):
    outcome = best_transmission(problem, roles_of(problem), Effort())
    return outcome, tuple(node.evidence for node in outcome.leaves)


def test_a_proof_must_cover_every_choice_once():
    problem = network(1)
    _, leaves = proof_of(problem)
    assert covers(problem, leaves)
    assert not covers(problem, leaves[1:])
    assert not covers(problem, (*leaves, leaves[0]))
    first = leaves[0]
    servers = first.chosen.servers
    narrow = replace(first, chosen=replace(first.chosen, servers={**servers, "user0": servers["user0"][:1]}))
    assert not covers(problem, (narrow, *leaves[1:]))


@contextmanager
def wrong_price():
    """Proofs in which power buys half of what it does."""
    right = certificate.seen_by_streams

    def halved(*every):
        frame, inners = right(*every)
        return frame, 0.5 * inners

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificate, "seen_by_streams", halved)
        yield


def at_least_prices(problem, proof):
    """What a proof is worth at the least prices of the budgets at which it holds."""
    return least_proven(problem, [priced(statement_of(problem, proof.chosen), proof)])


def test_bounds_hold_for_any_multipliers_and_need_all_their_parts():
    problem = network(1)
    outcome, _ = proof_of(problem)
    best_w = outcome.best.objective
    node = min(outcome.leaves, key=lambda each: each.lower_bound)
    evidence = node.evidence
    generator = np.random.default_rng(5)
    for _ in range(20):
        spread = replace(evidence, multipliers=evidence.multipliers * generator.uniform(0.0, 3.0, 3))
        assert at_least_prices(problem, spread) <= best_w
    supplied = float(contributions(statement_of(problem, evidence.chosen), evidence).sum())
    assert least_proven(problem, [evidence]) == pytest.approx(best_w, rel=2e-4)
    assert supplied == pytest.approx(best_w, rel=1e-3)  # no budget binds
    doubled = replace(evidence, multipliers=2.0 * evidence.multipliers)
    with wrong_price():
        assert at_least_prices(problem, doubled) > best_w
    with pytest.raises(InvalidInput, match="multipliers"):
        least_proven(problem, [replace(evidence, multipliers=-evidence.multipliers)])
    with pytest.raises(InvalidInput, match="positive semidefinite"):
        least_proven(problem, [doubled])


def test_transmissions_that_break_a_choice_are_refused():
    problem, method = network(2), Exact()
    proposal = method.propose(problem, start=None, seed=np.random.SeedSequence(0))
    names = [stream.name for stream in problem.streams]
    silent = next(block for block, each in proposal.covariances.items() if not np.any(each))

    def altered(name, block, addition):
        streams = dict(proposal.stream_covariances)
        streams[name] = streams[name].replaced({block: streams[name][block] + addition})
        return proposal.sending(streams)

    weak = 1e-15 * np.eye(4)
    with pytest.raises(SolverFailed, match="silent station"):
        grade(method, problem, altered("sensing", silent, weak), seconds=0.0)
    serving = next(block for block, each in proposal.stream_covariances[names[0]].items() if np.any(each))
    other = next(block for block in problem.blocks if block not in (silent, serving))
    with pytest.raises(SolverFailed, match="one block that serves user0"):
        grade(method, problem, altered(names[0], other, 1e-15 * np.eye(4)), seconds=0.0)
    tight = replace(
        problem,
        constraints=tuple(replace(p, limit=0.2) if isinstance(p, BoundLimit) else p for p in problem.constraints),
    )
    with pytest.raises(SolverFailed, match="bound of"):
        grade(method, tight, proposal, seconds=0.0)


def test_a_proposal_without_proof_is_bounded_all_the_same():
    problem, method = network(1), Exact()
    proposal = method.propose(problem, start=None, seed=np.random.SeedSequence(0))
    bare = grade(method, problem, replace(proposal, cover=()), seconds=0.0)
    partial = grade(method, problem, replace(proposal, cover=proposal.cover[1:]), seconds=0.0)
    whole = grade(method, problem, proposal, seconds=0.0)
    assert 0.0 < bare.lower_bound == partial.lower_bound < whole.lower_bound <= whole.objective


def test_what_cannot_be_met_is_named():
    with pytest.raises(Infeasible, match="SINR of user") as caught:
        Exact().solve(network(1, minimum_sinr=1e4))
    assert caught.value.requirement.startswith("SINR of user")
    with pytest.raises(Infeasible, match="location accuracy"):
        Exact().solve(network(1, error_m=1e-5))


def test_a_time_limit_leaves_a_proven_gap():
    outcome = best_transmission(network(1), roles_of(network(1)), Effort(max_programs=1))
    assert outcome.hit_limit
    assert outcome.programs <= 2
    assert covers(network(1), tuple(node.evidence for node in outcome.leaves))
    with pytest.raises(SolverFailed) as caught:
        method_named("exact:time_limit_s=1e-9").solve(network(1))
    assert caught.value.status == "time_limit"


def test_methods_say_what_they_need():
    problem = network(1)
    chosen = (ReceiverChoice, Association, BoundLimit)
    plain = tuple(part for part in problem.constraints if not isinstance(part, chosen))
    assert "who listens, who serves" in Exact().why_not(replace(problem, objective=WeightedBound(), constraints=plain))
    silent = replace(problem, streams=problem.streams[:-1])
    assert "serves nobody" in Exact().why_not(silent)
    assert method_named("digital").why_not(problem)
