"""The suite of laws on every design method, on a third party's, and on methods that break one law each."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from crbeam.design import Codebook, Design, DesignMethod, Proposal, weighted_bound
from crbeam.design.methods import METHODS, method_named
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
    two_stage_problem,
    unidentifiable_copy,
    with_position_prior,
)
from crbeam.testing.conformance import assert_explains_refusal, conformance_problems

#: Methods that take long, and those that are much like a faster one.
SLOW = {"conic-wcrb", "analog-wcrb", "analog-fdb", "fdb-wcm", "cpa-wbf", "fdb-wbf", "analog-cpa", "digital"}
SLOW |= {"joint-sequential", "shared-sequential", "separate-sequential", "p1-weighted", "full-ms", "full-bp"}
SLOW_WITH_TWO_BLOCKS = {*SLOW, "uniform"}


#: Methods for scenes with served users or several stations, which have suites of their own.
OF_SERVICE = {"hybrid", "exact", "relax-and-round", "nearest-receiver", "random-choice", "one-transmitter"}
OF_SERVICE |= {"ao-big-m"}
OF_SERVICE |= {"pdd-downlink", "pdd-uplink", "ao-uplink", "sca-uplink"}
OF_SERVICE |= {"lifted-sdp", "lifted-sca", "linkage", "k-means", "nearest-set", "many-receivers"}


def keys(slow):
    """All methods that position a user, some of them marked as slow."""
    plain = [key for key in METHODS if key not in OF_SERVICE]
    return [pytest.param(key, marks=pytest.mark.slow) if key in slow else key for key in plain]


#: Methods of our own engine are judged by the conic solver, all others by the engine.
ENGINE = ("fdb-wcrb", "cpa-wcrb", "joint-sequential", "shared-sequential", "p1-weighted", "full-ms", "full-bp")
REFERENCES = {key: METHODS["conic-wcrb"]() for key in ENGINE}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("analog-wcrb:starts=1,max_iterations=20", marks=pytest.mark.slow),
        "analog-fdb:starts=2,max_iterations=2",
    ],
)
def test_iterative_analog_methods_conform_with_little_effort(name):
    method = method_named(name)
    problems = [replace(problem, n_slots=2) for problem in conformance_problems(method)[2:]]
    assert_method_conforms(method, [problems[0], problems[2]])


@pytest.mark.parametrize("key", keys(SLOW))
def test_every_method_conforms(key):
    assert_method_conforms(METHODS[key](), reference=REFERENCES.get(key))


@pytest.mark.parametrize("key", keys(SLOW_WITH_TWO_BLOCKS))
def test_every_method_conforms_with_two_blocks(key, rng):
    method = METHODS[key]()
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


def test_a_third_party_method_is_graded_by_the_problem():
    (problem, *_) = conformance_problems(BestOfRandom())
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
    problem = conformance_problems(BoundJustBelowItself())[3]
    design = BoundJustBelowItself().solve(problem)
    assert_sound(problem, design, witnesses=[random_feasible(problem, rng) for _ in range(3)])
    (best,) = optimal_transmissions([problem])
    assert design.lower_bound > 1.2 * objective_of(problem, best)
    for witnesses in (None, [best]):
        with pytest.raises(AssertionError, match="claimed lower bound"):
            assert_sound(problem, design, witnesses=witnesses)


def test_a_witness_must_be_nearly_optimal():
    (problem, *_) = conformance_problems(BestOfRandom())
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
