"""Problems whose information all comes over one transmit direction.

Every weighted bound is then proportional to one over the power `t^H R t` in that direction t, which is linear in the
covariance: the most power there gives the least of all bounds.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Complex

from crbeam.design.constraints import Codebook, ConstantModulus, TiedBlocks
from crbeam.design.problem import Criterion, DesignProblem, WeightedBound
from crbeam.design.rate_constraints import MinimumRate
from crbeam.design.result import DualEvidence, Proposal
from crbeam.design.service_constraints import MinimumSinr
from crbeam.information.information_map import Contribution, InformationMap
from crbeam.information.parameters import ParameterLayout

#: Relative size of singular values of unit directions that counts as rounding.
ONE_DIRECTION = 1e-9
#: The parameter that stands for all others.
_AMPLITUDE = "amplitude"


def only_direction(problem: DesignProblem) -> Complex[np.ndarray, " tx"] | None:
    """Unit vector of the one direction over which all information comes; None if there are more, or a prior."""
    maps = [criterion.map for criterion in problem.active_criteria]
    if len(problem.blocks) != 1 or any(np.any(each.constant) for each in maps):
        return None
    columns = np.concatenate([part.transmit for each in maps for part in each.contributions], axis=1)
    lengths = np.linalg.norm(columns, axis=0)
    units = columns[:, lengths > 0.0] / lengths[lengths > 0.0]
    if not units.size:
        return None
    left, sizes, _ = np.linalg.svd(units, full_matrices=False)
    return left[:, 0] if sizes[1:].max(initial=0.0) <= ONE_DIRECTION * sizes[0] else None


def why_not_one_direction(key: str, problem: DesignProblem) -> str | None:
    """Why a method for problems of one direction does not apply, in a sentence; None if it does."""
    if not isinstance(problem.objective, WeightedBound) or len(problem.blocks) != 1:
        return f"{key} minimises weighted bounds of one block only."
    if any(isinstance(part, Codebook | ConstantModulus | TiedBlocks) for part in problem.constraints):
        return f"{key} cannot keep codebooks, constant moduli or tied blocks."
    if only_direction(problem) is None:
        return f"{key} needs a problem whose information all comes over one transmit direction, without a prior."
    return None


def sensing_stream(problem: DesignProblem) -> str:
    """Name of the first stream that serves nobody."""
    return next(stream.name for stream in problem.streams if stream.served_user is None)


def why_not_lit(key: str, problem: DesignProblem) -> str | None:
    """Why a method for one direction and one stream that serves nobody does not apply; None if it does."""
    reason = why_not_one_direction(key, problem)
    if reason is not None:
        return reason
    unserved = [stream.name for stream in problem.streams if stream.served_user is None]
    if len(unserved) != 1:
        return f"{key} needs exactly one stream that serves nobody."
    cancelled = {
        name for part in problem.constraints if isinstance(part, MinimumSinr | MinimumRate) for name in part.cancels
    }
    if cancelled - set(unserved):
        return f"{key} needs users that know no stream but the one that serves nobody."
    return None


def power_problem(problem: DesignProblem, direction: Complex[np.ndarray, " tx"]) -> DesignProblem:
    """Least `1 / (t^H R t)` under the constraints of a problem: its optimum is the optimum of the problem."""
    (block,) = problem.blocks
    part = Contribution(
        block=block,
        transmit=direction[:, None],
        receive=np.ones((1, 1), dtype=complex),
        gram=np.ones((1, 1), dtype=complex),
        jacobian=np.ones((1, 1)),
    )
    information = InformationMap(ParameterLayout.of({_AMPLITUDE: 1}), (part,))
    return replace(problem, criteria=(Criterion(information, {_AMPLITUDE: 1.0}),), guides=())


def with_evidence_for(problem: DesignProblem, proposal: Proposal, direction: Complex[np.ndarray, " tx"]) -> Proposal:
    """A proposal for `power_problem` with its evidence turned into evidence for the problem itself.

    With `f(R) = c / (t^H R t)` the multipliers are c times those of the power problem, and responses are `I(R)^-1 E`.
    """
    assert proposal.dual is not None
    (covariance,) = proposal.covariances.values()
    power_w = float(np.real(direction.conj() @ covariance @ direction))
    responses, objective = [], 0.0
    for criterion in problem.active_criteria:
        information = criterion.map.at(proposal.covariances)
        responses.append(information.inverse_response(criterion.selection))
        objective += float(np.sum(criterion.selection * responses[-1]))
    scale = objective * power_w
    trace = tuple(scale * value for value in proposal.trace)
    return replace(proposal, trace=trace, dual=DualEvidence(tuple(responses), scale * proposal.dual.multipliers))
