"""Selection of receivers: prices, candidate sets, the exact search, and the method for many receivers."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.oracles.multistatic_records import RECORDS, SETTING, record_scenario
from typer.testing import CliRunner

from crbeam.design.choices import Chosen, CooperationCosts, Selection
from crbeam.design.grading import grade
from crbeam.design.methods import method_named
from crbeam.design.methods.choices import Exact
from crbeam.design.methods.optimum import Digital, LiftedSdp
from crbeam.design.progress import watched_by
from crbeam.design.search.listing import listing_of
from crbeam.design.search.members import possible_sizes, problem_of_members
from crbeam.design.search.rules import all_sets, k_means_groups, linkage_groups, nearest_sets
from crbeam.errors import Infeasible, InvalidInput, SolverFailed, Unidentifiable
from crbeam.interfaces.command_line import app
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem, system_of
from crbeam.systems.receiver_choice import selection_of

RECORD = RECORDS["A"]["selection"]
SHARED = ("multistatic.metric=shared", "multistatic.formulas=as_printed")


def members_of(rows):
    return [np.flatnonzero(row).tolist() for row in rows]


def record_costs():
    return selection_of(record_scenario()).costs


def random_costs(rng, n, share=0.5):
    places, target = rng.uniform(-50.0, 50.0, (n, 2)), rng.uniform(-50.0, 50.0, 2)
    pairs = np.hypot(*np.moveaxis(places[:, None] - places, -1, 0))
    return CooperationCosts(np.hypot(*(places - target).T), pairs, share)


def test_costs_of_all_sets():
    sets = all_sets(5)
    found = dict(
        zip(["+".join(map(str, each)) for each in members_of(sets)], record_costs().of_sets_m(sets), strict=True)
    )
    assert found == pytest.approx(RECORD["cost_by_subset"])


def test_candidate_sets_of_the_rules():
    costs = record_costs()
    assert members_of(linkage_groups(costs)) == RECORD["linkage_groups"]
    assert members_of(linkage_groups(costs)) != RECORD["linkage_groups_step4_literal"], "with plain distances of pairs"
    found = members_of(k_means_groups(np.array(SETTING["p_re"], dtype=float)))
    assert sorted(found) == sorted(RECORD["kmeans_groups"])
    assert members_of(nearest_sets(costs))[:2] == [[0], [0, 3]]
    with pytest.raises(InvalidInput, match="16"):
        all_sets(17)


@pytest.mark.parametrize("record", RECORD["by_budget"], ids=lambda each: f"{each['Omega_th']} m")
def test_choices_within_a_budget(record):
    scenario = record_scenario(*SHARED, f"receivers.cost_budget={record['Omega_th']} m", pulse="cosine")
    rules = {"linkage": "linkage", "k-means": "kmeans", "exact": "exhaustive"}
    for rule, key in rules.items():
        design = method_named(rule).solve(design_problem(scenario))
        assert list(design.selected) == [f"receiver{number}" for number in record[key]["G"]], rule
        assert design.details["cost_m"] <= record["Omega_th"]


def test_a_search_can_be_watched():
    seen = []
    with watched_by(lambda best, bound: seen.append((best, bound))):
        found = Exact().solve(design_problem(open_scenario(rate=2.0, budget=210.0)))
    best, bound = np.array(seen).T
    assert np.all(np.diff(best) <= 0.0)
    assert np.all(bound <= best)
    assert best[-1] == pytest.approx(found.objective)


def open_scenario(*overrides, rate=0.0, budget=300.0):
    return record_scenario(f"receivers.cost_budget={budget} m", *overrides, rate=rate)


def test_the_value_at_full_power_is_that_of_the_scenario():
    problem = design_problem(open_scenario())
    listing = listing_of(problem, np.eye(5, dtype=bool)[:1] | np.array([[False, False, True, False, True]]))
    found = Exact().solve(problem)
    closed = design_problem(record_scenario(selected=[0, 2, 4]))
    expected = closed.criteria[0].map.at(found.covariances).bound(["target_position[0]"])
    assert listing.values[0] == pytest.approx(np.trace(expected), rel=1e-6)
    assert listing.at_full_power.of(np.eye(5, dtype=bool)[:1])[0] == np.inf, "one receiver does not locate"


def test_a_settled_problem_is_that_of_the_scenario_with_these_receivers():
    problem = problem_of_members(design_problem(open_scenario(rate=1.0)), ("receiver1", "receiver3"))
    closed = design_problem(record_scenario(selected=[1, 3], rate=1.0))
    isotropic = problem.isotropic()
    names = ["target_position[0]", "target_velocity[0]"]
    bounds = [each.criteria[0].map.at(isotropic).bound(names) for each in (problem, closed)]
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-9)
    assert [part.cancels for part in problem.constraints[1:]] == [part.cancels for part in closed.constraints[1:]]
    assert LiftedSdp().solve(problem).objective == pytest.approx(LiftedSdp().solve(closed).objective)


def looked_at_every_set(problem, rate=None):
    """The least objective over all sets within the budget, each solved by itself by the method for any criteria."""
    (choice,) = (part for part in problem.constraints if isinstance(part, Selection))
    found = []
    for row in all_sets(len(choice.names)):
        if not choice.allows(row[None])[0]:
            continue
        chosen = problem_of_members(problem, [name for name, is_in in zip(choice.names, row, strict=True) if is_in])
        try:
            found.append((LiftedSdp() if rate is None else Digital(tolerance=1e-4)).solve(chosen).objective)
        except Unidentifiable:
            continue
    return found


@pytest.mark.parametrize("metric", ["position", "shared"])
def test_selection_and_beams_are_jointly_optimal(metric):
    """Rates and who removes the sensing signal matter: receivers 2 and 4 hinder the beam to the target."""
    problem = design_problem(open_scenario(f"multistatic.metric={metric}", rate=2.0, budget=210.0))
    design = Exact().solve(problem)
    each = looked_at_every_set(problem)
    assert design.objective == pytest.approx(min(each), rel=1e-5)
    assert design.status.key == "optimal"
    assert design.gap <= 1e-4
    assert design.details["programs"] < len(each)
    assert design.lower_bound <= min(each) * (1 + 1e-9)
    for rule in ("linkage", "k-means", "nearest-set"):
        found = method_named(rule).solve(problem)
        assert found.objective >= design.objective * (1 - 1e-5)
        assert found.lower_bound <= min(each) * (1 + 1e-9), "the bound is over all sets, not only candidates"


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "rate"), [(0, 2.0), (4, 0.5), (5, 1.0)])
def test_ten_receivers_are_selected_as_by_looking_at_every_set(seed, rate):
    scenario = read_scenario(
        "wang2024", overrides=[f"receivers.minimum_rate={rate}", "receivers.cost_budget=120 m"], seed=seed
    )
    problem = design_problem(scenario)
    design = Exact().solve(problem)
    assert design.objective == pytest.approx(min(looked_at_every_set(problem)), rel=1e-4)
    assert design.seconds < 30.0


def test_the_conic_and_the_joint_optimum_agree_on_a_small_case():
    problem = design_problem(open_scenario("receivers.count=3", rate=1.0, budget=150.0))
    assert Exact().solve(problem).objective == pytest.approx(min(looked_at_every_set(problem, 1.0)), rel=1e-3)


def test_grading_refuses_what_breaks_the_choice_and_proves_by_itself():
    problem = design_problem(open_scenario(rate=1.0, budget=210.0))
    method = Exact()
    proposal = method.design(problem, np.random.SeedSequence(0))
    honest = grade(method, problem, proposal, seconds=0.0)
    for selected in ((), ("receiver9",), tuple(f"receiver{number}" for number in range(5))):
        with pytest.raises(SolverFailed, match="within the budget"):
            grade(method, problem, replace(proposal, selected=selected), seconds=0.0)
    streams = {**proposal.stream_covariances}
    streams["sensing"], streams["to receiver0"] = streams["to receiver0"], streams["sensing"]
    with pytest.raises(SolverFailed, match="keeps the rate of"):
        grade(method, problem, proposal.sending(streams), seconds=0.0)
    unproven = grade(method, problem, replace(proposal, cover=()), seconds=0.0)
    assert unproven.lower_bound <= honest.lower_bound * (1 + 1e-6)
    bare = tuple(replace(each, evidence=None) for each in proposal.cover)
    weaker = grade(method, problem, replace(proposal, cover=bare), seconds=0.0)
    assert weaker.lower_bound <= honest.lower_bound
    partly = grade(method, problem, replace(proposal, cover=proposal.cover[:-1]), seconds=0.0)
    assert partly.lower_bound == pytest.approx(unproven.lower_bound), "a cover that leaves sets out proves nothing"
    known = next(each.evidence for each in proposal.cover if each.evidence is not None)
    wrong = tuple(replace(each, evidence=known) for each in proposal.cover)
    with pytest.raises(InvalidInput, match="says nothing of sets"):
        grade(method, problem, replace(proposal, cover=wrong), seconds=0.0)


def test_where_selection_does_not_apply():
    problem = design_problem(open_scenario(rate=1.0))
    assert "Selection" in (LiftedSdp().why_not(problem) or "")
    assert "Selection" in (method_named("linkage").why_not(design_problem(record_scenario())) or "")
    assert method_named("many-receivers").why_not(problem) is None
    many = design_problem(read_scenario("wang2024", overrides=["receivers.count=17", "receivers.cost_budget=99 m"]))
    assert Exact().why_not(many) is None
    scattered = design_problem(open_scenario("receivers.rician_factor=1", rate=1.0))
    for key in ("exact", "linkage", "nearest-set"):
        reason = method_named(key).why_not(scattered) or ""
        assert all(word in reason for word in ("MinimumRate", "lines of sight", "minimum_rate=0", "receivers.selected"))
    assert Exact().why_not(design_problem(open_scenario("receivers.rician_factor=1"))) is None, "without rates"
    without_places = [
        replace(part, positions_m=None) if isinstance(part, Selection) else part for part in problem.constraints
    ]
    assert "places" in method_named("k-means").why_not(replace(problem, constraints=tuple(without_places)))
    with pytest.raises(Infeasible, match="those selected cost"):
        design_problem(record_scenario("receivers.cost_budget=1 m", selected=[0, 1]))


def test_the_method_follows_from_what_is_left_open():
    assert system_of(record_scenario()).default_method() == "optimum"
    assert system_of(open_scenario()).default_method() == "exact"
    assert (
        system_of(open_scenario("receivers.rician_factor=1", "receivers.cost_budget=null", rate=1.0)).default_method()
        == "lifted-sca"
    )
    many = ("receivers.count=17", "receivers.cost_budget=300 m")
    shared, listens = "multistatic.metric=shared", "links.own={transmitter: transmitter, receiver: transmitter}"
    for more in ((), (shared,), (shared, listens)):
        scenario = read_scenario("wang2024", overrides=[*many, *more])
        assert system_of(scenario).default_method() == "many-receivers"
        assert method_named("many-receivers").why_not(design_problem(scenario)) is None


def settings(*overrides):
    return [part for each in overrides for part in ("--set", each)]


def test_the_command_line_selects():
    places = [list(map(float, place)) for place in SETTING["p_re"]]
    chosen = settings(f"receivers.positions={places}", "receivers.count=5", "receivers.cost_budget=210 m")
    result = CliRunner().invoke(app, ["design", "wang2024", "--json", *chosen])
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["method"] == "exact"
    assert document["cost_m"] <= 210.0
    assert document["gap"] <= 1e-4
    numbers = [int(name.removeprefix("receiver")) for name in document["selected"]]
    assert document["scenario"]["receivers"]["selected"] == numbers, "the scenario is the one that was designed"
    bound_m = document["links"]["fused"]["target_position_m"]
    assert bound_m**2 == pytest.approx(document["objective"], rel=1e-6)
    assert set(document["users"]) == {f"receiver{index}" for index in range(5)}


@pytest.mark.slow
def test_too_many_rates_are_refused_with_the_reason():
    base = settings("receivers.count=200", "receivers.minimum_rate=1", "multistatic.metric=shared")
    for more in (settings("receivers.cost_budget=500 m"), []):
        result = CliRunner().invoke(app, ["design", "wang2024", *base, *more])
        assert result.exit_code == Infeasible.exit_status
        assert "the channels of 200 users differ in 10 directions" in result.stderr


def test_least_prices_are_no_more_than_sets_cost(rng):
    wrong, sets = [], all_sets(8)
    for _ in range(10):
        costs = random_costs(rng, 8, float(rng.uniform(0.0, 1.0)))
        kinds = rng.integers(0, 3, 8)
        inside, undecided = kinds == 1, kinds > 0
        box = sets[np.all(sets[:, inside], axis=1) & ~np.any(sets[:, ~undecided], axis=1)]
        sizes = box.sum(axis=1)
        for shift in (0.0, 0.5, 1.0):
            prices = costs.least_prices_m((1, 8), shift, inside, undecided & ~inside)[sizes - 1]
            sums = np.sum(np.where(box, prices, 0.0), axis=1)
            assert np.all(sums <= costs.of_sets_m(box) * (1 + 1e-9))
        means = costs.pair_distance_m.sum(axis=1) / 7.0
        guess = costs.target_share * costs.target_distance_m + (1.0 - costs.target_share) * means
        members = sets[sets.sum(axis=1) > 1]
        wrong.append(np.any(np.sum(guess * members, axis=1) > costs.of_sets_m(members) * (1 + 1e-9)))
    assert any(wrong), "mean distances from all receivers are no lower limit of prices"


def test_numbers_of_members_that_no_budget_allows_are_left_out(rng):
    sets = all_sets(7)
    for _ in range(20):
        selection = Selection(tuple("abcdefg"), random_costs(rng, 7), float(rng.uniform(0.0, 200.0)))
        allowed = sets[selection.allows(sets)]
        box = Chosen("", (), {}, (), undecided=selection.names, sizes=(1, 7))
        found = possible_sizes(selection, box)
        if len(allowed):
            assert found is not None
            assert found[0] <= allowed.sum(axis=1).min()
            assert found[1] >= allowed.sum(axis=1).max()


def test_the_command_line_selects_among_more_than_can_be_listed():
    few = settings("receivers.count=17", "receivers.cost_budget=300 m")
    result = CliRunner().invoke(app, ["design", "wang2024", "--json", *few])
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["method"] == "many-receivers"
    assert document["cost_m"] <= 300.0
    assert 0.0 < document["lower_bound"] <= document["objective"]


def test_rates_that_cannot_be_met_are_told_before_what_a_method_needs():
    many = ("receivers.count=30", "receivers.cost_budget=500 m", "receivers.minimum_rate=1")
    scenario = read_scenario("wang2024", overrides=many)
    problem = design_problem(scenario)
    with pytest.raises(Infeasible, match="30 users differ in 10 directions"):
        method_named(system_of(scenario).default_method()).solve(problem)
    for key in ("exact", "many-receivers", "linkage"):
        with pytest.raises(Infeasible, match="no power suffices"):
            method_named(key).solve(problem)


@pytest.mark.parametrize("metric", ["position", "shared"])
def test_a_budget_that_is_too_low_is_told_what_suffices(metric):
    def solved(budget):
        return Exact().solve(design_problem(open_scenario(f"multistatic.metric={metric}", budget=budget)))

    with pytest.raises(Infeasible, match=r"costs [\d.]+ m") as caught:
        solved(0)
    enough = float(str(caught.value).rpartition("costs ")[2].removesuffix(" m."))
    assert len(solved(enough).selected) == (2 if metric == "position" else 1)
    with pytest.raises((Infeasible, Unidentifiable), match=f"costs {enough:.6g} m"):
        solved(enough * (1 - 1e-5))


@pytest.mark.slow
def test_two_hundred_receivers():
    for seed, rate, count in ((0, 0.0, 200), (2, 0.0, 200), (0, 0.02, 100)):
        base = (f"receivers.count={count}", "multistatic.metric=shared", "receivers.positions=null")
        everything = np.ones((1, count), dtype=bool)
        scenario = record_scenario(*base, f"seed={seed}", rate=rate)
        budget = 0.05 * float(selection_of(scenario).costs.of_sets_m(everything)[0])
        problem = design_problem(record_scenario(*base, f"seed={seed}", f"receivers.cost_budget={budget} m", rate=rate))
        design = method_named("many-receivers").solve(problem)
        assert design.details["cost_m"] <= budget * (1 + 1e-9)
        assert design.gap <= 0.05
        assert design.details["programs"] <= 7


def test_many_receivers_agree_with_every_set_where_both_are_possible():
    for seed in range(3):
        scenario = read_scenario(
            "wang2024", overrides=["multistatic.metric=shared", "receivers.cost_budget=150 m"], seed=seed
        )
        problem = design_problem(scenario)
        best, found = (method_named(name).solve(problem) for name in ("exact", "many-receivers"))
        assert best.objective * (1 - 1e-4) <= found.objective
        assert found.lower_bound <= best.objective
