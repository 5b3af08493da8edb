"""Methods that choose the analog network of a hybrid array, and whether its chains determine what is asked for."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from crbeam.design.certificate import weighted_bound
from crbeam.design.constraints import SubarrayHybrid
from crbeam.design.hybrid.networks import digital_relaxation, hybrid_of, n_antennas_of, with_network
from crbeam.design.hybrid.relaxation import require_servable, subarray_evidence
from crbeam.design.method import OneByOne
from crbeam.design.problem import DesignProblem, WeightedBound
from crbeam.design.result import Proposal, SubarrayEvidence
from crbeam.design.service_constraints import Illumination, MinimumSinr, MinimumUplinkSinr
from crbeam.errors import Unidentifiable
from crbeam.information import Transmission

#: Random networks that must all fail. What one of them tells, almost all do.
NETWORKS = 3
#: Antennas up to which the bound that knows the sub-arrays is computed unless told otherwise.
LARGEST_BOUNDED = 128


def require_identifiable(problem: DesignProblem, hybrid: SubarrayHybrid, seed: np.random.SeedSequence) -> None:
    """Refuse a problem whose chains do not determine what it asks for, although all antennas do.

    The rank of the information is the same behind almost all networks, and largest if all chains send. So networks of
    random phases with equal powers of uncorrelated chains are tried.

    Raises:
        Unidentifiable: no transmission through the chains determines a parameter with a positive weight.
    """
    n_antennas = n_antennas_of(problem, hybrid)
    rng = np.random.default_rng(seed)
    failed: Unidentifiable | None = None
    for _ in range(NETWORKS):
        network = hybrid.network(rng.uniform(-np.pi, np.pi, n_antennas))
        sent = problem.isotropic()
        if hybrid.side == "transmit":
            power_w = problem.budgets[0].power_per_subcarrier_w
            sent = Transmission({hybrid.port: power_w / network.shape[1] * network @ network.conj().T})
        try:
            weighted_bound(with_network(problem, network), sent)
        except Unidentifiable as error:
            failed = error
        else:
            return
    weighted_bound(digital_relaxation(problem), problem.isotropic())
    assert failed is not None
    n_chains = n_antennas // hybrid.antennas_per_chain
    verb = "send" if hybrid.side == "transmit" else "hear"
    chains = (
        f"one chain can only {verb} one beam, which ties what curved waves change in it to the unknown gain; "
        "there must be at least two chains"
        if n_chains == 1
        else f"{n_chains} chains {verb} too few beams; there must be more chains"
    )
    remedy = (
        f"Sub-arrays of {hybrid.antennas_per_chain} of {n_antennas} antennas are too large, whatever the phases: "
        f"{chains}. Take fewer antennas per chain (`served_users.antennas_per_chain` of a scenario)."
    )
    raise Unidentifiable(failed.names, direction=failed.direction, remedy=remedy) from None


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
