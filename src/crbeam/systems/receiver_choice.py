"""Who senses among many receivers: what it costs, whether it suffices, and what is left if it does not."""

from collections.abc import Sequence

import numpy as np

from crbeam.design.choices import COST_TOLERANCE, CooperationCosts, Selection
from crbeam.errors import Infeasible, Unidentifiable
from crbeam.scenario import Scenario
from crbeam.systems.receivers import multistatic_of, receiver_positions_m, receivers_of
from crbeam.units import distinct

FUSED, SENSING_STREAM = "fused", "sensing"


def selection_of(scenario: Scenario) -> Selection:
    """Prices of the receivers, the budget, and what those know that sense.

    Reference: wang2024 eqs. (22), (26).
    """
    places_m, target_m = receiver_positions_m(scenario), np.array(scenario.targets.positions_m[0])
    pairs_m = np.hypot(*np.moveaxis(places_m[:, None] - places_m, -1, 0))
    receivers = receivers_of(scenario)
    costs = CooperationCosts(np.hypot(*(places_m - target_m).T), pairs_m, receivers.target_share)
    budget_m = np.inf if receivers.cost_budget_m is None else receivers.cost_budget_m
    return Selection(receivers.names, costs, budget_m, places_m, (SENSING_STREAM,))


def require_budget(scenario: Scenario, choice: Selection) -> None:
    """Refuse receivers that are named as sensing and cost more than the budget.

    Raises:
        Infeasible: with both numbers.
    """
    receivers = receivers_of(scenario)
    if receivers.selected is None:
        return
    members = np.isin(np.arange(len(receivers.names)), receivers.selected)
    cost_m = float(choice.costs_of_m(members[None])[0])
    if cost_m > choice.budget_m * (1.0 + COST_TOLERANCE):
        allowed, found = distinct(choice.budget_m, cost_m)
        raise Infeasible(
            f"The receivers that sense must cost at most {allowed} m, but those selected cost {found} m. "
            f"Raise `receivers.cost_budget`, or leave `receivers.selected` to the design.",
            requirement="cooperation cost",
        )


def require_listeners(scenario: Scenario, found: Sequence[str], names: Sequence[str]) -> None:
    """Refuse to judge by all that sense together where these are too few to tell anything.

    A delay and a Doppler shift are two numbers, position and velocity (or speed) of the target four (or three): two
    must listen. With the shared metric one suffices.

    Args:
        scenario: the world.
        found: names of the observations that count together.
        names: state parameters that they should tell.

    Raises:
        Unidentifiable: with how many must listen, and what to do.
    """
    is_shared = multistatic_of(scenario).metric == "shared"
    least, words = (1, "one receiver") if is_shared else (2, "two receivers, or one and the transmitter,")
    if len(found) >= least:
        return
    remedy = f"At least {words} must sense, found {', '.join(found) or 'none'}: "
    if len(receivers_of(scenario).names) > len(receivers_of(scenario).sensing):
        remedy += "let another receiver sense (`receivers.selected`)."
    else:
        remedy += "give another receiver (`receivers.count`), or a link from the transmitter to itself."
    raise Unidentifiable(names, direction={name: len(names) ** -0.5 for name in names}, remedy=remedy)


def alone(
    scenario: Scenario, heard: Sequence[str], sensing: Sequence[str], links: Sequence[str] | None
) -> tuple[Scenario, str] | None:
    """One listener to judge a design by where all that sense do not tell the target; None if only all are asked for.

    All bounds are proportional to one over the power towards the target, so that the beams suit the others as well. If
    who senses is left to a budget, that listener senses alone.

    Args:
        scenario: the world.
        heard: links of all listeners.
        sensing: those of them that count together.
        links: names of the observations that are asked for, of which the first that is a listener is taken; by default
            the first of those that sense, or of all.
    """
    if links and all(link == FUSED for link in links):
        return None
    asked = [link for link in links or () if link in heard]
    link = [*asked, *sensing, *heard][0]
    receivers = receivers_of(scenario)
    if receivers.selected is not None or receivers.cost_budget_m is None:
        return scenario, link
    chosen = tuple(number for number, name in enumerate(receivers.names) if name == link)
    return scenario.model_copy(update={"receivers": receivers.model_copy(update={"selected": chosen})}), link
