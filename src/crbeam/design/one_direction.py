"""Problems whose information all comes over one transmit direction.

Every weighted bound is then proportional to one over the power `t^H R t` in that direction t, which is linear in the
covariance: the most power there gives the least of all bounds.
"""

import numpy as np
from jaxtyping import Complex

from crbeam.design.constraints import Codebook, ConstantModulus, TiedBlocks
from crbeam.design.problem import DesignProblem, WeightedBound
from crbeam.design.rate_constraints import MinimumRate
from crbeam.design.service_constraints import MinimumSinr
from crbeam.linalg import span


def only_direction(problem: DesignProblem) -> Complex[np.ndarray, " tx"] | None:
    """Unit vector of the one direction over which all information comes; None if there are more, or a prior."""
    maps = [criterion.map for criterion in problem.active_criteria]
    if len(problem.blocks) != 1 or any(np.any(each.constant) for each in maps):
        return None
    columns = np.concatenate([part.transmit for each in maps for part in each.contributions], axis=1)
    directions = span(columns)
    return directions[:, 0] if directions.shape[1] == 1 else None


def sensing_stream(problem: DesignProblem) -> str:
    """Name of the first stream that serves nobody."""
    return next(stream.name for stream in problem.streams if stream.served_user is None)


def why_not_lit(key: str, problem: DesignProblem) -> str | None:
    """Why a method for one direction and one stream that serves nobody does not apply; None if it does."""
    if not isinstance(problem.objective, WeightedBound) or len(problem.blocks) != 1:
        return f"{key} minimises weighted bounds of one block only."
    if any(isinstance(part, Codebook | ConstantModulus | TiedBlocks) for part in problem.constraints):
        return f"{key} cannot keep codebooks, constant moduli or tied blocks."
    if only_direction(problem) is None:
        return f"{key} needs a problem whose information all comes over one transmit direction, without a prior."
    unserved = [stream.name for stream in problem.streams if stream.served_user is None]
    if len(unserved) != 1:
        return f"{key} needs exactly one stream that serves nobody."
    cancelled = {
        name for part in problem.constraints if isinstance(part, MinimumSinr | MinimumRate) for name in part.cancels
    }
    if cancelled - set(unserved):
        return f"{key} needs users that know no stream but the one that serves nobody."
    return None
