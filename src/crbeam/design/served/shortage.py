"""What requirements take that cannot all be met within the power budgets."""

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from crbeam.design.power_need import PowerNeed, level_above_db
from crbeam.design.served.barrier import power_share
from crbeam.design.served.conic import solved
from crbeam.design.served.reduction import ServedProblem
from crbeam.design.service_constraints import Illumination, MinimumSinr, MinimumUplinkSinr
from crbeam.errors import Infeasible

#: Room that makes up for the tolerance of the conic solver, relative to what full power brings.
ROOM = 1e-7
#: Bisections of the largest common factor on the ratios.
BISECTIONS = 16


def require_within_power(
    reduced: ServedProblem, multipliers: Float[np.ndarray, " requirement"], *, is_suspect: bool
) -> None:
    """Refuse requirements that the budgets do not cover, with multipliers as proof.

    Args:
        reduced: the problem.
        multipliers: of the requirements, which may prove it.
        is_suspect: whether no transmission was found, so that better multipliers are to be looked for.

    Raises:
        Infeasible: with the power that suffices, or that none does.
    """
    if power_share(reduced, multipliers) < 1.0:
        raise _contradiction(reduced, multipliers, *power_need(reduced))
    if is_suspect:
        need, weights = power_need(reduced)
        if weights is not None and need.insufficient > 1.0:
            raise _contradiction(reduced, weights, need, weights)


def _contradiction(
    reduced: ServedProblem, multipliers: np.ndarray, need: PowerNeed, best: np.ndarray | None
) -> Infeasible:
    """What to say of requirements whose weighted sum, by multipliers, is more than the budgets give."""
    weights = multipliers if best is None else best
    names = [each.name for each in reduced.requirements]
    binding = names[int(np.argmax(weights * np.abs(reduced.floors)))]
    together = f"All requirements must be met within the power budgets, but the {binding} weighs most, and together"
    echo = _echo_words(reduced)
    if echo is not None or np.isinf(need.insufficient):
        reach = echo or _reach_words(reduced)
        return Infeasible(
            f"{together} they contradict one another: no power suffices. {reach}",
            requirement=binding,
            sufficient_power=np.inf,
        )
    power_w = reduced.problem.budgets[0].power_per_subcarrier_w if reduced.n_budgets == 1 else None
    return Infeasible(
        f"{together} they take more: {need.words(power_w)}. Raise the power or lower that requirement.",
        requirement=binding,
        sufficient_power=need.sufficient,
        insufficient_power=need.insufficient,
    )


def power_need(reduced: ServedProblem) -> tuple[PowerNeed, Float[np.ndarray, " requirement"] | None]:
    """Least factor on all budgets with which the requirements can be met, and multipliers that prove it.

    Floors that are a share of the power grow with it. In covariances over the factor t, budgets are 1 and the other
    floors count 1 / t, whose largest value is a conic program. The factor that does not suffice is
    `fixed / (supply - growing)` with the weighted sums of the fixed and the growing floors and what the budgets can
    give at most, from eigenvalues alone.
    """
    grows = _growing(reduced)
    fixed, growing = np.where(grows, 0.0, reduced.floors), np.where(grows, reduced.floors, 0.0)
    unit = float(np.max(np.abs(fixed), initial=0.0)) or 1.0
    inverse, rows, constraints = _program(reduced)
    kept = rows >= inverse * (fixed / unit) + growing
    if not solved(_maximised(inverse, [kept, *constraints])) or kept.dual_value is None:
        return PowerNeed(np.inf, 1.0), None
    weights = np.maximum(np.asarray(kept.dual_value, dtype=float), 0.0)
    spare = power_share(reduced, weights) * float(reduced.floors @ weights) - float(growing @ weights)
    proven = float(fixed @ weights) / spare if spare > 0.0 else np.inf
    reached = float(inverse.value) - ROOM
    return PowerNeed(unit / reached * (1.0 + ROOM) if reached > ROOM else np.inf, proven), weights


def _growing(reduced: ServedProblem) -> Bool[np.ndarray, " requirement"]:
    """Requirements whose floor is a share of the power."""
    shares = {id(part.requirement.parts[0].vector) for part in _floors(reduced) if part.is_share}
    return np.array([id(each.parts[0].vector) in shares for each in reduced.requirements], dtype=bool)


def _floors(reduced: ServedProblem) -> list[Illumination]:
    return [part for part in reduced.problem.constraints if isinstance(part, Illumination)]


def _program(reduced: ServedProblem) -> tuple[Any, Any, list[Any]]:
    """One over the factor on the budgets, the value of every requirement, and what covariances must keep."""
    import cvxpy as cp

    constraints: list[Any] = []
    rows: Any = np.zeros(len(reduced.requirements))
    used: list[Any] = [0.0] * reduced.n_budgets
    for block in reduced.blocks:
        size = block.basis.shape[1]
        for stream in range(len(block.streams)):
            sent = cp.Variable((size, size), hermitian=True)
            constraints.append(sent >> 0)
            # The trace of A W is the product of the rows of A with the columns of W.
            rows = rows + cp.real(block.rows[stream].reshape(-1, size * size) @ cp.vec(sent, order="F"))
            used[block.budget] = used[block.budget] + cp.real(cp.trace(sent))
    return cp.Variable(), rows, [*constraints, *(each <= 1.0 for each in used)]


def _maximised(objective: Any, constraints: list[Any]) -> Any:
    import cvxpy as cp

    return cp.Problem(cp.Maximize(objective), constraints)


def _echo_words(reduced: ServedProblem) -> str | None:
    """The ratio that uplink users keep beside the echo of the illumination that is asked for, if it is too low."""
    uplink = next((part for part in reduced.problem.constraints if isinstance(part, MinimumUplinkSinr)), None)
    floors = _floors(reduced)
    if uplink is None or not floors:
        return None
    echo_w = uplink.echo_gain * max(part.least_power_w for part in floors)
    reached = uplink.tolerance.sinr(echo_w) / uplink.minimum_sinr
    worst = int(np.argmin(reached))
    if reached[worst] >= 1.0:
        return None
    missing = level_above_db(1.0 / float(reached[worst]))
    return (
        f"Beside the echo of that illumination the SINR of {uplink.users[worst]} is {missing} dB below what it "
        "requires. Lower one of the two."
    )


def _reach_words(reduced: ServedProblem) -> str:
    """The largest common factor on the ratios that any power allows beside floors that grow with it."""
    if not any(isinstance(part, MinimumSinr) for part in reduced.problem.constraints):
        return "Lower one of them."
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high) if low > 0.0 else high * 1e-2
        is_enough = np.isfinite(power_need(_with_factor(reduced, middle))[0].insufficient)
        low, high = (middle, high) if is_enough else (low, middle)
        if low == 0.0 and high < 1e-12:
            return "Lower the floor on the illumination: beside it users cannot be served at all."
    return (
        f"With any power the users reach {level_above_db(1.0 / low)} dB less SINR than required. Lower their "
        "requirements by that much or a little more, or lower the floor on the illumination."
    )


def _with_factor(reduced: ServedProblem, factor: float) -> ServedProblem:
    from crbeam.design.served.reduction import reduce_served

    parts = [
        replace(part, minimum_sinr=factor * part.minimum_sinr) if isinstance(part, MinimumSinr) else part
        for part in reduced.problem.constraints
    ]
    return reduce_served(replace(reduced.problem, constraints=tuple(parts)))
