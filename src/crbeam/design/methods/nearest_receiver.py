"""The station nearest to the target listens; everything else is optimised."""

from dataclasses import dataclass

import numpy as np

from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.search.boxes import roles_of
from crbeam.design.search.branch_and_bound import Effort, best_transmission, require_transmission
from crbeam.design.search.method import ChoiceMethod, proposal_of, relaxation_proofs


@dataclass(frozen=True)
class NearestReceiver(ChoiceMethod):
    """Least power when the first of the stations that may listen does: the nearest to the target.

    Association and beams are optimised exactly. The lower bound is over all receivers.

    Attributes:
        time_limit_s: seconds after which the best transmission so far is taken.

    Reference: xu2023 section IV, Scheme 1.
    """

    key = "nearest-receiver"
    summary = "least power or error of a network when the station nearest to the target listens (scheme 1)"
    is_global = False

    time_limit_s: float = 300.0

    def __post_init__(self) -> None:
        self.require_option("time_limit_s", 0.0 < self.time_limit_s < np.inf, "positive and finite")

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """Search the first role."""
        first, *others = roles_of(problem)
        outcome = best_transmission(problem, (first,), Effort(1e-6, self.time_limit_s))
        found = require_transmission(problem, outcome)
        proofs = (*(node.proof for node in outcome.leaves), *relaxation_proofs(problem, others))
        return proposal_of(found, proofs, programs=outcome.programs + len(others))
