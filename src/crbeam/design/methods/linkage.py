"""Receivers grouped by minimax linkage, Algorithm I of the paper."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from crbeam.design.selection.candidates import linkage_groups
from crbeam.design.selection.method import SelectionMethod
from crbeam.design.selection.search import SelectionProblem


@dataclass(frozen=True)
class Linkage(SelectionMethod):
    """The best of the 2K - 1 groups of the minimax linkage tree, each with its best transmission.

    Reference: wang2024 section IV, Algorithm I.
    """

    key = "linkage"
    summary = "receivers by minimax linkage (Algorithm I of wang2024), with their best beams"

    def candidates(self, program: SelectionProblem) -> Bool[np.ndarray, "set receiver"]:
        """Every group of the tree."""
        return linkage_groups(program.selection.costs)
