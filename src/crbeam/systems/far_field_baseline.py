"""What a transmission that was designed with plane-wave channels is worth in the near field.

Such a design believes in other channels than there are. Its bounds alone say little, as long as its users do not get
what they were promised; three numbers together are fair: its bounds, what its users truly get, and its bounds once the
requirements are raised until the users truly get what they need.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from crbeam.communication import downlink_sinr, mmse_combiners, uplink_sinr
from crbeam.design import Constraint, Design, DesignMethod, DesignProblem, Stream
from crbeam.design.service_constraints import MinimumSinr, MinimumUplinkSinr
from crbeam.errors import Infeasible, InvalidInput

#: Most by which requirements are raised, and the step of the search, in decibels.
MOST_RAISE_DB, STEP_DB = 30.0, 1.0
#: Bisections that find the least raise within a step.
BISECTIONS = 6


@dataclass(frozen=True, eq=False)
class FarFieldBaseline:
    """A far-field design as published, what its users get, and the least raise with which they get what they need.

    Attributes:
        design: with plane-wave channels and the requirements as they are.
        sinr: true ratio of each user.
        minimum_sinr: what each needs.
        raised: the design with raised requirements, whose users truly get what they need; None if no raise helps.
        raise_db: by how much the requirements are raised for it.
    """

    design: Design
    sinr: Float[np.ndarray, " user"]
    minimum_sinr: Float[np.ndarray, " user"]
    raised: Design | None
    raise_db: float | None

    @property
    def share_below(self) -> float:
        """Share of the users that get less than they need."""
        return float(np.mean(self.sinr < self.minimum_sinr * (1.0 - 1e-6)))

    @property
    def worst_shortfall_db(self) -> float:
        """By how much the worst user misses its ratio; 0 if none does."""
        return max(0.0, float(10.0 * np.log10(np.max(self.minimum_sinr / self.sinr))))


def far_field_baseline(near: DesignProblem, far: DesignProblem, method: DesignMethod) -> FarFieldBaseline:
    """The baseline with all three numbers.

    Args:
        near: the problem with the true channels.
        far: the same with plane-wave channels of the same gains.
        method: that solves both.

    Raises:
        Infeasible: the requirements cannot be met even if the channels were plane waves.
        InvalidInput: the problems serve no users, or not the same.

    Reference: li2024 eq. (72).

    Deviation: the paper seems to report the bounds of the design with the ratios that it believes in. Here the ratios
    are those on the true channels, and a design counts for comparisons only if its users get what they need.
    """
    needed = _minimum_sinr(near)
    if not needed.size or needed.shape != _minimum_sinr(far).shape:
        raise InvalidInput(
            f"Both problems must serve the same users, found {needed.size} and {_minimum_sinr(far).size}."
        )
    first = method.solve(far)
    found = _first_raise(lambda raise_db: _attempt(near, far, method, raise_db))
    raised, raise_db = (None, None) if found is None else found
    return FarFieldBaseline(first, true_sinr(near, far, first), needed, raised, raise_db)


def true_sinr(near: DesignProblem, far: DesignProblem, design: Design) -> Float[np.ndarray, " user"]:
    """Ratios on the true channels of a design that was made for other ones, with the combiners that suit those.

    Reference: li2024 eq. (12), eq. (17).
    """
    return delivered_sinr(near.constraints, far.constraints, near.streams, design)


def delivered_sinr(
    true: Sequence[Constraint], believed: Sequence[Constraint], streams: Sequence[Stream], design: Design
) -> Float[np.ndarray, " user"]:
    """The same from what users require on the true channels, and on those that the design was made for.

    Args:
        true: requirements of the users on the true channels, perhaps among other constraints.
        believed: the same on the channels of the design, whose combiners the users' receivers have.
        streams: of the problem, with those that serve users.
        design: what is sent.
    """
    served = [part for part in true if isinstance(part, MinimumSinr)]
    if served:
        return np.array([_downlink(streams, design, part) for part in served])
    own, assumed = (next(part for part in parts if isinstance(part, MinimumUplinkSinr)) for parts in (true, believed))
    covariance = design.covariances[own.block]
    echo_w = own.echo_power_w(covariance)
    combiners = mmse_combiners(assumed.uplink, assumed.echo, echo_w)
    return uplink_sinr(own.uplink, combiners, own.echo, echo_w)


def _downlink(streams: Sequence[Stream], design: Design, part: MinimumSinr) -> float:
    stream = next(stream.name for stream in streams if stream.served_user == part.user)
    if len(part.channels) != 1:
        raise InvalidInput(f"Each user must hear one block, but {part.user} hears {len(part.channels)}.")
    ((block, vector),) = part.channels.items()
    own = design.stream_covariances[stream][block][None]
    return float(downlink_sinr(vector.conj()[:, None], own, design.covariances[block], part.noise_power_w)[0])


def _minimum_sinr(problem: DesignProblem) -> np.ndarray:
    for part in problem.constraints:
        if isinstance(part, MinimumUplinkSinr):
            return part.minimum_sinr
    return np.array([part.minimum_sinr for part in problem.constraints if isinstance(part, MinimumSinr)])


def with_raised_sinr(problem: DesignProblem, raise_db: float) -> DesignProblem:
    """The same problem with all required ratios raised by so many decibels."""
    factor = 10.0 ** (raise_db / 10.0)
    parts = [
        replace(part, minimum_sinr=factor * part.minimum_sinr)
        if isinstance(part, MinimumSinr | MinimumUplinkSinr)
        else part
        for part in problem.constraints
    ]
    return replace(problem, constraints=tuple(parts))


def _attempt(near: DesignProblem, far: DesignProblem, method: DesignMethod, raise_db: float) -> tuple[Design, bool]:
    """The far-field design with raised requirements, and whether its users truly get what they need."""
    design = method.solve(with_raised_sinr(far, raise_db))
    return design, bool(np.all(true_sinr(near, far, design) >= _minimum_sinr(near) * (1.0 - 1e-6)))


def _first_raise(attempt: Callable[[float], tuple[Design, bool]]) -> tuple[Design, float] | None:
    """The first raise on a grid that helps, refined by bisection; None if none does before they cannot be met."""
    below_db = None
    for raise_db in np.arange(0.0, MOST_RAISE_DB + STEP_DB, STEP_DB):
        try:
            design, is_served = attempt(float(raise_db))
        except Infeasible:
            return None
        if is_served:
            return (
                (design, float(raise_db)) if below_db is None else _refined(attempt, below_db, float(raise_db), design)
            )
        below_db = float(raise_db)
    return None


def _refined(
    attempt: Callable[[float], tuple[Design, bool]], low_db: float, high_db: float, design: Design
) -> tuple[Design, float]:
    for _ in range(BISECTIONS):
        middle_db = 0.5 * (low_db + high_db)
        candidate, is_served = attempt(middle_db)
        if is_served:
            high_db, design = middle_db, candidate
        else:
            low_db = middle_db
    return design, high_db
