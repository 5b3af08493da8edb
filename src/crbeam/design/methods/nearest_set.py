"""The receivers nearest to the target."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from crbeam.design.choices import Selection
from crbeam.design.search.method import RuleOfSelection
from crbeam.design.search.rules import nearest_sets


@dataclass(frozen=True)
class NearestSet(RuleOfSelection):
    """The best number of receivers nearest to the target, with their best transmission.

    Reference: wang2024 eq. (29).
    """

    key = "nearest-set"
    summary = "the receivers nearest to the target, as many as the budget allows, with their best beams"

    def candidates(self, selection: Selection) -> Bool[np.ndarray, "set member"]:
        """The n nearest, for every n."""
        assert selection.costs is not None, "why_not has said so"
        return nearest_sets(selection.costs)
