"""The suite of laws on every design method, on a third party's, and on methods that break one law each."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pytest

from crbeam.design import Codebook, Design, DesignMethod, Proposal, weighted_bound
from crbeam.design.choices import Selection
from crbeam.design.method import OneByOne
from crbeam.design.methods import METHODS, method_named
from crbeam.design.service_constraints import Illumination, MinimumRate, MinimumSinr, MinimumUplinkSinr
from crbeam.errors import InvalidInput, SolverFailed, Unidentifiable
from crbeam.information import Transmission
from crbeam.systems import design_problem
from crbeam.systems.zhang2025 import Zhang2025
from crbeam.testing import (
    assert_method_conforms,
    assert_sound,
    objective_of,
    optimal_transmissions,
    random_feasible,
    random_scenario,
    random_service,
    two_stage_problem,
    unidentifiable_copy,
    with_position_prior,
)
from crbeam.testing.conformance import assert_explains_refusal, plain_problems, witnesses_of
from crbeam.testing.problem_families import FAMILIES, SCENES, family_problems
from crbeam.testing.service_laws import (
    assert_serves,
    broken_requirements,
    part_of_kind,
    sent_by,
    true_objective,
    uplink_ratios,
)

#: Options with which methods that take minutes by default run the same suite with little effort.
LITTLE_EFFORT = {
    "analog-wcrb": "starts=1,max_iterations=20",
    "analog-fdb": "starts=2,max_iterations=2",
    "hybrid": "starts=1,max_iterations=3",
    "pdd-downlink": "max_inner=1,max_outer=2,samples=5",
    "pdd-uplink": "max_inner=1,max_outer=2,samples=5",
    "ao-uplink": "max_inner=1,max_outer=2,samples=5,updates=1",
    "ao-big-m": "max_iterations=1",
    "lifted-sca": "max_iterations=2",
}
#: Methods that take long, and those that are much like a faster one.
SLOW = {"conic-wcrb", "analog-wcrb", "analog-fdb", "fdb-wcm", "cpa-wbf", "fdb-wbf", "analog-cpa", "digital"}
SLOW |= {"joint-sequential", "shared-sequential", "separate-sequential", "p1-weighted", "full-ms", "full-bp"}
SLOW |= {*LITTLE_EFFORT, "exact", "relax-and-round", "nearest-receiver", "random-choice", "one-transmitter"}
SLOW |= {"linkage", "k-means", "nearest-set", "sca-uplink"}
SLOW_WITH_TWO_BLOCKS = {*SLOW, "uniform"}


def keys(slow):
    """All methods, some of them marked as slow."""
    return [pytest.param(key, marks=pytest.mark.slow) if key in slow else key for key in METHODS]


def named(key):
    """A method by its key, with little effort if it takes minutes."""
    return method_named(f"{key}:{LITTLE_EFFORT.get(key, '')}")


#: Methods of our own engine are judged by the conic solver, all others by the engine.
ENGINE = ("fdb-wcrb", "cpa-wcrb", "joint-sequential", "shared-sequential", "p1-weighted", "full-ms", "full-bp")
REFERENCES = {key: METHODS["conic-wcrb"]() for key in ENGINE}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("analog-wcrb:starts=2,max_iterations=40", marks=pytest.mark.slow),
        "analog-fdb:starts=3,max_iterations=3",
    ],
)
def test_iterative_analog_methods_conform_in_two_slots(name):
    method = method_named(name)
    problems = [replace(problem, n_slots=2) for problem in plain_problems(method)[2:]]
    assert_method_conforms(method, [problems[0], problems[2]])


@pytest.mark.parametrize("key", keys(SLOW))
def test_every_method_conforms(key):
    assert_method_conforms(named(key), reference=REFERENCES.get(key))


@pytest.mark.slow
def test_each_family_is_solved_by_a_method_and_whole():
    families = {}
    for key in METHODS:
        method = named(key)
        able = {
            name: sum(method.why_not(problem) is None for problem in problems)
            for name, problems in family_problems(method).items()
        }
        assert set(able.values()) <= {0, SCENES}, f"{key} refuses some problems of a family: {able}"
        for name in able:
            families.setdefault(name, []).extend([key] if able[name] else [])
    assert set(families) == {*FAMILIES, "tied blocks"}
    assert all(families.values()), families


@pytest.mark.parametrize("key", keys(SLOW_WITH_TWO_BLOCKS))
def test_every_method_conforms_with_two_blocks(key, rng):
    method = named(key)
    problems = [two_stage_problem(random_scenario(rng, n_targets=1, n_antennas=8, subcarriers=16)) for _ in range(2)]
    if method.why_not(problems[0]) is not None:
        assert_explains_refusal(method, problems[0])
    else:
        problems.append(with_position_prior(problems[1]))
        assert_method_conforms(method, problems, reference=REFERENCES.get(key))


@pytest.mark.parametrize("key", METHODS)
def test_every_method_explains_what_it_cannot_do(key, rng):
    method = METHODS[key]()
    scenario = random_scenario(rng, n_targets=1, n_antennas=6, subcarriers=16)
    plain = design_problem(scenario)
    restricted = plain.with_constraints(Zhang2025(scenario).codebook())
    refused = [problem for problem in (plain, restricted) if method.why_not(problem) is not None]
    for problem in refused:
        assert_explains_refusal(method, problem)
    if method.uses:
        assert plain in refused
    elif Codebook not in method.keeps:
        assert restricted in refused


@dataclass(frozen=True)
class BestOfRandom(DesignMethod):
    """A third party's method: the best of a few random transmissions. It touches none of our files."""

    key = "best-of-random"
    summary = "the best of a few random transmissions"

    n_draws: int = 4

    def propose_many(self, problems, *, starts, seeds):
        return [self.best(problem, np.random.default_rng(seed)) for problem, seed in zip(problems, seeds, strict=True)]

    def best(self, problem, rng):
        draws = [random_feasible(problem, rng) for _ in range(self.n_draws)]
        try:
            values = [weighted_bound(problem, draw) for draw in draws]
        except Unidentifiable as error:
            return error
        trace = tuple(np.minimum.accumulate(values).tolist())
        return Proposal(draws[int(np.argmin(values))], trace=trace, iterations=self.n_draws)


def test_a_third_party_method_conforms():
    assert_method_conforms(BestOfRandom())
    assert_method_conforms(BestOfRandom(n_draws=2))


@dataclass(frozen=True)
class BestOfServed(OneByOne):
    """A third party's method for users: the best of a few random transmissions that serve them."""

    key = "best-of-served"
    summary = "the best of a few random transmissions that keep all requirements"
    keeps = frozenset({MinimumSinr, MinimumRate, MinimumUplinkSinr, Illumination})
    is_global = False

    def design(self, problem, seed):
        rng = np.random.default_rng(seed)
        draws = [sent for sent in (random_service(problem, rng) for _ in range(4)) if sent is not None]
        values = [true_objective(problem, sent) for sent in draws]
        if not np.isfinite(min(values, default=np.inf)):
            raise SolverFailed("must find a transmission that serves all, but did not", status="none found")
        best = draws[int(np.argmin(values))]
        return Proposal(best.covariances, stream_covariances=best.streams)


@pytest.mark.slow
def test_a_third_party_method_that_serves_users_conforms_with_the_same_call():
    method = BestOfServed()
    assert_method_conforms(method)
    able = {
        name
        for name, problems in family_problems(method).items()
        if all(method.why_not(problem) is None for problem in problems)
    }
    assert able == {name for name in FAMILIES if name.startswith(("users", "rates"))}


class ServesLess(BestOfServed):
    """Users get a thousandth of the power."""

    def design(self, problem, seed):
        proposal = super().design(problem, seed)
        served = {stream.name for stream in problem.streams if stream.served_user is not None}
        streams = {name: (1e-3 if name in served else 1.0) * sent for name, sent in proposal.stream_covariances.items()}
        return proposal.sending(streams)


class ClaimsTooMuchForUsers(BestOfServed):
    def solve_many(self, problems, *, starts=None, seeds=None):
        designs = super().solve_many(problems, starts=starts, seeds=seeds)
        return [d if isinstance(d, Exception) else replace(d, lower_bound=d.objective) for d in designs]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "words"), [(ServesLess, "solve_many failed"), (ClaimsTooMuchForUsers, "claimed")])
def test_the_suite_rejects_methods_that_wrong_users(kind, words):
    method = kind()
    problems = [problem for name in ("users in the downlink",) for problem in family_problems(method)[name]]
    with pytest.raises(AssertionError, match=words):
        assert_method_conforms(method, problems)


def test_a_third_party_method_is_graded_by_the_problem():
    (problem, *_) = plain_problems(BestOfRandom())
    design = BestOfRandom().solve(problem)
    assert isinstance(design, Design)
    assert design.method == "best-of-random"
    assert design.status.key == "feasible"
    assert design.objective == pytest.approx(design.trace[-1])
    assert 0.0 < design.lower_bound < design.objective
    optimum = METHODS["fdb-wcrb"]().solve(problem)
    assert design.lower_bound <= optimum.objective <= design.objective


class TooMuchPower(BestOfRandom):
    def best(self, problem, rng):
        proposal = super().best(problem, rng)
        return (
            proposal if isinstance(proposal, Exception) else replace(proposal, covariances=1.01 * proposal.covariances)
        )


class Indefinite(BestOfRandom):
    def best(self, problem, rng):
        proposal = super().best(problem, rng)
        if isinstance(proposal, Exception):
            return proposal
        ((block, covariance),) = proposal.covariances.items()
        shift = np.zeros(problem.antennas[block])
        shift[:2] = 1.0, -1.0
        wrong = covariance + problem.budgets[0].power_per_subcarrier_w * np.diag(shift)
        return replace(proposal, covariances=Transmission({block: wrong}))


class SharedStream(BestOfRandom):
    """One stream for the whole batch."""

    def propose_many(self, problems, *, starts, seeds):
        rng = np.random.default_rng(seeds[0])
        return [self.best(problem, rng) for problem in problems]


class ForgetsSeeds(BestOfRandom):
    def propose_many(self, problems, *, starts, seeds):
        rng = np.random.default_rng()
        return [self.best(problem, rng) for problem in problems]


class MixesItems(BestOfRandom):
    """The number of draws depends on the size of the batch."""

    def propose_many(self, problems, *, starts, seeds):
        other = replace(self, n_draws=1 + len(problems))
        return [other.best(problem, np.random.default_rng(seed)) for problem, seed in zip(problems, seeds, strict=True)]


class FailsTogether(BestOfRandom):
    def propose_many(self, problems, *, starts, seeds):
        proposals = super().propose_many(problems, starts=starts, seeds=seeds)
        failed = [proposal for proposal in proposals if isinstance(proposal, Exception)]
        return [failed[0]] * len(proposals) if failed else proposals


class OtherAlone(BestOfRandom):
    """No bound of its own to hide behind, and another path for one problem."""

    is_global = False

    def propose(self, problem, *, start, seed):
        return self.best(problem, np.random.default_rng(99))


class RisingTrace(BestOfRandom):
    def best(self, problem, rng):
        proposal = super().best(problem, rng)
        return proposal if isinstance(proposal, Exception) else replace(proposal, trace=(*proposal.trace, 1e9))


class GradesItself(BestOfRandom):
    def solve_many(self, problems, *, starts=None, seeds=None):
        designs = super().solve_many(problems, starts=starts, seeds=seeds)
        return [d if isinstance(d, Exception) else replace(d, objective=0.9 * d.objective) for d in designs]


class ClaimsTooMuch(BestOfRandom):
    def solve_many(self, problems, *, starts=None, seeds=None):
        designs = super().solve_many(problems, starts=starts, seeds=seeds)
        return [d if isinstance(d, Exception) else replace(d, lower_bound=d.objective) for d in designs]


@dataclass(frozen=True)
class BoundJustBelowItself(DesignMethod):
    """A decent baseline that calls itself optimal: its bound is just below its own objective."""

    key = "just-below"
    summary = "half of the power isotropic, said to be optimal"

    def propose_many(self, problems, *, starts, seeds):
        return [self.proposal(problem) for problem in problems]

    def proposal(self, problem):
        try:
            return Proposal(self.beams(problem))
        except Unidentifiable as error:
            return error

    def beams(self, problem):
        (best,) = optimal_transmissions([problem])
        return 0.5 * best + 0.5 * problem.isotropic()

    def solve_many(self, problems, *, starts=None, seeds=None):
        designs = super().solve_many(problems, starts=starts, seeds=seeds)
        return [self.claim(design) for design in designs]

    def solve(self, problem, *, start=None, seed=None):
        return self.claim(super().solve(problem, start=start, seed=seed))

    def claim(self, design):
        return design if isinstance(design, Exception) else replace(design, lower_bound=0.9999 * design.objective)


class SilentAboutItsBound(BestOfRandom):
    def solve_many(self, problems, *, starts=None, seeds=None):
        designs = super().solve_many(problems, starts=starts, seeds=seeds)
        return [d if isinstance(d, Exception) else replace(d, lower_bound=None, bound_note="") for d in designs]


class WritesToItsStart(BestOfRandom):
    def propose_many(self, problems, *, starts, seeds):
        for start in starts:
            for matrix in (start or {}).values():
                matrix *= 0.5
        return super().propose_many(problems, starts=starts, seeds=seeds)


class GivesUp(BestOfRandom):
    def best(self, problem, rng):
        return SolverFailed("must end, but never does", status="given up")


class Monosyllabic(BestOfRandom):
    def why_not(self, problem):
        return "no" if 6 in problem.antennas.values() else None


class RefusesEverything(BestOfRandom):
    def why_not(self, problem):
        return f"{self.key} applies to no problem at all."


BROKEN = {
    TooMuchPower: "must keep to",
    Indefinite: "positive-semidefinite",
    SharedStream: "differ by",
    ForgetsSeeds: "differ by",
    MixesItems: "differ by",
    FailsTogether: "solve_many failed",
    OtherAlone: "differ by",
    RisingTrace: "raises the objective",
    GradesItself: "reports",
    ClaimsTooMuch: "claimed lower bound",
    BoundJustBelowItself: "claimed lower bound",
    SilentAboutItsBound: "must say why",
    WritesToItsStart: "in place",
    GivesUp: "solve_many failed",
    Monosyllabic: "must give a sentence",
    RefusesEverything: "applies to none",
}


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_the_suite_rejects(kind):
    with pytest.raises(AssertionError, match=BROKEN[kind]):
        assert_method_conforms(kind())


def test_only_the_optimum_exposes_a_bound_just_below_a_methods_own_objective(rng):
    """Random transmissions would let it pass, although the optimum is far below what is said to be impossible."""
    problem = plain_problems(BoundJustBelowItself())[3]
    design = BoundJustBelowItself().solve(problem)
    assert_sound(problem, design, witnesses=[random_feasible(problem, rng) for _ in range(3)])
    (best,) = optimal_transmissions([problem])
    assert design.lower_bound > 1.2 * objective_of(problem, best)
    for witnesses in (None, [best]):
        with pytest.raises(AssertionError, match="claimed lower bound"):
            assert_sound(problem, design, witnesses=witnesses)


def test_a_witness_must_be_nearly_optimal():
    (problem, *_) = plain_problems(BestOfRandom())
    with pytest.raises(InvalidInput, match="certified gap"):
        optimal_transmissions([problem], BestOfRandom())
    with pytest.raises(InvalidInput, match="must apply to every problem"):
        optimal_transmissions([problem], METHODS["cpa-wcrb"]())


def test_items_have_seeds_of_their_own_by_default(rng):
    """Two items with the default seed draw the same, whether or not a method spawns from it."""

    class Spawns(BestOfRandom):
        def best(self, problem, rng):
            return super().best(problem, np.random.default_rng(rng.bit_generator.seed_seq.spawn(1)[0]))

    scenario = random_scenario(rng, n_targets=1, n_antennas=6, subcarriers=16)
    first, second = Spawns().solve_many([design_problem(scenario)] * 2)
    assert first.covariances.keys() == second.covariances.keys()
    assert all(np.array_equal(first.covariances[block], second.covariances[block]) for block in first.covariances)


def test_a_batch_needs_a_start_and_a_seed_for_each_problem(rng):
    problem = design_problem(random_scenario(rng, n_targets=1, n_antennas=6, subcarriers=16))
    with pytest.raises(InvalidInput, match="one start and one seed"):
        METHODS["uniform"]().solve_many([problem], seeds=[])


def test_an_unidentifiable_problem_raises_with_names(rng):
    problem = unidentifiable_copy(design_problem(random_scenario(rng, n_targets=2, n_antennas=6, subcarriers=16)))
    for key in METHODS:
        method = METHODS[key]()
        if method.why_not(problem) is None:
            with pytest.raises(Unidentifiable) as caught:
                method.solve(problem)
            assert "user_position" in caught.value.names


HYBRID = ("phase shifters in the downlink", "phase shifters in the uplink")
NETWORKS = ("networks at least power", "networks at least error")
SELECTIONS = ("receivers to select", "receivers to select, shared unknowns")
UPLINK = ("users in the uplink, a lit target", "phase shifters in the uplink")


SOLVERS = {
    **{name: "digital" for name in FAMILIES if name.startswith("users")},
    **{name: "exact" for name in FAMILIES if name.startswith(("receivers", "networks"))},
    "rates in lines of sight": "lifted-sdp",
    "rates with scattered waves": "lifted-sca:max_iterations=1",
    **dict.fromkeys(HYBRID, "hybrid:starts=1,max_iterations=1"),
}


@lru_cache(maxsize=len(SOLVERS))
def solved(name):
    """A problem of a family and its design."""
    method = method_named(SOLVERS[name])
    problem = family_problems(method)[name.replace("phase shifters", "users")][0]
    return problem, method.solve(problem)


def scaled(design, factor, stream=None):
    """The design with one stream, by default all, at another power."""
    streams = {
        name: (factor if stream in (None, name) else 1.0) * sent for name, sent in design.stream_covariances.items()
    }
    return replace(design, covariances=Transmission.sum_of(streams.values()), stream_covariances=streams)


@pytest.mark.parametrize("name", [*FAMILIES, *HYBRID])
def test_the_laws_of_requirements_reject_altered_designs(name, rng):
    problem, design = solved(name)
    witnesses = witnesses_of(problem, rng)
    assert_serves(problem, design, witnesses)
    wrong = {
        "has the objective": replace(design, objective=0.999 * design.objective),
        "better than its own": replace(design, lower_bound=1.001 * design.objective),
        "must say why": replace(design, lower_bound=None, bound_note=""),
        "exceed their budget": scaled(design, 1e3),
        "raises the objective": replace(design, trace=(1.0, 2.0)),
    }
    for words, altered in wrong.items():
        with pytest.raises(AssertionError, match=words):
            assert_serves(problem, altered, witnesses)


@pytest.mark.parametrize("name", [*FAMILIES, *HYBRID])
def test_the_laws_of_requirements_reject_bounds_that_a_feasible_transmission_undercuts(name, rng):
    """Of a design that is not optimal: its claimed bound is below its own objective, but above that of another."""
    problem, design = solved(name)
    values = {true_objective(problem, sent): sent for sent in witnesses_of(problem, rng)}
    best, worst = min(values), max(value for value in values if np.isfinite(value))
    assert worst > 1.01 * best
    sent = values[worst]
    poor = replace(
        design,
        covariances=sent.covariances,
        stream_covariances=sent.streams,
        analog=sent.networks,
        selected=sent.selected,
        objective=worst,
        lower_bound=0.999 * best,
    )
    assert_serves(problem, poor, list(values.values()))
    with pytest.raises(AssertionError, match="claimed lower bound"):
        assert_serves(problem, replace(poor, lower_bound=1.001 * best), list(values.values()))


def broken_by(problem, design):
    return " ".join(broken_requirements(problem, sent_by(design)))


def served_stream(problem):
    return next(stream.name for stream in problem.streams if stream.served_user is not None)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("users in the downlink", "SINR"),
        ("phase shifters in the downlink", "SINR"),
        ("rates in lines of sight", "SINR"),
        ("rates with scattered waves", "rate"),
        ("receivers to select", "SINR"),
        *((name, "SINR") for name in NETWORKS),
    ],
)
def test_a_user_whose_stream_is_weaker_is_found(name, words):
    problem, design = solved(name)
    assert words in broken_by(problem, scaled(design, 1e-3, served_stream(problem)))


@pytest.mark.parametrize("name", UPLINK)
def test_an_uplink_beside_too_strong_an_echo_is_found_and_so_is_a_dark_target(name):
    problem, design = solved(name)
    part = part_of_kind(problem, MinimumUplinkSinr)
    beam = part.response / np.linalg.norm(part.response)
    ratios = uplink_ratios(problem, part, sent_by(design))
    ((stream, sent),) = design.stream_covariances.items()
    ((block, power_w),) = sent.powers_w.items()
    strong = Transmission({block: 100.0 * power_w * np.outer(beam, beam.conj())})
    altered = replace(design, covariances=strong, stream_covariances={stream: strong})
    assert np.all(uplink_ratios(problem, part, sent_by(altered)) < ratios)
    demanding = replace(part, minimum_sinr=1.01 * ratios)
    others = tuple(each for each in problem.constraints if each is not part)
    assert "uplink SINR" in broken_by(replace(problem, constraints=(*others, demanding)), design)
    if part_of_kind(problem, Illumination) is not None:
        assert "illumination" in broken_by(problem, scaled(design, 1e-3))


@pytest.mark.parametrize("name", HYBRID)
def test_a_network_that_phase_shifters_cannot_be_is_found(name):
    problem, design = solved(name)
    ((port, network),) = design.analog.items()
    for wrong in (np.roll(network, 1, axis=0), 1.01 * network, network[:, ::-1]):
        assert "phase shifters" in broken_by(problem, replace(design, analog={port: wrong}))
    assert f"no network of {port}" in broken_by(problem, replace(design, analog={}))


@pytest.mark.parametrize("name", SELECTIONS)
def test_receivers_beyond_the_budget_are_found(name):
    problem, design = solved(name)
    selection = part_of_kind(problem, Selection)
    assert "receivers for" in broken_by(problem, replace(design, selected=selection.names))
    assert "no receiver" in broken_by(problem, replace(design, selected=()))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_second_server_and_a_listener_that_sends_are_found(name):
    problem, design = solved(name)
    stream = served_stream(problem)
    sent = design.stream_covariances[stream]
    rolled = Transmission(dict(zip(sent, np.roll(list(sent.values()), 1, axis=0), strict=True)))
    shared = 0.5 * (sent + rolled)
    split = replace(design, stream_covariances={**design.stream_covariances, stream: shared})
    assert f"2 stations for {stream}" in broken_by(problem, split)
    floor = Transmission({block: 1e-3 * np.eye(size, dtype=complex) for block, size in problem.antennas.items()})
    loud = replace(design, covariances=design.covariances + floor)
    assert "no role whose limits hold" in broken_by(problem, loud)
