"""Selection among hundreds of receivers, with a bound by relaxation."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from crbeam.design.problem import DesignProblem
from crbeam.design.selection.many_receivers import select_among_many
from crbeam.design.selection.method import SelectionMethod, why_unserved
from crbeam.design.selection.program import proportional_gains, selection_program
from crbeam.design.selection.search import SelectionProblem


@dataclass(frozen=True)
class ExchangedReceivers(SelectionMethod):
    """Receivers by exchanges from several starts for the most information at full power, then their best transmission.

    For information that adds up as numbers do, as in the shared metric. The lower bound is from a relaxation of the
    choice, and from the power that is left for the target if all receivers sense.

    Reference: wang2024 eq. (29).
    """

    key = "many-receivers"
    summary = "hundreds of receivers by exchanges, with their best beams, and a bound by relaxation"

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs receivers that all tell the same, more or less of it."""
        reason = super().why_not(problem)
        if reason is None and proportional_gains(selection_program(problem)) is None:
            return why_unserved(problem) or (
                f"{self.key} needs receivers whose information differs by a factor only, and no other listener: use "
                f"nearest-set, linkage or k-means, or set `multistatic.metric` to shared without a link from the "
                f"transmitter to itself."
            )
        return reason

    def candidates(self, program: SelectionProblem) -> Bool[np.ndarray, "set receiver"]:
        """One set, at which exchanges end."""
        gains = proportional_gains(program)
        assert gains is not None, "why_not has said so"
        members = select_among_many(program.selection, gains).members
        return np.isin(np.arange(len(gains)), members)[None]
