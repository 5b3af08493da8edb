"""From a problem with a choice of receivers to the numbers that its search needs."""

from dataclasses import replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.constraints import PowerBudget
from crbeam.design.convex.certificate import certificate
from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.convex.statement import statement_of
from crbeam.design.one_direction import only_direction, why_not_lit
from crbeam.design.problem import Criterion, DesignProblem
from crbeam.design.rate_constraints import MinimumRate
from crbeam.design.selection.choice import selection_of, settled
from crbeam.design.selection.costs import Selection
from crbeam.design.selection.search import LitPower, SelectionProblem
from crbeam.design.service_constraints import MinimumSinr
from crbeam.information import InformationMap, Transmission
from crbeam.information.information_map import Contribution
from crbeam.information.parameters import ParameterLayout

#: What problems with a choice of receivers may carry.
KEPT = (PowerBudget, MinimumSinr, Selection)
#: Relative difference of informations that counts as proportional.
PROPORTIONAL = 1e-9
#: The parameter that stands for all others.
_AMPLITUDE = "amplitude"


def why_no_selection(key: str, problem: DesignProblem) -> str | None:
    """Why a method that selects receivers does not apply, in a sentence; None if it does."""
    if selection_of(problem) is None:
        return f"{key} needs a problem with a Selection constraint: receivers to choose from, and a budget."
    if len(problem.active_criteria) != 1 or any("/" in name for name in problem.active_criteria[0].requested):
        return f"{key} selects receivers for one criterion about parameters that they have in common."
    if any(isinstance(part, MinimumRate) for part in problem.constraints):
        return (
            f"{key} selects receivers in lines of sight, and cannot keep the MinimumRate constraint of scattered "
            f"waves: name who senses (`receivers.selected`), ask for no rates (`receivers.minimum_rate=0`), or leave "
            f"out `receivers.rician_factor`."
        )
    foreign = [part for part in problem.constraints if not isinstance(part, KEPT)]
    if foreign:
        return f"{key} cannot keep the {type(foreign[0]).__name__} constraint of this problem."
    return why_not_lit(key, problem)


def selection_program(problem: DesignProblem, *, tolerance: float = 1e-6) -> SelectionProblem:
    """What receivers tell at full power on the target, prices, and the power that every set leaves for the target.

    Args:
        problem: has passed `why_no_selection`.
        tolerance: certified gap of every transmission.

    Reference: wang2024 eq. (23).
    """
    selection, direction = selection_of(problem), only_direction(problem)
    assert selection is not None
    assert direction is not None
    (criterion,) = problem.active_criteria
    names = tuple(name for name in criterion.map.layout if "/" not in name)
    full_power_w = problem.budgets[0].power_per_subcarrier_w
    full_power = full_power_w * Transmission.of_factors(problem.blocks, [direction[:, None]])
    told = [_told(criterion.map, {name}, names, full_power) for name in selection.names]
    others = {part.receiver for part in criterion.map.contributions} - set(selection.names)
    counts = [criterion.weight_of(name) if name in criterion.weights else 0.0 for name in names]
    weights = np.repeat(counts, criterion.map.layout.select(names).sizes)

    def lit(members: tuple[int, ...]) -> LitPower:
        return lit_power(problem, tuple(selection.names[index] for index in members), tolerance=tolerance)

    return SelectionProblem(
        selection,
        np.stack(told),
        criterion.requested,
        weights,
        _told(criterion.map, others, names, full_power) if others else np.zeros((len(weights), len(weights))),
        lit,
    )


def _told(
    information: InformationMap, receivers: set[str], names: tuple[str, ...], covariances: Transmission
) -> Float[np.ndarray, "parameter parameter"]:
    """What some receivers tell about parameters that all have in common."""
    parts = tuple(part for part in information.contributions if part.receiver in receivers)
    used = np.any([np.any(part.jacobian, axis=0) for part in parts], axis=0)
    kept = [name for name in information.layout if name in names or np.any(used[information.layout[name]])]
    index = information.layout.indices(kept)
    reduced = tuple(replace(part, jacobian=part.jacobian[:, index]) for part in parts)
    own = InformationMap(information.layout.select(kept), reduced, antennas=information.antennas)
    return own.at(covariances).equivalent(names).matrix


def lit_power(problem: DesignProblem, members: tuple[str, ...], *, tolerance: float = 1e-6) -> LitPower:
    """Share of the largest power on the target that remains when these receivers sense, and all have their rates.

    Raises:
        Infeasible: no transmission serves all receivers.
    """
    direction = only_direction(problem)
    assert direction is not None
    lit = power_problem(settled(problem, members), direction)
    found = convex_optimum(lit, tolerance=tolerance)
    assert found.evidence is not None
    power_w = problem.budgets[0].power_per_subcarrier_w
    (covariance,) = found.covariances.values()
    lit_w = float(np.real(direction.conj() @ covariance @ direction))
    return LitPower(min(1.0, lit_w / power_w), most_lit(lit, found.evidence), found)


def power_problem(problem: DesignProblem, direction: Complex[np.ndarray, " tx"]) -> DesignProblem:
    """Least `1 / (t^H R t)` under the constraints of a problem: its optimum is the optimum of the problem."""
    one = np.ones((1, 1))
    part = Contribution(problem.blocks[0], direction[:, None], one.astype(complex), one.astype(complex), one)
    information = InformationMap(ParameterLayout.of({_AMPLITUDE: 1}), (part,))
    return replace(problem, criteria=(Criterion(information, {_AMPLITUDE: 1.0}),), guides=())


def most_lit(lit: DesignProblem, evidence: Evidence) -> float:
    """Proven upper limit on that share, from evidence for a `power_problem`."""
    bound = certificate(statement_of(lit), evidence)
    return min(1.0, 1.0 / (bound * lit.budgets[0].power_per_subcarrier_w)) if bound > 0.0 else 1.0


def proportional_gains(program: SelectionProblem) -> Float[np.ndarray, " receiver"] | None:
    """Information of each receiver relative to the first one's, if all informations are multiples of one matrix."""
    if np.any(program.constant):
        return None
    scale = np.sqrt(np.diagonal(program.information[0]))
    if np.any(scale == 0.0):
        return None
    scaled = program.information / np.outer(scale, scale)
    gains = np.trace(scaled, axis1=1, axis2=2) / len(scale)
    same = np.abs(scaled - gains[:, None, None] * scaled[0]) <= PROPORTIONAL * gains[:, None, None]
    return gains if bool(np.all(same)) else None
