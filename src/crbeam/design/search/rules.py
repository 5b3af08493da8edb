"""Sets of members worth looking at, as rows that tell who is one."""

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Bool, Float

from crbeam.design.choices import Chosen, CooperationCosts, Selection
from crbeam.errors import InvalidInput

#: Receivers up to which all sets are listed.
MAX_LISTED = 16
_MAX_ROUNDS = 100


def all_sets(n_receivers: int) -> Bool[np.ndarray, "set receiver"]:
    """Every set with a member.

    Raises:
        InvalidInput: there are too many.
    """
    if n_receivers > MAX_LISTED:
        raise InvalidInput(
            f"All sets can be listed for at most {MAX_LISTED} receivers, found {n_receivers}; use another method."
        )
    numbers = np.arange(1, 2**n_receivers)
    return (numbers[:, None] >> np.arange(n_receivers)) % 2 == 1


def greedy_set(selection: Selection, chosen: Chosen, participation: Mapping[str, float]) -> tuple[str, ...]:
    """The set of a box to which members are added in the order in which they take part, as long as it is allowed.

    Empty if the set that is met on this way is not allowed.
    """
    row = np.isin(selection.names, chosen.members)
    most = chosen.sizes[1]
    for name in sorted(chosen.undecided, key=lambda each: -participation.get(each, 0.0)):
        if row.sum() >= most:
            break
        trial = row | np.isin(selection.names, [name])
        if not row.any() or selection.allows(trial[None])[0]:
            row = trial
    found = tuple(name for name, is_in in zip(selection.names, row.tolist(), strict=True) if is_in)
    return found if chosen.sizes[0] <= len(found) and selection.allows(row[None])[0] else ()


def telling_sets(selection: Selection) -> Bool[np.ndarray, "set member"]:
    """Sets among which messages look for the cheapest: every one where they can be listed, else the nearest ones."""
    n_names = len(selection.names)
    if n_names <= MAX_LISTED:
        found = all_sets(n_names)
        return found[found.sum(axis=1) <= selection.largest]
    costs = selection.costs
    return np.tri(n_names, dtype=bool)[: selection.largest] if costs is None else nearest_sets(costs)


def sets_about(selection: Selection) -> Bool[np.ndarray, "set member"]:
    """For the target and for each member: the largest set of members nearest to it that is allowed."""
    costs, found = selection.costs, []
    assert costs is not None
    for near in (costs.target_distance_m, *costs.pair_distance_m):
        sets = nearest_sets(CooperationCosts(near, costs.pair_distance_m, costs.target_share))
        allowed = sets[selection.allows(sets)]
        found += [allowed[-1]] if len(allowed) else []
    return np.array(found).reshape(len(found), len(selection.names))


def nearest_sets(costs: CooperationCosts) -> Bool[np.ndarray, "set receiver"]:
    """The n receivers nearest to the target, for every n; without a budget the best sets of their size."""
    order = np.argsort(costs.target_distance_m, kind="stable")
    return _rows((order[: n + 1].tolist() for n in range(len(order))), len(order))


def linkage_groups(costs: CooperationCosts) -> Bool[np.ndarray, "set receiver"]:
    """The 2K - 1 groups of the minimax linkage tree: singletons, then the merger of the two groups nearest each other.

    The distance of two groups is `(1 - rho) r + rho d` of their union, r being the least distance of a member from the
    farthest other one and d the least distance of a member from the target. Of pairs equally near the one whose groups
    are oldest is merged.

    Reference: wang2024 section IV.

    Deviation: line 4 of the algorithm takes the plain distance between singletons, which is not that of Definition 4.4;
    the definition is used throughout.
    """
    n_receivers = len(costs.target_distance_m)
    groups: list[tuple[int, ...]] = [(index,) for index in range(n_receivers)]
    found = list(groups)
    known: dict[tuple[int, ...], float] = {}
    while len(groups) > 1:
        best: tuple[float, tuple[int, ...], tuple[int, ...]] | None = None
        for place, first in enumerate(groups):
            for second in groups[place + 1 :]:
                union = tuple(sorted(first + second))
                if union not in known:
                    known[union] = _joint_distance(costs, union)
                if best is None or known[union] < best[0]:
                    best = (known[union], first, second)
        assert best is not None
        merged = tuple(sorted(best[1] + best[2]))
        groups = [*(group for group in groups if group not in best[1:]), merged]
        found.append(merged)
    return _rows(found, n_receivers)


def _joint_distance(costs: CooperationCosts, members: tuple[int, ...]) -> float:
    """Reference: wang2024 section IV."""
    index = np.array(members)
    radius = costs.pair_distance_m[np.ix_(index, index)].max(axis=1).min()
    nearest = costs.target_distance_m[index].min()
    return float((1.0 - costs.target_share) * radius + costs.target_share * nearest)


def k_means_groups(positions_m: Float[np.ndarray, "receiver 2"]) -> Bool[np.ndarray, "set receiver"]:
    """Every cluster that k-means finds, for k = 1 to K clusters, without repetitions.

    The first centre is the first receiver, each next one the receiver farthest from those before.

    Reference: wang2024 section VI.

    Deviation: the paper says neither how many clusters there are, nor where they start, nor which of them are tried.
    """
    found: dict[tuple[int, ...], None] = {}
    for count in range(1, len(positions_m) + 1):
        labels = _clusters(positions_m, count)
        for label in range(count):
            members = tuple(np.flatnonzero(labels == label).tolist())
            if members:
                found.setdefault(members)
    return _rows(found, len(positions_m))


def _clusters(positions_m: np.ndarray, count: int) -> np.ndarray:
    """Cluster of every receiver, by Lloyd's iterations from starts far apart."""
    chosen = [0]
    while len(chosen) < count:
        away = np.hypot(*np.moveaxis(positions_m[:, None] - positions_m[chosen], -1, 0)).min(axis=1)
        chosen.append(int(np.argmax(away)))
    centres = positions_m[chosen]
    labels = np.full(len(positions_m), -1)
    for _ in range(_MAX_ROUNDS):
        nearest = np.hypot(*np.moveaxis(positions_m[:, None] - centres, -1, 0)).argmin(axis=1)
        if np.array_equal(nearest, labels):
            break
        labels = nearest
        means = [
            positions_m[labels == each].mean(axis=0) if np.any(labels == each) else centres[each]
            for each in range(count)
        ]
        centres = np.array(means)
    return labels


def _rows(sets: Iterable[Iterable[int]], n_receivers: int) -> Bool[np.ndarray, "set receiver"]:
    listed = [list(each) for each in sets]
    rows = np.zeros((len(listed), n_receivers), dtype=bool)
    for row, members in zip(rows, listed, strict=True):
        row[members] = True
    return rows
