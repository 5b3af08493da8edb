"""Sets of members that can be listed, where all information comes over one transmit direction t.

The bound of a set G is `u(G) / T(G)`: u at full power on t, and the share `T(G) <= 1` of it that requirements leave. A
member removes the streams that it knows, so that T never falls when a set grows: the evidence of one set bounds all
its subsets, `T(G) = u(G) / D(G)` for what it proves. So few transmissions have to be computed for many sets.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from crbeam.design.choices import Association, Chosen, ReceiverChoice, Selection
from crbeam.design.convex.certificate import certificate, shortage
from crbeam.design.convex.evidence import Evidence, Listed
from crbeam.design.convex.statement import statement_of
from crbeam.design.problem import DesignProblem
from crbeam.design.search.members import partial_information, selection_of
from crbeam.design.search.shortage import ROUNDING
from crbeam.design.structure import only_direction, why_not_lit
from crbeam.errors import InvalidInput
from crbeam.information import Transmission

#: Eigenvalue of a set's scaled information, relative to the largest, below which the set determines nothing.
SINGULAR = 1e-11


@dataclass(frozen=True, eq=False)
class SetValues:
    """Weighted bounds of sets of members, whose informations for one transmission add up.

    Attributes:
        information: of each member about what all have in common.
        constant: information that is there for every set.
        weights: of each parameter in the objective.
    """

    information: Float[np.ndarray, "member parameter parameter"]
    constant: Float[np.ndarray, "parameter parameter"]
    weights: Float[np.ndarray, " parameter"]

    def of(self, sets: Bool[np.ndarray, "set member"]) -> Float[np.ndarray, " set"]:
        """The bound of each set; infinite for those that do not determine it."""
        objective, is_regular = self._bounds(sets)
        return np.where(is_regular, objective, np.inf)

    def at_least(self, sets: Bool[np.ndarray, "set member"]) -> Float[np.ndarray, " set"]:
        """No more than the bound of each set, also where rounding leaves open whether it is determined."""
        return self._bounds(sets)[0]

    def _bounds(self, sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds with eigenvalues of scaled information raised to where rounding ends, and whether none had to be."""
        total = np.einsum("sk,kij->sij", sets.astype(float), self.information) + self.constant
        size = np.sqrt(np.einsum("kii->i", self.information) + np.diagonal(self.constant))
        scale = np.where(size > 0.0, 1.0 / np.where(size > 0.0, size, 1.0), 0.0)
        values, vectors = np.linalg.eigh(total * np.outer(scale, scale))
        least = np.maximum(SINGULAR * values[:, -1:], np.finfo(float).tiny)
        raised = np.maximum(values, least)
        objective = np.einsum("i,sij,sj->s", self.weights * scale**2, vectors**2, 1.0 / raised)
        return objective, values[:, 0] > least[:, 0]

    def ordered(self, sets: Bool[np.ndarray, "set member"]) -> Bool[np.ndarray, "kept member"]:
        """Sets that determine the bound, the one of the least first."""
        values = self.of(sets)
        order = np.argsort(values, kind="stable")
        return sets[order[np.isfinite(values[order])]]

    def best(self, sets: Sequence[tuple[str, ...]], selection: Selection) -> tuple[str, ...]:
        """The one of some sets of names with the least value; empty if there is none."""
        rows = np.array([np.isin(selection.names, each) for each in sets]).reshape(len(sets), len(selection.names))
        return sets[int(np.argmin(self.of(rows)))] if sets else ()


def values_at(problem: DesignProblem, sent: Transmission) -> SetValues:
    """Values of sets of a problem with one active criterion, for a transmission."""
    selection, (criterion,) = selection_of(problem), problem.active_criteria
    assert selection is not None
    names = [name for name in criterion.map.layout if name.partition("/")[0] not in selection.names]
    owners = [part.receiver if part.receiver in selection.names else part.block for part in criterion.map.contributions]
    own = [
        partial_information(criterion.map, [owner == name for owner in owners], names, sent) for name in selection.names
    ]
    constant = partial_information(criterion.map, [owner not in selection.names for owner in owners], names, sent)
    index = criterion.map.layout.indices(names)
    counts = [criterion.weight_of(name) if name in criterion.weights else 0.0 for name in names]
    return SetValues(
        np.stack(own),
        constant + criterion.map.constant[np.ix_(index, index)],
        np.repeat(counts, criterion.map.layout.select(names).sizes),
    )


def exchanged(
    values: SetValues, selection: Selection, chosen: Chosen, members: Iterable[str], rounds: int = 50
) -> tuple[str, ...]:
    """The set of a box to which single additions and exchanges lead, as long as one of them has a better value."""
    named = (tuple(members), chosen.members, possible_in(chosen))
    row, fixed, possible = (np.isin(selection.names, each) for each in named)
    value = float(values.of(row[None])[0])
    for _ in range(rounds):
        into, out = np.flatnonzero(possible & ~row), np.flatnonzero(row & ~fixed)
        grown = np.repeat(row[None], len(into), axis=0)
        grown[np.arange(len(into)), into] = True
        rows = np.repeat(grown, len(out), axis=0)
        rows[np.arange(len(rows)), np.tile(out, len(into))] = False
        rows = np.concatenate([grown, rows])
        sizes = rows.sum(axis=1)
        rows = rows[selection.allows(rows) & (sizes >= chosen.sizes[0]) & (sizes <= chosen.sizes[1])]
        reached = values.of(rows)
        if not len(rows) or not reached.min() < value:
            break
        row, value = rows[int(np.argmin(reached))], float(reached.min())
    return tuple(name for name, is_in in zip(selection.names, row.tolist(), strict=True) if is_in)


@dataclass(frozen=True, eq=False)
class Listing:
    """Allowed sets with their values at full power on the one direction.

    Attributes:
        problem: what was asked for.
        selection: its choice.
        sets: rows that tell who is a member.
        at_full_power: values u of sets.
    """

    problem: DesignProblem
    selection: Selection
    sets: Bool[np.ndarray, "set member"]
    at_full_power: SetValues

    @cached_property
    def values(self) -> Float[np.ndarray, " set"]:
        """Objective u of the allowed sets."""
        return self.at_full_power.of(self.sets)

    @cached_property
    def least_values(self) -> Float[np.ndarray, " set"]:
        """No more than these values, also of sets that are close to determining nothing."""
        return self.at_full_power.at_least(self.sets)

    def inside(self, chosen: Chosen) -> Bool[np.ndarray, " set"]:
        """Which sets are in a box."""
        inside, possible = (np.isin(self.selection.names, each) for each in (chosen.members, possible_in(chosen)))
        return np.all(self.sets[:, inside], axis=1) & ~np.any(self.sets[:, ~possible], axis=1)

    def bound(self, chosen: Chosen, limit: float) -> float:
        """No set of a box has a smaller objective if requirements leave no more than a share of the power."""
        least = float(np.min(self.least_values[self.inside(chosen)], initial=np.inf))
        return least / limit if limit > 0.0 else np.inf

    def best(self, chosen: Chosen) -> tuple[str, ...]:
        """The set of a box with the least value; empty if no set determines the objective."""
        values = np.where(self.inside(chosen), self.values, np.inf)
        place = int(np.argmin(values))
        return self.names_of(self.sets[place]) if np.isfinite(values[place]) else ()

    def names_of(self, row: Bool[np.ndarray, " member"]) -> tuple[str, ...]:
        """Names of the members of a set."""
        return tuple(name for name, is_in in zip(self.selection.names, row.tolist(), strict=True) if is_in)

    def limit_of(self, evidence: Evidence | None) -> float:
        """Most share of the power that is left for a set, and all its subsets, by its evidence."""
        if evidence is None or evidence.chosen is None:
            return 1.0
        statement = statement_of(self.problem, evidence.chosen)
        if shortage(statement, evidence) > 1.0 + ROUNDING:
            return 0.0
        row = np.isin(self.selection.names, evidence.chosen.members)
        value = float(self.at_full_power.of(row[None])[0])
        bound = certificate(statement, evidence)
        return min(1.0, value / bound) if bound > 0.0 and np.isfinite(value) else 1.0

    def proven(self, proof: Listed) -> float:
        """The bound of a proof for all sets of its box.

        Raises:
            InvalidInput: its evidence is for a set that does not contain all of them.
        """
        known = None if proof.evidence is None else proof.evidence.chosen
        if known is not None:
            alike = replace(known, members=(), undecided=(), sizes=(0, 0))
            wanted = replace(proof.chosen, members=(), undecided=(), sizes=(0, 0))
            if known.undecided or alike != wanted or not set(possible_in(proof.chosen)) <= set(known.members):
                raise InvalidInput(f"Evidence for {known.members} says nothing of sets of {possible_in(proof.chosen)}.")
        return self.bound(proof.chosen, self.limit_of(proof.evidence))


def possible_in(chosen: Chosen) -> tuple[str, ...]:
    """Names that take part, or may, in a box."""
    return (*chosen.members, *chosen.undecided)


def listing_of(problem: DesignProblem, sets: Bool[np.ndarray, "set member"]) -> Listing | None:
    """The allowed ones of some sets; None where information comes over several directions, or more is to be chosen."""
    selection = selection_of(problem)
    if selection is None or why_not_lit("", replace(problem, guides=())) is not None:
        return None
    if len(problem.active_criteria) != 1 or problem.bound_limits or problem.power_price:
        return None
    if any(isinstance(part, ReceiverChoice | Association) for part in problem.constraints):
        return None
    direction = only_direction(problem)
    assert direction is not None
    power_w = problem.budgets[0].power_per_subcarrier_w
    sent = Transmission.of_factors(problem.blocks, [np.sqrt(power_w) * direction[:, None]])
    return Listing(problem, selection, sets[selection.allows(sets)], values_at(problem, sent))


def parted(chosen: Chosen, members: Iterable[str]) -> list[Chosen]:
    """Boxes that together are a box: the subsets of a set in it, then for each of the others those with it."""
    kept = set(members)
    inside = tuple(name for name in chosen.undecided if name in kept)
    others = [name for name in chosen.undecided if name not in kept]
    found = [replace(chosen, undecided=inside)]
    for number, name in enumerate(others):
        rest = (*inside, *others[number + 1 :])
        found.append(replace(chosen, members=(*chosen.members, name), undecided=rest))
    return found
