"""Choosing the receivers of a scenario that should sense, together with the transmission."""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from crbeam.design.methods.digital import Digital
from crbeam.design.selection import (
    CooperationCosts,
    LitPower,
    ManyReceivers,
    Selection,
    SelectionProblem,
    SelectionResult,
    all_sets,
    best_selection,
    k_means_groups,
    linkage_groups,
    nearest_sets,
    select_among_many,
)
from crbeam.errors import InvalidInput
from crbeam.information import InformationMap
from crbeam.scenario import Scenario
from crbeam.systems.receivers import listeners, receiver_positions_m, receivers_of
from crbeam.systems.wang2024 import common_map, design_problem, objective_weights, receiver_map, transmit_directions

SelectionRule = Literal["exact", "linkage", "k_means", "nearest"]


def selection_of(scenario: Scenario) -> Selection:
    """Prices of the receivers, and the budget.

    Reference: wang2024 eqs. (22), (26).
    """
    places_m, target_m = receiver_positions_m(scenario), np.array(scenario.targets.positions_m[0])
    pairs = np.hypot(*np.moveaxis(places_m[:, None] - places_m, -1, 0))
    receivers = receivers_of(scenario)
    costs = CooperationCosts(np.hypot(*(places_m - target_m).T), pairs, receivers.target_share)
    return Selection(receivers.names, costs, np.inf if receivers.cost_budget_m is None else receivers.cost_budget_m)


def selection_problem(scenario: Scenario, *, tolerance: float = 1e-6) -> SelectionProblem:
    """Least bound over the receivers that sense and the transmission.

    Args:
        scenario: the world; what it says of `receivers.selected` does not matter.
        tolerance: certified gap of every transmission.

    Reference: wang2024 eq. (23).
    """
    names = receivers_of(scenario).names
    common = {each.link: common_map(scenario, each, receiver_map(scenario, each)) for each in listeners(scenario)}
    full_power = full_power_on_target(scenario)
    parts = {link: _equivalent(information, full_power) for link, information in common.items()}
    weights = objective_weights(scenario, next(iter(common.values())))
    layout = next(iter(common.values())).layout
    wanted = [name for name in layout if "/" not in name]
    counted = np.concatenate([np.full(layout.select([name]).size, weights.get(name, 0.0)) for name in wanted])
    constant = sum((part for link, part in parts.items() if link not in names), np.zeros((len(counted),) * 2))

    def lit(members: tuple[int, ...]) -> LitPower:
        return lit_power(scenario, members, tolerance=tolerance)

    information = np.stack([parts[name] for name in names])
    return SelectionProblem(selection_of(scenario), information, counted, constant, lit)


def full_power_on_target(scenario: Scenario) -> np.ndarray:
    """Covariance of one beam onto the target at full power, as a stack of one block."""
    beam = transmit_directions(scenario)[:, 0]
    (name,) = scenario.stations
    return scenario.power_per_subcarrier_w(name) * np.outer(beam, beam.conj())[None] / np.linalg.norm(beam) ** 2


def _equivalent(information: InformationMap, covariances: np.ndarray) -> Float[np.ndarray, "parameter parameter"]:
    shared = [name for name in information.layout if "/" not in name]
    return information.at(covariances).equivalent(shared).matrix


def lit_power(scenario: Scenario, members: tuple[int, ...], *, tolerance: float = 1e-6) -> LitPower:
    """Share of the largest power on the target that remains when every receiver has its rate and some of them sense.

    All bounds are proportional to one over the power on the target, so any of them tells the share.

    Args:
        scenario: the world.
        members: numbers of the receivers that sense.
        tolerance: certified gap.

    Raises:
        Infeasible: no transmission serves all receivers.
    """
    parts = {"receivers": receivers_of(scenario).model_copy(update={"selected": members})}
    chosen = scenario.model_copy(update=parts)
    first = listeners(scenario)[0].link
    problem = design_problem(chosen, judged_by=first)
    design = Digital(tolerance=tolerance).solve(problem)
    criterion = problem.criteria[0]
    most = float(
        np.sum(
            criterion.selection
            * np.linalg.solve(criterion.map.at(full_power_on_target(scenario)).matrix, criterion.selection)
        )
    )
    upper = most / design.lower_bound if design.lower_bound else 1.0
    return LitPower(min(1.0, most / design.objective), min(1.0, upper), design)


def select_receivers(scenario: Scenario, rule: SelectionRule = "exact", *, tolerance: float = 1e-6) -> SelectionResult:
    """Receivers that sense, and the transmission, by a rule.

    `exact` looks at every set; `linkage`, `k_means` and `nearest` at those that a rule of thumb proposes. Each
    candidate is judged with its own best transmission, and the result carries a bound on all candidates of its rule.

    Args:
        scenario: the world.
        rule: which sets are candidates.
        tolerance: relative gap at which the search ends.

    Reference: wang2024 eq. (23), section IV.

    Raises:
        Infeasible: no candidate keeps the budget, or the rates cannot be met.
        InvalidInput: there are too many receivers to look at every set.
    """
    problem = selection_problem(scenario, tolerance=min(tolerance, 1e-6) if tolerance < 1e-4 else 0.3 * tolerance)
    return best_selection(problem, _candidates(scenario, problem, rule), tolerance=tolerance)


def _candidates(scenario: Scenario, problem: SelectionProblem, rule: SelectionRule) -> Bool[np.ndarray, "set receiver"]:
    costs = problem.selection.costs
    match rule:
        case "exact":
            return all_sets(len(problem.selection.names))
        case "linkage":
            return linkage_groups(costs)
        case "k_means":
            return k_means_groups(receiver_positions_m(scenario))
        case "nearest":
            return nearest_sets(costs)
        case _:
            raise InvalidInput(f"The rule must be exact, linkage, k_means or nearest, found `{rule}`.")


def select_from_many(scenario: Scenario) -> ManyReceivers:
    """Receivers within the budget for the shared metric without rates, when there are too many to look at every set.

    Raises:
        InvalidInput: information does not add up in the scenario's metric, or rates are asked for.
    """
    if receivers_of(scenario).minimum_rate > 0.0 or len(listeners(scenario)) != len(receivers_of(scenario).names):
        raise InvalidInput("Selection among many needs receivers without rates and no monostatic link.")
    problem = selection_problem(scenario)
    if not np.allclose(
        problem.information[:, 0, 0] * problem.information[0, 1, 1],
        problem.information[:, 1, 1] * problem.information[0, 0, 0],
    ):
        raise InvalidInput("Selection among many needs the shared metric; set `multistatic.metric` to shared.")
    return select_among_many(problem.selection, problem.information[:, 0, 0])
