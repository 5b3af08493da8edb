"""Selection of receivers: prices, candidate sets, the exact search, and the method for many receivers."""

import numpy as np
import pytest
from tests.oracles.multistatic_records import RECORDS, SETTING, record_scenario

from crbeam.design.methods.uniform import Uniform
from crbeam.design.selection import (
    CooperationCosts,
    LitPower,
    Selection,
    SelectionProblem,
    all_sets,
    best_selection,
    k_means_groups,
    linkage_groups,
    nearest_sets,
    select_among_many,
)
from crbeam.design.selection.many_receivers import _least_prices
from crbeam.errors import Infeasible, InvalidInput, Unidentifiable
from crbeam.systems import design_problem
from crbeam.systems.receiver_selection import (
    lit_power,
    select_from_many,
    select_receivers,
    selection_of,
    selection_problem,
)

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
    assert members_of(linkage_groups(costs, plain_singletons=True)) == RECORD["linkage_groups_step4_literal"]
    assert RECORD["linkage_groups"] != RECORD["linkage_groups_step4_literal"]
    found = members_of(k_means_groups(np.array(SETTING["p_re"], dtype=float)))
    assert sorted(found) == sorted(RECORD["kmeans_groups"])
    assert members_of(nearest_sets(costs))[:2] == [[0], [0, 3]]
    with pytest.raises(InvalidInput, match="16"):
        all_sets(17)


@pytest.mark.parametrize("record", RECORD["by_budget"], ids=lambda each: f"{each['Omega_th']} m")
def test_choices_within_a_budget(record):
    scenario = record_scenario(*SHARED, f"receivers.cost_budget={record['Omega_th']} m", pulse="cosine")
    rules = {"linkage": "linkage", "k_means": "kmeans", "exact": "exhaustive"}
    for rule, key in rules.items():
        assert list(select_receivers(scenario, rule).members) == record[key]["G"], rule


@pytest.fixture(scope="module")
def any_design():
    return Uniform().solve(design_problem(record_scenario()))


def invented(rng, design, shares, *, budget=np.inf):
    """A problem with random information and given shares of power, by members."""
    n = 6
    slopes = rng.standard_normal((n, 4, 2))
    information = np.einsum("kpa,kqa->kpq", slopes, slopes)
    names = tuple(f"receiver{index}" for index in range(n))

    def lit(members):
        share = shares[members]
        if share == 0.0:
            raise Infeasible("No transmission serves all.", requirement="rates")
        return LitPower(share, share, design)

    weights = np.array([1.0, 1.0, 0.0, 0.0])
    return SelectionProblem(Selection(names, random_costs(rng, n), budget), information, weights, np.zeros((4, 4)), lit)


def random_shares(rng, *, monotone=True):
    """Shares of power that rise with the set, some of small sets being 0."""
    weight = rng.uniform(0.0, 1.0, 6) ** 3
    found = {}
    for row in all_sets(6):
        members = tuple(np.flatnonzero(row).tolist())
        total = weight[row].sum() / weight.sum()
        found[members] = max(0.0, total - 0.1) if monotone else float(rng.uniform(0.01, 1.0))
    return found


def brute_force(problem, shares):
    sets = all_sets(6)
    allowed = sets[problem.selection.allows(sets)]
    values = [
        value / shares[tuple(np.flatnonzero(row).tolist())]
        for row, value in zip(allowed, problem.at_full_power(allowed), strict=True)
        if shares[tuple(np.flatnonzero(row).tolist())] > 0.0
    ]
    return min(values)


def test_the_search_finds_what_looking_at_every_set_finds(rng, any_design):
    looked_at, without_monotony = [], []
    for trial in range(20):
        shares = random_shares(rng)
        problem = invented(rng, any_design, shares, budget=float(rng.uniform(60.0, 300.0)))
        best = brute_force(problem, shares)
        found = best_selection(problem, all_sets(6))
        assert found.objective == pytest.approx(best), trial
        assert found.lower_bound <= best * (1 + 1e-12)
        looked_at.append(found.designs / found.candidates)
        other = random_shares(rng, monotone=False)
        problem = invented(rng, any_design, other)
        without_monotony.append(
            best_selection(problem, all_sets(6)).objective > brute_force(problem, other) * (1 + 1e-9)
        )
    assert np.mean(looked_at) < 0.8, "some sets are excluded without a transmission"
    assert any(without_monotony), "the search relies on more power for larger sets"


def test_what_cannot_be_selected_is_said(rng, any_design):
    shares = dict.fromkeys(random_shares(rng), 0.5)
    with pytest.raises(Infeasible, match="budget"):
        best_selection(invented(rng, any_design, shares, budget=1e-3), all_sets(6))
    with pytest.raises(Unidentifiable):
        best_selection(invented(rng, any_design, shares), np.eye(6, dtype=bool))
    with pytest.raises(Infeasible, match="serves"):
        best_selection(invented(rng, any_design, dict.fromkeys(shares, 0.0)), all_sets(6))


def test_the_bound_at_full_power_is_that_of_the_scenario():
    scenario = record_scenario(selected=[0, 2, 4])
    problem = selection_problem(scenario)
    row = np.array([[True, False, True, False, True]])
    lit = lit_power(scenario, (0, 2, 4))
    assert (lit.least, lit.most) == pytest.approx((1.0, 1.0))
    expected = design_problem(scenario).criteria[0].map.at(lit.design.covariances).bound(["target_position[0]"])
    assert problem.at_full_power(row)[0] == pytest.approx(np.trace(expected), rel=1e-6)
    assert problem.at_full_power(np.eye(5, dtype=bool)[:1])[0] == np.inf, "one receiver does not locate"


@pytest.mark.slow
def test_selection_and_beams_are_jointly_optimal():
    """Rates and who removes the sensing signal matter: receivers 2 and 4 hinder the beam to the target."""
    scenario = record_scenario("receivers.cost_budget=210 m", rate=2.0)
    found = select_receivers(scenario)
    problem = selection_problem(scenario)
    sets = all_sets(5)
    allowed = sets[problem.selection.allows(sets)]
    values = problem.at_full_power(allowed)
    each = [
        value / problem.lit(tuple(np.flatnonzero(row).tolist())).least
        for row, value in zip(allowed, values, strict=True)
        if np.isfinite(value)
    ]
    assert found.objective == pytest.approx(min(each), rel=1e-5)
    assert found.gap <= 1e-5
    assert found.designs < len(each)
    for rule in ("linkage", "k_means", "nearest"):
        assert select_receivers(scenario, rule).objective >= found.objective * (1 - 1e-5)


def test_many_receivers_are_selected_within_a_bound(rng):
    wrong = []
    for _ in range(10):
        costs, gains = random_costs(rng, 9, float(rng.uniform(0.0, 1.0))), rng.uniform(0.1, 1.0, 9) ** 2
        selection = Selection(tuple("abcdefghi"), costs, float(rng.uniform(100.0, 300.0)))
        sets = all_sets(9)
        best = (sets[selection.allows(sets)] @ gains).max()
        found = select_among_many(selection, gains)
        assert found.gain <= best * (1 + 1e-12)
        assert found.most_gain >= best * (1 - 1e-12)
        assert found.gain >= 0.9 * best
        assert selection.costs.of_sets_m(np.isin(np.arange(9), found.members)[None])[0] == pytest.approx(found.cost_m)
        members = sets[sets.sum(axis=1) > 1]
        for shift in (0.0, 0.5, 1.0):
            prices = _least_prices(costs, shift)[members.sum(axis=1) - 1]
            assert np.all(np.sum(prices * members, axis=1) <= costs.of_sets_m(members) * (1 + 1e-9))
        means = costs.pair_distance_m.sum(axis=1) / 8.0
        guess = costs.target_share * costs.target_distance_m + (1.0 - costs.target_share) * means
        wrong.append(np.any(np.sum(guess * members, axis=1) > costs.of_sets_m(members) * (1 + 1e-9)))
    assert any(wrong), "mean distances from all receivers are no lower limit of prices"


@pytest.mark.slow
def test_two_hundred_receivers():
    base = ("receivers.count=200", "receivers.minimum_rate=0", "multistatic.metric=shared", "receivers.positions=null")
    everything = np.ones((1, 200), dtype=bool)
    for seed in range(3):
        scenario = record_scenario(*base, f"seed={seed}")
        budget = 0.05 * float(selection_of(scenario).costs.of_sets_m(everything)[0])
        found = select_from_many(record_scenario(*base, f"seed={seed}", f"receivers.cost_budget={budget} m"))
        assert found.cost_m <= budget * (1 + 1e-9)
        assert found.gap <= 0.05
    with pytest.raises(InvalidInput, match="shared"):
        select_from_many(record_scenario(*base[:2], base[3]))
    with pytest.raises(InvalidInput, match="without rates"):
        select_from_many(record_scenario(*base[2:], "receivers.count=20", rate=0.1))
