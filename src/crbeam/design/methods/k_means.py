"""Receivers grouped by k-means, the baseline of the paper."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from crbeam.design.choices import Selection
from crbeam.design.problem import DesignProblem
from crbeam.design.search.members import selection_of
from crbeam.design.search.method import RuleOfSelection
from crbeam.design.search.rules import k_means_groups


@dataclass(frozen=True)
class KMeans(RuleOfSelection):
    """The best cluster of receivers over all numbers of clusters, each with its best transmission.

    Reference: wang2024 section VI.
    """

    key = "k-means"
    summary = "receivers by k-means over their places, with their best beams"

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs the places of the receivers too."""
        reason, selection = super().why_not(problem), selection_of(problem)
        if reason is None and selection is not None and selection.positions_m is None:
            return f"{self.key} needs the places of the receivers, not only their prices."
        return reason

    def candidates(self, selection: Selection) -> Bool[np.ndarray, "set member"]:
        """Every cluster."""
        positions_m = selection.positions_m
        assert positions_m is not None, "why_not has said so"
        return k_means_groups(positions_m)
