"""Receivers grouped by minimax linkage, Algorithm I of the paper."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from crbeam.design.choices import Selection
from crbeam.design.search.method import RuleOfSelection
from crbeam.design.search.rules import linkage_groups


@dataclass(frozen=True)
class Linkage(RuleOfSelection):
    """The best of the 2K - 1 groups of the minimax linkage tree, each with its best transmission.

    Reference: wang2024 section IV, Algorithm I.
    """

    key = "linkage"
    summary = "receivers by minimax linkage (Algorithm I of wang2024), with their best beams"

    def candidates(self, selection: Selection) -> Bool[np.ndarray, "set member"]:
        """Every group of the tree."""
        assert selection.costs is not None, "why_not has said so"
        return linkage_groups(selection.costs)
