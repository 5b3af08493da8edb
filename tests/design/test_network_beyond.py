"""Networks beyond the paper: best accuracy at a given power, several listeners and targets; what binds; time limits."""

from dataclasses import replace

import numpy as np
import pytest
from tests.design.test_network import at_least_prices, first_serving, network, solved_for, wrong_price

from crbeam.design import DesignProblem, MinimumSinr, PowerBudget
from crbeam.design.choices import Listening, ReceiverChoice
from crbeam.design.grading import grade
from crbeam.design.methods import METHODS, Exact, NearestReceiver, RandomChoice, RelaxAndRound
from crbeam.design.problem import WeightedBound
from crbeam.design.progress import watched_by
from crbeam.design.result import Status
from crbeam.design.search.boxes import roles_of
from crbeam.design.search.branch_and_bound import Effort, best_transmission, require_transmission
from crbeam.design.search.grading import least_proven
from crbeam.design.search.method import proposal_of
from crbeam.design.service_constraints import BoundLimit
from crbeam.errors import Infeasible, InvalidInput, SolverFailed
from crbeam.testing.conic_power import conic_optimum


def without(problem, *kinds):
    return tuple(part for part in problem.constraints if not isinstance(part, kinds))


def most_accurate(problem, power_w):
    """The dual problem: least bound with all stations together sending at most a power."""
    kept = without(problem, BoundLimit, PowerBudget)
    return replace(problem, objective=WeightedBound(), constraints=(PowerBudget(problem.blocks, power_w), *kept))


@pytest.mark.slow
def test_least_error_at_the_least_power_is_the_error_that_was_asked_for():
    problem = network(1)
    least = Exact().solve(problem)
    design = Exact().solve(most_accurate(problem, least.objective))
    assert design.objective == pytest.approx(0.25, rel=1e-4)
    assert design.power_w == pytest.approx(least.objective, rel=1e-9)
    assert design.gap <= 1e-4
    assert Exact().solve(most_accurate(problem, 2.0 * least.objective)).objective < 0.2


@pytest.mark.parametrize("seed", [1, 3])
def test_programs_of_least_error_agree_with_a_conic_solver(seed):
    problem = most_accurate(network(seed, users=2), 20.0)
    role = roles_of(problem)[0]
    for chosen in (role, first_serving(role)):
        each = solved_for(problem, chosen)
        assert each.node.lower_bound == pytest.approx(conic_optimum(problem, chosen), rel=1e-5)
        assert each.found.objective == pytest.approx(each.node.lower_bound, rel=2e-6)


def test_bounds_on_errors_hold_for_any_evidence_and_need_the_price_of_power():
    problem = most_accurate(network(1), 20.0)
    outcome = best_transmission(problem, roles_of(problem), Effort())
    node = min(outcome.leaves, key=lambda each: each.lower_bound)
    evidence, best = node.evidence, outcome.best.objective
    assert least_proven(problem, [evidence]) == pytest.approx(best, rel=2e-4)
    generator = np.random.default_rng(2)
    for _ in range(20):
        spread = replace(
            evidence,
            multipliers=evidence.multipliers * generator.uniform(0.0, 3.0, 3),
            responses=tuple(each * generator.uniform(0.3, 3.0) for each in evidence.responses),
        )
        assert at_least_prices(problem, spread) <= best
    with wrong_price():
        assert at_least_prices(problem, evidence) > best
    with pytest.raises(InvalidInput, match="responses"):
        least_proven(problem, [replace(evidence, responses=())])


@pytest.mark.slow
def test_schemes_find_errors_too():
    problem = most_accurate(network(1), 60.0)
    best = Exact().solve(problem)
    for scheme in (NearestReceiver(), RandomChoice(), RelaxAndRound()):
        design = scheme.solve(problem)
        assert design.objective >= best.lower_bound
        assert design.lower_bound <= best.objective
    each = tuple(PowerBudget((block,), 20.0) for block in problem.blocks)
    apart = replace(problem, constraints=(*without(problem, PowerBudget), *each))
    assert "minimises power" in METHODS["ao-big-m"]().why_not(apart)


def with_pairs(problem):
    """Two of the three stations listen, and what they hear is put together."""
    heard = {criterion.name: criterion for criterion in problem.criteria}
    names, criteria, limits, options = list(heard), [], [], {}
    for first, second in ((names[0], names[1]), (names[0], names[2]), (names[1], names[2])):
        (other,) = set(names) - {first, second}
        both = [heard[name].map.select_blocks([other]) for name in (first, second)]
        name = f"{first}+{second}"
        criteria.append(replace(heard[first], map=replace(both[0] + both[1], antennas=problem.antennas), name=name))
        limits.append(BoundLimit(name, 0.25))
        options[name] = Listening((first, second), (name,))
    kept = without(problem, BoundLimit, ReceiverChoice)
    return replace(problem, criteria=tuple(criteria), constraints=(*kept, *limits, ReceiverChoice(options)))


@pytest.mark.slow
def test_two_stations_listen():
    problem = with_pairs(network(1, users=2, minimum_sinr=2.0))
    design = Exact().solve(problem)
    assert design.gap <= 1e-4
    silent = {block for block, power_w in design.covariances.powers_w.items() if power_w == 0.0}
    assert len(silent) == 2
    role = next(each for each in roles_of(problem) if set(each.silent) == silent)
    expected = [conic_optimum(problem, each) for each in roles_of(problem)]
    assert design.objective == pytest.approx(min(expected), rel=1e-4)
    assert design.objective == pytest.approx(conic_optimum(problem, role), rel=1e-4)


def with_second_limit(problem, limit):
    """What each station hears is limited twice, the second limit on the first coordinate's map scaled."""
    criteria, limits, options = [], [], {}
    for criterion in problem.criteria:
        other = replace(criterion, weights={"target_position[0]": 0.5}, name=f"{criterion.name}/again")
        criteria += [criterion, other]
        limits.append(BoundLimit(other.name, limit))
        options[criterion.name] = Listening((criterion.name,), (criterion.name, other.name))
    kept = without(problem, ReceiverChoice)
    return replace(problem, criteria=tuple(criteria), constraints=(*kept, *limits, ReceiverChoice(options)))


@pytest.mark.slow
def test_the_tighter_of_two_limits_counts():
    base = network(1)
    tight = Exact().solve(network(1, error_m=0.4)).objective
    assert Exact().solve(with_second_limit(base, 0.08)).objective == pytest.approx(tight, rel=2e-4)
    assert Exact().solve(with_second_limit(base, 0.5)).objective == pytest.approx(
        Exact().solve(base).objective, rel=2e-4
    )


@pytest.mark.slow
def test_a_rate_is_a_ratio():
    problem = network(2)
    rated = [
        MinimumSinr.for_rate(part.user, part.channels, np.log2(7.0), part.noise_power_w)
        for part in problem.constraints
        if isinstance(part, MinimumSinr)
    ]
    same = replace(problem, constraints=(*rated, *without(problem, MinimumSinr)))
    assert rated[0].minimum_sinr == pytest.approx(6.0, rel=1e-12)
    assert Exact().solve(same).objective == pytest.approx(Exact().solve(problem).objective, rel=1e-4)
    with pytest.raises(InvalidInput, match="least rate"):
        MinimumSinr.for_rate("user0", rated[0].channels, 0.0, 1e-12)


def binding_of(problem: DesignProblem) -> Infeasible:
    with pytest.raises(Infeasible) as caught:
        Exact().solve(problem)
    return caught.value


def test_the_rate_of_a_user_binds():
    problem = network(1, budget_w=1e3)
    users = [
        MinimumSinr.for_rate(part.user, part.channels, 14.0 if part.user == "user1" else 1.0, part.noise_power_w)
        for part in problem.constraints
        if isinstance(part, MinimumSinr)
    ]
    weak = [
        replace(user, channels={b: 1e-3 * h for b, h in user.channels.items()})
        for user in users
        if user.user == "user1"
    ]
    others = [user for user in users if user.user != "user1"]
    error = binding_of(replace(problem, constraints=(*others, *weak, *without(problem, MinimumSinr))))
    assert error.requirement == "rate of user1"
    assert "even if nobody else had to be served and nothing located" in str(error)


def test_the_accuracy_binds():
    error = binding_of(network(1, error_m=1e-3))
    assert error.requirement.startswith("location accuracy at s")
    assert "even if nobody had to be served" in str(error)


@pytest.mark.slow
def test_the_power_of_a_station_binds():
    least = Exact().solve(network(1, budget_w=1e3)).covariances
    largest_w = max(least.powers_w.values())
    error = binding_of(network(1, budget_w=0.78 * largest_w))
    assert error.requirement.startswith("power of station s")
    assert "not together" in str(error)


def test_a_search_that_is_cut_short_has_its_best_design_and_a_valid_gap():
    problem, method = most_accurate(network(1), 20.0), Exact()
    whole = best_transmission(problem, roles_of(problem), Effort())
    gaps = []
    for programs in range(1, whole.programs):
        outcome = best_transmission(problem, roles_of(problem), Effort(max_programs=programs))
        if outcome.best is None:
            continue
        proofs = tuple(node.evidence for node in outcome.leaves)
        proposal = replace(proposal_of(outcome.best, proofs), hit_time_limit=outcome.hit_limit)
        design = grade(method, problem, proposal, seconds=0.0)
        assert design.lower_bound <= whole.best.objective <= design.objective * (1.0 + 1e-9)
        assert design.status is (Status.OPTIMAL if design.gap <= method.tolerance else Status.TIME_LIMIT)
        gaps.append(design.gap)
    assert gaps == sorted(gaps, reverse=True)
    assert max(gaps) > method.tolerance


def test_a_limit_too_short_for_any_design_is_said():
    problem = network(1)
    with pytest.raises(SolverFailed, match="time limit must leave time"):
        require_transmission(problem, best_transmission(problem, roles_of(problem), Effort(max_programs=0)))


def test_a_watcher_sees_both_bounds_close_in():
    seen, problem = [], network(2, users=2)
    with watched_by(lambda best, bound: seen.append((best, bound))):
        design = Exact().solve(problem)
    assert seen
    assert all(bound <= best for best, bound in seen)
    assert [best for best, _ in seen] == sorted([best for best, _ in seen], reverse=True)
    assert seen[-1][0] == pytest.approx(design.objective, rel=1e-9)
    count = len(seen)
    Exact().solve(problem)
    assert len(seen) == count


def test_errors_are_graded_in_the_role_that_is_played():
    problem, method = most_accurate(network(2), 20.0), Exact()
    proposal = method.propose(problem, start=None, seed=np.random.SeedSequence(0))
    halved = {name: 0.5 * sent for name, sent in proposal.stream_covariances.items()}
    weaker = proposal.sending(halved)
    users = [replace(part, noise_power_w=1e-15) for part in problem.constraints if isinstance(part, MinimumSinr)]
    quiet = replace(problem, constraints=(*users, *without(problem, MinimumSinr)))
    first, second = (grade(method, quiet, each, seconds=0.0).objective for each in (proposal, weaker))
    assert second == pytest.approx(2.0 * first, rel=1e-9)
