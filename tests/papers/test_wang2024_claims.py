"""Claims of wang2024: what the paper says gives `reproduced`, altered data turn every verdict."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.estimation import Failure
from crbeam.evaluation.error_statistics import Interval
from crbeam.evaluation.estimator_check import LinkCheck, QuantityCheck, SnrCheck
from crbeam.papers.claims import Verdict, reproduce
from crbeam.papers.wang2024.bound_claims import PRINTED_VALUES, RECEIVE_RATIOS, TRANSMIT_RATIOS
from crbeam.papers.wang2024.claims import CLAIMS
from crbeam.papers.wang2024.drops import EXACT, RULES, SelectionDrops, selection_drops, selection_study
from crbeam.papers.wang2024.estimates import COMPARED, THREE, links_of
from crbeam.papers.wang2024.gathering import BUDGETS_M
from crbeam.papers.wang2024.measurements import Approximation, Estimates, Groups, Measurements, Places, Rules
from crbeam.papers.wang2024.places import APPENDIX_SWAPPED, APPENDIX_XI, PRINTED_XI, place_errors, printed_distance_m
from crbeam.papers.wang2024.rules import alone_values, chosen_within, values_by_size
from crbeam.papers.wang2024.scenes import (
    BI,
    CORRECTED,
    COSINE,
    FIVE,
    GROUPS,
    MONO,
    POSITIONED,
    PRINTED,
    SINC,
    TWO,
    can_be_served,
    full_power_value,
    group_value,
    scene,
)

REPRODUCED, IN_PART, NOT, NOT_TESTABLE = Verdict
DROPS = 12
BY_NUMBER = {claim.number: claim for claim in CLAIMS}
SPREAD = np.linspace(0.9, 1.1, DROPS)
QUANTITIES = {MONO: ("delay_s", "doppler_hz"), BI: ("delay_s", "doppler_hz")}
QUANTITIES |= dict.fromkeys((TWO, THREE), ("target_position_m", "target_velocity_mps"))
SIZES = {MONO: 1.0, BI: 0.5, TWO: 0.4, THREE: 0.3}


def check_with(group, *, ratio=1.0, size=None):
    points = []
    for snr_db in (-10.0, 0.0, 10.0, 20.0):
        bound = (SIZES[group] if size is None else size) * 10.0 ** (-snr_db / 20.0)
        each = QuantityCheck(ratio * bound, bound, Interval(ratio, 0.97 * ratio, 1.03 * ratio), 1.1 * ratio)
        quantities = dict.fromkeys(QUANTITIES[group], each)
        points.append(SnrCheck(snr_db, 50, dict.fromkeys(Failure, 0), Interval(0.0, 0.0, 0.04), quantities))
    return LinkCheck("link", 20.0, tuple(points))


def ratios_of(printed, few, many):
    return {
        (group, n): SPREAD / (printed.get(group, 2.0) if n == many else 1.0) for group in GROUPS for n in (few, many)
    }


def ideal_groups():
    full_power = {
        (reading, group): PRINTED_VALUES[group] * (np.ones(DROPS) if group == MONO else SPREAD)
        for reading in (PRINTED, CORRECTED, POSITIONED)
        for group in GROUPS
    }
    receive = ratios_of(RECEIVE_RATIOS, 2, 12) | {(group, 4): SPREAD / 2.5 for group in GROUPS}
    served = {(count, rate): 0.9 for count in (5, 10) for rate in (1.0, 7.4)}
    return Groups(full_power, served, ratios_of(TRANSMIT_RATIOS, 10, 20), receive)


def selection_with(excess):
    best = SPREAD * 1e-10
    objective = {EXACT: best} | {rule: best * (1.0 + excess.get(rule, 0.0)) for rule in RULES}
    return {rate: SelectionDrops(rate, objective, best * (1.0 - 1e-6)) for rate in (0.0, 0.5)}


def ideal_rules():
    linkage, k_means, nearest = RULES
    by_budget = {
        (rule, budget_m): SPREAD * factor * (1.0 if budget_m == BUDGETS_M[0] else 0.5)
        for rule, factor in {linkage: 1.0, k_means: 1.2, nearest: 0.9}.items()
        for budget_m in BUDGETS_M
    }
    sizes = np.linspace(2.0, 1.0, 10) * SPREAD[:, None]
    wider = sizes * np.append(np.full(9, 1.1), 1.0)
    by_size = {
        (rule, pulse): (wider if rule == k_means else sizes) * f
        for rule in RULES
        for pulse, f in ((COSINE, 1), (SINC, 2))
    }
    message = {(linkage, 200.0): 0.1 * SPREAD, (k_means, 200.0): 0.2 * SPREAD}
    return Rules(selection_with({}), by_budget, message, by_size, by_size)


ZERO = np.zeros(30)
IDEAL = Measurements(
    ideal_groups(),
    ideal_rules(),
    Approximation(np.full(3, 1e-3), np.full(3, 1e-8)),
    Places(dict.fromkeys((PRINTED_XI, APPENDIX_XI, APPENDIX_SWAPPED), ZERO), ZERO, ZERO, ZERO, ZERO + 1.0, ZERO + 5.0),
    Estimates(
        1,
        {group: {links_of(group)[0]: check_with(group)} for group in COMPARED},
        {group: np.array([0.0, 10.0, 20.0, 30.0]) for group in COMPARED},
        {group: np.full(4, 1e-9) for group in (MONO, BI)},
    ),
)


def with_groups(**changes):
    return replace(IDEAL, groups=replace(IDEAL.groups, **changes))


def with_values(changes):
    return with_groups(without_rates={**IDEAL.groups.without_rates, **changes})


def with_rules(**changes):
    return replace(IDEAL, rules=replace(IDEAL.rules, **changes))


def with_places(**changes):
    return replace(IDEAL, places=replace(IDEAL.places, **changes))


def with_checks(**changes):
    checks = {**IDEAL.estimates.checks}
    for group, check in changes.items():
        name = {"mono": MONO, "bi": BI, "two": TWO, "three": THREE}[group]
        checks[name] = {links_of(name)[0]: check}
    return replace(IDEAL, estimates=replace(IDEAL.estimates, checks=checks))


def half_worse(values):
    return np.where(np.arange(DROPS) < DROPS // 2, 1.05, 0.9) * values


def altered_sizes(**factors):
    """By-size values of linkage with others at some sizes, or of a pulse."""
    changed = {}
    for key, values in IDEAL.rules.by_size.items():
        factor = factors["linkage"] if "linkage" in factors and key[0] == RULES[0] else 1.0
        changed[key] = values * factor * (factors["sinc"] if "sinc" in factors and key[1] == SINC else 1.0)
    return changed


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.number)
def test_data_as_the_paper_says_reproduce_it(claim):
    finding = claim.check(IDEAL)
    assert finding.verdict is REPRODUCED, finding
    assert finding.readings


LINKAGE, K_MEANS, _ = RULES
BUDGET_VALUES = IDEAL.rules.by_budget


@pytest.mark.parametrize(
    ("number", "data", "expected"),
    [
        (1, with_values({(CORRECTED, MONO): np.full(DROPS, 3e-9)}), IN_PART),
        (1, with_values({(CORRECTED, MONO): np.full(DROPS, 3e-9), (PRINTED, MONO): np.full(DROPS, 3.6e-3)}), NOT),
        (2, with_values({(PRINTED, FIVE): 2.0 * PRINTED_VALUES[FIVE] * SPREAD}), IN_PART),
        (3, with_values({(PRINTED, BI): half_worse(PRINTED_VALUES[MONO])}), IN_PART),
        (4, with_groups(served={**IDEAL.groups.served, (10, 7.4): 0.07}), IN_PART),
        (4, with_groups(served={**IDEAL.groups.served, (10, 7.4): 0.07, (5, 7.4): 0.4}), NOT),
        (5, with_groups(by_transmit_antennas={**IDEAL.groups.by_transmit_antennas, (TWO, 20): SPREAD / 2.5}), IN_PART),
        (6, with_groups(by_receive_antennas={**IDEAL.groups.by_receive_antennas, (BI, 12): SPREAD / 3.0}), IN_PART),
        (7, with_groups(by_receive_antennas={key: SPREAD / 2.0 for key in IDEAL.groups.by_receive_antennas}), NOT),
        (8, with_rules(by_budget={**BUDGET_VALUES, (K_MEANS, 200.0): BUDGET_VALUES[K_MEANS, 100.0]}), IN_PART),
        (
            9,
            with_rules(by_budget={**BUDGET_VALUES, (LINKAGE, 200.0): half_worse(BUDGET_VALUES[K_MEANS, 200.0])}),
            IN_PART,
        ),
        (10, with_rules(message_share=dict.fromkeys(IDEAL.rules.message_share, 0.1 * SPREAD)), NOT),
        (11, with_rules(by_size=altered_sizes(linkage=np.append(np.full(9, 1.2), 1.0))), NOT),
        (12, with_rules(by_size=altered_sizes(linkage=1.01)), NOT),
        (13, with_rules(corrected_by_size=altered_sizes(sinc=0.4)), IN_PART),
        (14, with_rules(drops=selection_with({LINKAGE: half_worse(1.0) - 0.9})), NOT),
        (15, replace(IDEAL, approximation=Approximation(np.zeros(3), np.full(3, 1e-8))), NOT),
        (16, with_places(printed_direction_rad={**IDEAL.places.printed_direction_rad, PRINTED_XI: ZERO + 1.0}), NOT),
        (17, with_places(printed_distance_m=ZERO + 20.0), NOT),
        (18, with_places(alone_m=ZERO), NOT),
        (19, with_checks(two=check_with(TWO, ratio=3.0)), IN_PART),
        (19, with_checks(bi=check_with(BI, ratio=0.5)), IN_PART),
        (20, with_checks(bi=check_with(BI, size=1e-12)), IN_PART),
        (21, with_checks(three=check_with(THREE, size=0.8)), IN_PART),
    ],
)
def test_altered_data_turn_the_verdict(number, data, expected):
    ((_, finding),) = reproduce([BY_NUMBER[number]], data)
    assert finding.verdict is expected, finding


def test_claims_are_numbered_in_order():
    assert [claim.number for claim in CLAIMS] == list(range(1, len(CLAIMS) + 1))


def test_what_was_not_measured_is_not_testable():
    estimates = replace(IDEAL.estimates, checks={})
    assert {f.verdict for _, f in reproduce([BY_NUMBER[19], BY_NUMBER[21]], replace(IDEAL, estimates=estimates))} == {
        NOT_TESTABLE
    }
    empty = {key: np.full(DROPS, np.nan) for key in IDEAL.groups.by_transmit_antennas}
    ((_, finding),) = reproduce([BY_NUMBER[5]], with_groups(by_transmit_antennas=empty))
    assert finding.verdict is NOT_TESTABLE


def test_the_printed_monostatic_value_of_the_formulas_as_printed():
    assert group_value(MONO, PRINTED, 0, 0.0) == pytest.approx(3.64e-3, rel=2e-3)
    assert group_value(MONO, PRINTED, 5, 0.0) == pytest.approx(group_value(MONO, PRINTED, 0, 0.0)), "no place matters"
    assert group_value(BI, POSITIONED, 0, 0.0) == np.inf


def test_information_of_receivers_adds_up():
    alone = alone_values(PRINTED, COSINE, 0)
    together = full_power_value(scene(PRINTED, "receivers.selected=[1, 4, 6]"))
    assert together == pytest.approx(1.0 / np.sum(1.0 / alone[[1, 4, 6]]))
    values = values_by_size(EXACT, PRINTED, COSINE, 0)
    assert values[2] == pytest.approx(1.0 / np.sum(1.0 / np.sort(alone)[:3]))
    members, value = chosen_within(EXACT, 100.0, PRINTED, COSINE, 0)
    assert value == pytest.approx(1.0 / np.sum(1.0 / alone[members]))
    assert chosen_within(EXACT, 0.0, PRINTED, COSINE, 0) is None


def test_printed_formulas_of_section_v_fail_where_the_corrected_ones_do_not():
    places = place_errors(20)
    assert max(places.direction_rad.max(), places.distance_m.max(), places.alone_m.max()) < 1e-6
    assert np.median(places.printed_direction_rad[PRINTED_XI]) > 0.1
    assert places.printed_direction_rad[APPENDIX_SWAPPED].max() < 1e-5, "circular, but right"
    assert np.median(places.printed_distance_m) > 1.0
    assert printed_distance_m(
        np.hypot(20, 40) + np.hypot(40, 10), np.hypot(60, 30), np.arctan2(40, 20) - np.arctan2(30, 60)
    ) == (pytest.approx(-28.46, abs=0.01))


def test_drops_are_served_or_not():
    assert can_be_served(5, 1.0, 0)
    assert not all(can_be_served(10, 7.4, seed) for seed in range(5))


@pytest.mark.slow
def test_a_small_study_of_selection(tmp_path, monkeypatch):
    from crbeam.papers.runs import paper_run
    from crbeam.papers.wang2024 import drops

    monkeypatch.setattr(drops, "DROPS", (3, 200))
    assert selection_study(full=False).axes.realisations == 1
    with paper_run(tmp_path, workers=1) as run:
        found = selection_drops(run)
    for each in found.values():
        assert each.largest_gap <= 1e-4
        for rule in RULES:
            assert each.excess(rule).min() >= -1e-4
    assert found[0.0].feasible.all()
    assert max(found[0.0].excess(rule).max() for rule in RULES) > 0.01
