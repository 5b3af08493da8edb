"""The tighter of the two relaxations of a problem with a hybrid array, solved."""

from crbeam.design.hybrid.ascent import ascend
from crbeam.design.hybrid.networks import digital_relaxation
from crbeam.design.hybrid.receive_relaxation import ReceiveRelaxation
from crbeam.design.hybrid.transmit_relaxation import TransmitRelaxation
from crbeam.design.problem import DesignProblem
from crbeam.design.result import SubarrayEvidence
from crbeam.design.served.reduction import reduce_served
from crbeam.design.subarrays import SubarrayHybrid

#: Relative gap at which the search for the best bound ends.
GAP = 1e-6


def subarray_evidence(problem: DesignProblem, hybrid: SubarrayHybrid) -> SubarrayEvidence:
    """Evidence for nearly the best bound that knows the sub-arrays, for a problem with one block and one budget."""
    digital = digital_relaxation(problem)
    reduced = reduce_served(digital)
    if hybrid.side == "transmit":
        relaxation = TransmitRelaxation(reduced, hybrid)
    else:
        relaxation = ReceiveRelaxation(digital, reduced, hybrid)
    return relaxation.evidence(ascend(relaxation, gap=GAP))
