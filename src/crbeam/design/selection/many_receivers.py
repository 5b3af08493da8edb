"""Selection among many receivers whose information adds up: a good set, and a bound on the best one."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from crbeam.design.selection.candidates import nearest_sets
from crbeam.design.selection.costs import CooperationCosts, Selection
from crbeam.errors import Infeasible, InvalidInput

#: Steps of the search for the best price of cost, and rounds of exchanges from one start.
_PRICE_STEPS, _MAX_EXCHANGES = 50, 10_000
#: Shifts of prices from receivers far from the target to their partners, of which the best is taken.
SHIFTS = (0.0, 0.25, 0.5, 0.75, 1.0)
#: Largest price of cost that is tried, in the largest gain over the mean price.
STEEPEST = 20.0


@dataclass(frozen=True, eq=False)
class ManyReceivers:
    """A set of receivers with a bound on what any other within the budget gathers.

    Attributes:
        members: numbers of the receivers.
        gain: sum of their gains.
        most_gain: proven upper limit.
        cost_m: sum of their prices.
        limited_by: what keeps the limit from being reached, in a sentence.
    """

    members: tuple[int, ...]
    gain: float
    most_gain: float
    cost_m: float
    limited_by: str

    @property
    def gap(self) -> float:
        """`1 - gain / most_gain`, also the gap of a bound that falls as one over the gain."""
        return 1.0 - self.gain / self.most_gain


def select_among_many(selection: Selection, gains: Float[np.ndarray, " receiver"]) -> ManyReceivers:
    """Receivers of large total gain within the budget, by exchanges, and a limit by relaxation.

    Sets grow, shrink and change one member at a time, from several starts, as long as the gain rises. The limit: a
    member of a set of n costs at least `rho d_0k + (1 - rho)` times the mean distance of its n - 1 nearest neighbours
    (better: see `_least_prices`); with these prices, fixed for each n, the best share of every receiver is a linear
    program with two constraints.

    Args:
        selection: prices and budget.
        gains: information of each receiver, which adds up.

    Reference: wang2024 eq. (29).

    Raises:
        Infeasible: no single receiver keeps the budget.
    """
    if gains.shape != (len(selection.names),) or gains.min(initial=1.0) <= 0.0:
        raise InvalidInput(f"Every one of the {len(selection.names)} receivers must have a positive gain.")
    alone = selection.allows(np.eye(len(gains), dtype=bool))
    if not alone.any():
        cheapest_m = float(selection.costs.of_sets_m(np.eye(len(gains), dtype=bool)).min())
        raise Infeasible(
            f"At least one receiver must keep the budget of {selection.budget_m:g} m alone, but none does; the "
            f"cheapest costs {cheapest_m:.9g} m.",
            requirement="cooperation cost",
        )
    members = _best_by_exchanges(selection, gains)
    gain = float(gains[members].sum())
    most = max(gain, gain_limit(selection, gains))
    if members.all():
        why = "Nothing: all receivers are selected."
    else:
        why = "Prices in the relaxation count the nearest neighbours only, and receivers may be taken in part."
    cost_m = float(selection.costs.of_sets_m(members[None])[0])
    return ManyReceivers(tuple(np.flatnonzero(members).tolist()), gain, most, cost_m, why)


def _best_by_exchanges(selection: Selection, gains: np.ndarray) -> Bool[np.ndarray, " receiver"]:
    """Best end of exchanges from several starts: sets about the target, and neighbours of single receivers."""
    starts = _starts(selection)
    best = starts[np.argmax(starts @ gains)]
    order = np.argsort(-(starts @ gains), kind="stable")
    for place in order[:8]:
        found = _exchanged(selection, gains, starts[place])
        if gains[found].sum() > gains[best].sum():
            best = found
    return best


def _starts(selection: Selection) -> Bool[np.ndarray, "start receiver"]:
    """For the target and for each receiver: the largest set of receivers nearest to it that keeps the budget."""
    pairs, costs = selection.costs.pair_distance_m, selection.costs
    found = []
    for near in (costs.target_distance_m, *pairs):
        sets = nearest_sets(CooperationCosts(near, pairs, costs.target_share))
        allowed = sets[selection.allows(sets)]
        found += [allowed[-1]] if len(allowed) else []
    singles = np.eye(len(pairs), dtype=bool)
    return np.stack([*found, *singles[selection.allows(singles)]])


def _exchanged(selection: Selection, gains: np.ndarray, start: np.ndarray) -> Bool[np.ndarray, " receiver"]:
    members = start
    for _ in range(_MAX_EXCHANGES):
        better = _neighbour(selection, gains, members)
        if better is None:
            break
        members = better
    return members


def _neighbour(selection: Selection, gains: np.ndarray, members: np.ndarray) -> Bool[np.ndarray, " receiver"] | None:
    """The set of most gain that differs by one addition or one exchange, if any within the budget gains."""
    costs, share = selection.costs, selection.costs.target_share
    inside, outside = np.flatnonzero(members), np.flatnonzero(~members)
    if not len(outside):
        return None
    to_members = costs.pair_distance_m[:, inside].sum(axis=1)
    pairs, target = to_members[inside].sum(), costs.target_distance_m[inside].sum()
    added = pairs + 2.0 * to_members[outside]
    cost = share * (target + costs.target_distance_m[outside]) + (1.0 - share) * added / len(inside)
    rises = np.where(cost <= selection.budget_m, gains[outside], -np.inf)
    across = costs.pair_distance_m[np.ix_(inside, outside)]
    changed = pairs - 2.0 * to_members[inside][:, None] + 2.0 * (to_members[outside] - across)
    targets = target - costs.target_distance_m[inside][:, None] + costs.target_distance_m[outside]
    swap_cost = share * targets + (1.0 - share) * changed / max(len(inside) - 1, 1)
    swaps = np.where(swap_cost <= selection.budget_m, gains[outside] - gains[inside][:, None], -np.inf)
    if max(rises.max(), swaps.max()) <= 0.0:
        return None
    result = members.copy()
    if rises.max() > 0.0:
        result[outside[int(np.argmax(rises))]] = True
    else:
        out, into = np.unravel_index(int(np.argmax(swaps)), swaps.shape)
        result[inside[out]], result[outside[into]] = False, True
    return result


def gain_limit(selection: Selection, gains: np.ndarray) -> float:
    """Largest gain of the relaxation over all sizes of the set; for each size the best of several valid prices."""
    limits = np.full(len(gains), np.inf)
    for shift in SHIFTS:
        prices = _least_prices(selection.costs, shift)
        for place, each in enumerate(prices):
            limits[place] = min(limits[place], _relaxed(gains, each, place + 1, selection.budget_m))
    return float(limits.max())


def _least_prices(costs: CooperationCosts, shift: float) -> Float[np.ndarray, "size receiver"]:
    """Prices that, over a set of n members, add up to no more than it costs, for n = 1 to K.

    In the mean distance of k from the other members, every other member j counts `s d_0j` more and k itself `s d_0k`
    less, which leaves the sum over a set as it is; then the n - 1 members that are least are taken.
    """
    target, share = costs.target_distance_m, costs.target_share
    shifted = costs.pair_distance_m + shift * target
    np.fill_diagonal(shifted, np.inf)
    sums = np.cumsum(np.sort(shifted, axis=1)[:, :-1], axis=1)
    means = sums / np.arange(1, len(target)) - shift * target[:, None]
    return np.vstack([share * target, share * target + (1.0 - share) * means.T])


def _relaxed(gains: np.ndarray, prices: np.ndarray, size: int, budget_m: float) -> float:
    """`min_l l budget + sum of the n largest (g - l p)`: at every l >= 0 an upper limit on sets of n within the budget.

    Negative if no set of n keeps the budget.
    """

    def limit(price: float) -> float:
        paid = price * budget_m if price > 0.0 else 0.0  # no budget is infinite
        return paid + float(np.sort(gains - price * prices)[-size:].sum())

    low, high = 0.0, STEEPEST * float(np.max(gains)) / max(float(np.mean(np.abs(prices))), 1e-300)
    ratio = 0.5 * (np.sqrt(5.0) - 1.0)
    best = min(limit(low), limit(high))
    inner, outer = high - ratio * (high - low), low + ratio * (high - low)
    at_inner, at_outer = limit(inner), limit(outer)
    for _ in range(_PRICE_STEPS):
        best = min(best, at_inner, at_outer)
        if at_inner <= at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - ratio * (high - low)
            at_inner = limit(inner)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + ratio * (high - low)
            at_outer = limit(outer)
    return min(best, at_inner, at_outer)
