"""Methods that choose the analog network of a hybrid array."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from crbeam.design.hybrid.identifiability import require_identifiable
from crbeam.design.hybrid.networks import hybrid_of, n_antennas_of
from crbeam.design.hybrid.relaxation import subarray_evidence
from crbeam.design.hybrid.service_limit import require_servable
from crbeam.design.one_by_one import OneByOne
from crbeam.design.problem import DesignProblem, WeightedBound
from crbeam.design.result import Proposal, SubarrayEvidence
from crbeam.design.service_constraints import Illumination, MinimumSinr, MinimumUplinkSinr
from crbeam.design.subarrays import SubarrayHybrid

#: Antennas up to which the bound that knows the sub-arrays is computed unless told otherwise.
LARGEST_BOUNDED = 128


@dataclass(frozen=True)
class HybridMethod(OneByOne):
    """A method for problems with one block and one hybrid array. Concrete methods propose for one problem.

    Attributes:
        bound: whether to compute the bound that knows the sub-arrays, and first whether it excludes that uplink users
            are served: `auto` up to `LARGEST_BOUNDED` antennas, `always`, `never`.
    """

    uses = frozenset({SubarrayHybrid})
    keeps = frozenset({MinimumSinr, MinimumUplinkSinr, Illumination})
    is_global = False

    bound: str = "auto"

    def __post_init__(self) -> None:
        self.require_option("bound", self.bound in ("auto", "always", "never"), "auto, always or never")

    @abstractmethod
    def propose_network(self, problem: DesignProblem, hybrid: SubarrayHybrid, seed: np.random.SeedSequence) -> Proposal:
        """Network and transmission for one problem."""

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:
        """Network and transmission, if some network tells what is asked for, and none is proven to fail the users."""
        hybrid = hybrid_of(problem)
        assert hybrid is not None
        require_identifiable(problem, hybrid, seed)
        if self._proves(problem, hybrid):
            require_servable(problem, hybrid)
        return self.propose_network(problem, hybrid, seed)

    def evidence(self, problem: DesignProblem, hybrid: SubarrayHybrid) -> SubarrayEvidence | None:
        """What proves the bound that knows the sub-arrays, if it is wanted."""
        return subarray_evidence(problem, hybrid) if self._proves(problem, hybrid) else None

    def _proves(self, problem: DesignProblem, hybrid: SubarrayHybrid) -> bool:
        """Whether what no network can do is to be proven."""
        is_small = n_antennas_of(problem, hybrid) <= LARGEST_BOUNDED
        return self.bound == "always" or (self.bound == "auto" and is_small)

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a weighted bound as the objective, one block, and nothing but the hybrid array to listen."""
        reason = super().why_not(problem)
        if reason is not None:
            return reason
        if not isinstance(problem.objective, WeightedBound):
            return f"{self.key} minimises weighted bounds only."
        if len(problem.blocks) != 1 or len(problem.budgets) != 1:
            return f"{self.key} needs a problem with one block, but this one has {len(problem.blocks)}."
        hybrid = hybrid_of(problem)
        assert hybrid is not None
        receivers = {part.receiver for each in problem.criteria for part in each.map.contributions}
        if hybrid.side == "receive" and receivers != {hybrid.port}:
            return f"{self.key} needs a problem whose only receiver is {hybrid.port}, but there are {len(receivers)}."
        return None
