"""Which receivers should sense: prices, candidate sets, and the best set together with its transmission."""

from crbeam.design.selection.candidates import all_sets, k_means_groups, linkage_groups, nearest_sets
from crbeam.design.selection.costs import CooperationCosts, Selection
from crbeam.design.selection.many_receivers import ManyReceivers, select_among_many
from crbeam.design.selection.search import LitPower, SelectionProblem, SelectionResult, best_selection

__all__ = [
    "CooperationCosts",
    "LitPower",
    "ManyReceivers",
    "Selection",
    "SelectionProblem",
    "SelectionResult",
    "all_sets",
    "best_selection",
    "k_means_groups",
    "linkage_groups",
    "nearest_sets",
    "select_among_many",
]
