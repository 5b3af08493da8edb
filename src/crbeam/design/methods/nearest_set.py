"""The receivers nearest to the target."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from crbeam.design.selection.candidates import nearest_sets
from crbeam.design.selection.method import SelectionMethod
from crbeam.design.selection.search import SelectionProblem


@dataclass(frozen=True)
class NearestSet(SelectionMethod):
    """The best number of receivers nearest to the target, with their best transmission.

    Reference: wang2024 eq. (29).
    """

    key = "nearest-set"
    summary = "the receivers nearest to the target, as many as the budget allows, with their best beams"

    def candidates(self, program: SelectionProblem) -> Bool[np.ndarray, "set receiver"]:
        """The n nearest, for every n."""
        return nearest_sets(program.selection.costs)
