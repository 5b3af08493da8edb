"""The best of many sets of receivers, each with the transmission that is best for it.

The bound of a set G is `u(G) / T(G)`: u at full power on the target, and the share `T(G) <= 1` of it that the rates
leave. A receiver that senses removes the sensing signal, so that T never falls when a set grows: what is found about
one set bounds that of all its subsets, and few transmissions have to be computed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from crbeam.design.progress import report_bounds
from crbeam.design.result import Proposal, SetProof
from crbeam.design.selection.costs import Selection
from crbeam.errors import Infeasible, Unidentifiable

#: Eigenvalue of a set's scaled information, relative to the largest, below which the set determines nothing.
_SINGULAR = 1e-11


@dataclass(frozen=True, eq=False)
class LitPower:
    """Share of the largest power on the target that the rates leave for a set.

    Attributes:
        least: what the transmission attains.
        most: proven upper limit.
        transmission: that attains it, with its evidence.
    """

    least: float
    most: float
    transmission: Proposal


@dataclass(frozen=True, eq=False)
class SelectionProblem:
    """Choose receivers and transmission together.

    Attributes:
        selection: prices and budget.
        information: of each receiver, about parameters that all have in common, at full power on the target.
        names: of the parameters in the objective, for messages.
        weights: of each parameter in the objective, the weighted sum of bounds.
        constant: information that is there for every set.
        lit: share of full power for a set, by the numbers of its members; raises Infeasible if rates cannot be met.
    """

    selection: Selection
    information: Float[np.ndarray, "receiver parameter parameter"]
    names: tuple[str, ...]
    weights: Float[np.ndarray, " parameter"]
    constant: Float[np.ndarray, "parameter parameter"]
    lit: Callable[[tuple[int, ...]], LitPower] = field(repr=False)

    def at_full_power(self, members: Bool[np.ndarray, "set receiver"]) -> Float[np.ndarray, " set"]:
        """Objective u of each set at full power on the target; infinite for sets that do not determine it."""
        total = np.einsum("sk,kij->sij", members.astype(float), self.information) + self.constant
        size = np.sqrt(np.einsum("kii->i", self.information) + np.diagonal(self.constant))
        scale = np.where(size > 0.0, 1.0 / np.where(size > 0.0, size, 1.0), 0.0)
        values, vectors = np.linalg.eigh(total * np.outer(scale, scale))
        is_regular = values[:, 0] > _SINGULAR * values[:, -1]
        safe = np.where(is_regular[:, None], values, 1.0)
        weighted = self.weights * scale**2
        objective = np.einsum("i,sij,sj->s", weighted, vectors**2, 1.0 / safe)
        return np.where(is_regular, objective, np.inf)


@dataclass(frozen=True, eq=False)
class SelectionResult:
    """A set of receivers with its transmission, and a bound on all others that were candidates.

    Attributes:
        members: numbers of the receivers that sense.
        names: their names.
        transmission: the covariances of all streams.
        objective: weighted sum of bounds.
        lower_bound: no candidate set has a smaller objective with any transmission.
        cost_m: sum of the prices.
        candidates: number of candidate sets within the budget.
        designs: number of sets for which a transmission was computed.
        trace: least objective after each of them, from the first transmission on.
        proofs: what is known of these sets, for the lower bound.
    """

    members: tuple[int, ...]
    names: tuple[str, ...]
    transmission: Proposal
    objective: float
    lower_bound: float
    cost_m: float
    candidates: int
    designs: int
    trace: tuple[float, ...]
    proofs: tuple[SetProof, ...]

    @property
    def gap(self) -> float:
        """`(objective - lower_bound) / objective`."""
        return (self.objective - self.lower_bound) / self.objective


def best_selection(
    problem: SelectionProblem, candidates: Bool[np.ndarray, "set receiver"], *, tolerance: float = 1e-6
) -> SelectionResult:
    """The best candidate set within the budget, with its best transmission.

    Sets are taken by their lower limit `u(G) / T`, T being the least limit known of any set that contains G. With all
    sets as candidates the result is the joint optimum of selection and beams, up to the gap.

    Args:
        problem: what to choose.
        candidates: rows that tell who is a member.
        tolerance: relative gap between the best set and the limit of the others at which the search ends.

    Reference: wang2024 eqs. (23), (29).

    Deviation: the paper selects for fixed beams that it does not name, and does not say whether selection and beams
    alternate. Here every candidate is judged with the beams that are best for it.

    Raises:
        Infeasible: no candidate keeps the budget, or none of them has a transmission with all rates.
        Unidentifiable: no candidate within the budget determines what is asked for.
    """
    sets = candidates[problem.selection.allows(candidates)]
    if not len(sets):
        raise Infeasible(
            f"At least one candidate set must cost at most {problem.selection.budget_m:g} m, but none does. "
            f"{_dearer(problem, candidates)}",
            requirement="cooperation cost",
        )
    full_power = problem.at_full_power(sets)
    if not np.isfinite(full_power).any():
        raise Unidentifiable(
            problem.names,
            direction={name: len(problem.names) ** -0.5 for name in problem.names},
            remedy=_dearer(problem, candidates),
        )
    return _searched(problem, sets, full_power, tolerance)


def _dearer(problem: SelectionProblem, candidates: Bool[np.ndarray, "set receiver"]) -> str:
    """What the budget must be for a candidate that determines what is asked for."""
    costs_m = problem.selection.costs.of_sets_m(candidates[np.isfinite(problem.at_full_power(candidates))])
    if not len(costs_m):
        return "No candidate does, whatever the budget: give more receivers, or look at other sets of them."
    told = ", ".join(problem.names)
    return f"Raise the budget: the cheapest candidate that determines {told} costs {_rounded_up(costs_m.min())} m."


def _rounded_up(cost_m: float) -> str:
    """A price in six digits that is no lower."""
    unit = 10.0 ** (np.floor(np.log10(cost_m)) - 5.0) if cost_m > 0.0 else 1.0
    return f"{np.ceil(cost_m / unit) * unit:.6g}"


def _searched(problem: SelectionProblem, sets: np.ndarray, full_power: np.ndarray, tolerance: float) -> SelectionResult:
    limits, names = np.ones(len(sets)), problem.selection.names
    best, objective, place, solved, failure = None, np.inf, -1, set[int](), None
    trace, proofs = list[float](), list[SetProof]()
    while True:
        lower = np.where(limits > 0.0, full_power / np.where(limits > 0.0, limits, 1.0), np.inf)
        chosen = int(np.argmin(lower))
        if solved and np.isfinite(lower[chosen]):
            report_bounds(objective, min(float(lower[chosen]), objective))
        if not np.isfinite(lower[chosen]) or objective <= lower[chosen] * (1.0 + tolerance) or chosen in solved:
            break
        subsets = ~np.any(sets & ~sets[chosen], axis=1)
        solved.add(chosen)
        members = tuple(np.flatnonzero(sets[chosen]).tolist())
        try:
            found = problem.lit(members)
        except Infeasible as error:
            limits, failure = np.where(subsets, 0.0, limits), error
            proofs.append(SetProof(tuple(names[index] for index in members), None))
            continue
        limits = np.where(subsets, np.minimum(limits, found.most), limits)
        proofs.append(SetProof(tuple(names[index] for index in members), found.transmission.evidence))
        if full_power[chosen] / found.least < objective:
            best, objective, place = found, float(full_power[chosen] / found.least), chosen
        trace.append(objective)
    if best is None:
        assert failure is not None
        raise failure
    members = tuple(np.flatnonzero(sets[place]).tolist())
    return SelectionResult(
        members,
        tuple(names[index] for index in members),
        best.transmission,
        objective,
        min(float(lower.min()), objective),
        float(problem.selection.costs.of_sets_m(sets[place][None])[0]),
        len(sets),
        len(solved),
        tuple(trace),
        tuple(proofs),
    )
