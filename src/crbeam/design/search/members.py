"""What a problem is once some of those who may take part do, others do not, and the rest is open.

With nobody left open it is the problem of the members: observations of the others, and parameters that are theirs
alone, are left out, and users among them hear the streams that members know.

Else it is a relaxation. In the end a member k counts `z_k`, 0 or 1, and what it hears is linear in `R_k = z_k R`, R
being the covariance of a block. Of these products all is kept that is linear in them: for every direction q

    0 <= q^H R_k q <= q^H R q,    sum_k c_k q^H R_k q <= C q^H R q                  for every limit  sum_k c_k z_k <= C,

on the number of members and on prices that are never more than they cost (`CooperationCosts.least_prices_m`). Where
all of them hear one direction, nothing else is lost but that z is a whole number. A block that is silent without its
member has at most `z_k` times its power, so that `sum_k c_k tr R_k / P_k <= C`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.choices import COST_TOLERANCE, Chosen, Selection
from crbeam.design.constraints import AntennaPower, Codebook, Constraint, GroupPower, PowerBudget
from crbeam.design.problem import Criterion, DesignProblem, Stream
from crbeam.design.service_constraints import MinimumRate, MinimumSinr, PowerPart, Requirement
from crbeam.information import InformationMap, Transmission
from crbeam.information.information_map import Contribution
from crbeam.linalg import span

#: Shifts of prices from receivers far from the target to their partners; each gives a limit of its own.
SHIFTS = (0.0, 0.25, 0.5, 0.75, 1.0)
#: Name of the stream that carries what undecided members hear.
RECEIVED = "received by undecided members"


def selection_of(problem: DesignProblem) -> Selection | None:
    """The choice of who takes part that a problem leaves open, if it does."""
    return next((part for part in problem.constraints if isinstance(part, Selection)), None)


def problem_of_members(problem: DesignProblem, members: Collection[str]) -> DesignProblem:
    """The problem in which just these of those to choose from take part.

    The others tell nothing, send nothing, and hear the streams that those who take part know.
    """
    selection = selection_of(problem)
    if selection is None:
        return problem
    left_out = set(selection.names) - set(members)
    return replace(
        problem,
        criteria=tuple(_without(criterion, left_out) for criterion in problem.criteria),
        constraints=tuple(
            _hearing(part, selection, part.user in left_out) if isinstance(part, MinimumSinr | MinimumRate) else part
            for part in problem.constraints
            if part is not selection
        ),
    )


def _without(criterion: Criterion, names: Collection[str]) -> Criterion:
    """A criterion without what some hear or send, and without the parameters that are theirs alone."""
    parts = tuple(
        part for part in criterion.map.contributions if part.receiver not in names and part.block not in names
    )
    rest = replace(criterion.map, contributions=parts)
    known = [name for name in rest.layout if name.partition("/")[0] in names]
    return replace(
        criterion,
        map=rest.known(known),
        weights={name: weight for name, weight in criterion.weights.items() if name not in known},
    )


def _hearing(part: MinimumSinr | MinimumRate, selection: Selection, is_left_out: bool) -> Constraint:
    if part.user not in selection.names:
        return part
    others = tuple(name for name in part.cancels if name not in selection.known_streams)
    return replace(part, cancels=others if is_left_out else others + selection.known_streams)


def partial_information(
    information: InformationMap, chosen: Sequence[bool], names: Sequence[str], covariances: Transmission
) -> Float[np.ndarray, "parameter parameter"]:
    """What some contributions tell about named parameters, others of theirs being unknown."""
    parts = tuple(part for part, is_in in zip(information.contributions, chosen, strict=True) if is_in)
    layout = information.layout
    if not parts:
        return np.zeros((layout.select(names).size,) * 2)
    used = np.any([np.any(part.jacobian, axis=0) for part in parts], axis=0)
    places = np.repeat(np.arange(len(layout.names)), layout.sizes)[used]
    wanted = {*names, *(layout.names[place] for place in places.tolist())}
    kept = [name for name in layout.names if name in wanted]
    index = layout.indices(kept)
    reduced = tuple(replace(part, jacobian=part.jacobian[:, index]) for part in parts)
    own = InformationMap(layout.select(kept), reduced, antennas=covariances.antennas)
    return own.at(covariances).equivalent(names).matrix


@lru_cache(maxsize=16)
def _condensed(criterion: Criterion, names: tuple[str, ...]) -> Criterion:
    """The same criterion without parameters that are those of one member alone, where each hears one direction.

    What a member hears over one direction of one block is a multiple of one matrix, about parameters that are not its
    own alone: that is taken in place of its contributions.
    """
    information, layout = criterion.map, criterion.map.layout
    kept = [name for name in layout if name.partition("/")[0] not in names or name in criterion.weights]
    own = layout.indices([name for name in layout if name not in kept])
    if np.any(information.constant[own]):
        return criterion
    found: dict[str, list[Contribution]] = {}
    for part in information.contributions:
        found.setdefault(part.receiver, []).append(part)
    index = layout.indices(kept)
    parts = []
    for receiver, heard in found.items():
        one = _in_one(information, heard, kept) if receiver in names else None
        if receiver in names and one is None:
            return criterion
        parts += [replace(part, jacobian=part.jacobian[:, index]) for part in heard] if one is None else [one]
    condensed = InformationMap(
        layout.select(kept),
        tuple(parts),
        constant=information.constant[np.ix_(index, index)],
        antennas=information.antennas,
    )
    return replace(criterion, map=condensed)


def _in_one(information: InformationMap, parts: Sequence[Contribution], names: Sequence[str]) -> Contribution | None:
    """What a member tells, in one contribution; None if it hears more than one direction."""
    block = parts[0].block
    if any(part.block != block for part in parts):
        return None
    unit = span(np.concatenate([part.transmit for part in parts], axis=1))
    if unit.shape[1] != 1:
        return None
    own = [part.receiver == parts[0].receiver for part in information.contributions]
    told = partial_information(information, own, names, Transmission.of_factors((block,), [unit]))
    scale = np.sqrt(np.maximum(np.diagonal(told), 0.0))
    safe = np.where(scale > 0.0, scale, 1.0)
    values, vectors = np.linalg.eigh(told / np.outer(safe, safe))
    # what is left out here would be missing in the relaxation
    kept = values > 0.0
    jacobian = (vectors[:, kept] * np.sqrt(values[kept])).T * scale
    one = np.eye(len(jacobian), dtype=complex)
    transmit = np.repeat(unit, len(jacobian), axis=1)
    return Contribution(block, transmit, one, one, jacobian, receiver=parts[0].receiver)


@dataclass(frozen=True, eq=False)
class SizeLimits:
    """Limits `sum_k c_k z_k <= C` on undecided members that hold for every set of a box.

    Attributes:
        names: of the undecided who may take part at all.
        factors: c, `[limit, member]`.
        most: C of each limit.
    """

    names: tuple[str, ...]
    factors: Float[np.ndarray, "limit member"]
    most: Float[np.ndarray, " limit"]


def size_limits(selection: Selection, chosen: Chosen) -> SizeLimits:
    """Limits on the number of those who are undecided, and on their least prices."""
    return _size_limits(selection, chosen.members, chosen.undecided, chosen.sizes)


@lru_cache(maxsize=64)
def _size_limits(
    selection: Selection, members: tuple[str, ...], undecided: tuple[str, ...], sizes: tuple[int, int]
) -> SizeLimits:
    inside, open_ = (np.isin(selection.names, each) for each in (members, undecided))
    most = sizes[1]
    factors, limits = [np.ones(int(open_.sum()))], [float(most - inside.sum())]
    if selection.costs is not None and np.isfinite(selection.budget_m):
        scale_m = selection.budget_m or 1.0
        for shift in SHIFTS if most > 1 else SHIFTS[:1]:
            prices = selection.costs.least_prices_m(sizes, shift, inside, open_).min(axis=0)
            left_m = selection.budget_m * (1.0 + COST_TOLERANCE) - float(prices[inside].sum())
            factors.append(prices[open_] / scale_m)
            limits.append(left_m / scale_m)
    names = np.array(selection.names)[open_]
    counted, most_of = np.array(factors), np.array(limits)
    free = np.minimum(counted, 0.0)
    room = most_of - free.sum(axis=1) + COST_TOLERANCE * np.abs(counted).sum(axis=1)
    able = np.all(counted - free <= room[:, None], axis=0)
    return SizeLimits(tuple(names[able].tolist()), counted[:, able], most_of)


def possible_sizes(selection: Selection, chosen: Chosen) -> tuple[int, int] | None:
    """Least and largest number of members of the sets of a box that may be allowed; None if none is.

    For a box without undecided members this is exact.
    """
    inside, open_ = (np.isin(selection.names, each) for each in (chosen.members, chosen.undecided))
    if not chosen.undecided:
        n_members = len(chosen.members)
        return (n_members, n_members) if selection.allows(inside[None])[0] else None
    least, most = max(chosen.sizes[0], len(chosen.members), 1), min(chosen.sizes[1], int((inside | open_).sum()))
    sizes = np.arange(least, most + 1)
    if selection.costs is not None and np.isfinite(selection.budget_m):
        able = np.ones(sizes.size, dtype=bool)
        for shift in SHIFTS:
            prices = selection.costs.least_prices_m((least, most), shift, inside, open_)
            sums = np.cumsum(np.sort(prices[:, open_], axis=1), axis=1)
            sums = np.concatenate([np.zeros((sizes.size, 1)), sums], axis=1)
            cost_m = prices[:, inside].sum(axis=1) + sums[np.arange(sizes.size), sizes - int(inside.sum())]
            able &= cost_m <= selection.budget_m * (1.0 + COST_TOLERANCE) + COST_TOLERANCE * np.abs(prices).sum(axis=1)
        sizes = sizes[able]
    return (int(sizes[0]), int(sizes[-1])) if sizes.size else None


@dataclass(frozen=True, eq=False)
class Lifted:
    """The covariance `R_k = z_k R` of an undecided member in a block of its own, or of the block that it is itself.

    Attributes:
        name: of the member k.
        block: of `R_k`.
        basis: directions that count in it, `[tx, direction]`.
        reference: block of what R is along these directions; the same block if the member sends itself.
        reference_basis: the directions there; None if the member sends itself.
        most_w: power that the member could send, if it sends itself.
        start: z from which a path starts.
        sender: block in which R is sent.
    """

    name: str
    block: str
    basis: Complex[np.ndarray, "tx direction"]
    reference: str
    reference_basis: Complex[np.ndarray, "tx direction"] | None = None
    most_w: float = np.inf
    start: float = 0.5
    sender: str = ""

    @property
    def blocks(self) -> tuple[str, ...]:
        """Blocks whose power is that of others."""
        return () if self.reference_basis is None else (self.block, self.reference)

    def participation(self, covariances: Transmission) -> float:
        """z of a transmission, from 0 to 1."""
        taken = _power_along(self.basis, covariances[self.block])
        if self.reference_basis is None:
            return min(taken / self.most_w, 1.0)
        given = _power_along(self.reference_basis, covariances[self.reference])
        return min(max(taken / given, 0.0), 1.0) if given > 0.0 else 0.0


def _power_along(basis: Complex[np.ndarray, "tx direction"], covariance: Complex[np.ndarray, "tx tx"]) -> float:
    return float(np.real(np.sum(basis.conj() * (covariance @ basis))))


def relaxation(problem: DesignProblem, chosen: Chosen) -> tuple[DesignProblem, tuple[Lifted, ...]]:
    """The problem of a box of members, with the covariances of those who are undecided.

    Every transmission of every set of the box is one of this problem, with the same or a smaller objective.
    """
    selection = selection_of(problem)
    if selection is None:
        return problem, ()
    if not chosen.undecided:
        return problem_of_members(problem, chosen.members), ()
    criteria = tuple(_condensed(each, selection.names) for each in problem.criteria)
    limits = size_limits(selection, chosen)
    possible = problem_of_members(replace(problem, criteria=criteria), (*chosen.members, *limits.names))
    if not limits.names:
        return possible, ()
    lifting = _Lifting(possible, limits, chosen.silent)
    criteria = tuple(lifting.criterion(each) for each in possible.criteria)
    blocks = tuple(lifting.antennas)
    sending = tuple(
        Lifted(name, name, np.eye(problem.antennas[name], dtype=complex), name, most_w=most_power_w(problem, name))
        for name in limits.names
        if name in problem.blocks and name not in chosen.silent
    )
    relaxed = replace(
        possible,
        criteria=criteria,
        constraints=(*possible.constraints, *lifting.constraints(), *_shared_power(possible, limits, chosen.silent)),
        streams=(*possible.streams, Stream(RECEIVED, blocks)) if blocks else possible.streams,
        guides=(),
    )
    return relaxed, (*lifting.lifted(), *sending)


def _shared_power(problem: DesignProblem, limits: SizeLimits, silent: Collection[str]) -> list[GroupPower]:
    """Limits on the power of blocks that are undecided themselves, in units of what each may send."""
    able = set(problem.blocks) - set(silent)
    place = [number for number, name in enumerate(limits.names) if name in able]
    found = []
    for factors, most in zip(limits.factors, limits.most.tolist(), strict=True):
        rest = float(most - np.minimum(factors, 0.0).sum())
        taken = [number for number in place if factors[number] > 0.0]
        if taken and rest > 0.0:
            names = tuple(limits.names[number] for number in taken)
            weights = tuple(float(factors[number]) / most_power_w(problem, limits.names[number]) for number in taken)
            if rest < float(factors[taken].sum()):
                found.append(GroupPower(names, rest, weights))
    return found


def most_power_w(problem: DesignProblem, block: str) -> float:
    """Most power of a block that its budget, groups and antennas leave it, watt per subcarrier."""
    whole = [each.power_per_subcarrier_w for each in problem.budgets if block in each.blocks]
    for part in problem.power_limits:
        if isinstance(part, AntennaPower) and part.block == block:
            whole.append(float(part.powers_w.sum()))
        elif isinstance(part, GroupPower) and block in part.blocks:
            whole.append(part.power_per_subcarrier_w / part.weight_of(block))
    return min(whole)


class _Lifting:
    """The covariances `R_k` of undecided members in blocks of their own; it never leaves this module."""

    def __init__(self, problem: DesignProblem, limits: SizeLimits, silent: Collection[str]) -> None:
        self.problem, self.limits = problem, limits
        maps = [each.map for each in problem.criteria]
        #: Unit vectors of the members, then of R itself.
        self.units = np.eye(len(limits.names) + 1, dtype=complex)
        #: Orthonormal basis of what undecided members hear, of each block that any of them does.
        self.bases: dict[str, np.ndarray] = {}
        #: Undecided members that hear each of these blocks.
        self.listeners: dict[str, tuple[str, ...]] = {}
        for block in (each for each in problem.blocks if each not in silent):
            hearing = {part.receiver for each in maps for part in each.contributions if part.block == block}
            if block in limits.names and limits.most[0] < 2.0:
                hearing &= {block}  # whoever sends takes part, and leaves no room for another to hear it
            self.listeners[block] = tuple(name for name in limits.names if name in hearing)
            columns = [
                part.transmit
                for each in maps
                for part in each.contributions
                if part.block == block and part.receiver in self.listeners[block]
            ]
            basis = span(np.concatenate([np.zeros((problem.antennas[block], 1), dtype=complex), *columns], axis=1))
            if basis.shape[1]:
                self.bases[block] = basis

    @property
    def antennas(self) -> dict[str, int]:
        """Sizes of the blocks, of the whole and of each member; one block where they hear one direction."""
        found: dict[str, int] = {}
        for block, basis in self.bases.items():
            if basis.shape[1] == 1:
                found[_joint(block)] = len(self.limits.names) + 1
            else:
                found |= {_joint(block): basis.shape[1]}
                found |= {_own(block, name): basis.shape[1] for name in self.listeners[block]}
        return found

    def lifted(self) -> list[Lifted]:
        """The covariance of each member in every block."""
        found = []
        start = 0.5 * min(1.0, float(self.limits.most[0]) / len(self.limits.names))
        for block, basis in self.bases.items():
            size, joint = basis.shape[1], _joint(block)
            whole = self.units[:, -1:] if size == 1 else np.eye(size, dtype=complex)
            for name in self.listeners[block]:
                place = self.limits.names.index(name)
                own, columns = (joint, self.units[:, place, None]) if size == 1 else (_own(block, name), whole)
                found.append(Lifted(name, own, columns, joint, whole, start=start, sender=block))
        return found

    def criterion(self, criterion: Criterion) -> Criterion:
        """A criterion in which undecided members hear their own blocks."""
        antennas = {**criterion.map.antennas, **self.antennas}
        parts = tuple(
            self._moved(part)
            for part in criterion.map.contributions
            if part.receiver not in self.limits.names or part.receiver in self.listeners.get(part.block, ())
        )
        return replace(criterion, map=replace(criterion.map, contributions=parts, antennas=antennas))

    def _moved(self, part: Contribution) -> Contribution:
        """A contribution with the block of an undecided member in place of what it hears; others as they are."""
        names = self.limits.names
        if part.receiver not in self.listeners.get(part.block, ()):
            return part
        seen = self.bases[part.block].conj().T @ part.transmit
        if len(seen) > 1:
            return replace(part, block=_own(part.block, part.receiver), transmit=seen)
        transmit = np.zeros((len(names) + 1, seen.shape[1]), dtype=complex)
        transmit[names.index(part.receiver)] = seen[0]
        return replace(part, block=_joint(part.block), transmit=transmit)

    def constraints(self) -> list[Constraint]:
        """Budgets of the blocks, and what ties their power along every direction to that of what is sent."""
        found: list[Constraint] = []
        for block, basis in self.bases.items():
            size, power_w = basis.shape[1], most_power_w(self.problem, block)
            if size == 1:
                n_words = len(self.limits.names) + 1
                found.append(PowerBudget((_joint(block),), (1.0 + float(self.limits.most[0])) * power_w))
                found.append(Codebook(_joint(block), np.eye(n_words, dtype=complex)))
            else:
                blocks = [_joint(block), *(_own(block, name) for name in self.listeners[block])]
                found += [PowerBudget((each,), power_w) for each in blocks]
            limits = list(zip(self.limits.factors, self.limits.most.tolist(), strict=True))
            for number, direction in enumerate(directions(size).T):
                sent = PowerPart(block, basis @ direction, 1.0)
                whole = self._part(block, None, direction)
                heard = [self._part(block, name, direction) for name in self.listeners[block]]
                found.append(Requirement(f"power {number} in {block}", (sent, replace(whole, factor=-1.0)), 0.0))
                for part, name in zip(heard, self.listeners[block], strict=True):
                    found.append(Requirement(f"share {number} of {name} in {block}", (whole, part), 0.0))
                for place, (factors, most) in enumerate(limits):
                    cost = dict(zip(self.limits.names, factors.tolist(), strict=True))
                    pairs = zip(self.listeners[block], heard, strict=True)
                    parts = [replace(part, factor=-cost[name]) for name, part in pairs if name != block and cost[name]]
                    others = sum(min(c, 0.0) for name, c in cost.items() if name not in {*self.listeners[block], block})
                    limit = (replace(whole, factor=most - cost.get(block, 0.0) - others), *parts)
                    found.append(Requirement(f"limit {place} of shares {number} in {block}", limit, 0.0))
        return found

    def _part(self, block: str, name: str | None, direction: np.ndarray) -> PowerPart:
        """Power of a member along a direction, as it counts against its share; without a name of the whole."""
        factor = 1.0 if name is None else -1.0
        if len(direction) > 1:
            return PowerPart(_joint(block) if name is None else _own(block, name), direction, factor)
        place = -1 if name is None else self.limits.names.index(name)
        return PowerPart(_joint(block), self.units[place], factor)


def directions(size: int) -> np.ndarray:
    """Unit vectors along which shares are compared: the axes, and of two axes what lies halfway between them."""
    unit = np.eye(size, dtype=complex)
    if size != 2:
        return unit
    halves = [unit[:, 0] + factor * unit[:, 1] for factor in (1.0, -1.0, 1j, -1j)]
    return np.concatenate([unit, np.stack(halves, axis=1) / np.sqrt(2.0)], axis=1)


def _joint(block: str) -> str:
    return f"{block} as members hear it"


def _own(block: str, name: str) -> str:
    return f"{block} as {name} hears it"
