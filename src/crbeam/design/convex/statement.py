"""What a convex design problem says, in the space of all antennas: terms, rows, limits, cones.

    minimise    kappa sum_b tr R_b + Phi(u)         u_t >= tr(E_t^T I_t(R)^-1 E_t),  R_b = sum_s W_sb,  W_sb >= 0
    subject to  sum <A_jsb, W_sb> >= c_j,           <P_g, R> <= p_g

Phi is convex and enters through its conjugate: each term counts once, or `v` times, v being a *scale* of the dual with
a cost `Phi*(v)`. Rows are what requirements ask for, limits are of power: of budgets, groups and single antennas. Over
a codebook the cone is that of nonnegative powers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float

from crbeam.design.choices import Chosen
from crbeam.design.constraints import AntennaPower, Codebook, GroupPower
from crbeam.design.problem import Criterion, DesignProblem, Hinge, Power, Tail
from crbeam.design.requirements import networks_of, requirements_of
from crbeam.design.search.members import Lifted, relaxation, selection_of
from crbeam.design.service_constraints import MinimumSinr, Requirement

#: Largest 1 minus cosine at which a direction of one network counts as one of another.
SHARED = 1e-12
#: How a bound enters the objective beside counting once: as a limit, by its excess over a threshold, as a share of all.
ScaleKind = Literal["limit", "threshold", "share"]


@dataclass(frozen=True)
class Scale:
    """How often the bounds of some terms count in the dual, v, and what that costs, `Phi*(v)`.

    `limit`: any `v >= 0` at `level v`, for bounds that are at most `level`. `threshold`: `0 <= v < 1` at
    `level v / (1 - v)`, for the loss `level max(0, sqrt(u / level) - 1)^2`. `share`: `0 <= v <= level` for nothing, all
    shares together being at most 1.

    Attributes:
        kind: which of these.
        level: in the unit of the bound; a number for shares, infinite without a largest one.
        name: what messages call it.
    """

    kind: ScaleKind
    level: float
    name: str


@dataclass(frozen=True, eq=False)
class Term:
    """A bound `tr(E^T I(R)^-1 E)`.

    Attributes:
        criterion: whose information it is.
        selection: E, `[parameter, direction]`.
        scale: place of its scale; None if it counts once.
    """

    criterion: Criterion
    selection: Float[np.ndarray, "parameter direction"]
    scale: int | None


@dataclass(frozen=True)
class Limit:
    """Most power of some blocks, or of one antenna of a block.

    Attributes:
        name: what messages call it.
        blocks: whose power counts; one that stands for several tied ones as often as it does.
        power_w: watt per subcarrier, summed over slots.
        antenna: number of the antenna, if only one counts.
        weights: how much the power of each of the blocks counts; 1 if none are given.
    """

    name: str
    blocks: tuple[str, ...]
    power_w: float
    antenna: int | None = None
    weights: tuple[float, ...] = ()

    def count(self, block: str) -> float:
        """How much the power of a block counts in all."""
        weights = self.weights or (1.0,) * len(self.blocks)
        return sum(weight for name, weight in zip(self.blocks, weights, strict=True) if name == block)


@dataclass(frozen=True, eq=False)
class Statement:
    """A convex problem in the space of all antennas; tied blocks are one.

    Attributes:
        problem: where it comes from.
        names: block of the statement for each block of the problem, which tied ones share.
        streams: names of the streams that each block may carry.
        terms: the bounds.
        scales: of those that do not count once.
        rows: the requirements.
        limits: of power.
        price: kappa, what a watt of a block of the problem adds to the objective.
        codebooks: of the blocks that have one.
        networks: orthonormal basis of what a block behind a given analog network can send.
        chosen: choices that were made, where there are any.
        lifted: what undecided members take part in, whose power is that of others and has no price.
    """

    problem: DesignProblem
    names: Mapping[str, str]
    streams: Mapping[str, tuple[str, ...]]
    terms: tuple[Term, ...]
    scales: tuple[Scale, ...]
    rows: tuple[Requirement, ...]
    limits: tuple[Limit, ...]
    price: float
    codebooks: Mapping[str, Codebook] = field(default_factory=dict)
    networks: Mapping[str, np.ndarray] = field(default_factory=dict)
    chosen: Chosen | None = None
    lifted: tuple[Lifted, ...] = ()

    @property
    def blocks(self) -> tuple[str, ...]:
        """Names of the covariances to choose."""
        return tuple(self.streams)

    @property
    def counts_power_only(self) -> bool:
        """Whether the objective is power alone, under rows and limits on bounds."""
        return self.price > 0.0 and all(is_limited(self, number) for number in range(len(self.terms)))

    def price_of(self, block: str) -> float:
        """Kappa of a block, which stands for several if it is tied."""
        if block in self.lifted_blocks:
            return 0.0
        return self.price * sum(name == block for name in self.names.values())

    @cached_property
    def lifted_blocks(self) -> frozenset[str]:
        """Blocks whose power is that of others."""
        return frozenset(block for part in self.lifted for block in part.blocks)

    def start_shares(self, block: str) -> tuple[str, np.ndarray] | None:
        """Block whose power a lifted one has, and how much of it along each dimension if members take part alike."""
        own = [each for each in self.lifted if block in each.blocks]
        if not own:
            return None
        share = np.zeros(self.size_of(block))
        for each in own:
            if each.block == block:
                share += each.start * np.sum(np.abs(each.basis) ** 2, axis=1)
        if own[0].reference == block and own[0].reference_basis is not None:
            share += np.sum(np.abs(own[0].reference_basis) ** 2, axis=1)
        return own[0].sender, share

    def size_of(self, block: str) -> int:
        """Number of antennas of a block."""
        return self.problem.antennas[block]

    @property
    def without_objective(self) -> "Statement":
        """The same without the terms that the objective counts: whether anything is feasible."""
        terms = tuple(term for number, term in enumerate(self.terms) if is_limited(self, number))
        names = tuple(term.criterion.name for term in terms)
        chosen = None if self.chosen is None else replace(self.chosen, criteria=names)
        limits = tuple(scale for scale in self.scales if scale.kind == "limit")
        return replace(self, terms=terms, scales=limits, chosen=chosen)

    def served_by(self, servers: Mapping[str, tuple[str, ...]]) -> "Statement":
        """The same choices with other blocks, or fewer, that may serve each user."""
        assert self.chosen is not None
        chosen = replace(self.chosen, servers=servers)
        return replace(self, streams=_streams(self.problem, self.names, chosen), chosen=chosen)


def statement_of(problem: DesignProblem, chosen: Chosen | None = None, *, within_thresholds: bool = False) -> Statement:
    """What a problem says.

    Args:
        problem: the problem, with or without ties.
        chosen: choices that are made; by default every block sends, every stream everywhere, and everything counts.
        within_thresholds: whether the weighted bound is to be minimised while all thresholds are met.

    Raises:
        Infeasible: an uplink user misses its ratio even without probing.
        InvalidInput: a constraint names a block or a user that the problem does not have.
    """
    problem, lifted, left_out = _of_members(problem, chosen)
    tied = {block: tie.blocks[0] for tie in problem.ties for block in tie.blocks}
    silent = left_out if chosen is None else (*left_out, *chosen.silent)
    names = {block: tied.get(block, block) for block in problem.blocks if block not in silent}
    terms, scales = _terms(problem, names, chosen, within_thresholds=within_thresholds)
    rows = requirements_of(problem if chosen is None else _with_users(problem, chosen))
    return Statement(
        problem=problem,
        names=names,
        streams=_streams(problem, names, chosen),
        terms=tuple(terms),
        scales=tuple(scales),
        rows=tuple(_renamed(row, names) for row in rows),
        limits=tuple(_limits(problem, names)),
        price=1.0 if isinstance(problem.objective, Power) else problem.power_price,
        codebooks={block: book for block, book in problem.codebooks.items() if names.get(block) == block},
        networks=_networks(problem, names),
        chosen=chosen,
        lifted=lifted,
    )


def _of_members(
    problem: DesignProblem, chosen: Chosen | None
) -> tuple[DesignProblem, tuple[Lifted, ...], tuple[str, ...]]:
    """The problem of those who take part or may, what is lifted, and blocks that are silent."""
    selection = selection_of(problem)
    if chosen is None or selection is None:
        return problem, (), ()
    relaxed, lifted = relaxation(problem, chosen)
    left_out = set(selection.names) - {*chosen.members, *chosen.undecided}
    return relaxed, lifted, tuple(block for block in problem.blocks if block in left_out)


def _with_users(problem: DesignProblem, chosen: Chosen) -> DesignProblem:
    kept = [part for part in problem.constraints if not isinstance(part, MinimumSinr) or part.user in chosen.servers]
    return replace(problem, constraints=tuple(kept))


def _streams(problem: DesignProblem, names: Mapping[str, str], chosen: Chosen | None) -> dict[str, tuple[str, ...]]:
    """Names of the streams that each block may carry."""
    found: dict[str, tuple[str, ...]] = {}
    for block, name in names.items():
        carried = [
            each.name
            for each in problem.streams
            if block in each.blocks
            and (chosen is None or each.served_user is None or block in chosen.servers.get(each.served_user, ()))
        ]
        found[name] = tuple(dict.fromkeys((*found.get(name, ()), *carried)))
    return found


def _networks(problem: DesignProblem, names: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Orthonormal basis of what all networks of each block can send."""
    found: dict[str, np.ndarray] = {}
    for block, basis in networks_of(problem).items():
        if block not in names:
            continue
        known = found.get(names[block])
        if known is None:
            found[names[block]] = basis
            continue
        left, cosines, _ = np.linalg.svd(known.conj().T @ basis)
        found[names[block]] = known @ left[:, : int(np.sum(cosines > 1.0 - SHARED))]
    return found


def _renamed(row: Requirement, names: Mapping[str, str]) -> Requirement:
    """The requirement with tied blocks as one, and without those that are silent."""
    return replace(
        row, parts=tuple(replace(part, block=names[part.block]) for part in row.parts if part.block in names)
    )


def is_limited(statement: Statement, term: int) -> bool:
    """Whether the bound of a term is limited."""
    scale = statement.terms[term].scale
    return scale is not None and statement.scales[scale].kind == "limit"


def _terms(
    problem: DesignProblem, names: Mapping[str, str], chosen: Chosen | None, *, within_thresholds: bool
) -> tuple[list[Term], list[Scale]]:
    """Limited bounds first, then those that the objective counts."""
    terms: list[Term] = []
    scales: list[Scale] = []
    limits = problem.bound_limits
    has_thresholds = isinstance(problem.objective, Hinge)

    def counting(criteria: Sequence[Criterion]) -> list[Criterion]:
        return [_seen(each, names) for each in criteria if chosen is None or each.name in chosen.criteria]

    for criterion in counting(problem.active_criteria):
        if criterion.name in limits:
            terms.append(Term(criterion, criterion.selection, len(scales)))
            scales.append(Scale("limit", limits[criterion.name], f"bound of {criterion.name}"))
    counted = counting(problem.counted_criteria)
    if isinstance(problem.objective, Tail):
        place = {name: len(scales) + number for number, name in enumerate(problem.samples)}
        caps = problem.largest_shares
        scales += [Scale("share", cap, name or "all") for name, cap in zip(problem.samples, caps, strict=True)]
        return [*terms, *(Term(each, each.selection, place[each.sample]) for each in counted)], scales
    for criterion in counted:
        levels = criterion.family_levels.tolist()
        for number, family in enumerate(criterion.families if has_thresholds else ()):
            columns = criterion.selection[:, criterion.family_of_direction == number]
            terms.append(Term(criterion, columns, len(scales)))
            kind = "limit" if within_thresholds else "threshold"
            scales.append(Scale(kind, levels[number], f"threshold of {family[0]}"))
        if within_thresholds or not has_thresholds:
            terms.append(Term(criterion, criterion.selection, None))
    return terms, scales


def _seen(criterion: Criterion, names: Mapping[str, str]) -> Criterion:
    """The criterion with tied blocks as one, and without those that are silent."""
    heard = criterion.map
    if not set(heard.blocks) <= set(names):
        heard = heard.select_blocks([block for block in heard.blocks if block in names])
    changed = {block: names[block] for block in heard.blocks if names[block] != block}
    heard = heard.renamed_blocks(changed) if changed else heard
    return criterion if heard is criterion.map else replace(criterion, map=heard)


def _limits(problem: DesignProblem, names: Mapping[str, str]) -> Sequence[Limit]:
    found = []
    for part in (*problem.budgets, *(part for part in problem.constraints if isinstance(part, GroupPower))):
        kept = tuple(block for block in part.blocks if block in names)
        weights = tuple(part.weight_of(block) for block in kept) if isinstance(part, GroupPower) else ()
        blocks = tuple(names[block] for block in kept)
        name = f"power of {', '.join(part.blocks)}"
        found.append(Limit(name, blocks, part.power_per_subcarrier_w, weights=weights))
    for part in problem.constraints:
        if isinstance(part, AntennaPower):
            found += [
                Limit(f"power of antenna {number} of {part.block}", (names[part.block],), float(power_w), number)
                for number, power_w in enumerate(part.powers_w)
                if np.isfinite(power_w) and part.block in names
            ]
    return found
